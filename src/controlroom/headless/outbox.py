"""`controlroom outbox`: one person's actions that are not in the log, and why."""

from __future__ import annotations

from typing import Any

from controlroom.domain.actions import Outcome
from controlroom.domain.instants import render
from controlroom.domain.snapshot import OutboxSeen
from controlroom.headless import actions


def as_json(seen: OutboxSeen) -> dict[str, Any]:
    """The document of `outbox --json`."""
    return {
        "queued": [entry(outcome) for outcome in seen.queued],
        "conflicts": [entry(outcome) for outcome in seen.conflicts],
        "trouble": seen.trouble or None,
    }


def entry(outcome: Outcome) -> dict[str, Any]:
    """One action that waits: for the store, or for its author's decision."""
    return {
        "id": outcome.action.id,
        "item": outcome.action.item,
        "action": actions.entry(outcome.action, None),
        "reason": outcome.reason or None,
        "remedy": outcome.remedy or None,
        "since": render(outcome.action.at),
        "current": actions.maybe_entry(outcome.current),
    }


def as_text(seen: OutboxSeen) -> str:
    """A line per action, with its id, and what stands in its way."""
    lines = []
    for outcome in seen.queued:
        why = f": {outcome.reason}" if outcome.reason else ""
        lines.append(f"queued   {_named(outcome)}{why}")
    for outcome in seen.conflicts:
        lines.append(f"conflict {_named(outcome)}; {actions.in_the_way(outcome.current)}")
    if seen.conflicts:
        lines.append(
            "controlroom outbox again ID hands one in over what stands in its way, drop ID forgets it"
        )
    nothing = "it cannot be read what waits" if seen.trouble else "nothing waits"
    return "\n".join(lines or [nothing]) + "\n"


def _named(outcome: Outcome) -> str:
    return f"{outcome.action.id} {render(outcome.action.at)} {actions.said(outcome.action)}"


def left(seen: OutboxSeen) -> str:
    """``2 queued, 1 conflict``; what is left after a delivery."""
    conflicts = len(seen.conflicts)
    return f"{len(seen.queued)} queued, {conflicts} conflict{'' if conflicts == 1 else 's'}"
