"""Temporal as it really answers: its namespaces, its workers, and what is at its port instead of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from controlroom.domain.asks import TemporalAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab.servers import Server
from controlroom.lab.temporal import create_namespace, temporal
from controlroom.probes.grpc_message import message, number, text
from controlroom.probes.prober import Prober
from controlroom.probes.temporal_answers import FRONTEND
from tests import faults
from tests.conftest import Start
from tests.grpc_server import grpc_server
from tests.probes.h2_servers import by_method
from tests.probes.web_servers import nginx

DEADLINE = 2.0


def now() -> datetime:
    return datetime.now(UTC)


def ahead() -> datetime:
    """What a clock shows that goes two minutes before."""
    return now() + timedelta(minutes=2)


@contextlib.asynccontextmanager
async def probing(clock: Callable[[], datetime] = now) -> AsyncIterator[Prober]:
    made = Prober(clock, lambda ref: "")
    await made.load("temporal")
    yield made
    made.close()


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober that has loaded what it needs."""
    async with probing() as made:
        yield made


def service(address: str, *queues: str, namespace: str = "default", **keys: object) -> Service:
    asks = TemporalAsks(namespace, queues)
    return Service("it", "temporal", url=address, temporal=asks, **keys)  # type: ignore[arg-type]


async def until(
    prober: Prober, asked: Service, true: Callable[[ProbeResult], bool], within: float = 20.0
) -> ProbeResult:
    """The first result that is as it should become."""
    give_up = asyncio.get_running_loop().time() + within
    while not true(result := await prober(asked, DEADLINE)):
        assert asyncio.get_running_loop().time() < give_up, result
        await asyncio.sleep(0.02)
    return result


@contextlib.contextmanager
def worker(
    server: Server, queue: str, *kinds: str, namespace: str = "default", identity: str = "4711@here"
) -> Iterator[None]:
    """A worker that waits for tasks of the `kinds`, as the SDKs' do: with long polls, one for each kind."""
    request = text(1, namespace) + message(2, text(1, queue) + number(2, 1)) + text(3, identity)
    with grpc.insecure_channel(server.address) as channel:
        polls = [
            channel.unary_unary(f"/{FRONTEND}/Poll{kind}TaskQueue").future(request, timeout=70)
            for kind in kinds
        ]
        yield
        for poll in polls:
            poll.cancel()


async def test_a_temporal_that_serves(prober: Prober, start: Start) -> None:
    """UP with its version and its namespace, asked with no more than its address."""
    server = start(temporal)
    result = await prober(Service("it", "temporal", url=server.address), DEADLINE)
    assert (result.health, result.reason) == (Health.UP, "serving")
    assert list(result.detail) == ["version", "namespace"]
    assert result.detail["version"].count(".") == 2
    assert result.detail["namespace"] == "default"
    assert result.raw.splitlines() == [f"server version: {result.detail['version']}", "namespace: default"]


async def test_a_namespace_that_is_missing_and_then_made(prober: Prober, start: Start) -> None:
    """DOWN by its name until an operator makes it, and UP at the very next look."""
    server = start(temporal)
    asked = service(server.address, namespace="orders")
    result = await prober(asked, DEADLINE)
    assert (result.health, result.reason) == (Health.DOWN, "no namespace orders")
    assert result.raw.startswith("grpc-status: 5 NOT_FOUND")
    create_namespace(server, "orders")
    result = await prober(asked, DEADLINE)
    assert (result.health, result.detail["namespace"]) == (Health.UP, "orders")


async def test_a_namespace_that_is_deprecated(prober: Prober, start: Start) -> None:
    """It still works, and somebody should know: DEGRADED."""
    server = start(temporal)
    with grpc.insecure_channel(server.address) as channel:
        channel.unary_unary(f"/{FRONTEND}/DeprecateNamespace")(text(1, "default"), timeout=10)
    result = await prober(service(server.address), DEADLINE)
    assert (result.health, result.reason) == (Health.DEGRADED, "namespace default is deprecated")


async def test_a_namespace_survives_a_restart_of_the_lab(prober: Prober, start: Start) -> None:
    """Killed and started anew, the server still has it, and the look after it is simply UP."""
    server = start(temporal)
    create_namespace(server, "orders")
    asked = service(server.address, namespace="orders")
    assert (await prober(asked, DEADLINE)).health is Health.UP
    server.restart()
    assert (await prober(asked, DEADLINE)).health is Health.UP


async def test_a_task_queue_without_a_worker(prober: Prober, start: Start) -> None:
    """Nobody polls: DEGRADED by the names of the queues, the rest of them counted."""
    server = start(temporal)
    one = await prober(service(server.address, "orders"), DEADLINE)
    many = await prober(service(server.address, "orders", "mail", "bills", "pets"), DEADLINE)
    assert (one.health, one.reason) == (Health.DEGRADED, "no worker polls orders")
    assert (many.health, many.reason) == (Health.DEGRADED, "no worker polls orders, mail and 2 more")
    assert one.detail["queue orders"] == "0 for workflows, 0 for activities"
    assert "orders, workflows: nobody" in one.raw


