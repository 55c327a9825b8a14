"""One sweep of 1,000 HTTP services: CPU and longest event-loop gap, beside floors taken in the same run.

    python -m benchmarks.sweep [--services 1000] [--at-once 10] [--quick]

A server process of its own listens on as many loopback ports as there are services, so every service is an
origin with its own kept connection. The floor is the smallest asyncio client that can tell where an answer
ends; aiohttp stands beside it as the leanest of the libraries, with the same judging of each answer as ours.
They take turns in the same process, and the medians are compared: ratios travel, seconds do not.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.room import Figure, above, ratio, services
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Observation, ServicesSeen
from controlroom.probes.judgement import judge
from controlroom.probes.port import answered
from controlroom.probes.prober import Prober
from controlroom.probes.wire import Answer
from controlroom.sources.services import ServicesSource

BUDGET = 3.0
"""Times the floor's CPU that a sweep may cost."""

GAP = 16.7
"""Milliseconds, a frame of 60 Hz, that the event loop may be busy at a stretch beyond the floor's."""


class Smallest(asyncio.Protocol):
    """The floor: one kept connection, one outstanding answer, its end known by Content-Length."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] | None = None
        self.seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it is open."""
        self.transport = transport

    def ask(self, port: int) -> asyncio.Future[int]:
        """The length of the body, once it is there."""
        assert isinstance(self.transport, asyncio.Transport)
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        return self.answer

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        self.seen += data
        head, _, body = self.seen.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length and self.answer is not None:
            self.seen = b""
            self.answer.set_result(length)


async def in_turn(ports: Sequence[int], at_once: int, ask: Callable[[int], Awaitable[object]]) -> None:
    """`ask` every port, `at_once` at a time."""
    left = iter(ports)

    async def worker() -> None:
        for port in left:
            await ask(port)

    await asyncio.gather(*(worker() for _ in range(at_once)))


@dataclass
class Gap:
    """The longest time the event loop did not come round."""

    longest: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last - 0.001)
            last = now


@dataclass(frozen=True)
class Taken:
    """One sweep: seconds of CPU, and the longest gap in the event loop in seconds."""

    cpu: float
    gap: float


Sweep = Callable[[], Awaitable[None]]


async def contenders(
    ports: Sequence[int], at_once: int
) -> tuple[dict[str, Sweep], Callable[[], Awaitable[None]]]:
    """Everything that takes part, by name, connected by its first sweep; and how to close it all."""
    import aiohttp

    loop = asyncio.get_running_loop()
    floor = {port: (await loop.create_connection(Smallest, "127.0.0.1", port))[1] for port in ports}
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60), trust_env=False, auto_decompress=False
    )
    watched = [Service(str(port), "http", url=f"http://127.0.0.1:{port}/health") for port in ports]
    by_port = {int(service.id): service for service in watched}
    prober = Prober(lambda: datetime.now(UTC), lambda ref: "")
    source = ServicesSource(watched, prober, lambda: datetime.now(UTC), at_once=at_once)
    context = prober.context(2.0)

    async def aiohttp_probe(port: int) -> ProbeResult:
        service = by_port[port]
        asked = loop.time()
        async with asyncio.timeout(2.0), session.get(service.url, allow_redirects=False) as response:
            body = await response.read()
        answer = Answer(response.status, response.reason or "", {}, body)
        verdict = judge(service, answer)
        return answered(service, context, loop.time() - asked, verdict.reason, health=verdict.health)

    async def smallest() -> None:
        await in_turn(ports, at_once, lambda port: floor[port].ask(port))

    async def library() -> None:
        await in_turn(ports, at_once, aiohttp_probe)

    async def room() -> None:
        results: list[ProbeResult] = []

        def emit(seen: Observation) -> None:
            assert isinstance(seen.payload, ServicesSeen)
            results.extend(seen.payload.results)

        await source.poll(emit)
        assert len(results) == len(ports), f"{len(results)} of {len(ports)} answered"
        assert all(result.health is Health.UP for result in results), results[0]

    async def close() -> None:
        await source.close()
        await session.close()
        for protocol in floor.values():
            assert isinstance(protocol.transport, asyncio.Transport)
            protocol.transport.abort()

    return {"floor": smallest, "aiohttp": library, "controlroom": room}, close


async def taken(ports: Sequence[int], rounds: int, at_once: int) -> dict[str, Taken]:
    """The median sweep of each contender, all of them in turn, `rounds` times."""
    sweeps, close = await contenders(ports, at_once)
    cpu: dict[str, list[float]] = {name: [] for name in sweeps}
    gaps: dict[str, list[float]] = {name: [] for name in sweeps}
    for number in range(rounds + 1):
        for name, sweep in sweeps.items():
            gap = Gap()
            watching = asyncio.create_task(gap.watch())
            await asyncio.sleep(0.05)
            started = time.process_time()
            await sweep()
            spent = time.process_time() - started
            watching.cancel()
            if number:  # the first round connects
                cpu[name].append(spent)
                gaps[name].append(gap.longest)
    await close()
    return {name: Taken(statistics.median(cpu[name]), statistics.median(gaps[name])) for name in sweeps}


def run(*, quick: bool = False, count: int = 1000, at_once: int = 10) -> Iterator[Figure]:
    """The figures of a sweep of `count` services."""
    with services(count) as ports:
        found = asyncio.run(taken(ports, 3 if quick else 9, at_once))
    floor, ours, library = found["floor"], found["controlroom"], found["aiohttp"]
    name = f"sweep of {count:,} HTTP services, CPU"
    yield ratio(name, floor.cpu * 1000, ours.cpu * 1000, "ms", BUDGET)
    yield above(f"{name}: longest loop gap", floor.gap * 1000, ours.gap * 1000, "ms", GAP)
    yield Figure(
        f"{name}: aiohttp beside it", floor.cpu * 1000, library.cpu * 1000, "ms", "(for comparison)", True
    )


def main() -> int:
    """Exit status 0 when the budgets are kept, 1 when not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    met = True
    for figure in run(quick=options.quick, count=options.services, at_once=options.at_once):
        times = f"{figure.value / figure.floor:6.2f} x"
        print(
            f"{figure.name:<52} {figure.floor:8.2f} {figure.value:8.2f} {times}", figure.unit, figure.budget
        )
        met = met and figure.met
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
