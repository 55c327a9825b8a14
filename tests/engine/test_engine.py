"""The engine polls real sockets and files: cadence, deadlines, back-off, coalescing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Observation, Snapshot, SourceKind, SourceStatus
from controlroom.engine.engine import Engine
from controlroom.engine.ports import Emit


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Greeting:
    """Connects and waits for the server's first line: a source on a real socket."""

    port: int
    id: str = "greeting"
    kind: SourceKind = "services"
    title: str = ""
    interval: float = 0.05
    deadline: float = 0.3
    running: int = 0
    most_running: int = 0
    polls: int = 0
    closed: int = 0

    async def poll(self, emit: Emit) -> None:
        self.polls += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            line = await reader.readline()
            writer.close()
            if not line:
                raise ConnectionError("closed without a greeting")
            emit(Observation(self.id, self.kind, clock()))
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Log:
    """Folds observations by keeping them, and counts how often the engine folded."""

    seen: list[Observation] = field(default_factory=list)
    folds: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def fold(self, snapshot: Snapshot, seen: Sequence[Observation], now: datetime) -> Snapshot:
        self.folds += 1
        self.seen.extend(seen)
        self.arrived.set()
        return replace(snapshot, version=snapshot.version + 1, taken_at=now)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.seen) < count:
                self.arrived.clear()
                await self.arrived.wait()


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that accepts the connection and then never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@contextmanager
def refusing() -> Iterator[int]:
    """A port that is bound and not listening: connections are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def greeter() -> tuple[asyncio.Server, int]:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def engine(log: Log, *sources: Greeting) -> Engine:
    statuses = tuple(SourceStatus(source.id, source.kind) for source in sources)
    return Engine(Snapshot(Program(), sources=statuses), log.fold, clock)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_hung_source_is_reported_and_never_polled_twice_at_once() -> None:
    """A source that hangs fails at its deadline, is polled again, and its polls never overlap."""
    log = Log()
    with black_hole() as port:
        hung = Greeting(port, deadline=0.1)
        task = asyncio.create_task(engine(log, hung).run([hung]))
        await log.until(2)
        await stop(task)
    assert hung.most_running == 1
    assert all(seen.failure and "no answer within 0.1 s" in seen.failure.reason for seen in log.seen[:2])
    assert hung.closed == 1


async def test_a_hung_source_delays_nobody() -> None:
    """While one source hangs for its whole deadline, another goes on answering."""
    log = Log()
    server, port = await greeter()
    with black_hole() as hole:
        quick, hung = Greeting(port, id="quick"), Greeting(hole, id="hung", deadline=30)
        task = asyncio.create_task(engine(log, quick, hung).run([quick, hung]))
        await log.until(5)
        await stop(task)
    server.close()
    assert {seen.source for seen in log.seen} == {"quick"}
    assert hung.polls == 1


async def test_an_exception_in_a_source_becomes_a_failure() -> None:
    """What a source raises is reported as data, without its text, and polling goes on."""
    log = Log()
    with refusing() as port:
        broken = Greeting(port)
        task = asyncio.create_task(engine(log, broken).run([broken]))
        await log.until(2)
        await stop(task)
    assert all(s.failure and "ConnectionRefusedError" in s.failure.reason for s in log.seen)
    assert broken.polls >= 2


async def test_poll_now_does_not_wait_for_the_interval() -> None:
    """Asking for a poll brings one long before the interval is over."""
    log = Log()
    server, port = await greeter()
    slow = Greeting(port, interval=3600, deadline=5)
    running = engine(log, slow)
    task = asyncio.create_task(running.run([slow]))
    await log.until(1)
    running.poll_now("another source")
    running.poll_now(slow.id)
    await log.until(2)
    await stop(task)
    server.close()
    assert slow.polls == 2


async def test_many_observations_make_few_snapshots() -> None:
    """Fifty sources that answer at once cause a handful of snapshots, not fifty."""
    log = Log()
    server, port = await greeter()
    sources = [Greeting(port, id=f"s{n}", interval=3600, deadline=5) for n in range(50)]
    task = asyncio.create_task(engine(log, *sources).run(sources))
    await log.until(50)
    await stop(task)
    server.close()
    assert log.folds < 10


async def test_a_sweep_asks_everyone_once_and_closes_them() -> None:
    """A sweep returns a snapshot holding what each source brought, failures included."""
    log = Log()
    server, port = await greeter()
    with black_hole() as hole:
        sources = [Greeting(port, id="quick", deadline=5), Greeting(hole, id="hung", deadline=5)]
        snapshot = await engine(log, *sources).sweep(sources, 0.3)
    server.close()
    assert snapshot.version == 1
    assert {seen.source: seen.failure is None for seen in log.seen} == {"quick": True, "hung": False}
    assert [source.closed for source in sources] == [1, 1]
