"""A running room takes up a changed configuration: what was seen stays, what is new is not known yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode
from controlroom.lab import servers
from controlroom.wiring import Room
from tests.conftest import Start

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
