"""Windows of planned work: once or again and again, in their own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from controlroom.domain.maintenance import Window, between, current, settled, upcoming


def utc(text: str) -> datetime:
    """An instant, as ``2025-10-06 16:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHTLY = Window("Backup", days="daily", time=time(2, 0), minutes=90, zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2025-10-06 00:00", True),
        ("2025-10-05 23:59", False),
        ("2025-10-06 01:29", True),
        ("2025-10-06 01:30", False),
        ("2025-12-06 00:30", False),
        ("2025-12-06 01:00", True),
    ],
)
def test_a_window_is_open_from_its_start_until_before_its_end(now: str, open_: bool) -> None:
    """Two in the morning in Berlin is midnight UTC in summer and one in winter."""
    assert (current([NIGHTLY], utc(now)) is not None) is open_


def test_a_time_that_does_not_exist_begins_after_the_gap() -> None:
    """02:00 is skipped on the night the clocks go forward; the window keeps its length."""
    found = current([NIGHTLY], utc("2025-03-30 01:10"))
    assert found is not None
    assert (found.start, found.end - found.start) == (utc("2025-03-30 01:00"), timedelta(minutes=90))


def test_a_window_over_midnight_belongs_to_the_day_it_began() -> None:
    """Sunday 23:00 for four hours is open on Monday at two."""
    window = Window(days=("sun",), time=time(23, 0), minutes=240, zone="UTC")
    assert current([window], utc("2025-10-06 02:59")) is not None
    assert current([window], utc("2025-10-06 03:00")) is None
    assert current([window], utc("2025-10-07 01:00")) is None


@pytest.mark.parametrize(
    ("nth", "day", "open_"),
    [
        ((1,), "2025-10-05", True),
        ((1,), "2025-10-12", False),
        ((-1,), "2025-10-26", True),
        ((-1,), "2025-10-19", False),
        ((2, 4), "2025-10-26", True),
    ],
)
def test_the_nth_weekday_of_a_month_is_counted_from_either_end(
    nth: tuple[int, ...], day: str, open_: bool
) -> None:
    """The first and the last Sunday are what patch days are made of."""
    window = Window(days=("sun",), time=time(1, 0), nth=nth, zone="UTC")
    assert (current([window], utc(f"{day} 01:30")) is not None) is open_


def test_once_is_a_local_time_or_an_instant() -> None:
    """Without an offset the window's zone is meant."""
    nine, ten = (datetime.fromisoformat(f"2025-10-06T{hour}:00") for hour in ("09", "10"))
    local = Window(start=nine, end=ten, zone="America/New_York")
    exact = Window(start=utc("2025-10-06 13:00"), end=utc("2025-10-06 14:00"))
    for window in (local, exact):
        assert current([window], utc("2025-10-06 13:00")) is not None
        assert current([window], utc("2025-10-06 14:00")) is None


def test_first_and_last_dates_bound_a_recurring_window() -> None:
    """Outside them it does not open."""
    window = Window(
        days="daily",
        time=time(1),
        zone="UTC",
        starts_on=date(2025, 10, 6),
        ends_on=date(2025, 10, 7),
    )
    opened = [d for d in range(4, 10) if current([window], datetime(2025, 10, d, 1, 30, tzinfo=UTC))]
    assert opened == [6, 7]


def test_the_window_that_ends_last_is_the_one_told() -> None:
    """Two at a time: what counts is when the service may be judged again."""
    long = Window("Move", start=utc("2025-10-05 23:00"), end=utc("2025-10-06 05:00"))
    found = current([NIGHTLY, long], utc("2025-10-06 00:10"))
    assert found is not None
    assert found.window is long


def test_what_is_to_come_and_what_was_are_found() -> None:
    """The next within a day, and every opening in a stretch of time."""
    soon = upcoming([NIGHTLY], utc("2025-10-06 12:00"))
    assert soon is not None
    assert soon.start == utc("2025-10-07 00:00")
    seen = between([NIGHTLY], utc("2025-10-06 01:00"), utc("2025-10-06 02:00"))
    assert [one.start for one in seen] == [utc("2025-10-06 00:00")]
    assert between([NIGHTLY], utc("2025-10-06 01:30"), utc("2025-10-06 02:00")) == ()


@pytest.mark.parametrize(
    ("services", "groups", "meant"),
    [
        ((), (), True),
        (("redis",), (), True),
        (("kafka",), (), False),
        ((), ("data",), True),
        ((), ("web",), False),
    ],
)
def test_a_window_is_for_the_services_and_groups_it_names(
    services: tuple[str, ...], groups: tuple[str, ...], meant: bool
) -> None:
    """Naming none, it is for all."""
    assert Window(services=services, groups=groups).concerns("redis", "data") is meant


def test_the_programmes_zone_is_meant_where_none_is_named() -> None:
    """A zone of its own stays."""
    assert settled(Window(), "Asia/Tokyo").zone == "Asia/Tokyo"
    assert settled(NIGHTLY, "Asia/Tokyo") is NIGHTLY