async def test_a_task_queue_with_a_worker(prober: Prober, start: Start) -> None:
    """Pollers of workflows and of activities are counted apart, and a worker only once."""
    server = start(temporal)
    asked = service(server.address, "orders")
    with worker(server, "orders", "Workflow", "Activity"):
        result = await until(prober, asked, lambda r: "1 for workflows, 1 for" in str(r.detail))
    assert (result.health, result.reason) == (Health.UP, "serving, all task queues polled")
    assert list(result.detail)[:2] == ["pollers", "version"]
    assert result.detail["pollers"] == "orders 1"
    words = "1 for workflows, 1 for activities, last poll within a minute"
    assert result.detail["queue orders"] == words
    assert "orders, activities: 4711@here" in result.raw


@pytest.mark.parametrize("kind", ["Workflow", "Activity"])
async def test_either_kind_of_worker_is_enough(prober: Prober, start: Start, kind: str) -> None:
    """A queue for activities alone, or for workflows alone, is a queue that is polled."""
    server = start(temporal)
    with worker(server, "orders", kind):
        await until(prober, service(server.address, "orders"), lambda r: r.health is Health.UP)


async def test_a_worker_of_another_namespace_does_not_count(prober: Prober, start: Start) -> None:
    """A queue of the same name elsewhere is another queue."""
    server = start(temporal)
    create_namespace(server, "shop")
    theirs = service(server.address, "orders", namespace="shop")
    with worker(server, "orders", "Workflow", namespace="shop"):
        await until(prober, theirs, lambda r: r.health is Health.UP)
        result = await prober(service(server.address, "orders"), DEADLINE)
    assert result.reason == "no worker polls orders"


async def test_workers_that_went_are_forgotten(prober: Prober, start: Start) -> None:
    """When Temporal has forgotten the last of them, after five minutes by default, nobody polls."""
    forgets = ("--dynamic-config-value", 'matching.PollerHistoryTTL="1s"')
    server = start(lambda folder: temporal(folder, *forgets))
    asked = service(server.address, "orders")
    with worker(server, "orders", "Workflow"):
        await until(prober, asked, lambda r: r.health is Health.UP)
    result = await until(prober, asked, lambda r: r.health is Health.DEGRADED)
    assert result.reason == "no worker polls orders"


async def test_a_silent_worker_is_called_that(start: Start) -> None:
    """A last poll of long ago, as the clock has it, is DEGRADED with its age; the next one mends it.

    The clock here is two minutes ahead, which makes every poll old until one comes between two looks.
    """
    server = start(temporal)
    asked = service(server.address, "orders")
    async with probing(ahead) as prober:
        with worker(server, "orders", "Workflow"):
            result = await until(prober, asked, lambda r: "no worker" not in r.reason)
    # Nothing was seen to change by this one, so that it has only its clock.
    async with probing(ahead) as prober:
        result = await prober(asked, DEADLINE)
        assert result.health is Health.DEGRADED
        assert result.reason == "no poll for 2m, workers gone or full: orders"
        assert result.detail["queue orders"].endswith("last poll 2m ago")
        with worker(server, "orders", "Activity"):
            result = await until(prober, asked, lambda r: r.health is Health.UP)
        assert result.detail["queue orders"].endswith("last poll within a minute")


@pytest.mark.parametrize("options", [(), ("--no-health",), ("--state", "NOT_SERVING")])
async def test_a_grpc_server_that_is_not_temporal_is_named(
    prober: Prober, start: Start, options: tuple[str, ...]
) -> None:
    """Any gRPC server answers a health check; only Temporal knows its own methods."""
    server = start(lambda folder: grpc_server(folder, *options))
    result = await prober(service(server.address), DEADLINE)
    assert (result.health, result.reason) == (Health.DOWN, "speaks gRPC, but is not Temporal")


async def test_another_server_in_its_place_is_found_out_at_once(prober: Prober, start: Start) -> None:
    """What was learnt of a Temporal does not speak for whatever answers at its address next."""
    here = {
        "Check": b"\x08\x01",
        "GetSystemInfo": text(1, "1.2.3"),
        "DescribeNamespace": message(1, number(2, 1)),
    }
    answers = dict(here)
    with faults.scripted(by_method(answers)) as address:
        asked = service(address)
        result = await prober(asked, DEADLINE)
        assert (result.health, result.detail["version"]) == (Health.UP, "1.2.3")
        answers.clear()
        result = await prober(asked, DEADLINE)
        assert (result.health, result.reason) == (Health.DOWN, "speaks gRPC, but is not Temporal")
        answers.update(here)
        assert (await prober(asked, DEADLINE)).health is Health.UP


