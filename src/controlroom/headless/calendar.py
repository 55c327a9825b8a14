"""`controlroom calendar WHEN`: a date's place in the programme, and its waves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from controlroom.domain import calendar, waves
from controlroom.domain.program import Program
from controlroom.domain.text import clean


def as_json(
    program: Program, when: str, now: dt.datetime, *, done: waves.Facts = waves.NOTHING_KNOWN
) -> dict[str, Any]:
    """`when` (a date, an instant, a label or ``today``) as the document of `calendar --json`.

    Week, day and label are None in a programme without a start. Raises ValueError with a remedy.
    """
    day, flags, statuses = _look(program, when, now, done)
    place = None if program.start is None else calendar.position(program.calendar, program.start, day)
    return {
        "date": day.isoformat(),
        "week": None if place is None else place.week,
        "day": None if place is None else place.day,
        "label": None if place is None else place.label,
        "flags": [*flags, *(place.flags if place is not None else ())],
        "weekday": day.strftime("%A"),
        "waves": [
            {
                "id": s.wave.id,
                "phase": s.phase,
                "day": s.day,
                "days": s.days,
                "opens_in": s.opens_in,
                "ended_ago": s.ended_ago,
                "overlaps": list(s.overlaps),
                "outcome": s.outcome,
                "declared": s.wave.declared.text if s.wave.declared else None,
                "verdict": s.verdict,
                "targets": list(s.targets),
            }
            for s in statuses
        ],
    }


def as_text(program: Program, when: str, now: dt.datetime, *, done: waves.Facts = waves.NOTHING_KNOWN) -> str:
    """The same for people: a line for the date, a line per wave. Raises ValueError with a remedy."""
    day, flags, statuses = _look(program, when, now, done)
    lines = [_headline(program, day, flags)]
    width = max((len(_name(s.wave)) for s in statuses), default=0)
    lines += [f"  {_name(s.wave).ljust(width)}  {' · '.join(facts(s))}" for s in statuses]
    return "\n".join(lines) + "\n"


def _look(
    program: Program, when: str, now: dt.datetime, done: waves.Facts
) -> tuple[dt.date, tuple[str, ...], tuple[waves.WaveStatus, ...]]:
    day, flags = calendar.locate(when, program.calendar, program.start, program.zone, now)
    statuses = waves.assess(
        program.waves, day, rules=program.calendar, start=program.start, sprints=program.sprints, done=done
    )
    return day, flags, statuses


def _headline(program: Program, day: dt.date, flags: tuple[str, ...]) -> str:
    named = f"{day:%a} {day.isoformat()}"
    if program.start is None:
        return f"{named} · the programme has no start (set [program].start)"
    place = calendar.position(program.calendar, program.start, day)
    notes = "".join(f" · {_NOTES.get(flag, flag)}" for flag in (*flags, *place.flags))
    return f"{named} · {place.label} · Week {place.week} Day {place.day}{notes}"


_NOTES = {
    calendar.CLOSE_OF_WEEK: "close of the week before (Day 8)",
    calendar.WEEKEND: "weekend, not a working day",
}


def _name(wave: waves.Wave) -> str:
    return clean(wave.name or wave.id, 60)


def facts(status: waves.WaveStatus) -> list[str]:
    """What there is to say of a wave, shortest fact first."""
    known = {
        "planned": f"opens in {status.opens_in} d",
        "active": f"active, day {status.day}/{status.days}" if status.day else "active, continuously",
        "ended": f"ended {status.ended_ago} d ago" + (f", {status.outcome}" if status.outcome else ""),
        "unknown": "no dates",
    }
    said = [known[status.phase]]
    if status.overlaps:
        said.append("overlaps " + ", ".join(status.overlaps))
    said += status.targets
    if status.wave.declared is not None:
        said.append(f"declared: {clean(status.wave.declared.text, 120)}")
    if status.verdict is not None:
        said.append(status.verdict)
    return said
