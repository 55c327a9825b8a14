"""`controlroom alerts` and what it can do, as a process of its own on real Alertmanagers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.lab import servers
from tests.conftest import Start
from tests.net.alertmanagers import PATIENCE, ask, firing, now, pair, send

PROGRAM = """\
[program]
id = "harbour"

[[squads]]
id = "river"

[[squads]]
id = "sea"
"""


class Desk:
    """A folder with a configuration, where the command is called."""

    def __init__(self, folder: Path, **managers: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = folder / "controlroom.toml"
        text = PROGRAM
        for name, url in managers.items():
            text += (
                f'\n[[alertmanagers]]\nid = "{name}"\nurl = "{url}"\ntimeout = "2s"\nwatchdog = "Watchdog"\n'
            )
        self.config.write_text(text, encoding="utf-8")

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments],
            cwd=self.folder,
            env={"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0) -> Any:
        result = self.call("alerts", *arguments, "--json")
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    def refuses(self, *arguments: str, code: int, words: str) -> None:
        """It says why on stderr, with that exit code, and prints nothing."""
        result = self.call(*arguments)
        assert (result.returncode, result.stdout) == (code, ""), result.stderr
        assert words in result.stderr
        assert "Traceback" not in result.stderr


@pytest.fixture
def manager(start: Start) -> servers.Server:
    """An Alertmanager where four alerts and its switch fire."""
    server = start(servers.alertmanager)
    send(
        server,
        firing("Watchdog"),
        firing("Ebb", squad="river", job="locks", instance="a:1", severity="critical"),
        firing("Ebb", squad="river", job="locks", instance="b:1", severity="critical"),
        firing("Flood", squad="sea", job="pier"),
        firing("Stray", job="pump"),
    )
    return server


@pytest.fixture
def desk(tmp_path: Path, manager: servers.Server) -> Desk:
    return Desk(tmp_path / "desk", am=manager.url)


def test_a_silence_is_previewed_set_seen_and_ended(desk: Desk, manager: servers.Server) -> None:
    """The preview sets nothing; what it names is what is silenced; ended, all of it fires again."""
    asked = (
        "silence",
        "alertname=Ebb",
        "instance=~a.*|c.*",
        "--for",
        "30m",
        "--why",
        "new pump",
        "--by",
        "Ada",
    )
    preview = desk.json(*asked)
    assert (preview["set"], preview["id"], preview["server"]) == (False, None, "am")
    assert [one["labels"]["instance"] for one in preview["matches"]] == ["a:1"]
    assert ask(manager, "silences") == []
    plain = desk.call("alerts", *asked)
    assert plain.stdout.startswith("would silence 1 alert until ")
    assert "nothing is set: repeat it with --yes" in plain.stderr

    done = desk.call("alerts", *asked, "--yes")
    id_ = done.stdout.strip()
    assert done.returncode == 0
    (there,) = ask(manager, "silences")
    assert (there["id"], there["createdBy"], there["comment"]) == (id_, "Ada", "new pump")

    seen = desk.json(code=1)
    suppressed = [one["id"] for one in seen["alerts"] if one["state"] == "suppressed"]
    assert suppressed == [one["id"] for one in preview["matches"]]
    assert [(one["id"], one["alerts"]) for one in seen["silences"]] == [(id_, suppressed)]
    assert "· ends soon" in desk.call("alerts").stdout

    assert desk.json("expire", id_)["ended"] is False
    assert ask(manager, "silences")[0]["status"]["state"] == "active"
    assert desk.json("expire", id_, "--yes")["alerts"] == suppressed
    assert ask(manager, "silences")[0]["status"]["state"] == "expired"
    assert {one["state"] for one in desk.json(code=1)["alerts"]} == {"active"}
    desk.refuses("alerts", "expire", id_, "--yes", code=4, words="there is no such silence")


WHY = ("--why", "work")
LONG = ("--for", "2h")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("alertname=Ebb", *LONG), 4, "a silence needs a reason"),
        (("alertname=Ebb", *LONG, "--why", " "), 4, "a silence needs a reason"),
        (("alertname=Ebb", *WHY), 4, "a silence needs an end"),
        (("alertname=Ebb", *WHY, "--for", "31d"), 4, "longer than 30 days"),
        (("alertname=Ebb", *WHY, "--for", "99999999999d"), 4, "beyond the calendar"),
        (("alertname=Ebb", *WHY, "--until", "2020-01-01T00:00:00Z"), 4, "its end has passed"),
        (("alertname=Ebb", *WHY, "--for", "0s"), 4, "its end has passed"),
        (("alertname=~.*", *WHY, *LONG), 4, "it would match everything"),
        (("alertname=~.+", *WHY, *LONG), 4, "it would match whatever has alertname"),
        (("alertname=~(", *WHY, *LONG), 2, "no regular expression: missing )"),
        (("alertname=~(?=x)", *WHY, *LONG), 2, "no regular expression: invalid perl operator"),
        (("Ebb", *WHY, *LONG), 2, "a matcher is a label"),
        (("alertname=Ebb", *WHY, "--for", "soon"), 2, "no length of time"),
        (("alertname=Ebb", *WHY, "--until", "tomorrow"), 2, "not an RFC 3339 instant"),
        (("alertname=Ebb", *WHY, *LONG, "--until", "2099-01-01T00:00:00Z"), 2, "not allowed with"),
        (("alertname=Ebb", *WHY, *LONG, "--server", "bm"), 2, "it is one of: am"),
        ((*WHY, *LONG), 2, "MATCHER"),
    ],
)
def test_what_makes_no_sound_silence_is_refused(
    desk: Desk, manager: servers.Server, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """With and without --yes, and nothing is set."""
    desk.refuses("alerts", "silence", *arguments, "--yes", code=code, words=words)
    desk.refuses("alerts", "silence", *arguments, code=code, words=words)
    assert ask(manager, "silences") == []


def test_read_only_changes_nothing(desk: Desk, manager: servers.Server) -> None:
    """No silence, none ended, no configuration written."""
    before = desk.config.read_bytes()
    silence = ("alerts", "silence", "alertname=Ebb", *WHY, *LONG, "--yes")
    desk.refuses("--read-only", *silence, code=4, words="nothing is changed here")
    id_ = desk.call(*silence).stdout.strip()
    desk.refuses("--read-only", "alerts", "expire", id_, "--yes", code=4, words="nothing is changed here")
    assign = ("alerts", "assign", "job=pump", "sea", "--write")
    desk.refuses("--read-only", *assign, code=4, words="nothing is changed here")
    assert ask(manager, "silences")[0]["status"]["state"] == "active"
    assert desk.config.read_bytes() == before


def test_a_silence_may_begin_and_end_at_an_instant(desk: Desk, manager: servers.Server) -> None:
    """--until is its end; it matches nothing now and is set all the same."""
    end = (now() + timedelta(days=2)).replace(microsecond=0)
    until = end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = desk.json("silence", "alertname=Nothing", *WHY, "--until", until, "--yes")
    assert (made["set"], made["matches"], made["ends_at"]) == (True, [], until)
    (there,) = ask(manager, "silences")
    assert datetime.fromisoformat(there["endsAt"]) == end


def test_silencing_the_switch_is_said_out_loud(desk: Desk) -> None:
    """Before it is done, on stderr and in the document."""
    result = desk.call("alerts", "silence", "alertname=~W.*|E.*", *WHY, *LONG, "--json")
    assert json.loads(result.stdout)["watchdogs"] == ["Watchdog"]
    assert "it silences the dead-man's switch as well" in result.stderr


def test_an_alert_nobody_owns_is_assigned(desk: Desk) -> None:
    """The change is shown first; written, the next look gives the alert to that squad."""
    assert "unowned\n  Stray" in desk.call("alerts").stdout
    before = desk.config.read_bytes()
    shown = desk.call("alerts", "assign", "job=pump", "Sea", "--by", "Ada")
    assert shown.returncode == 0
    assert '+label = "job"' in shown.stdout
    assert "nothing is written" in shown.stderr
    assert desk.config.read_bytes() == before
    done = desk.json("assign", "job=pump", "Sea", "--by", "Ada", "--write")
    assert (done["written"], done["diff"]) == (True, shown.stdout)
    assert {one["name"]: one["squad"] for one in desk.json(code=1)["alerts"]}["Stray"] == "sea"
    desk.refuses("alerts", "assign", "job=pump", "sea", code=4, words="already")
    desk.refuses("alerts", "assign", "job=x", "nobody", code=4, words="nobody")
    desk.refuses("alerts", "assign", "job=~x", "sea", code=2, words="a rule is a label and its value")


def test_a_switch_that_does_not_fire_is_an_alarm(start: Start, tmp_path: Path) -> None:
    """Where its Alertmanager answers: exit code 1 although no alert fires; where it does not: 3."""
    server = start(servers.alertmanager)
    desk = Desk(tmp_path / "desk", am=server.url)
    result = desk.call("alerts")
    assert result.returncode == 1
    assert result.stdout.splitlines() == ["no alerts", "Watchdog of am does not fire: alerts may not arrive"]
    send(server, firing("Watchdog"))
    assert desk.json()["watchdogs"][0]["state"] == "firing"
    server.pause()
    hung = desk.call("alerts")
    assert hung.returncode == 3
    assert "no alerts" not in hung.stdout
    assert "am: unknown: " in hung.stdout


def test_one_of_two_that_cannot_be_asked_is_unknown(start: Start, tmp_path: Path) -> None:
    """The other's alerts are there; a silence needs the one that is meant, and one that answers."""
    one, two = start(servers.alertmanager), start(servers.alertmanager)
    send(two, firing("Watchdog"))
    desk = Desk(tmp_path / "desk", one=one.url, two=two.url)
    silence = ("alerts", "silence", "alertname=Ebb", *WHY, *LONG)
    id_ = desk.call(*silence, "--server", "two", "--yes").stdout.strip()
    one.kill()
    send(two, firing("Ebb"))
    seen = desk.json(code=3)
    assert [(a["name"], a["state"]) for a in seen["alerts"]] == [("Ebb", "suppressed")]
    assert [bool(source["error"]) for source in seen["sources"]] == [True, False]
    desk.refuses(*silence, code=2, words="add --server, one of one, two")
    desk.refuses(*silence, "--server", "one", "--yes", code=3, words="refuses connections")
    nobody = "00000000-0000-4000-8000-000000000000"
    desk.refuses("alerts", "expire", nobody, "--yes", code=3, words="it is not known whether")
    desk.refuses("alerts", "expire", nobody, "--server", "two", code=4, words="no such silence")
    assert desk.json("expire", id_, "--yes")["server"] == "two"