SYSTEM, REGISTERED = text(1, "1.2.3"), message(1, number(2, 1))


@pytest.mark.parametrize(
    ("answers", "health", "reason"),
    [
        ({"GetSystemInfo": SYSTEM, "DescribeNamespace": REGISTERED}, Health.UP, "serving"),
        ({"Check": b"\x08\x01", "DescribeNamespace": REGISTERED}, Health.UP, "serving"),
        (
            {"Check": b"\x08\x02", "GetSystemInfo": SYSTEM, "DescribeNamespace": REGISTERED},
            Health.DOWN,
            "frontend is not serving",
        ),
        (
            {"Check": b"", "GetSystemInfo": SYSTEM, "DescribeNamespace": REGISTERED},
            Health.DOWN,
            "frontend does not know its own health",
        ),
        (
            {"Check": b"\x08\x01", "GetSystemInfo": SYSTEM, "DescribeNamespace": message(1, number(2, 3))},
            Health.DOWN,
            "namespace default is deleted",
        ),
        (
            {"Check": b"\x08\x01", "GetSystemInfo": SYSTEM},
            Health.DOWN,
            "namespace default: answers UNIMPLEMENTED",
        ),
        (
            {"Check": b"\x08\x01", "GetSystemInfo": b"\x0b", "DescribeNamespace": REGISTERED},
            Health.DOWN,
            "answers OK, but not as Temporal does",
        ),
    ],
    ids=["no health", "old", "stopping", "unsure", "deleted", "half", "garbage"],
)
async def test_unusual_frontends(
    prober: Prober, answers: dict[str, bytes], health: Health, reason: str
) -> None:
    """A proxy that knows no health protocol, a server that stops, a namespace that was deleted, and more."""
    with faults.scripted(by_method(answers)) as address:
        result = await prober(service(address), DEADLINE)
    assert (result.health, result.reason) == (health, reason)


async def test_what_is_not_answered_in_time_is_named(prober: Prober) -> None:
    """A frontend that answers while what is behind it hangs is told from one that says nothing."""
    answers = {"Check": b"\x08\x01", "GetSystemInfo": SYSTEM, "DescribeNamespace": REGISTERED}
    with faults.scripted(by_method({**answers, "DescribeTaskQueue": None})) as address:
        result = await prober(service(address, "orders"), 0.5)
    assert (result.health, result.reason) == (
        Health.DOWN,
        "answers, but not to DescribeTaskQueue within 0.5 s",
    )


async def test_many_task_queues_are_asked_in_turns(prober: Prober, start: Start) -> None:
    """Forty queues, more calls than go out at a time, are still one look."""
    server = start(temporal)
    names = tuple(f"queue-{number}" for number in range(40))
    result = await prober(service(server.address, *names), DEADLINE)
    assert result.reason == "no worker polls queue-0, queue-1 and 38 more"


async def test_tls_before_temporal(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Behind a proxy that ends TLS it is UP; with its server gone, the proxy's own answer is named."""
    ca = faults.authority(tmp_path)
    certificate, key = ca.server()
    behind = start(temporal)
    server = start(
        lambda folder: nginx(
            folder,
            f"ssl_certificate {certificate}; ssl_certificate_key {key};"
            f" location / {{ grpc_pass grpc://{behind.address}; }}",
            listen=" ssl http2",
        )
    )
    asked = service(f"temporal+tls://{server.address}", ca=str(ca.path))
    result = await prober(asked, DEADLINE)
    assert (result.health, result.reason) == (Health.UP, "serving")
    behind.kill()
    result = await prober(asked, DEADLINE)
    assert result.reason == "answers HTTP 502 (text/html), which is not gRPC"


async def test_a_graceful_stop_is_seen_through(prober: Prober, start: Start) -> None:
    """While it stops, every look has an answer; then the port is closed, and open again when it is back."""
    server = start(temporal)
    asked = service(server.address, "orders")
    assert (await prober(asked, DEADLINE)).health is Health.DEGRADED
    server.process.terminate()
    reasons = {result.reason async for result in looks(prober, asked, server)}
    last = await prober(asked, DEADLINE)
    assert (last.health, last.reason) == (Health.DOWN, "connection refused")
    assert not any("failed" in reason or "broken" in reason for reason in reasons), reasons
    server.restart()
    await until(prober, asked, lambda r: r.reason == "no worker polls orders")


async def looks(prober: Prober, asked: Service, server: Server) -> AsyncIterator[ProbeResult]:
    """What is seen of a server until its process has ended."""
    while server.process.poll() is None:
        yield await prober(asked, DEADLINE)
        await asyncio.sleep(0.005)
