"""Rituals: recurring meetings and drills, expanded in their own zone (domain rules, Rituals)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from controlroom.domain.calendar import CalendarRules, position
from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import duration

if TYPE_CHECKING:
    from controlroom.domain.program import Program

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SegmentKind = Literal["changes", "blockers", "squad", "telemetry", "decisions", "buffer"]
"""The parts of a standup."""

OccurrenceState = Literal[
    "upcoming", "in_progress", "started", "ended", "held", "no_record", "unknown", "cancelled"
]
"""``ended``: over, no record yet, and none is due yet."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a rotating ritual does in one programme week."""

    week: int
    scenario: str
    owner: str | None = None
    services: tuple[str, ...] = ()
    """Ids of the services that are expected to suffer: each has a stopwatch."""
    symptoms: tuple[str, ...] = ()
    """What people expect to see, ticked off as it appears."""
    rto: float | None = None
    """Seconds within which they are to be well again."""
    silence: tuple[str, ...] = ()
    """Which alerts are silenced while it lasts, as amtool writes matchers: ``job=redis``; none: none are."""


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """A part of a standup and its length in seconds; that of ``squad`` is of all squads together."""

    kind: SegmentKind
    seconds: float


@dataclass(frozen=True, slots=True)
class ReadyGate:
    """Something that is to be there when a ritual begins. With nothing named, a person ticks it off."""

    text: str = ""
    """As people call it; what is named where left out."""
    service: str | None = None
    """Id of a service that must be up."""
    signal: str | None = None
    """A promised metric that must be delivered."""
    item: str | None = None
    """Id of a card that must be done."""


@dataclass(frozen=True, slots=True)
class DateChange:
    """One occurrence, by its original local date, moved or cancelled."""

    date: dt.date
    reason: str = ""
    to_date: dt.date | None = None
    to_time: dt.time | None = None
    """Neither given: the occurrence is cancelled."""


@dataclass(frozen=True, slots=True)
class Ritual:
    """A recurring event. `time` None with `all_day` False means the time is not declared."""

    id: str
    title: str = ""
    days: tuple[Weekday, ...] | Literal["daily"] = "daily"
    time: dt.time | None = None
    zone: str | None = None
    """IANA zone; None is the programme's."""
    all_day: bool = False
    minutes: int | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    """Last local date, inclusive."""
    rotation: tuple[Scenario, ...] = ()
    rotates: bool = False
    """A scenario is expected every week; a week without one says so."""
    checklist: tuple[str, ...] = ()
    agenda: tuple[str, ...] = ()
    gap: Literal["shift", "skip"] = "shift"
    changes: tuple[DateChange, ...] = ()
    holidays: bool = False
    """True: not held on `[program].holidays`."""
    gates: tuple[ReadyGate, ...] = ()
    """What is to be there when it begins."""
    layout: tuple[str, ...] = ()
    """Panes the room shows when it comes near, in the order of their weight."""
    near: float = 900.0
    """Seconds before its start from which it is near."""
    segments: tuple[SegmentRule, ...] = ()
    """The parts of a standup, where they are not the usual ones."""
    order: Literal["waves", "pain"] = "waves"
    """How a standup walks the squads."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time a ritual takes place. `end` is None when no duration is declared."""

    ritual: Ritual
    local_date: dt.date
    """The date the rule gives it, also when it was moved: with the ritual's id, its identity."""
    start: dt.datetime
    end: dt.datetime | None
    scenario: str | None = None
    owner: str | None = None
    flags: tuple[str, ...] = ()
    """Such as ``shifted: 02:30 does not exist on 2026-03-08``, ``moved``, ``cancelled: holiday``."""
    cancelled: bool = False


Record = Literal["held", "none", "unreadable"]
"""What the records say of one occurrence: there is one, there is none, they cannot be read."""

Records = Callable[[str, dt.date], Record | None]
"""By ritual id and `Occurrence.local_date`; None: not looked for."""

STARTED_FOR = dt.timedelta(hours=1)
"""How long an occurrence of undeclared duration counts as started."""

RECORD_DUE = dt.timedelta(hours=2)
"""How long after its end an occurrence may still be without a record."""

