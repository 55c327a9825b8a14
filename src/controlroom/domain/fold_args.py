"""Reading a history whoever wrote it: what counts, and arguments that may be anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from controlroom.domain.actions import Action, Entry
from controlroom.domain.instants import parse
from controlroom.domain.text import clean

NAME_LIMIT = 80
SUMMARY_LIMIT = 300
LINE_LIMIT = 2_000
LINK_LIMIT = 500
LINKS = 20
"""Longest texts, in characters, and how many links one thing has."""


def acted(history: Iterable[Entry], queued: Iterable[Action] = ()) -> list[Action]:
    """The actions of `history` and then those `queued`, oldest first."""
    return [*(entry.action for entry in history), *queued]


def effective(actions: Iterable[Action]) -> list[Action]:
    """`actions` of one item without the undone ones and without the undos.

    An undo takes back an earlier action of the same item; one that names anything else does nothing, and
    an undo itself cannot be taken back.
    """
    actions = list(actions)
    done: set[str] = set()
    undone: set[str] = set()
    for action in actions:
        if action.kind != "undo":
            done.add(action.id)
        elif isinstance(target := action.args.get("undoes"), str) and target in done:
            undone.add(target)
    return [action for action in actions if action.kind != "undo" and action.id not in undone]


def text(action: Action, name: str, limit: int = LINE_LIMIT) -> str | None:
    """An argument as one clean line; None where it is missing, empty or no text."""
    value = action.args.get(name)
    if not isinstance(value, str):
        return None
    return clean(value, limit).strip() or None


def instant(action: Action, name: str) -> datetime | None:
    """An argument as an instant, UTC; None where it is missing or none."""
    value = action.args.get(name)
    if not isinstance(value, str):
        return None
    try:
        return parse(value)
    except ValueError:
        return None


def texts(action: Action, name: str, limit: int) -> tuple[str, ...]:
    """An argument that is a list, its texts cleaned, each once."""
    value = action.args.get(name)
    if not isinstance(value, list | tuple):
        return ()
    cleaned = (clean(one, limit).strip() for one in value if isinstance(one, str))
    return tuple(dict.fromkeys(one for one in cleaned if one))[:LINKS]


def last_id(history: Sequence[Entry], queued: Sequence[Action]) -> str | None:
    """Id of the last action, whatever its kind; None where there is none."""
    if queued:
        return queued[-1].id
    return history[-1].action.id if history else None
