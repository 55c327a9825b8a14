"""Weeks, days and the dates they stand for."""

from __future__ import annotations

import datetime as dt
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.calendar import (
    CLOSE_OF_WEEK,
    WEEKEND,
    CalendarRules,
    date_of,
    locate,
    parse_label,
    position,
    resolve,
    sprint_date,
    week_range,
)

SATURDAY = date(2025, 10, 4)
PLAIN = CalendarRules()
WORKDAYS = CalendarRules(day_rule="workdays")
FROM_ZERO = CalendarRules(day_base=0)
NOW = dt.datetime(2025, 10, 6, 15, 59, 30, tzinfo=dt.UTC)
ZONE = "America/Los_Angeles"

dates = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (date(2025, 10, 3), "W0D7"),
        (date(2025, 10, 4), "W1D1"),
        (date(2025, 10, 6), "W1D3"),
        (date(2025, 10, 8), "W1D5"),
        (date(2025, 10, 10), "W1D7"),
        (date(2025, 10, 11), "W2D1"),
        (date(2025, 10, 21), "W3D4"),
        (date(2025, 9, 26), "W-1D7"),
        (date(2025, 9, 27), "W0D1"),
    ],
)
def test_a_date_has_its_week_and_day_counted_from_the_start(day: date, label: str) -> None:
    """Weeks begin on the start's weekday, also before the start."""
    assert position(PLAIN, SATURDAY, day).label == label


@pytest.mark.parametrize(
    ("week", "day", "expected", "flags"),
    [
        (1, 1, date(2025, 10, 4), ()),
        (1, 3, date(2025, 10, 6), ()),
        (1, 5, date(2025, 10, 8), ()),
        (0, 7, date(2025, 10, 3), ()),
        (2, 8, date(2025, 10, 18), (CLOSE_OF_WEEK,)),
        (1, 8, date(2025, 10, 11), (CLOSE_OF_WEEK,)),
    ],
)
def test_a_label_stands_for_its_date(week: int, day: int, expected: date, flags: tuple[str, ...]) -> None:
    """Day 8 is the close of its week: the first day of the next, flagged."""
    assert date_of(PLAIN, SATURDAY, week, day) == (expected, flags)


@pytest.mark.parametrize(
    ("rules", "week", "day", "words"),
    [
        (PLAIN, 1, 0, "day_base"),
        (PLAIN, 1, 9, "days 1 to 7"),
        (PLAIN, 1, 80, "days 1 to 7"),
        (CalendarRules(day8="reject"), 2, 8, "Week 3 Day 1"),
        (WORKDAYS, 1, 6, "working days 1 to 5"),
        (WORKDAYS, 1, 7, "working days 1 to 5"),
        (FROM_ZERO, 1, 8, "days 0 to 6"),
        (CalendarRules(day_base=0, day8="reject"), 1, 7, "Week 2 Day 0"),
        (PLAIN, 9_999_999, 1, "week number"),
    ],
)
def test_a_day_that_no_week_has_is_an_error_with_a_remedy(
    rules: CalendarRules, week: int, day: int, words: str
) -> None:
    """The message names the days there are, or what to write instead."""
    with pytest.raises(ValueError, match=words):
        date_of(rules, SATURDAY, week, day)


def test_days_counted_from_zero_shift_by_one() -> None:
    """With `day_base` 0 the start is Day 0 and Day 7 is the close of the week."""
    assert position(FROM_ZERO, SATURDAY, SATURDAY).label == "W1D0"
    assert date_of(FROM_ZERO, SATURDAY, 1, 2) == (date(2025, 10, 6), ())
    assert date_of(FROM_ZERO, SATURDAY, 1, 7) == (date(2025, 10, 11), (CLOSE_OF_WEEK,))


