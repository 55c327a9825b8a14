"""How long ago a poll was, between machines whose clocks do not agree."""

from __future__ import annotations

import pytest

from controlroom.probes.temporal_polls import Poll, age, seen

SERVER = 1_700_000_000.0
"""When the poll was, by the server's clock."""


def look(known: Poll | None, now: float, newest: float = SERVER) -> Poll:
    return seen(known, newest, now)


@pytest.mark.parametrize(("ours", "expected"), [(0.0, 10.0), (300.0, 310.0), (-300.0, 0.0)])
def test_at_first_only_the_clocks_can_tell(ours: float, expected: float) -> None:
    """The first look knows nothing but the difference of the clocks; a poll of the future is of now."""
    poll = look(None, 1000.0)
    assert age(poll, SERVER + 10 + ours, 1000.0) == pytest.approx(expected)


@pytest.mark.parametrize("ours", [-300.0, 0.0, 300.0])
def test_a_poll_that_came_between_two_looks_is_no_older_than_the_first(ours: float) -> None:
    """A worker that polls on is not called silent by a clock that is wrong."""
    poll = look(look(None, 1000.0), 1005.0, SERVER + 60)
    assert 0 <= age(poll, SERVER + 61 + ours, 1005.0) <= 5


@pytest.mark.parametrize("ours", [-300.0, 0.0])
def test_a_poll_that_stays_the_last_grows_old(ours: float) -> None:
    """A worker that went is found out by a clock that is slow, too."""
    poll = look(None, 1000.0)
    for now in (1030.0, 1060.0, 1090.0):
        poll = look(poll, now)
    assert age(poll, SERVER + 90 + ours, 1090.0) == pytest.approx(90)


def test_a_queue_that_was_empty_before_has_just_been_polled() -> None:
    """The first worker of a queue that nobody polled polled since the last look."""
    poll = look(look(None, 1000.0, 0.0), 1005.0)
    assert age(poll, SERVER + 900, 1005.0) == pytest.approx(5)


def test_an_older_poll_begins_anew() -> None:
    """A server that lost its newest poll, as one that was started anew has, is believed."""
    poll = look(look(None, 1000.0), 1005.0, SERVER - 100)
    assert age(poll, SERVER + 5, 1005.0) == pytest.approx(105)
