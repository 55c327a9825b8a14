"""What somebody did a moment ago and cannot be shown yet: it counts as seen by whoever did it."""

from __future__ import annotations

from typing import NamedTuple

from controlroom.domain.actions import Action
from controlroom.tui.acts.targets import Target


class _Mine(NamedTuple):
    """`known`: what may be shown as an item's last action while nobody else acted; `last`: my last one."""

    known: frozenset[str]
    last: str


class Memory:
    """A person's own last actions, by item, until somebody else's is shown."""

    def __init__(self) -> None:
        self._mine: dict[str, _Mine] = {}

    def seen(self, target: Target) -> str:
        """Id of the last action on `target` that this person knows of; empty for none."""
        shown = target.last_action or ""
        mine = self._mine.get(target.id)
        if mine is None or shown not in mine.known:
            return shown
        return mine.last

    def acted(self, target: Target, action: Action) -> None:
        """`action` is on its way."""
        shown = target.last_action or ""
        mine = self._mine.get(target.id)
        known = mine.known if mine is not None and shown in mine.known else frozenset((shown,))
        self._mine[target.id] = _Mine(known | {action.id}, action.id)

    def forget(self, item: str) -> None:
        """What was on its way did not arrive: only what is shown counts."""
        self._mine.pop(item, None)
