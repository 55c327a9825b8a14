"""What is remembered of a Kafka cluster from one look to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controlroom.probes.kafka_links import Place


@dataclass(slots=True)
class Watched:
    """A topic that must be written to, as it has been seen so far."""

    ends: dict[int, int]
    """Partition → where the next message will be."""
    since: datetime
    """When it was first seen as it stands now."""
    moved: bool = False
    """It has been seen to move."""


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

    def stands(self, topic: str, ends: dict[int, int], now: datetime) -> float:
        """Seconds for which `topic`, that ends at `ends` now, is known to have stood still.

        Partitions that are not in `ends` could not be asked: they count as they were.
        """
        known = self.topics.get(topic)
        if known is None:
            known = self.topics[topic] = Watched(dict(ends), now)
        if any(end != known.ends.get(partition, 0) for partition, end in ends.items()):
            known.since, known.moved = now, True
        known.ends.update(ends)
        return (now - known.since).total_seconds()
