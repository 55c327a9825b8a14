"""The blockers pane: what hurts most first, with age, words and who waits on whom."""

from __future__ import annotations

from datetime import timedelta

from controlroom.domain.triage import Blocker
from controlroom.tui.lines import as_text
from controlroom.tui.panes import blockers
from controlroom.tui.rows import DrawContext
from tests.tui.rooms import EMPTY, NOW, ROOM, ago, changed, drawn, row_with, view

PANE = blockers.PANE


def order(room: object = ROOM, now: object = NOW, **more: object) -> list[str]:
    return [row.key.removeprefix("blocker:") for row in PANE.rows(room, view(**more))]  # type: ignore[arg-type]


def test_breach_then_escalated_then_age_then_unknown() -> None:
    """What hurts most is on top; an age that nobody wrote is below the known ones."""
    assert order() == ["b2", "b5", "b1", "b3"]


def test_resolved_ones_are_seen_only_when_there_is_room() -> None:
    """They go to the end of the zoomed list."""
    assert order(expanded=True) == ["b2", "b5", "b1", "b3", "b4"]


def test_a_breach_begins_one_second_after_four_hours() -> None:
    """Exactly four hours is still due soon, as the rule says, and the word says which it is."""
    room = changed(blockers=(Blocker("b", "Slow", opened_at=NOW - timedelta(hours=4)),))
    assert "due soon" in drawn(PANE, room)
    assert "BREACH" in drawn(PANE, room, now=NOW + timedelta(seconds=1))
    assert row_with(PANE, "blocker:b", room).ticks


def test_a_blocker_that_becomes_a_breach_moves_up_with_the_minute() -> None:
    """The order follows the view's minute, not only the data."""
    room = changed(
        blockers=(
            Blocker("e", "Escalated", state="escalated", opened_at=ago(10)),
            Blocker("o", "Old", opened_at=ago(238)),
        )
    )
    assert [r.key for r in PANE.rows(room, view())] == ["blocker:e", "blocker:o"]
    later = view(118)
    from dataclasses import replace

    assert [r.key for r in PANE.rows(room, replace(later, minute=NOW + timedelta(minutes=3)))] == [
        "blocker:o",
        "blocker:e",
    ]


def test_two_lines_say_what_and_who() -> None:
    """Age and summary; state, who waits on whom, owner, eta."""
    first, second = drawn(PANE).splitlines()[:2]
    assert "4h 01m" in first
    assert "Topics missing" in first
    assert "BREACH" in second
    assert "Cranes waits on Quay & Berths" in second
    assert "owner Ada" in second
    assert "eta 09:59" in second


def test_unknown_is_said_not_hidden() -> None:
    """No opening time reads `age ?` with a lower bound; no owner reads so; the source is named."""
    said = drawn(PANE)
    assert "age ?" in said
    assert "no owner" in said
    assert "≥ 1d" in said
    assert "status.md:9" in said


def test_the_count_turns_to_breach_with_the_clock() -> None:
    """The heading is cheap and still exact."""
    heading = PANE.heading(DrawContext(ROOM, view(), NOW, 80, 20))
    assert (heading.count, heading.count_style) == ("4", "breach")
    calm = changed(blockers=ROOM.blockers[:1])
    assert PANE.heading(DrawContext(calm, view(), NOW, 80, 20)).count_style == "strong"


def test_redacted_rows_name_nobody() -> None:
    """Owners are hidden, squads are not."""
    said = drawn(PANE, seen=view(redact=True))
    assert "Ada" not in said
    assert "(hidden)" in said
    assert "Cranes" in said


def test_focus_keeps_both_sides() -> None:
    """A squad sees what it waits for and what others wait for from it."""
    assert order(focus_squad="quay") == ["b2", "b1"]


def test_rows_of_unchanged_blockers_are_the_same_objects() -> None:
    """A refresh with one change makes one row anew."""
    before = {row.key: row for row in PANE.rows(ROOM, view())}
    new = Blocker("b1", "Schema decided", opened_at=ago(20))
    after = {row.key: row for row in PANE.rows(changed(blockers=(new, *ROOM.blockers[1:])), view())}
    assert after["blocker:b2"] is before["blocker:b2"]
    assert after["blocker:b1"].data is new


def test_an_empty_list_is_honest() -> None:
    """No blockers known is what is known."""
    assert as_text((PANE.empty(EMPTY),)) == "no blockers known"
