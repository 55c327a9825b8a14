"""What moves through Kafka: how far topics have been written, and how far consumer groups are behind.

Offsets are counted; no message is ever read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.api import Request
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.types import CompactString, Int16, Int32, Schema, UnsignedVarInt32

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import TopicTraffic
from controlroom.domain.instants import duration
from controlroom.domain.services import Health
from controlroom.probes.kafka_link import Question, understanding
from controlroom.probes.kafka_links import Place
from controlroom.probes.kafka_memory import Memory
from controlroom.probes.kafka_partitions import Partition, below_topics, rows
from controlroom.probes.kafka_traffic import Speaks, stamps, told, unstamped
from controlroom.probes.kafka_view import Cluster, Finding
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign

LATEST = -1
"""The timestamp that asks for the end of a partition (ListOffsets)."""

GROUP_FORBIDDEN, MOVED = 30, (14, 15, 16)
"""Error codes (Kafka protocol guide): not allowed; the coordinator is loading, not there, or elsewhere."""

Ask = Callable[[Place, Request[Any] | Question], Coroutine[Any, Any, Any]]
"""Asks a broker something; raises Trouble."""
T = TypeVar("T")


class Group(NamedTuple):
    """A consumer group: its state, and what it has committed; or what is wrong with it."""

    name: str
    state: str = ""
    kind: str = ""
    """``consumer`` where its members share the partitions; empty where somebody only keeps offsets in it."""
    committed: Mapping[Partition, int] = {}
    problem: str = ""


class Flow(NamedTuple):
    """All that moves: what is wrong, and facts worth showing."""

    found: list[Finding]
    lag: str = ""
    traffic: str = ""
    topics: tuple[TopicTraffic, ...] = ()


async def flow(
    asks: KafkaAsks,
    seen: Cluster,
    memory: Memory,
    entry: Place | None,
    ask: Ask,
    *,
    named: Cluster | Finding | None,
    speaks: Speaks,
    now: datetime,
) -> Flow:
    """What moves through the topics and groups of `asks`.

    `named` is what was said of topics that were not listed; `entry` a broker that answers, None where it is
    known that there is no group at all.
    """
    groups = await _groups(asks, entry, memory, ask) if entry else [Group(g, "Dead") for g in asks.groups]
    quiet = {**dict.fromkeys(asks.traffic, asks.quiet), **asks.watch}
    wanted = {(name, partition) for name in quiet for partition in _partitions(seen, name)}
    wanted |= {partition for group in groups for partition in group.committed}
    ends, found = await _ends(wanted, seen, ask)
    lags = {group.name: _lag(group, ends) for group in groups if group.committed}
    for group in groups:
        found += _group_findings(group, lags.get(group.name), asks.groups[group.name])
    here: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for (name, partition), end in ends.items():
        here[name][partition] = end
    for name in quiet.keys() & here.keys():
        memory.stands(name, here[name], now, quiet[name])
    for name in asks.traffic:
        if name in here:
            found += _watch(name, asks.quiet, memory, now)
    await _stamped(quiet, ends, seen, memory, ask, speaks=speaks, now=now)
    lag = ", ".join(f"{foreign(name, 30)} {lag}" for name, lag in lags.items() if lag)
    topics = told(asks, seen, named, ends, memory, now=now)
    return Flow(found, lag, ", ".join(_traffic(asks, memory, now)), topics)


def _partitions(seen: Cluster, name: str) -> Iterable[int]:
    return seen.topics[name].leaders if name in seen.topics else ()


async def _groups(asks: KafkaAsks, entry: Place, memory: Memory, ask: Ask) -> list[Group]:
    """Every group of `asks`; those of one coordinator one after the other."""
    found: list[Group] = []
    by_place: defaultdict[Place, list[str]] = defaultdict(list)
    for name in asks.groups:
        if name not in memory.coordinators:
            place = await _coordinator(name, entry, ask)
            if isinstance(place, Group):
                found.append(place)
                continue
            memory.coordinators[name] = place
        by_place[memory.coordinators[name]].append(name)

    async def at(place: Place, names: Sequence[str]) -> list[Group]:
        return [await _group(name, place, memory, ask) for name in names]

    for part in await _together([at(place, names) for place, names in by_place.items()]):
        found += part
    return found


async def _coordinator(name: str, entry: Place, ask: Ask) -> Place | Group:
    """Where the coordinator of the group is."""
    try:
        answer = await ask(entry, FindCoordinatorRequest(name, 0))
    except Trouble as trouble:
        return Group(name, problem=trouble.reason)
    if answer.error_code:
        return Group(name, problem=_group_error(answer.error_code))
    return Place(str(answer.host), answer.port)


async def _group(name: str, place: Place, memory: Memory, ask: Ask) -> Group:
    try:
        described = await ask(place, DescribeGroupsRequest([name]))
        fetched = await ask(place, OffsetFetchRequest(name, None))
        with understanding():
            error, _, state, kind, *_ = described.groups[0]
            committed = {
                (topic, partition): offset
                for topic, (partition, offset, _, wrong) in rows(fetched.topics)
                if offset >= 0 and not wrong
            }
    except Trouble as trouble:
        memory.coordinators.pop(name, None)
        where = f"{foreign(place.host, 30)}:{place.port}"
        return Group(name, problem=f"coordinator {where}: {trouble.reason}")
    error = error or getattr(fetched, "error_code", 0)
    if not error and state == "Dead":
        state, kind = await _newer(name, place, ask)
    if error:
        memory.coordinators.pop(name, None)
        return Group(name, problem=_group_error(error))
    return Group(name, str(state), str(kind or ""), committed)


async def _newer(name: str, place: Place, ask: Ask) -> tuple[str, str]:
    """State and kind of a group by the protocol of KIP-848, which older questions call dead."""
    body = b"\2" + CompactString().encode(name) + b"\0\0"
    try:
        *_, error, _, _, state, _ = await ask(place, Question(69, 0, body, _described, flexible=True))
    except (Trouble, ValueError):
        return "Dead", ""
    return ("Dead", "") if error else (state, "consumer")


def _described(raw: bytes) -> Any:
    """The beginning of ConsumerGroupDescribe's answer for one group; its members are not read."""
    return _DESCRIBED.decode(BytesIO(raw))


