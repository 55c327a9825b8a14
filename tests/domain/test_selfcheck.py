"""Is it me: what the clock's two readings and a reference say."""

from __future__ import annotations

import pytest

from controlroom.domain.selfcheck import Check, clock, failing


@pytest.mark.parametrize(
    ("wall", "steady", "skew", "ok", "text"),
    [
        (10.0, 10.1, None, True, "runs evenly"),
        (3610.0, 10.0, None, False, "the clock jumped forward by 1h 00m"),
        (-50.0, 10.0, None, False, "the clock jumped back by 1m"),
        (10.0, 10.0, 2.0, True, "agrees with ref"),
        (10.0, 10.0, 95.0, False, "the clock is 1m ahead of ref"),
        (10.0, 10.0, -31.0, False, "the clock is 31s behind ref"),
    ],
)
def test_the_clock_is_held_against_a_steady_one_and_a_reference(
    wall: float, steady: float, skew: float | None, ok: bool, text: str
) -> None:
    """A laptop that slept, a clock that was set, and one that is simply wrong."""
    assert clock(wall, steady, skew, "ref") == Check("clock", ok, text)


def test_only_what_failed_counts_against_this_machine() -> None:
    """What could not be judged does not."""
    bad = Check("route", False, "no default route")
    assert failing([Check("clock", True, ""), Check("dns", None, ""), bad]) == (bad,)
