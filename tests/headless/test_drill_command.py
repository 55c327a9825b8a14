"""`controlroom drill`, a process each time, on a real Redis and Alertmanager, beside a real room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.instants import parse
from controlroom.lab import servers
from controlroom.lab.servers import Server
from tests.conftest import Start
from tests.net.alertmanagers import ask, firing, now, send
from tests.tui.terminal import Terminal, program

BANNER = "Synthetic: all of this is a rehearsal."

CONFIG = """
[program]
id = "harbour"
start = {start}
zone = "UTC"
banner = "{banner}"

[[rituals]]
id = "drill"
title = "Storm drill"
time = 15:00:00
[[rituals.rotation]]
week = 1
scenario = "Cache goes away"
owner = "Quay"
services = ["cache"]
rto = "5m"
silence = ["job=cache"]
symptoms = ["cache is down in the room", "bookings fail", "the harbour stays calm"]

[[services]]
id = "cache"
kind = "redis"
url = "redis://{cache}"
interval = 0.3
timeout = 1.5

[store]
url = "dir:log"

[status]
dir = "status"
"""

MANAGER = """
[[alertmanagers]]
id = "am"
url = "{}"
interval = 0.5
timeout = 2
"""


class Desk:
    """A folder with a configuration and a home, where commands are called and a room is opened."""

    def __init__(self, folder: Path, cache: Server, manager: str | None, *, start: str | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        begins = start or f"{datetime.now(UTC).date():%Y-%m-%d}"
        text = CONFIG.format(start=begins, banner=BANNER, cache=cache.address)
        self.config = folder / "controlroom.toml"
        self.config.write_text(text + (MANAGER.format(manager) if manager else ""), encoding="utf-8")
        self.home = {
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TZ": "UTC",
        }

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "controlroom", "--config", str(self.config), "drill", *words],
            cwd=self.folder,
            env={**self.home, "PATH": os.environ["PATH"], "LANG": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def does(self, *words: str, by: str = "Ada", code: int = 0) -> Any:
        result = self.call(*words, "--by", by, "--json")
        assert result.returncode == code, (result.stdout, result.stderr)
        return json.loads(result.stdout)

    def report(self, *, code: int | None = None) -> Any:
        result = self.call("report", "--json")
        assert code is None or result.returncode == code, (result.stdout, result.stderr)
        return json.loads(result.stdout)

    def refuses(self, *words: str, code: int, says: str) -> None:
        result = self.call(*words)
        assert result.returncode == code, (result.stdout, result.stderr)
        assert says in result.stderr, result.stderr
        assert "Traceback" not in result.stderr

    @contextmanager
    def room(self) -> Iterator[Terminal]:
        """A real room in a terminal, with this home: it watches and keeps what it sees."""
        arguments = ["-m", "controlroom", "--config", str(self.config)]
        with program(arguments, size=(140, 40), environ=self.home) as terminal:
            until(terminal, "up")
            yield terminal


def until(terminal: Terminal, word: str) -> None:
    """Until the room says that of the cache."""
    terminal.wait(lambda text: any(f"cache {word}" in " ".join(row.split()) for row in text.splitlines()))


@pytest.fixture
def cache(start: Start) -> Server:
    return start(servers.redis)


@pytest.fixture
def manager(start: Start) -> Server:
    server = start(servers.alertmanager)
    send(server, firing("CacheSlow", job="cache"), firing("TideHigh", job="tide"))
    return server


def seconds(one: datetime, other: datetime) -> float:
    return (other - one).total_seconds()


def test_a_drill_is_measured_by_the_room_that_watches(tmp_path: Path, cache: Server, manager: Server) -> None:
    """Killed and restarted for real: detection and recovery lie within what happened, and are the record."""
    desk = Desk(tmp_path / "desk", cache, manager.url)
    with desk.room() as room:
        began = now()
        made = desk.does("begin")
        assert (made["status"], made["drill"]["scenario"]) == ("committed", "Cache goes away")
        assert made["action"]["args"]["baseline"]["services"]["cache"]["health"] == "up"
        killed = now()
        cache.kill()
        until(room, "DOWN")
        down = now()
        send(manager, {**firing("CacheGone", job="cache"), "startsAt": now().isoformat()})
        seen = desk.does("symptom", "cache is down")
        assert seen["item"].endswith("/cache_is_down_in_the_room")
        assert seen["action"]["args"]["evidence"].startswith("the room shows probe cache down at ")
        desk.does("symptom", "bookings fail", by="Bo")
        desk.does("symptom", "the harbour master phones", by="Bo")
        started = now()
        cache.restart()
        until(room, "up")
        up = now()
        done = desk.does("finish")
    (watch,) = done["drill"]["services"]
    assert (watch["before"], watch["verdict"], watch["watched"], watch["flaps"]) == ("up", "within", "all", 0)
    assert (watch["detection_bound"], watch["recovery_bound"]) == (None, None)
    assert seconds(began, killed) - 2 <= watch["detection_s"] <= seconds(began, down) + 1
    assert killed <= parse(watch["broken_at"]) <= down
    assert {watch["broken_at"][-1], *(one["at"][-1] for one in watch["transitions"])} == {"Z"}
    assert started - timedelta(seconds=1) <= parse(watch["recovered_at"]) <= up
    assert seconds(down, started) - 1 <= watch["recovery_s"] <= seconds(killed, up)
    shown = {one["text"]: (one["expected"], one["by"], one["shown"]) for one in done["drill"]["symptoms"]}
    assert shown == {
        "cache is down in the room": (True, "Ada", True),
        "bookings fail": (True, "Bo", False),
        "the harbour stays calm": (True, None, None),
        "the harbour master phones": (False, "Bo", False),
    }
    gaps = [one["symptom"] for one in done["drill"]["gaps"]]
    assert gaps == ["bookings fail", "the harbour master phones"]
    assert [one["name"] for one in done["drill"]["alerts"]] == ["CacheGone"]
    assert done["drill"]["alerts"][0]["silenced"] is True
    assert desk.report(code=1) == done["drill"]

    folder = desk.folder / "status" / made["drill"]["date"]
    text = (folder / "drill.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == BANNER
    assert desk.call("report").stdout == text
    document = (folder / "drill.json").read_bytes()
    assert json.loads(document) == {**done["drill"], "_banner": BANNER}
    assert desk.call("report", "--write").returncode == 1
    assert (folder / "drill.json").read_bytes() == document
    assert (folder / "drill.md").read_text(encoding="utf-8") == text


def test_the_silence_is_previewed_set_for_a_time_and_ended(
    tmp_path: Path, cache: Server, manager: Server
) -> None:
    """What it matches is said before; it always has an end; the drill's end is its end."""
    desk = Desk(tmp_path / "desk", cache, manager.url)
    result = desk.call("begin", "--by", "Ada")
    assert result.returncode == 0, result.stderr
    assert "silences 1 alert until " in result.stderr
    assert result.stdout.startswith("committed r1: Storm drill ")
    (there,) = ask(manager, "silences")
    assert [one["value"] for one in there["matchers"]] == ["cache"]
    assert (there["createdBy"], there["comment"]) == ("Ada", "Storm drill: Cache goes away")
    assert timedelta(minutes=55) < parse(there["endsAt"]) - now() <= timedelta(hours=1)
    assert there["id"] in result.stdout

    desk.refuses("finish", "--by", "Bo", code=4, says="Ada drives it")
    assert ask(manager, "silences")[0]["status"]["state"] == "active"

    done = desk.does("finish")
    assert ask(manager, "silences")[0]["status"]["state"] == "expired"
    assert done["drill"]["silence"]["end"] == "ended with the drill"


