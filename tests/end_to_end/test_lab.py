"""The room on real servers in a real terminal: faults, recovery, and leaving."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.terminal import Terminal
from controlroom.lab import kafka, servers, temporal
from controlroom.lab.command import SLOW
from controlroom.lab.fetched import fetched

PATIENCE = 40.0
"""Seconds a screen has to say what it should; machines are slow sometimes."""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose folders belong to this test alone."""
    try:
        servers.find("redis-server")
        servers.find("prometheus")
    except servers.NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "CACHE", "STATE")}
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return {"HOME": str(tmp_path), "TMPDIR": str(temporary), **folders}


@pytest.fixture
def room(home: dict[str, str]) -> Iterator[Terminal]:
    """`controlroom lab` in a 160×45 terminal, killed when the test ends."""
    with Terminal([sys.executable, "-m", "controlroom", "lab"], 160, 45, home) as terminal:
        yield terminal


def until(terminal: Terminal, seen: Callable[[str], object], what: str) -> str:
    """Read the screen until `seen` is true of it; fails with the last screen."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        terminal.read(time.monotonic() + 0.3)
        screen = "\n".join(terminal.screen())
        if seen(screen):
            return screen
        if terminal.process.poll() is not None:
            break
    pytest.fail(f"never saw {what}:\n" + "\n".join(terminal.screen()))


def up(least: int) -> Callable[[str], bool]:
    """Whether the header of a screen counts at least so many services up."""

    def seen(screen: str) -> bool:
        # Without its words where the date and the waves of the day need the room.
        counted = re.search(r"● ?(\d+)(?: up)? +▲", screen)
        return counted is not None and int(counted[1]) >= least

    return seen


def children(pid: int) -> dict[str, int]:
    """Program → pid of the processes `pid` started."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    rows = [line.split(None, 1) for line in listing.splitlines()]
    return {name.strip(): int(number) for number, name in rows}


def gone(pids: Sequence[int], within: float) -> bool:
    """Whether all of `pids` have ended `within` seconds."""
    watched = []
    for pid in pids:
        try:
            watched.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    give_up = time.monotonic() + within
    while watched and time.monotonic() < give_up:
        ended, _, _ = select.select(watched, [], [], give_up - time.monotonic())
        for handle in ended:
            os.close(handle)
            watched.remove(handle)
    for handle in watched:
        os.close(handle)
    return not watched


def test_a_stopped_redis_is_told_and_so_is_its_return(room: Terminal) -> None:
    """A hung Redis reads down with a reason while the others stay up, and up again when it continues."""
    until(room, up(5), "five services up")
    redis = children(room.process.pid)["redis-server"]
    os.kill(redis, signal.SIGSTOP)
    try:
        screen = until(room, lambda s: re.search(r"(?i)redis\s.*down", s), "redis down")
        assert up(3)(screen)
    finally:
        os.kill(redis, signal.SIGCONT)
    until(room, up(5), "five services up again")


def test_a_killed_prometheus_makes_signals_unknown_not_absent(room: Terminal) -> None:
    """Without Prometheus the telemetry pane says that it cannot be reached."""
    until(room, up(5), "five services up")
    os.kill(children(room.process.pid)["prometheus"], signal.SIGKILL)
    until(room, lambda s: re.search(r"(?i)prometheus\s.*down", s), "prometheus down")
    until(room, lambda s: re.search(r"unreachable|SOURCE_DOWN", s), "telemetry unreachable")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_room_and_its_servers(room: Terminal, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP leave the terminal's own screen back and no process, within three seconds."""
    until(room, up(1), "services")
    everyone = [*children(room.process.pid).values(), room.process.pid]
    os.kill(room.process.pid, number)
    room.run_for(3)
    assert gone(everyone, 2)
    assert b"\x1b[?1049l" in b"".join(chunk.data for chunk in room.chunks)


def test_servers_do_not_outlive_a_killed_room(room: Terminal, home: dict[str, str]) -> None:
    """After kill -9 of the room its servers are gone, and the next lab removes its folder."""
    until(room, up(1), "services")
    started = list(children(room.process.pid).values())
    assert len(started) >= 4
    room.process.kill()
    assert gone(started, 5)
    (left,) = Path(home["TMPDIR"]).glob("controlroom-lab-*")
    command = [sys.executable, "-m", "controlroom", "lab", "--", "calendar", "today"]
    subprocess.run(command, env={**os.environ, **home}, check=True, capture_output=True, timeout=60)
    assert not left.exists()


def test_quitting_stops_the_servers_and_leaves_nothing(room: Terminal, home: dict[str, str]) -> None:
    """`q` ends the room with exit code 0, its servers with it, and removes the temporary folder."""
    until(room, up(1), "services")
    started = list(children(room.process.pid).values())
    room.press(b"q")
    room.run_for(3)
    assert gone(started, 5)
    assert room.process.wait(10) == 0
    assert not list(Path(home["TMPDIR"]).glob("controlroom-lab-*"))


def test_the_lab_starts_what_was_fetched_too(home: dict[str, str]) -> None:
    """With Kafka and Temporal fetched, every system of the example is up in the lab, in its own protocol."""
    try:
        kafka.jars()
        temporal.program()
    except servers.NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    cache = fetched("", os.environ)
    done = subprocess.run(
        [sys.executable, "-m", "controlroom", "lab", "--", "services", "--json"],
        env={**os.environ, **home, "CONTROLROOM_SERVERS": str(cache)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert "controlroom lab:" not in done.stderr
    states = {service["id"]: service["state"] for service in json.loads(done.stdout)["services"]}
    asked = (*SLOW, "workflows", "redis", "pushgateway", "host", "names")
    assert {id_: states[id_] for id_ in asked} == dict.fromkeys(asked, "up")
