"""Times, zones, days and durations in running text."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.documents.times import ZONES, only_slot, slot_in, zone_in

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


@pytest.mark.parametrize(
    ("text", "days", "time", "zone", "minutes"),
    [
        ("09:00 PT", (), "09:00", "America/Los_Angeles", None),
        ("Mon/Thu 11:00 PT", ("mon", "thu"), "11:00", "America/Los_Angeles", None),
        ("08:30 PT — Pulse (15 min)", (), "08:30", "America/Los_Angeles", 15),
        ("Daily 9am ET, 15 minutes", "daily", "09:00", "America/New_York", 15),
        ("every day at 7:45 Europe/Lisbon", "daily", "07:45", "Europe/Lisbon", None),
        ("Tue & Thu 14:30–15:15 CET", ("tue", "thu"), "14:30", "Europe/Berlin", 45),
        ("23:30-00:30 UTC", (), "23:30", "UTC", 60),
        ("9:00-9:30 PM", (), "21:00", None, 30),
        ("Mon–Fri 9:00 AM EST", WORKDAYS, "09:00", "America/New_York", None),
        ("every weekday at 10:00", WORKDAYS, "10:00", None, None),
        ("Fridays 15h30 UTC+2", ("fri",), "15:30", "Etc/GMT-2", None),
        ("Thu 16:00 UTC+05:30", ("thu",), "16:00", "UTC+05:30", None),
        ("noon IST", (), "12:00", "Asia/Kolkata", None),
        ("12:15 am", (), "00:15", None, None),
        ("Sat, Sun (1.5 hours)", ("sat", "sun"), None, None, 90),
        ("1h 30m", (), None, None, 90),
        ("2h", (), None, None, 120),
        ("Kafka/Redis", (), None, None, None),
        ("25:00 or 99%", (), None, None, None),
    ],
)
def test_slots_are_read(
    text: str, days: object, time: str | None, zone: str | None, minutes: int | None
) -> None:
    """Days, time, zone and duration are found in the ways people write them."""
    slot = slot_in(text)
    assert (slot.days, slot.time, slot.zone, slot.minutes) == (days, time, zone, minutes)


@pytest.mark.parametrize(
    "text",
    ["every other Tuesday 10:00", "biweekly Mon 10:00", "monthly", "first Monday 09:00", "fortnightly"],
)
def test_rhythms_that_are_not_weekly_are_noticed(text: str) -> None:
    """What no weekly rule can express says so, instead of becoming a weekly one."""
    assert slot_in(text).irregular


@pytest.mark.parametrize("word", sorted(ZONES))
def test_every_zone_word_means_a_zone_that_exists(word: str) -> None:
    """Each abbreviation leads to a zone of the IANA database."""
    assert ZoneInfo(ZONES[word]).key == ZONES[word]


@pytest.mark.parametrize("text", ["PTO", "Atlantis/Harbour", "ETA", "best", "Mon/Thu"])
def test_other_words_are_no_zones(text: str) -> None:
    """Only whole words and zones that exist count."""
    assert zone_in(text) is None


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("09:00 PT", True),
        ("Every Wednesday", True),
        ("daily, 15 min", True),
        ("Mon/Thu at 11:00", True),
        ("09:00 PT Standup", False),
        ("Standup", False),
    ],
)
def test_a_text_that_says_only_when_is_recognised(text: str, only: bool) -> None:
    """A time with nothing else is no name."""
    assert only_slot(text) is only


@given(st.text(max_size=200))
def test_any_text_is_searched(text: str) -> None:
    """No text raises; a time is always one that a clock can show."""
    time = slot_in(text).time
    only_slot(text)
    assert time is None or (0 <= int(time[:2]) < 24 and 0 <= int(time[3:]) < 60)
