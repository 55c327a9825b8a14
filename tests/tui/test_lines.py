"""Lines and cells: cropping, padding, wrapping, timelines and large digits."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.text import clean
from controlroom.tui import bigdigits
from controlroom.tui.lines import as_text, crop_line, fit_line, line_width, wrap
from controlroom.tui.rows import Line, Span
from controlroom.tui.timeline import fitted
from controlroom.tui.width import cell_width, crop, fit

TEXT = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("a é日本👩‍🚀🟩\u0301\u200d\ufe0fא…")), max_size=40
).map(clean)
LINE = st.lists(TEXT.map(Span), max_size=6).map(tuple)


@given(TEXT, st.integers(0, 30))
def test_cropped_text_never_takes_more_cells(text: str, width: int) -> None:
    """Whatever the letters, a column is never overrun."""
    assert cell_width(crop(text, width)) <= width


@given(TEXT, st.integers(0, 30), st.sampled_from(("left", "right")))
def test_fitted_text_takes_exactly_its_cells(text: str, width: int, align: str) -> None:
    """Columns stay straight with wide characters, emoji and combining marks."""
    assert cell_width(fit(text, width, align)) == width  # type: ignore[arg-type]


@given(LINE, st.integers(0, 40))
def test_a_line_fits_whatever_its_spans(line: Line, width: int) -> None:
    """Cropping keeps within the width, and padding reaches it."""
    assert line_width(crop_line(line, width)) <= width
    assert line_width(fit_line(line, width)) == width


@given(LINE, st.integers(4, 40))
def test_wrapping_keeps_within_the_width(line: Line, width: int) -> None:
    """No wrapped line is wider than it may be."""
    assert all(line_width(part) <= width for part in wrap(line, width, 2))


def test_wrapping_loses_no_word() -> None:
    """A notice that takes several lines says all it has to say."""
    words = "clocks go back one hour on Sunday and the standup moves on your clock"
    parts = wrap((Span(words),), 24)
    assert " ".join(as_text(parts).split()) == words
    assert len(parts) > 2


def test_what_is_cropped_says_so() -> None:
    """Text that does not fit ends in an ellipsis, also where only a later span is lost."""
    assert crop("abcdef", 4) == "abc…"
    assert as_text((crop_line((Span("abc"), Span("def")), 3),)) == "ab…"
    assert crop("日本語", 4) == "日…"


def test_a_day_on_the_timeline_is_a_whole_number_of_cells() -> None:
    """Where there is room, bars of equal length have equal width."""
    line = fitted(date(2026, 3, 2), date(2026, 3, 30), 100)
    assert line.width == 84
    assert line.column(date(2026, 3, 9)) == 21


def test_today_is_marked_on_every_row_and_the_edge_outside() -> None:
    """Before the first and after the last day the mark is an arrow at the edge."""
    line = fitted(date(2026, 3, 2), date(2026, 3, 16), 14)
    bars = line.bar(date(2026, 3, 4), date(2026, 3, 6), "wave-active")
    assert as_text((line.draw(bars, date(2026, 3, 3)),)) == "─┃━━──────────"
    assert as_text((line.draw(bars, date(2026, 3, 20)),)).endswith("▸")
    assert as_text((line.draw(bars, date(2026, 2, 20)),)).startswith("◂")


@given(st.integers(1, 4000), st.integers(1, 300))
def test_a_scale_is_as_wide_as_its_timeline(days: int, room: int) -> None:
    """Ticks of a fortnight and of ten years both fit."""
    start = date(2026, 1, 1)
    line = fitted(start, start + timedelta(days=days), room)
    assert line_width(line.scale()) == line.width <= room


@pytest.mark.parametrize("ascii_only", [False, True])
def test_large_digits_can_be_told_apart(ascii_only: bool) -> None:
    """Ten digits, ten pictures, each three lines of one width."""
    drawn = [bigdigits.large(str(digit), ascii_only=ascii_only) for digit in range(10)]
    assert len(set(drawn)) == 10
    assert {len(line) for picture in drawn for line in picture} == {3}
    huge = [bigdigits.huge(str(digit), ascii_only=ascii_only) for digit in range(10)]
    assert len(set(huge)) == 10
    if ascii_only:
        assert all(line.isascii() for picture in drawn for line in picture)


def test_a_countdown_keeps_its_width_while_it_runs() -> None:
    """Large digits do not jump from second to second."""
    widths = {cell_width(line) for second in range(60) for line in bigdigits.large(f"00:{second:02d}")}
    assert len(widths) == 1
