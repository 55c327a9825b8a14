"""Blockers in the order of `domain.ranking`, kept from one list to the next.

Ten thousand are not sorted again because one of them changed, nor because a minute has passed: only those
that changed, and those whose time has come, are taken out and put where they belong now.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

from controlroom.domain.ranking import Hurt, moves_at, rank
from controlroom.domain.triage import SLA_BREACH, Blocker
from controlroom.tui.differ import Differ
from controlroom.tui.rows import Row

Placed = tuple[int, int, float, str, int, Row]
"""The parts of a `Rank`, a number of its own, so that rows are never compared, and the row."""

_group, _sorted_by = itemgetter(0), itemgetter(0, 1, 2, 3, 4)

MANY = 4
"""More than one in so many to be moved: sorting all of them is quicker."""


class _Kept(NamedTuple):
    """One blocker's place."""

    placed: Placed
    blocker: Blocker


class Standing:
    """The rows of blockers, worst first; `make` makes the row of one."""

    def __init__(self, make: Callable[[Blocker, Mapping[str, str]], Row]) -> None:
        self._make = make
        self._differ: Differ[Blocker] = Differ()
        self._order: list[Placed] = []
        self._kept: dict[int, list[_Kept]] = {}
        self._keys: Counter[str] = Counter()
        self._names: Mapping[str, str] = {}
        self._held: Mapping[str, int] = {}
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._next = 0
        self._until: dict[int, float] = {}
        """When a blocker may stand elsewhere by itself, looked up once time passes; by its identity."""
        self._listed: dict[bool, list[Row]] = {}

    def see(
        self,
        blockers: tuple[Blocker, ...],
        names: Mapping[str, str],
        held: Mapping[str, int],
        moment: datetime,
    ) -> Standing:
        """Bring the order up to date. `names` and `held` are compared by identity: what squads are called,
        and how many squads each holds up."""
        changed = self._differ.step(blockers)
        if names is not self._names or moment < self._moment:
            self._again(blockers, names, held, moment)
            return self
        moved = [kept.blocker for kept in self._out_of_place(held, moment)]
        self._held, self._moment = held, moment
        count = len(changed.gone) + len(changed.come) + 2 * len(moved)
        if count * MANY > max(MANY, len(self._order)):
            self._again(blockers, names, held, moment)
            return self
        if count:
            self._listed = {}
        gone = {id(blocker) for blocker in changed.gone}
        for blocker in changed.gone:
            self._take_out(blocker)
        for blocker in (one for one in moved if id(one) not in gone):
            self._put_in(self._placed(blocker, self._take_out(blocker)))
        for blocker in changed.come:
            self._put_in(self._placed(blocker))
        return self

    def rows(self, *, resolved: bool) -> Sequence[Row]:
        """All rows, those of resolved blockers only with `resolved`."""
        known = self._listed.get(resolved)
        if known is None:
            end = len(self._order) if resolved else self.alive
            known = self._listed[resolved] = [placed[5] for placed in self._order[:end]]
        return known

    @property
    def distinct(self) -> bool:
        """Whether every row has a key of its own."""
        return len(self._keys) == len(self._order)

    @property
    def alive(self) -> int:
        """How many are not resolved."""
        return bisect_left(self._order, int(Hurt.RESOLVED), key=_group)

    def breached(self, now: datetime) -> int:
        """How many are over their four hours at `now`, which may be later than the order is from."""
        end = bisect_left(self._order, int(Hurt.UPDATE_LATE), key=_group)
        limit = now.timestamp() - SLA_BREACH
        # Breaches and those due soon stand one behind the other, both with the oldest first.
        return bisect_left(self._order, limit, hi=end, key=itemgetter(2))

    def _again(
        self, blockers: Iterable[Blocker], names: Mapping[str, str], held: Mapping[str, int], moment: datetime
    ) -> None:
        """Place all of them; rows of those that are the same and are called the same are kept."""
        known = {} if names is not self._names else self._kept
        self._names, self._held, self._moment = names, held, moment
        self._kept, self._until, self._listed = {}, {}, {}
        for blocker in blockers:
            same = known.get(id(blocker))
            kept = self._placed(blocker, same[0].placed[5] if same else None)
            self._kept.setdefault(id(blocker), []).append(kept)
        self._order = sorted(kept.placed for same in self._kept.values() for kept in same)
        self._keys = Counter(placed[5].key for placed in self._order)

    def _placed(self, blocker: Blocker, row: Row | None = None) -> _Kept:
        self._next += 1
        made = self._make(blocker, self._names) if row is None else row
        return _Kept((*rank(blocker, self._moment, self._held), self._next, made), blocker)

    def _put_in(self, kept: _Kept) -> None:
        self._kept.setdefault(id(kept.blocker), []).append(kept)
        if self._until:
            self._until[id(kept.blocker)] = moves_at(kept.blocker, self._moment)
        self._keys[kept.placed[5].key] += 1
        insort(self._order, kept.placed)

    def _take_out(self, blocker: Blocker) -> Row:
        """Forget one place; gives its row, which does not depend on the time."""
        same = self._kept[id(blocker)]
        placed = same.pop().placed
        if not same:
            del self._kept[id(blocker)]
            self._until.pop(id(blocker), None)
        row = placed[5]
        self._keys[row.key] -= 1
        if not self._keys[row.key]:
            del self._keys[row.key]
        del self._order[bisect_left(self._order, placed[:5], key=_sorted_by)]
        return row

    def _out_of_place(self, held: Mapping[str, int], moment: datetime) -> list[_Kept]:
        """Those whose time has come since the last call, and those whose squad now holds up others."""
        found: list[_Kept] = []
        if moment != self._moment:
            if not self._until:
                first = (same[0].blocker for same in self._kept.values())
                self._until = {id(blocker): moves_at(blocker, self._moment) for blocker in first}
            now, until = moment.timestamp(), self._until
            found = [kept for key, same in self._kept.items() if until[key] <= now for kept in same]
        if held is not self._held:
            squads = {s for s in {*held, *self._held} if held.get(s) != self._held.get(s)}
            known = set(map(id, found))
            found += [
                kept
                for same in self._kept.values()
                for kept in same
                if kept.blocker.owning_squad in squads and id(kept) not in known
            ]
        return found