def test_nothing_is_begun_where_its_silence_cannot_be_set(
    tmp_path: Path, cache: Server, manager: Server
) -> None:
    """A silence that was declared and cannot be set is a person's decision: nobody is woken unawares."""
    desk = Desk(tmp_path / "desk", cache, manager.url)
    manager.kill()
    desk.refuses("begin", code=3, says="begin with --no-silence")
    desk.refuses("symptom", "x", code=4, says="no drill has begun")
    assert desk.does("begin", "--no-silence")["silence"] is None
    manager.restart()
    assert ask(manager, "silences") == []


def test_a_drill_that_cannot_be_begun_leaves_no_silence(
    tmp_path: Path, cache: Server, manager: Server
) -> None:
    """Begun twice, the second is refused before anything is silenced; repeated by id, it is the same one."""
    desk = Desk(tmp_path / "desk", cache, manager.url)
    first = desk.does("begin", "--id", "one")
    desk.refuses("begin", "--by", "Bo", code=4, says="Ada drives it")
    again = desk.does("begin", "--id", "one")
    assert (again["rev"], again["action"]) == (first["rev"], first["action"])
    assert len(ask(manager, "silences")) == 1
    desk.refuses("symptom", "bookings fail", "--id", "one", code=4, says="belongs to another action")


