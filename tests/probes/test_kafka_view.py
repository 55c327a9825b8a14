"""What Kafka's answers mean, and what is made of answers no Kafka would give."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.protocol.metadata import MetadataResponse_v1, MetadataResponse_v5

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.services import Health, Service
from controlroom.probes.kafka_links import Place, where
from controlroom.probes.kafka_memory import Memory
from controlroom.probes.kafka_view import Quorum, cluster, judged, quorum, worst
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober
from tests import faults
from tests.probes.kafka_servers import SPEAKS, answers, look, versions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Partition = tuple[int, list[int]]
WELL: Partition = (1, [1, 2])
UNDER: Partition = (1, [1])
OFFLINE: Partition = (-1, [])
ONE, TWO = (1, "a", 9092, None), (2, "b", 9092, None)


def metadata(*topics: tuple[str, list[Partition]], brokers: tuple[object, ...] = (ONE, TWO)) -> bytes:
    """A Metadata answer: topics with the leader and the replicas in step of each partition, of 1 and 2."""
    rows: list[Any] = [
        (0, name, False, [(0, number, leader, [1, 2], isr, []) for number, (leader, isr) in enumerate(parts)])
        for name, parts in topics
    ]
    encoded: bytes = MetadataResponse_v5(0, list(brokers), "id", 1, rows).encode()
    return encoded


@pytest.mark.parametrize(
    ("body", "asks", "health", "reason"),
    [
        (metadata(("a", [WELL, WELL])), KafkaAsks(), Health.UP, ""),
        (metadata(("a", [WELL, UNDER])), KafkaAsks(), Health.DEGRADED, "1 partition under-replicated: a 1"),
        (
            metadata(("a", [UNDER]), ("b", [UNDER] * 3), ("c", [UNDER] * 2), ("d", [UNDER])),
            KafkaAsks(),
            Health.DEGRADED,
            "7 partitions under-replicated: b 3, c 2 and 2 other topics",
        ),
        (
            metadata(("a", [WELL, OFFLINE]), ("b", [UNDER])),
            KafkaAsks(),
            Health.DEGRADED,
            "1 partition without a leader: a 1; 1 partition under-replicated: b 1",
        ),
        (
            metadata(("a", [OFFLINE] * 9), ("b", [WELL, OFFLINE])),
            KafkaAsks(topics={"b": 2}),
            Health.DOWN,
            "10 partitions without a leader: b 1, a 9",
        ),
        (
            metadata(("a", [WELL, OFFLINE])),
            KafkaAsks(traffic=("a",)),
            Health.DOWN,
            "1 partition without a leader: a 1",
        ),
        (metadata(("a", [OFFLINE])), KafkaAsks(), Health.DOWN, "1 partition without a leader: a 1"),
        (metadata(("a", [WELL]), brokers=()), KafkaAsks(), Health.DOWN, "no broker is alive"),
        (
            metadata(("a", [OFFLINE, WELL]), brokers=(ONE,)),
            KafkaAsks(brokers=2, topics={"a": 3}),
            Health.DOWN,
            "1 partition without a leader: a 1; 1 of 2 brokers alive; topic a has 2 partitions, not 3",
        ),
    ],
)
def test_metadata_is_judged(body: bytes, asks: KafkaAsks, health: Health, reason: str) -> None:
    """The worst comes first and names its topics; what was asked for by name makes it DOWN."""
    assert worst(judged(cluster(MetadataResponse_v5.decode(body)), asks)) == (health, reason)


def test_a_reason_holds_what_fits() -> None:
    """What is too long is left out whole, and the worst is kept."""
    asks = KafkaAsks(topics={"a": 2} | {f"topic-with-a-long-name-{n}": 2 for n in range(9)})
    long = tuple((name, [WELL]) for name in asks.topics)
    _, reason = worst(judged(cluster(MetadataResponse_v5.decode(metadata(*long, ("b", [UNDER])))), asks))
    assert reason.startswith("topic a has 1 partition, not 2; topic topic-with-a-long-name-0 has 1 partition")
    assert len(reason) <= 120


def test_what_a_cluster_says_is_cleaned() -> None:
    """Names of brokers and topics reach neither terminal nor markup as they came."""
    body = metadata(("a\x1b[31m\n", [OFFLINE]), brokers=((1, "h\x07\n", 1, None),))
    seen = cluster(MetadataResponse_v5.decode(body))
    _, reason = worst(judged(seen, KafkaAsks()))
    assert reason.isprintable()
    assert all(line.isprintable() for line in seen.raw.splitlines())


def test_an_older_broker_names_its_controller() -> None:
    """With ZooKeeper, metadata says who the controller is, or that there is none."""
    answer = MetadataResponse_v1([ONE], -1, [(0, "a", False, [(0, 0, 1, [1], [1])])])
    seen = cluster(MetadataResponse_v1.decode(answer.encode()))
    assert (seen.controller, seen.id, seen.partitions) == (-1, "", 1)


def voters(*fetched: int) -> list[tuple[int, int, int, int, dict[int, bytes]]]:
    """Controllers 1, 2 … and when each fetched last, in milliseconds."""
    return [(number, 0, at, at, {}) for number, at in enumerate(fetched, 1)]


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ((0, [("m", [(0, 0, 2, 7, 99, voters(49_500, 50_000, 49_900), [], {})], {})], {}), Quorum(2, 3, 3)),
        ((0, [("m", [(0, 0, 2, 7, 99, voters(-1, 50_000, 30_000), [], {})], {})], {}), Quorum(2, 3, 1)),
        ((0, [], {}), Quorum(-1, 0, 0)),
        ((0, [("m", [(0, 6, -1, 7, 99, [], [], {})], {})], {}), Quorum(-1, 0, 0)),
        ((7, [], {}), Quorum(-1, 0, 0)),
        ((31, [], {}), None),
    ],
)
def test_who_leads_the_controllers(answer: object, means: Quorum | None) -> None:
    """Those that have not fetched for ten seconds, by the leader's own clock, have not kept up."""
    assert quorum(answer) == means


