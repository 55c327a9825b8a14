"""The programme's rituals as a calendar file (RFC 5545): rules, exceptions and the zones they are in.

A rule repeats by local date. What is cancelled is an EXDATE, what is moved or has its own title is an
override (RECURRENCE-ID). RFC 5545 §3.3.10 drops repetitions whose local time does not exist, so those
that are to be held all the same stand by themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from controlroom.domain import zones
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence, Ritual, falls_on, occurrences
from controlroom.domain.text import clean
from controlroom.reports.vtimezone import vtimezone

EXCEPTION_DAYS = 3653
"""Days of a rule without end for which cancellations, moves and titles are written out."""

_DAY = dt.timedelta(days=1)
_EARLIEST = 1900
"""Year before which zones are not written out."""
_CODES = {"mon": "MO", "tue": "TU", "wed": "WE", "thu": "TH", "fri": "FR", "sat": "SA", "sun": "SU"}


def render(program: Program, first: dt.date, days: int | None = None) -> str:
    """The calendar of `days` local dates from `first`; None repeats without end.

    The same programme and arguments give the same text, byte for byte; lines end in CRLF.
    """
    events: list[str] = []
    zone_names: dict[str, None] = {}
    for ritual in program.rituals:
        lines = _ritual(_Plan(program, ritual, first, days))
        if lines and not ritual.all_day:
            zone_names[ritual.zone or program.zone] = None
        events += lines
    if not events:
        zone_names[program.zone] = None
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//controlroom//rituals//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(program.title or program.id)}",
        *([f"X-WR-CALDESC:{_text(program.banner)}"] if program.banner else []),
    ]
    for name in zone_names:
        if name != "UTC" or not events:
            lines += vtimezone(name, max(first.year - 1, _EARLIEST))
    return "".join(_folded(line) for line in (*lines, *events, "END:VCALENDAR"))


def omitted(program: Program) -> tuple[str, ...]:
    """What the calendar cannot hold, and why."""
    return tuple(
        f"{ritual.title or ritual.id}: no time declared, so it is not in the calendar"
        for ritual in program.rituals
        if ritual.time is None and not ritual.all_day
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """One ritual of a programme, over the dates that are asked for."""

    program: Program
    ritual: Ritual
    first: dt.date
    days: int | None

    @property
    def zone(self) -> str:
        return self.ritual.zone or self.program.zone

    @property
    def last(self) -> dt.date:
        """The last date that is written out."""
        last = self.first + ((self.days if self.days is not None else EXCEPTION_DAYS) - 1) * _DAY
        begin = self.ritual.starts_on
        return last if begin is None or self.days is not None else max(last, begin + EXCEPTION_DAYS * _DAY)

    @property
    def endless(self) -> bool:
        return self.days is None and self.ritual.ends_on is None

    def dates(self) -> list[dt.date]:
        """The dates the rule names."""
        ritual = self.ritual
        if ritual.time is None and not ritual.all_day:
            return []
        first = max(self.first, ritual.starts_on or self.first)
        last = min(self.last, ritual.ends_on or self.last)
        return [d for i in range((last - first).days + 1) if falls_on(ritual, d := first + i * _DAY)]

    def exists(self, day: dt.date) -> bool:
        """Whether the local time of the rule happens on `day`."""
        time = self.ritual.time
        return self.ritual.all_day or (time is not None and zones.to_utc(day, time, self.zone)[1] != "gap")

    def occurrences(self) -> tuple[Occurrence, ...]:
        program = self.program
        return occurrences(
            self.ritual,
            self.first,
            self.last,
            program.zone,
            program.holidays,
            start=program.start,
            rules=program.calendar,
        )


def _ritual(plan: _Plan) -> list[str]:
    """All events of one ritual: its rule, then overrides, then what stands by itself."""
    dates = plan.dates()
    held = {o.local_date: o for o in plan.occurrences() if not o.cancelled}
    regular = [day for day in dates if plan.exists(day)]
    shown = held.keys() & set(regular)
    lines: list[str] = []
    if regular:
        lines += _master(plan, regular[0], dates[-1], [day for day in dates if day not in shown])
    for day, occurrence in sorted(held.items()):
        if day not in shown:
            lines += _event(plan, occurrence, f"{plan.ritual.id}-{_date(day)}", [])
        elif _special(plan, occurrence):
            lines += _event(plan, occurrence, plan.ritual.id, [_when(plan, "RECURRENCE-ID", day)])
    return lines


def _special(plan: _Plan, occurrence: Occurrence) -> bool:
    """Whether it differs from what the rule would show: moved, or with a scenario of its own."""
    rotation = {turn.scenario for turn in plan.ritual.rotation}
    moved = any(c.date == occurrence.local_date for c in plan.ritual.changes)
    return moved or occurrence.scenario in rotation


def _master(plan: _Plan, first: dt.date, last: dt.date, absent: list[dt.date]) -> list[str]:
    ritual = plan.ritual
    rule = "RRULE:FREQ=DAILY"
    if ritual.days != "daily":
        rule = f"RRULE:FREQ=WEEKLY;BYDAY={','.join(_CODES[d] for d in _CODES if d in ritual.days)}"
    if not plan.endless:
        rule += f";UNTIL={_until(plan, last)}"
    return [
        "BEGIN:VEVENT",
        *_head(plan, ritual.id),
        _when(plan, "DTSTART", first),
        *_length(ritual, first),
        rule,
        *([_when(plan, "EXDATE", *absent)] if absent else []),
        f"SUMMARY:{_text(_title(plan))}",
        *_description(ritual, []),
        "END:VEVENT",
    ]


def _event(plan: _Plan, occurrence: Occurrence, name: str, identity: list[str]) -> list[str]:
    """One occurrence by itself, or in place of one of the rule's when `identity` says which."""
    ritual = occurrence.ritual
    wall = zones.local(occurrence.start, plan.zone)
    if _is_all_day(occurrence, plan):
        begin = [f"DTSTART;VALUE=DATE:{_date(wall.date())}", *_length(ritual, wall.date())]
    else:
        minutes = [] if ritual.minutes is None else [f"DURATION:PT{ritual.minutes}M"]
        begin = [_stamp(plan, "DTSTART", wall), *minutes]
    title = ritual.title or ritual.id
    notes = [*([f"Owner: {occurrence.owner}"] if occurrence.owner else []), *occurrence.flags]
    return [
        "BEGIN:VEVENT",
        *_head(plan, name),
        *identity,
        *begin,
        f"SUMMARY:{_text(f'{title} — {occurrence.scenario}' if occurrence.scenario else title)}",
        *_description(ritual, notes),
        "END:VEVENT",
    ]


