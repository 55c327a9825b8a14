"""A running room takes up a changed configuration: what was seen stays, what is new is not known yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom import wiring
from controlroom.config.changes import AcceptMetric, ConfigEdit
from controlroom.config.load import load
from controlroom.config.values import Config
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode
from controlroom.lab import servers
from controlroom.wiring import Room
from tests.conftest import Start

NOON = datetime(2025, 10, 6, 12, tzinfo=UTC)

CONFIG = """\
[program]
id = "harbour"
start = 2025-10-04
[[waves]]
id = "a"
weeks = [1, 2]
[[services]]
id = "cache"
kind = "redis"
url = "redis://{}"
interval = 0.2
[[squads]]
id = "quay"
[[squads.signals]]
metric = "{}"
"""


class Watched:
    """A running room, and every snapshot of it."""

    def __init__(self, room: Room) -> None:
        self.room = room
        room.subscribe(lambda snapshot: self._wake.set())
        self._wake = asyncio.Event()

    async def until(self, done: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot of which `done` is true."""
        async with asyncio.timeout(20):
            while not done(self.room.snapshot):
                self._wake.clear()
                await self._wake.wait()
        return self.room.snapshot


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Watched]:
    environ = {"HOME": str(path.parent)}
    room = wiring.build(load(path, environ=environ), environ=environ)
    watched = Watched(room)
    task = asyncio.create_task(room.run())
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await room.close()


def cache(snapshot: Snapshot) -> Health:
    return snapshot.services[0].health


async def test_a_room_runs_on_under_another_configuration(tmp_path: Path, start: Start) -> None:
    """The service keeps its state and is probed on; another name is promised, and not asked for yet."""
    server = start(servers.redis)
    path = tmp_path / "controlroom.toml"
    path.write_text(CONFIG.format(server.address, "tides_total"))
    async with running(path) as watched:
        up = await watched.until(lambda s: cache(s) is Health.UP)
        since = up.services[0].since
        path.write_text(CONFIG.format(server.address, "tide_total"))
        watched.room.adopt(load(path, environ={"HOME": str(tmp_path)}))
        now = watched.room.snapshot
        assert [reading.signal.metric for reading in now.signals] == ["tide_total"]
        assert now.signals[0].code is GapCode.UNKNOWN
        assert (cache(now), now.services[0].since) == (Health.UP, since)
        assert (now.gates[0].verdict, now.gates[0].required) == ("UNKNOWN", 1)
        before = now.services[0].probed_at
        await watched.until(lambda s: s.services[0].probed_at not in (None, before))
        server.kill()
        await watched.until(lambda s: cache(s) is Health.DOWN)


async def test_a_service_that_is_no_longer_declared_is_gone(tmp_path: Path, start: Start) -> None:
    """What the new configuration does not name is neither shown nor asked any more."""
    server = start(servers.redis)
    path = tmp_path / "controlroom.toml"
    text = CONFIG.format(server.address, "tides_total")
    path.write_text(text)
    async with running(path) as watched:
        await watched.until(lambda s: cache(s) is Health.UP)
        a, b = text.index("[[services]]"), text.index("[[squads]]")
        path.write_text(text[:a] + text[b:])
        watched.room.adopt(load(path, environ={"HOME": str(tmp_path)}))
        assert watched.room.snapshot.services == ()
        assert [source.kind for source in watched.room.snapshot.sources] == ["store"]


async def test_a_change_from_the_desk_is_written_and_taken_up(tmp_path: Path) -> None:
    """The room runs on the file as it is then, on its own clock; nothing newer is written over."""
    path, environ = tmp_path / "controlroom.toml", {"HOME": str(tmp_path)}
    path.write_text(PROMISED.replace("2025-10-04", '"latest saturday"'))
    config = load(path, environ=environ, today=lambda zone: NOON.date())
    room = wiring.build(config, clock=lambda: NOON, environ=environ)
    edit = await room.desk.edit_config(AcceptMetric("quay", "tide_total", None, "tides_total"))
    assert isinstance(edit, ConfigEdit)
    assert await room.desk.write_config(edit) == ""
    assert 'metric = "tides_total"  # was tide_total; accepted 2025-10-06 by ' in path.read_text()
    assert [reading.signal.metric for reading in room.snapshot.signals] == ["tides_total"]
    assert room.config.program.start == config.program.start
    kept = await room.desk.keep_diff(edit)
    assert isinstance(kept, Path)
    assert kept.read_text() == edit.diff
    assert "meanwhile" in await room.desk.write_config(edit)
    assert room.snapshot.signals[0].signal.metric == "tides_total"


def test_the_log_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    """Actions go on to the store the room began with, and it is the one that is named."""
    path, environ = tmp_path / "controlroom.toml", {"HOME": str(tmp_path)}
    path.write_text('[program]\nid = "harbour"\nstart = 2025-10-04\n')
    config = load(path, environ=environ)
    own = replace(config, store=replace(config.store, url=f"dir:{tmp_path}/own"))
    room = wiring.build(own, environ=environ)
    delivery = room.delivery
    room.adopt(config)
    assert [source.title for source in room.snapshot.sources] == [f"dir:{tmp_path}/own"]
    assert (room.config.store, room.delivery) == (own.store, delivery)


PROMISED = """\
[program]
id = "harbour"
start = 2025-10-04
[gate]
hold = 0
[[waves]]
id = "a"
weeks = [1, 2]
[[squads]]
id = "quay"
[[squads.signals]]
metric = "tide_total"
"""
ASKED = '[[prometheus]]\nid = "near"\nurl = "http://127.0.0.1:9"\n'


@pytest.mark.parametrize("how", ["adopted", "restored"])
def test_what_nobody_is_asked_for_any_more_is_not_known(tmp_path: Path, how: str) -> None:
    """A signal that was there keeps no verdict once its Prometheus is not configured: who would renew it?"""
    path, environ = tmp_path / "controlroom.toml", {"HOME": str(tmp_path)}

    def configured(text: str) -> Config:
        path.write_text(text)
        return load(path, environ=environ)

    room = wiring.build(configured(PROMISED + ASKED), environ=environ)
    there = tuple(replace(one, code=GapCode.OK, since=NOON) for one in room.snapshot.signals)
    room.snapshot = replace(room.snapshot, signals=there, taken_at=NOON)
    for text, code, verdict in (
        (PROMISED + ASKED, GapCode.OK, "PASS"),
        (PROMISED, GapCode.UNKNOWN, "UNKNOWN"),
    ):
        config = configured(text)
        if how == "adopted":
            room.adopt(config)
            now = room.snapshot
        else:
            now = wiring.build(config, restored=room.snapshot, environ=environ).snapshot
        assert [reading.code for reading in now.signals] == [code]
        assert now.gates[0].verdict == verdict
