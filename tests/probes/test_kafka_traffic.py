"""Topics that squads promised, as a real Kafka tells of them, at the first look already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.protocol.metadata import MetadataRequest

from controlroom.domain import topics
from controlroom.domain.asks import KafkaAsks
from controlroom.domain.board import Squad
from controlroom.domain.health import ProbeResult, TopicTraffic, advance, initial
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Topic
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.lab import kafka
from controlroom.lab.servers import Server
from controlroom.probes.kafka_flow import flow
from controlroom.probes.kafka_link import Link
from controlroom.probes.kafka_links import Place
from controlroom.probes.kafka_memory import Memory, Stamps
from controlroom.probes.kafka_partitions import Partition
from controlroom.probes.kafka_traffic import stamps
from controlroom.probes.kafka_view import cluster
from controlroom.probes.prober import Prober
from tests.probes.kafka_servers import MODULE, admin, create, look, shared, write

HALF_AN_HOUR = 1_800.0


def now() -> datetime:
    """By this machine's clock, which is the broker's, too."""
    return datetime.now(UTC)


def ago(minutes: float) -> datetime:
    """An instant in the past, in whole milliseconds as Kafka keeps it."""
    return now().replace(microsecond=0) - timedelta(minutes=minutes)


@MODULE
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker that makes a topic for anybody who as much as names one."""
    with shared(
        lambda folder: kafka.kafka(folder, "auto.create.topics.enable=true"),
        tmp_path_factory.mktemp("kafka"),
    ) as made:
        yield made


@pytest.fixture
async def clock() -> list[timedelta]:
    """How far ahead of the machine's the room's clock is; a test may set it."""
    return [timedelta()]


@pytest.fixture
async def prober(clock: list[timedelta]) -> AsyncIterator[Prober]:
    """A prober with its library loaded."""
    made = Prober(lambda: now() + clock[0], lambda ref: "")
    await made.load("kafka")
    yield made
    made.close()


async def say(address: str, topic: str, *at: datetime | int, partition: int | None = None) -> None:
    """Write a message for each time that the writer claims it is; milliseconds where no date will do."""
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        for one in at:
            time = one if isinstance(one, int) else round(one.timestamp() * 1000)
            await producer.send_and_wait(topic, b"private", partition=partition, timestamp_ms=time)
    finally:
        await producer.stop()


def watching(server: Server, *names: str, quiet: float = HALF_AN_HOUR, **keys: Any) -> Service:
    """A cluster of which squads promised these topics."""
    return Service(
        "it", "kafka", url=server.address, kafka=KafkaAsks(watch=dict.fromkeys(names, quiet)), **keys
    )


def read(result: ProbeResult, topic: str, at: datetime | None = None) -> SignalReading:
    """What the room makes of the answer."""
    state = advance(initial(Service("it", "kafka"), 5.0), result)
    squads = [Squad("ink", topics=(Topic(topic, "ink"),))]
    (reading,) = topics.readings(squads, [state], at or result.at)
    return reading


async def test_one_look_sees_that_messages_come(prober: Prober, server: Server) -> None:
    """Of a topic that nobody watched before: when the last one came, and since when they come."""
    await create(server.address, "orders", 2)
    first, last = ago(25), ago(1)
    await say(server.address, "orders", ago(300), first, partition=0)
    await say(server.address, "orders", last, partition=1)
    result = await prober(watching(server, "orders"), 10.0)
    (seen,) = result.traffic
    assert (seen.topic, seen.moved_at, seen.carried_since) == ("orders", last, first)
    assert (seen.still_since, seen.error, seen.stamped) == (last, "", True)
    reading = read(result, "orders")
    assert (reading.code, reading.last_seen, reading.since) == (GapCode.OK, last, first)


async def test_one_look_sees_that_a_topic_is_silent(prober: Prober, server: Server) -> None:
    """Its last message is an hour old; that is the squad's gap, and Kafka is well."""
    await create(server.address, "stopped")
    last = ago(60)
    await say(server.address, "stopped", last)
    result = await prober(watching(server, "stopped"), 10.0)
    (seen,) = result.traffic
    assert (seen.moved_at, seen.still_since, seen.carried_since) == (last, last, None)
    assert result.health is Health.UP
    reading = read(result, "stopped")
    assert (reading.code, reading.last_seen) == (GapCode.TOPIC_SILENT, last)
    assert reading.since == last + timedelta(minutes=30)


