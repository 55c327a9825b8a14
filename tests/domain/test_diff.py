"""What changed between two status documents, and what it is measured from."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.diff import CATEGORIES, baseline, diff, now_known
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.snapshot import StatusFile

LISBON = ZoneInfo("Europe/Lisbon")


def document(**sections: object) -> dict[str, Any]:
    return {"for_date": "2031-05-06", **sections}


def item(id_: str = "sprint-1/press", **keys: object) -> dict[str, Any]:
    return {"id": id_, "epic": "Printing press", "status": "in_progress", "owner": "Odile", **keys}


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(change.category, change.before, change.after) for change in diff(before, after)]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("not_started", "in_progress", "item_moved"),
        ("in_progress", "done", "item_done"),
        ("not_started", "done", "item_done"),
        ("in_progress", "blocked", "item_moved"),
        ("blocked", "in_progress", "item_moved"),
        ("done", "in_progress", "item_regression"),
        ("done", "blocked", "item_regression"),
        ("in_progress", "not_started", "item_regression"),
        ("done", "unknown", "item_moved"),
    ],
)
def test_a_moved_card_is_called_what_it_is(was: str, now: str, expected: str) -> None:
    """Every move between columns has its category; going back is a regression."""
    assert told(document(items=[item(status=was)]), document(items=[item(status=now)])) == [
        (expected, was, now)
    ]


def test_unknown_that_became_known_is_no_change() -> None:
    """A card, a service, a signal and a gate that could not be read before are told apart, as now known."""
    before = document(
        items=[item(status="unknown")],
        services=[{"id": "queue", "state": "unknown"}],
        signals=[{"squad": "ink", "metric": "pages_total", "code": "SOURCE_DOWN"}],
        gates=[{"wave": "a", "verdict": "UNKNOWN"}],
    )
    after = document(
        items=[item(status="done")],
        services=[{"id": "queue", "state": "down"}],
        signals=[{"squad": "ink", "metric": "pages_total", "code": "NEVER_SEEN"}],
        gates=[{"wave": "a", "verdict": "FAIL"}],
    )
    assert diff(before, after) == ()
    assert [change.after for change in now_known(before, after)] == ["done", "NEVER_SEEN", "FAIL", "down"]


def test_what_can_no_longer_be_asked_is_no_failure_and_no_recovery() -> None:
    """A signal whose Prometheus went away neither fails nor recovers."""
    fine = document(signals=[{"squad": "ink", "metric": "pages_total", "code": "OK"}])
    gone = document(signals=[{"squad": "ink", "metric": "pages_total", "code": "SOURCE_DOWN"}])
    assert diff(fine, gone) == ()
    assert diff(gone, fine) == ()


def test_a_section_one_side_lacks_says_nothing() -> None:
    """Without a list of cards before, no card was added; without one now, none was removed."""
    assert diff(document(), document(items=[item()])) == ()
    assert diff(document(items=[item()]), document()) == ()


def test_the_order_is_that_of_a_standup() -> None:
    """Blockers come before cards, cards before signals, and so on to decisions."""
    before = document(
        blockers=[
            {"id": "b1", "summary": "Paper", "state": "open"},
            {"id": "b2", "summary": "Ink", "state": "open"},
        ],
        items=[
            item("a"),
            item("b", status="done"),
            item("c"),
            item("d"),
            item("f", owner="Odile", due="2031-05-09"),
        ],
        signals=[
            {"squad": "ink", "metric": "one", "code": "OK"},
            {"squad": "ink", "metric": "two", "code": "STALE"},
        ],
        gates=[{"wave": "a", "verdict": "PASS", "squads": [{"squad": "ink", "ok": 2, "required": 2}]}],
        services=[{"id": "queue", "state": "up"}],
        waves=[{"id": "a", "name": "Wave A", "phase": "planned", "verdict": None}],
        milestones=[{"id": "m", "text": "First sheet", "date": "2031-05-07", "state": "upcoming"}],
        decisions=[],
    )
    after = document(
        decisions=[{"id": "d1", "text": "Buy a press"}],
        milestones=[{"id": "m", "text": "First sheet", "date": "2031-05-07", "state": "passed"}],
        waves=[{"id": "a", "name": "Wave A", "phase": "active", "verdict": None}],
        services=[{"id": "queue", "state": "down", "error": "refused"}],
        gates=[{"wave": "a", "verdict": "FAIL", "squads": [{"squad": "ink", "ok": 1, "required": 2}]}],
        signals=[
            {"squad": "ink", "metric": "one", "code": "DISAPPEARED"},
            {"squad": "ink", "metric": "two", "code": "OK"},
        ],
        items=[
            item("a", status="done"),
            item("b"),
            item("c", status="blocked"),
            item("e"),
            item("f", owner="Tarik", due="2031-05-12"),
        ],
        blockers=[
            {"id": "b1", "summary": "Paper", "state": "escalated"},
            {"id": "b2", "summary": "Ink", "state": "resolved"},
            {"id": "b3", "summary": "Lead type", "state": "open"},
        ],
    )
    categories = [change.category for change in diff(before, after)]
    assert categories == [
        "blocker_opened",
        "blocker_escalated",
        "blocker_resolved",
        "item_done",
        "item_regression",
        "item_moved",
        "item_added",
        "item_removed",
        "owner_changed",
        "date_slipped",
        "signal_failing",
        "signal_recovered",
        "gate_changed",
        "gate_changed",
        "service_changed",
        "wave_verdict",
        "milestone_passed",
        "decision",
    ]


def test_squads_are_called_by_their_names() -> None:
    """As the newer document names them, else the older one, else by id; what changed keeps its id."""
    before = document(
        squads=[{"id": "ink", "name": "Ink"}, {"id": "type", "name": "Type"}, {"id": "paper"}],
        items=[item("a", squad="ink"), item("b", squad="paper")],
        blockers=[],
        signals=[{"squad": "type", "metric": "pages_total", "code": "OK"}],
        gates=[{"wave": "a", "verdict": "FAIL", "squads": [{"squad": "ink", "ok": 2, "required": 2}]}],
    )
    after = document(
        squads=[{"id": "ink", "name": "Ink & Paper"}, {"id": "type"}],
        items=[item("a", squad="ink", status="done"), item("c", squad="type")],
        blockers=[{"id": "z", "summary": "No lead", "owning_squad": "type"}],
        signals=[{"squad": "type", "metric": "pages_total", "code": "STALE"}],
        gates=[{"wave": "a", "verdict": "FAIL", "squads": [{"squad": "ink", "ok": 1, "required": 2}]}],
    )
    assert [(change.id, change.text) for change in diff(before, after)] == [
        ("z", "opened: No lead (Type)"),
        ("a", "Printing press (Ink & Paper): in progress → done"),
        ("c", "added: Printing press (Type), in progress"),
        ("b", "removed: Printing press (paper), was in progress"),
        ("type/pages_total/*", "Type pages_total: STALE"),
        ("ink", "coverage Ink & Paper 2/2 → 1/2"),
    ]


def test_a_blocker_that_is_only_no_longer_listed_is_not_called_resolved() -> None:
    """Nobody recorded a resolution, so none is told."""
    changes = diff(document(blockers=[{"id": "b", "summary": "Paper"}]), document(blockers=[]))
    assert [change.category for change in changes] == ["blocker_unlisted"]
    assert "no resolution recorded" in changes[0].text


def test_days_that_pass_are_no_news() -> None:
    """A verdict that only counts the days down is the same verdict."""
    before = document(waves=[{"id": "b", "phase": "planned", "verdict": "EARLY by 6 d"}])
    after = document(waves=[{"id": "b", "phase": "planned", "verdict": "EARLY by 5 d"}])
    assert diff(before, after) == ()


def test_a_milestone_passes_by_its_date_where_no_state_is_written() -> None:
    """Documents of others say only the date; the dates they are for decide."""
    milestones = [{"id": "m", "text": "First sheet", "date": "2031-05-07"}]
    before, after = {"for_date": "2031-05-07", "milestones": milestones}, {"for_date": "2031-05-08"}
    changes = diff(before, {**after, "milestones": list(milestones)})
    assert [(change.category, change.after) for change in changes] == [("milestone_passed", "passed")]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
odd = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
sections = st.sampled_from(
    ("squads", "blockers", "items", "signals", "gates", "services", "waves", "milestones", "decisions")
)
keys = st.sampled_from(
    ("id", "name", "status", "state", "owner", "due", "code", "verdict", "wave", "squads", "squad", "date")
)
entries = st.lists(st.dictionaries(keys, odd, max_size=6) | odd, max_size=4)
documents = st.dictionaries(sections, entries | odd, max_size=8)


@given(documents, documents)
def test_any_two_documents_can_be_compared(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Whatever stands in foreign documents, comparing them ends in known categories and clean text."""
    for change in diff(before, after):
        assert change.category in CATEGORIES
        assert change.text.isprintable()


