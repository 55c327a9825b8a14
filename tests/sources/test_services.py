"""Sweeps of services: everyone is asked, slow ones delay nobody, nobody is asked twice at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Observation, ServicesSeen
from controlroom.probes.prober import Prober
from controlroom.sources.services import ServicesSource
from tests import faults


class Make(Protocol):
    """Makes a source that is closed when the test ends."""

    def __call__(self, services: Sequence[Service], **keys: float) -> ServicesSource: ...


def clock() -> datetime:
    """The machine's."""
    return datetime.now(UTC)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Sources with a prober of their own."""
    async with contextlib.AsyncExitStack() as stack:

        def go(services: Sequence[Service], **keys: float) -> ServicesSource:
            source = ServicesSource(services, Prober(clock, lambda ref: ""), clock, **keys)  # type: ignore[arg-type]
            stack.push_async_callback(source.close)
            return source

        yield go


class Heard:
    """What a source emitted, with when."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.at: dict[str, float] = {}
        self.results: dict[str, ProbeResult] = {}
        self.count: Counter[str] = Counter()
        self.started = time.monotonic()

    def __call__(self, seen: Observation) -> None:
        assert isinstance(seen.payload, ServicesSeen)
        self.observations.append(seen)
        for result in seen.payload.results:
            self.results[result.service] = result
            self.at[result.service] = time.monotonic() - self.started
            self.count[result.service] += 1


def web(address: str, number: int, **keys: object) -> Service:
    """One of many services on one server."""
    return Service(f"s{number}", "http", url=f"http://{address}/{number}", **keys)  # type: ignore[arg-type]


OK = faults.says(faults.http(b"OK"), keep=True)


async def test_everyone_is_asked_once_and_the_last_word_is_complete(make: Make) -> None:
    """One poll brings one result per service, in batches, the last of them complete."""
    with faults.scripted(OK) as address:
        source = make([web(address, n) for n in range(300)])
        heard = Heard()
        await source.poll(heard)
    assert set(heard.count) == {f"s{n}" for n in range(300)}
    assert set(heard.count.values()) == {1}
    assert {result.health for result in heard.results.values()} == {Health.UP}
    assert [seen.complete for seen in heard.observations].count(True) == 1
    assert heard.observations[-1].complete
    assert {(seen.source, seen.kind) for seen in heard.observations} == {("services", "services")}


async def test_a_third_hanging_delays_nobody(make: Make) -> None:
    """The healthy ones are told long before the hung ones reach their deadline, the second time at once."""
    with faults.scripted(OK) as address, faults.silent() as hung:
        services = [web(hung if n % 3 == 0 else address, n) for n in range(150)]
        source = make(services, timeout=1.5, interval=5.0)
        healthy = [f"s{n}" for n in range(150) if n % 3]
        first, second = Heard(), Heard()
        await source.poll(first)
        second.started = time.monotonic()
        await source.poll(second)
    for heard in (first, second):
        assert set(heard.count.values()) == {1}
        assert len(heard.count) == 150
        assert all(heard.results[name].health is Health.UP for name in healthy)
        assert max(heard.at[name] for name in healthy) < 1.5
        assert heard.results["s0"].reason == "connected, but no answer within 1.5 s"
    assert max(second.at[name] for name in healthy) < 0.8


async def test_results_are_told_while_others_are_awaited(make: Make) -> None:
    """What is known is not held back by what is not."""
    with faults.scripted(OK) as address, faults.silent() as hung:
        source = make([web(address, 1), web(hung, 2)], timeout=1.0)
        heard = Heard()
        await source.poll(heard)
    assert heard.at["s1"] < 0.6
    assert heard.at["s2"] > 0.9
    assert not heard.observations[0].complete


async def test_waiting_for_a_hung_service_costs_nothing(make: Make) -> None:
    """A sweep that only waits does not keep the processor busy."""
    with faults.silent() as hung:
        source = make([web(hung, 1)], timeout=1.5)
        spent = time.process_time()
        await source.poll(Heard())
    assert time.process_time() - spent < 0.3


async def test_few_are_asked_at_once(make: Make) -> None:
    """No more than `at_once` requests are under way while all are answered quickly."""
    busy, most, lock = 0, 0, threading.Lock()

    def handle(plug: socket.socket) -> None:
        nonlocal busy, most
        while plug.recv(65_536):
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.002)
            with lock:
                busy -= 1
            plug.sendall(faults.http(b"OK"))

    with faults.scripted(handle) as address:
        source = make([web(address, n) for n in range(60)], at_once=4)
        await source.poll(Heard())
    assert 1 <= most <= 4


