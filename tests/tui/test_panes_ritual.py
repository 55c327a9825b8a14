"""The next ritual in large digits, changes since the last one, and lints."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain.snapshot import StatusSeen
from controlroom.tui.bigdigits import large
from controlroom.tui.lines import as_text
from controlroom.tui.panes import changes, lints, ritual
from controlroom.tui.rows import DrawContext
from tests.tui.rooms import EMPTY, NOW, PROGRAM, ROOM, changed, drawn, row_with, view

PANE = ritual.PANE


def title(now: datetime) -> str:
    return PANE.heading(DrawContext(ROOM, view(), now, 60, 12)).title


def test_the_countdown_is_large_and_ticks() -> None:
    """Thirty seconds before nine it reads 00:30, a second later 00:29, without new rows."""
    row = row_with(PANE, "digits:0")
    assert row.ticks
    for seconds, expected in ((0, "00:30"), (1, "00:29")):
        ctx = DrawContext(ROOM, view(), NOW + timedelta(seconds=seconds), 118, 0)
        assert as_text(PANE.draw(row, ctx)) == "\n".join(part.rstrip() for part in large(expected))


def test_at_the_hour_it_reads_now_for_a_minute() -> None:
    """Then the next ritual takes the digits, and this one its line above them with the time left."""
    start = NOW + timedelta(seconds=30)
    assert title(NOW) == "Next: Daily Standup"
    assert title(start) == "Now: Daily Standup"
    minute = view(60)
    later = replace(minute, minute=start + timedelta(minutes=2))
    said = drawn(PANE, now=start + timedelta(minutes=2), seen=later)
    assert "Daily Standup · 13:00 left" in said


def test_both_zones_agenda_and_what_follows() -> None:
    """The viewer's time, counts from the room, the scenario of the drill."""
    said = drawn(PANE)
    assert "Wed 09:00 CET · Wed 13:30 IST" in said
    assert "agenda  4 blockers, 2 gaps, 3 squads" in said
    assert "Storm Drill Fri Mar 6 15:00 · in 2d 06h 00m · Kafka away" in said
    assert "Integration Day · all day" in said


def test_a_change_of_offset_is_announced_in_full() -> None:
    """A long notice takes as many lines as it needs."""
    now = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
    seen = replace(view(48), minute=now)
    said = " ".join(drawn(PANE, replace(ROOM, taken_at=now), now, seen).split())
    assert "clocks go forward 1h on Sun 2026-03-29" in said
    assert "Daily Standup 13:30 → 12:30 IST" in said


def test_a_low_pane_has_no_large_digits() -> None:
    """Three lines of digits would push out everything else."""
    assert row_with(PANE, "digits:0", seen=view(40, 5)).height == 1
    assert row_with(PANE, "digits:0", seen=view(100, 30, expanded=True)).height == 6


def test_no_rituals_names_the_key() -> None:
    """An empty pane helps."""
    assert not PANE.rows(EMPTY, view())
    assert "[[rituals]]" in as_text((PANE.empty(EMPTY),))


def test_a_wrong_viewer_zone_leaves_the_programme_s_times() -> None:
    """The pane is drawn all the same."""
    seen = replace(view(), viewer_zone="Nowhere/Land")
    assert "Daily Standup" in PANE.heading(DrawContext(ROOM, seen, NOW, 60, 12)).title
    assert "agenda" in drawn(PANE, seen=seen)


def test_changes_are_one_line_in_a_low_pane_and_a_list_when_zoomed() -> None:
    """The strip counts, the list names, with the baseline and why it was chosen."""
    assert len(drawn(changes.PANE, seen=view(118, 1)).splitlines()) == 1
    said = drawn(changes.PANE, seen=view(118, 30, expanded=True))
    for part in (
        "nightly",
        "at or before the standup",
        "Done",
        "Hook sensor: in progress → done",
        "Blockers opened",
    ):
        assert part in said


def test_no_baseline_is_not_no_change() -> None:
    """It says what is missing."""
    assert "no baseline: no status file yet" in drawn(
        changes.PANE, changed(baseline=None, changes=(), status=StatusSeen(()))
    )
    assert "nothing changed" in drawn(changes.PANE, changed(changes=()))


def test_lints_are_errors_first_with_their_place() -> None:
    """Code, severity in words, file and line."""
    said = drawn(lints.PANE).splitlines()
    assert said[0].startswith("✖ X010  error")
    assert "backlog.md:30" in said[0]
    assert said[1].startswith("▲ X008  warning")


def test_panes_are_in_the_order_of_their_numbers() -> None:
    """1 to 8, as the keys say."""
    from controlroom.tui.keys import PANES as NUMBERED
    from controlroom.tui.panes import PANES

    assert [pane.id for pane in PANES] == [number[0] for number in NUMBERED]
    assert PROGRAM.id == "harbour"
