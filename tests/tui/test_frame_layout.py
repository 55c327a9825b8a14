"""Where everything stands: nothing overlaps, nothing leaves the screen, what needs room gets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.tui.keys import PANES
from controlroom.tui.layout import STRIP, Arrangement, Box, arrange, mode, share
from controlroom.tui.wishes import SETTLE, Wishes

IDS = tuple(key.pane for key in PANES)
QUIET = dict.fromkeys(IDS, 4)


def apart(one: Box, other: Box) -> bool:
    """Whether two boxes share no cell."""
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def checked(arrangement: Arrangement, width: int, height: int) -> Arrangement:
    """The arrangement, after checking that its boxes are on the screen and apart."""
    boxes = [arrangement.header, arrangement.footer, *arrangement.panes.values()]
    boxes += [arrangement.tabs] if arrangement.tabs is not None else []
    for box in boxes:
        assert box.width > 0
        assert box.height > 0
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
    assert all(apart(one, other) for one, other in combinations(boxes, 2))
    return arrangement


@given(
    width=st.integers(60, 400),
    height=st.integers(16, 120),
    wants=st.lists(st.integers(0, 20_000), min_size=8, max_size=8),
    active=st.sampled_from(IDS),
    zoomed=st.none() | st.sampled_from(IDS),
)
def test_nothing_overlaps_at_any_size(
    width: int, height: int, wants: list[int], active: str, zoomed: str | None
) -> None:
    """Any size, any wishes, any zoom: every cell belongs to one thing, and the body is filled."""
    arrangement = checked(
        arrange(width, height, dict(zip(IDS, wants, strict=True)), active, zoomed), width, height
    )
    boxes = [arrangement.header, arrangement.footer, *arrangement.panes.values()]
    boxes += [arrangement.tabs] if arrangement.tabs is not None else []
    assert sum(box.width * box.height for box in boxes) == width * height


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        ((200, 50), "wide"),
        ((120, 40), "wide"),
        ((119, 40), "medium"),
        ((100, 30), "medium"),
        ((99, 40), "single"),
        ((80, 24), "single"),
        ((200, 20), "single"),
        ((60, 16), "single"),
        ((59, 16), "tiny"),
        ((60, 15), "tiny"),
        ((1, 1), "tiny"),
    ],
)
def test_how_much_is_shown_depends_on_the_size(size: tuple[int, int], kind: str) -> None:
    """Three columns, two, one pane with tabs, or a message."""
    assert mode(*size) == kind


@pytest.mark.parametrize("size", [(200, 50), (120, 40), (110, 40)])
def test_every_pane_is_on_a_wide_screen(size: tuple[int, int]) -> None:
    """All eight panes are there, what changed as one line, the others with at least two lines of text."""
    panes = arrange(*size, QUIET, "waves").panes
    assert set(panes) == set(IDS)
    assert panes[STRIP].height == 1
    assert all(box.height >= 4 for name, box in panes.items() if name != STRIP)


def test_what_needs_room_grows() -> None:
    """A pane that would like more lines gets more than the same pane when it is quiet."""
    for name in ("squads", "blockers", "services", "alerts"):
        before = arrange(200, 50, QUIET, "waves").panes[name].height
        after = arrange(200, 50, QUIET | {name: 30}, "waves").panes[name].height
        assert after > before, name


def test_a_pane_with_nothing_to_say_leaves_its_width_to_the_others() -> None:
    """Without blockers their column is narrower than its neighbours, and as wide again with some."""
    wants = {"changes": 3, "waves": 9, "squads": 9, "blockers": 3, "telemetry": 9, "services": 9, "alerts": 3}
    quiet = arrange(160, 46, wants, "blockers").panes
    busy = arrange(160, 46, {**wants, "blockers": 9}, "blockers").panes
    assert quiet["blockers"].width < quiet["services"].width
    assert quiet["services"].width > busy["services"].width
    assert busy["blockers"].width > busy["services"].width


def test_a_long_list_leaves_room_for_the_others() -> None:
    """Ten thousand rows do not push the other panes below what they need."""
    panes = arrange(200, 50, QUIET | {"squads": 10_000, "waves": 8, "blockers": 12}, "waves").panes
    assert panes["waves"].height >= 7
    assert panes["blockers"].height >= 9


def test_a_pane_nobody_planned_for_has_a_place() -> None:
    """One registry line is enough: an unknown pane stands below the last column's."""
    panes = checked(arrange(160, 50, QUIET | {"weather": 5}, "waves"), 160, 50).panes
    assert panes["weather"].y > panes["alerts"].y
    assert "waves" not in arrange(160, 50, {"weather": 5}, "weather").panes


@given(
    st.integers(0, 200), st.lists(st.tuples(st.integers(1, 10), st.integers(0, 60)), min_size=1, max_size=6)
)
def test_shares_add_up(total: int, needs: list[tuple[int, int]]) -> None:
    """Lines are neither lost nor invented, and nobody gets less than the least when there is enough."""
    pairs = [(least, least + more) for least, more in needs]
    given_lines = share(total, pairs)
    assert sum(given_lines) == total
    if sum(least for least, _ in pairs) <= total:
        assert all(lines >= least for lines, (least, _) in zip(given_lines, pairs, strict=True))


def test_a_pane_grows_at_once_and_shrinks_later() -> None:
    """Rows that come and go do not move the room: lines are given back after a while without need."""
    now = datetime(2026, 3, 4, tzinfo=UTC)
    wishes = Wishes()
    assert wishes.settle({"a": 5}, now) == {"a": 5}
    assert wishes.settle({"a": 9}, now) == {"a": 9}
    assert wishes.settle({"a": 4}, now + SETTLE - timedelta(seconds=1)) == {"a": 9}
    assert wishes.settle({"a": 4}, now + SETTLE) == {"a": 4}
    wishes.forget()
    assert wishes.settle({"a": 2}, now + SETTLE) == {"a": 2}


def test_a_clock_set_back_does_not_hold_the_height() -> None:
    """When time jumps back by hours the pane still gives its lines back."""
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    wishes = Wishes()
    wishes.settle({"a": 9}, now)
    assert wishes.settle({"a": 4}, now - timedelta(hours=3)) == {"a": 4}
