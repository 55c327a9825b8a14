"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controlroom.tui.moments import NotUnderstood, told, understand, written

LOS_ANGELES, KOLKATA = "America/Los_Angeles", "Asia/Kolkata"
NOW = datetime(2025, 11, 1, 23, 50, 3, tzinfo=UTC)
"""Sat 2025-11-01 16:50:03 PDT, nine hours before the clocks go back."""


def at(text: str, **more: bool) -> str:
    """What `text` means, in UTC, to the second."""
    return f"{understand(text, NOW, LOS_ANGELES, KOLKATA, **more).at:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("17:30", "2025-11-02 00:30:00"),
        ("16:00", "2025-11-03 00:00:00"),
        ("5 pm", "2025-11-02 00:00:00"),
        ("9am", "2025-11-02 17:00:00"),
        ("noon", "2025-11-02 20:00:00"),
        ("+2h", "2025-11-02 01:50:03"),
        ("90 min", "2025-11-02 01:20:03"),
        ("1d 4h", "2025-11-03 03:50:03"),
        ("in 2 hours", "2025-11-02 01:50:03"),
        ("20m ago", "2025-11-01 23:30:03"),
        ("-20m", "2025-11-01 23:30:03"),
        ("+1:30", "2025-11-02 01:20:03"),
        ("tomorrow 09:00", "2025-11-02 17:00:00"),
        ("Tomorrow at 9:00", "2025-11-02 17:00:00"),
        ("fri 15:00", "2025-11-07 23:00:00"),
        ("Saturday 17:30", "2025-11-02 00:30:00"),
        ("sat 16:00", "2025-11-09 00:00:00"),
        ("next mon 09:00", "2025-11-03 17:00:00"),
        ("2025-11-05 08:15", "2025-11-05 16:15:00"),
        ("2025-11-05T08:15", "2025-11-05 16:15:00"),
        ("2025-10-06T16:00:00Z", "2025-10-06 16:00:00"),
        ("2025-10-06 16:00:00-07:00", "2025-10-06 23:00:00"),
        ("17:30 IST", "2025-11-02 12:00:00"),
        ("17:30 pst", "2025-11-02 00:30:00"),
        ("17:30 UTC", "2025-11-02 17:30:00"),
        ("17:30z", "2025-11-02 17:30:00"),
        ("17:30 Europe/Berlin", "2025-11-02 16:30:00"),
        ("17:30 +05:30", "2025-11-02 12:00:00"),
        ("now", "2025-11-01 23:50:03"),
    ],
)
def test_a_time_is_understood(typed: str, meant: str) -> None:
    """Times of day are the programme's and still to come; days, lengths, zones, RFC 3339."""
    assert at(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("02:10", "2025-11-01 09:10:00"), ("17:30", "2025-11-01 00:30:00"), ("20m", "2025-11-01 23:30:03")],
)
def test_where_the_past_is_asked_for_the_last_one_is_meant(typed: str, meant: str) -> None:
    """Something that began at 02:10 began at the last 02:10 there was."""
    assert at(typed, past=True) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "say when"),
        ("soon", "'soon' is not understood"),
        ("25:00", "there is no time 25:00"),
        ("13pm", "there is no time 13pm"),
        ("tomorrow", "say a time of day too"),
        ("2025-02-30 10:00", "there is no day 2025-02-30"),
        ("2025-11-05T08:15:00+99:00", "no such date or time"),
        ("17:30 18:30", "'18:30' is not understood"),
        ("17:30 Mars/Olympus", "not understood"),
        ("+999999w", "more than ten years away"),
        ("9999-12-31 10:00", "more than ten years away"),
        ("9" * 400 + "d", "more than ten years away"),
        ("9", "not understood"),
        ("\x1b[2J", "not understood"),
    ],
)
def test_what_is_no_time_says_why(typed: str, said: str) -> None:
    """Nothing is guessed, and nothing that is typed makes it fail."""
    with pytest.raises(NotUnderstood, match=said):
        at(typed)


def test_a_time_that_the_clocks_skip_or_show_twice_is_said() -> None:
    """Wall times around a change of the clocks are understood as RFC 5545 does, with a word about it."""
    twice = understand("2025-11-02 01:30", NOW, LOS_ANGELES)
    assert twice.at == datetime(2025, 11, 2, 8, 30, tzinfo=UTC)
    assert "happens twice" in twice.note
    gap = understand("2026-03-08 02:30", NOW, LOS_ANGELES)
    assert gap.at == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)
    assert "does not exist" in gap.note


def test_an_abbreviation_of_the_other_season_means_this_clock_and_says_so() -> None:
    """PST in summer is the programme's clock, as people mean it, and never an hour off without a word."""
    found = understand("17:30 PST", NOW, LOS_ANGELES)
    assert told(found.at, NOW, LOS_ANGELES, "UTC").startswith("Sat 17:30 PDT")
    assert found.note == "clocks show PDT then, not PST: PDT is meant"
    assert understand("17:30 PDT", NOW, LOS_ANGELES).note == ""


def test_a_length_is_that_long_whatever_the_clocks_do() -> None:
    """A day from now is 24 hours, also when the clocks go back in between."""
    assert (understand("+1d", NOW, LOS_ANGELES).at - NOW.replace(microsecond=0)).total_seconds() == 86_400


def test_what_was_understood_is_told_on_both_clocks() -> None:
    """The programme's time, the viewer's with its day, and how far away it is; with its date when far."""
    soon = understand("17:30", NOW, LOS_ANGELES).at
    assert told(soon, NOW, LOS_ANGELES, KOLKATA) == "Sat 17:30 PDT · Sun 06:00 IST (+1d) · in 39m"
    later = understand("2025-12-24 09:00", NOW, LOS_ANGELES).at
    assert told(later, NOW, LOS_ANGELES, "UTC").startswith("Wed 2025-12-24 09:00 PST")
    assert told(NOW, NOW, LOS_ANGELES, "UTC").endswith("· now")


@pytest.mark.parametrize("hour", range(6, 12))
def test_what_is_written_into_a_field_is_read_back(hour: int) -> None:
    """An observed instant survives the field to the second, in the repeated hour of the night too."""
    observed = datetime(2025, 11, 2, hour, 0, 1, 250_000, tzinfo=UTC)
    text = written(observed, LOS_ANGELES)
    assert understand(text, NOW, LOS_ANGELES, past=True).at == observed.replace(microsecond=0)
