"""Since when a signal is delivered, when looks follow one another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain.gate_rules import GateRules
from controlroom.domain.readings import lasting
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)
RULES = GateRules(hold=600)
OK = SignalReading(Signal("tides_total", "sea", "river"), GapCode.OK)
GONE = replace(OK, code=GapCode.DISAPPEARED)
AWAY = replace(OK, code=GapCode.SOURCE_DOWN)


def ago(minutes: float) -> datetime:
    return AT - timedelta(minutes=minutes)


def test_the_first_look_believes_what_the_server_stored() -> None:
    """A room that has just opened takes the server's word for how long; without it, it begins now."""
    assert lasting(None, replace(OK, since=ago(10)), AT, RULES).since == ago(10)
    assert lasting(None, OK, AT, RULES).since == AT


def test_what_the_room_saw_reaches_further_back_than_the_server_looks() -> None:
    """The server is asked about ten minutes; the room has watched for an hour."""
    assert lasting(replace(OK, since=ago(60)), replace(OK, since=ago(10)), AT, RULES).since == ago(60)
    assert lasting(replace(OK, since=ago(60)), OK, AT, RULES).since == ago(60)


def test_a_hole_between_two_looks_starts_the_time_anew() -> None:
    """Both looks found it, and the server knows of a break between them: it counts from after the break."""
    assert lasting(replace(OK, since=ago(60)), replace(OK, since=ago(1)), AT, RULES).since == ago(1)


def test_what_was_missing_at_the_last_look_has_just_come() -> None:
    """However much the server has stored, the look before this one found it missing."""
    assert lasting(replace(GONE, since=ago(3)), replace(OK, since=ago(10)), AT, RULES).since == AT


def test_an_outage_of_the_server_is_bridged_by_what_it_stored() -> None:
    """Unknown while it was away; what it scraped meanwhile counts, and what it did not scrape does not."""
    away = replace(AWAY, since=ago(4))
    assert lasting(away, replace(OK, since=ago(10)), AT, RULES).since == ago(10)
    assert lasting(away, replace(OK, since=ago(0.5)), AT, RULES).since == ago(0.5)
    assert lasting(away, OK, AT, RULES).since == AT


def test_a_gap_keeps_the_time_it_began() -> None:
    """Missing since it was last seen, at this look and the next, also while its code changes."""
    gone = lasting(replace(OK, since=ago(60)), replace(GONE, since=ago(2)), AT, RULES)
    assert gone.since == ago(2)
    later = lasting(gone, replace(GONE, code=GapCode.NO_TARGET), AT + timedelta(minutes=5), RULES)
    assert later.since == ago(2)


def test_a_gap_in_quality_that_fails_the_gate_counts_as_missing() -> None:
    """Where FLAT fails the gate, a counter that moves again begins its time anew; elsewhere it goes on."""
    flat = replace(OK, code=GapCode.FLAT, since=ago(60))
    moving = replace(OK, since=ago(10))
    assert lasting(flat, moving, AT, RULES).since == ago(60)
    assert lasting(flat, moving, AT, GateRules(hold=600, fail_codes=("FLAT",))).since == AT


def test_what_nobody_saw_begin_may_have_begun_before() -> None:
    """A gap found by the first look, or by the first after an outage, may be old: its time is a bound."""
    nan = replace(OK, code=GapCode.NAN)
    first = lasting(None, nan, AT, RULES)
    assert (first.since, first.or_before) == (AT, True)
    next_ = lasting(first, nan, AT + timedelta(minutes=1), RULES)
    assert (next_.since, next_.or_before) == (AT, True)
    assert lasting(replace(AWAY, since=ago(4)), nan, AT, RULES).or_before
    seen = lasting(replace(OK, since=ago(60)), nan, AT, RULES)
    assert (seen.since, seen.or_before) == (AT, False)
    assert not lasting(replace(AWAY, since=ago(4)), replace(GONE, since=ago(9)), AT, RULES).or_before


def test_what_fills_the_time_looked_back_at_may_be_older() -> None:
    """The server is asked about ten minutes: what was there all the while may have been for a year."""
    assert lasting(None, replace(OK, since=ago(10)), AT, RULES).or_before
    assert not lasting(None, replace(OK, since=ago(5)), AT, RULES).or_before
    assert not lasting(replace(OK, since=ago(60)), replace(OK, since=ago(1)), AT, RULES).or_before


def test_a_gap_that_says_since_when_is_believed_over_the_first_look() -> None:
    """A time that is too old tells since when by itself, also after another gap hid it for a while."""
    partial = lasting(None, replace(OK, code=GapCode.PARTIAL), ago(1), RULES)
    old = lasting(partial, replace(OK, code=GapCode.FRESHNESS, since=ago(90)), AT, RULES)
    assert (old.since, old.or_before) == (ago(90), False)