def _is_all_day(occurrence: Occurrence, plan: _Plan) -> bool:
    """An all-day ritual that was moved to a time of day is no longer one for that day."""
    changes = plan.ritual.changes
    timed = any(c.date == occurrence.local_date and c.to_time is not None for c in changes)
    return plan.ritual.all_day and not timed


def _head(plan: _Plan, name: str) -> list[str]:
    uid = _text(f"{name}@{plan.program.id}.controlroom")
    return [f"UID:{uid}", f"DTSTAMP:{_date(plan.first)}T000000Z"]


def _title(plan: _Plan) -> str:
    """The title of repetitions without a scenario of their own."""
    title = plan.ritual.title or plan.ritual.id
    if not plan.ritual.rotation and not plan.ritual.rotates:
        return title
    return f"{title} — scenario {'unknown' if plan.program.start is None else 'not declared'}"


def _length(ritual: Ritual, day: dt.date) -> list[str]:
    if ritual.all_day:
        return [f"DTEND;VALUE=DATE:{_date(day + _DAY)}", "TRANSP:TRANSPARENT"]
    return [] if ritual.minutes is None else [f"DURATION:PT{ritual.minutes}M"]


def _description(ritual: Ritual, notes: list[str]) -> list[str]:
    lines = list(notes)
    if not ritual.all_day and ritual.minutes is None:
        lines.append("Duration not declared")
    for name, entries in (("Agenda", ritual.agenda), ("Checklist", ritual.checklist)):
        lines += [f"{name}:", *(f"- {entry}" for entry in entries)] if entries else []
    return [f"DESCRIPTION:{_text(chr(10).join(lines))}"] if lines else []


def _until(plan: _Plan, last: dt.date) -> str:
    """UNTIL is in UTC where DTSTART has a zone, and a date where DTSTART is one."""
    if plan.ritual.time is None or plan.ritual.all_day:
        return _date(last)
    instant, _ = zones.to_utc(last, plan.ritual.time, plan.zone)
    return f"{_compact(instant.replace(tzinfo=None))}Z"


def _when(plan: _Plan, name: str, *days: dt.date) -> str:
    """A property whose values are the rule's own starts on `days`."""
    time = plan.ritual.time
    if plan.ritual.all_day or time is None:
        return f"{name};VALUE=DATE:{','.join(map(_date, days))}"
    return _stamp(plan, name, *(dt.datetime.combine(day, time) for day in days))


def _stamp(plan: _Plan, name: str, *walls: dt.datetime) -> str:
    texts = [_compact(wall.replace(tzinfo=None)) for wall in walls]
    if plan.zone == "UTC":
        return f"{name}:{','.join(f'{text}Z' for text in texts)}"
    zone = f'"{plan.zone}"' if set(plan.zone) & set(":;,") else plan.zone
    return f"{name};TZID={zone}:{','.join(texts)}"


def _compact(wall: dt.datetime) -> str:
    return wall.isoformat(timespec="seconds").replace("-", "").replace(":", "")


def _date(day: dt.date) -> str:
    return day.isoformat().replace("-", "")


def _text(text: str) -> str:
    """A TEXT value (RFC 5545 §3.3.11)."""
    harmless = clean(text, newlines=True)
    return harmless.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """`line` in pieces of at most 75 octets (RFC 5545 §3.1), never within a character."""
    return "\r\n ".join(_pieces(line)) + "\r\n"


def _pieces(line: str) -> Iterator[str]:
    piece, size, limit = "", 0, 75
    for character in line:
        octets = len(character.encode("utf-8", "replace"))
        if size + octets > limit:
            yield piece
            piece, size, limit = "", 0, 74
        piece += character
        size += octets
    yield piece