_DESCRIBED = Schema(
    ("throttle", Int32),
    ("groups", UnsignedVarInt32),
    ("error", Int16),
    ("message", CompactString()),
    ("group", CompactString()),
    ("state", CompactString()),
    ("epoch", Int32),
)


def _group_error(code: int) -> str:
    if code == GROUP_FORBIDDEN:
        return "not allowed to see it"
    return "its coordinator is not ready" if code in MOVED else f"error {code}"


async def _ends(
    wanted: Iterable[Partition], seen: Cluster, ask: Ask
) -> tuple[dict[Partition, int], list[Finding]]:
    """Where each partition ends, asked at its leader; and which leaders do not answer."""
    by_leader = _by_leader(wanted, seen)

    async def at(leader: int, partitions: Sequence[Partition]) -> dict[Partition, int] | Finding:
        topics = below_topics((name, (partition, LATEST)) for name, partition in partitions)
        try:
            answer = await ask(seen.brokers[leader], OffsetRequest(-1, 0, topics))
            with understanding():
                return {
                    (name, partition): offset
                    for name, (partition, error, *_, offset) in rows(answer.topics)
                    if not error
                }
        except Trouble as trouble:
            place = seen.brokers[leader]
            text = f"broker {leader} at {foreign(place.host, 30)}:{place.port}: {trouble.reason}"
            return Finding(Health.DEGRADED, text)

    ends: dict[Partition, int] = {}
    found: list[Finding] = []
    for answer in await _together([at(*one) for one in by_leader.items()]):
        if isinstance(answer, Finding):
            found.append(answer)
        else:
            ends |= answer
    return ends, found


def _by_leader(wanted: Iterable[Partition], seen: Cluster) -> Mapping[int, Sequence[Partition]]:
    """The partitions of each leader that is alive."""
    found: defaultdict[int, list[Partition]] = defaultdict(list)
    for name, partition in sorted(wanted):
        topic = seen.topics.get(name)
        leader = topic.leaders.get(partition, -1) if topic is not None else -1
        if leader in seen.brokers:
            found[leader].append((name, partition))
    return found


async def _stamped(
    quiet: Mapping[str, float],
    ends: Mapping[Partition, int],
    seen: Cluster,
    memory: Memory,
    ask: Ask,
    *,
    speaks: Speaks,
    now: datetime,
) -> None:
    """Remember when the messages of topics came that nobody has seen to move yet."""
    by_leader = _by_leader(unstamped(quiet, ends, memory), seen)
    jobs = [
        stamps(seen.brokers[one], those, quiet, ask=ask, speaks=speaks, now=now)
        for one, those in by_leader.items()
    ]
    for found in await _together(jobs):
        for (name, partition), one in found.items():
            memory.topics[name].stamps[partition] = one


async def _together(jobs: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of `jobs`, done at once; a single one needs no task of its own."""
    if len(jobs) == 1:
        return [await jobs[0]]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
    return [task.result() for task in tasks]


class Lag(NamedTuple):
    """Messages a group has not read yet."""

    messages: int
    whole: bool
    """All of its partitions are counted; where one has no leader that answers, there may be more."""

    def __str__(self) -> str:
        return f"{self.messages}" if self.whole else f"at least {self.messages}"


def _lag(group: Group, ends: Mapping[Partition, int]) -> Lag | None:
    """How far `group` is behind; None where the end of none of its partitions is known."""
    behind = [max(0, ends[one] - offset) for one, offset in group.committed.items() if one in ends]
    return Lag(sum(behind), len(behind) == len(group.committed)) if behind else None


def _group_findings(group: Group, lag: Lag | None, limit: int) -> Iterable[Finding]:
    name = f"group {foreign(group.name, 40)}"
    if group.problem:
        yield Finding(Health.DEGRADED, f"{name}: {group.problem}")
    elif group.state == "Dead" and not group.committed:
        yield Finding(Health.DEGRADED, f"{name} does not exist")
    # Whoever only keeps offsets in a group is never a member of it.
    elif group.state == "Empty" and (group.kind or not group.committed):
        yield Finding(
            Health.DEGRADED, f"{name} has no members" + (f", {lag} behind" if lag and lag.messages else "")
        )
    elif lag is not None and lag.messages > limit:
        yield Finding(Health.DEGRADED, f"{name} is {lag} behind, limit {limit}")


def _watch(name: str, quiet: float, memory: Memory, now: datetime) -> Iterable[Finding]:
    """A finding when `name` has been seen to stand still for too long."""
    still = (now - memory.topics[name].since).total_seconds()
    if still > quiet:
        yield Finding(Health.DEGRADED, f"topic {foreign(name, 60)} quiet for {duration(still)}")


def _traffic(asks: KafkaAsks, memory: Memory, now: datetime) -> Iterable[str]:
    for name in asks.traffic:
        if (known := memory.topics.get(name)) is not None:
            span = duration((now - known.since).total_seconds())
            words = f"{span} ago" if known.moved else f"watched for {span}"
            yield f"{foreign(name, 30)} {words}"
