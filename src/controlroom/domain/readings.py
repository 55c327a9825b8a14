"""Since when a signal reads as it does, when one look follows another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from controlroom.domain.gate_rules import GateRules
from controlroom.domain.gates import delivered
from controlroom.domain.telemetry import SignalReading

BLUR = 30.0
"""Seconds by which a look back over stored samples may be off: their grid, and a scrape."""


def lasting(
    before: SignalReading | None, found: SignalReading, at: datetime, rules: GateRules
) -> SignalReading:
    """`found`, seen at `at`, with since when it has been delivered, or has not been.

    What the server's own past says (`found.since`) reaches back no further than the hold time, where it is
    there; what this room saw before may reach further, and may know of a break that left no trace there.
    Where nobody saw it begin, `or_before` says so.
    """
    told = found.since
    known = before.since if before is not None else None
    if before is None or known is None:
        return _told(found, at, rules, or_before=True)
    was, is_now = delivered(before, rules), delivered(found, rules)
    if was is False and is_now is True:  # it was not there at the look before, whatever is stored
        return replace(found, since=at)
    if was is not is_now:
        return _told(found, at, rules, or_before=was is None)
    if told is not None and _newer(found, told, known, at, rules):
        return _told(found, at, rules, or_before=False)
    return replace(found, since=known, or_before=before.or_before)


def _newer(found: SignalReading, told: datetime, known: datetime, at: datetime, rules: GateRules) -> bool:
    """Whether what is stored tells more than what the room saw of a signal that reads as it did."""
    if delivered(found, rules) is not True:
        return told < known  # it had been missing before this room looked
    # A hole that no look fell into.
    return told > max(known, at - timedelta(seconds=rules.hold)) + timedelta(seconds=BLUR)


def _told(found: SignalReading, at: datetime, rules: GateRules, *, or_before: bool) -> SignalReading:
    """`found` as the server's own past dates it; else it begins `at` this look, `or_before`."""
    if found.since is None:
        return replace(found, since=at, or_before=or_before)
    # The past is looked at for the hold time: what fills it may have begun earlier.
    fills = found.since <= at - timedelta(seconds=rules.hold - BLUR)
    return replace(found, or_before=fills and delivered(found, rules) is True)