SEARCH_DAYS = 400
"""How far ahead the next occurrence is looked for, from today or from the ritual's first date."""

NOTICE_DAYS = 7
"""How far ahead a cancelled, moved or shifted occurrence is announced."""

RULES = CalendarRules()


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is on now, each ritual's next occurrence in order of time, and what to know about them."""

    in_progress: tuple[Occurrence, ...] = ()
    next: tuple[Occurrence, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every ritual of a programme is expanded in."""

    zone: str
    holidays: frozenset[dt.date]
    start: dt.date | None
    rules: CalendarRules


def occurrences(
    ritual: Ritual,
    first: dt.date,
    last: dt.date,
    zone: str,
    holidays: Collection[dt.date] = (),
    *,
    start: dt.date | None = None,
    rules: CalendarRules = RULES,
) -> tuple[Occurrence, ...]:
    """The occurrences that take place on local dates `first` to `last` (inclusive), in order of time.

    `zone` (the programme's) holds where the ritual names none. `start` and `rules` give the programme
    week that a rotation needs. A cancelled occurrence is among them, flagged; a moved one is found on
    the date it was moved to. A ritual whose time is not declared has none.
    """
    return _expand(ritual, first, last, _Frame(zone, frozenset(holidays), start, rules))


def between(program: Program, from_instant: dt.datetime, to_instant: dt.datetime) -> tuple[Occurrence, ...]:
    """Every occurrence that starts in [from, to), by start and then in the order of configuration."""
    frame = _frame(program)
    first = from_instant.astimezone(dt.UTC).date() - _DAY
    last = to_instant.astimezone(dt.UTC).date() + _DAY
    found = (o for ritual in program.rituals for o in _expand(ritual, first, last, frame))
    return tuple(sorted((o for o in found if from_instant <= o.start < to_instant), key=_by_start))


def agenda(program: Program, now: dt.datetime, *, records: Records | None = None) -> Agenda:
    """What is on at `now`, what comes next, and what is cancelled, moved or shifted within seven days.

    Cheap enough for every tick: a programme is expanded once a day and then only compared with `now`.
    """
    on: list[Occurrence] = []
    following: list[Occurrence] = []
    notices: list[str] = []
    for ritual, window in _windows(program, now.astimezone(dt.UTC).date()):
        if ritual.time is None and not ritual.all_day:
            notices.append(f"{ritual.title or ritual.id}: no time declared")
        upcoming = None
        for occurrence in window:
            record = records(ritual.id, occurrence.local_date) if records is not None else None
            if occurrence.start > now:
                # One that was held before its time is over: the one after it comes next.
                if upcoming is None and not occurrence.cancelled and record != "held":
                    upcoming = occurrence
            elif state(occurrence, now, record) in {"in_progress", "started"}:
                on.append(occurrence)
            if occurrence.flags and _soon(occurrence, now):
                notices.append(announcement(occurrence, program.zone))
        if upcoming is not None:
            following.append(upcoming)
    return Agenda(tuple(sorted(on, key=_by_start)), tuple(sorted(following, key=_by_start)), tuple(notices))


def state(occurrence: Occurrence, now: dt.datetime, record: Record | None = None) -> OccurrenceState:
    """Where an occurrence stands at `now`, given what the records say of it (None: not looked).

    Without a declared duration it is ``started`` for an hour, or until it is recorded, and over then.
    """
    if occurrence.cancelled:
        return "cancelled"
    if now < occurrence.start:
        return "upcoming"
    end = occurrence.end or occurrence.start + STARTED_FOR
    if now < end and (occurrence.end is not None or record != "held"):
        return "in_progress" if occurrence.end is not None else "started"
    if record == "held":
        return "held"
    if record == "none":
        return "ended" if now - end < RECORD_DUE else "no_record"
    return "unknown"


def describe(occurrence: Occurrence, now: dt.datetime, record: Record | None = None) -> str:
    """The state of an occurrence in words, such as ``14:30 left`` or ``held``."""
    where = state(occurrence, now, record)
    since_end = (now - (occurrence.end or occurrence.start + STARTED_FOR)).total_seconds()
    match where:
        case "upcoming":
            return f"in {countdown((occurrence.start - now).total_seconds())}"
        case "in_progress":
            left = countdown(-since_end)
            return f"all day, {left} left" if occurrence.ritual.all_day else f"{left} left"
        case "started":
            minutes = int((now - occurrence.start).total_seconds()) // 60
            return f"started {minutes}m ago, duration not declared"
        case "ended":
            return f"ended {duration(since_end)} ago, not recorded yet"
        case "unknown":
            return "records unreadable" if record == "unreadable" else "records not looked at"
        case "cancelled":
            return "; ".join(occurrence.flags) or "cancelled"
    return "held" if where == "held" else "no record"


def countdown(seconds: float) -> str:
    """Time left: ``1d 00h 15m``, ``7h 45m``, below an hour ``mm:ss`` (all floored), ``NOW`` at 0."""
    left = math.floor(seconds)
    if left <= 0:
        return "NOW"
    minutes, second = divmod(left, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02d}h {minute:02d}m"
    return f"{hours}h {minute:02d}m" if hours else f"{minute:02d}:{second:02d}"


def announcement(occurrence: Occurrence, zone: str) -> str:
    """One line on what is unusual about an occurrence; `zone` is the programme's."""
    from controlroom.domain import zones

    ritual = occurrence.ritual
    when = zones.label(occurrence.start, ritual.zone or zone, dated=True)
    return f"{ritual.title or ritual.id} {when}: {'; '.join(occurrence.flags)}"


def falls_on(ritual: Ritual, day: dt.date) -> bool:
    """Whether the rule of `ritual` names the local date `day`, whatever was moved or cancelled."""
    if ritual.starts_on is not None and day < ritual.starts_on:
        return False
    if ritual.ends_on is not None and day > ritual.ends_on:
        return False
    return ritual.days == "daily" or WEEKDAYS[day.weekday()] in ritual.days


_DAY = dt.timedelta(days=1)
_LAST = dt.date.max - 2 * _DAY
"""Beyond this a local date may have no instant."""


def _by_start(occurrence: Occurrence) -> dt.datetime:
    return occurrence.start


def _soon(occurrence: Occurrence, now: dt.datetime) -> bool:
    return (occurrence.end or occurrence.start) > now and occurrence.start <= now + NOTICE_DAYS * _DAY


def _frame(program: Program) -> _Frame:
    return _Frame(program.zone, frozenset(program.holidays), program.start, program.calendar)


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    return map(dt.date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


def _expand(ritual: Ritual, first: dt.date, last: dt.date, frame: _Frame) -> tuple[Occurrence, ...]:
    moves = {change.date: change for change in ritual.changes if _moves(change)}
    own = [day for day in _days(first, last) if day not in moves]
    arriving = [day for day, change in moves.items() if first <= (change.to_date or day) <= last]
    found = (_occurrence(ritual, day, frame) for day in own + arriving if falls_on(ritual, day))
    return tuple(sorted((o for o in found if o is not None), key=_by_start))


def _moves(change: DateChange) -> bool:
    return change.to_date is not None or change.to_time is not None


def _occurrence(ritual: Ritual, day: dt.date, frame: _Frame) -> Occurrence | None:
    """The occurrence the rule gives `day`, wherever it was moved; None when its time is not declared."""
    change = next((c for c in ritual.changes if c.date == day), None)
    if change is None and ritual.holidays and day in frame.holidays:
        change = DateChange(day, "holiday")
    time = ritual.time
    all_day = ritual.all_day
    if change is not None and change.to_time is not None:
        time, all_day = change.to_time, False
    if time is None and not all_day:
        return None
    on = (change.to_date if change is not None else None) or day
    start, end, flags, skipped = _placed(ritual, on, None if all_day else time, frame)
    cancelled = skipped or (change is not None and not _moves(change))
    if change is not None:
        flags = (_told(change, ritual.time if not ritual.all_day else None), *flags)
    scenario, owner = _turn(ritual, day, frame)
    return Occurrence(ritual, day, start, end, scenario, owner, flags, cancelled)


def _told(change: DateChange, time: dt.time | None) -> str:
    reason = f": {change.reason}" if change.reason else ""
    if not _moves(change):
        return f"cancelled{reason}"
    return f"moved from {change.date.isoformat()}" + (f" {time:%H:%M}" if time else "") + reason


def _placed(
    ritual: Ritual, on: dt.date, time: dt.time | None, frame: _Frame
) -> tuple[dt.datetime, dt.datetime | None, tuple[str, ...], bool]:
    """Start, end, flags and whether it is skipped, of an occurrence at `time` (None: all day) on `on`."""
    # Whoever only declares rituals does without the time zone database, which takes a while to import.
    from controlroom.domain import zones

    zone = ritual.zone or frame.zone
    if time is None:
        start, end = zones.midnight(on, zone), zones.midnight(on + _DAY, zone)
        missing = start >= end
        return start, end, ((f"skipped: {on} does not exist in {zone}",) if missing else ()), missing
    start, wall = zones.to_utc(on, time, zone)
    length = None if ritual.minutes is None else start + dt.timedelta(minutes=ritual.minutes)
    if wall == "gap":
        word = "skipped" if ritual.gap == "skip" else "shifted"
        flag = f"{word}: {time:%H:%M} does not exist on {on}"
        return start, length, (flag,), ritual.gap == "skip"
    twice = (f"ambiguous: {time:%H:%M} happens twice on {on}, the first is meant",)
    return start, length, twice if wall == "twice" else (), False


def _turn(ritual: Ritual, day: dt.date, frame: _Frame) -> tuple[str | None, str | None]:
    """Scenario and owner in the programme week of the ritual's own date, moved or not."""
    if not ritual.rotation and not ritual.rotates:
        return None, None
    if frame.start is None:
        return "scenario unknown: the programme has no start", None
    week = position(frame.rules, frame.start, day).week
    turn = next((s for s in ritual.rotation if s.week == week), None)
    return (f"scenario not declared for Week {week}", None) if turn is None else (turn.scenario, turn.owner)


@lru_cache(maxsize=4)
def _windows(program: Program, day: dt.date) -> tuple[tuple[Ritual, tuple[Occurrence, ...]], ...]:
    """Per ritual, what can be on, next or worth a notice on the UTC date `day`."""
    frame = _frame(program)
    return tuple((ritual, _window(ritual, day, frame)) for ritual in program.rituals)


@lru_cache(maxsize=256)
def _window(ritual: Ritual, day: dt.date, frame: _Frame) -> tuple[Occurrence, ...]:
    """From the longest that can still be on, to the first that certainly starts after `day`."""
    back = 2 + math.ceil((ritual.minutes or 60) / 1440)
    first, last = day - back * _DAY, day + (NOTICE_DAYS + 2) * _DAY
    found = _expand(ritual, first, last, frame)
    certain = dt.datetime.combine(day + 2 * _DAY, dt.time(), dt.UTC)
    if any(o.start >= certain and not o.cancelled for o in found):
        return found
    return tuple(sorted(found + _beyond(ritual, last, frame), key=_by_start))


def _beyond(ritual: Ritual, last: dt.date, frame: _Frame) -> tuple[Occurrence, ...]:
    """What is moved beyond `last`, and the first that takes place there by rule."""
    moves = {c.date: c for c in ritual.changes if _moves(c) and falls_on(ritual, c.date)}
    late = (day for day, change in moves.items() if (change.to_date or day) > last)
    found = [o for o in (_occurrence(ritual, day, frame) for day in late) if o is not None]
    first = max(last.toordinal() + 1, (ritual.starts_on or last).toordinal())
    end = min(first + SEARCH_DAYS, (ritual.ends_on or _LAST).toordinal() + 1, _LAST.toordinal())
    for day in map(dt.date.fromordinal, range(first, end)):
        if day not in moves and falls_on(ritual, day):
            occurrence = _occurrence(ritual, day, frame)
            if occurrence is None:
                break
            if not occurrence.cancelled:
                return (*found, occurrence)
    return tuple(found)
