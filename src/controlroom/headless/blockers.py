"""`controlroom blockers`: what holds work up, what hurts most first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlroom.domain.instants import duration, maybe
from controlroom.domain.ranking import ranked
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker, age, sla
from controlroom.headless.problems import ATTENTION, FINE


def as_json(snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """The document of `blockers --json`, resolved ones included.

    `rev` is that of the triage log: 0 while nothing is recorded, None while it cannot be read.
    """
    return {
        "rev": None if snapshot.ledger is None else snapshot.ledger.rev,
        "blockers": [
            entry(blocker, now)
            for blocker in ranked(snapshot.blockers, now, snapshot.items, snapshot.program)
        ],
    }


def entry(blocker: Blocker, now: datetime) -> dict[str, Any]:
    """One blocker, as it stands in `blockers --json` and in `snapshot --json`."""
    old = age(blocker, now)
    return {
        "id": blocker.id,
        "summary": blocker.summary,
        "text": blocker.text,
        "item": blocker.item,
        "owner": blocker.owner,
        "owning_squad": blocker.owning_squad,
        "blocking_squad": blocker.blocking_squad,
        "state": blocker.state,
        "opened_at": maybe(blocker.opened_at),
        "first_seen": maybe(blocker.first_seen),
        "age_s": None if old is None else int(old),
        "sla": sla(blocker, now),
        "eta": maybe(blocker.eta),
        "next_update_due": maybe(blocker.next_update_due),
        "snoozed_until": maybe(blocker.snoozed_until),
        "snoozed_by": blocker.snoozed_by,
        "snooze_why": blocker.snooze_why,
        "snooze_ritual": blocker.snooze_ritual,
        "opened_by": blocker.opened_by,
        "acknowledged_by": blocker.acknowledged_by,
        "escalated_at": maybe(blocker.escalated_at),
        "resolved_at": maybe(blocker.resolved_at),
        "mitigation": blocker.mitigation,
        "about": blocker.about,
        "last_action": blocker.last_action,
        "pending": list(blocker.pending),
        "links": list(blocker.links),
        "path": blocker.source,
        "line": blocker.line,
    }


def as_text(snapshot: Snapshot, now: datetime, *, resolved: bool = True) -> str:
    """A line per blocker: id, age, state, summary, who waits on whom, owner, where it is written."""
    listed = [
        b
        for b in ranked(snapshot.blockers, now, snapshot.items, snapshot.program)
        if resolved or b.state != "resolved"
    ]
    lines = [named(blocker, now) for blocker in listed]
    hidden = len(snapshot.blockers) - len(listed)
    if hidden:
        lines.append(f"{hidden} resolved: --all lists them")
    return "\n".join(lines or ["no blockers are listed"]) + "\n"


def named(blocker: Blocker, now: datetime) -> str:
    """`line`, with the id to act on it by."""
    return f"{clean(blocker.id)} · {line(blocker, now)}"


def line(blocker: Blocker, now: datetime) -> str:
    """One blocker as a line; what nobody declared reads ``not declared``."""
    parts = [f"{age_text(blocker, now)} {blocker.state}", blocker.summary]
    if blocker.text and blocker.text != blocker.summary:
        parts.append(blocker.text)
    if blocker.owning_squad or blocker.blocking_squad:
        parts.append(f"{blocker.owning_squad or '?'} waits on {blocker.blocking_squad or '?'}")
    parts.append(f"owner {blocker.owner or 'not declared'}")
    if blocker.eta is not None:
        parts.append(f"ETA {maybe(blocker.eta)}")
    if blocker.next_update_due is not None and blocker.state != "resolved":
        late = " OVERDUE" if blocker.next_update_due < now else ""
        parts.append(f"next update {maybe(blocker.next_update_due)}{late}")
    if blocker.state == "snoozed":
        until = blocker.snoozed_until
        parts.append(f"returns {maybe(until)}" if until is not None else "returns when somebody wakes it")
    if blocker.pending:
        parts.append(f"not yet delivered: {', '.join(blocker.pending)}")
    if blocker.source:
        parts.append(f"{blocker.source}:{blocker.line}" if blocker.line else blocker.source)
    return " · ".join(parts)


def age_text(blocker: Blocker, now: datetime) -> str:
    """``4h 01m BREACH``; ``≥ 2d 03h`` when only the first sight of it is known, ``?`` when not even that."""
    old = age(blocker, now)
    if old is not None:
        # What is over is no breach now; whether it was one is not what this line is for.
        late = {} if blocker.state == "resolved" else {"breach": " BREACH", "due_soon": " due soon"}
        return duration(old) + late.get(sla(blocker, now), "")
    if blocker.first_seen is None:
        return "age ?"
    return f"≥ {duration((now - blocker.first_seen).total_seconds())}"


def exit_code(snapshot: Snapshot, now: datetime) -> int:
    """1 when an open blocker is over its four hours."""
    over = any(sla(b, now) == "breach" for b in snapshot.blockers if b.state != "resolved")
    return ATTENTION if over else FINE