@given(documents)
def test_nothing_changed_against_itself(one: dict[str, Any]) -> None:
    """A document does not differ from itself, read twice."""
    assert diff(one, copy.deepcopy(one)) == ()


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2031, 5, day, hour, minute, tzinfo=LISBON).astimezone(dt.UTC)


def status(day: int, hour: int) -> StatusFile:
    return StatusFile(f"2031-05-{day:02}.json", f"2031-05-{day:02}", "nightly", at(day, hour), {})


def program(*rituals: Ritual) -> Program:
    return Program(zone="Europe/Lisbon", rituals=rituals)


STANDUP = Ritual(
    "standup", "Morning round", days=("mon", "tue", "wed", "thu", "fri"), time=dt.time(9), minutes=15
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(6, 8, 59), "2031-05-05.json"),  # a Tuesday before the standup: since Monday's
        (at(6, 9, 10), "2031-05-05.json"),  # during it, still
        (at(6, 9, 15), "2031-05-06.json"),  # over: what was published in the small hours
        (at(11, 12), "2031-05-09.json"),  # Sunday: Friday's was the last
    ],
)
def test_since_the_last_standup_that_is_over(now: dt.datetime, expected: str) -> None:
    """The baseline is the newest status at or before the last standup that has ended."""
    files = [status(day, 2) for day in (4, 5, 6, 7, 8, 9, 10)]
    found = baseline(files, program(STANDUP), now)
    assert found is not None
    assert found.file.path == expected
    assert "standup" in found.why


def test_without_a_status_that_old_it_is_the_previous_one() -> None:
    """The previous status serves, and the reason says so."""
    found = baseline([status(6, 12), status(6, 13)], program(STANDUP), at(6, 14))
    assert found is not None
    assert found.file.as_of == at(6, 13)
    assert found.why.startswith("the previous status: none is as old as the standup of Tue 2031-05-06 09:00")


def test_without_a_standup_it_is_the_previous_status() -> None:
    """A programme that declares no standup compares with its newest status."""
    found = baseline([status(5, 2), status(6, 2)], program(), at(6, 14))
    assert found is not None
    assert (found.file.for_date, found.why[:19]) == ("2031-05-06", "the previous status")


def test_the_future_is_no_baseline() -> None:
    """A status from after the instant that is shown is not looked at."""
    assert baseline([status(7, 2)], program(STANDUP), at(6, 14)) is None
