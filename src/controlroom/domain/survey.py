"""What a Prometheus held over some days, metric by metric: the material that signals are drafted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from controlroom.domain.frozen import dataclass

MetricType = Literal["counter", "gauge", "histogram", "summary"]

STEADY = 0.95
"""Share of the time since it first came that a metric may not fall below without being flaky."""

LIVELY = 0.9
"""Share of the last day's half hours in which a counter grew, from which on it can be expected to."""

NOISE = ("go_", "process_", "promhttp_", "python_")
"""Beginnings of names that a runtime or a client library exports by itself."""

OWN = ("scrape_", "up", "ALERTS", "ALERTS_FOR_STATE")
"""What Prometheus itself adds; one that ends in an underscore is a beginning."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One metric of one job, as far as it can be told by its series of these days."""

    metric: str
    """As a squad would promise it: of a histogram or a summary the name without ``_bucket`` or ``_count``."""
    job: str | None
    owner: str | None = None
    """What the series' label `squad`, else `team`, says."""
    type: MetricType | None = None
    """As its targets say; None where they do not, or not all the same."""
    labels: tuple[str, ...] = ()
    """Those that all its series carry now, without the ones that every series of its job does."""
    presence: float = 100.0
    """Per cent of the time the server itself was there."""
    flaky: bool = False
    """It comes and goes, or it has gone."""
    new: bool = False
    """It came only after the server did, and has been there since."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    """Late by up to the survey's step."""
    lively: float | None = None
    """Share of the last day's half hours in which it grew; None for what is no counter, or not known."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one server held over `days` days up to the instant `at`."""

    server: str
    at: datetime
    days: int
    over: float = 0.0
    """Seconds of the past that it can tell about, of those days."""
    exported: tuple[Exported, ...] = ()
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name that was asked for and not found → metrics of almost that name, nearest first."""
    fleeting: frozenset[str] = frozenset()
    """Names that were asked for and that it has heard of, but that were there at none of the instants looked
    at: only for moments, or longer ago."""
    unread: frozenset[str] = frozenset()
    """Names of which it could not be found out when they were there."""
    noise: Mapping[str, int] = field(default_factory=dict)
    """Beginning of names that were left aside → how many."""
    recorded: int = 0
    """Names of recording rules that were left aside."""
    notes: tuple[str, ...] = ()
    """What could not be found out, and why."""
    error: str = ""
    """Why nothing could be found out; then nothing is known."""
    requests: int = 0


def noise(metric: str) -> str | None:
    """The beginning by which `metric` is noise; None where it is not."""
    return next((beginning for beginning in NOISE if metric.startswith(beginning)), None)


def own(metric: str) -> bool:
    """Whether Prometheus itself adds `metric`."""
    return any(metric.startswith(name) if name.endswith("_") else metric == name for name in OWN)


def family(metric: str, names: frozenset[str]) -> str | None:
    """What a squad would promise instead of `metric`, of a server that has all of `names`.

    That of a histogram or a summary for its ``_count``; itself for most; None for what only goes with
    another series: buckets, sums, times of creation.
    """
    base, _, last = metric.rpartition("_")
    if last == "bucket" and f"{base}_count" in names:
        return None
    if last == "sum" and f"{base}_count" in names:
        return None
    if last == "created" and names & {base, f"{base}_total", f"{base}_count"}:
        return None
    if last == "count" and f"{base}_sum" in names:
        return base
    return metric
