"""A Kafka of three brokers that loses them one by one, and one that loses its controller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import kafka
from controlroom.lab.servers import Server
from controlroom.probes.prober import Prober
from tests.conftest import Start
from tests.probes.kafka_servers import create, write

Nodes = list[Server]
ASKS = KafkaAsks(brokers=3, topics={"events": 3}, traffic=("events",))


KIND = "kafka"


@pytest.fixture
def gather(start: Start) -> Iterator[Callable[[int], Nodes]]:
    """Start a cluster of so many brokers, the first of them the controller."""
    with ExitStack() as stack:

        def make(size: int) -> Nodes:
            nodes: Nodes = []

            def all_of_them(folder: Path) -> Server:
                nodes.extend(kafka.cluster(folder, size))
                return nodes[0]

            start(all_of_them)
            for node in nodes[1:]:
                stack.callback(node.stop)
            return nodes

        yield make


async def until(
    prober: Prober, service: Service, true: Callable[[ProbeResult], bool], looks: int = 100
) -> ProbeResult:
    """The first result that is `true`: the controller takes some seconds to call a broker dead."""
    for _ in range(looks):
        result = await prober(service, 2.0)
        if true(result):
            return result
        await asyncio.sleep(0.1)
    raise AssertionError(result)


async def test_brokers_that_die(prober: Prober, gather: Callable[[int], Nodes]) -> None:
    """One less: named, and replicas are missing; two less: some partitions are nobody's, it is DOWN."""
    nodes = gather(3)
    url = ",".join(node.address for node in nodes)
    await create(url, "events", 3, copies=2)
    await write(url, "events", 3)
    service = Service("it", "kafka", url=url, kafka=ASKS)
    result = await until(prober, service, lambda result: result.health is Health.UP)
    assert result.reason == "3 brokers, 3 partitions in step"

    nodes[2].kill()
    result = await prober(service, 2.0)
    assert result.health is Health.DEGRADED
    assert f"broker 3 at {nodes[2].address}: connection refused" in result.reason
    result = await until(prober, service, lambda result: "2 of 3 brokers alive" in result.reason)
    assert (result.health, result.detail["brokers"]) == (Health.DEGRADED, "2 of 3")
    result = await until(prober, service, lambda result: "under-replicated" in result.reason)
    assert "partitions under-replicated: events 2" in result.reason
    assert "topic events: 3 partitions, 2 under-replicated" in result.raw

    nodes[1].kill()
    result = await until(prober, service, lambda result: result.health is Health.DOWN)
    assert result.reason.startswith("1 partition without a leader: events 1; 1 of 3 brokers alive")
    (events,) = result.traffic
    assert (events.error, events.still_since) == ("1 of 3 partitions without a leader", None)
    assert events.moved_at is not None

    for node in nodes[1:]:
        node.restart()
    result = await until(prober, service, lambda result: result.health is Health.UP)
    assert result.detail["brokers"] == "3 of 3"

    for node in nodes:
        node.kill()
    result = await prober(service, 2.0)
    assert (result.health, result.reason) == (
        Health.DOWN,
        "none of 3 brokers can be used: connection refused",
    )


async def test_a_controller_that_is_gone(prober: Prober, gather: Callable[[int], Nodes]) -> None:
    """Brokers go on without it and say nothing of it: it is asked for, and missed."""
    nodes = gather(2)
    service = Service("it", "kafka", url=",".join(node.address for node in reversed(nodes)))
    result = await until(prober, service, lambda result: result.health is Health.UP)
    assert result.detail["controller"] == "1"
    nodes[0].kill()
    result = await until(prober, service, lambda result: "no controller" in result.reason)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith("no controller answers: no leader can be elected")
    assert result.detail["controller"] == "none"
    nodes[0].restart()
    await until(prober, service, lambda result: result.health is Health.UP)


async def test_a_leader_that_hangs(prober: Prober, gather: Callable[[int], Nodes]) -> None:
    """The broker that answers knows nothing of it yet: whoever asks the leader finds out, in time."""
    nodes = gather(2)
    await create(nodes[0].address, "events", 2)
    asks = KafkaAsks(traffic=("events",))
    service = Service("it", "kafka", url=nodes[0].address, kafka=asks)
    await until(prober, service, lambda result: result.health is Health.UP)
    nodes[1].pause()
    result = await prober(service, 1.0)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith(f"broker 2 at {nodes[1].address}: connected, but no answer within 0.")
    assert [one.error for one in result.traffic] == ["1 of 2 partitions could not be asked"]
    nodes[1].resume()
    await until(prober, service, lambda result: result.health is Health.UP)
