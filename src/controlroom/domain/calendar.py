"""Programme weeks and days: ``W1D3`` and the dates they stand for (domain rules, Calendar)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """`[calendar]`: how labels such as "Week 2 Day 5" become dates."""

    day_rule: Literal["calendar", "workdays"] = "calendar"
    day_base: Literal[0, 1] = 1
    day8: Literal["close", "reject"] = "close"
    sprint_day_base: Literal[0, 1] = 0


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
