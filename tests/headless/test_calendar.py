"""`controlroom calendar`: the documents scripts read, and the lines people read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from controlroom.domain.board import Sprint
from controlroom.domain.program import Program
from controlroom.domain.waves import Declared, Wave
from controlroom.headless.calendar import as_json, as_text

NOW = datetime(2025, 10, 6, 15, 59, 30, tzinfo=UTC)
PROGRAM = Program(
    id="harbour",
    start=date(2025, 10, 4),
    zone="America/Los_Angeles",
    sprints=(Sprint("s4", "Sprint-4", date(2025, 10, 11)),),
    waves=(
        Wave("design", "Design", design=True),
        Wave("a", "Wave A", weeks=(1, 2), declared=Declared("✅ Active", "active")),
        Wave("b", "Wave B", date(2025, 10, 11), date(2025, 10, 25), declared=Declared("✅ Active", "active")),
        Wave("c", "Wave C"),
    ),
)


def test_a_label_gives_date_week_day_and_every_wave() -> None:
    """The keys scripts rely on, for Week 1 Day 3."""
    found = as_json(PROGRAM, "Week 1 Day 3", NOW)
    assert {k: found[k] for k in ("date", "week", "day", "label", "flags")} == {
        "date": "2025-10-06",
        "week": 1,
        "day": 3,
        "label": "W1D3",
        "flags": [],
    }
    waves = [{k: w[k] for k in ("id", "phase", "day", "days")} for w in found["waves"]]
    assert waves == [
        {"id": "design", "phase": "active", "day": None, "days": None},
        {"id": "a", "phase": "active", "day": 3, "days": 14},
        {"id": "b", "phase": "planned", "day": None, "days": None},
        {"id": "c", "phase": "unknown", "day": None, "days": None},
    ]
    assert found["waves"][2]["verdict"] == "EARLY by 5 d"
    assert found["waves"][0]["targets"] == ["Sprint-4 due 2025-10-11"]
    json.dumps(found)


def test_day_eight_is_the_next_weeks_first_day_and_flagged() -> None:
    """Date and label are those of the day, the flag says how it was named."""
    found = as_json(PROGRAM, "Week 2 Day 8", NOW)
    assert (found["date"], found["label"], found["flags"]) == ("2025-10-18", "W3D1", ["close-of-week"])


def test_today_is_the_programmes_own_date() -> None:
    """Before local midnight it is still the day before."""
    assert as_json(PROGRAM, "today", datetime(2025, 10, 6, 6, 59, tzinfo=UTC))["date"] == "2025-10-05"


def test_without_a_start_only_the_date_is_known() -> None:
    """Week, day and label are null, and phases that need them unknown."""
    program = replace(PROGRAM, start=None)
    found = as_json(program, "2025-10-13", NOW)
    assert (found["week"], found["day"], found["label"], found["flags"]) == (None, None, None, [])
    assert [w["phase"] for w in found["waves"]] == ["unknown", "unknown", "active", "unknown"]
    assert "set [program].start" in as_text(program, "2025-10-13", NOW)


def test_people_read_a_line_for_the_date_and_one_for_each_wave() -> None:
    """Computed first, then declared verbatim, then where they disagree."""
    assert as_text(PROGRAM, "today", NOW) == (
        "Mon 2025-10-06 · W1D3 · Week 1 Day 3\n"
        "  Design  active, continuously · Sprint-4 due 2025-10-11\n"
        "  Wave A  active, day 3/14 · declared: ✅ Active\n"
        "  Wave B  opens in 5 d · declared: ✅ Active · EARLY by 5 d\n"
        "  Wave C  no dates\n"
    )
    assert "close of the week before" in as_text(PROGRAM, "W2D8", NOW)
    assert "overlaps b" in as_text(PROGRAM, "2025-10-12", NOW)
    assert "ended 0 d ago, unverified · declared: ✅ Active · STALE: ended 0 d ago" in as_text(
        PROGRAM, "2025-10-18", NOW
    )


@pytest.mark.parametrize("when", ["Week 1 Day 9", "Week 1 Day 0", "soon", "2025-10-06T09:00"])
def test_what_cannot_be_read_is_an_error(when: str) -> None:
    """Both forms refuse alike."""
    for form in (as_json, as_text):
        with pytest.raises(ValueError, match="write"):
            form(PROGRAM, when, NOW)
