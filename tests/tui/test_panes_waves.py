"""The waves pane: declared beside computed, today's mark, milestones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlroom.tui.panes import waves
from tests.tui.rooms import EMPTY, NOW, changed, drawn, view

PANE = waves.PANE


def line(said: str, starts: str) -> str:
    return next(part for part in said.splitlines() if part.startswith(starts))


def test_a_wave_says_what_dates_say_and_what_people_declared() -> None:
    """The verdict stands beside the declared text, which is verbatim."""
    said = line(drawn(PANE), "Wave Two")
    assert "opens in 5 d" in said
    assert "EARLY by 5 d" in said
    assert "✅ Active" in said
    assert "day 3 of 14" in line(drawn(PANE), "Wave One")


def test_bars_lie_under_their_dates() -> None:
    """The bar of Wave Two begins under the tick of its first day, today's mark under no other."""
    said = drawn(PANE).splitlines()
    scale, two = said[0], line("\n".join(said), "Wave Two")
    assert two.index("━") == scale.index("9")
    marks = {part.index("┃") for part in said if "┃" in part}
    assert len(marks) == 1


def test_a_design_wave_names_its_targets() -> None:
    """It works towards the next sprint, which starts on a date."""
    assert "Sprint 2" in line(drawn(PANE), "Design")


@pytest.mark.parametrize("width", [30, 40, 59, 80, 95, 96, 118, 200])
def test_it_works_at_every_width(width: int) -> None:
    """Nothing overruns, and every wave is there."""
    said = drawn(PANE, seen=view(width))
    assert sum(part.startswith(("Design", "Wave On", "Wave Tw")) for part in said.splitlines()) == 3


def test_milestones_ahead_come_first_and_a_date_makes_none_met() -> None:
    """Today, then upcoming, then what passed: recorded or not."""
    said = drawn(PANE)
    places = [said.index(part) for part in ("First berth", "Crane dry run", "Papers signed", "Kick-off")]
    assert places == sorted(places)
    assert "◆ W1D3" in said
    assert "nothing recorded" in line(said, "◇ W1D1")
    assert "met, recorded by Ines" in line(said, "✓ W1D2")


def test_a_milestone_long_ago_keeps_its_columns_apart() -> None:
    """``400 d ago`` fills its column, and what was recorded does not run into it."""
    later = drawn(PANE, now=NOW + timedelta(days=400), seen=view())
    assert "400 d ago  nothing recorded" in later or "400 d ago nothing recorded" in later


def test_the_day_moves_on_with_the_clock() -> None:
    """Drawn on another day, the same snapshot says another day."""
    later = NOW + timedelta(days=1)
    assert "day 4 of 14" in drawn(PANE, now=later)


def test_nothing_declared_says_which_key_to_add() -> None:
    """An empty pane helps."""
    assert not PANE.rows(EMPTY, view())
    assert "[[waves]]" in PANE.empty(EMPTY)[0].text


def test_focus_keeps_the_squad_s_waves_and_those_of_nobody() -> None:
    """Wave squads are found by any spelling."""
    said = drawn(PANE, changed(), seen=view(focus_squad="quay"))
    assert "Wave One" in said
    assert "Wave Two" not in said
