"""Screens that follow a collector, on real terminals: a real Redis, a real collector, and what kills them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.actions import Action
from controlroom.lab import servers
from controlroom.lab.servers import Server
from controlroom.stores.logs import Settings
from controlroom.stores.port import Committed
from controlroom.stores.redis_log import RedisLog
from controlroom.stores.relay import LOST_AFTER
from tests.conftest import Start

from .furnished import furnish
from .terminal import Terminal, program

ROOT = Path(__file__).parents[2]
SIZES = [(200, 50), (80, 24)]
SLACK = 2.0
"""Seconds a busy machine may add: a frame of the screen is among them."""


def url_of(server: Server) -> str:
    return f"redis://{server.address}/0"


@contextmanager
def collecting(
    folder: Path, url: str, name: str = "quay-1", ahead: float = 0.0
) -> Iterator[subprocess.Popen[str]]:
    """A collector of the room in `folder`, once it leads."""
    arguments = ["-m", "tests.relaying", str(folder), url, name, str(ahead), "0.5"]
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "leads\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def viewing(
    tmp_path: Path, url: str, *more: str, by: str = "Ines", size: tuple[int, int] = (200, 50)
) -> Iterator[Terminal]:
    """A viewer without a configuration of its own, as somebody with a home of their own opens it."""
    home = tmp_path / f"home-{by}"
    home.mkdir(exist_ok=True)
    environ = {"HOME": str(home), "LOGNAME": by, "TZ": "UTC"}
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        environ[name] = str(home / name)
    with program(["-m", "controlroom", "--follow", url, *more], size=size, environ=environ) as terminal:
        yield terminal


def opened(log: RedisLog) -> None:
    """Ada opens a blocker."""
    args = {"summary": "Fog on the quay", "owner": "Ada"}
    action = Action("a-1", "fog", "open", args, "Ada", "desk-1", datetime.now(UTC), "")
    assert isinstance(log.append(action), Committed)


def top(text: str) -> str:
    return text.splitlines()[0]


def stale(text: str) -> bool:
    return "STALE" in top(text)


def edges(text: str) -> list[str]:
    """What the lower edges of panes say of how old they are."""
    return re.findall(r"(?:STALE \w+|got \d\d:\d\d:\d\d)[^─╯]*(?=─)", text)


@pytest.mark.parametrize("size", SIZES)
def test_from_waiting_to_stale_to_healed(size: tuple[int, int], tmp_path: Path, start: Start) -> None:
    """It waits for a collector, shows its room, says STALE when it is killed, and heals with another one."""
    folder, url = tmp_path / "harbour", url_of(start(servers.redis))
    furnish(folder)
    with viewing(tmp_path, url, size=size) as terminal:
        terminal.wait("waiting for a collector")
        assert " WAITING " in top(terminal.text)
        assert "add [[services]]" not in terminal.text
        terminal.press("6")
        with collecting(folder, url) as collector:
            terminal.wait(lambda text: re.search(r"kafka\s+DOWN", text) is not None)
            terminal.wait(lambda text: "WAITING" not in text and "waiting for" not in text)
            assert not stale(terminal.text)
            collector.kill()
            killed = time.monotonic()
            terminal.wait(stale, LOST_AFTER + SLACK)
            assert time.monotonic() - killed > LOST_AFTER - SLACK
        terminal.wait("the collector quay-1 is silent")
        assert all(edge.startswith("STALE") for edge in edges(terminal.text))
        assert edges(terminal.text)
        terminal.wait(lambda text: re.search(r"kafka\s+unknown", text) is not None)
        with collecting(folder, url, "quay-2"):
            terminal.wait(lambda text: not stale(text) and re.search(r"kafka\s+DOWN", text) is not None)
            assert "STALE" not in terminal.text


@pytest.mark.parametrize("size", SIZES)
def test_redis_away_is_stale_at_once(size: tuple[int, int], tmp_path: Path, start: Start) -> None:
    """Killed, it is said within a second of the screen, with the reason; back again, the room heals."""
    folder, server = tmp_path / "harbour", start(servers.redis)
    furnish(folder)
    with collecting(folder, url_of(server)), viewing(tmp_path, url_of(server), size=size) as terminal:
        terminal.press("6")
        terminal.wait(lambda text: re.search(r"kafka\s+DOWN", text) is not None)
        server.kill()
        terminal.wait(stale, 1.0 + SLACK)
        terminal.wait("refused")
        server.restart()
        terminal.wait(lambda text: not stale(text))


def test_redis_that_hangs_is_stale_in_time(tmp_path: Path, start: Start) -> None:
    """SIGSTOP: connected, and nothing comes; stale no later than any silence is, healed when it goes on."""
    folder, server = tmp_path / "harbour", start(servers.redis)
    furnish(folder)
    with collecting(folder, url_of(server)), viewing(tmp_path, url_of(server)) as terminal:
        terminal.wait("Load planner")
        server.pause()
        terminal.wait(stale, LOST_AFTER + SLACK)
        server.resume()
        terminal.wait(lambda text: not stale(text))


def test_a_viewer_that_was_stopped_shows_its_age_first(tmp_path: Path, start: Start) -> None:
    """SIGSTOP on the viewer, as a lid that is shut: when it goes on, the collector long gone, it says so."""
    folder, url = tmp_path / "harbour", url_of(start(servers.redis))
    furnish(folder)
    with viewing(tmp_path, url) as terminal:
        with collecting(folder, url) as collector:
            terminal.wait("Load planner")
            terminal.wait(lambda text: not stale(text))
            terminal.signal(signal.SIGSTOP)
            collector.kill()
            collector.wait()
        time.sleep(LOST_AFTER + 0.5)
        terminal.signal(signal.SIGCONT)
        went_on = time.monotonic()
        terminal.wait(stale, SLACK)
        terminal.wait("the collector quay-1 is silent", SLACK)
        assert time.monotonic() - went_on < SLACK


@pytest.mark.parametrize(("ahead", "said"), [(-400.0, "6m ahead"), (7300.0, "2h 01m behind")])
@pytest.mark.parametrize("size", SIZES)
def test_another_clock_is_said(
    ahead: float, said: str, size: tuple[int, int], tmp_path: Path, start: Start
) -> None:
    """The collector's clock is another: the screen says by how much, and nothing looks older or newer."""
    folder, url = tmp_path / "harbour", url_of(start(servers.redis))
    furnish(folder)
    with collecting(folder, url, ahead=ahead), viewing(tmp_path, url, size=size) as terminal:
        terminal.press("6")
        terminal.wait(lambda text: f"clock {said}" in top(text) or f"clock is {said}" in top(text))
        terminal.wait(lambda text: re.search(r"kafka\s+DOWN \ds", text) is not None)
        assert not stale(terminal.text)


