"""The standup: its plan, its clock, and which blockers it may not pass (domain rules, The standup)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual, SegmentKind
from controlroom.domain.runs import Run, Segment, segment_id

LENGTH = 900.0
"""Seconds of a standup whose ritual declares no length."""

BUDGETS: Mapping[SegmentKind, float] = {
    "changes": 45.0,
    "blockers": 210.0,
    "squad": 360.0,
    "telemetry": 120.0,
    "decisions": 90.0,
    "buffer": 75.0,
}
"""Seconds of the parts of a standup of fifteen minutes, in order; ``squad`` is of all squads together."""

LEAST = 30.0
"""Seconds a squad has at least, however many there are."""

AMBER = 0.8
"""Share of its time from which a part is about to be over."""

Tone = Literal["ok", "amber", "over"]


@dataclass(frozen=True, slots=True)
class Clock:
    """How a run stands in time, in seconds; `left` below 0 is overrun."""

    segment: Segment
    spent: float
    budget: float
    tone: Tone
    total_spent: float
    total_budget: float
    paused: bool = False

    @property
    def left(self) -> float:
        """Seconds left of the segment; negative: over by that much."""
        return self.budget - self.spent

    @property
    def total_left(self) -> float:
        """Seconds left of the whole; negative: over by that much."""
        return self.total_budget - self.total_spent


def plan(ritual: Ritual, squads: Sequence[str]) -> tuple[Segment, ...]:
    """The parts of a standup with a walk over `squads` in that order.

    A ritual's own `segments` win over the usual ones; these are stretched to its length.
    """
    if ritual.segments:
        budgets = {rule.kind: rule.seconds for rule in ritual.segments}
    else:
        stretch = (ritual.minutes * 60 / LENGTH) if ritual.minutes else 1.0
        budgets = {kind: seconds * stretch for kind, seconds in BUDGETS.items()}
    found: list[Segment] = []
    for kind, seconds in budgets.items():
        if kind == "squad":
            each = max(LEAST, seconds / len(squads)) if squads else 0.0
            found += [Segment(segment_id(kind, squad), kind, each, squad) for squad in squads]
        else:
            found.append(Segment(kind, kind, seconds))
    return tuple(found)


def squads_in_order(program: Program, pain: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """Ids of the squads as they are walked: wave by wave, or those with most `pain` first.

    A squad of no wave comes after those of waves; ties stay in the order of the programme.
    """
    declared = [squad.id for squad in program.squads]
    waves = (wave for wave in program.waves if not wave.design)
    ordered = list(dict.fromkeys(squad for wave in waves for squad in wave.squads if squad in declared))
    ordered += [squad for squad in declared if squad not in ordered]
    if pain is not None:
        ordered.sort(key=lambda squad: -pain.get(squad, 0.0))
    return tuple(ordered)


def spent(run: Run, now: dt.datetime) -> dict[str, float]:
    """Seconds spent in each segment so far, those of squads each for itself."""
    found: dict[str, float] = {}
    for visit in run.visits:
        end = visit.end or max(now, visit.start)
        found[visit.segment] = found.get(visit.segment, 0.0) + (end - visit.start).total_seconds()
    return found


def clock(run: Run, now: dt.datetime) -> Clock | None:
    """The clock of the segment that is on; None for a run without segments, and for one that is over."""
    segment = run.segment
    if segment is None or not run.on:
        return None
    used = spent(run, now)
    mine, budget = used.get(segment.id, 0.0), _budget(run, segment, used)
    tone: Tone = "over" if mine > budget else "amber" if mine >= AMBER * budget else "ok"
    return Clock(
        segment, mine, budget, tone, sum(used.values()), planned(run), paused=run.paused_at is not None
    )


def planned(run: Run) -> float:
    """Seconds the whole was planned to take, with what it was extended by."""
    return sum(segment.budget for segment in run.segments) + sum(run.extended.values())


def _budget(run: Run, segment: Segment, used: Mapping[str, float]) -> float:
    """A squad has its share of what the walk has left; the buffer, what nobody else has used of it."""
    own = run.extended.get(segment.id, 0.0)
    if segment.kind == "squad":
        squads = [one for one in run.segments if one.kind == "squad"]
        done = [one for one in squads if one.id != segment.id and (one.id in used or one.id in run.skipped)]
        over = sum(max(0.0, used.get(one.id, 0.0) - run.extended.get(one.id, 0.0)) for one in done)
        left = sum(one.budget for one in squads) - over
        return max(min(LEAST, segment.budget), left / (len(squads) - len(done))) + own
    if segment.kind == "buffer":
        return max(0.0, segment.budget - _overrun(run, used)) + own
    return segment.budget + own


def _overrun(run: Run, used: Mapping[str, float]) -> float:
    """Seconds that parts before the buffer took beyond what they had; the squads are one part."""
    over = 0.0
    walk_budget = walk_used = 0.0
    for segment in run.segments:
        has, took = segment.budget + run.extended.get(segment.id, 0.0), used.get(segment.id, 0.0)
        if segment.kind == "squad":
            walk_budget, walk_used = walk_budget + has, walk_used + took
        elif segment.kind != "buffer":
            over += max(0.0, took - has)
    return over + max(0.0, walk_used - walk_budget)


def not_reported(run: Run) -> tuple[str, ...]:
    """Squads that were skipped, or whom nobody came to by the end."""
    visited = {visit.segment for visit in run.visits}
    squads: Iterable[Segment] = (one for one in run.segments if one.kind == "squad")
    return tuple(
        one.squad
        for one in squads
        if one.squad and (one.id in run.skipped or (not run.on and one.id not in visited))
    )
