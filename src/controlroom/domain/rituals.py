"""Rituals: recurring meetings and drills, expanded in their own zone (domain rules, Rituals)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

OccurrenceState = Literal["upcoming", "in_progress", "started", "held", "no_record", "unknown", "cancelled"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a rotating ritual does in one programme week."""

    week: int
    scenario: str
    owner: str | None = None


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


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time a ritual takes place. `end` is None when no duration is declared."""

    ritual: Ritual
    local_date: dt.date
    start: dt.datetime
    end: dt.datetime | None
    scenario: str | None = None
    owner: str | None = None
    flags: tuple[str, ...] = ()
    """Such as ``shifted: 02:30 does not exist on 2026-03-08``, ``moved``, ``cancelled: holiday``."""
    cancelled: bool = False
