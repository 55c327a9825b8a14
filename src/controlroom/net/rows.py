"""What the rows of the queries in `domain/promql.py` say, as values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from controlroom.domain import promql
from controlroom.domain.evidence import Evidence, Near, Presence, Target, TopicSeen, Values
from controlroom.domain.frozen import dataclass
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
    scraped: bool = False
    """Whether anything at all was scraped within the window."""


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


def aged(
    evidence: Evidence, rows: Rows, memory: Mapping[str, Mapping[str, datetime]] | None = None
) -> Evidence:
    """`evidence` with the instant of the newest sample of everything there.

    What was marked as ended between the two questions has none any more: then it is that of `memory`.
    """
    newest = {(labels.get("metric", ""), labels.get("job", "")): instant(value) for labels, value in rows}
    known = memory or {}
    return replace(
        evidence,
        present={
            name: {
                job: replace(p, newest=newest.get((name, job)) or known.get(name, {}).get(job))
                for job, p in jobs.items()
            }
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
    return Past(seen, oldest if reaches else None, stopped, oldest is not None)


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
            if sample is None or sample < grid - timedelta(seconds=step):
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


MILLISECONDS = 1e11
"""A value beyond this is no time in seconds (year 5138), but one in milliseconds (1973)."""


def quality(evidence: Evidence, rows: Rows) -> Evidence:
    """`evidence` with what the rows of `promql_quality.quality` say, topics aside."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for labels, value in rows:
        key = labels.get("metric", ""), labels.get("job", "")
        found.setdefault(labels.get("what", ""), {})[key] = value
    grown: ByJob[float] = {}
    for metric, job in {**found.get("was", {}), **found.get("grown", {}), **found.get("new", {})}:
        amounts = [found.get(what, {}).get((metric, job)) for what in ("grown", "new")]
        known = [amount for amount in amounts if amount is not None]
        # A counter younger than the span has grown if it counts anything; if it does not, nobody can say yet.
        if known and ((metric, job) in found.get("was", {}) or sum(known) > 0):
            grown.setdefault(metric, {})[job] = sum(known)
    stamped: ByJob[datetime] = {}
    for (metric, job), value in found.get("stamped", {}).items():
        if not math.isnan(value):
            stamped.setdefault(metric, {})[job] = _stamp(value)
    unlabelled: dict[tuple[str, str], dict[str, int]] = {}
    for what, counts in found.items():
        if what.startswith("without "):
            for (metric, job), value in counts.items():
                unlabelled.setdefault((metric, what[len("without ") :]), {})[job] = whole(value)
    return replace(evidence, values=_values(found), grown=grown, stamped=stamped, unlabelled=unlabelled)


def _values(found: Mapping[str, Mapping[tuple[str, str], float]]) -> ByJob[Values]:
    def count(what: str, key: tuple[str, str]) -> int:
        return whole(found.get(what, {}).get(key, 0.0))

    values: ByJob[Values] = {}
    for key in {**found.get("zero", {}), **found.get("other", {})}:
        series = count("zero", key) + count("other", key)
        values.setdefault(key[0], {})[key[1]] = Values(series, count("numbers", key), count("finite", key))
    return values


def _stamp(value: float) -> datetime:
    """The instant a value of seconds or milliseconds names, as near as there can be one."""
    seconds = value / 1000 if value > MILLISECONDS else value
    return datetime.fromtimestamp(min(max(seconds, 0.0), 32_503_679_999.0), UTC)


def topics(rows: Rows, asked: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], TopicSeen]:
    """What the rows of `promql_quality.topics` say of every topic that was `asked` for, by its metric."""
    series: dict[tuple[str, str], int] = {}
    grown: dict[tuple[str, str], dict[int, float]] = {}
    old: set[tuple[str, str, int]] = set()
    for labels, value in rows:
        metric, topic = labels.get("metric", ""), labels.get("topic", "")
        kind, _, span = labels.get("what", "").removeprefix("topic ").partition(" ")
        if kind == "series":
            series[metric, topic] = whole(value)
        elif kind == "grown" and span.isdigit():
            grown.setdefault((metric, topic), {})[int(span)] = value
        elif kind == "was" and span.isdigit():
            old.add((metric, topic, int(span)))
    return {
        (metric, topic): TopicSeen(
            series.get((metric, topic), 0),
            {
                span: amount
                for span, amount in grown.get((metric, topic), {}).items()
                # Younger ones have not been quiet for that long, but may have grown already.
                if (metric, topic, span) in old or amount > 0
            },
        )
        for metric, names in asked.items()
        for topic in names
    }


def topics_past(rows: Rows) -> Mapping[tuple[str, str], datetime]:
    """When missing topics last had a series; the finest grid on which one is seen counts."""
    seen: dict[tuple[str, str], tuple[int, datetime]] = {}
    for labels, value in rows:
        step, when = labels.get("what", "").removeprefix("topic past "), instant(value)
        key = labels.get("metric", ""), labels.get("topic", "")
        if when is not None and step.isdigit() and int(step) <= seen.get(key, (int(step), when))[0]:
            seen[key] = int(step), when
    return {key: when for key, (_, when) in seen.items()}


def steady(evidence: Evidence, rows: Rows, hold: float, at: datetime) -> Evidence:
    """`evidence` with for how long what is there has been, by the rows of `promql_quality.steady`."""
    begun: dict[tuple[str, str, str], float] = {}
    for labels, value in rows:
        what = labels.get("what", "").removesuffix(" now")
        within = labels.get("topic" if what == "topic" else "job", "")
        key = what, labels.get("metric", ""), within
        begun[key] = max(value, begun.get(key, value))

    def lasted(what: str, metric: str, within: str) -> float:
        start = begun.get((what, metric, within))
        return hold if start is None else min(max(at.timestamp() - start, 0.0), hold)

    up = {
        job: lasted("up", "", job) if answering == count else 0.0
        for job, (count, answering) in evidence.up.items()
    }
    return replace(
        evidence,
        steady={
            metric: {job: min(lasted("begun", metric, job), up.get(job, hold)) for job in jobs}
            for metric, jobs in evidence.present.items()
        },
        topics={
            (metric, topic): replace(seen, steady=lasted("topic", metric, topic)) if seen.series else seen
            for (metric, topic), seen in evidence.topics.items()
        },
    )