def test_a_partition_that_cannot_be_asked_is_neither_still_nor_moving() -> None:
    """Its last known end counts, and the others decide."""
    memory = Memory()
    assert memory.stands("t", {0: 5, 1: 7}, NOON) == 0
    assert memory.stands("t", {0: 5}, NOON + timedelta(seconds=60)) == 60
    assert memory.stands("t", {0: 5, 1: 8}, NOON + timedelta(seconds=90)) == 0
    assert memory.stands("t", {0: 5, 1: 8, 2: 0}, NOON + timedelta(seconds=99)) == 9


def test_another_cluster_at_the_same_address_is_met_without_memories() -> None:
    """Offsets and coordinators of the old one say nothing of the new one; that it changed is kept."""
    memory = Memory()
    memory.meets("first")
    memory.stands("t", {0: 5}, NOON)
    memory.coordinators["g"] = Place("a", 1)
    memory.meets("first")
    assert memory.topics
    memory.meets("second")
    assert (memory.was, memory.topics, memory.coordinators) == ("first", {}, {})


@pytest.mark.parametrize(
    ("url", "brokers", "tls"),
    [
        ("a:1", [("a", 1)], False),
        ("a,b:2", [("a", 9092), ("b", 2)], False),
        ("kafka://a:1,b:2,a:1", [("a", 1), ("b", 2)], False),
        ("kafka+ssl://[::1]:1,b/", [("::1", 1), ("b", 9092)], True),
        (" KAFKA://A:1 ", [("a", 1)], False),
        ("kafka://u:p%40:x@a:1,b:2", [("a", 1), ("b", 2)], False),
    ],
)
def test_urls(url: str, brokers: list[tuple[str, int]], tls: bool) -> None:
    """One address or several, with the default port where none is written."""
    found = where(url)
    assert (list(found.brokers), found.tls) == (brokers, tls)
    assert (found.user, found.password) == (("u", "p@:x") if "@" in url else (None, None))