def test_a_service_that_hangs_counts_from_when_the_fault_was_in(tmp_path: Path, cache: Server) -> None:
    """SIGSTOP: it holds its connections and answers nothing; the time before that does not count."""
    desk = Desk(tmp_path / "desk", cache, None)
    with desk.room() as room:
        desk.does("begin", "--no-silence")
        time.sleep(2.5)  # a pause that must not count
        desk.does("injected", "stopped it")
        stopped = now()
        cache.pause()
        until(room, "DOWN")
        down = now()
        cache.resume()
        until(room, "up")
        up = now()
        done = desk.does("finish", code=0)
    (watch,) = done["drill"]["services"]
    assert 0 <= watch["detection_s"] <= seconds(stopped, down) + 3
    assert seconds(stopped, down) - 1 <= watch["recovery_s"] <= seconds(stopped, up) + 3
    assert parse(done["drill"]["injected_at"]) <= stopped
    text = (desk.folder / "status" / done["drill"]["for_date"] / "drill.md").read_text()
    assert "Recovery counts from the fault" in text


def test_without_a_room_nothing_is_made_up(tmp_path: Path, cache: Server) -> None:
    """Nobody watched: a service that fell and rose between two looks is not measured, never 0."""
    desk = Desk(tmp_path / "desk", cache, None)
    desk.does("begin", "--no-silence")
    cache.kill()
    desk.does("symptom", "cache is down in the room")
    desk.does("symptom", "bookings fail")
    cache.restart()
    done = desk.does("finish")
    (watch,) = done["drill"]["services"]
    assert (watch["broken_at"], watch["detection_s"], watch["recovery_s"]) == (None, None, None)
    assert watch["watched"] == "partly"
    assert "single looks" in done["drill"]["measured_by"]
    shown = {one["text"]: one["shown"] for one in done["drill"]["symptoms"] if one["seen_at"]}
    assert shown == {"cache is down in the room": True, "bookings fail": False}
    assert "| not measured | not measured |" in desk.call("report").stdout


def test_a_room_that_has_ended_watches_nothing(tmp_path: Path, cache: Server) -> None:
    """A room was open until just before the drill: what fell and rose since then nobody measured."""
    desk = Desk(tmp_path / "desk", cache, None)
    with desk.room():
        pass
    desk.does("begin", "--no-silence")
    cache.kill()
    desk.does("injected")
    cache.restart()
    done = desk.does("finish")
    (watch,) = done["drill"]["services"]
    assert (watch["broken_at"], watch["detection_s"], watch["watched"]) == (None, None, "partly")
    assert "single looks" in done["drill"]["measured_by"]
    assert "| not measured | not measured |" in desk.call("report").stdout


