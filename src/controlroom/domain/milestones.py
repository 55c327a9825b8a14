"""Milestones: where a date stands, and what somebody recorded (domain rules, Calendar)."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Milestone

MilestoneState = Literal["upcoming", "today", "passed", "met", "missed", "undated"]


@dataclass(frozen=True, slots=True)
class MilestoneStatus:
    """A milestone on one day. `days` until its date, negative after it; None without a date."""

    state: MilestoneState
    text: str
    days: int | None = None


def status(milestone: Milestone, today: dt.date) -> MilestoneStatus:
    """Where `milestone` stands on the local date `today`.

    Only what is recorded makes one met or missed; a date that has gone by says that nothing was recorded.
    A record in other words than ``met`` and ``missed`` is shown and decides nothing.
    """
    days = None if milestone.date is None else (milestone.date - today).days
    recorded = (milestone.recorded or "").strip()
    by = f" by {milestone.recorded_by}" if milestone.recorded_by else ""
    if recorded.casefold() == "met":
        return MilestoneStatus("met", f"met, recorded{by}", days)
    if recorded.casefold() == "missed":
        return MilestoneStatus("missed", f"missed, recorded{by}", days)
    state, text = _by_date(days, bool(recorded))
    return MilestoneStatus(state, f'{text} (recorded: "{recorded}"{by})' if recorded else text, days)


def _by_date(days: int | None, recorded: bool) -> tuple[MilestoneState, str]:
    if days is None:
        return "undated", "no date"
    if days > 0:
        return "upcoming", f"in {days} d"
    if days == 0:
        return "today", "today"
    return "passed", "passed" if recorded else "passed, nothing recorded"
