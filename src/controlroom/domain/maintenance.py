"""Planned work: windows in which a service may do what it likes (domain rules, Service health)."""

from __future__ import annotations

import calendar
import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.rituals import WEEKDAYS, Weekday

LONGEST = 10_080
"""Minutes, a week: a longer recurring window would never end."""

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """`[[maintenance]]`: once, from `start` to `end`, or on `days` at `time` for `minutes`."""

    text: str = ""
    """What is done."""
    services: tuple[str, ...] = ()
    """Services it is for; with `groups` both empty it is for all."""
    groups: tuple[str, ...] = ()
    days: tuple[Weekday, ...] | Literal["daily"] = ()
    time: dt.time | None = None
    """Local time it begins at."""
    minutes: int = 60
    nth: tuple[int, ...] = ()
    """Which of a month's such weekdays: 1 is the first, -1 the last; empty is every one."""
    zone: str | None = None
    """IANA zone; None is the programme's."""
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    """Last local date it may begin on."""
    start: dt.datetime | None = None
    """Once: without an offset a local time in `zone`."""
    end: dt.datetime | None = None

    def concerns(self, service: str, group: str) -> bool:
        """Whether it is for the service with that id in that group."""
        if not self.services and not self.groups:
            return True
        return service in self.services or (bool(group) and group in self.groups)


@dataclass(frozen=True, slots=True)
class Planned:
    """One time a window is open, from `start` until before `end`, in UTC."""

    window: Window
    start: dt.datetime
    end: dt.datetime


def settled(window: Window, zone: str) -> Window:
    """`window` with `zone` where it names none."""
    return window if window.zone else replace(window, zone=zone)


def current(windows: Sequence[Window], now: dt.datetime) -> Planned | None:
    """The one of `windows` that is open at `now`, that which ends last; None where none is."""
    found = [one for one in _around(windows, now) if one.start <= now < one.end]
    return max(found, key=lambda one: one.end, default=None)


def upcoming(windows: Sequence[Window], now: dt.datetime) -> Planned | None:
    """The next of `windows` that opens within a day of `now`."""
    found = [one for one in _around(windows, now) if now < one.start <= now + _DAY]
    return min(found, key=lambda one: one.start, default=None)


def between(windows: Sequence[Window], first: dt.datetime, last: dt.datetime) -> tuple[Planned, ...]:
    """Every time one of `windows` is open in [`first`, `last`), which are less than a day apart."""
    found = {one for now in (first, last) for one in _around(windows, now)}
    inside = (one for one in found if one.start < last and one.end > first)
    return tuple(sorted(inside, key=lambda one: (one.start, one.end)))


def _around(windows: Sequence[Window], now: dt.datetime) -> Iterator[Planned]:
    day = now.astimezone(dt.UTC).date()
    for window in windows:
        yield from _near(window, day)


@lru_cache(maxsize=512)
def _near(window: Window, day: dt.date) -> tuple[Planned, ...]:
    """Every time `window` is open that touches the UTC date `day` or the day after it."""
    # Whoever has no maintenance does without the time zone database, which takes a while to import.
    from controlroom.domain import zones

    zone = window.zone or "UTC"
    if window.start is not None and window.end is not None:
        start, end = (
            moment.astimezone(dt.UTC)
            if moment.tzinfo is not None
            else zones.to_utc(moment.date(), moment.time(), zone)[0]
            for moment in (window.start, window.end)
        )
        return (Planned(window, start, end),) if start < end else ()
    if window.time is None or not window.days:
        return ()
    back = 2 + math.ceil(window.minutes / 1440)
    length = dt.timedelta(minutes=window.minutes)
    dates = (day + _DAY * offset for offset in range(-back, 4))
    starts = (zones.to_utc(date, window.time, zone)[0] for date in dates if _falls_on(window, date))
    return tuple(Planned(window, start, start + length) for start in starts)


def _falls_on(window: Window, day: dt.date) -> bool:
    if (window.starts_on and day < window.starts_on) or (window.ends_on and day > window.ends_on):
        return False
    if window.days != "daily" and WEEKDAYS[day.weekday()] not in window.days:
        return False
    if not window.nth:
        return True
    last = calendar.monthrange(day.year, day.month)[1]
    return (day.day - 1) // 7 + 1 in window.nth or -((last - day.day) // 7 + 1) in window.nth
