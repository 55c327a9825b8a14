"""What a screen that follows a collector says of that: whether it hears it, since when not and why, and
whose clock it goes by. Forms are a part of the header, the fullest first."""

from __future__ import annotations

from datetime import datetime

from controlroom.domain.relayed import Relayed
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.rows import DrawContext, Line, Span, View
from controlroom.tui.width import crop

ID = "relay"
"""What a screen follows is found as the source of this id."""

REASON = 60
"""Cells of why nothing can be heard."""

BRIEF = 40
"""Cells of it where there is less room."""
Forms = tuple[Line, ...]


def badge(snapshot: Snapshot, now: datetime) -> Line:
    """``STALE 41s``, ``WAITING``; nothing while all is well. It never leaves the header."""
    relayed = snapshot.relayed
    if relayed is None or not relayed.lost:
        return ()
    if relayed.unheard:
        return (Span(" WAITING ", "badge-warn"),)
    return (Span(f" STALE {present.since(relayed.old_since, now)} ", "badge-breach"),)


def why(snapshot: Snapshot, now: datetime, view: View) -> Forms:
    """Since when nothing can be heard, and why; or whom it waits for."""
    relayed = snapshot.relayed
    if relayed is None or not relayed.lost:
        return ()
    if relayed.unheard and not relayed.reason:
        where = crop(present.hosts(relayed.where, view), REASON)
        return (Span(f"for a collector at {where}", "warn"),), (Span("for a collector", "warn"),), ()
    reason = present.hosts(relayed.reason, view)
    full, brief = (Span(crop(reason, REASON), "warn"),), (Span(crop(reason, BRIEF), "warn"),)
    if relayed.unheard:
        return (Span("for a collector: ", "dim"), *full), full, brief, ()
    heard = present.moment(relayed.old_since, now, snapshot.program.zone, seconds=True)
    return (Span(f"not heard since {heard}: ", "warn"), *full), full, brief, ()


def skew(snapshot: Snapshot) -> Forms:
    """By how much this machine's clock is another one than the collector's, where that is worth saying."""
    found = None if snapshot.relayed is None else snapshot.relayed.skewed
    if found is None:
        return ()
    by, way = present.age(abs(found)), "ahead" if found > 0 else "behind"
    said = f"▲ this clock is {by} {way}{' of' if found > 0 else ''} the collector's"
    return (Span(said, "warn"),), (Span(f"▲ clock {by} {way}", "warn"),), (Span("▲ clock", "warn"),)


def lost_since(snapshot: Snapshot) -> datetime | None:
    """Since when nothing can be heard: the same object for as long as that lasts; None while all is well."""
    return None if snapshot.relayed is None else snapshot.relayed.lost_since


def edge(ctx: DrawContext) -> Line:
    """What every pane's lower edge says while nothing can be heard, whatever its sources were like."""
    relayed = ctx.snapshot.relayed
    if relayed is None or not relayed.lost or relayed.unheard:
        return ()
    return (Span(f"STALE {present.since(relayed.old_since, ctx.now)}", "down"),)


def waiting(relayed: Relayed | None, view: View) -> Line:
    """What an empty pane says while nobody told anything; nothing once somebody did."""
    if relayed is None or not relayed.unheard:
        return ()
    if relayed.reason:
        return (Span("? ", "unknown"), Span(present.hosts(relayed.reason, view), "text"))
    return (Span(f"waiting for a collector at {present.hosts(relayed.where, view)}", "dim"),)
