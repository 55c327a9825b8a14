"""Blockers: what holds work up, who waits on whom (domain rules, Squads, items, blockers)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

BlockerState = Literal["open", "acknowledged", "escalated", "snoozed", "resolved"]
Sla = Literal["ok", "due_soon", "breach", "unknown"]

SLA_DUE_SOON = 3 * 3600
SLA_BREACH = 4 * 3600
"""Seconds of wall-clock age; a breach is strictly older than this."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that holds work up. `owning_squad` waits on `blocking_squad`."""

    id: str
    summary: str
    item: str | None = None
    owner: str | None = None
    owning_squad: str | None = None
    blocking_squad: str | None = None
    state: BlockerState = "open"
    opened_at: datetime | None = None
    first_seen: datetime | None = None
    eta: datetime | None = None
    next_update_due: datetime | None = None
    snoozed_until: datetime | None = None
    mitigation: str | None = None
    text: str = ""
    links: tuple[str, ...] = ()
    source: str | None = None
    """Path of the document or status file that says so."""
    line: int | None = None


def age(blocker: Blocker, now: datetime) -> float | None:
    """Seconds since it was opened; None when no opening time is known (`first_seen` is a lower bound)."""
    return None if blocker.opened_at is None else (now - blocker.opened_at).total_seconds()


def sla(blocker: Blocker, now: datetime) -> Sla:
    """Where the blocker stands against the four-hour rule; exactly four hours is not yet a breach."""
    seconds = age(blocker, now)
    if seconds is None:
        return "unknown"
    if seconds > SLA_BREACH:
        return "breach"
    return "due_soon" if seconds >= SLA_DUE_SOON else "ok"
