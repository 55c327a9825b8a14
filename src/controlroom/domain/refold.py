"""Folding again and again at the price of what changed: each result is kept with what it was made from.

Nothing here decides what is right. A kept result is used only where its base, its history and what is queued
on it are the very same, and an equal new one gives way to the old object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from operator import is_
from typing import Generic, NamedTuple, Protocol, TypeVar

from controlroom.domain.actions import Action, Entry
from controlroom.domain.ledger import Ledger

ROOMS = 4
"""Rooms of one process whose last results are kept at the same time."""


class Named(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """What actions call it."""
        ...


T = TypeVar("T", bound=Named)

History = tuple[Entry, ...]
Queued = tuple[Action, ...]


class _Known(NamedTuple, Generic[T]):
    base: T | None
    history: History
    queued: Queued
    made: T | None


class _Memory(NamedTuple, Generic[T]):
    declared: Sequence[T]
    ledger: Ledger
    queued: Sequence[Action]
    known: Mapping[str, _Known[T]]
    result: tuple[T, ...]
    twins: bool = False
    """Two declared things have one id; each has an entry in `known`."""


class Refold(Generic[T]):
    """`fold` applied to everything declared and, with `births`, to whatever else the ledger speaks of.

    `fold(base, history, queued)` gives one thing, or None where there is none.
    """

    def __init__(self, fold: Callable[[T | None, History, Queued], T | None], *, births: bool) -> None:
        self._fold = fold
        self._births = births
        self._memories: list[_Memory[T]] = []

    def __call__(self, declared: Sequence[T], ledger: Ledger, queued: Sequence[Action]) -> tuple[T, ...]:
        """Everything in order: declared, then as first spoken of in the ledger, then as queued."""
        akin = self._akin(declared, ledger)
        known = akin is not None and akin.declared is declared and akin.ledger is ledger
        if akin is not None and known and akin.queued == queued:
            return akin.result
        old = akin or (self._memories[0] if self._memories else None)
        memory = (
            self._patched(akin, ledger)
            if akin is not None and self._only_log(akin, declared, queued)
            else None
        )
        memory = memory or self._made(old, declared, ledger, queued)
        self._memories = [memory, *(kept for kept in self._memories if kept is not akin)][:ROOMS]
        return memory.result

    def _akin(self, declared: Sequence[T], ledger: Ledger) -> _Memory[T] | None:
        """The last memory of the same room: most of what it was made from is the same."""
        best, score = None, 0
        for memory in self._memories:
            alike = 2 * (memory.ledger is ledger) + 2 * (memory.declared is declared and bool(declared))
            if not alike:
                had = memory.ledger.items
                few = (*islice(had, 8), *islice(reversed(list(had)), 8))
                alike = int(any(ledger.items.get(id_) is had[id_] for id_ in few))
            if alike > score:
                best, score = memory, alike
        return best

    @staticmethod
    def _only_log(old: _Memory[T], declared: Sequence[T], queued: Sequence[Action]) -> bool:
        return old.declared is declared and not old.twins and not old.queued and not queued

    def _patched(self, old: _Memory[T], ledger: Ledger) -> _Memory[T] | None:
        """`old` where only the log went on; None where it lost something."""
        had = old.ledger.items
        gained = [(id_, history) for id_, history in ledger.items.items() if had.get(id_) is not history]
        if len(had) + sum(id_ not in had for id_, _ in gained) != len(ledger.items):
            return None
        known = dict(old.known)
        for id_, history in gained:
            if id_ in known or self._births:
                before = known.get(id_)
                known[id_] = self._one(before, before.base if before else None, history, ())
        return _Memory(old.declared, ledger, (), known, _result(known, old))

    def _made(
        self, old: _Memory[T] | None, declared: Sequence[T], ledger: Ledger, queued: Sequence[Action]
    ) -> _Memory[T]:
        before: Mapping[str, _Known[T]] = old.known if old is not None else {}
        waiting = _by_item(queued, ledger)
        known: dict[str, _Known[T]] = {}
        twins = False
        items = ledger.items
        for thing in declared:
            key = id_ = thing.id
            if key in known:
                key, twins = f"{id_}\0{len(known)}", True
            known[key] = self._one(before.get(key), thing, items.get(id_, ()), waiting.get(id_, ()))
        if self._births:
            for id_, history in items.items():
                if id_ not in known:
                    known[id_] = self._one(before.get(id_), None, history, waiting.get(id_, ()))
            for id_, mine in waiting.items():
                if id_ not in known:
                    known[id_] = self._one(before.get(id_), None, (), mine)
        return _Memory(declared, ledger, queued, known, _result(known, old), twins)

    def _one(self, before: _Known[T] | None, base: T | None, history: History, mine: Queued) -> _Known[T]:
        if before is not None and before.base is base and before.history is history and before.queued == mine:
            return before
        made = self._fold(base, history, mine)
        return _Known(
            base, history, mine, before.made if before is not None and before.made == made else made
        )


def _result(known: Mapping[str, _Known[T]], old: _Memory[T] | None) -> tuple[T, ...]:
    result = tuple([one.made for one in known.values() if one.made is not None])
    return old.result if old is not None and same(result, old.result) else result


def same(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether two sequences hold the very same objects."""
    return len(one) == len(other) and all(map(is_, one, other))


def _by_item(queued: Iterable[Action], ledger: Ledger) -> dict[str, Queued]:
    """What is queued by item, in order, without what is in the ledger already."""
    found: dict[str, Queued] = {}
    for action in queued:
        if all(entry.action.id != action.id for entry in ledger.of(action.item)):
            found[action.item] = (*found.get(action.item, ()), action)
    return found