def test_people_at_two_screens_act_on_one_log(tmp_path: Path, start: Start) -> None:
    """What one does the other sees; who acts on what they held still meets what was done meanwhile."""
    folder, server = tmp_path / "harbour", start(servers.redis)
    furnish(folder)
    log = RedisLog(url_of(server), Settings())
    opened(log)
    with (
        collecting(folder, url_of(server)),
        viewing(tmp_path, url_of(server)) as ines,
        viewing(tmp_path, url_of(server), by="Rui", size=(80, 24)) as rui,
    ):
        ines.wait("Fog on the quay")
        rui.wait("Fog on the quay")
        rui.press(" ")
        rui.wait("FROZEN")
        ines.press("4a")
        ines.wait("r2 acknowledged")
        ines.press("A")
        ines.wait("owner")
        ines.press("\x15Tomas\n")
        ines.wait("r3 ")
        entries = log.read().entries
        assert [(entry.action.kind, entry.action.actor) for entry in entries[1:]] == [
            ("acknowledge", "Ines"),
            ("assign", "Ines"),
        ]
        rui.press("A")
        rui.wait("owner")
        rui.press("\x15Zita\n")
        rui.wait("Ines")
        assert len(log.read().entries) == 3


def test_triage_without_collector_and_without_redis(tmp_path: Path, start: Start) -> None:
    """Nobody tells: what is done is recorded and shown all the same. No Redis: it waits, and is delivered."""
    folder, server = tmp_path / "harbour", start(lambda where: servers.redis(where, "--appendonly", "yes"))
    furnish(folder)
    log = RedisLog(url_of(server), Settings())
    opened(log)
    with viewing(tmp_path, url_of(server)) as terminal:
        with collecting(folder, url_of(server)):
            terminal.wait("Fog on the quay")
        terminal.wait(stale)
        terminal.press("4a")
        terminal.wait("r2 acknowledged")
        terminal.wait(lambda text: re.search(r"(acknowledged|seen)\s+by Ines", text) is not None)
        server.kill()
        terminal.press("N")
        terminal.wait("note")
        terminal.press("horn is on\n")
        terminal.wait("1 queued")
        server.restart()
        terminal.wait(lambda text: "queued" not in top(text))
        assert [entry.action.kind for entry in log.read().entries] == ["open", "acknowledge", "note"]


@pytest.mark.parametrize("view", ["wall", "oncall"])
def test_other_views_follow_too(view: str, tmp_path: Path, start: Start) -> None:
    """A wall counts nothing that nobody knows any more, and begins with what it cannot hear."""
    folder, url = tmp_path / "harbour", url_of(start(servers.redis))
    furnish(folder)
    with viewing(tmp_path, url, "--view", view, size=(120, 40)) as terminal:
        terminal.wait("waiting for a collector")
        assert "STALE" not in terminal.text
        with collecting(folder, url):
            terminal.wait("DOWN")
        terminal.wait(stale)
        terminal.wait("the collector quay-1 is silent")
        if view == "wall":
            terminal.wait(lambda text: re.search(r"STALE\s+this screen", text) is not None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--follow", "http://cache:6379"), "what is followed is a Redis"),
        (("--follow", "redis://room:pearl@"), "--follow"),
        (("--follow", "redis://room:pearl@cache:6379/0"), "the address holds a password"),
        (("--follow", "unix-relay:relay"), "the socket's path is missing"),
        (("--follow", "redis://cache:6379/0", "--at", "2025-10-06T16:00:00Z"), "two clocks at once"),
        (("--follow", "redis://cache:6379/0", "--past", "20m"), "two clocks at once"),
    ],
)
def test_what_cannot_be_followed_is_said(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Before anything is drawn: exit code 2, what is wrong, and no password."""
    with program(["-m", "controlroom", *arguments], environ={"HOME": str(tmp_path)}) as terminal:
        assert terminal.ended()[0] == 2
        assert said in terminal.text
        assert "pearl" not in terminal.text
