"""What a Kafka cluster says of itself: its brokers, topics and controllers, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.types import CompactArray, Int16, Int32, Int64, Schema

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health
from controlroom.probes.kafka_link import Question, understanding
from controlroom.probes.kafka_links import Place
from controlroom.probes.kafka_partitions import TAGS, topics_field
from controlroom.probes.port import REASON_LIMIT
from controlroom.probes.wording import foreign, verbatim

UNKNOWN_TOPIC, TOPIC_FORBIDDEN, CLUSTER_FORBIDDEN, UNSUPPORTED = 3, 29, 31, 35
"""Error codes (Kafka protocol guide)."""

BEHIND = 10_000
"""Milliseconds after which a controller that has not fetched is gone; they fetch every half second."""

OFFSETS = "__consumer_offsets"
"""Where groups are kept: without it there is none, and asking for one would create it."""

NAMED = 2
"""Topics a reason names."""

RAW_TOPICS = 30


class Finding(NamedTuple):
    """Something that is wrong."""

    health: Health
    text: str


class Topic(NamedTuple):
    """A topic, its partitions counted."""

    error: int
    leaders: Mapping[int, int]
    """Partition → the broker that leads it, -1 where none does."""
    offline: int
    """Partitions without a leader: nothing of them can be written or read."""
    under: int
    """Partitions some of whose replicas are not in step, offline ones left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """A Metadata answer."""

    id: str
    brokers: Mapping[int, Place]
    """Those that are alive."""
    controller: int
    """-1 is none. Brokers without ZooKeeper name any broker here: `Quorum` knows better."""
    topics: Mapping[str, Topic]
    raw: str
    """For people to read."""

    @property
    def partitions(self) -> int:
        """How many there are."""
        return sum(len(topic.leaders) for topic in self.topics.values())


class Quorum(NamedTuple):
    """Who leads the controllers, and how many of them keep up."""

    leader: int
    """-1 is nobody."""
    voters: int
    present: int


@understanding()
def cluster(answer: Any) -> Cluster:
    """A Metadata answer, of any version, in words of ours. Raises Trouble."""
    brokers = {node: Place(str(host), port) for node, host, port, *_ in answer.brokers}
    topics = {}
    for error, name, *rest in answer.topics or ():
        leaders, offline, under = {}, 0, 0
        for _, partition, leader, replicas, isr, *_ in rest[-1]:
            leaders[partition] = leader
            if leader < 0:
                offline += 1
            elif len(isr) < len(replicas):
                under += 1
        topics[str(name)] = Topic(error, leaders, offline, under)
    id_ = foreign(getattr(answer, "cluster_id", None) or "", 40)
    return Cluster(id_, brokers, getattr(answer, "controller_id", -1), topics, _raw(id_, brokers, topics))


def _raw(id_: str, brokers: Mapping[int, Place], topics: Mapping[str, Topic]) -> str:
    worst_first = sorted(topics.items(), key=lambda item: (-item[1].offline, -item[1].under, item[0]))
    lines = [
        f"cluster: {id_}",
        *(f"broker {node}: {host}:{port}" for node, (host, port) in sorted(brokers.items())[:8]),
        *(f"topic {name}: {_told(topic)}" for name, topic in worst_first[:RAW_TOPICS]),
    ]
    return verbatim("\n".join(lines))


def _told(topic: Topic) -> str:
    troubles = (
        (topic.offline, f", {topic.offline} offline"),
        (topic.under, f", {topic.under} under-replicated"),
    )
    return f"{counted(len(topic.leaders), 'partition')}{''.join(words for count, words in troubles if count)}"


def judged(seen: Cluster, asks: KafkaAsks) -> list[Finding]:
    """What is wrong by the metadata alone; topics that are not listed are the caller's to ask for."""
    found = []
    alive = len(seen.brokers)
    if not alive:
        return [Finding(Health.DOWN, "no broker is alive")]
    offline = {name: topic.offline for name, topic in seen.topics.items() if topic.offline}
    if offline:
        needed = offline.keys() & {*asks.topics, *asks.traffic}
        all_of_it = sum(offline.values()) == seen.partitions
        named = {
            name: offline[name] for name in sorted(offline, key=lambda n: (n not in needed, -offline[n]))
        }
        text = f"{counted(sum(offline.values()), 'partition')} without a leader: {_listed(named)}"
        found.append(Finding(Health.DOWN if needed or all_of_it else Health.DEGRADED, text))
    if asks.brokers is not None and alive < asks.brokers:
        found.append(Finding(Health.DEGRADED, f"{alive} of {asks.brokers} brokers alive"))
    for name, wanted in asks.topics.items():
        topic = seen.topics.get(name)
        if topic is not None and not topic.error and wanted and len(topic.leaders) != wanted:
            has = counted(len(topic.leaders), "partition")
            found.append(Finding(Health.DEGRADED, f"topic {foreign(name, 40)} has {has}, not {wanted}"))
    under = {name: topic.under for name, topic in seen.topics.items() if topic.under}
    if under:
        named = {name: under[name] for name in sorted(under, key=lambda n: -under[n])}
        text = f"{counted(sum(under.values()), 'partition')} under-replicated: {_listed(named)}"
        found.append(Finding(Health.DEGRADED, text))
    return found


