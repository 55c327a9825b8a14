"""What one look at a Prometheus brought, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from controlroom.domain import promql
from controlroom.domain.frozen import dataclass

Part = Literal[
    "targets",
    "present",
    "newest",
    "past",
    "values",
    "types",
    "labels",
    "growth",
    "freshness",
    "steady",
    "topics",
    "rules",
    "dashboards",
]
"""Parts of the answer that may be missing on their own."""


@dataclass(frozen=True, slots=True)
class Target:
    """One scrape target. `interval` is seconds between scrapes, None where nobody says."""

    instance: str
    health: Literal["up", "down", "unknown"]
    error: str = ""
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """The series of one metric in one job now. `instances` is None where none carries that label."""

    series: int
    instances: int | None = None
    newest: datetime | None = None
    """When its newest sample is from; None when that could not be read."""


@dataclass(frozen=True, slots=True)
class Near:
    """A metric that is there and has almost the name that is missing."""

    metric: str
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """How many of the series of one metric in one job there are, have a number, and have a finite one."""

    series: int
    numbers: int
    finite: int


@dataclass(frozen=True, slots=True)
class TopicSeen:
    """What an exporter says of one topic."""

    series: int
    grown: Mapping[int, float] = field(default_factory=dict)
    """Seconds that the topic may be quiet → by how much its series have grown within them; absent where
    they have not been there that long, and have not grown yet."""
    last: datetime | None = None
    """When it last had a series, where it has none now."""
    steady: float | None = None
    """Seconds for which it has been there without a hole, as `Evidence.steady`; None: not known."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alerting rule of Prometheus."""

    name: str
    group: str = ""
    health: Literal["ok", "err", "unknown"] = "unknown"
    error: str = ""
    query: str = ""
    metrics: tuple[str, ...] | None = ()
    """The metrics its query reads, by itself or through series that other rules record; None where that
    could not be told."""
    patterns: tuple[str, ...] = ()
    """Regular expressions by which it selects metrics as well."""
    needs: tuple[tuple[str, ...], ...] = ()
    """Of each of these one metric must be there, or it can never fire."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard definition in the repository. `path` is relative to the configuration."""

    path: str
    title: str = ""
    uid: str = ""
    metrics: frozenset[str] = frozenset()
    """Every metric that one of its queries reads."""
    error: str = ""
    """What is wrong with its file."""
    unknown: bool = False
    """Whether it may read more metrics than are known, as it could not be read, or not wholly."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one look at one Prometheus brought, all as of one instant."""

    targets: Mapping[str, tuple[Target, ...]] | None = None
    """Job → its targets; None when nobody can tell which targets there are."""
    up: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Job → how many targets have an `up` sample, and how many of those are 1."""
    scraped: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Job → samples scraped, and samples left after relabelling."""
    present: Mapping[str, Mapping[str, Presence]] = field(default_factory=dict)
    """Metric → job → what there is of it; job is empty where series have none."""
    last_seen: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    """Metric → job → when there last was any of it, for what is not there now."""
    absent_on: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(metric, job) → instances that are up and do not give it."""
    near: Mapping[tuple[str, str | None], tuple[Near, ...]] = field(default_factory=dict)
    """(metric, job) as declared → metrics of almost that name, nearest first."""
    near_jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Job that has no target → jobs of almost that name."""
    unread: Mapping[Part, str] = field(default_factory=dict)
    """Parts that could not be read, and why: what they would say is unknown."""
    window: float = promql.WINDOW
    """Seconds of the past that were looked at."""
    held_since: datetime | None = None
    """The oldest instant this server can tell anything about, where it is within `window`."""
    awaited: tuple[str, ...] | None = None
    """Jobs the server is configured with, while that is so recent that not all their targets are listed
    yet; None once they must be."""
    restarted: datetime | None = None
    """When the server started, while that is so recent that not everything can be back yet."""
    stopped: datetime | None = None
    """The newest instant before `restarted` of which it has any scrape."""
    retention: str = ""
    version: str = ""
    warnings: tuple[str, ...] = ()
    requests: int = 0
    values: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    """Metric → job → how many of its series hold numbers."""
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Metric → the types its targets expose it with; absent where nobody says."""
    unlabelled: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    """(metric, label) → job → series that lack the label; absent where none does."""
    grown: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metric → job → by how much it has grown within `signals.QUIET`, where it has been there that long."""
    stamped: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    """Metric → job → the oldest time its values name, for metrics whose value is a time."""
    steady: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metric → job → seconds for which it has been there without a hole, its targets up; no more than the
    time a gate asks for is looked back on."""
    topics: Mapping[tuple[str, str], TopicSeen] = field(default_factory=dict)
    """(metric, topic) → what there is of it."""
    rules: Mapping[str, tuple[AlertRule, ...]] = field(default_factory=dict)
    """Name → the alerting rules of that name, of those that were asked for."""
    near_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of no alerting rule → those of almost that name, nearest first."""
    heard: Mapping[str, bool] = field(default_factory=dict)
    """Metric that a rule needs → whether there is anything of it now; absent where that was not asked."""
    dashboards: tuple[Dashboard, ...] | None = None
    """The dashboards of the repository; None where none are configured."""