async def test_an_empty_topic_is_unknown_until_it_was_watched(
    prober: Prober, server: Server, clock: list[timedelta]
) -> None:
    """Nobody can say how old it is: neither fine nor silent before it was looked at for long enough."""
    await create(server.address, "empty", 2)
    service = watching(server, "empty")
    for _ in range(100):  # its partitions are led a moment after it was made
        result = await prober(service, 10.0)
        if not result.traffic[0].error:
            break
        await asyncio.sleep(0.05)
    begun = result.traffic[0].watched_since
    assert result.traffic == (TopicTraffic("empty", still_since=begun, watched_since=begun),)
    clock[0] = timedelta(seconds=40)
    reading = read(await prober(service, 10.0), "empty")
    assert (reading.code, reading.text) == (GapCode.UNKNOWN, "no message seen, watched for 40s of 30m")
    clock[0] = timedelta(minutes=31)
    reading = read(await prober(service, 10.0), "empty")
    assert (reading.code, reading.last_seen) == (GapCode.TOPIC_SILENT, None)


async def test_what_is_seen_to_move_counts_whatever_its_messages_claim(
    prober: Prober, server: Server, clock: list[timedelta]
) -> None:
    """Whoever writes yesterday's events today carries traffic; a pause that is too long begins anew."""
    await create(server.address, "replay")
    await say(server.address, "replay", ago(1_440))
    service = watching(server, "replay")
    assert read(await prober(service, 10.0), "replay").code is GapCode.TOPIC_SILENT
    await say(server.address, "replay", ago(1_440))
    begun = now()
    result = await prober(service, 10.0)
    (seen,) = result.traffic
    assert seen.moved_at is not None
    assert begun <= seen.moved_at <= result.at
    assert seen.carried_since == seen.moved_at
    assert (seen.still_since, seen.stamped) == (None, False)
    assert read(result, "replay").code is GapCode.OK
    carried = seen.carried_since
    clock[0] = timedelta(minutes=20)
    await write(server.address, "replay", 1)
    (seen,) = (await prober(service, 10.0)).traffic
    assert seen.carried_since == carried
    clock[0] = timedelta(minutes=52)
    later = await prober(service, 10.0)
    assert later.traffic[0].still_since == seen.moved_at
    assert read(later, "replay").code is GapCode.TOPIC_SILENT
    await write(server.address, "replay", 1)
    (seen,) = (await prober(service, 10.0)).traffic
    assert seen.carried_since == seen.moved_at


async def test_a_missing_topic_is_never_seen_and_not_made(prober: Prober, server: Server) -> None:
    """It is known not to exist; Kafka is well, and does not get it from being asked."""
    for _ in range(2):
        result = await prober(watching(server, "wished"), 10.0)
        assert (result.health, result.traffic[0].missing) == (Health.UP, True)
    reading = read(result, "wished")
    assert (reading.code, reading.text) == (GapCode.NEVER_SEEN, "topic wished does not exist on it")
    async with admin(server.address) as client:
        assert "wished" not in await client.list_topics()


async def test_topics_the_service_is_judged_by_are_told_too(prober: Prober, server: Server) -> None:
    """What `kafka.traffic` names is judged as before, and told of like what squads promised."""
    await create(server.address, "judged")
    last = ago(60)
    await say(server.address, "judged", last)
    asks = KafkaAsks(traffic=("judged", "nowhere"), watch={"judged": 60.0})
    result = await look(prober, server.address, asks)
    assert (result.health, result.reason) == (Health.DEGRADED, "topic nowhere does not exist")
    assert [(one.topic, one.still_since, one.missing) for one in result.traffic] == [
        ("judged", last, False),
        ("nowhere", None, True),
    ]


async def test_a_message_from_the_future_says_nothing(prober: Prober, server: Server) -> None:
    """A clock that is far ahead makes no topic fine; what came before it still counts."""
    await create(server.address, "ahead")
    await say(server.address, "ahead", now() + timedelta(minutes=30))
    result = await prober(watching(server, "ahead"), 10.0)
    assert (result.traffic[0].moved_at, read(result, "ahead").code) == (None, GapCode.UNKNOWN)
    await create(server.address, "mixed")
    last = ago(2)
    await say(server.address, "mixed", last, now() + timedelta(minutes=30))
    result = await prober(watching(server, "mixed"), 10.0)
    assert (result.traffic[0].moved_at, read(result, "mixed").code) == (last, GapCode.OK)


