"""`controlroom rituals`: what is on, what is next, and the days ahead."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.domain import calendar, zones
from controlroom.domain.instants import maybe, render
from controlroom.domain.program import Program
from controlroom.domain.rituals import Agenda, Occurrence, agenda, between, countdown, describe
from controlroom.domain.text import clean

if TYPE_CHECKING:  # whoever only asks for dates does without
    from controlroom.domain.holdings import Earlier
    from controlroom.domain.readiness import ReadyState
    from controlroom.domain.snapshot import Snapshot


def as_json(
    program: Program,
    now: dt.datetime,
    viewer_zone: str,
    *,
    days: int | None = None,
    snapshot: Snapshot | None = None,
) -> dict[str, Any]:
    """The document of `rituals --json`; `days` adds the occurrences of so many local days from today.

    `snapshot` says what is ready and what the log tells; without it nobody has looked, and that is ``null``.
    """
    plan = _plan(program, now, snapshot)
    document: dict[str, Any] = {
        "now": render(now),
        "zone": program.zone,
        "viewer_zone": viewer_zone,
        "in_progress": [
            {**_on(o, now, program, viewer_zone), **_seen(o, now, snapshot)} for o in plan.in_progress
        ],
        "next": [{**_next(o, now, program, viewer_zone), **_seen(o, now, snapshot)} for o in plan.next],
        "earlier": [_over(one, program, viewer_zone) for one in _earlier(snapshot, now)],
        "notices": list(_notices(program, plan, now, viewer_zone)),
    }
    if days is not None:
        document["occurrences"] = [_listed(o, program, viewer_zone) for o in ahead(program, now, days)]
    return document


def _plan(program: Program, now: dt.datetime, snapshot: Snapshot | None) -> Agenda:
    try:
        if snapshot is None:
            return agenda(program, now)
        from controlroom.domain.holdings import agenda_at

        return agenda_at(replace(snapshot, program=program), now)
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
        "agenda": [clean(topic, 200) for topic in occurrence.ritual.agenda],
        "local": zones.both(occurrence.start, program.zone, viewer_zone),
    }


def _on(occurrence: Occurrence, now: dt.datetime, program: Program, viewer_zone: str) -> dict[str, Any]:
    remaining = None if occurrence.end is None else _seconds(occurrence.end, now)
    return {
        **_listed(occurrence, program, viewer_zone),
        "remaining_s": remaining,
        "text": describe(occurrence, now),
    }


def _seen(occurrence: Occurrence, now: dt.datetime, snapshot: Snapshot | None) -> dict[str, Any]:
    """What only a look at the room tells of an occurrence."""
    if snapshot is None:
        return {"readiness": None, "returns": None, "carried_over": None, "run": None}
    from controlroom.domain import holdings
    from controlroom.domain.readiness import readiness
    from controlroom.domain.runs import Key

    ready = readiness(occurrence, snapshot, now)
    run = next((r for r in holdings.driven(snapshot, now) if r.key == Key.of(occurrence)), None)
    return {
        "readiness": {
            "green": len(ready.named("there")),
            "words": clean(ready.words),
            "gates": [_gate(gate) for gate in ready.gates],
        }
        if ready.gates
        else None,
        "returns": [
            {"id": b.id, "summary": clean(b.summary, 300), "by": b.snoozed_by, "why": b.snooze_why}
            for b in holdings.returning(snapshot, occurrence)
        ],
        "carried_over": len(holdings.carried_to(snapshot, occurrence)),
        "run": None if run is None else {"driver": run.driver, "began_at": render(run.began_at)},
    }


def _gate(gate: ReadyState) -> dict[str, Any]:
    return {
        "text": clean(gate.text, 200),
        "state": gate.state,
        "why": gate.why or None,
        "by": gate.by,
        "at": maybe(gate.at),
    }


def _earlier(snapshot: Snapshot | None, now: dt.datetime) -> tuple[Earlier, ...]:
    if snapshot is None:
        return ()
    from controlroom.domain.holdings import earlier_today

    return earlier_today(snapshot, now)


def _over(one: Earlier, program: Program, viewer_zone: str) -> dict[str, Any]:
    return {**_listed(one.occurrence, program, viewer_zone), "record": one.record, "text": one.words}


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
    snapshot: Snapshot | None = None,
) -> str:
    """The same for people, a line each: on now, next with both zones and the time left, notices."""
    plan = _plan(program, now, snapshot)
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
    if snapshot is not None:
        lines += _told(plan, now, snapshot)
    if days is not None:
        found = ahead(program, now, days)
        lines += ["", f"{days} days from today" if days != 1 else "Today"]
        lines += [f"  {_dated(o, program, viewer_zone)}  {_titled(o)}" for o in found] or ["  nothing"]
    notices = _notices(program, plan, now, viewer_zone)
    if notices:
        lines += ["", "Notices", *(f"  {clean(notice)}" for notice in notices)]
    return "\n".join(lines) + "\n"


def _told(plan: Agenda, now: dt.datetime, snapshot: Snapshot) -> list[str]:
    """What is ready, what comes back, who drives, and what was held today."""
    from controlroom.domain import holdings
    from controlroom.domain.readiness import readiness

    lines: list[str] = []
    titles = {ritual.id: ritual.title or ritual.id for ritual in snapshot.program.rituals}
    for run in holdings.driven(snapshot, now):
        name = clean(titles.get(run.key.ritual, run.key.ritual), 120)
        lines.append(f"  {name}: {run.driver} drives, {holdings.lasted(run, now)}")
    lines = ["", "On", *lines] if lines else []
    ready = [(o, readiness(o, snapshot, now)) for o in (*plan.in_progress, *plan.next)]
    said = [f"  {_title(o)}: {clean(found.words)}" for o, found in ready if found.gates]
    lines += ["", "Readiness", *said] if said else []
    back = [(o, blocker) for o in plan.next for blocker in holdings.returning(snapshot, o)]
    lines += ["", "Comes back"] if back else []
    for occurrence, blocker in back:
        who = f", put off by {blocker.snoozed_by}" if blocker.snoozed_by else ""
        why = f": {blocker.snooze_why}" if blocker.snooze_why else ""
        lines.append(f"  {_title(occurrence)}: {clean(blocker.summary + who + why)}")
    earlier = [f"  {_title(one.occurrence)}: {one.words}" for one in _earlier(snapshot, now)]
    return [*lines, "", "Earlier today", *earlier] if earlier else lines


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
