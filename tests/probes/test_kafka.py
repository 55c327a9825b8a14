"""Kafka as it really answers: topics, traffic, consumer groups, and brokers that are none."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.admin import CreateTopicsRequest
from aiokafka.protocol.types import CompactArray, CompactString, Int32

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.services import Health, Service
from controlroom.lab import kafka
from controlroom.lab.servers import Server
from controlroom.probes.kafka_link import Question
from controlroom.probes.prober import Prober
from tests import faults
from tests.probes.kafka_servers import (
    MODULE,
    admin,
    create,
    look,
    read,
    reader,
    shared,
    tell,
    write,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@MODULE
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker that makes a topic for anybody who as much as names one."""
    with shared(
        lambda folder: kafka.kafka(folder, "auto.create.topics.enable=true"),
        tmp_path_factory.mktemp("kafka"),
    ) as made:
        yield made


@pytest.fixture
async def clock() -> list[datetime]:
    """What time it is; a test may set it."""
    return [NOON]


@pytest.fixture
async def prober(clock: list[datetime]) -> AsyncIterator[Prober]:
    """A prober with a clock that stands still, and its library loaded."""
    made = Prober(lambda: clock[0], lambda ref: "")
    await made.load("kafka")
    yield made
    made.close()


async def test_facts_of_a_broker(prober: Prober, server: Server) -> None:
    """How many brokers, who is the controller, which cluster; and for people, where the brokers are."""
    result = await look(prober, server.address)
    assert result.health is Health.UP
    assert result.reason.startswith("1 broker, ")
    assert (result.detail["brokers"], result.detail["controller"]) == ("1", "1")
    assert f"cluster: {result.detail['cluster']}" in result.raw
    assert f"broker 1: {server.address}" in result.raw


async def test_a_missing_topic_is_named_and_not_made(prober: Prober, server: Server) -> None:
    """A topic that must exist is missed, whoever looks for it, and is fine once somebody has made it."""
    asks = KafkaAsks(topics={"wanted": 0}, traffic=("wanted",), groups={"nobody": 0})
    for _ in range(3):
        result = await look(prober, server.address, asks)
        assert result.health is Health.DEGRADED
        assert "topic wanted does not exist" in result.reason
        assert "group nobody does not exist" in result.reason
    async with admin(server.address) as client:
        assert "wanted" not in await client.list_topics()
    await create(server.address, "wanted")
    result = await look(prober, server.address, KafkaAsks(topics={"wanted": 0}))
    assert (result.health, "in step" in result.reason) == (Health.UP, True)


