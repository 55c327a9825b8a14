"""When the last message of a topic came, also where nobody has watched it: its broker knows the times.

ListOffsets finds the first message that is not older than a time, and since version 7 the newest (KIP-734);
neither gives the message itself. The times are those of the messages, which whoever writes one may choose
(Kafka documentation, ``message.timestamp.type``): they count until the topic has been seen to move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.types import Int8, Int16, Int32, Int64, Schema

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import TopicTraffic
from controlroom.probes.kafka_link import Question, understanding
from controlroom.probes.kafka_links import Place
from controlroom.probes.kafka_memory import NEVER, Memory, Stamps, Watched
from controlroom.probes.kafka_partitions import TAGS, Partition, below_topics, rows, topics_field
from controlroom.probes.kafka_view import UNKNOWN_TOPIC, Cluster, Finding, Topic, counted, trouble_of
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign

NEWEST = -3
"""The timestamp that asks for the newest message (ListOffsets, version 7)."""

LIST_OFFSETS, WITH_NEWEST = 2, 7

AHEAD = timedelta(seconds=60)
"""How far ahead of ours a writer's clock may be; a message from a later time says nothing of when it came."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
"""Milliseconds; a writer may claim any later time."""

Ask = Callable[[Place, Any], Any]
"""Asks a broker something; raises Trouble."""
Speaks = Callable[[Place, int, int], bool]
"""Whether a broker that has been asked something knows that version of an API."""


def unstamped(names: Collection[str], ends: Collection[Partition], memory: Memory) -> list[Partition]:
    """Partitions of `names` whose messages have to be asked for their times: nothing else tells yet."""
    found = []
    for name, partition in ends:
        known = memory.topics.get(name) if name in names else None
        if known is not None and not known.moved and partition not in known.stamps:
            if known.ends[partition] == 0:
                known.stamps[partition] = Stamps(none_since=NEVER)
            else:
                found.append((name, partition))
    return found


async def stamps(
    at: Place,
    wanted: Sequence[Partition],
    quiet: Mapping[str, float],
    *,
    ask: Ask,
    speaks: Speaks,
    now: datetime,
) -> dict[Partition, Stamps]:
    """What the leader `at` knows of the messages of its partitions; nothing where it does not answer.

    `quiet` has the seconds that each topic may stand still.
    """
    since = {name: now - timedelta(seconds=quiet[name]) for name, _ in wanted}
    try:
        young = await ask(at, _search(wanted, since))
        with understanding():
            first = _times(young.topics)
    except Trouble:
        return {}
    last: dict[Partition, datetime | None] = {}
    if speaks(at, LIST_OFFSETS, WITH_NEWEST):
        try:
            last = _times((await ask(at, _newest(wanted)))[1])
        except Trouble:
            last = {}
    return {one: _stamps(first[one], last.get(one), since[one[0]], now) for one in wanted if one in first}


def _stamps(first: datetime | None, last: datetime | None, since: datetime, now: datetime) -> Stamps:
    """`first` is the first message since `since`, None is none; `last` None: it was not asked for."""
    if first is not None and first > now + AHEAD:
        return Stamps()
    if last is not None and last > now + AHEAD:
        last = None
    if first is None:
        return Stamps(last=last, none_since=last or since)
    return Stamps(min(first, now), min(last or first, now), None if last is None else min(last, now))


def _search(wanted: Sequence[Partition], since: Mapping[str, datetime]) -> OffsetRequest:
    times = {name: max(0, (at - _EPOCH) // timedelta(milliseconds=1)) for name, at in since.items()}
    return OffsetRequest(-1, 0, below_topics((name, (partition, times[name])) for name, partition in wanted))


def _newest(wanted: Sequence[Partition]) -> Question:
    topics = below_topics((name, (partition, -1, NEWEST, {})) for name, partition in wanted)
    body = _ASKED.encode((-1, 0, [(*one, {}) for one in topics], {}))
    return Question(LIST_OFFSETS, WITH_NEWEST, body, _told, flexible=True)


@understanding()
def _times(topics: Any) -> dict[Partition, datetime | None]:
    """Partition → the time of the message that was found, None where there is none. Raises Trouble."""
    found: dict[Partition, datetime | None] = {}
    for name, (partition, error, time, *_) in rows(topics):
        if not error:
            age = timedelta(milliseconds=min(time, _LAST_MOMENT))
            found[name, partition] = _EPOCH + age if time >= 0 else None
    return found


def told(
    asks: KafkaAsks,
    seen: Cluster,
    named: Cluster | Finding | None,
    ends: Collection[Partition],
    memory: Memory,
    *,
    now: datetime,
) -> tuple[TopicTraffic, ...]:
    """How every topic of `asks` moves. `named` is what was said of those that were not listed, and `ends` are
    the partitions that could be asked."""
    asked: defaultdict[str, int] = defaultdict(int)
    for name, _ in ends:
        asked[name] += 1
    found = []
    for name in dict.fromkeys((*asks.traffic, *asks.watch)):
        topic = seen.topics.get(name)
        if topic is None or topic.error:
            found.append(_absent(name, topic, named))
            continue
        known = memory.topics.get(name) if asked[name] else None
        found.append(_moving(name, known, _unasked(topic, asked[name]), now))
    return tuple(found)


def _absent(name: str, topic: Topic | None, named: Cluster | Finding | None) -> TopicTraffic:
    if topic is None and isinstance(named, Cluster):
        topic = named.topics.get(name)
    if topic is None:
        why = named.text if isinstance(named, Finding) else f"topic {foreign(name, 60)} is not listed"
        return TopicTraffic(name, error=why)
    return TopicTraffic(name, error=trouble_of(name, topic.error), missing=topic.error == UNKNOWN_TOPIC)


def _unasked(topic: Topic, asked: int) -> str:
    """Why not all of its partitions can be told of."""
    every = len(topic.leaders)
    if topic.offline:
        return f"{topic.offline} of {counted(every, 'partition')} without a leader"
    return f"{every - asked} of {counted(every, 'partition')} could not be asked" if asked < every else ""


def _moving(name: str, known: Watched | None, error: str, now: datetime) -> TopicTraffic:
    if known is None:
        return TopicTraffic(name, error=error or "it has no partitions")
    newest, none_since = known.newest(), known.none_since()
    moves = known.moved and known.since == now
    return TopicTraffic(
        name,
        newest,
        None if error or moves else none_since,
        error,
        carried_since=known.carries_since(),
        stamped=not known.moved and (newest is not None or none_since < known.begun),
        watched_since=known.begun,
    )


_ASKED = Schema(
    ("replica", Int32),
    ("isolation", Int8),
    topics_field(("partition", Int32), ("epoch", Int32), ("time", Int64)),
    TAGS,
)

_TOLD = Schema(
    ("throttle", Int32),
    topics_field(
        ("partition", Int32), ("error", Int16), ("time", Int64), ("offset", Int64), ("epoch", Int32)
    ),
    TAGS,
)


def _told(raw: bytes) -> Any:
    return _TOLD.decode(BytesIO(raw))
