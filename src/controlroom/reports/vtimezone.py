"""A zone as an RFC 5545 VTIMEZONE, written from the transitions the zone database really has.

A transition that has followed one yearly rule for a whole 28-year cycle of weekdays, and still does
at the end of the years looked at, becomes an RRULE; a zone with any other kind (Morocco's follow the
moon) gets each of its transitions for those years by date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from controlroom.domain import zones

YEARS = 40
"""Years ahead whose transitions are looked at; a zone that follows no rule is right for these."""

CYCLE = 28
"""Years in which every date falls on every weekday, leap years included."""

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class _Kind(NamedTuple):
    """Transitions that could be one rule: the same offsets, at the same time of the same month."""

    before: dt.timedelta
    after: dt.timedelta
    name: str
    month: int
    time: dt.time


@lru_cache(maxsize=16)
def vtimezone(zone: str, year: int) -> tuple[str, ...]:
    """The content lines of `zone` for dates from 1 January of `year`; unfolded, without line ends."""
    begin = dt.datetime(year, 1, 1, tzinfo=dt.UTC) - dt.timedelta(days=2)
    changes = tuple(zones.transitions(zone, begin, dt.datetime(year + YEARS, 12, 31, 23, tzinfo=dt.UTC)))
    groups: dict[_Kind, list[dt.datetime]] = {}
    for change in changes:
        onset = (change.at + change.before).replace(tzinfo=None)
        kind = _Kind(change.before, change.after, change.after_name, onset.month, onset.time())
        groups.setdefault(kind, []).append(onset)
    wall = zones.local(begin, zone)
    offset = wall.utcoffset() or dt.timedelta()
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
    first = _Kind(offset, offset, zones.abbreviation(wall), 1, dt.time())
    lines += _observance(first, wall.replace(tzinfo=None), ())
    ruled = _ruled(groups, year + YEARS)
    for kind, onsets in groups.items():
        run, rule = ruled.get(kind, (0, ""))
        listed = onsets[: len(onsets) - run]
        if listed:
            later = ",".join(map(_stamp, listed[1:]))
            lines += _observance(kind, listed[0], [f"RDATE:{later}"] if later else [])
        if rule:
            lines += _observance(kind, onsets[-run], [f"RRULE:{rule}"])
    return (*lines, "END:VTIMEZONE")


def _observance(kind: _Kind, onset: dt.datetime, recurrence: Sequence[str]) -> list[str]:
    name = "DAYLIGHT" if kind.after > kind.before else "STANDARD"
    return [
        f"BEGIN:{name}",
        f"DTSTART:{_stamp(onset)}",
        f"TZOFFSETFROM:{_offset(kind.before)}",
        f"TZOFFSETTO:{_offset(kind.after)}",
        *recurrence,
        f"TZNAME:{kind.name}",
        f"END:{name}",
    ]


def _ruled(groups: dict[_Kind, list[dt.datetime]], last_year: int) -> dict[_Kind, tuple[int, str]]:
    """For each kind that still happens, how many of its last onsets one rule makes, and that rule.

    Empty when one of them follows none: a rule for spring without one for autumn would drift apart.
    """
    ruled: dict[_Kind, tuple[int, str]] = {}
    for kind, onsets in groups.items():
        if onsets[-1].year <= last_year - CYCLE:
            continue
        run = _run(onsets)
        rule = _rule(run)
        if rule is None or onsets[-1].year != last_year:
            return {}
        ruled[kind] = (len(run), rule)
    return ruled


def _run(onsets: Sequence[dt.datetime]) -> list[dt.datetime]:
    """The longest tail of `onsets` that is yearly, on one weekday, within seven days of the month."""
    run = [onsets[-1]]
    for onset in reversed(onsets[:-1]):
        days = [o.day for o in run] + [onset.day]
        yearly = onset.year == run[-1].year - 1 and onset.weekday() == run[-1].weekday()
        if not yearly or max(days) - min(days) > 6:
            break
        run.append(onset)
    return run


def _rule(run: Sequence[dt.datetime]) -> str | None:
    """The yearly rule that makes `run`; None when it is too short to tell."""
    days = {onset.day for onset in run}
    if len(run) < CYCLE or len(days) != 7:
        return None
    month, weekday = run[0].month, _DAYS[run[0].weekday()]
    first = min(days)
    if first % 7 == 1 and first < 28:
        return f"FREQ=YEARLY;BYMONTH={month};BYDAY={first // 7 + 1}{weekday}"
    if month != 2 and first == (dt.date(2001, month % 12 + 1, 1) - dt.timedelta(days=7)).day:
        return f"FREQ=YEARLY;BYMONTH={month};BYDAY=-1{weekday}"
    return f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={','.join(map(str, sorted(days)))};BYDAY={weekday}"


def _stamp(wall: dt.datetime) -> str:
    return wall.isoformat(timespec="seconds").replace("-", "").replace(":", "")


def _offset(offset: dt.timedelta) -> str:
    seconds = int(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02d}{rest // 60:02d}"
    return text + (f"{rest % 60:02d}" if rest % 60 else "")
