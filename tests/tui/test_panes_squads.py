"""The squads pane: lanes, columns, cards one can move between, and the list when narrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controlroom.domain.board import COLUMNS
from controlroom.domain.triage import Blocker
from controlroom.tui.filters import compile as compiled
from controlroom.tui.lines import as_text
from controlroom.tui.panes import squads
from controlroom.tui.rows import DrawContext, Subject
from controlroom.tui.width import cell_width
from tests.tui.rooms import EMPTY, ITEMS, NOW, PROGRAM, ROOM, ago, card, changed, drawn, row_with, view

PANE = squads.PANE


def test_cards_stand_under_the_title_of_their_column() -> None:
    """Each card begins where its column's title begins."""
    said = drawn(PANE).splitlines()
    for epic, title in (
        ("○ Tide table", "not started"),
        ("◐ Berth booking", "in progress"),
        ("■ Load planner", "blocked"),
        ("✓ 1  Hook sensor", "done"),
    ):
        line = next(part for part in said if epic in part)
        assert line.index(epic) == said[0].index(title)


def test_the_count_is_the_sum_of_the_columns() -> None:
    """The programme's steps are cards too; with a squad in focus only its own count."""
    for seen in (view(), view(focus_squad="quay")):
        titles = drawn(PANE, seen=seen).splitlines()[0]
        total = sum(int(word) for word in titles.split() if word.isdigit())
        assert PANE.count(DrawContext(ROOM, seen, NOW, 118, 0))[0] == str(total)


def test_columns_stay_straight_with_wide_characters() -> None:
    """A card in Japanese, one with emoji and one with combining marks move nothing to their right."""
    names = ("日本語のとても長い名前のカード", "🟩🟧👩‍🚀 status", "e\u0301\u0301 long name of a card")
    items = tuple(card(str(n), name, "quay", "not_started", "Tomas") for n, name in enumerate(names))
    items += tuple(card(f"p{n}", "PROGRESS", "quay", "in_progress", since=NOW) for n in range(3))
    said = drawn(PANE, changed(items=items)).splitlines()
    title = said[0].index("in progress")
    lines = [line for line in said if "PROGRESS" in line]
    assert len(lines) == 3
    assert {cell_width(line[: line.index("◐")]) for line in lines} == {title}


def test_a_blocked_card_says_how_long_and_what_it_waits_on() -> None:
    """Its age is its blocker's; the squad it waits on is spelled out below, by its alias where that fits."""
    said = drawn(PANE, seen=view(160))
    assert "4h 01m" in next(line for line in said.splitlines() if "Load planner" in line)
    assert "waits on Quay & Berths · Ada" in said
    assert "waits on Quay · Ada" in drawn(PANE)


def test_an_age_that_is_only_a_lower_bound_says_so() -> None:
    """First seen is not since."""
    items = (card("x", "Odd", "quay", "in_progress", first_seen=NOW - timedelta(hours=5)),)
    assert "≥ 5h 00m" in drawn(PANE, changed(items=items))


def test_every_card_is_a_cell_that_can_be_opened() -> None:
    """Cells and their spans agree: under each span stands the card of that cell."""
    row = row_with(PANE, "lane:cranes:0")
    assert row.cells == (
        Subject("squad", "cranes"),
        None,
        None,
        Subject("item", "i3"),
        Subject("item", "i4"),
    )
    assert len(row.cells) == len(row.cell_spans) == 1 + len(COLUMNS)
    first = as_text(PANE.draw(row, DrawContext(ROOM, view(), NOW, 118, 0))).splitlines()[0]
    for (left, right), said in zip(
        row.cell_spans, ("Cranes", "", "", "Load planner", "Hook sensor"), strict=True
    ):
        assert said in first[left:right]


def test_unassigned_cards_have_a_lane_that_stands_out() -> None:
    """Cards that no rule gives to a squad are shown, not guessed; the programme's steps have a lane too."""
    said = drawn(PANE)
    assert "? Unassigned 1" in said
    assert "Paper trail" in said
    assert "Wire the crane" in next(line for line in said.splitlines() if line.startswith("Programme steps"))


def test_a_card_of_a_squad_nobody_declared_is_unassigned() -> None:
    """It is not dropped."""
    said = drawn(PANE, changed(items=(card("x", "Lost", "ghosts", "not_started"),)))
    assert "? Unassigned 1" in said
    assert "Lost" in said


def test_a_status_that_cannot_be_read_is_shown_as_written() -> None:
    """Unknown stays unknown."""
    said = drawn(PANE, seen=view(expanded=True))
    assert "? Stamp" in said
    assert "🟪 pondering" in said


def test_a_lane_says_its_blockers_and_gaps() -> None:
    """Trouble stands beside the name, with a word."""
    said = drawn(PANE)
    assert "■ 2 blocked · holds up 1" in said
    assert "▲ 1 gap" in said


def test_a_lane_says_whom_it_holds_up_and_who_holds_it_up() -> None:
    """Both directions, in more words where the lane's column is wider, never in none."""
    wide = drawn(PANE, seen=view(78))
    assert "■ 2 blocked by others · holds up 1 · ▲ 1 gap" in wide
    assert "holds up 2 · ▲ 1 gap" in wide
    assert "■ 2 · holds up 1 · ▲ 1" in drawn(PANE, seen=view(110))


