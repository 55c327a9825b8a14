"""Programme weeks and days: ``W1D3`` and the dates they stand for (domain rules, Calendar)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import parse
from controlroom.domain.text import clean


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """`[calendar]`: how labels such as "Week 2 Day 5" become dates.

    A week is always seven days from the start's weekday. With `day_rule` ``calendar`` a day is a
    calendar day of that week; with ``workdays`` it is the n-th of its five days Monday to Friday.
    """

    day_rule: Literal["calendar", "workdays"] = "calendar"
    day_base: Literal[0, 1] = 1
    """Number of a week's first day."""
    day8: Literal["close", "reject"] = "close"
    """What the day after a full week means ("Day 8", or "Day 7" counting from 0): its close, or an error."""
    sprint_day_base: Literal[0, 1] = 0
    """Number of a sprint's first day; 0 counts the days that have passed."""


@dataclass(frozen=True, slots=True)
class Position:
    """A local date's place in the programme. Week 0 and below lie before the start."""

    date: dt.date
    week: int
    day: int
    flags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Such as ``W3D4``."""
        return f"W{self.week}D{self.day}"


CLOSE_OF_WEEK = "close-of-week"
"""Flag: the label said Day 8, which is the first day of the week after."""

WEEKEND = "weekend"
"""Flag: only Monday to Friday are counted, and this is neither."""

_LABEL = re.compile(
    r"(?:week|wk|w)[\s_.#]*([0-9]{1,4})[\s,;:/·–—_-]*(?:day|d)[\s_.#]*([0-9]{1,4})", re.IGNORECASE
)
_WORKING = range(5)


def position(rules: CalendarRules, start: dt.date, day: dt.date) -> Position:
    """Week and day of the local date `day` in a programme that begins on `start`.

    Under ``workdays`` a weekend day takes the number of the working day before it in its week (the
    first one's where there is none) and the flag ``weekend``.
    """
    week, offset = divmod((day - start).days, 7)
    if rules.day_rule == "calendar":
        return Position(day, week + 1, offset + rules.day_base)
    first = day - dt.timedelta(days=offset)
    worked = sum((first + dt.timedelta(days=i)).weekday() in _WORKING for i in range(offset + 1))
    flags = () if day.weekday() in _WORKING else (WEEKEND,)
    return Position(day, week + 1, max(worked, 1) - 1 + rules.day_base, flags)


def date_of(rules: CalendarRules, start: dt.date, week: int, day: int) -> tuple[dt.date, tuple[str, ...]]:
    """The date a label stands for, and flags (``close-of-week``).

    Raises ValueError, with what to write instead, for a day that no week has.
    """
    base, length = rules.day_base, 7 if rules.day_rule == "calendar" else 5
    if day == base + 7 and rules.day8 == "close":
        return date_of(rules, start, week + 1, base)[0], (CLOSE_OF_WEEK,)
    if not base <= day < base + length:
        raise ValueError(_no_such_day(rules, week, day, length))
    try:
        first = start + dt.timedelta(days=7 * (week - 1))
        if rules.day_rule == "calendar":
            return first + dt.timedelta(days=day - base), ()
        days = (first + dt.timedelta(days=i) for i in range(7))
        return [d for d in days if d.weekday() in _WORKING][day - base], ()
    except OverflowError:
        raise ValueError(f"Week {week} lies outside the calendar: check the week number") from None


def _no_such_day(rules: CalendarRules, week: int, day: int, length: int) -> str:
    base = rules.day_base
    kind = "working days" if rules.day_rule == "workdays" else "days"
    text = f"Week {week} Day {day}: a week has {kind} {base} to {base + length - 1}"
    if day == base + 7:
        return f'{text}; write Week {week + 1} Day {base}, or set [calendar].day8 = "close"'
    if day == 0:
        return f"{text}; write Day 1, or set [calendar].day_base = 0"
    return f"{text}; write the week that the day is in, or a date"


def sprint_date(rules: CalendarRules, sprint_start: dt.date, day: int) -> dt.date:
    """The date of a sprint's own "Day n"; counts working days only under ``workdays``.

    Raises ValueError for a day before the sprint's first.
    """
    elapsed = day - rules.sprint_day_base
    if elapsed < 0:
        raise ValueError(f"Day {day} of a sprint: its first day is Day {rules.sprint_day_base}")
    try:
        if rules.day_rule == "calendar":
            return sprint_start + dt.timedelta(days=elapsed)
        lead = max(0, 7 - sprint_start.weekday()) if sprint_start.weekday() not in _WORKING else 0
        first = sprint_start + dt.timedelta(days=lead)
        weeks, rest = divmod(first.weekday() + elapsed, 5)
        return first + dt.timedelta(days=7 * weeks + rest - first.weekday())
    except OverflowError:
        raise ValueError(f"Day {day} of a sprint lies outside the calendar: check the number") from None


def week_range(rules: CalendarRules, start: dt.date, a: int, b: int) -> tuple[dt.date, dt.date]:
    """The half-open range of "Weeks a–b": from the first day of week `a` to the first of week `b` + 1.

    Weeks are seven days under either `day_rule`. Raises ValueError when `b` lies before `a`.
    """
    del rules
    if b < a:
        raise ValueError(f"Weeks {a}–{b}: the second week lies before the first")
    try:
        return start + dt.timedelta(days=7 * (a - 1)), start + dt.timedelta(days=7 * b)
    except OverflowError:
        raise ValueError(f"Weeks {a}–{b} lie outside the calendar: check the week numbers") from None


def parse_label(text: str) -> tuple[int, int] | None:
    """Week and day of a label (``Week 3 Day 4``, ``W3D4``, ``week 3, day 4``), None for anything else."""
    found = _LABEL.fullmatch(text.strip(" \t\r\n*_`()[]:.,"))
    return (int(found[1]), int(found[2])) if found else None


def resolve(when: str, rules: CalendarRules, start: dt.date | None, zone: str, now: dt.datetime) -> dt.date:
    """The local date (in `zone`) that `when` means: ``today``, a date, an instant or a label.

    Raises ValueError with a remedy when it is none of these, or a label without a programme start.
    """
    return locate(when, rules, start, zone, now)[0]


def locate(
    when: str, rules: CalendarRules, start: dt.date | None, zone: str, now: dt.datetime
) -> tuple[dt.date, tuple[str, ...]]:
    """As `resolve`, with the flags of a label beside the date."""
    text = when.strip()
    if text.casefold() in {"today", "now"}:
        return _local_date(now, zone), ()
    label = parse_label(text)
    if label is not None:
        if start is None:
            raise ValueError(f"{text}: the programme has no start; set [program].start, or give a date")
        return date_of(rules, start, *label)
    try:
        return dt.date.fromisoformat(text), ()
    except ValueError:
        pass
    try:
        return _local_date(parse(text), zone), ()
    except (ValueError, OverflowError) as error:
        shown = clean(text, 80)
        raise ValueError(
            f"{shown!r}: {error}; write a date (2025-10-06), an instant (2025-10-06T16:00:00Z), "
            'a label ("Week 1 Day 3") or today'
        ) from None


def _local_date(instant: dt.datetime, zone: str) -> dt.date:
    # The time zone database takes a while to import, and labels and dates do without.
    from controlroom.domain.zones import local

    return local(instant, zone).date()
