"""Waves of the programme: what dates say, beside what people declared (domain rules, Calendar)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from controlroom.domain.calendar import CalendarRules, week_range
from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.board import Sprint

DeclaredState = Literal["active", "approved_early", "planned", "done"]
Phase = Literal["planned", "active", "ended", "unknown"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What people wrote about a wave: `text` verbatim, `state` None where it cannot be read."""

    text: str
    state: DeclaredState | None = None
    source: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """A half-open range of local dates [start, end) in which some squads work together."""

    id: str
    name: str = ""
    start: date | None = None
    end: date | None = None
    weeks: tuple[int, int] | None = None
    squads: tuple[str, ...] = ()
    sprints: tuple[str, ...] = ()
    declared: Declared | None = None
    design: bool = False
    """A design wave works one sprint ahead, continuously."""


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """A wave on one day. `day` of `days` is 1-based while active."""

    wave: Wave
    phase: Phase
    day: int | None = None
    days: int | None = None
    opens_in: int | None = None
    ended_ago: int | None = None
    overlaps: tuple[str, ...] = ()
    outcome: Literal["done", "late", "unverified"] | None = None
    """Only for an ended wave."""
    verdict: str | None = None
    """Declared against computed, such as ``EARLY by 5 d``; None where they agree."""
    targets: tuple[str, ...] = ()
    """What a design wave works towards, such as ``Sprint-4 due 2025-10-11``."""


Facts = Mapping[str, bool | None] | Callable[[Wave], bool | None]
"""Of each wave (by id): True when its items are done, its gate passed and no blocker is open;
False when one of these is known to fail; None or absent when not all of it is known."""

NO_TARGET = "no later sprint declared"
RULES = CalendarRules()
NOTHING_KNOWN: Mapping[str, bool | None] = {}


def span(wave: Wave, rules: CalendarRules, start: date | None) -> tuple[date, date] | None:
    """The half-open range of the wave: its own dates, else its weeks of a programme begun on `start`.

    None where neither says both ends, or the end is not after the start.
    """
    begin, end = _ends(wave, rules, start)
    return (begin, end) if begin is not None and end is not None and begin < end else None


def _ends(wave: Wave, rules: CalendarRules, start: date | None) -> tuple[date | None, date | None]:
    begin, end = wave.start, wave.end
    if (begin is None or end is None) and wave.weeks is not None and start is not None:
        try:
            by_weeks = week_range(rules, start, *wave.weeks)
        except ValueError:
            return begin, end
        begin, end = begin or by_weeks[0], end or by_weeks[1]
    return begin, end


def assess(
    waves: Sequence[Wave],
    today: date,
    *,
    rules: CalendarRules = RULES,
    start: date | None = None,
    sprints: Sequence[Sprint] = (),
    done: Facts = NOTHING_KNOWN,
) -> tuple[WaveStatus, ...]:
    """Every wave on the local date `today`, in the order given; `start` is the programme's.

    Dates alone decide a phase; a wave that cannot be dated is ``unknown``. `overlaps` names the other
    waves that are active on the same day, design waves left out as they overlap everything.
    """
    known = [_on(wave, today, rules, start) for wave in waves]
    active = [s.wave.id for s in known if s.phase == "active" and not s.wave.design]
    return tuple(_judged(status, active, today, sprints, done) for status in known)


def _on(wave: Wave, today: date, rules: CalendarRules, start: date | None) -> WaveStatus:
    """Phase and days of one wave."""
    if wave.design and wave.start is None and wave.end is None:
        return _continuous(wave, today, rules, start)
    begin, end = _ends(wave, rules, start)
    if begin is not None and end is not None and begin >= end:
        return WaveStatus(wave, "unknown")
    if begin is not None and today < begin:
        return WaveStatus(wave, "planned", opens_in=(begin - today).days)
    if end is not None and today >= end:
        return WaveStatus(wave, "ended", ended_ago=(today - end).days)
    if begin is None or end is None:
        return WaveStatus(wave, "unknown")
    return WaveStatus(wave, "active", day=(today - begin).days + 1, days=(end - begin).days)


def _continuous(wave: Wave, today: date, rules: CalendarRules, start: date | None) -> WaveStatus:
    """A design wave without dates begins with its first week (Week 0 unless it says so) and does not end."""
    if start is None:
        return WaveStatus(wave, "unknown")
    week = wave.weeks[0] if wave.weeks else 0
    begin, _ = week_range(rules, start, week, week)
    if today < begin:
        return WaveStatus(wave, "planned", opens_in=(begin - today).days)
    return WaveStatus(wave, "active")


def _judged(
    status: WaveStatus, active: Sequence[str], today: date, sprints: Sequence[Sprint], done: Facts
) -> WaveStatus:
    """`status` with what it overlaps, how it ended, its targets, and declared against computed."""
    wave = status.wave
    proven = done(wave) if callable(done) else done.get(wave.id)
    together = status.phase == "active" and not wave.design
    return replace(
        status,
        overlaps=tuple(i for i in active if i != wave.id) if together else (),
        outcome=_OUTCOMES[proven] if status.phase == "ended" else None,
        verdict=verdict(status, proven),
        targets=_targets(today, sprints) if wave.design else (),
    )


_OUTCOMES: dict[bool | None, Literal["done", "late", "unverified"]] = {
    True: "done",
    False: "late",
    None: "unverified",
}


def verdict(status: WaveStatus, proven: bool | None = None) -> str | None:
    """What people declared against what the dates say; None where they agree or one is not known.

    `proven` is whether the wave is known to be done. Days are calendar days.
    """
    declared = status.wave.declared.state if status.wave.declared else None
    if declared is None:
        return None
    if declared == "done":
        return None if proven else "UNPROVEN"
    if status.phase == "ended":
        return f"STALE: ended {status.ended_ago} d ago"
    if status.phase == "planned" and declared == "active":
        return f"EARLY by {status.opens_in} d"
    if status.phase == "planned" and declared == "approved_early":
        return f"opens in {status.opens_in} d (early start approved)"
    if status.phase == "active" and declared == "planned" and status.day is not None:
        return f"LATE NOTICE: running since {status.day - 1} d"
    return None


def _targets(today: date, sprints: Sequence[Sprint]) -> tuple[str, ...]:
    """The sprints that begin next after `today`: a design wave delivers to them by their start."""
    later = [(s.start, s) for s in sprints if s.start is not None and s.start > today]
    if not later:
        return (NO_TARGET,)
    due = min(day for day, _ in later)
    return tuple(f"{s.name or s.id} due {due.isoformat()}" for day, s in later if day == due)