def test_working_days_are_the_weekdays_of_a_week() -> None:
    """In a week from Saturday, Day 1 is Monday and Day 5 Friday; weekends are flagged."""
    assert date_of(WORKDAYS, SATURDAY, 1, 1) == (date(2025, 10, 6), ())
    assert date_of(WORKDAYS, SATURDAY, 1, 5) == (date(2025, 10, 10), ())
    assert date_of(WORKDAYS, SATURDAY, 1, 8) == (date(2025, 10, 13), (CLOSE_OF_WEEK,))
    assert position(WORKDAYS, SATURDAY, SATURDAY).flags == (WEEKEND,)
    assert position(WORKDAYS, SATURDAY, date(2025, 10, 8)).label == "W1D3"
    wednesday = date(2025, 10, 1)
    assert position(WORKDAYS, wednesday, date(2025, 10, 4)).label == "W1D3"
    assert position(WORKDAYS, wednesday, date(2025, 10, 6)).label == "W1D4"


@given(dates, dates, st.sampled_from([0, 1]))
def test_every_date_is_the_date_of_its_own_label(start: date, day: date, base: int) -> None:
    """Position and date are inverse, whatever the weekday of the start."""
    rules = CalendarRules(day_base=0 if base == 0 else 1)
    place = position(rules, start, day)
    assert date_of(rules, start, place.week, place.day) == (day, ())
    assert base <= place.day < base + 7


@given(dates, dates, st.sampled_from([0, 1]))
def test_every_working_day_is_the_date_of_its_own_label(start: date, day: date, base: int) -> None:
    """Under workdays Monday to Friday come back; a weekend is flagged and its number is a real day's."""
    rules = CalendarRules(day_rule="workdays", day_base=0 if base == 0 else 1)
    place = position(rules, start, day)
    assert (place.flags == (WEEKEND,)) == (day.weekday() > 4)
    found, flags = date_of(rules, start, place.week, place.day)
    assert flags == ()
    assert place.flags or found == day
    assert place.week == position(PLAIN, start, day).week


@given(dates, st.integers(-50, 500), st.integers(0, 60))
def test_week_ranges_are_half_open_and_join(start: date, week: int, more: int) -> None:
    """Weeks a–b end where the week after b begins, and hold whole weeks."""
    begin, end = week_range(PLAIN, start, week, week + more)
    assert begin == date_of(PLAIN, start, week, 1)[0]
    assert end == date_of(PLAIN, start, week + more + 1, 1)[0]
    assert (end - begin).days == 7 * (more + 1)


def test_weeks_in_the_wrong_order_are_refused() -> None:
    """A range that ends before it begins is an error, never an empty range."""
    with pytest.raises(ValueError, match="before the first"):
        week_range(PLAIN, SATURDAY, 3, 2)


def test_week_range_of_the_first_two_weeks() -> None:
    """Weeks 1–2 from 2025-10-04 are [10-04, 10-18)."""
    assert week_range(PLAIN, SATURDAY, 1, 2) == (date(2025, 10, 4), date(2025, 10, 18))


@pytest.mark.parametrize(
    ("rules", "start", "day", "expected"),
    [
        (PLAIN, SATURDAY, 0, SATURDAY),
        (PLAIN, SATURDAY, 10, date(2025, 10, 14)),
        (CalendarRules(sprint_day_base=1), SATURDAY, 1, SATURDAY),
        (WORKDAYS, SATURDAY, 0, date(2025, 10, 6)),
        (WORKDAYS, date(2025, 10, 8), 3, date(2025, 10, 13)),
        (WORKDAYS, date(2025, 10, 6), 5, date(2025, 10, 13)),
    ],
)
def test_days_of_a_sprint_count_from_its_own_start(
    rules: CalendarRules, start: date, day: int, expected: date
) -> None:
    """Elapsed days by default; the base and the day rule are configurable."""
    assert sprint_date(rules, start, day) == expected


def test_a_day_before_the_sprint_is_refused() -> None:
    """Counting from 1, a sprint has no Day 0."""
    with pytest.raises(ValueError, match="Day 1"):
        sprint_date(CalendarRules(sprint_day_base=1), SATURDAY, 0)


