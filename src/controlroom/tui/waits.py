"""Who waits on whom, counted as the board changes: for lanes, reasons and the order of blockers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from controlroom.domain.board import Item
from controlroom.domain.program import Program
from controlroom.domain.ranking import held_up
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.differ import Differ
from controlroom.tui.memo import Kept

Pair = tuple[str, str]
"""Waiter and the squad it waits on."""


class Waits:
    """The pairs of squads of which one waits on the other, each with the cards and blockers that say so."""

    def __init__(self) -> None:
        self._program: Program | None = None
        self._items: Differ[Item] = Differ()
        self._blockers: Differ[Blocker] = Differ()
        self._causes: dict[Pair, dict[str, int]] = {}
        self._declared: frozenset[Pair] = frozenset()
        self.held: Mapping[str, int] = {}
        """Squad → how many squads are held up when it is; another object when it changed."""
        self._summary: dict[str, tuple[int, Mapping[str, int]]] | None = None

    def see(self, program: Program, items: tuple[Item, ...], blockers: tuple[Blocker, ...]) -> Waits:
        """Count what changed since the last call."""
        before = {*self._causes, *self._declared}
        afresh = program is not self._program
        if afresh:
            self._program, self._causes = program, {}
            self._items, self._blockers = Differ(), Differ()
            self._declared = frozenset(_of_dependencies(program))
        cards, found = self._items.step(items), self._blockers.step(blockers)
        if not (afresh or cards.gone or cards.come or found.gone or found.come):
            return self
        say = _Spelling(program)
        for pair, cause in (*say.items(cards.gone), *say.blockers(found.gone)):
            counted = self._causes[pair]
            counted[cause] -= 1
            if not counted[cause]:
                del counted[cause]
            if not counted:
                del self._causes[pair]
        for pair, cause in (*say.items(cards.come), *say.blockers(found.come)):
            known = self._causes.get(pair)
            if known is None:
                known = self._causes[pair] = {}
            known[cause] = known.get(cause, 0) + 1
        self._summary = None
        pairs = {*self._causes, *self._declared}
        if afresh or before != pairs:
            held = held_up(pairs)
            self.held = self.held if held == self.held else held
        return self

    def of(self, squad: str) -> tuple[int, Mapping[str, int]]:
        """How many cards and blockers of `squad` wait on others; squad → how many of its wait on `squad`.

        A card and the blocker on it count once.
        """
        if self._summary is None:
            self._summary = self._summed()
        return self._summary.get(squad, (0, {}))

    def behind(self, squad: str) -> tuple[tuple[str, str], ...]:
        """Every squad that waits on `squad`, nearest first, each with the squad it waits on directly."""
        waiters: dict[str, list[str]] = {}
        for waiter, blocker in sorted({*self._causes, *self._declared}):
            waiters.setdefault(blocker, []).append(waiter)
        found: dict[str, str] = {}
        todo = [squad]
        for one in todo:
            for waiter in waiters.get(one, ()):
                if waiter != squad and waiter not in found:
                    found[waiter] = one
                    todo.append(waiter)
        return tuple(found.items())

    def _summed(self) -> dict[str, tuple[int, Mapping[str, int]]]:
        waiting: Counter[str] = Counter()
        holding: dict[str, dict[str, int]] = {}
        for (waiter, blocker), causes in sorted(self._causes.items()):
            waiting[waiter] += len(causes)
            holding.setdefault(blocker, {})[waiter] = len(causes)
        return {squad: (waiting[squad], holding.get(squad, {})) for squad in {*waiting, *holding}}


class _Spelling:
    """Squads by id, however they are written; as the graph of `domain.waiting` reads them."""

    def __init__(self, program: Program) -> None:
        self._ids = present.squad_names(program)
        self._program = program

    def items(self, items: Iterable[Item]) -> Iterable[tuple[Pair, str]]:
        """Waiting cards."""
        for item in items:
            if item.blocking_squad and item.status != "done":
                pair = self._pair(item.owning_squad or item.squad, item.blocking_squad)
                if pair is not None:
                    yield pair, item.id

    def blockers(self, blockers: Iterable[Blocker]) -> Iterable[tuple[Pair, str]]:
        """Open blockers, by their card where they are on one."""
        for blocker in blockers:
            if blocker.blocking_squad and blocker.state != "resolved":
                pair = self._pair(blocker.owning_squad, blocker.blocking_squad)
                if pair is not None:
                    yield pair, blocker.item or blocker.id

    def _pair(self, waiter: str | None, on: str) -> Pair | None:
        if not waiter:
            return None
        if waiter not in self._ids:
            waiter = present.squad_id(self._program, waiter) or waiter
        if on not in self._ids:
            on = present.squad_id(self._program, on) or on
        return None if waiter == on else (waiter, on)


def _of_dependencies(program: Program) -> Iterable[Pair]:
    for dependency in program.dependencies:
        owner = present.squad_id(program, dependency.owner)
        for squad in dependency.squads:
            waiter = present.squad_id(program, squad)
            if owner and waiter and owner != waiter:
                yield waiter, owner


_KEPT: Kept[Waits] = Kept(Waits)


def waits(program: Program, items: tuple[Item, ...], blockers: tuple[Blocker, ...]) -> Waits:
    """Who waits on whom on this board. One is kept for all panes, as one snapshot is shown at a time."""
    return _KEPT.use(lambda kept: kept.see(program, items, blockers))


def who_waits(snapshot: Snapshot) -> Waits:
    """Who waits on whom in `snapshot`."""
    return waits(snapshot.program, snapshot.items, snapshot.blockers)
