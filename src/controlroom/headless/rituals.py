"""`controlroom rituals`: what is on, what is next, and the days ahead."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from controlroom.domain import calendar, zones
from controlroom.domain.instants import maybe, render
from controlroom.domain.program import Program
from controlroom.domain.rituals import Agenda, Occurrence, Records, agenda, between, countdown, describe
from controlroom.domain.text import clean


def as_json(
    program: Program,
    now: dt.datetime,
    viewer_zone: str,
    *,
    days: int | None = None,
    records: Records | None = None,
) -> dict[str, Any]:
    """The document of `rituals --json`; `days` adds the occurrences of so many local days from today."""
    plan = _plan(program, now, records)
    document: dict[str, Any] = {
        "now": render(now),
        "zone": program.zone,
        "viewer_zone": viewer_zone,
        "in_progress": [_on(o, now, program, viewer_zone) for o in plan.in_progress],
        "next": [_next(o, now, program, viewer_zone) for o in plan.next],
        "notices": list(_notices(program, plan, now, viewer_zone)),
    }
    if days is not None:
        document["occurrences"] = [_listed(o, program, viewer_zone) for o in ahead(program, now, days)]
    return document


def _plan(program: Program, now: dt.datetime, records: Records | None) -> Agenda:
    try:
        return agenda(program, now, records=records)
    except OverflowError:
        raise ValueError(
            f"{now.isoformat()} lies at the edge of the calendar: give another instant"
        ) from None


def ahead(program: Program, now: dt.datetime, days: int) -> tuple[Occurrence, ...]:
    """The occurrences of `days` local dates of the programme, today's first (also those that are over).

    Raises ValueError for days that the calendar does not have.
    """
    today = zones.local(now, program.zone).date()
    try:
        end = zones.midnight(today + dt.timedelta(days=days), program.zone)
        return between(program, zones.midnight(today, program.zone), end)
    except OverflowError:
        raise ValueError(f"{days} days ahead lie outside the calendar: give fewer") from None


def _notices(program: Program, plan: Agenda, now: dt.datetime, viewer_zone: str) -> tuple[str, ...]:
    return plan.notices + zones.notices(now, program.zone, viewer_zone, program.rituals)


def _title(occurrence: Occurrence) -> str:
    return clean(occurrence.ritual.title or occurrence.ritual.id, 120)


def _seconds(instant: dt.datetime, now: dt.datetime) -> int:
    return math.floor((instant - now).total_seconds())


def _listed(occurrence: Occurrence, program: Program, viewer_zone: str) -> dict[str, Any]:
    return {
        "id": occurrence.ritual.id,
        "title": _title(occurrence),
        "date": occurrence.local_date.isoformat(),
        "start": render(occurrence.start),
        "end": maybe(occurrence.end),
        "all_day": occurrence.ritual.all_day,
        "scenario": occurrence.scenario,
        "owner": occurrence.owner,
        "flags": list(occurrence.flags),
        "cancelled": occurrence.cancelled,
        "local": zones.both(occurrence.start, program.zone, viewer_zone),
    }


def _on(occurrence: Occurrence, now: dt.datetime, program: Program, viewer_zone: str) -> dict[str, Any]:
    remaining = None if occurrence.end is None else _seconds(occurrence.end, now)
    return {
        **_listed(occurrence, program, viewer_zone),
        "remaining_s": remaining,
        "text": describe(occurrence, now),
    }


def _next(occurrence: Occurrence, now: dt.datetime, program: Program, viewer_zone: str) -> dict[str, Any]:
    left = _seconds(occurrence.start, now)
    return {
        **_listed(occurrence, program, viewer_zone),
        "countdown_s": left,
        "countdown": countdown(left),
    }


def as_text(
    program: Program,
    now: dt.datetime,
    viewer_zone: str,
    *,
    days: int | None = None,
    records: Records | None = None,
) -> str:
    """The same for people, a line each: on now, next with both zones and the time left, notices."""
    plan = _plan(program, now, records)
    lines = [_headline(program, now, viewer_zone)]
    if not program.rituals:
        lines += ["", "No rituals declared: add [[rituals]] to the configuration"]
    if plan.in_progress:
        width = max(len(_title(o)) for o in plan.in_progress)
        lines += ["", "In progress"]
        lines += [
            f"  {_title(o).ljust(width)}  {_on_text(o, now, program, viewer_zone)}" for o in plan.in_progress
        ]
    if plan.next:
        lines += ["", "Next", *_next_lines(plan.next, now, program, viewer_zone)]
    if days is not None:
        found = ahead(program, now, days)
        lines += ["", f"{days} days from today" if days != 1 else "Today"]
        lines += [f"  {_dated(o, program, viewer_zone)}  {_titled(o)}" for o in found] or ["  nothing"]
    notices = _notices(program, plan, now, viewer_zone)
    if notices:
        lines += ["", "Notices", *(f"  {clean(notice)}" for notice in notices)]
    return "\n".join(lines) + "\n"


def _headline(program: Program, now: dt.datetime, viewer_zone: str) -> str:
    parts = [clean(program.title or program.id, 60), zones.both(now, program.zone, viewer_zone, dated=True)]
    if program.start is not None:
        today = zones.local(now, program.zone).date()
        parts.append(calendar.position(program.calendar, program.start, today).label)
    return " · ".join(parts)


def _on_text(occurrence: Occurrence, now: dt.datetime, program: Program, viewer_zone: str) -> str:
    parts = [describe(occurrence, now)]
    if occurrence.end is not None:
        parts.append(f"until {zones.both(occurrence.end, program.zone, viewer_zone)}")
    return "   ".join(parts) + _extras(occurrence)


def _next_lines(
    following: tuple[Occurrence, ...], now: dt.datetime, program: Program, viewer_zone: str
) -> list[str]:
    left = [countdown((o.start - now).total_seconds()) for o in following]
    first, second = max(map(len, left)), max(len(_title(o)) for o in following)
    return [
        f"  {text.rjust(first)}  {_title(o).ljust(second)}  {_dated(o, program, viewer_zone)}{_extras(o)}"
        for text, o in zip(left, following, strict=True)
    ]


def _dated(occurrence: Occurrence, program: Program, viewer_zone: str) -> str:
    text = zones.both(occurrence.start, program.zone, viewer_zone, dated=True)
    return f"{text} (all day)" if occurrence.ritual.all_day else text


def _titled(occurrence: Occurrence) -> str:
    return _title(occurrence) + _extras(occurrence)


def _extras(occurrence: Occurrence) -> str:
    owner = f" ({occurrence.owner})" if occurrence.owner else ""
    scenario = f" · {occurrence.scenario}{owner}" if occurrence.scenario else ""
    return clean(scenario + "".join(f" · {flag}" for flag in occurrence.flags))
