"""The blockers pane: what hurts most first, with age, words and who waits on whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlroom.domain.ranking import ranked
from controlroom.domain.triage import Blocker
from controlroom.tui.lines import as_text
from controlroom.tui.panes import blockers
from controlroom.tui.rows import DrawContext
from tests.tui.rooms import EMPTY, NOW, ROOM, ago, changed, drawn, row_with, view

PANE = blockers.PANE


def order(room: object = ROOM, now: object = NOW, **more: object) -> list[str]:
    return [row.key.removeprefix("blocker:") for row in PANE.rows(room, view(**more))]  # type: ignore[arg-type]


def test_the_order_is_that_of_the_ranking() -> None:
    """What hurts most is on top, as `domain.ranking` says and as the command line prints it."""
    assert order() == ["b2", "b5", "b3", "b1"]
    assert order(expanded=True) == [b.id for b in ranked(ROOM.blockers, NOW, ROOM.items)]


def test_resolved_ones_are_seen_only_when_there_is_room() -> None:
    """They go to the end of the zoomed list."""
    assert order(expanded=True) == ["b2", "b5", "b3", "b1", "b4"]


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
            Blocker("o", "Old", opened_at=ago(178)),
        )
    )
    assert [r.key for r in PANE.rows(room, view())] == ["blocker:e", "blocker:o"]
    assert [r.key for r in PANE.rows(room, replace(view(118), minute=NOW + timedelta(minutes=3)))] == [
        "blocker:o",
        "blocker:e",
    ]


def test_two_lines_say_what_and_who() -> None:
    """Age and summary; state, who waits on whom, owner, eta."""
    first, second = drawn(PANE).splitlines()[:2]
    assert "4h 01m" in first
    assert "Topics missing" in first
    assert "BREACH    by 1m" in second
    assert "Cranes waits on Quay & Berths" in second
    assert "owner Ada" in second
    assert "eta 09:59" in second


def one(**more: Any) -> str:
    """The two lines of a blocker of Cranes that waits on Quay, opened 9 minutes ago unless told otherwise."""
    width = more.pop("width", 118)
    more.setdefault("opened_at", ago(9))
    blocker = Blocker("b", "Slow", None, "Ada", "cranes", "quay", **more)
    return drawn(PANE, changed(blockers=(blocker,), items=()), seen=view(width, expanded=True))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"opened_at": ago(301)}, "BREACH    by 1h 01m · Cranes waits on Quay & Berths · not acknowledged"),
        ({"opened_at": ago(217)}, "due soon  in 23m"),
        ({"next_update_due": ago(12), "state": "escalated"}, "overdue   update overdue by 12m"),
        (
            {"next_update_due": ago(-18), "state": "escalated"},
            "escalated Cranes waits on Quay & Berths · update in 18m",
        ),
        ({}, "open      not acknowledged"),
        ({"state": "acknowledged", "acknowledged_by": "Tomas"}, "seen      by Tomas"),
        ({"eta": ago(20)}, "eta passed 20m ago"),
        ({"eta": ago(-20)}, "eta 09:19"),
        (
            {
                "state": "snoozed",
                "snoozed_until": datetime(2026, 3, 5, 8, tzinfo=UTC),
                "snooze_ritual": "standup",
                "snoozed_by": "Tomas",
                "snooze_why": "vendor",
            },
            "snoozed   returns at Daily Standup Thu Mar 5 09:00, snoozed by Tomas: vendor",
        ),
        (
            {"state": "resolved", "resolved_at": ago(8), "mitigation": "restarted"},
            "resolved  8m ago: restarted",
        ),
    ],
)
def test_a_row_says_why_it_is_where_it_is(more: dict[str, Any], words: str) -> None:
    """The reason that places it stands first, in words, with how much or how long."""
    assert words in one(**more)


def test_a_snooze_that_is_over_reads_as_before_it() -> None:
    """Its moment ends it, whoever folds the log and when."""
    assert "not acknowledged" in one(state="snoozed", snoozed_until=NOW)


def test_how_many_wait_is_said() -> None:
    """Directly and through other squads."""
    behind = Blocker("c", "Behind", None, "Ada", "customs", "cranes", "open", ago(1))
    room = changed(
        blockers=(Blocker("b", "Slow", None, "Ada", "cranes", "quay", "open", ago(9)), behind), items=()
    )
    assert "2 squads wait" in drawn(PANE, room).splitlines()[1]


def test_what_is_queued_is_marked() -> None:
    """With a glyph and a word, in ASCII too, and what it is where there is room."""
    assert "⧗ note, escalate queued" in one(pending=("note", "escalate"))
    assert "⧗ queued" in one(pending=("note",), width=60)
    room = changed(blockers=(Blocker("b", "Slow", pending=("note",), opened_at=ago(9)),))
    assert "% note queued" in drawn(PANE, room, seen=view(ascii=True))
    assert "⧗" not in one()


@pytest.mark.parametrize("width", range(36, 200, 9))
def test_the_mark_and_the_reason_survive_any_width(width: int) -> None:
    """A long summary gives way to the mark, and the first reason is whole."""
    blocker = Blocker("b", "日本語 [/b] very long " * 9, None, "Ada", "cranes", "quay", "open", ago(301))
    first, second = drawn(
        PANE, changed(blockers=(replace(blocker, pending=("note",)),)), seen=view(width)
    ).splitlines()
    assert first.endswith("queued")
    assert "BREACH    by 1h 01m" in second


def test_ages_and_countdowns_tick() -> None:
    """Open ones are drawn every second, resolved ones are not."""
    assert row_with(PANE, "blocker:b5").ticks
    assert not row_with(PANE, "blocker:b4", seen=view(expanded=True)).ticks


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
    assert (heading.count, heading.count_style) == ("4, 1 in breach", "breach")
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


def test_focus_says_that_others_name_no_squad() -> None:
    """None of its own is not the same as none at all."""
    room = replace(
        ROOM, blockers=tuple(replace(b, owning_squad=None, blocking_squad=None) for b in ROOM.blockers)
    )
    open_ = sum(blocker.state != "resolved" for blocker in ROOM.blockers)
    said = drawn(PANE, room, seen=view(focus_squad="quay"))
    assert said.split("\n") == ["no blockers that name Quay & Berths", f"{open_} others name no squad"]
    assert "no squad" not in drawn(PANE, seen=view(focus_squad="quay"))


def test_the_count_is_that_of_the_squad_in_focus() -> None:
    """The heading counts the rows below it, and the breaches among them."""

    def count(squad: str) -> str:
        return PANE.heading(DrawContext(ROOM, view(focus_squad=squad), NOW, 80, 20)).count

    assert count("quay") == "2, 1 in breach"
    assert count("nobody") == ""


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