def test_a_cluster_is_one_to_whoever_asks(start: Start, tmp_path: Path) -> None:
    """Each alert once and each silence once; ended at either member, it has ended."""
    with pair(start) as (one, two):
        for member in (one, two):
            send(member, firing("Watchdog"), firing("Ebb", squad="river"))
        desk = Desk(tmp_path / "desk", one=one.url, two=two.url)
        silence = ("alerts", "silence", "alertname=Ebb", *WHY, *LONG, "--server", "two", "--yes")
        id_ = desk.call(*silence).stdout.strip()
        heard(one, "active")
        seen = desk.json()
        assert [a["name"] for a in seen["alerts"]] == ["Ebb"]
        assert [s["id"] for s in seen["silences"]] == [id_]
        assert desk.call("alerts", "expire", id_, "--server", "two", "--yes").returncode == 0
        heard(one, "expired")
        assert len(desk.json(code=1)["alerts"]) == 1


def heard(member: servers.Server, state: str) -> None:
    """Wait until the member of a cluster has heard what became of its one silence."""
    give_up = time.monotonic() + PATIENCE
    while [one["status"]["state"] for one in ask(member, "silences")] != [state]:
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_without_an_alertmanager_there_is_nothing_to_silence(tmp_path: Path) -> None:
    """Said as such, with what to add."""
    desk = Desk(tmp_path / "desk")
    assert "no Alertmanager is configured" in desk.call("alerts").stdout
    for asked in (("silence", "a=b", *WHY, *LONG), ("expire", "x"), ("assign", "a=b", "sea")):
        desk.refuses("alerts", *asked, code=2, words="no Alertmanager is configured")
