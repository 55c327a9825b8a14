"""What one card is after everything that was done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from controlroom.domain.actions import Action
from controlroom.domain.board import COLUMNS, Item, Status
from controlroom.domain.fold_args import NAME_LIMIT, acted, effective, last_id, text
from controlroom.domain.refold import History, Queued


def folded(base: Item | None, history: History, queued: Queued) -> Item | None:
    """`base`, as its document lists it, after `history` and then this person's `queued` actions."""
    if base is None or not (history or queued):
        return base
    counting = effective(acted(history, queued))
    changes: dict[str, Any] = {
        "last_action": last_id(history, queued),
        "pending": tuple(action.kind for action in queued),
    }
    if counting:
        changes["updated"] = max(filter(None, (base.updated, counting[-1].at)))
    for kind, change in _CHANGES.items():
        of_kind = [action for action in counting if action.kind == kind]
        if of_kind:
            changes |= change(base, of_kind)
    return replace(base, **changes)


def said_status(item: Item) -> str:
    """What the document's status cell says."""
    return item.status_text or item.said or item.status


def said_owner(item: Item) -> str:
    """What the document's owner cell says."""
    return item.owner


def said_waiting(item: Item) -> str:
    """Which squads the document names, waiter first."""
    return f"{item.owning_squad or ''}>{item.blocking_squad or ''}"


SAID: Mapping[str, Callable[[Item], str]] = {
    "status": said_status,
    "assign": said_owner,
    "wait-on": said_waiting,
}
"""By kind of action: what it remembers of the document (``was``)."""


def _holds(base: Item, action: Action) -> bool:
    """Whether the document still says what it said then. Who did not look at it speaks for good."""
    was = action.args.get("was")
    return was is None or was == SAID[action.kind](base)


def _status(base: Item, moves: Sequence[Action]) -> dict[str, Any]:
    """The last move, and since when: saying the same again moves nothing."""
    asked = [read(move.args.get("status")) for move in moves]
    status = asked[-1]
    if status is None:
        return {}
    first = len(moves) - 1
    while first and asked[first - 1] == status:
        first -= 1
    if status == base.status:  # the document says so too by now
        return {"since": moves[first].at}
    if not _holds(base, moves[-1]):
        return {}
    changes: dict[str, Any] = {"status": status, "said": base.status, "since": moves[first].at}
    if status in ("not_started", "done"):
        changes["progress"] = None  # the document's percentage speaks of another status
    return changes


def read(status: object) -> Status | None:
    """A status as an action names it; other programs may use any spelling."""
    if not isinstance(status, str):
        return None
    for column in COLUMNS:
        if status == column:
            return column
    from controlroom.domain.status_text import read_status

    understood = read_status(status[:200]).status
    return None if understood == "unknown" else understood


def _owner(base: Item, assigned: Sequence[Action]) -> dict[str, Any]:
    owner = text(assigned[-1], "owner", NAME_LIMIT)
    if owner is None or not _holds(base, assigned[-1]):
        return {}
    from controlroom.domain.status_text import read_owners

    return {"owner": owner, "owners": read_owners(owner) or (owner,)}


def _waiting(base: Item, named: Sequence[Action]) -> dict[str, Any]:
    if not _holds(base, named[-1]):
        return {}
    squads = {name: text(named[-1], name, NAME_LIMIT) for name in ("owning_squad", "blocking_squad")}
    return {name: squad for name, squad in squads.items() if squad is not None}


_CHANGES: Mapping[str, Callable[[Item, Sequence[Action]], dict[str, Any]]] = {
    "status": _status,
    "assign": _owner,
    "wait-on": _waiting,
}