@pytest.mark.parametrize("url", ["", "kafka://", "kafka://a:x", "http://a:1", "a:1,", "kafka://a,b:99999"])
def test_urls_that_cannot_be_asked(url: str) -> None:
    """UNKNOWN: nothing is wrong with the service."""
    with pytest.raises(Trouble) as caught:
        where(url)
    assert caught.value.health is Health.UNKNOWN


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober with its library loaded."""
    made = Prober(lambda: NOON, lambda ref: "")
    await made.load("kafka")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ((b"\0\1\0\0\0\0",), "answers, but is not Kafka"),
        ((b"\0\0\0\0\0\5\0",), "answers, but is not Kafka"),
        ((b"\0\0\xff\xff\xff\xff",), "answers, but is not Kafka"),
        ((b"\0\0\x7f\xff\xff\xff",), "answers, but is not Kafka"),
        ((SPEAKS, b""), "answers, but is not Kafka"),
        ((SPEAKS, b"\xff" * 50), "answers, but is not Kafka"),
        ((SPEAKS, metadata(("a", [WELL]))[:-5]), "answers, but is not Kafka"),
        (
            (versions(k3=(90, 99)),),
            "speaks no version of Metadata that is known here, it speaks 90 to 99",
        ),
        ((versions(k18=(0, 3)),), "speaks no version of Metadata that is known here, it has none"),
        ((SPEAKS, None), "connected, but no answer within 0.4 s"),
    ],
)
async def test_answers_no_kafka_would_give(prober: Prober, bodies: tuple[bytes, ...], reason: str) -> None:
    """Whatever is wrong with the bytes, the reason is plain and the probe ends in time."""
    with faults.scripted(answers(*bodies)) as address:
        result = await look(prober, address, None, 0.4)
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_a_broker_that_stops_short_still_says_what_it_said(prober: Prober) -> None:
    """Metadata came, then nothing more: what it told is shown, and what is missing is named."""
    host, _, port = "127.0.0.1", "", 1
    body = metadata(("a", [WELL]), brokers=((1, host, port, None), TWO))
    speaks = versions(k2=(1, 3), k3=(1, 5), k55=(0, 1))
    with faults.scripted(answers(speaks, body, None)) as address:
        result = await look(prober, address, KafkaAsks(traffic=("a",)), 0.8)
    assert result.health is Health.DEGRADED
    assert result.reason == (
        "no controller answers: no leader can be elected; broker 1 at 127.0.0.1:1: connection refused"
    )


async def test_a_kept_connection_that_is_closed_when_it_is_used(prober: Prober) -> None:
    """The broker may hang up at the very moment it is asked: it is asked again, on a new connection."""
    with faults.scripted(answers(SPEAKS, metadata(("a", [WELL])), then_closes=True)) as address:
        service = Service("it", "kafka", url=address)
        for _ in range(3):
            result = await prober(service, 2.0)
            assert result.health is Health.UP, result


async def test_other_products_need_no_quorum(prober: Prober) -> None:
    """What speaks Kafka's protocol without controllers of Kafka's kind is asked nothing about them."""
    with faults.scripted(answers(SPEAKS, metadata(("a", [WELL])))) as address:
        result = await look(prober, address, None, 1.0)
    assert (result.health, result.detail["controller"]) == (Health.UP, "1")


async def test_nothing_is_logged(prober: Prober, caplog: pytest.LogCaptureFixture) -> None:
    """The library's own complaints would be written over the screen."""
    caplog.set_level(logging.DEBUG)
    with faults.refused() as nobody, faults.scripted(faults.greets(b"hello")) as stranger:
        for address in (nobody, stranger):
            assert (await look(prober, address)).health is Health.DOWN
    assert [record for record in caplog.records if "kafka" in record.name] == []