def missing(seen: Cluster, asks: KafkaAsks) -> list[str]:
    """Topics that matter and were not listed: they do not exist, or this user may not see them.

    Those the service is judged by come first.
    """
    offsets = [OFFSETS] if asks.groups else []
    matter = dict.fromkeys((*asks.topics, *asks.traffic, *offsets, *asks.watch))
    return [name for name in matter if name not in seen.topics]


def judges(asks: KafkaAsks, name: str) -> bool:
    """Whether a topic is one that the service is judged by, and not one that is only told of."""
    return name == OFFSETS or name in asks.topics or name in asks.traffic


def lacks(named: Cluster, name: str) -> bool:
    """The answer to a question for `name` is that there is no such topic."""
    return name in named.topics and named.topics[name].error == UNKNOWN_TOPIC


def absent(named: Cluster, asks: KafkaAsks) -> list[Finding]:
    """What is wrong with topics of `asks` by the answer to a question for those that were not listed."""
    found = []
    for name, topic in named.topics.items():
        if name != OFFSETS and judges(asks, name) and topic.error:  # else it has just been made
            found.append(Finding(Health.DEGRADED, trouble_of(name, topic.error)))
    return found


def trouble_of(name: str, error: int) -> str:
    """What an error code says of the topic `name`."""
    topic = f"topic {foreign(name, 60)}"
    if error == TOPIC_FORBIDDEN:
        return f"not allowed to see {topic}"
    if error == UNKNOWN_TOPIC:
        return f"{topic} does not exist"
    return f"{topic} is not there (error {error})" if error else f"{topic} has just been made"


def worst(found: Iterable[Finding]) -> tuple[Health, str]:
    """The health that follows, and the findings in one line, the worst first, as many as fit."""
    order = sorted(found, key=lambda finding: finding.health is not Health.DOWN)
    if not order:
        return Health.UP, ""
    line = order[0].text
    for finding in order[1:]:
        if len(line) + 2 + len(finding.text) <= REASON_LIMIT:
            line += f"; {finding.text}"
    return order[0].health, line


def counted(number: int, noun: str) -> str:
    """``1 partition``, ``3 partitions``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(counts: Mapping[str, int]) -> str:
    named = ", ".join(f"{foreign(name, 30)} {counts[name]}" for name in list(counts)[:NAMED])
    return named + (f" and {counted(len(counts) - NAMED, 'other topic')}" if len(counts) > NAMED else "")


_REPLICA = (
    ("id", Int32),
    ("end", Int64),
    ("fetched", Int64),
    ("caught_up", Int64),
    TAGS,
)
_QUORUM = Schema(
    ("error", Int16),
    topics_field(
        ("partition", Int32),
        ("error", Int16),
        ("leader", Int32),
        ("epoch", Int32),
        ("high_watermark", Int64),
        ("voters", CompactArray(*_REPLICA)),
        ("observers", CompactArray(*_REPLICA)),
    ),
    TAGS,
)


def _quorum(raw: bytes) -> Any:
    return _QUORUM.decode(BytesIO(raw))


QUORUM = Question(55, 1, b"\x02\x13__cluster_metadata\x02" + bytes(4) + b"\0\0\0", _quorum, flexible=True)
"""DescribeQuorum, version 1 (KIP-595, KIP-836), of the only partition of the cluster's own log."""


@understanding()
def quorum(answer: Any) -> Quorum | None:
    """Who leads; None where this user may not know. Raises Trouble."""
    error, topics, _ = answer
    if error in (CLUSTER_FORBIDDEN, UNSUPPORTED):
        return None
    partitions = topics[0][1] if topics else []
    if error or not partitions or partitions[0][1]:
        return Quorum(-1, 0, 0)
    _, _, leader, _, _, voters, _, _ = partitions[0]
    # The leader's own time of fetching is its clock, so that no other clock matters.
    now = next((fetched for node, _, fetched, _, _ in voters if node == leader), 0)
    present = sum(node == leader or now - fetched <= BEHIND for node, _, fetched, _, _ in voters)
    return Quorum(leader, len(voters), present)