async def test_asking_for_a_group_does_not_make_kafkas_own_topic(
    prober: Prober, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A broker that never had a group keeps none on our account."""
    with shared(kafka.kafka, tmp_path_factory.mktemp("fresh")) as fresh:
        result = await look(prober, fresh.address, KafkaAsks(groups={"nobody": 0}))
        async with admin(fresh.address) as client:
            topics = await client.list_topics()
    assert result.reason == "group nobody does not exist"
    assert topics == []


async def test_another_number_of_partitions_is_told(prober: Prober, server: Server) -> None:
    """The number that is there, and the one that was asked for."""
    await create(server.address, "split", 3)
    for wanted, health in ((3, Health.UP), (0, Health.UP), (6, Health.DEGRADED)):
        result = await look(prober, server.address, KafkaAsks(topics={"split": wanted}))
        assert result.health is health
    assert result.reason == "topic split has 3 partitions, not 6"


async def test_fewer_brokers_than_asked_for(prober: Prober, server: Server) -> None:
    """The brokers that are alive are counted."""
    result = await look(prober, server.address, KafkaAsks(brokers=3))
    assert (result.health, result.reason) == (Health.DEGRADED, "1 of 3 brokers alive")
    assert result.detail["brokers"] == "1 of 3"


async def test_a_topic_nobody_writes_to_grows_quiet(
    prober: Prober, server: Server, clock: list[datetime]
) -> None:
    """Nothing is said until it was watched for long enough; a single message ends it."""
    await create(server.address, "events", 2)
    asks = KafkaAsks(traffic=("events",), quiet=300)
    service = Service("it", "kafka", url=server.address, kafka=asks)

    async def at(minutes: float) -> tuple[Health, str, str]:
        clock[0] = NOON + timedelta(minutes=minutes)
        result = await prober(service, 10.0)
        return result.health, result.reason, result.detail["traffic"]

    assert (await at(0))[2] == "events watched for 0s"
    assert (await at(4))[::2] == (Health.UP, "events watched for 4m")
    assert (await at(6))[:2] == (Health.DEGRADED, "topic events quiet for 6m")
    await write(server.address, "events", 1, partition=1)
    assert (await at(7))[::2] == (Health.UP, "events 0s ago")
    assert (await at(11))[::2] == (Health.UP, "events 4m ago")
    assert (await at(13))[0] is Health.DEGRADED


async def test_a_group_falls_behind_and_catches_up(prober: Prober, server: Server) -> None:
    """What is not read yet is counted over all partitions, and judged by the limit of the group."""
    await create(server.address, "orders", 2)
    await write(server.address, "orders", 6)
    asks = KafkaAsks(groups={"packers": 3})
    async with reader(server.address, "packers", "orders") as consumer:
        await read(consumer, 6)
        result = await look(prober, server.address, asks)
        assert (result.health, result.detail["lag"]) == (Health.UP, "packers 0")
        await write(server.address, "orders", 5)
        result = await look(prober, server.address, asks)
        assert (result.health, result.reason) == (Health.DEGRADED, "group packers is 5 behind, limit 3")
        assert result.detail["lag"] == "packers 5"
        await read(consumer, 5)
        assert (await look(prober, server.address, asks)).health is Health.UP
    result = await look(prober, server.address, asks)
    assert (result.health, result.reason) == (Health.DEGRADED, "group packers has no members")


async def test_whoever_only_keeps_offsets_in_a_group_needs_no_members(prober: Prober, server: Server) -> None:
    """Programs that choose their partitions themselves commit as a group without ever joining it."""
    await create(server.address, "ledger")
    await write(server.address, "ledger", 4)
    consumer = AIOKafkaConsumer(bootstrap_servers=server.address, group_id="books", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition("ledger", 0)])
        await consumer.commit({TopicPartition("ledger", 0): 1})
    finally:
        await consumer.stop()
    near = await look(prober, server.address, KafkaAsks(groups={"books": 3}))
    far = await look(prober, server.address, KafkaAsks(groups={"books": 2}))
    assert (near.health, near.detail["lag"]) == (Health.UP, "books 3")
    assert (far.health, far.reason) == (Health.DEGRADED, "group books is 3 behind, limit 2")


async def test_a_group_of_the_newer_protocol_is_no_dead_one(prober: Prober, server: Server) -> None:
    """Older questions call a group of KIP-848 dead; it is asked again in its own words."""
    await create(server.address, "modern")
    # ConsumerGroupHeartbeat, version 0: join for the first time, with a topic and no partitions yet.
    text, none = CompactString().encode, b"\0"
    body = text("moderns") + text("me") + struct.pack(">i", 0) + none + none + struct.pack(">i", 30_000)
    body += CompactArray(CompactString()).encode(["modern"]) + none + CompactArray(Int32).encode([]) + none
    for _ in range(50):
        raw = await tell(server, Question(68, 0, body, bytes, flexible=True))
        if raw[4:6] == b"\0\0":
            break
        await asyncio.sleep(0.1)  # its coordinator is made when the first group asks for it
    assert raw[4:6] == b"\0\0"
    result = await look(prober, server.address, KafkaAsks(groups={"moderns": 0}))
    assert "does not exist" not in result.reason
    assert result.health is Health.UP


async def test_several_groups_are_each_looked_at(prober: Prober, server: Server) -> None:
    """Two groups of one topic: the one that is behind is named, the other's lag is told, too."""
    await create(server.address, "shared")
    await write(server.address, "shared", 4)
    async with (
        reader(server.address, "quick", "shared") as quick,
        reader(server.address, "slow", "shared") as slow,
    ):
        await read(slow, 1)
        await read(quick, 4)
        result = await look(prober, server.address, KafkaAsks(groups={"quick": 0, "slow": 0}))
    assert (result.reason, result.detail["lag"]) == ("group slow is 3 behind, limit 0", "quick 0, slow 3")


async def test_no_message_is_shown(prober: Prober, server: Server) -> None:
    """Topics are counted and named; what is written into them is not read."""
    await create(server.address, "secrets")
    await write(server.address, "secrets", 1)
    result = await look(prober, server.address, KafkaAsks(traffic=("secrets",)))
    assert "topic secrets: 1 partition" in result.raw
    assert "private" not in str(result)


async def test_one_connection_is_kept(prober: Prober, server: Server) -> None:
    """Ten looks at a broker open one connection, and closing the prober closes it."""
    service = Service("it", "kafka", url=server.address, kafka=KafkaAsks(groups={"nobody": 0}))
    before = _connections(server.port)
    for _ in range(10):
        assert (await prober(service, 10.0)).latency is not None
        assert _connections(server.port) == before + 1
    prober.close()
    await asyncio.sleep(0)  # a socket is closed by the next turn of the loop
    assert _connections(server.port) == before


def _connections(port: int) -> int:
    """Established connections of this machine to `port` of 127.0.0.1."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(line.split()[2] == f"0100007F:{port:04X}" and line.split()[3] == "01" for line in lines)


async def test_one_broker_of_the_url_is_enough(prober: Prober, server: Server) -> None:
    """One that refuses and one that is silent are passed over in time; none at all is counted."""
    with faults.refused() as nobody, faults.silent() as mute:
        for first in (nobody, mute):
            result = await look(prober, f"kafka://{first},{server.address}", None, 2.0)
            assert result.health is Health.UP
        result = await look(prober, f"kafka://{nobody},{mute}", None, 0.4)
    assert (result.health, result.unreachable) == (Health.DOWN, False)
    assert result.reason == "none of 2 brokers can be used: connection refused"


async def test_a_broker_that_cannot_be_reached_as_it_calls_itself(
    prober: Prober, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Metadata comes from anywhere, but messages go to the address a broker advertises: it is named."""
    elsewhere = "advertised.listeners=PLAINTEXT://no-such.invalid:9092"
    with shared(lambda folder: kafka.kafka(folder, elsewhere), tmp_path_factory.mktemp("lost")) as lost:
        await tell(lost, CreateTopicsRequest([("events", 1, 1, [], [])], 5_000, False))
        result = await look(prober, lost.address, KafkaAsks(traffic=("events",)))
    assert result.health is Health.DEGRADED
    assert result.reason.startswith("broker 1 at no-such.invalid:9092: ")
