"""The real command in a process of its own, on real files and real servers: output, exit codes, manners."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from controlroom import cli
from controlroom.lab import servers

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]

PLAN = """\
Only real ink.

# Wave Schedule

The window starts on **2031-05-03**.

## Timeline
- **Wave A (Weeks 1–2: 2031-05-03 → 2031-05-17)**: Ink & Paper, Type. Active.

## Wave Commitments
| Squad | Charter | Current Focus |
| --- | --- | --- |
| Ink & Paper | [Charter](ink.md) | first sheets |
| Type | [Charter](type.md) | a new fount |
"""

BACKLOG = """\
Only real ink.

# Backlog

| Sprint | Epic | Owner | Status |
| --- | --- | --- | --- |
| Sprint-1 — First Sheets | Press | Pressman (Odile) | 🟧 In Progress |
| | Ink Mill | Miller (Tarik) | 🟥 Not Started |
"""

CONFIG = """\
[program]
id = "press"
start = 2031-05-03
zone = "Europe/Lisbon"
banner = "Only real ink."

[documents]
paths = ["*.md"]

[status]
dir = "status"

[[squads]]
id = "ink"
name = "Ink & Paper"
owners = ["Odile", "Tarik"]

[[squads]]
id = "type"

[[rituals]]
id = "standup"
title = "Morning round"
time = 09:00:00
minutes = 15
"""

AT = ("--at", "2031-05-06T07:30:00Z")


class Desk:
    """A folder with a programme in it, where commands are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("controlroom.toml", CONFIG)
        self.write("plan.md", PLAN)
        self.write("backlog.md", BACKLOG)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def add(self, text: str) -> None:
        """Append to the configuration."""
        with (self.folder / "controlroom.toml").open("a", encoding="utf-8") as config:
            config.write(text)

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "controlroom", *arguments]

    def call(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; stdin is no terminal."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The document a command prints, with the exit code it must have."""
        result = self.call(*arguments, "--json")
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A programme without servers."""
    return Desk(tmp_path)


@contextmanager
def refusing() -> Iterator[int]:
    """A port on which nothing listens and nothing else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def service(id_: str, kind: str, url: str) -> str:
    return f'\n[[services]]\nid = "{id_}"\nkind = "{kind}"\nurl = "{url}"\n'


def test_calendar_says_where_a_label_stands(desk: Desk) -> None:
    """The shape of `calendar --json`, of a label, a date and an instant."""
    said = desk.json("calendar", "Week 1 Day 4")
    assert (said["date"], said["week"], said["day"], said["label"]) == ("2031-05-06", 1, 4, "W1D4")
    (wave,) = said["waves"]
    assert (wave["phase"], wave["day"], wave["days"]) == ("active", 4, 14)
    assert desk.json("calendar", "2031-05-02")["label"] == "W0D7"
    assert desk.json("calendar", "2031-05-05T23:30:00Z")["label"] == "W1D4"


def test_common_options_stand_before_or_after_the_command(desk: Desk) -> None:
    """The same call, written either way, says the same."""
    after = desk.call("rituals", *AT, "--tz", "Asia/Tokyo", "--json").stdout
    assert desk.call(*AT, "--json", "--tz", "Asia/Tokyo", "rituals").stdout == after
    assert json.loads(after)["viewer_zone"] == "Asia/Tokyo"


def test_rituals_count_down(desk: Desk) -> None:
    """The next one with its seconds, the days ahead when asked."""
    said = desk.json("rituals", *AT, "--days", "2")
    assert (said["now"], said["next"][0]["id"]) == ("2031-05-06T07:30:00Z", "standup")
    assert (said["next"][0]["countdown_s"], said["next"][0]["countdown"]) == (1800, "30:00")
    assert [one["start"] for one in said["occurrences"]] == ["2031-05-06T08:00:00Z", "2031-05-07T08:00:00Z"]


def test_rituals_become_a_calendar_file(desk: Desk) -> None:
    """Written whole; the second time the same bytes."""
    assert desk.call("rituals", "--ics", "rituals.ics").returncode == 0
    first = (desk.folder / "rituals.ics").read_bytes()
    assert first.startswith(b"BEGIN:VCALENDAR\r\n")
    desk.call("rituals", "--ics", "rituals.ics")
    assert (desk.folder / "rituals.ics").read_bytes() == first


def test_documents_read(desk: Desk) -> None:
    """What two documents say together, in the shape of the interface."""
    said = desk.json("documents", "read", "plan.md", "backlog.md")["documents"]
    plan, backlog = said
    assert (plan["path"], plan["kind"], plan["banner"]) == ("plan.md", "schedule", True)
    (wave,) = plan["waves"]
    assert (wave["start"], wave["end"], wave["declared"]["state"]) == ("2031-05-03", "2031-05-17", "active")
    assert [item["id"] for item in backlog["items"]] == ["sprint-1/press", "sprint-1/ink-mill"]
    assert [item["status"] for item in backlog["items"]] == ["in_progress", "not_started"]


def test_a_document_that_is_not_there(desk: Desk) -> None:
    """The others are read all the same; the exit code says it."""
    result = desk.call("documents", "read", "plan.md", "nowhere.md", "--json")
    assert result.returncode == 2
    assert [one["path"] for one in json.loads(result.stdout)["documents"]] == ["plan.md"]
    assert "nowhere.md: there is no such file" in result.stderr


def test_lint_points_at_the_line(desk: Desk) -> None:
    """Warnings alone are fine; an error is exit code 1."""
    desk.write(
        "backlog.md", BACKLOG.replace("🟧 In Progress", "🟩 In Progress").removeprefix("Only real ink.\n\n")
    )
    lints = desk.json("lint")["lints"]
    assert {(lint["code"], lint["line"]) for lint in lints} >= {("X008", 5), ("D001", 1)}
    (desk.folder / "status").mkdir()
    status = {"schema": "controlroom.status", "version": "1.0", "for_date": "2031-05-05"}
    status["as_of"] = "2031-05-05T01:00:00Z"
    desk.write("status/2031-05-04.json", json.dumps(status))
    found = {lint["code"]: lint for lint in desk.json("lint", code=1)["lints"]}
    assert (found["S001"]["severity"], found["S001"]["pointer"]) == ("error", "/for_date")


def test_snapshot_of_a_calm_programme(desk: Desk) -> None:
    """Documents read, nothing wrong: exit code 0, every section told."""
    said = desk.json("snapshot", *AT)
    assert (said["taken_at"], said["position"]["label"]) == ("2031-05-06T07:30:00Z", "W1D4")
    assert [item["squad"] for item in said["items"]] == ["ink", "ink"]
    assert said["attention"] == []
    plain = desk.call("snapshot", "--plain", *AT)
    assert plain.returncode == 0
    assert "Ink & Paper: 1 not started, 1 in progress" in plain.stdout
    assert "\x1b" not in plain.stdout


def test_services_of_a_real_redis(desk: Desk, start: Start) -> None:
    """Up while it runs, down with the reason once it is killed, and the snapshot agrees."""
    redis = start(servers.redis)
    desk.add(service("cache", "redis", f"redis://{redis.address}"))
    (up,) = desk.json("services")["services"]
    assert (up["id"], up["state"], up["error"]) == ("cache", "up", None)
    assert up["latency_ms"] > 0
    redis.kill()
    (down,) = desk.json("services", code=1)["services"]
    assert down["state"] == "down"
    assert "refused" in down["error"]
    attention = desk.json("snapshot", code=1)["attention"]
    assert [(one["kind"], one["id"], one["severity"]) for one in attention] == [
        ("service", "cache", "critical")
    ]


def test_a_source_that_cannot_be_read_is_exit_code_3(desk: Desk) -> None:
    """Nothing is known to be wrong, and nothing is called fine."""
    with refusing() as port:
        desk.add(f'[[prometheus]]\nid = "main"\nurl = "http://127.0.0.1:{port}"\n')
        said = desk.json("snapshot", code=3)
    (source,) = [one for one in said["sources"] if one["kind"] == "metrics"]
    assert source["freshness"] == "never"
    assert "refuse" in source["error"]
    assert [one["kind"] for one in said["attention"]] == ["source"]


def test_publish_writes_the_status_of_the_day(desk: Desk) -> None:
    """The file has the banner, its inputs' hashes and the room; publishing again changes no byte."""
    result = desk.call("publish", *AT)
    assert result.returncode == 0, result.stderr
    path = desk.folder / "status" / "2031-05-06.json"
    raw = path.read_bytes()
    data = json.loads(raw)
    assert (data["_banner"], data["schema"], data["slot"]) == (
        "Only real ink.",
        "controlroom.status",
        "nightly",
    )
    assert [entry["path"] for entry in data["inputs"]] == ["backlog.md", "plan.md"]
    assert desk.call("publish", *AT).returncode == 0
    assert path.read_bytes() == raw
    assert desk.json("publish", *AT, "--slot", "standup")["path"].endswith("2031-05-06-standup.json")


def test_a_past_days_status_is_not_overwritten(desk: Desk) -> None:
    """Other content for a day that is over: exit code 4 and the old bytes, unless forced."""
    desk.call("publish", *AT)
    path = desk.folder / "status" / "2031-05-06.json"
    raw = path.read_bytes()
    desk.write("backlog.md", BACKLOG.replace("🟥 Not Started", "🟩 Complete"))
    later = ("--at", "2031-05-08T07:30:00Z", "--date", "2031-05-06")
    refused = desk.call("publish", *later)
    assert (refused.returncode, path.read_bytes()) == (4, raw)
    assert "--force" in refused.stderr
    assert desk.call("publish", *later, "--force").returncode == 0
    assert path.read_bytes() != raw


def test_a_status_that_cannot_be_written_is_exit_code_3(desk: Desk) -> None:
    """The folder is a file: said with its name, and the file is left alone."""
    desk.write("status", "mine")
    result = desk.call("publish", *AT)
    assert result.returncode == 3
    assert "the status cannot be written" in result.stderr
    assert (desk.folder / "status").read_text(encoding="utf-8") == "mine"


def test_an_unreadable_status_file_is_said_and_skipped(desk: Desk) -> None:
    """It is an error of `lint` with its line, and stands among the unknowns; the good one is the baseline."""
    desk.call("publish", "--at", "2031-05-05T01:00:00Z")
    desk.write("status/2031-05-06.json", '{\n"schema": oh')
    (lint,) = [one for one in desk.json("lint", code=1)["lints"] if one["severity"] == "error"]
    assert (lint["code"], lint["line"]) == ("E001", 2)
    said = desk.json("snapshot", *AT, code=1)
    assert [one["id"] for one in said["unknowns"]] == ["2031-05-06.json"]
    assert desk.json("diff", *AT)["from"].endswith("2031-05-05.json")


def test_diff_since_the_last_standup_and_between_two_days(desk: Desk) -> None:
    """What a card did since the status before the last standup; named days give the same."""
    desk.call("publish", "--at", "2031-05-05T01:00:00Z")
    desk.write("backlog.md", BACKLOG.replace("🟥 Not Started", "🟩 Complete"))
    desk.call("publish", "--at", "2031-05-06T01:00:00Z")
    since = desk.json("diff", *AT)
    assert (Path(since["from"]).name, since["to"]) == ("2031-05-05.json", "now")
    assert "standup of Mon 2031-05-05 09:00 WEST" in since["why"]
    assert [(one["category"], one["id"]) for one in since["changes"]] == [("item_done", "sprint-1/ink-mill")]
    between = desk.json("diff", "2031-05-05", "status/2031-05-06.json")
    assert between["changes"] == since["changes"]
    assert "nothing changed" in desk.call("diff", "2031-05-06", "2031-05-06").stdout


def test_diff_needs_no_configuration(desk: Desk) -> None:
    """Two files are compared wherever they are."""
    desk.call("publish", *AT)
    (desk.folder / "controlroom.toml").unlink()
    assert desk.json("diff", "status/2031-05-06.json", "status/2031-05-06.json")["changes"] == []
    result = desk.call("diff", "plan.md", "status/2031-05-06.json")
    assert result.returncode == 2
    assert "plan.md line 1" in result.stderr


def test_init_writes_what_the_documents_say(desk: Desk) -> None:
    """A configuration that passes its check; it is not overwritten, and not written from nothing."""
    assert desk.call("init", "plan.md").returncode == 4
    result = desk.call("init", "plan.md", "backlog.md", "--output", "drafted.toml")
    assert result.returncode == 0, result.stderr
    assert "plan.md:" in result.stderr
    assert desk.call("--config", "drafted.toml", "config", "check").returncode == 0
    said = desk.json("--config", "drafted.toml", "snapshot", *AT)
    assert [squad["name"] for squad in said["squads"]] == ["Ink & Paper", "Type"]
    missing = desk.call("init", "plan.md", "nowhere.md", "--output", "other.toml")
    assert missing.returncode == 2
    assert not (desk.folder / "other.toml").exists()


def test_init_names_paths_from_where_it_writes(desk: Desk) -> None:
    """A configuration in another folder finds the documents, charters and reports that it names."""
    (desk.folder / "ink.md").write_text("# Squad Charter — Ink & Paper\n", encoding="utf-8")
    (desk.folder / "rooms").mkdir()
    done = desk.call("init", "plan.md", "ink.md", "--output", "rooms/controlroom.toml")
    assert done.returncode == 0, done.stderr
    drafted = tomllib.loads((desk.folder / "rooms/controlroom.toml").read_text(encoding="utf-8"))
    assert drafted["squads"][0]["charter"] == "../ink.md"
    assert drafted["documents"]["paths"] == ["../plan.md", "../ink.md"]


def test_init_without_documents_is_a_commented_start(desk: Desk) -> None:
    """A folder of documents works too."""
    assert desk.call("init", "--output", "empty.toml").returncode == 0
    assert desk.call("--config", "empty.toml", "config", "check").returncode == 0
    assert desk.call("init", ".", "--output", "all.toml").returncode == 0
    assert "2031-05-03" in (desk.folder / "all.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "controlroom snapshot --plain"),
        (("snapsot",), 2, "did you mean snapshot?"),
        (("snapshot", "--jsn"), 2, "unknown argument: --jsn"),
        (("calendar", "someday"), 2, "someday"),
        (("snapshot", "--at", "2031-05-06T07:30:00"), 2, "no offset"),
        (("rituals", "--tz", "Europe/Atlantis"), 2, "Europe/Atlantis"),
        (("snapshot", "--config", "nowhere.toml"), 2, "nowhere.toml"),
        (("snapshot", "--store", "reddis://localhost"), 2, "did you mean"),
        (("publish", "--slot", "nightly2"), 2, "did you mean nightly?"),
        (("publish", "--date", "tomorrow"), 2, "--date tomorrow"),
        (("diff", "2030-01-01"), 2, "2030-01-01"),
        (("blocker", "opn"), 2, "did you mean open?"),
        (("blocker", "resolve"), 2, "blocker resolve --help"),
        (("item", "set", "a/b"), 2, "give one of --status"),
        (("item", "set", "a/b", "--status", "done", "--owner", "Odile"), 2, "several changes"),
        (("blocker", "note", "b-1", "x", "--seen", "a", "--any"), 2, "not allowed with"),
        (("blocker", "note", "b-1", "x", "--id", ""), 2, "an action's id"),
        (("blocker", "note", "b-1", "x", "--read-only"), 2, "before the command"),
        (("log", "--since", "-1"), 2, "revs count from 1"),
        (("log", "--json", "--raw"), 2, "two formats"),
        (("outbox", "drop", "nothing-like-it"), 2, "no such conflict"),
        (("store", "copy", "dir:log", "nowhere"), 2, "kind is not known"),
    ],
)
def test_errors_say_what_where_and_the_remedy(
    desk: Desk, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """On stderr, starting with the program's name, never a traceback; stdout stays empty."""
    result = desk.call(*arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith("controlroom: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_broken_configuration_names_file_and_key(desk: Desk) -> None:
    """Every error at once, exit code 2, from any command."""
    desk.add('[[services]]\nid = "x"\nkind = "telepathy"\n[ui]\nthem = "dark"\n')
    for command in (("config", "check"), ("snapshot",)):
        result = desk.call(*command)
        assert result.returncode == 2
        said = result.stdout + result.stderr
        assert "controlroom.toml" in said
        assert "telepathy" in said
        assert "did you mean" in said


def test_without_a_configuration(tmp_path: Path) -> None:
    """Exit code 2 and the commands that lead on."""
    result = subprocess.run(
        [sys.executable, "-m", "controlroom", "snapshot"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert "controlroom init" in result.stderr


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    """`controlroom … | head -0` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        desk.command("snapshot", "--json", *AT),
        cwd=desk.folder,
        env=desk.environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_full_disk_is_an_error(desk: Desk) -> None:
    """What could not be written was not written: exit code 3, and nothing of the interpreter's own."""
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            desk.command("themes", "list"),
            cwd=desk.folder,
            env=desk.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert result.returncode == 3
    assert b"no space left" in result.stderr
    assert b"Traceback" not in result.stderr
    assert b"Exception ignored" not in result.stderr


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, which does not outlive the test whatever becomes of it."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_watch_tells_a_change_and_ends_with_130(desk: Desk, start: Start) -> None:
    """A Redis that dies is a line; the interrupt ends it at once, quietly."""
    redis = start(servers.redis)
    desk.add(service("cache", "redis", f"redis://{redis.address}") + "interval = 0.2\ntimeout = 1.0\n")
    with ended(
        subprocess.Popen(
            desk.command("watch", "--json"),
            cwd=desk.folder,
            env=desk.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None

        def until(state: str) -> dict[str, Any]:
            for line in watching.stdout or ():
                event: dict[str, Any] = json.loads(line)
                if (event["kind"], event["id"], event["to"]) == ("service", "cache", state):
                    return event
            raise AssertionError("watch ended")

        assert until("up")["from"] == "unknown"
        redis.kill()
        down = until("down")
        assert (down["from"], "refused" in down["text"] or "closed" in down["text"]) == ("up", True)
        before = time.monotonic()
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        errors = watching.stderr.read()
        assert watching.wait(10) == 130
        assert time.monotonic() - before < 3
        assert errors == ""


def test_no_secret_in_any_output(desk: Desk, start: Start) -> None:
    """A wrong password, taken from the environment, stands in no line of any command."""
    redis = start(lambda folder: servers.redis(folder, "--requirepass", "right"))
    desk.add(service("cache", "redis", f"redis://{redis.address}") + 'password = { env = "INK_SECRET" }\n')
    for arguments in (("services", "--json"), ("snapshot", "--plain"), ("publish",), ("config", "check")):
        result = desk.call(*arguments, INK_SECRET="s3cr3t-of-the-mill")
        assert "s3cr3t" not in result.stdout + result.stderr
    for path in (desk.folder / "status").glob("*"):
        assert "s3cr3t" not in path.read_text(encoding="utf-8")


def test_version_and_help(desk: Desk) -> None:
    """Both are answered, and help lists the commands."""
    assert desk.call("--version").stdout.startswith("controlroom 0.")
    text = desk.call("--help").stdout
    for command, *_ in cli.COMMANDS:
        assert f"\n    {command} " in text


CRASHING = """
import sys
from controlroom import cli
try:
    word = "s3cr3t-of-the-mill"
    int(word)
except ValueError as error:
    sys.exit(cli._failed(error))
"""


@pytest.mark.parametrize("debug", [False, True])
def test_a_crash_is_a_line_and_a_report_without_values(desk: Desk, debug: bool) -> None:
    """The report says where in the program, not what was being worked on; the traceback only on request."""
    result = subprocess.run(
        [sys.executable, "-c", CRASHING],
        env={**desk.environ, **({"CONTROLROOM_DEBUG": "1"} if debug else {})},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert ("Traceback" in result.stderr) is debug
    assert "controlroom: this is a bug of controlroom: ValueError: " in result.stderr
    (report,) = (desk.folder / "home" / ".local" / "state" / "controlroom").iterdir()
    text = report.read_text(encoding="utf-8")
    assert "ValueError" in text
    assert "s3cr3t" not in text
    assert report.stat().st_mode & 0o077 == 0


def test_dates_follow_the_documents(desk: Desk) -> None:
    """`calendar` shows what the documents declare now, also where the configuration once said it all."""
    desk.add('[[waves]]\nid = "wave_a"\nname = "Wave A"\nweeks = [1, 2]\ndeclared = "Planned"\n')

    def declared() -> str:
        (wave,) = desk.json("calendar", "W1D3")["waves"]
        return str(wave["declared"])

    assert [declared(), declared()] == ["Active.", "Active."]
    desk.write("plan.md", PLAN.replace("Active.", "Done."))
    assert declared() == "Done."


def test_a_document_that_cannot_be_read_is_said_by_every_command(desk: Desk) -> None:
    """`calendar` answers from what can be read, and names what cannot, each time."""
    desk.write("backlog.md", "\x00")
    for _ in range(2):
        done = desk.call("calendar", "W1D3")
        assert done.returncode == 0
        assert "controlroom: a document cannot be read: backlog.md line 1" in done.stderr


def test_signals_without_a_server_are_listed_as_unknown(desk: Desk) -> None:
    """A promised signal that nobody can be asked about is a gap that says so, and no gate passes on it."""
    desk.add('[[squads]]\nid = "bindery"\n[[squads.signals]]\nmetric = "sheets_total"\n')
    (gap,) = (gap for gap in desk.json("snapshot")["gaps"] if gap["metric"])
    assert (gap["squad"], gap["code"], gap["hint"]) == ("bindery", "UNKNOWN", "add [[prometheus]]")
    desk.add('[[waves]]\nid = "b"\nweeks = [1, 1]\nsquads = ["bindery"]\n')
    assert desk.call("gate", "--wave", "b").returncode == 3
    assert desk.call("gate").returncode == 1, "another wave's squads have promised nothing"


@pytest.mark.parametrize("command", ["snapshot", "rituals", "publish", "diff"])
@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_an_instant_at_the_edge_of_the_calendar_is_refused(desk: Desk, command: str, at: str) -> None:
    """There is no day after the last one: said as what it is, not as a bug."""
    done = desk.call(command, "--at", at)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"edge of the calendar: --at {at}" in done.stderr


def test_a_broken_document_is_a_lint_at_its_line(desk: Desk) -> None:
    """E001 names file and line, as every lint does."""
    (desk.folder / "plan.md").write_bytes(PLAN.encode() + b"\xff\n")
    (broken,) = (lint for lint in desk.json("lint", code=1)["lints"] if lint["code"] == "E001")
    assert (broken["path"], broken["line"]) == ("plan.md", PLAN.count("\n") + 1)
