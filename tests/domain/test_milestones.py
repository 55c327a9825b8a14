"""Milestones: a date says when, only a record says met."""

from __future__ import annotations

from datetime import date

import pytest

from controlroom.domain.milestones import MilestoneState, MilestoneStatus, status
from controlroom.domain.program import Milestone

DAY = date(2025, 10, 8)


@pytest.mark.parametrize(
    ("today", "state", "text", "days"),
    [
        (date(2025, 10, 6), "upcoming", "in 2 d", 2),
        (DAY, "today", "today", 0),
        (date(2025, 10, 9), "passed", "passed, nothing recorded", -1),
    ],
)
def test_a_date_alone_never_makes_a_milestone_met(
    today: date, state: MilestoneState, text: str, days: int
) -> None:
    """Upcoming, today, then passed with nothing recorded."""
    assert status(Milestone("m", "✅ demo runs", date=DAY), today) == MilestoneStatus(state, text, days)


@pytest.mark.parametrize("today", [date(2025, 10, 6), DAY, date(2025, 11, 1)])
def test_a_record_decides_whenever_it_was_made(today: date) -> None:
    """Met and missed name who recorded them."""
    met = status(Milestone("m", "demo", date=DAY, recorded="met", recorded_by="Noor"), today)
    missed = status(Milestone("m", "demo", date=DAY, recorded="Missed"), today)
    assert (met.state, met.text) == ("met", "met, recorded by Noor")
    assert (missed.state, missed.text) == ("missed", "missed, recorded")


def test_a_record_in_other_words_is_shown_and_decides_nothing() -> None:
    """Unreadable words neither meet nor miss a milestone, and are not called nothing."""
    passed = status(Milestone("m", "demo", date=DAY, recorded="mostly"), date(2025, 10, 9))
    assert (passed.state, passed.text) == ("passed", 'passed (recorded: "mostly")')


def test_without_a_date_it_is_undated() -> None:
    """No date is computed from nothing; a record still counts."""
    assert status(Milestone("m", "demo"), DAY) == MilestoneStatus("undated", "no date", None)
    assert status(Milestone("m", "demo", recorded="met"), DAY).state == "met"