def test_a_blocker_of_ones_own_is_no_blocker_by_others() -> None:
    """One that names no other squad is counted apart."""
    room = changed(blockers=(Blocker("b", "Sick", None, "Ada", "quay", None, "open", ago(9)),), items=())
    assert "▪ 1 blocker" in drawn(PANE, room)


def test_wide_lanes_show_blockers_that_no_card_stands_for() -> None:
    """With age, state and whom they wait on; a cell of their own that can be opened."""
    seen = view(160)
    said = drawn(PANE, seen=seen)
    assert "▪ Crane licence" in said
    assert "escalated · waits on Customs" in said
    assert "Topics missing" not in said
    subjects = [cell for row in PANE.rows(ROOM, seen) for cell in row.cells]
    assert Subject("blocker", "b5") in subjects
    assert "Crane licence" not in drawn(PANE)
    assert "Crane licence" in drawn(PANE, seen=view(160, filter="licence"))


def test_a_moved_card_and_a_queued_one_are_marked() -> None:
    """The log says otherwise than the document; the log does not know yet."""
    moved = card("m", "Moved", "quay", "in_progress", "Tomas", said="not_started", pending=("status",))
    room = changed(items=(moved,))
    assert "⧗ queued · ↷ document: not started" in drawn(PANE, room, seen=view(190))
    for width in (78, 110):
        said = drawn(PANE, room, seen=view(width))
        assert "⧗ queued · ↷ moved" in said
    assert drawn(PANE, room, seen=view(110, ascii=True)).isascii()
    assert "↷" not in drawn(PANE)


def test_crowded_lanes_say_how_many_more_there_are_and_zoom_shows_all() -> None:
    """A low pane shows a part of every lane instead of all of one."""
    items = tuple(card(f"c{n}", f"Card number {n}", "quay", "not_started") for n in range(40))
    crowded = changed(items=items)
    said = drawn(PANE, crowded, seen=view(118, 16))
    assert len(said.splitlines()) <= 16
    assert "… 38 more" in said or "more" in said
    assert "Customs" in said
    assert drawn(PANE, crowded, seen=view(118, 16, expanded=True)).count("Card number") == 40
    assert drawn(PANE, crowded, seen=view(118, 16, filter="number")).count("Card number") == 40


def test_done_cards_leave_after_a_week_and_their_count_stays() -> None:
    """Done is quiet."""
    items = (
        card("new", "Fresh", "quay", "done", since=NOW - timedelta(days=1)),
        card("old", "Ancient", "quay", "done", since=NOW - timedelta(days=30)),
    )
    said = drawn(PANE, changed(items=items), seen=view(expanded=True))
    assert "Fresh" in said
    assert "Ancient" not in said
    assert "✓ 2" in said


def test_a_filter_keeps_cards_not_whole_lanes() -> None:
    """Of several cards in one row only matching ones stay; filtering the rows again changes nothing."""
    seen = view(filter="tide")
    rows = PANE.rows(ROOM, seen)
    said = drawn(PANE, seen=seen)
    assert "Tide table" in said
    assert "Berth booking" not in said
    match = compiled("tide", PROGRAM)
    assert all(match(row) or row.heading for row in rows)


def test_narrow_it_is_a_list_by_lane() -> None:
    """Every open card has a row of its own, blocked ones first."""
    seen = view(78)
    keys = [row.key for row in PANE.rows(ROOM, seen)]
    assert keys.index("card:cranes:i3") == keys.index("lane:cranes") + 1
    said = drawn(PANE, seen=seen)
    assert "blocked" in said
    assert all(item.epic in said for item in ITEMS if item.status != "done")


def test_focus_shows_one_lane() -> None:
    """The other squads and the unassigned are left out."""
    said = drawn(PANE, seen=view(focus_squad="cranes"))
    assert "Cranes" in said
    assert "Customs" not in said
    assert "Unassigned" not in said


@pytest.mark.parametrize("width", [80, 118, 200])
def test_focus_says_how_many_cards_no_squad_shows(width: int) -> None:
    """Squad by squad nobody would ever see them; where every card has a squad nothing is said."""
    said = drawn(PANE, seen=view(width, focus_squad="cranes"))
    assert said.splitlines()[-1].strip() == "? 1 card belongs to no squad"
    more = (*ITEMS, card("i7", "Lost form", None, "done"))
    said = drawn(PANE, changed(items=more), seen=view(width, focus_squad="cranes"))
    assert said.splitlines()[-1].strip() == "? 2 cards belong to no squad"
    owned = tuple(item for item in ITEMS if item.squad is not None)
    assert "no squad" not in drawn(PANE, changed(items=owned), seen=view(width, focus_squad="cranes"))


def test_an_unchanged_board_gives_the_same_rows() -> None:
    """Nothing is listed again while the board and the view are the same."""
    again = replace(ROOM, version=2, services=())
    assert PANE.rows(ROOM, view()) is PANE.rows(again, view()) or (
        [r.data for r in PANE.rows(ROOM, view())] == [r.data for r in PANE.rows(again, view())]
    )


def test_no_squads_says_which_key_to_add() -> None:
    """An empty pane helps."""
    assert not PANE.rows(EMPTY, view())
    assert "[[squads]]" in PANE.empty(EMPTY)[0].text


def test_a_lane_without_cards_takes_one_line() -> None:
    """A squad that has nothing on the board leaves its room to the others, and its focus is still read."""
    quiet = [line for line in drawn(PANE, changed(items=())).splitlines() if "berth booking" in line]
    assert len(quiet) == 1
    assert quiet[0].startswith("Quay & Berths")
