"""`controlroom log`: the triage log, a line per action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controlroom.domain.actions import Action, Entry
from controlroom.headless import actions


def as_json(entries: Sequence[Entry], rev: int | None, about: Mapping[str, Any]) -> dict[str, Any]:
    """The document of `log --json`. `rev` is that of the log's last action, None while it is unknown."""
    return {"rev": rev, "actions": [actions.entry(e.action, e.rev) for e in entries], **about}


class Telling:
    """Lines for entries in their order; an undo names what it takes back, where that was told before."""

    def __init__(self) -> None:
        self._known: dict[str, Action] = {}

    def know(self, entries: Iterable[Entry]) -> None:
        """Entries that are told to nobody, but that later ones may speak of."""
        self._known.update((entry.action.id, entry.action) for entry in entries)

    def line(self, entry: Entry) -> str:
        """``r42 2031-05-06T07:30:00Z b-… assigned by Ada: to Bo``"""
        self._known[entry.action.id] = entry.action
        undone = self._known.get(str(entry.action.args.get("undoes", "")))
        return actions.line(entry.action, entry.rev, undone)


def as_text(entries: Sequence[Entry], telling: Telling) -> str:
    """A line per action, oldest first."""
    return "\n".join([telling.line(entry) for entry in entries] or ["nothing is recorded"]) + "\n"
