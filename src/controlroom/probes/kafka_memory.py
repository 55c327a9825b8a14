"""What is remembered of a Kafka cluster from one look to the next."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from math import inf

from controlroom.domain.frozen import dataclass
from controlroom.probes.kafka_links import Place

NEVER = datetime.min.replace(tzinfo=UTC)
"""In `Stamps.none_since`: no message ever came."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the messages of one partition say of when they came, by the clocks of whoever wrote them."""

    first: datetime | None = None
    """The first of those that are young enough for a topic that carries traffic."""
    last: datetime | None = None
    """The newest; without a newer broker, the first of the young ones."""
    none_since: datetime | None = None
    """Since when none came; None where that cannot be told."""


@dataclass(slots=True)
class Watched:
    """A topic that must be written to, as it has been seen so far."""

    ends: dict[int, int]
    """Partition → where the next message will be."""
    since: datetime
    """When it was first seen as it stands now."""
    begun: datetime
    """When it was first seen."""
    moved: bool = False
    """It has been seen to move."""
    stamps: dict[int, Stamps] = field(default_factory=dict)
    """Partition → what was asked of its messages, before it was seen to move."""
    carried: datetime | None = None
    """Since when it moves without a pause that is too long, once it has been seen to move."""

    def newest(self) -> datetime | None:
        """When the last message is known to have come."""
        if self.moved:
            return self.since
        return max((one.last for one in self.stamps.values() if one.last), default=None)

    def carries_since(self) -> datetime | None:
        """Since when it has moved without a pause that is too long."""
        if self.moved:
            return self.carried
        return min((one.first for one in self.stamps.values() if one.first), default=None)

    def none_since(self) -> datetime:
        """Since when it is known that no message came: by what was seen, or by what the messages say."""
        if self.moved or not self.stamps.keys() >= self.ends.keys():
            return self.since
        told = [one.none_since for one in self.stamps.values()]
        latest = max((one for one in told if one is not None), default=NEVER)
        # Of a topic that never had one it is not known how old it is.
        return self.since if None in told or latest == NEVER else min(latest, self.since)

    def moves(self, ends: dict[int, int], now: datetime, quiet: float) -> None:
        """It ends at `ends` at `now`; `quiet` seconds are a pause that is too long."""
        # A partition that could not be asked before says nothing of when its messages came.
        if any(end > self.ends.get(partition, end) for partition, end in ends.items()):
            newest, carried = self.newest(), self.carries_since()
            paused = newest is None or (now - newest).total_seconds() > quiet
            self.carried = now if paused or carried is None else carried
            self.since, self.moved = now, True
        self.ends.update(ends)


@dataclass(slots=True)
class Memory:
    """Of one cluster; another one at the same address is met without it."""

    cluster: str = ""
    was: str = ""
    """The id of the cluster that was there before."""
    topics: dict[str, Watched] = field(default_factory=dict)
    coordinators: dict[str, Place] = field(default_factory=dict)
    """Group → where its coordinator was last."""

    def meets(self, cluster: str) -> None:
        """Forget what was another cluster's."""
        if cluster == self.cluster:
            return
        if self.cluster:
            self.was = self.cluster
            self.topics.clear()
            self.coordinators.clear()
        self.cluster = cluster

    def stands(self, topic: str, ends: dict[int, int], now: datetime, quiet: float = inf) -> float:
        """Seconds for which `topic`, that ends at `ends` now, has been seen to stand still.

        Partitions that are not in `ends` could not be asked: they count as they were. `quiet` seconds are a
        pause that is too long for it.
        """
        known = self.topics.get(topic)
        if known is None or any(end < known.ends.get(partition, 0) for partition, end in ends.items()):
            # Where it ends earlier than before it is another one of that name.
            known = self.topics[topic] = Watched(dict(ends), now, now)
        known.moves(ends, now, quiet)
        return (now - known.since).total_seconds()
