"""What the rows of the queries in `domain/promql.py` say, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from controlroom.domain import promql
from controlroom.domain.gaps import Evidence, Near, Presence, Target
from controlroom.net.prometheus import Labels, instant, whole

Rows = Sequence[tuple[Labels, float]]
V = TypeVar("V")
ByJob = dict[str, dict[str, V]]
"""Metric → job → value."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the past says of metrics that are missing."""

    seen: Mapping[str, Mapping[str, tuple[datetime, int]]] = field(default_factory=dict)
    """Metric → job → when it was last there, and the grid in seconds on which that is known."""
    held_since: datetime | None = None
    stopped: datetime | None = None


def present(rows: Rows) -> Evidence:
    """Evidence of what is there now, from the rows of `promql.presence`."""
    counts: dict[str, ByJob[int]] = {"series": {}, "instances": {}}
    sums: ByJob[float] = {}
    reporting: dict[str, int] = {}
    for labels, value in rows:
        what, name, job = labels.get("what", ""), labels.get("metric", ""), labels.get("job", "")
        if what in counts:
            counts[what].setdefault(name, {})[job] = whole(value)
        elif what == "sum":
            sums.setdefault(name, {})[job] = value
        elif what == "targets":
            reporting[job] = whole(value)
    answering, scraped, kept = (sums.get(name, {}) for name in ("up", promql.SCRAPED, promql.KEPT))
    return Evidence(
        up={job: (count, whole(answering.get(job, 0.0))) for job, count in reporting.items()},
        scraped={job: (scraped[job], kept[job]) for job in scraped.keys() & kept.keys()},
        present={
            name: {job: Presence(n, counts["instances"].get(name, {}).get(job)) for job, n in jobs.items()}
            for name, jobs in counts["series"].items()
        },
    )


def aged(evidence: Evidence, rows: Rows) -> Evidence:
    """`evidence` with the instant of the newest sample of everything there."""
    newest = {(labels.get("metric", ""), labels.get("job", "")): instant(value) for labels, value in rows}
    return replace(
        evidence,
        present={
            name: {job: replace(p, newest=newest.get((name, job))) for job, p in jobs.items()}
            for name, jobs in evidence.present.items()
        },
    )


def targets(rows: Rows) -> Mapping[str, tuple[Target, ...]] | None:
    """Targets as `up` tells of them; None where there is no `up` at all, which tells nothing."""
    by_job: dict[str, list[Target]] = {}
    for labels, value in rows:
        target = Target(labels.get("instance", "?"), "up" if value == 1 else "down")
        by_job.setdefault(labels.get("job", ""), []).append(target)
    return {job: tuple(found) for job, found in by_job.items()} or None


def past(rows: Rows, at: datetime, window: float) -> Past:
    """What the rows of `promql.past` say; the finest grid on which something is seen counts."""
    seen: ByJob[tuple[datetime, int]] = {}
    held, stopped = [], None
    for labels, value in rows:
        kind, _, step = labels.get("what", "").partition(" ")
        when = instant(value)
        if when is None:
            continue
        if kind == "past" and step.isdigit():
            jobs = seen.setdefault(labels.get("metric", ""), {})
            job = labels.get("job", "")
            if job not in jobs or int(step) < jobs[job][1]:
                jobs[job] = when, int(step)
        elif kind == "held":
            held.append(when)
        elif kind == "stopped":
            stopped = when
    oldest = min(held, default=None)
    reaches = oldest is not None and (at - oldest).total_seconds() < window - promql.HELD_STEP
    return Past(seen, oldest if reaches else None, stopped)


def last_seen(
    told: Past, rows: Rows, memory: Mapping[str, Mapping[str, datetime]], metrics: Iterable[str], at: datetime
) -> ByJob[datetime]:
    """When each of `metrics` was last there: its last known sample's own instant, else the grid's.

    `rows` are those of `promql.detail`, `memory` the newest samples that were read while it was there.
    """
    samples: ByJob[datetime] = {}
    for metric in metrics:
        samples[metric] = {job: when for job, when in memory.get(metric, {}).items() if when <= at}
    for labels, value in rows:
        when, job = instant(value), labels.get("job", "")
        if labels.get("what", "").startswith("exact") and when is not None:
            known = samples.setdefault(labels.get("metric", ""), {})
            known[job] = max(when, known.get(job, when))
    seen = {metric: dict(jobs) for metric, jobs in samples.items()}
    for metric, jobs in told.seen.items():
        for job, (grid, step) in jobs.items():
            sample = seen.get(metric, {}).get(job)
            # A sample older than the grid allows was followed by others that nobody has read.
            if sample is None or sample <= grid - timedelta(seconds=step):
                seen.setdefault(metric, {})[job] = grid
    return seen


def absent_on(rows: Rows) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """(metric, job) → instances that are up and do not give it."""
    found: dict[tuple[str, str], list[str]] = {}
    for labels, _ in rows:
        if labels.get("what") == "absent":
            key = labels.get("metric", ""), labels.get("job", "")
            found.setdefault(key, []).append(labels.get("instance", "?"))
    return {key: tuple(sorted(instances)) for key, instances in found.items()}


def near(
    names: Mapping[tuple[str, str | None], Iterable[str]], rows: Rows
) -> Mapping[tuple[str, str | None], tuple[Near, ...]]:
    """Near names that are there now: in the job declared, where one is."""
    jobs: dict[str, list[str]] = {}
    for labels, _ in rows:
        if labels.get("what") == "near":
            jobs.setdefault(labels.get("metric", ""), []).append(labels.get("job", ""))

    def known(job: str | None, found: Iterable[str]) -> tuple[Near, ...]:
        there = [Near(name, tuple(sorted(jobs[name]))) for name in found if name in jobs]
        return tuple(near for near in there if job is None or job in near.jobs)

    return {(metric, job): known(job, found) for (metric, job), found in names.items()}
