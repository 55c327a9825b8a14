"""How promised signals stand before a gate, in words: waivers, hold times, and what waits to be recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from controlroom.domain.gates import Stand, delivered, lapses_first, stand
from controlroom.domain.snapshot import OutboxSeen, Snapshot
from controlroom.domain.telemetry import GONE_CODES, Coverage, GapCode, Gate, SignalReading
from controlroom.tui import present
from controlroom.tui.lines import text
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, View

if TYPE_CHECKING:
    from controlroom.domain.waivers import Waiver

HOLD_CELLS = 5
"""Cells of the bar of a hold time."""


@by_identity(keep=2)
def by_id(signals: tuple[SignalReading, ...]) -> dict[str, SignalReading]:
    """Reading id → the reading; the first of several of one id."""
    return {reading.id: reading for reading in reversed(signals)}


@by_identity(keep=2)
def waivers_by_signal(waivers: tuple[Waiver, ...]) -> dict[str, Waiver]:
    """Reading id → the waiver of that signal, over or not: the committed one where another is queued."""
    return {waiver.signal: waiver for waiver in reversed(waivers)}


def counting(snapshot: Snapshot, reading: str, now: datetime) -> Waiver | None:
    """The waiver that counts for the signal with that reading id at `now`."""
    waiver = waivers_by_signal(snapshot.waivers).get(reading)
    return waiver if waiver is not None and waiver.counts(now) else None


@by_identity(keep=2)
def queued_on_signals(outbox: OutboxSeen) -> dict[str, tuple[str, ...]]:
    """Reading id → kinds of this person's actions on it that are not in the log yet, oldest first."""
    found: dict[str, tuple[str, ...]] = {}
    for outcome in outbox.queued:
        kind, _, reading = outcome.action.item.partition(":")
        if kind == "signal":
            found[reading] = (*found.get(reading, ()), outcome.action.kind)
    return found


def stand_of(snapshot: Snapshot, reading: SignalReading, now: datetime) -> Stand:
    """How a required signal stands before the gate at `now`."""
    return stand(reading, counting(snapshot, reading.id, now), snapshot.gate_rules, now)


def until_words(until: datetime, now: datetime, zone: str) -> str:
    """An instant to come, as briefly as is clear: ``17:30``, ``Fri 15:00``, ``Mar 20``, with another year."""
    there, here = present.local(until, zone), present.local(now, zone)
    days = (there.date() - here.date()).days
    if days == 0:
        return f"{there:%H:%M}"
    if 0 < days < 7:
        return f"{there:%a %H:%M}"
    year = "" if there.year == here.year else f" {there.year}"
    return f"{present.day_text(there.date(), weekday=False)}{year}"


def waived_words(waiver: Waiver, snapshot: Snapshot, now: datetime, view: View) -> str:
    """``waived until Fri 15:00 by Ada: why``."""
    until = until_words(waiver.until, now, snapshot.program.zone)
    by = present.person(waiver.who, view)
    why = f": {waiver.why}" if waiver.why else ""
    return f"waived until {until}{f' by {by}' if by else ''}{why}"


def lasting_since(snapshot: Snapshot, reading: SignalReading) -> datetime | None:
    """Since when a signal is not delivered, as far as anybody can tell; None for one that is."""
    if delivered(reading, snapshot.gate_rules) is not False or reading.code is GapCode.NEVER_SEEN:
        return None
    known = [reading.since] if reading.since is not None else []
    if reading.code in GONE_CODES and reading.last_seen is not None:
        known.append(reading.last_seen)
    return min(known, default=None)


def lasting_words(snapshot: Snapshot, reading: SignalReading, now: datetime) -> str:
    """``since 04:58``, ``since 04:58 or before`` where nobody saw it begin; empty where it is not known."""
    since = lasting_since(snapshot, reading)
    if since is None:
        return ""
    return f"since {present.moment(since, now, snapshot.program.zone)}{or_before(reading, since)}"


def or_before(reading: SignalReading, since: datetime) -> str:
    """`` or before``, where `since` is only when somebody first looked."""
    return " or before" if reading.or_before and since == reading.since else ""


def left(until: datetime, now: datetime) -> str:
    """How long until then: ``7m``, ``42s``."""
    # Rounded up: what passes in 6m 30s has not passed in 6 minutes.
    seconds = max(0.0, (until - now).total_seconds())
    whole = timedelta(seconds=seconds if seconds < 60 else -(-seconds // 60) * 60)
    return present.age(whole.total_seconds())


def stand_line(found: Stand, snapshot: Snapshot, now: datetime) -> Line:
    """``◐ holding ▰▰▱▱▱ passes 14:05``; how a required signal stands before the gate."""
    look = present.STANDING[found.standing]
    head = text(Span(f"{look.glyph} {look.word}", look.style))
    if found.holds_at is None:
        return head
    zone, ends = snapshot.program.zone, lapses_first(found)
    said = f"ends {present.clock(ends, zone)}, before it passes" if ends else ""
    return text(
        *head,
        " ",
        *hold_bar(found.holds_at, now, snapshot.gate_rules.hold),
        Span(f" {said or f'passes {present.clock(found.holds_at, zone)}'}", "dim"),
    )


def hold_bar(until: datetime, now: datetime, hold: float) -> Line:
    """How much of the hold time has passed."""
    done = 1.0 - max(0.0, (until - now).total_seconds()) / hold if hold > 0 else 1.0
    full = max(0, min(HOLD_CELLS, int(done * HOLD_CELLS)))
    return text(Span("▰" * full, "accent"), Span("▱" * (HOLD_CELLS - full), "dim"))


def holding(part: Coverage | Gate) -> bool:
    """Whether nothing but time stands between it and PASS."""
    return part.verdict == "UNKNOWN" and part.holding > 0 and not part.unknown


def verdict_words(part: Coverage | Gate) -> Line:
    """``✖ FAIL``, ``✓ PASS*`` where it needed a waiver, ``? UNKNOWN``."""
    look = present.VERDICT[part.verdict]
    return (Span(f"{look.glyph} {look.word}{starred(part)}", look.style),)


def starred(part: Coverage | Gate) -> str:
    """``*`` for a PASS that needed a waiver."""
    return "*" if part.waived and part.verdict == "PASS" else ""
