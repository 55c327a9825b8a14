"""Wall clocks and UTC."""

from __future__ import annotations

import datetime as dt
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import zones
from controlroom.domain.rituals import Ritual

PACIFIC = "America/Los_Angeles"
KOLKATA = "Asia/Kolkata"
HARD = [
    PACIFIC,
    "Europe/London",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Kathmandu",
    "America/Havana",
    KOLKATA,
    "UTC",
    "+05:30",
]


@pytest.mark.parametrize(
    ("name", "instant", "shown"),
    [
        (KOLKATA, datetime(2025, 11, 3, 19, tzinfo=UTC), "Mon 11:00 PST · Tue 00:30 IST (+1d)"),
        (KOLKATA, datetime(2025, 10, 6, 16, tzinfo=UTC), "Mon 09:00 PDT · Mon 21:30 IST"),
        (
            "Pacific/Kiritimati",
            datetime(2025, 10, 6, 16, tzinfo=UTC),
            "Mon 09:00 PDT · Tue 06:00 UTC+14 (+1d)",
        ),
        ("Pacific/Honolulu", datetime(2025, 10, 6, 8, tzinfo=UTC), "Mon 01:00 PDT · Sun 22:00 HST (-1d)"),
        (PACIFIC, datetime(2025, 10, 6, 16, tzinfo=UTC), "Mon 09:00 PDT"),
        ("America/Vancouver", datetime(2025, 10, 6, 16, tzinfo=UTC), "Mon 09:00 PDT"),
        ("+05:30", datetime(2025, 10, 6, 16, tzinfo=UTC), "Mon 09:00 PDT · Mon 21:30 UTC+05:30"),
    ],
)
def test_a_time_is_shown_in_both_zones_with_its_day_shift(name: str, instant: datetime, shown: str) -> None:
    """Abbreviations are always there; one clock is shown once."""
    assert zones.both(instant, PACIFIC, name) == shown


def test_a_dated_time_carries_the_date() -> None:
    """Beyond a week a weekday says too little."""
    instant = datetime(2025, 11, 3, 19, tzinfo=UTC)
    assert (
        zones.both(instant, PACIFIC, KOLKATA, dated=True) == "Mon 2025-11-03 11:00 PST · Tue 00:30 IST (+1d)"
    )


@pytest.mark.parametrize(
    ("day", "wall", "instant", "how_often"),
    [
        (date(2025, 10, 6), time(9), "2025-10-06T16:00:00+00:00", "once"),
        (date(2026, 3, 8), time(2, 30), "2026-03-08T10:30:00+00:00", "gap"),
        (date(2026, 3, 8), time(1, 59), "2026-03-08T09:59:00+00:00", "once"),
        (date(2026, 3, 8), time(3), "2026-03-08T10:00:00+00:00", "once"),
        (date(2025, 11, 2), time(1, 30), "2025-11-02T08:30:00+00:00", "twice"),
        (date(2025, 11, 2), time(2), "2025-11-02T10:00:00+00:00", "once"),
    ],
)
def test_a_wall_time_becomes_the_instant_the_rules_name(
    day: date, wall: time, instant: str, how_often: str
) -> None:
    """A missing time keeps the offset before the gap, a repeated one means the first."""
    assert zones.to_utc(day, wall, PACIFIC) == (datetime.fromisoformat(instant), how_often)


def test_a_day_across_the_end_of_summer_time_has_25_hours() -> None:
    """09:00 to 09:00 next day is measured between instants."""
    before, _ = zones.to_utc(date(2025, 11, 1), time(9), PACIFIC)
    after, _ = zones.to_utc(date(2025, 11, 2), time(9), PACIFIC)
    assert after - before == timedelta(hours=25)


@given(st.sampled_from(HARD), st.integers(315_532_800, 2_840_000_000))
def test_an_instant_comes_back_from_its_wall_time(name: str, seconds: int) -> None:
    """Local and back is the same instant, except for the second pass through a repeated hour."""
    instant = datetime.fromtimestamp(seconds, UTC)
    wall = zones.local(instant, name)
    back, how_often = zones.to_utc(wall.date(), wall.time(), name)
    assert how_often != "gap"
    assert back == instant or (how_often == "twice" and wall.fold == 1 and back < instant)


@given(st.sampled_from(HARD), st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.times())
def test_every_wall_time_has_an_instant(name: str, day: date, wall: time) -> None:
    """Only a time that does not exist is shown differently by the clock at its instant."""
    wall = wall.replace(microsecond=0)
    instant, how_often = zones.to_utc(day, wall, name)
    shown = zones.local(instant, name).replace(tzinfo=None)
    assert (shown == datetime.combine(day, wall)) == (how_often != "gap")


@pytest.mark.parametrize("name", [n for n in HARD if n != "+05:30"])
def test_transitions_are_exactly_the_changes_a_minute_by_minute_look_finds(name: str) -> None:
    """Every change of a year, to the minute, and no other."""
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    tz = ZoneInfo(name)
    expected = []
    for hour in range(8760):
        at = begin + timedelta(hours=hour)
        if at.astimezone(tz).utcoffset() != (at + timedelta(hours=1)).astimezone(tz).utcoffset():
            minutes = (at + timedelta(minutes=m) for m in range(61))
            before = at.astimezone(tz).utcoffset()
            expected.append(next(m for m in minutes if m.astimezone(tz).utcoffset() != before))
    found = list(zones.transitions(name, begin, begin + timedelta(hours=8760)))
    assert [c.at for c in found] == expected
    for change in found:
        assert change.at.astimezone(tz).utcoffset() == change.after
        assert (change.at - timedelta(seconds=1)).astimezone(tz).utcoffset() == change.before