async def test_nobody_is_asked_twice_at_a_time(make: Make) -> None:
    """A probe that outlives its poll is not repeated; its answer is told by a later poll."""
    busy, most, asked, lock = 0, 0, 0, threading.Lock()

    def handle(plug: socket.socket) -> None:
        nonlocal busy, most, asked
        while plug.recv(65_536):
            with lock:
                busy, asked = busy + 1, asked + 1
                most = max(most, busy)
            time.sleep(0.6)
            with lock:
                busy -= 1
            plug.sendall(faults.http(b"OK"))

    with faults.scripted(handle) as address:
        source = make([web(address, 1, timeout=3.0)], interval=0.1)
        heard = Heard()
        while not heard.count["s1"]:
            await source.poll(heard)
    assert (most, asked) == (1, 1)
    assert heard.results["s1"].health is Health.UP


def counting() -> tuple[Counter[str], faults.Handler]:
    """Requests by path, and the server that counts them."""
    count: Counter[str] = Counter()

    def handle(plug: socket.socket) -> None:
        while request := plug.recv(65_536):
            count[request.split(b" ")[1].decode()] += 1
            plug.sendall(faults.http(b"OK"))

    return count, handle


async def test_each_service_has_its_own_pace(make: Make) -> None:
    """The source polls at the shortest interval; slower services are asked when they are due."""
    count, handle = counting()
    with faults.scripted(handle) as address:
        source = make([web(address, 1, interval=0.2), web(address, 2, interval=60.0)], interval=5.0)
        assert source.interval == 0.2
        for _ in range(4):
            await source.poll(Heard())
            await asyncio.sleep(0.2)
    assert count == {"/1": 4, "/2": 1}


async def test_a_poll_before_its_time_asks_everyone(make: Make) -> None:
    """Somebody wants to know now."""
    count, handle = counting()
    with faults.scripted(handle) as address:
        source = make([web(address, 1), web(address, 2, interval=60.0)])
        await source.poll(Heard())
        await source.poll(Heard())
    assert count == {"/1": 2, "/2": 2}


async def test_closing_is_quick_whatever_hangs(make: Make) -> None:
    """Quitting does not wait for probes under way, nor for a poll."""
    with faults.silent() as silent, faults.black_hole() as hole:
        kinds = ("http", "redis", "tcp", "prometheus")
        services = [
            Service(f"{kind}-{n}", kind, url=address, timeout=30.0)
            for n, address in enumerate((silent, hole))
            for kind in kinds
        ]
        source = make(services, interval=60.0)
        polling = asyncio.create_task(source.poll(Heard()))
        await asyncio.sleep(0.5)
        polling.cancel()
        started = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
        await source.close()
        await source.close()
        assert time.monotonic() - started < 0.5


async def test_a_cancelled_poll_loses_no_answer(make: Make) -> None:
    """What comes after the engine gave up on a poll is told by the next one."""

    def handle(plug: socket.socket) -> None:
        while plug.recv(65_536):
            time.sleep(0.4)
            plug.sendall(faults.http(b"OK"))

    with faults.scripted(handle) as address:
        source = make([web(address, 1)], interval=5.0)
        heard = Heard()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await source.poll(heard)
        assert not heard.results
        await source.poll(heard)
    assert heard.count["s1"] == 1


class Unruly:
    """A prober with the mistakes a probe could make."""

    def __init__(self, work: Callable[[], float]) -> None:
        self._work = work

    async def __call__(self, service: Service, deadline: float, /) -> ProbeResult:
        until = time.monotonic() + self._work()
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(left)
        return ProbeResult(service.id, clock(), Health.UP)

    def close(self) -> None:
        """Nothing to close."""


async def test_a_probe_that_ignores_its_deadline_is_given_up() -> None:
    """The last line of defence: a result within the deadline and a moment, and the source goes on."""
    source = ServicesSource([Service("s1", "http")], Unruly(lambda: 3.0), clock, timeout=0.3)
    heard = Heard()
    async with asyncio.timeout(2):
        await source.poll(heard)
        assert heard.results["s1"].reason == "no answer within 0.3 s"
        assert heard.at["s1"] < 1.0
        await source.close()


async def test_a_probe_that_raises_is_a_result() -> None:
    """An exception is told as what it is: nothing known of the service."""

    def work() -> float:
        raise LookupError("a mistake")

    source = ServicesSource([Service("s1", "http")], Unruly(work), clock)
    heard = Heard()
    await source.poll(heard)
    assert heard.results["s1"].health is Health.UNKNOWN
    assert heard.results["s1"].reason == "the probe failed: LookupError"


async def test_without_services_there_is_still_an_answer(make: Make) -> None:
    """An empty configuration is no error."""
    heard = Heard()
    await make([]).poll(heard)
    assert [seen.complete for seen in heard.observations] == [True]