async def test_a_time_that_no_calendar_has_spoils_no_other_topic(prober: Prober, server: Server) -> None:
    """One writer may claim the year 292 million; the others' messages are still told of."""
    async with admin(server.address) as client:
        limits = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        await client.create_topics([NewTopic("poison", 1, 1, topic_configs=limits)])
    await create(server.address, "sound")
    last = ago(2)
    await say(server.address, "poison", 2**63 - 2)
    await say(server.address, "sound", last)
    result = await prober(watching(server, "poison", "sound"), 10.0)
    assert [one.moved_at for one in result.traffic] == [None, last]
    assert read(result, "poison").code is GapCode.UNKNOWN


async def test_a_topic_that_was_made_anew_has_carried_nothing(
    prober: Prober, server: Server, clock: list[timedelta]
) -> None:
    """Offsets that begin again are no message."""
    await create(server.address, "again")
    await write(server.address, "again", 3)
    service = watching(server, "again")
    assert (await prober(service, 10.0)).traffic[0].moved_at is not None
    async with admin(server.address) as client:
        await client.delete_topics(["again"])
        made = await client.create_topics([NewTopic("again", 1, 1)])
        assert made.topic_errors[0][1] == 0
    result = await prober(service, 10.0)
    while read(result, "again").code is GapCode.NEVER_SEEN:  # not everybody has heard of the new one yet
        assert result.traffic[0].moved_at is None
        result = await prober(service, 10.0)
    assert (result.traffic[0].moved_at, read(result, "again").code) == (None, GapCode.UNKNOWN)


@asynccontextmanager
async def linked(server: Server) -> AsyncIterator[tuple[list[int], Callable[[Place, Any], Any]]]:
    """A connection of its own: the APIs that were asked over it, and how to ask."""
    keys: list[int] = []
    _, link = await asyncio.get_running_loop().create_connection(Link, "127.0.0.1", server.port)

    async def ask(_: Place, request: Any) -> Any:
        keys.append(getattr(request, "API_KEY", None) or request.key)
        return await link.ask(request)

    try:
        await link.greet()
        yield keys, ask
    finally:
        link.abort()


async def test_older_brokers_tell_whether_a_message_is_young_enough(server: Server) -> None:
    """Without the newest message's time, the first young one is a lower bound, and none is silence."""
    await create(server.address, "elder", 2)
    young = ago(20)
    await say(server.address, "elder", ago(90), young, ago(1), partition=0)
    await say(server.address, "elder", ago(90), partition=1)
    wanted: list[Partition] = [("elder", 0), ("elder", 1)]
    at, quiet = now(), {"elder": HALF_AN_HOUR}
    async with linked(server) as (keys, ask):
        found = await stamps(
            Place("127.0.0.1", server.port), wanted, quiet, ask=ask, speaks=lambda *_: False, now=at
        )
    assert found == {
        ("elder", 0): Stamps(young, young, None),
        ("elder", 1): Stamps(None, None, at - timedelta(seconds=HALF_AN_HOUR)),
    }
    assert keys == [2]


async def test_times_are_asked_for_once(server: Server) -> None:
    """However many topics: two more questions at the first look, and none at the next ones."""
    names = [f"many.{number}" for number in range(20)]
    async with admin(server.address) as client:
        await client.create_topics([NewTopic(name, 2, 1) for name in names])
    for name in names[:3]:
        await say(server.address, name, ago(5))
    memory, place = Memory(), Place("127.0.0.1", server.port)
    asks = KafkaAsks(watch=dict.fromkeys(names, HALF_AN_HOUR))
    async with linked(server) as (keys, ask):
        seen = cluster(await ask(place, MetadataRequest(None, False)))
        counts = []
        for _ in range(3):
            keys.clear()
            moving = await flow(asks, seen, memory, None, ask, named=None, speaks=lambda *_: True, now=now())
            counts.append(len(keys))
    assert counts == [3, 1, 1]
    assert [one.topic for one in moving.topics] == names
    assert sum(one.moved_at is not None for one in moving.topics) == 3