def test_a_look_that_finds_it_down_gives_a_bound(tmp_path: Path, cache: Server) -> None:
    """Down at the end and nobody watched: it was seen at most that late, and it is not recovered."""
    desk = Desk(tmp_path / "desk", cache, None)
    began = now()
    desk.does("begin", "--no-silence")
    cache.kill()
    done = desk.does("finish")
    (watch,) = done["drill"]["services"]
    assert watch["detection_bound"] == "at most"
    assert 0 < watch["detection_s"] <= seconds(began, now()) + 1
    assert (watch["recovered_at"], watch["verdict"]) == (None, "running")
    assert "not recovered after at most" in desk.call("report").stdout


def test_a_week_without_a_scenario_says_so(tmp_path: Path, cache: Server, manager: Server) -> None:
    """It is never another week's in silence: one is named, with what it says where the rotation has it."""
    desk = Desk(tmp_path / "desk", cache, manager.url, start="2020-01-01")
    desk.refuses("begin", code=2, says="scenario not declared for Week")
    desk.refuses("begin", "--scenario", "Flood", "--service", "cash", code=2, says="did you mean cache?")
    made = desk.does("begin", "--scenario", "cache goes AWAY", "--date", "2031-05-09")
    assert made["drill"]["services"] == ["cache"]
    assert made["item"] == "ritual:drill/2031-05-09"
    other = desk.does("begin", "--scenario", "Flood", "--service", "cache", "--date", "2031-05-10")
    assert (other["drill"]["symptoms"], other["drill"]["rto_s"], other["silence"]) == ([], None, None)


def test_a_drill_goes_on_while_the_log_is_away(tmp_path: Path, cache: Server, start: Start) -> None:
    """The store is gone: everything waits in the outbox, in its order, and is delivered once it is back."""
    store = start(lambda folder: servers.redis(folder, "--appendonly", "yes", name="store"))
    desk = Desk(tmp_path / "desk", cache, None)
    there = ("--store", f"redis://{store.address}/0")
    store.kill()
    for words in (("begin", "--no-silence"), ("symptom", "bookings fail"), ("finish",)):
        assert desk.does(*words, *there, code=75)["status"] == "queued"
    (written,) = (desk.folder / "status").rglob("drill.json")
    offline = json.loads(written.read_text(encoding="utf-8"))
    assert [one["text"] for one in offline["symptoms"] if one["seen_at"]] == ["bookings fail"]
    store.restart()
    again = [sys.executable, "-m", "controlroom", "--config", str(desk.config), "outbox", "drain", *there]
    environ = {**desk.home, "PATH": os.environ["PATH"]}
    subprocess.run(again, env=environ, cwd=desk.folder, check=True, capture_output=True, timeout=60)
    assert json.loads(desk.call("report", "--json", *there).stdout) == offline


def test_a_drill_that_nobody_ended_is_not_meant_for_ever(tmp_path: Path, cache: Server) -> None:
    """The day after, whoever reports means the last one; the forgotten one is named by its date."""
    desk = Desk(tmp_path / "desk", cache, None, start="2031-05-03")
    for day, ends in (("2031-05-05", False), ("2031-05-08", True)):
        at = ("--at", f"{day}T15:00:00Z", "--date", day)
        begun = desk.call("begin", *at, "--by", "Ada", "--no-silence", "--scenario", "Cache goes away")
        assert begun.returncode == 0, begun.stderr
        if ends:
            desk.call("finish", *at, "--by", "Ada")
    later = ("--at", "2031-05-08T16:00:00Z")
    assert " 2031-05-08:" in title(desk.call("report", *later).stdout)
    assert " 2031-05-05:" in title(desk.call("report", *later, "--date", "2031-05-05").stdout)


def title(text: str) -> str:
    """The first heading of a report."""
    return next(line for line in text.splitlines() if line.startswith("# "))
