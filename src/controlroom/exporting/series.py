"""Writes families of series down, with the library for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from controlroom.domain.snapshot import Snapshot
from controlroom.exporting import own
from controlroom.exporting.cost import Cost
from controlroom.exporting.family import Family, labelled
from controlroom.exporting.room import ROOM, SOURCES, Seen

T = TypeVar("T")

TIME = "controlroom_time_seconds"
TIME_TEXT = "The collector's clock; ages are counted from it."
TOTAL = "_total"


class _Page(Collector):
    """Everything that stands on one page."""

    def __init__(self, snapshot: Snapshot | None, now: datetime, cost: Cost) -> None:
        self._snapshot = snapshot
        self._now = now
        self._cost = cost

    def collect(self) -> Iterator[Metric]:
        """All families that have a series."""
        yield GaugeMetricFamily(TIME, TIME_TEXT, self._now.timestamp())
        if self._snapshot is not None:
            seen = Seen(self._snapshot, self._now)
            yield from _families(SOURCES, seen)
            if not self._snapshot.restored:
                yield from _families(ROOM, seen)
        yield from _families(own.OWN, self._cost)
        polls = HistogramMetricFamily(own.DURATIONS, own.DURATIONS_TEXT, labels=own.DURATIONS_LABELS)
        for labels, counts, seconds in own.durations(self._cost):
            polls.add_metric(labels, counts, seconds)
        if polls.samples:
            yield polls


def _families(families: Iterable[Family[T]], seen: T) -> Iterator[Metric]:
    for family in families:
        make = CounterMetricFamily if family.name.endswith(TOTAL) else GaugeMetricFamily
        metric = make(family.name.removesuffix(TOTAL), family.text, labels=family.labels)
        for labels, value in labelled(family.samples(seen)):
            metric.add_metric(labels, value)
        if metric.samples:
            yield metric


def text(snapshot: Snapshot | None, now: datetime, cost: Cost) -> bytes:
    """The page in Prometheus' text format, and what the kernel says of this process."""
    page = generate_latest(_Page(snapshot, now, cost))
    return page + generate_latest(ProcessCollector(registry=None))
