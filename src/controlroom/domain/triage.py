"""Blockers: what holds work up, who waits on whom (domain rules, Squads, items, blockers)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from controlroom.domain.frozen import dataclass

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
    """It was there then at the latest: a room or a status file knew it, or the day of the report that lists
    it was over."""
    eta: datetime | None = None
    next_update_due: datetime | None = None
    snoozed_until: datetime | None = None
    mitigation: str | None = None
    text: str = ""
    about: str | None = None
    """What it was opened from: ``service:kafka``, ``signal:…``, ``alert:…``."""
    links: tuple[str, ...] = ()
    source: str | None = None
    """Path of the document or status file that says so."""
    line: int | None = None
    last_action: str | None = None
    """Id of the last action on it in the triage log; None: only documents speak of it."""
    opened_by: str | None = None
    acknowledged_by: str | None = None
    escalated_at: datetime | None = None
    resolved_at: datetime | None = None
    awake: BlockerState = "open"
    """The state it returns to when its snooze ends."""
    snoozed_by: str | None = None
    snooze_why: str | None = None
    snooze_ritual: str | None = None
    """Id of the ritual on whose agenda it returns."""
    pending: tuple[str, ...] = ()
    """Kinds of this person's actions on it that wait in the outbox; their effect is shown already."""


def age(blocker: Blocker, now: datetime) -> float | None:
    """Seconds since it was opened, until it was resolved; None when no opening time is known.

    (`first_seen` is a lower bound then.)
    """
    if blocker.opened_at is None:
        return None
    over = blocker.resolved_at if blocker.state == "resolved" else None
    return ((over or now) - blocker.opened_at).total_seconds()


def sla(blocker: Blocker, now: datetime) -> Sla:
    """Where the blocker stands against the four-hour rule; exactly four hours is not yet a breach."""
    seconds = age(blocker, now)
    if seconds is None:
        return "unknown"
    if seconds > SLA_BREACH:
        return "breach"
    return "due_soon" if seconds >= SLA_DUE_SOON else "ok"