STANDUP = Ritual("standup", "Standup", time=time(9))
CLINIC = Ritual("clinic", "Clinic", ("mon", "thu"), time(11))


def test_a_change_of_the_programmes_offset_is_announced_with_what_moves() -> None:
    """Seven days ahead it says when, how far, and each ritual's time on the viewer's clock."""
    now = datetime(2025, 10, 30, 16, tzinfo=UTC)
    (notice,) = zones.notices(now, PACIFIC, KOLKATA, (STANDUP, CLINIC))
    assert notice == (
        "America/Los_Angeles: clocks go back 1h on Sun 2025-11-02 02:00 PDT (PDT → PST); "
        "on the viewer's clock Standup 21:30 → 22:30 IST, Clinic 23:30 → 00:30 IST (+1d)"
    )


def test_a_change_of_the_viewers_offset_is_announced_too() -> None:
    """London leaves summer time a week before Los Angeles: both are announced when both are near."""
    (first,) = zones.notices(datetime(2025, 10, 20, 12, tzinfo=UTC), PACIFIC, "Europe/London", (STANDUP,))
    assert first.startswith("Europe/London: clocks go back 1h on Sun 2025-10-26 02:00 BST")
    assert "Standup 17:00 → 16:00 GMT" in first
    (second,) = zones.notices(datetime(2025, 10, 26, 12, tzinfo=UTC), PACIFIC, "Europe/London", (STANDUP,))
    assert second.startswith("America/Los_Angeles: ")
    assert "Standup 16:00 → 17:00 GMT" in second


def test_a_change_that_moves_nothing_for_the_viewer_says_so() -> None:
    """The same zone, or two zones that change on the same day."""
    now = datetime(2025, 10, 30, 16, tzinfo=UTC)
    (own,) = zones.notices(now, PACIFIC, PACIFIC, (STANDUP,))
    assert own.endswith("no ritual moves on the viewer's clock")
    both = zones.notices(now, PACIFIC, "America/New_York", (STANDUP,))
    assert len(both) == 2
    assert all(n.endswith("no ritual moves on the viewer's clock") for n in both)


@pytest.mark.parametrize(
    ("now", "announced"),
    [
        (datetime(2025, 10, 26, 8, 59, 59, tzinfo=UTC), False),
        (datetime(2025, 10, 26, 9, tzinfo=UTC), True),
        (datetime(2025, 11, 2, 8, 59, 59, tzinfo=UTC), True),
        (datetime(2025, 11, 2, 9, tzinfo=UTC), False),
    ],
)
def test_a_change_is_announced_for_seven_days_and_not_after(now: datetime, announced: bool) -> None:
    """From exactly seven days before until it happens."""
    assert bool(zones.notices(now, PACIFIC, KOLKATA)) is announced


def test_half_hour_changes_and_many_rituals_are_told_briefly() -> None:
    """Lord Howe changes by 30 minutes; beyond four rituals the rest are counted."""
    rituals = [Ritual(str(i), f"Talk {i}", time=time(9 + i)) for i in range(6)]
    (notice,) = zones.notices(datetime(2025, 10, 1, tzinfo=UTC), "Australia/Lord_Howe", "UTC", rituals)
    assert "clocks go forward 30m on Sun 2025-10-05 02:00 UTC+1030 (UTC+1030 → UTC+11)" in notice
    assert "Talk 3" in notice
    assert "Talk 4" not in notice
    assert notice.endswith("and 2 more")


@pytest.mark.parametrize("name", ["+05:30", "-8", "UTC+5", "gmt-03:00", "Etc/GMT+8", "+0530"])
def test_a_bare_offset_as_viewer_zone_gets_a_warning(name: str) -> None:
    """It works, and says that it will not follow daylight saving."""
    (warning,) = zones.notices(datetime(2025, 7, 1, tzinfo=UTC), KOLKATA, name)
    assert name in warning
    assert "bare offset" in warning


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "Etc/GMT", "Europe/London", KOLKATA])
def test_names_of_zones_get_no_warning(name: str) -> None:
    """UTC is a zone like any other."""
    assert not zones.is_bare_offset(name)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../etc/passwd", "+25:00", "America", "a\0b", "x" * 300]
)
def test_an_unknown_zone_is_an_error_with_a_remedy(name: str) -> None:
    """Never an exception of the zone database itself."""
    with pytest.raises(ValueError, match="Europe/London"):
        zones.get(name)


def test_bare_offsets_are_zones_with_that_offset() -> None:
    """Sign, hours and minutes are all read."""
    instant = datetime(2025, 1, 1, tzinfo=UTC)
    assert zones.local(instant, "+05:30").utcoffset() == timedelta(hours=5, minutes=30)
    assert zones.local(instant, "UTC-3").utcoffset() == -timedelta(hours=3)
    assert zones.get("UTC") is dt.UTC
