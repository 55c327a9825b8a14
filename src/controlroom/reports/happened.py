"""What the triage log and the outbox tell of a stretch of time: who did what about which blocker and card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from controlroom.domain import fold_blocker, fold_card
from controlroom.domain.actions import Action, Entry
from controlroom.domain.board import Item
from controlroom.domain.board_fold import actions as queued_actions
from controlroom.domain.carry import Carried, carried
from controlroom.domain.fold_args import effective
from controlroom.domain.ledger import Ledger
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker


class Deed(NamedTuple):
    """One action that still counts; `rev` None: it waits in the outbox of whoever asks."""

    rev: int | None
    action: Action


@dataclass(eq=False)
class Past:
    """The log as `snapshot` knows it, for looking at any instant of it."""

    snapshot: Snapshot

    def __post_init__(self) -> None:
        ledger = self.snapshot.ledger
        self._history: dict[str, list[Deed]] = {}
        known: set[str] = set()
        for item, history in (ledger.items if ledger is not None else {}).items():
            self._history[item] = [Deed(entry.rev, entry.action) for entry in history]
            known |= {entry.action.id for entry in history}
        for action in queued_actions(self.snapshot.outbox.queued):
            if action.id not in known:
                self._history.setdefault(action.item, []).append(Deed(None, action))
        self._blockers = {blocker.id: blocker for blocker in self.snapshot.blockers}
        self._declared = {blocker.id: blocker for blocker in self.snapshot.declared_blockers}
        self._cards = {item.id: item for item in self.snapshot.declared_items}

    def deeds(self, first: dt.datetime, last: dt.datetime) -> list[Deed]:
        """Everything done from `first` to `last`, both included, that was not taken back; by time."""
        found = [
            one
            for history in self._history.values()
            if any(first <= one.action.at <= last for one in history)
            for one in self._counting(history)
            if first <= one.action.at <= last
        ]
        return sorted(found, key=lambda one: (one.action.at, one.rev is None, one.rev or 0))

    def _counting(self, history: Sequence[Deed]) -> Iterator[Deed]:
        counts = {action.id for action in effective(one.action for one in history)}
        return (one for one in history if one.action.id in counts)

    def is_blocker(self, item: str) -> bool:
        """Whether actions on `item` are about a blocker."""
        first = next(iter(self._history.get(item, ())), None)
        return item in self._blockers or (first is not None and first.action.kind == "open")

    def card(self, item: str) -> Item | None:
        """The card as its document lists it; None where none does."""
        return self._cards.get(item)

    def blockers(self, at: dt.datetime, *, before: bool = False) -> list[Blocker]:
        """Every blocker known at `at` as it was then, what was done at that very instant included or not.

        What documents list has no past but its actions: it is taken as it stands there now.
        """
        names = dict.fromkeys((*self._declared, *self._blockers, *self._history))
        found = (self.blocker(name, at, before=before) for name in names if self.is_blocker(name))
        return [one for one in found if one is not None]

    def blocker(self, id_: str, at: dt.datetime, *, before: bool = False) -> Blocker | None:
        """One blocker as it was at `at`; None where nobody had opened it."""
        then = self._until(id_, at, before=before)
        base = self._declared.get(id_) or self._listed(id_)
        since = base.opened_at or base.first_seen if base is not None else None
        if base is not None and not then and since is not None and since > at:
            return None
        return fold_blocker.folded(base, then, ())

    def _listed(self, id_: str) -> Blocker | None:
        """A blocker that only a status file lists, without what people have done about it since."""
        known, history = self._blockers.get(id_), self._history.get(id_, ())
        if known is None or any(one.action.kind == "open" for one in history):
            return None
        return replace(known, state="open", awake="open", resolved_at=None) if history else known

    def _until(self, item: str, at: dt.datetime, *, before: bool) -> tuple[Entry, ...]:
        return tuple(
            Entry(one.rev or 0, one.action)
            for one in self._history.get(item, ())
            if one.action.at < at or (one.action.at == at and not before)
        )

    def opened(self, id_: str) -> bool:
        """Whether the log says that somebody opened the blocker."""
        return any(one.action.kind == "open" for one in self._history.get(id_, ()))

    def of(self, item: str, until: dt.datetime) -> list[Deed]:
        """What was done about `item` until then and not taken back, oldest first."""
        return [one for one in self._counting(self._history.get(item, ())) if one.action.at <= until]

    def onto(self, blocker: Blocker, since: dt.datetime, until: dt.datetime) -> Blocker:
        """`blocker`, as a file of `since` lists it, after what was done from then until `until`."""
        later = tuple(
            Entry(one.rev or 0, one.action)
            for one in self._history.get(blocker.id, ())
            if since < one.action.at <= until
        )
        return fold_blocker.folded(blocker, later, ()) or blocker

    def carried(self, at: dt.datetime, began: Sequence[dt.datetime]) -> list[tuple[Blocker, Carried]]:
        """The blockers that were open when a standup began at `at`, with what each had been through.

        `began`: when the standups up to this one did.
        """
        there = [one for one in self.blockers(at, before=True) if one.state != "resolved"]
        entries = [entry for one in there for entry in self._until(one.id, at, before=True)]
        told = carried(there, Ledger().after(sorted(entries, key=lambda entry: entry.rev)), began)
        return [(one, told[one.id]) for one in there if one.id in told]

    def status_before(self, move: Deed) -> str | None:
        """The column a card was in before it was moved; None where nobody knows."""
        history = [one for one in self._history.get(move.action.item, ()) if one.action.id != move.action.id]
        earlier = tuple(
            Entry(one.rev or 0, one.action)
            for one in history
            if (one.action.at, one.rev or 0) < (move.action.at, move.rev or 0)
        )
        card = fold_card.folded(self.card(move.action.item), earlier, ())
        return None if card is None or card.status == "unknown" else card.status
