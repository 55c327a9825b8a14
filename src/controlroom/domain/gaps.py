"""Why a declared signal is not there: one reason per signal, root cause first.

`Evidence` is what one look at a Prometheus brought, as plain values; `classify` judges it by `RULES`, of
which the first that speaks decides. A further kind of gap is one more rule in its place in that tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

from controlroom.domain import promql
from controlroom.domain.instants import duration, render
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

STALE_INTERVALS = 4
STALE_AT_LEAST = 60.0
"""Seconds; a newest sample older than this and than that many scrape intervals is stale."""

TARGETS_SHOWN = 20
"""Targets listed with a reading; the rest are a number."""

BY_HAND = "look again, or run the query by hand"

Part = Literal["targets", "present", "newest", "past"]

V = TypeVar("V")


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


def series_names(signal: Signal) -> tuple[str, ...]:
    """Names under which the series of `signal` may be found: a histogram has no series of its own name."""
    if signal.type in ("counter", "gauge") or signal.metric.endswith(
        ("_total", "_count", "_sum", "_bucket", "_info")
    ):
        return (signal.metric,)
    return (signal.metric, f"{signal.metric}_count")


def absent(signals: Iterable[Signal], evidence: Evidence) -> tuple[Signal, ...]:
    """Those of `signals` of which nothing is there now."""
    present = evidence.present
    return tuple(
        signal
        for signal in signals
        if not any(_of(present.get(name, {}), signal.job) for name in series_names(signal))
    )


def short(evidence: Evidence) -> list[tuple[str, str]]:
    """(metric, job) pairs that are on fewer instances than there are targets up."""
    targets = evidence.targets or {}
    answering = {job: sum(t.health == "up" for t in found) for job, found in targets.items()}
    return [
        (metric, job)
        for metric, jobs in evidence.present.items()
        for job, presence in jobs.items()
        if presence.instances is not None and presence.instances < answering.get(job, 0)
    ]


@dataclass(frozen=True, slots=True)
class _Look:
    """One signal beside the evidence that concerns it."""

    signal: Signal
    evidence: Evidence
    now: datetime
    name: str
    """The name under which it is (or was) found, else the declared one."""
    found: Mapping[str, Presence]
    """Job → presence, of the jobs it may come from."""
    seen: Mapping[str, datetime]
    """Job → when it was last there."""
    jobs: tuple[str, ...]
    """The jobs it comes from: the declared one, else where it is, else where it was."""

    def targets(self) -> tuple[Target, ...]:
        every = self.evidence.targets or {}
        return tuple(target for job in self.jobs for target in every.get(job, ()))

    def newest(self) -> datetime | None:
        return max((p.newest for p in self.found.values() if p.newest), default=None)

    def selector(self) -> str:
        return promql.selector(self.name, self.signal.job)

    def limit(self) -> float:
        """Seconds after which its newest sample is stale."""
        intervals = [target.interval for target in self.targets() if target.interval]
        return max(STALE_INTERVALS * max(intervals, default=0.0), STALE_AT_LEAST)

    def reading(self, code: GapCode, text: str, hint: str | None = None, query: str = "") -> SignalReading:
        newest = self.newest()
        counted = self.found or "present" not in self.evidence.unread
        return SignalReading(
            self.signal,
            code,
            text,
            last_seen=newest or max(self.seen.values(), default=None),
            sample_age=None if newest is None else max(0.0, (self.now - newest).total_seconds()),
            series=sum(p.series for p in self.found.values()) if counted else None,
            hint=hint,
            query=query or self.selector(),
            targets=_listed(self.targets()),
        )


Rule = Callable[[_Look], SignalReading | None]


def classify(signals: Iterable[Signal], evidence: Evidence, now: datetime) -> tuple[SignalReading, ...]:
    """One reading per signal, in order; `now` is the instant the evidence speaks of."""
    return tuple(_judged(_look(signal, evidence, now)) for signal in signals)


def _judged(look: _Look) -> SignalReading:
    for rule in RULES:
        reading = rule(look)
        if reading is not None:
            return reading
    count = sum(p.series for p in look.found.values())
    return look.reading(GapCode.OK, f"{count} series" if count != 1 else "1 series")


def _look(signal: Signal, evidence: Evidence, now: datetime) -> _Look:
    names = series_names(signal)
    name = next((n for n in names if _of(evidence.present.get(n, {}), signal.job)), None)
    seen: Mapping[str, datetime] = {}
    if name is None:
        past = evidence.last_seen
        name = next((n for n in names if _of(past.get(n, {}), signal.job)), signal.metric)
        seen = _of(past.get(name, {}), signal.job)
    found = _of(evidence.present.get(name, {}), signal.job)
    jobs = (signal.job,) if signal.job is not None else tuple(sorted({*found} or {*seen}))
    return _Look(signal, evidence, now, name, found, seen, jobs)


def _of(by_job: Mapping[str, V], job: str | None) -> Mapping[str, V]:
    if job is None:
        return by_job
    return {job: by_job[job]} if job in by_job else {}


def _fresh(look: _Look) -> bool:
    newest = look.newest()
    return newest is not None and (look.now - newest).total_seconds() <= look.limit()


def _awaited(look: _Look) -> SignalReading | None:
    """The server has so newly been started or configured that it lists no targets for the job yet."""
    awaited, targets = look.evidence.awaited, look.evidence.targets or {}
    if not awaited or look.targets() or _fresh(look):
        return None
    expected = [job for job in look.jobs if job in awaited]
    if expected:
        text = f"job {expected[0]} is configured, its targets are not listed yet"
        return look.reading(GapCode.TARGET_PENDING, text, "wait for its first scrape", _up_query(look.jobs))
    if targets:
        return None
    return look.reading(
        GapCode.UNKNOWN, "Prometheus has just started and lists no targets yet", "wait a minute"
    )


def _no_target(look: _Look) -> SignalReading | None:
    """Nothing scrapes the declared job, and nobody pushes the metric under its name either."""
    job, evidence = look.signal.job, look.evidence
    if job is None or look.found or evidence.targets is None or "present" in evidence.unread:
        return None
    if evidence.targets.get(job) or job in evidence.up or _too_early(look):
        return None
    near = evidence.near_jobs.get(job, ())
    hint = f"did you mean job {near[0]}?" if near else f"add a scrape job called {job} to Prometheus"
    return look.reading(
        GapCode.NO_TARGET, f"no target has job {job}", hint, f"up{{job={promql.quoted(job)}}}"
    )


def _target_down(look: _Look) -> SignalReading | None:
    targets = look.targets()
    down = [target for target in targets if target.health == "down"]
    if not down or (look.found and len(down) < len(targets)):
        return None
    error = next((target.error for target in down if target.error), "it does not answer")
    count = f"{len(down)} of {len(targets)} targets down" if len(targets) > 1 else "target down"
    return look.reading(
        GapCode.TARGET_DOWN,
        f"{count}: {down[0].instance}: {error}",
        f"start {down[0].instance} or mend how it is scraped",
        _up_query(look.jobs),
    )


def _target_pending(look: _Look) -> SignalReading | None:
    """Not scraped yet, or scraped so recently that its first samples are not readable yet."""
    if _fresh(look):
        return None
    if not look.jobs and "present" not in look.evidence.unread:
        return _nowhere_yet(look)
    targets = look.targets()
    pending = [target for target in targets if target.health == "unknown"]
    if pending and not (look.found and len(pending) < len(targets)):
        return look.reading(
            GapCode.TARGET_PENDING,
            f"{pending[0].instance} has not been scraped yet",
            "wait for its first scrape",
            _up_query(look.jobs),
        )
    if look.found or "present" in look.evidence.unread:
        return None
    answering = sum(target.health == "up" for target in targets)
    stored = sum(look.evidence.up.get(job, (0, 0))[1] for job in look.jobs)
    if answering > stored:
        return look.reading(
            GapCode.TARGET_PENDING,
            "a target has just begun to answer; its samples cannot be read yet",
            "wait for its next scrape",
            _up_query(look.jobs),
        )
    return None


def _nowhere_yet(look: _Look) -> SignalReading | None:
    """It may come from any job, and after a start not every target has been scraped."""
    every = [target for targets in (look.evidence.targets or {}).values() for target in targets]
    pending = [target for target in every if target.health == "unknown"]
    if not pending or (look.evidence.restarted is None and len(pending) < len(every)):
        return None
    return look.reading(
        GapCode.TARGET_PENDING,
        f"{len(pending)} of {len(every)} targets have not been scraped yet",
        "wait for their first scrape",
        "up",
    )


def _unread(look: _Look) -> SignalReading | None:
    """The part of the answer that would tell is missing; that is no absence."""
    reason = look.evidence.unread.get("present")
    return look.reading(GapCode.UNKNOWN, reason, BY_HAND) if reason and not look.found else None


def _scrape_empty(look: _Look) -> SignalReading | None:
    if look.found or not look.jobs:
        return None
    given = [look.evidence.scraped.get(job, (0.0, 0.0)) for job in look.jobs]
    scraped, kept = sum(g[0] for g in given), sum(g[1] for g in given)
    if not scraped > 0 or kept > 0:
        return None
    job = look.jobs[0]
    return look.reading(
        GapCode.SCRAPE_EMPTY,
        f"all {scraped:.0f} samples of job {job} are dropped by metric_relabel_configs",
        f"mend metric_relabel_configs of job {job}",
        f"{promql.KEPT}{{job={promql.quoted(job)}}}",
    )


def _too_early(look: _Look) -> bool:
    """The server came back so recently that what was there when it stopped may not be back yet."""
    evidence = look.evidence
    if evidence.restarted is None or evidence.stopped is None or not look.seen:
        return False
    # The past is known on a grid: two steps cover its blur on both sides.
    return max(look.seen.values()).timestamp() >= evidence.stopped.timestamp() - 2 * promql.STEP


def _absent(look: _Look) -> SignalReading | None:
    if look.found:
        return None
    if _too_early(look) and look.evidence.restarted is not None:
        since = render(look.evidence.restarted)
        return look.reading(
            GapCode.UNKNOWN, f"Prometheus started at {since}: too early to say", "wait a minute"
        )
    if look.seen:
        seen = max(look.seen.values())
        where = "" if look.signal.job else f" in job {max(look.seen, key=lambda job: look.seen[job])}"
        return look.reading(
            GapCode.DISAPPEARED,
            f"last seen {render(seen)}{where}",
            _where_else(look) or "ask what was deployed or renamed then",
            f"max_over_time(timestamp({look.selector()})[{_span(look)}:5m])",
        )
    if "past" in look.evidence.unread:
        text = f"not there now; whether it ever was: {look.evidence.unread['past']}"
        return look.reading(GapCode.UNKNOWN, text, BY_HAND)
    held = look.evidence.held_since
    if held is None:
        span = f"in the last {_span(look)}"
    else:
        span = f"in the {duration((look.now - held).total_seconds())} of data this Prometheus holds"
    return look.reading(
        GapCode.NEVER_SEEN,
        f"never seen {span}",
        _where_else(look) or _silent_target(look) or "deploy what delivers it, or correct its name",
        f"last_over_time({look.selector()}[{_span(look)}])",
    )


def _where_else(look: _Look) -> str | None:
    """Where something that may be meant is: the same name in another job, else almost the same name."""
    elsewhere = sorted(job for n in series_names(look.signal) for job in look.evidence.present.get(n, {}))
    if elsewhere:
        return f"it is there in job {elsewhere[0]}" if elsewhere[0] else "it is there without a job label"
    near = look.evidence.near.get((look.signal.metric, look.signal.job), ())
    if not near:
        return None
    return f"did you mean {near[0].metric}?"


def _silent_target(look: _Look) -> str | None:
    answering = [t for t in look.targets() if t.health == "up"]
    scraped = [look.evidence.scraped.get(job) for job in look.jobs]
    silent = any(scraped) and all(given is None or given[0] == 0 for given in scraped)
    return f"{answering[0].instance} answers, but gives no metrics at all" if answering and silent else None


def _partial(look: _Look) -> SignalReading | None:
    every = look.evidence.targets or {}
    for job, presence in sorted(look.found.items()):
        targets = every.get(job, ())
        if presence.instances is None or not targets:
            continue
        answering = sum(target.health == "up" for target in targets)
        # A target that has just come up has no samples yet: what is stored counts as well.
        expected = min(answering, look.evidence.up.get(job, (0, answering))[1])
        down = [target for target in targets if target.health == "down"]
        if presence.instances >= expected and not down:
            continue
        query = promql.missing_instances(look.name, job)
        if presence.instances < expected:
            absent = look.evidence.absent_on.get((look.name, job), ())
            where = f"; not on {_some(absent)}" if absent else ""
            text = f"on {presence.instances} of {expected} up targets{where}"
            return look.reading(GapCode.PARTIAL, text, "ask what is different there", query)
        error = f": {down[0].error}" if down[0].error else ""
        text = f"{len(down)} of {len(targets)} targets down: {down[0].instance}{error}"
        return look.reading(
            GapCode.PARTIAL, text, f"start {down[0].instance} or mend how it is scraped", _up_query((job,))
        )
    return None


def _stale(look: _Look) -> SignalReading | None:
    newest, limit = look.newest(), look.limit()
    query = f"time() - timestamp({look.selector()})"
    if newest is None:
        reason = look.evidence.unread.get("newest", "it is not known")
        return look.reading(
            GapCode.UNKNOWN, f"present, but the age of its newest sample: {reason}", None, query
        )
    age = (look.now - newest).total_seconds()
    if age <= limit:
        return None
    return look.reading(
        GapCode.STALE,
        f"newest sample is {duration(age)} old, more than {duration(limit)}",
        "look at whatever writes it: it stopped without being seen to stop",
        query,
    )


RULES: Sequence[Rule] = (
    _awaited,
    _no_target,
    _target_down,
    _target_pending,
    _unread,
    _scrape_empty,
    _absent,
    _partial,
    _stale,
)


def _up_query(jobs: Sequence[str]) -> str:
    if len(jobs) == 1:
        return f"up{{job={promql.quoted(jobs[0])}}}"
    return f"up{{job=~{promql.alternatives(jobs)}}}"


def _span(look: _Look) -> str:
    """The window as PromQL writes it."""
    window = look.evidence.window
    return f"{window / 86_400:.0f}d" if window >= 86_400 else f"{window / 3_600:.0f}h"


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _listed(targets: Sequence[Target]) -> tuple[str, ...]:
    worst = sorted(targets, key=lambda t: (t.health == "up", t.instance))
    lines = [
        f"{t.instance}: {'not scraped yet' if t.health == 'unknown' else t.error or t.health}"
        for t in worst[:TARGETS_SHOWN]
    ]
    more = len(worst) - len(lines)
    return (*lines, f"{more} more") if more else tuple(lines)
