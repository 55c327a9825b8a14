"""One declared signal beside what a look at its Prometheus brought: what every rule about gaps judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from controlroom.domain import promql
from controlroom.domain.evidence import Evidence, Presence, Target
from controlroom.domain.frozen import dataclass
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

STALE_INTERVALS = 4
STALE_AT_LEAST = 60.0
"""Seconds; a newest sample older than this and than that many scrape intervals is stale."""

TARGETS_SHOWN = 20
"""Targets listed with a reading; the rest are a number."""

BY_HAND = "look again, or run the query by hand"

V = TypeVar("V")


def series_names(signal: Signal) -> tuple[str, ...]:
    """Names under which the series of `signal` may be found: a histogram has no series of its own name."""
    if signal.type in ("counter", "gauge") or signal.metric.endswith(
        ("_total", "_count", "_sum", "_bucket", "_info")
    ):
        return (signal.metric,)
    return (signal.metric, f"{signal.metric}_count")


@dataclass(frozen=True, slots=True)
class Look:
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
        """The targets of its jobs."""
        every = self.evidence.targets or {}
        return tuple(target for job in self.jobs for target in every.get(job, ()))

    def newest(self) -> datetime | None:
        """The instant of its newest sample."""
        return max((p.newest for p in self.found.values() if p.newest), default=None)

    def selector(self) -> str:
        """Its series, as a person would ask for them."""
        return promql.selector(self.name, self.signal.job)

    def limit(self) -> float:
        """Seconds after which its newest sample is stale."""
        intervals = [target.interval for target in self.targets() if target.interval]
        return max(STALE_INTERVALS * max(intervals, default=0.0), STALE_AT_LEAST)

    def reading(self, code: GapCode, text: str, hint: str | None = None, query: str = "") -> SignalReading:
        """What is said of it: `query` shows it, and is its selector unless given."""
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


Rule = Callable[[Look], SignalReading | None]
"""Says what is wrong with a signal, or None where it has nothing to say."""


def look_at(signal: Signal, evidence: Evidence, now: datetime) -> Look:
    """`signal` beside what `evidence` has about it, as of `now`."""
    names = series_names(signal)
    name = next((n for n in names if of_job(evidence.present.get(n, {}), signal.job)), None)
    seen: Mapping[str, datetime] = {}
    if name is None:
        past = evidence.last_seen
        name = next((n for n in names if of_job(past.get(n, {}), signal.job)), signal.metric)
        seen = of_job(past.get(name, {}), signal.job)
    found = of_job(evidence.present.get(name, {}), signal.job)
    jobs = (signal.job,) if signal.job is not None else tuple(sorted({*found} or {*seen}))
    return Look(signal, evidence, now, name, found, seen, jobs)


def of_job(by_job: Mapping[str, V], job: str | None) -> Mapping[str, V]:
    """What there is of `job`; of every job where it is None."""
    if job is None:
        return by_job
    return {job: by_job[job]} if job in by_job else {}


def _listed(targets: Sequence[Target]) -> tuple[str, ...]:
    worst = sorted(targets, key=lambda t: (t.health == "up", t.instance))
    lines = [
        f"{t.instance}: {'not scraped yet' if t.health == 'unknown' else t.error or t.health}"
        for t in worst[:TARGETS_SHOWN]
    ]
    more = len(worst) - len(lines)
    return (*lines, f"{more} more") if more else tuple(lines)
