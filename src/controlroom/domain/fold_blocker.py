"""What one blocker is after everything that was done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from controlroom.domain.actions import Action
from controlroom.domain.fold_args import (
    LINK_LIMIT,
    NAME_LIMIT,
    SUMMARY_LIMIT,
    acted,
    effective,
    instant,
    last_id,
    text,
    texts,
)
from controlroom.domain.refold import History, Queued
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker

Fields = dict[str, Any]
"""Fields of a Blocker that actions have set; always with those of `_STATE`."""

_STATE = ("state", "awake", "acknowledged_by")
_ASLEEP = ("snoozed_until", "snoozed_by", "snooze_why", "snooze_ritual")


def folded(base: Blocker | None, history: History, queued: Queued) -> Blocker | None:
    """`base` (None: no document lists it) after `history` and then this person's `queued` actions.

    None where nobody opened it, or whoever did took that back.
    """
    if base is not None and not history and not queued:
        return base
    fields = {name: getattr(base, name) for name in _STATE} if base is not None else None
    for action in effective(acted(history, queued)):
        if fields is None:
            fields = _opened(action)
        elif action.kind in _EFFECTS:
            _EFFECTS[action.kind](fields, action)
    if fields is None:
        return None
    fields["last_action"] = last_id(history, queued)
    fields["pending"] = tuple(action.kind for action in queued)
    return replace(base, **fields) if base is not None else Blocker(**fields)


def _opened(action: Action) -> Fields | None:
    summary = text(action, "summary", SUMMARY_LIMIT)
    if action.kind != "open" or summary is None:
        return None
    return {
        "id": action.item,
        "summary": summary,
        "item": text(action, "item"),
        "owner": text(action, "owner", NAME_LIMIT),
        "owning_squad": text(action, "owning_squad", NAME_LIMIT),
        "blocking_squad": text(action, "blocking_squad", NAME_LIMIT),
        "state": "open",
        "awake": "open",
        "acknowledged_by": None,
        "opened_at": instant(action, "opened_at") or action.at,
        "first_seen": action.at,
        "opened_by": _actor(action),
        "eta": instant(action, "eta"),
        "text": text(action, "text") or "",
        "about": text(action, "about"),
        "links": texts(action, "links", LINK_LIMIT),
    }


def _actor(action: Action) -> str | None:
    return clean(action.actor, NAME_LIMIT) or None


def _acknowledge(fields: Fields, action: Action) -> None:
    """It never conflicts, so it overturns nothing: not a snooze, an escalation or a resolution."""
    if fields["state"] == "resolved":
        return
    fields["acknowledged_by"] = fields["acknowledged_by"] or _actor(action)
    where = "awake" if fields["state"] == "snoozed" else "state"
    if fields[where] == "open":
        fields[where] = "acknowledged"


def _assign(fields: Fields, action: Action) -> None:
    owner = text(action, "owner", NAME_LIMIT)
    if owner is not None:
        fields["owner"] = owner


def _wait_on(fields: Fields, action: Action) -> None:
    for name in ("owning_squad", "blocking_squad"):
        squad = text(action, name, NAME_LIMIT)
        if squad is not None:
            fields[name] = squad


def _enter(fields: Fields, state: str, **more: Any) -> None:
    """A state that ends a snooze."""
    fields.update(dict.fromkeys(_ASLEEP), state=state, awake="open", **more)


def _escalate(fields: Fields, action: Action) -> None:
    _enter(
        fields,
        "escalated",
        escalated_at=action.at,
        next_update_due=instant(action, "next_update"),
        resolved_at=None,
    )


def _snooze(fields: Fields, action: Action) -> None:
    until = instant(action, "until")
    if until is None:
        return
    if fields["state"] != "snoozed":
        fields["awake"] = "open" if fields["state"] == "resolved" else fields["state"]
    fields.update(
        state="snoozed",
        snoozed_until=until,
        snoozed_by=_actor(action),
        snooze_why=text(action, "why"),
        snooze_ritual=text(action, "ritual", NAME_LIMIT),
        resolved_at=None,
    )


def _resolve(fields: Fields, action: Action) -> None:
    _enter(fields, "resolved", resolved_at=action.at, next_update_due=None)
    mitigation = text(action, "mitigation")
    if mitigation is not None:
        fields["mitigation"] = mitigation


def _reopen(fields: Fields, action: Action) -> None:
    """It starts over, at its first age: what was promised and what helped belong to its history."""
    _enter(
        fields,
        "open",
        acknowledged_by=None,
        escalated_at=None,
        next_update_due=None,
        resolved_at=None,
        mitigation=None,
    )


_EFFECTS: Mapping[str, Callable[[Fields, Action], None]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "wait-on": _wait_on,
    "escalate": _escalate,
    "snooze": _snooze,
    "resolve": _resolve,
    "reopen": _reopen,
}
