"""The ledger: committed actions by the item they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from controlroom.domain.actions import Entry
from controlroom.domain.frozen import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The triage log as far as it was read. What an item's history did not gain stays the same tuple."""

    rev: int = 0
    """Of the last action in it; 0 for an empty log."""
    items: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Item id → its actions, oldest first; items in the order of their first action."""

    def after(self, entries: Sequence[Entry]) -> Ledger:
        """This ledger and `entries`, which follow it; without any it is this one."""
        if not entries:
            return self
        gained: dict[str, list[Entry]] = {}
        for entry in entries:
            gained.setdefault(entry.action.item, []).append(entry)
        items = dict(self.items)
        for item, more in gained.items():
            items[item] = (*items.get(item, ()), *more)
        return Ledger(entries[-1].rev, items)

    def of(self, item: str) -> tuple[Entry, ...]:
        """The history of `item`, oldest first."""
        return self.items.get(item, ())

    def last(self, item: str) -> str | None:
        """Id of the last action on `item`; None where there is none."""
        history = self.items.get(item)
        return history[-1].action.id if history else None
