"""Dates, weeks and weekdays in running text."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.documents.dates import dates_in, labels_in, range_in, weeks_in, wrong_weekdays

ANCHOR = dt.date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-03-13", "2026-03-13"),
        ("2026/3/9", "2026-03-09"),
        ("Mar 13", "2026-03-13"),
        ("March 13th, 2027", "2027-03-13"),
        ("13 Mar 2026", "2026-03-13"),
        ("13. Mar", None),
        ("13.03.2026", "2026-03-13"),
        ("by Mar 5 12:00 CET", "2026-03-05"),
        ("Jan 3", "2026-01-03"),
        ("Oct 3", "2026-10-03"),
        ("Feb 30", None),
        ("2026-02-30", None),
        ("may 5 percent", None),
        ("version 1.2.26", None),
        ("3/4", None),
    ],
)
def test_dates_are_found_in_text(text: str, date: str | None) -> None:
    """Unambiguous spellings are dates; without a year it is the one near the programme's start."""
    found = [one.date for one in dates_in(text, ANCHOR) if one.date]
    assert found == ([dt.date.fromisoformat(date)] if date else [])


def test_a_date_without_a_year_is_unknown_without_an_anchor() -> None:
    """No year is invented."""
    assert [one.date for one in dates_in("Mar 13", None)] == [None]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-02 → 2026-03-16", "2026-03-02", "2026-03-16"),
        ("2026-03-02 -> 2026-03-16 overlap", "2026-03-02", "2026-03-16"),
        ("2026-03-02 - 2026-03-16", "2026-03-02", "2026-03-16"),
        ("2026-03-02–2026-03-16", "2026-03-02", "2026-03-16"),
        ("2026-03-02 to 2026-03-16", "2026-03-02", "2026-03-16"),
        ("Mar 2 – Mar 16", "2026-03-02", "2026-03-16"),
        ("March 2 - March 16, 2027", "2027-03-02", "2027-03-16"),
        ("Dec 20 – Jan 3, 2027", "2026-12-20", "2027-01-03"),
        ("Mar 2-16", "2026-03-02", "2026-03-16"),
        ("2–16 Mar 2026", "2026-03-02", "2026-03-16"),
    ],
)
def test_ranges_are_found_however_they_are_joined(text: str, first: str, last: str) -> None:
    """Arrows, dashes and "to" join two dates; the first may borrow its year, the second its month."""
    found = range_in(text, ANCHOR)
    assert found is not None
    assert (found[0].isoformat(), found[1].isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("text", "weeks"),
    [
        ("Weeks 1–2: now", (1, 2)),
        ("Weeks 3-4", (3, 4)),
        ("weeks 2 to 4", (2, 4)),
        ("W1–W2", (1, 2)),
        ("Week 8", (8, 8)),
        ("Week 0", (0, 0)),
        ("Week 3 Day 4", None),
        ("W3D4", None),
        ("biweekly 3", None),
        ("Weeks 4–2", None),
    ],
)
def test_weeks_are_not_labels(text: str, weeks: tuple[int, int] | None) -> None:
    """A range of weeks is read; a week with a day is a label, not a range."""
    assert weeks_in(text) == weeks


@pytest.mark.parametrize(
    "text", ["Week 3 Day 4", "W3D4", "week 3, day 4", "Week 3 / Day 4", "**Week 3 Day 4**"]
)
def test_labels_are_found_in_their_spellings(text: str) -> None:
    """Every usual spelling of a week and a day is the same label."""
    assert [(one.week, one.day) for one in labels_in(text)] == [(3, 4)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Wednesday, March 25, 2026", False),
        ("Thursday, March 25, 2026", True),
        ("Mon 2026-03-02", False),
        ("Tue 2026-03-02", True),
        ("2026-03-02 (Mon)", False),
        ("2026-03-02 (Sunday)", True),
        ("Mar 3 Wed: x", True),
        ("Mon/Thu 2026-03-03", False),
        ("Mon–Fri 2026-03-03", False),
        ("on Friday we meet, 2026-03-02", False),
    ],
)
def test_a_weekday_beside_a_date_must_be_its_own(text: str, wrong: bool) -> None:
    """Only a weekday right beside a date is compared; lists and ranges of days are left alone."""
    assert bool(wrong_weekdays(text, ANCHOR)) is wrong


@given(st.dates(dt.date(1990, 1, 1), dt.date(2199, 12, 31)))
def test_written_dates_are_read_back(date: dt.date) -> None:
    """Any date survives being written in ISO form or in words, and its own weekday is never wrong."""
    for text in (date.isoformat(), f"{date:%B} {date.day}, {date.year}", f"{date.day} {date:%b} {date.year}"):
        assert [one.date for one in dates_in(text, None)] == [date]
    assert not wrong_weekdays(f"{date:%a} {date.isoformat()}", None)


@given(st.text(max_size=200), st.none() | st.dates())
def test_any_text_is_searched(text: str, anchor: dt.date | None) -> None:
    """No text raises, with any anchor."""
    dates_in(text, anchor)
    range_in(text, anchor)
    weeks_in(text)
    labels_in(text)
    wrong_weekdays(text, anchor)