@given(dates, st.integers(0, 400))
def test_sprint_working_days_agree_with_counting_them_one_by_one(start: date, elapsed: int) -> None:
    """The n-th working day after the first one, by a walk along the calendar."""
    day = start
    while day.weekday() > 4:
        day += dt.timedelta(days=1)
    for _ in range(elapsed):
        day += dt.timedelta(days=1)
        while day.weekday() > 4:
            day += dt.timedelta(days=1)
    assert sprint_date(WORKDAYS, start, elapsed) == day


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Week 3 Day 4", (3, 4)),
        ("W3D4", (3, 4)),
        ("w3d4", (3, 4)),
        ("week 3, day 4", (3, 4)),
        ("**Week 3 Day 4**", (3, 4)),
        ("(Week 3 – Day 4)", (3, 4)),
        ("Wk 3 / Day 4", (3, 4)),
        ("  WEEK 12\tDAY 10 ", (12, 10)),
        ("Week 0 Day 7", (0, 7)),
        ("Week 3", None),
        ("Day 4", None),
        ("Week -1 Day 3", None),
        ("W-1D3", None),
        ("Week 3 Day 4 – demo", None),
        ("Weekend 3 Day 4", None),
        ("Wed 3", None),
        ("Week ٣ Day ٤", None),
        ("Week 99999 Day 1", None),
        ("", None),
    ],
)
def test_labels_are_read_in_their_several_spellings(text: str, label: tuple[int, int] | None) -> None:
    """Whatever is not wholly a label is not one."""
    assert parse_label(text) == label


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_a_written_label_is_read_back(week: int, day: int) -> None:
    """Both common spellings carry their numbers through."""
    assert parse_label(f"Week {week} Day {day}") == parse_label(f"W{week}D{day}") == (week, day)


@given(st.text(max_size=40))
def test_no_text_breaks_reading_a_label(text: str) -> None:
    """Anything at all is a label or None."""
    found = parse_label(text)
    assert found is None or len(found) == 2


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("today", date(2025, 10, 6)),
        ("2025-10-21", date(2025, 10, 21)),
        ("2025-10-06T06:59:59Z", date(2025, 10, 5)),
        ("2025-10-06T07:00:00Z", date(2025, 10, 6)),
        ("2025-10-06T12:00:00+14:00", date(2025, 10, 5)),
        ("Week 1 Day 5", date(2025, 10, 8)),
        ("w2d8", date(2025, 10, 18)),
    ],
)
def test_when_is_a_date_an_instant_a_label_or_today(when: str, expected: date) -> None:
    """Instants are read on the programme's wall calendar."""
    assert resolve(when, PLAIN, SATURDAY, ZONE, NOW) == expected


@pytest.mark.parametrize(
    ("when", "start", "words"),
    [
        ("Week 1 Day 3", None, r"\[program\].start"),
        ("2025-10-06T09:00:00", SATURDAY, "offset"),
        ("next week", SATURDAY, "today"),
        ("2025-02-30", SATURDAY, "today"),
        ("Week 1 Day 9", SATURDAY, "days 1 to 7"),
        ("0001-01-01T00:00:00Z", SATURDAY, "write a date"),
        ("\x1b[31mred", SATURDAY, "write a date"),
    ],
)
def test_when_that_means_nothing_is_an_error_with_a_remedy(when: str, start: date | None, words: str) -> None:
    """The message says what to write, and repeats no control character."""
    with pytest.raises(ValueError, match=words) as caught:
        resolve(when, PLAIN, start, ZONE, NOW)
    assert "\x1b" not in str(caught.value)


def test_the_flag_of_a_label_stays_with_its_date() -> None:
    """Day 8 is told apart from the day it falls on."""
    assert locate("Week 2 Day 8", PLAIN, SATURDAY, ZONE, NOW) == (date(2025, 10, 18), (CLOSE_OF_WEEK,))
    assert locate("Week 3 Day 1", PLAIN, SATURDAY, ZONE, NOW) == (date(2025, 10, 18), ())
