"""Stopwatches of a drill: when a service broke, when that was seen, when it was well again.

They read transitions and measure nothing themselves. Where nobody watched for a while, a time is only known
to lie in it: then it is a bound, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from controlroom.domain.freshness import STALE_AFTER
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ServiceState, Transition, pace
from controlroom.domain.services import Health
from controlroom.domain.watched import Watched

Bound = Literal["", "at most", "at least"]
"""What is known of a length of time beside its number."""

Verdict = Literal["", "within", "over", "running", "not known"]
"""A recovery against its RTO; empty where nothing broke, or it is over and no RTO is declared."""

RANK = {Health.UP: 0, Health.DEGRADED: 1, Health.DOWN: 2}
"""How bad; a service breaks when it becomes worse."""

UNWATCHED = "nobody watched"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of one service over time."""

    service: str
    name: str = ""
    kind: str = ""
    transitions: tuple[Transition, ...] = ()
    """Oldest first."""
    until: datetime | None = None
    """When it was heard of last."""
    grace: float = 15.0
    """Seconds of silence after that which still count as watching."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """One service in one drill. Lengths are in seconds."""

    service: str
    name: str
    before: Health
    """What it was when the drill began."""
    now: Health
    """What it was last."""
    steps: tuple[Transition, ...] = ()
    """Its transitions since the beginning."""
    broken_at: datetime | None = None
    """When it was seen to be worse than before."""
    recovered_at: datetime | None = None
    """When it was well again, and stayed so."""
    detection: float | None = None
    """From the fault to when it was seen; None: nothing was seen, or it is not known."""
    detection_bound: Bound = ""
    recovery: float | None = None
    """From the fault, where that was marked, else from when it was seen, to when it was well again."""
    recovery_bound: Bound = ""
    running: float | None = None
    """The same until now, while it is broken."""
    rto: float | None = None
    verdict: Verdict = ""
    flaps: int = 0
    """How often it broke again."""
    watched: Literal["all", "partly", "not"] = "all"
    """How much of the drill anybody looked at it."""
    why: str = ""
    """What is not known, and why."""


def sights(states: Iterable[ServiceState]) -> Mapping[str, Sight]:
    """What a room that watches knows of its services, by id."""
    return {
        state.service.id: Sight(
            state.service.id,
            state.service.name or state.service.id,
            state.service.kind,
            state.transitions,
            state.probed_at,
            STALE_AFTER * pace(state),
        )
        for state in states
    }


def looked(states: Iterable[ServiceState], watched: Watched | None, within: float) -> Mapping[str, Sight]:
    """What a single look (`states`) and what a room beside it kept (`watched`) tell together, by service id.

    What the look found otherwise than the room had it came at the latest with the look. `within`: seconds
    between two lines in which a room says that it watches; 0 where none does any more.
    """
    return {state.service.id: _looked(state, watched, within) for state in states}


def _looked(state: ServiceState, watched: Watched | None, within: float) -> Sight:
    service, grace = state.service, within + STALE_AFTER * pace(state)
    kept = watched.transitions.get(service.id, ()) if watched is not None else ()
    until = watched.until if watched is not None and kept else None
    at = state.probed_at
    if at is not None and state.health is not Health.UNKNOWN and (until is None or at > until):
        last = kept[-1].after if kept else Health.UNKNOWN
        near = within > 0 and until is not None and (at - until).total_seconds() <= grace
        same = near and last is state.health
        if not same:
            if until is not None and last is not Health.UNKNOWN:
                kept = (*kept, Transition(until, last, Health.UNKNOWN, UNWATCHED))
            kept = (*kept, Transition(at, Health.UNKNOWN, state.health, state.reason))
        until = at
    return Sight(service.id, service.name or service.id, service.kind, kept, until, grace)


def _by_then(change: Transition, began: datetime, steady: Health) -> bool:
    found = change.before is Health.UNKNOWN and change.after is steady
    return change.at <= began or (found and change.at.replace(microsecond=0) == began)


def stopwatch(
    sight: Sight,
    steady: Health,
    span: tuple[datetime, datetime],
    injected: datetime | None,
    rto: float | None,
) -> Stopwatch:
    """What `sight` says of its service between the ends of `span`, the beginning and the end of a drill.

    `steady` is what it was at the beginning, as its baseline says. `injected`: when the fault was in, where
    somebody said so; else it is taken for the beginning, and a recovery counts from when it was seen broken.
    """
    began, end = span
    # A drill begins at a whole second: what was seen within it, as the baseline has it, was seen before.
    first = {n for n, change in enumerate(sight.transitions) if _by_then(change, began, steady)}
    earlier = [change.after for n, change in enumerate(sight.transitions) if n in first]
    watching = bool(earlier) and earlier[-1] is not Health.UNKNOWN
    before = steady if steady in RANK else earlier[-1] if watching else Health.UNKNOWN
    steps = tuple(c for n, c in enumerate(sight.transitions) if n not in first and began < c.at <= end)
    if sight.until is not None and watching and not steps and sight.until < began:
        watching = False
    story = _Story(before, began if before in RANK else None, blind=not watching)
    for change in steps:
        story.take(change)
    silent = sight.until is None or (end - sight.until).total_seconds() > sight.grace
    seen = watching or any(change.after is not Health.UNKNOWN for change in steps)
    gaps = story.gaps or silent
    watched: Literal["all", "partly", "not"] = "all" if not gaps else "partly" if seen else "not"
    watch = Stopwatch(
        sight.service,
        sight.name or sight.service,
        before,
        Health.UNKNOWN if silent or story.blind else story.health,
        steps,
        rto=rto,
        watched=watched,
    )
    return _judged(watch, story, _Times(began, end, injected, silent))


class _Story:
    """One service, transition after transition."""

    def __init__(self, before: Health, well_at: datetime | None, *, blind: bool) -> None:
        self.health = before
        self.good = min(RANK.get(before, 0), RANK[Health.DEGRADED])
        """As well as it has to be again: what it was, unless it was down."""
        self.well_at = well_at if RANK.get(before, 9) <= self.good else None
        """When it was last known to be well."""
        self.blind, self.gaps = blind, blind
        self.broken_at: datetime | None = None
        self.recovered_at: datetime | None = None
        self.broken_late = self.recovered_late = False
        self.origin: datetime | None = None
        """Since when it may have been broken."""
        self.flaps = 0

    def take(self, change: Transition) -> None:
        if change.after not in RANK:
            if self.health in RANK and RANK[self.health] <= self.good:
                self.well_at = change.at
            self.blind = self.gaps = True
            return
        late = self.blind or change.before not in RANK
        self.gaps = self.gaps or late
        worse = RANK[change.after] > RANK.get(self.health, 0)
        if RANK[change.after] > self.good and worse:
            self._broke(change.at, late=late)
        elif RANK[change.after] <= self.good:
            if self.broken_at is not None and self.recovered_at is None:
                self.recovered_at, self.recovered_late = change.at, late
            self.well_at = change.at
        self.health, self.blind = change.after, False

    def _broke(self, at: datetime, *, late: bool) -> None:
        if self.broken_at is None:
            self.broken_at, self.broken_late = at, late
            self.origin = self.well_at if late else at
        elif self.recovered_at is not None:
            self.flaps += 1
            self.recovered_at = None


class _Times(NamedTuple):
    """When the drill began and ended, when the fault was in, and whether nobody was watching at the end."""

    began: datetime
    end: datetime
    injected: datetime | None
    silent: bool


def _judged(watch: Stopwatch, story: _Story, times: _Times) -> Stopwatch:
    """`watch` with the lengths that follow from its story, each as far as it is known."""
    watch = replace(
        watch,
        broken_at=story.broken_at,
        recovered_at=story.recovered_at,
        flaps=story.flaps,
        why="; ".join(_doubts(watch, story, times)),
    )
    if story.broken_at is None:
        return watch
    fault = times.injected or times.began
    if watch.before in RANK and not _before(story.broken_at, fault):
        seen_after = max(0.0, (story.broken_at - fault).total_seconds())
        bound: Bound = "at most" if story.broken_late else ""
        watch = replace(watch, detection=seen_after, detection_bound=bound)
    return _timed(watch, story, times)


def _before(broken: datetime, fault: datetime) -> bool:
    """People mark in whole seconds: what is less than one apart has no order."""
    return broken < fault - timedelta(seconds=1)


def _doubts(watch: Stopwatch, story: _Story, times: _Times) -> Iterator[str]:
    if watch.before not in RANK:
        yield "what it was at the beginning is not known"
    elif RANK[watch.before] > story.good:
        yield f"it was {watch.before} before the drill began"
    if watch.watched != "all":
        yield "nobody watched it" if watch.watched == "not" else "nobody watched it all the time"
    if story.broken_at is not None and times.injected and _before(story.broken_at, times.injected):
        yield "it broke before the fault was said to be in"


def _timed(watch: Stopwatch, story: _Story, times: _Times) -> Stopwatch:
    """With its recovery, or how long it has been broken, and how that stands to the RTO."""
    broken, recovered = story.broken_at, story.recovered_at
    assert broken is not None
    marked = times.injected is not None and times.injected <= broken
    since = times.injected if marked and times.injected else story.origin or broken
    late = story.broken_late and not marked
    bound: Bound = ""
    if late and story.origin is None:
        bound = "at least"
    elif late or story.recovered_late or (recovered is None and times.silent):
        bound = "at most"
    length = ((recovered or times.end) - since).total_seconds()
    verdict = _verdict(length, bound, watch.rto, over=recovered is not None)
    if recovered is None:
        return replace(watch, running=length, recovery_bound=bound, verdict=verdict)
    return replace(watch, recovery=length, recovery_bound=bound, verdict=verdict)


def _verdict(length: float, bound: Bound, rto: float | None, *, over: bool) -> Verdict:
    if rto is None:
        return "" if over else "running"
    if length > rto:
        return "not known" if bound == "at most" else "over"
    if bound == "at least":
        return "not known" if over else "running"
    return "within" if over else "running"
