"""The cursor stays on its row, whatever happens to the rows around it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from controlroom.tui.rows import Row, Subject
from controlroom.tui.widgets.scroller import Scroller


def rows(*keys: str, height: int = 1) -> list[Row]:
    """Rows with these keys; one that begins with # is a heading."""
    return [
        Row(key=key, height=height, selectable=not key.startswith("#"), heading=key.startswith("#"))
        for key in keys
    ]


def scroller(listed: list[Row], height: int) -> Scroller:
    """A window of some height over the rows."""
    made = Scroller()
    made.resize(height)
    made.replace(listed)
    return made


def on(made: Scroller) -> str | None:
    """The key under the cursor."""
    return None if made.row is None else made.row.key


def seen(made: Scroller) -> list[str]:
    """The keys in the window."""
    return [made.rows[place.number].key for place in made.seen()]


def test_it_begins_on_the_first_row_that_can_be_chosen() -> None:
    """Headings are passed over, and stay visible above the first row."""
    made = scroller(rows("#a", "b", "c"), 2)
    assert on(made) == "b"
    assert seen(made) == ["#a", "b"]


def test_moving_passes_headings_and_stops_at_the_ends() -> None:
    """Down and up go from row to row; at the ends the cursor stays."""
    made = scroller(rows("a", "#h", "b"), 5)
    made.move(1)
    assert on(made) == "b"
    made.move(1)
    assert on(made) == "b"
    made.move(-1)
    made.move(-1)
    assert on(made) == "a"


def test_the_window_follows_the_cursor_with_its_heading() -> None:
    """Scrolling back up to a row shows the heading right above it."""
    made = scroller(rows("a", "b", "#h", "c", "d", "e"), 3)
    made.last()
    assert seen(made) == ["c", "d", "e"]
    made.move(-1)
    made.move(-1)
    assert on(made) == "c"
    assert seen(made) == ["#h", "c", "d"]


def test_the_cursor_survives_reordering() -> None:
    """Sorted anew, the cursor is on the same row, and that row on the same line of the screen."""
    made = scroller(rows(*"abcdefghij"), 4)
    for _ in range(5):
        made.move(1)
    line = next(place.line for place in made.seen() if made.rows[place.number].key == "f")
    made.replace(rows(*"jihgfedcba"))
    assert on(made) == "f"
    assert next(p.line for p in made.seen() if made.rows[p.number].key == "f") == line


def test_a_row_that_goes_away_gives_the_cursor_to_the_next() -> None:
    """The next row that is still there, else the one before it, else none."""
    made = scroller(rows(*"abcde"), 5)
    made.goto("c")
    made.replace(rows(*"abde"))
    assert on(made) == "d"
    made.replace(rows(*"ab"))
    assert on(made) == "b"
    made.replace([])
    assert on(made) is None
    made.replace(rows(*"xy"))
    assert on(made) == "x"


def test_at_the_top_new_rows_are_seen() -> None:
    """Something worse that comes in above is shown, and the cursor stays on its row."""
    made = scroller(rows(*"bcde"), 4)
    made.replace(rows(*"abcde"))
    assert on(made) == "b"
    assert seen(made)[0] == "a"


def test_a_list_that_nobody_works_begins_with_its_worst() -> None:
    """Rows sorted anew do not drag an unused cursor down, out of sight of what stands first now."""
    made = scroller(rows(*"abcdefgh"), 3)
    made.replace(rows(*"hgfedcba"), loose=True)
    made.resize(2)
    assert (on(made), seen(made)) == ("h", ["h", "g"])
    made.move(1)
    made.replace(rows(*"abcdefgh"), loose=True)
    assert on(made) == "g"


def test_scrolled_away_the_view_stands_still() -> None:
    """With the cursor out of sight, rows that come in above do not move what is read."""
    made = scroller(rows(*"bcdefghijklm"), 3)
    made.wheel(6)
    before = seen(made)
    made.replace(rows(*"abcdefghijklm"))
    assert seen(made) == before
    assert on(made) == "b"


def test_resizing_keeps_the_cursor_in_sight() -> None:
    """A window made lower still shows the cursor's row."""
    made = scroller(rows(*"abcdefghij"), 10)
    made.last()
    made.resize(3)
    assert "j" in seen(made)
    made.resize(50)
    assert made.top == 0


