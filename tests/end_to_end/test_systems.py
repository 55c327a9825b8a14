"""A running room tells the truth about every system: stopped, killed, replaced by something else, healed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.lab import kafka, postgres, servers, temporal
from controlroom.lab.servers import Server
from controlroom.wiring import Room
from tests.conftest import Start

INTERVAL = 1.0
PATIENCE = 60.0
"""Seconds after which a test gives up; what it promises is counted in polls."""


class System(NamedTuple):
    """A kind, its address and its real server."""

    kind: str
    url: str
    server: Callable[[Path], Server]
    keys: str = ""


SCRAPING = "global: {scrape_interval: 1s}\n"
SYSTEMS = (
    System("redis", "redis://{}", servers.redis),
    System("kafka", "{}", kafka.kafka),
    System("postgres", "postgres://postgres@{}/postgres", postgres.postgres),
    System("temporal", "{}", temporal.temporal),
    System("http", "http://{}/metrics", servers.node_exporter),
    System("prometheus", "http://{}", lambda folder: servers.prometheus(folder, SCRAPING)),
    System("alertmanager", "http://{}", servers.alertmanager),
    System("pushgateway", "http://{}", servers.pushgateway),
)


class Watched:
    """What a room tells of one service."""

    def __init__(self, room: Room) -> None:
        self._changed = asyncio.Event()
        self._room = room
        self.probes: list[datetime] = []
        room.subscribe(self._see)

    @property
    def state(self) -> ServiceState:
        """As it stands now."""
        return self._room.snapshot.services[0]

    def _see(self, _: Snapshot) -> None:
        at = self.state.probed_at
        if at is not None and (not self.probes or self.probes[-1] != at):
            self.probes.append(at)
        self._changed.set()

    async def until(self, health: Health) -> int:
        """Waits until the service is in that state; how many probes it took."""
        before = len(self.probes)
        await self._when(lambda state: state.health is health)
        return len(self.probes) - before

    async def until_said(self, words: str) -> None:
        """Waits until the reason holds `words`."""
        await self._when(lambda state: words in state.reason)

    async def _when(self, true: Callable[[ServiceState], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true(self.state):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watched(folder: Path, system: System, address: str) -> AsyncIterator[Watched]:
    """A room with that one service, running, and found UP."""
    path = folder / "controlroom.toml"
    path.write_text(
        f'[[services]]\nid = "it"\nkind = "{system.kind}"\nurl = "{system.url.format(address)}"\n'
        f"interval = {INTERVAL}\ntimeout = 0.9\n{system.keys}\n",
        encoding="utf-8",
    )
    room = wiring.build(load(str(path)), sources=["services"])
    seen = Watched(room)
    running = asyncio.create_task(room.run())
    try:
        await seen.until(Health.UP)
        yield seen
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextmanager
def something_else(port: int) -> Iterator[None]:
    """Another program on that port: it greets as a mail server does."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(16)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plug, _ = listener.accept()
                    with plug, contextlib.suppress(OSError):
                        plug.sendall(b"220 mail.example ESMTP\r\n")
                        plug.recv(1024)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.kind)
async def test_every_fault_of_every_system_is_told_within_two_polls(
    tmp_path: Path, start: Start, system: System
) -> None:
    """Hung, healed, killed, replaced by another program, and started again: each with its own reason."""
    server = start(system.server)
    async with watched(tmp_path, system, server.address) as seen:
        server.pause()
        # One more than two: a probe may have been answered in the very moment.
        assert await seen.until(Health.DOWN) <= 3
        assert "no answer" in seen.state.reason
        server.resume()
        await seen.until(Health.UP)

        server.kill()
        assert await seen.until(Health.DOWN) <= 3
        assert seen.state.reason == "connection refused"
        with something_else(server.port):
            await seen.until_said("answers, but")
            assert seen.state.health is Health.DOWN
        server.restart()
        await seen.until(Health.UP)
    # Starting a server holds up the loop of this very test, which then was silent and says so.
    told = [change.after for change in seen.state.transitions if change.after is not Health.UNKNOWN]
    told = [health for health, _ in itertools.groupby(told)]
    assert told == [Health.UP, Health.DOWN, Health.UP, Health.DOWN, Health.UP]
    assert seen.state.transitions[-1].at <= datetime.now(UTC)
