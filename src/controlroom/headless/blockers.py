"""`controlroom blockers`: what holds work up, what hurts most first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controlroom.domain.instants import duration, maybe
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker, age, sla
from controlroom.headless.problems import ATTENTION, FINE

_HURTS = {"breach": 0, "due_soon": 1, "unknown": 2, "ok": 3}


def ranked(blockers: Sequence[Blocker], now: datetime) -> tuple[Blocker, ...]:
    """Breaches first, then by age, oldest first; resolved ones last."""
    return tuple(
        sorted(
            blockers,
            key=lambda b: (
                b.state == "resolved",
                _HURTS[sla(b, now)],
                b.opened_at or b.first_seen or now,
                b.id,
            ),
        )
    )


def as_json(snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """The document of `blockers --json`. `rev` is that of the triage log, 0 while nothing is recorded."""
    return {"rev": 0, "blockers": [entry(blocker, now) for blocker in ranked(snapshot.blockers, now)]}


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
        "mitigation": blocker.mitigation,
        "last_action": None,
        "links": list(blocker.links),
        "path": blocker.source,
        "line": blocker.line,
    }


def as_text(snapshot: Snapshot, now: datetime) -> str:
    """A line per blocker: age, state, summary, who waits on whom, owner, where it is written."""
    lines = [line(blocker, now) for blocker in ranked(snapshot.blockers, now)]
    return "\n".join(lines or ["no blockers are listed"]) + "\n"


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
    if blocker.source:
        parts.append(f"{blocker.source}:{blocker.line}" if blocker.line else blocker.source)
    return " · ".join(parts)


def age_text(blocker: Blocker, now: datetime) -> str:
    """``4h 01m BREACH``; ``≥ 2d 03h`` when only the first sight of it is known, ``?`` when not even that."""
    old = age(blocker, now)
    if old is not None:
        standing = {"breach": " BREACH", "due_soon": " due soon"}.get(sla(blocker, now), "")
        return duration(old) + standing
    if blocker.first_seen is None:
        return "age ?"
    return f"≥ {duration((now - blocker.first_seen).total_seconds())}"


def exit_code(snapshot: Snapshot, now: datetime) -> int:
    """1 when an open blocker is over its four hours."""
    over = any(sla(b, now) == "breach" for b in snapshot.blockers if b.state != "resolved")
    return ATTENTION if over else FINE