def test_rows_higher_than_the_window_can_be_read() -> None:
    """A tall row begins at the window's first line, and its end can be scrolled to."""
    made = scroller([*rows("a"), *rows("tall", height=9), *rows("z")], 4)
    made.move(1)
    assert made.top == 1
    made.wheel(5)
    assert made.top == 6
    made.move(1)
    assert on(made) == "z"


def test_without_anything_to_choose_the_keys_scroll() -> None:
    """A list of headings only is scrolled by line and by page."""
    made = scroller(rows(*(f"#{n}" for n in range(20))), 5)
    made.move(1)
    assert made.top == 1
    made.page(1)
    assert made.top == 5
    made.last()
    assert made.top == 15
    made.first()
    assert made.top == 0


def test_pages_move_the_cursor_by_a_window() -> None:
    """PgDn and PgUp go to a row one window away, and to the ends."""
    made = scroller(rows(*(f"r{n}" for n in range(100))), 10)
    made.page(1)
    assert on(made) == "r9"
    made.page(1)
    assert on(made) == "r18"
    for _ in range(20):
        made.page(1)
    assert on(made) == "r99"
    for _ in range(20):
        made.page(-1)
    assert on(made) == "r0"


def cards(key: str, *names: str | None) -> Row:
    """A row of cards, ten cells each."""
    subjects = tuple(None if name is None else Subject("item", name) for name in names)
    spans = tuple((10 * i, 10 * i + 8) for i in range(len(names)))
    return Row(key=key, cells=subjects, cell_spans=spans)


def test_cards_are_moved_among_sideways() -> None:
    """Left and right pass empty columns, say when there is nothing more, and the column is kept."""
    made = scroller([cards("one", "a", None, "b"), cards("two", None, "c", None)], 5)
    assert made.subject == Subject("item", "a")
    assert made.sideways(1)
    assert made.subject == Subject("item", "b")
    assert not made.sideways(1)
    made.move(1)
    assert made.subject == Subject("item", "c")
    made.move(-1)
    assert made.subject == Subject("item", "b")


def test_the_cursor_follows_its_card() -> None:
    """A card that moves to another column, or another row, keeps the cursor."""
    made = scroller([cards("one", "a", None, "b"), cards("two", None, "c", None)], 5)
    made.replace([cards("one", None, "a", "b"), cards("two", None, "c", None)])
    assert made.subject == Subject("item", "a")
    made.replace([cards("one", None, None, "b"), cards("two", "a", "c", None)])
    assert made.subject == Subject("item", "a")


def test_a_click_picks_row_and_card() -> None:
    """A click puts the cursor on what is there; beside rows and on headings it does nothing."""
    made = scroller([*rows("#h"), cards("one", "a", None, "b")], 5)
    assert not made.pick(0, 3)
    assert made.pick(1, 22)
    assert made.subject == Subject("item", "b")
    assert not made.pick(4, 0)
    assert not made.pick(-1, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 5), st.booleans()), max_size=30, unique_by=lambda r: r[0]
    ),
    st.lists(
        st.sampled_from(
            ["up", "down", "left", "page", "back", "first", "last", "wheel", "small", "large", "swap"]
        ),
        max_size=30,
    ),
)
def test_it_never_leaves_its_rows(given_rows: list[tuple[int, int, bool]], steps: list[str]) -> None:
    """Whatever is done: the window stays on the list, the cursor on a row that can be chosen."""
    listed = [Row(key=str(key), height=high, selectable=chosen) for key, high, chosen in given_rows]
    made = scroller(listed, 7)
    act: dict[str, Callable[[], object]] = {
        "up": lambda: made.move(-1),
        "down": lambda: made.move(1),
        "left": lambda: made.sideways(-1),
        "page": lambda: made.page(1),
        "back": lambda: made.page(-1),
        "first": made.first,
        "last": made.last,
        "wheel": lambda: made.wheel(3),
        "small": lambda: made.resize(2),
        "large": lambda: made.resize(40),
        "swap": lambda: made.replace(list(reversed(made.rows))[1:]),
    }
    for step in steps:
        act[step]()
        assert 0 <= made.top <= max(0, made.total - made.height)
        assert made.row is None or made.row.selectable
        assert (made.row is None) == (not any(row.selectable for row in made.rows))
        lines = [place.line for place in made.seen()]
        assert lines == sorted(lines)
