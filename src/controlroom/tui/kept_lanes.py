"""The lanes of the board, kept from one snapshot to the next: one changed card moves one card."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType

from controlroom.domain.board import COLUMNS, Item, Status
from controlroom.domain.program import Program
from controlroom.domain.telemetry import SignalReading
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.differ import Differ
from controlroom.tui.lanes import (
    PROGRAMME,
    UNASSIGNED,
    Card,
    Hold,
    Lane,
    column_of,
    empty_lanes,
    gap_counts,
    make_card,
    make_hold,
    oldest,
    opened,
    place_in,
    stays,
)
from controlroom.tui.memo import Kept
from controlroom.tui.rows import Row
from controlroom.tui.waits import Waits, waits

Spot = tuple[str, Status]
"""Lane and column."""

Standing = tuple[float, int, Card]
"""A card in its column: what it is sorted by, its number among the items, the card."""

MANY = 4
"""More than one in so many changed: placing all of them is quicker."""


class KeptLanes:
    """The lanes without a filter; `see` brings them up to date."""

    def __init__(self) -> None:
        self._blockers: Differ[Blocker] = Differ()
        self._open: dict[str, list[Blocker]] = {}
        self._opened: Counter[str] = Counter()
        self._names: Mapping[str, str] = {}
        self._day: datetime | None = None
        self._items: tuple[Item, ...] = ()
        self._steps: tuple[Item, ...] = ()
        self._numbers: dict[str, list[int]] = {}
        self._where: list[tuple[Spot, Standing]] = []
        self._spots: dict[Spot, list[Standing]] = {}
        self._shown: dict[Spot, tuple[Card, ...]] = {}
        self._loose: dict[str, list[tuple[tuple[float, str], Hold]]] = {}

    def see(
        self,
        program: Program,
        items: tuple[Item, ...],
        steps: tuple[Item, ...],
        blockers: tuple[Blocker, ...],
        day: datetime,
    ) -> KeptLanes:
        """Bring the cards up to date. Done ones leave a week before `day`."""
        names = present.squad_names(program)
        changed = self._blockers.step(blockers)
        touched = self._count(changed.gone, changed.come)
        numbers = self._changed(items, steps)
        if names is not self._names or day != self._day or numbers is None:
            self._begin(names, items, steps, day)
            self._let_loose((), blockers)
            return self
        for id_ in touched:
            numbers.update(self._numbers.get(id_, ()))
        self._items = items
        for number in numbers:
            self._move(number)
        self._let_loose(changed.gone, changed.come)
        return self

    def lanes(
        self,
        program: Program,
        graph: Waits,
        gaps: Mapping[str, int],
        keep: Callable[[Row], bool] | None,
        worse: Mapping[str, int] = MappingProxyType({}),
    ) -> list[Lane]:
        """All lanes. With `keep` (a filter) only matching cards, and only lanes that match or have one."""
        made = []
        for lane in empty_lanes(program):
            cards, done = self._filled(lane.id, keep)
            loose = self._held(lane.id, keep) if lane.squad else ()
            row = Row(key="", text=lane.name.lower(), squads=(lane.id,) if lane.squad else ())
            named = lane.squad is not None and (keep is None or keep(row))
            if not (named or done or loose or any(cards.values())):
                continue
            waiting, holding = graph.of(lane.id) if lane.squad else (0, {})
            made.append(
                replace(
                    lane,
                    cards=cards,
                    done=done,
                    blockers=self._opened[lane.id] if lane.squad else 0,
                    gaps=gaps.get(lane.id, 0),
                    regressions=worse.get(lane.id, 0),
                    waiting=waiting,
                    holding=holding,
                    loose=loose,
                )
            )
        return made

    # Blockers

    def _count(self, gone: Iterable[Blocker], come: Iterable[Blocker]) -> set[str]:
        """Keep the open blockers of each item and squad; gives the ids of items whose blockers changed."""
        touched: set[str] = set()
        for blocker in gone:
            if blocker.state != "resolved":
                self._opened[blocker.owning_squad or ""] -= 1
                if blocker.item is not None:
                    same = self._open[blocker.item]
                    same.pop(next(i for i, known in enumerate(same) if known is blocker))
                    touched.add(blocker.item)
        for blocker in come:
            if blocker.state != "resolved":
                self._opened[blocker.owning_squad or ""] += 1
                if blocker.item is not None:
                    self._open.setdefault(blocker.item, []).append(blocker)
                    touched.add(blocker.item)
        return touched

    def _let_loose(self, gone: Iterable[Blocker], come: Iterable[Blocker]) -> None:
        """Keep the open blockers of squads that are on no card, the oldest first."""
        for blocker in gone:
            held = self._loose.get(blocker.owning_squad or "", ())
            place = bisect_left(held, opened(blocker), key=itemgetter(0))
            while place < len(held) and held[place][0] == opened(blocker):
                if held[place][1].blocker is blocker:
                    del self._loose[blocker.owning_squad or ""][place]
                    break
                place += 1
        for blocker in come:
            squad = blocker.owning_squad
            if squad and blocker.state != "resolved" and blocker.item not in self._numbers:
                same = self._loose.setdefault(squad, [])
                insort(same, (opened(blocker), make_hold(blocker, self._names)), key=itemgetter(0))

    # Cards

    def _changed(self, items: tuple[Item, ...], steps: tuple[Item, ...]) -> set[int] | None:
        """The numbers of items that are others now; None where all have to be placed anew."""
        if steps is not self._steps or len(items) != len(self._items):
            return None
        if items is self._items:
            return set()
        pairs = zip(self._items, items, strict=True)
        numbers = {number for number, (one, other) in enumerate(pairs) if one is not other}
        same_ids = all(self._items[number].id == items[number].id for number in numbers)
        return numbers if same_ids and len(numbers) * MANY <= len(items) else None

    def _begin(
        self, names: Mapping[str, str], items: tuple[Item, ...], steps: tuple[Item, ...], day: datetime
    ) -> None:
        """Place every card; one whose item and blocker are the same objects stays the same card."""
        known = {id(standing[2].item): standing[2] for _, standing in self._where}
        keep = known if names is self._names else {}
        self._names, self._day, self._items, self._steps = names, day, items, steps
        self._numbers, self._spots, self._shown, self._where, self._loose = {}, {}, {}, [], {}
        for number, item in enumerate((*items, *steps)):
            if number < len(items):
                self._numbers.setdefault(item.id, []).append(number)
            spot, standing = self._place(number, item, keep.get(id(item)))
            self._where.append((spot, standing))
            self._spots.setdefault(spot, []).append(standing)
        for standings in self._spots.values():
            standings.sort(key=itemgetter(0, 1))

    def _place(self, number: int, item: Item, known: Card | None = None) -> tuple[Spot, Standing]:
        blocker = oldest(self._open.get(item.id, ()))
        if known is None or known.item is not item or known.blocker is not blocker:
            known = make_card(item, blocker, self._names)
        step = number >= len(self._items)
        lane = PROGRAMME if step else item.squad if item.squad in self._names else UNASSIGNED
        return (lane or UNASSIGNED, column_of(known)), (place_in(known), number, known)

    def _move(self, number: int) -> None:
        spot, standing = self._where[number]
        here = self._spots[spot]
        del here[bisect_left(here, standing[:2], key=itemgetter(0, 1))]
        self._shown.pop(spot, None)
        spot, standing = self._place(number, self._items[number], standing[2])
        insort(self._spots.setdefault(spot, []), standing, key=itemgetter(0, 1))
        self._shown.pop(spot, None)
        self._where[number] = spot, standing

    # Lanes

    def _filled(
        self, lane: str, keep: Callable[[Row], bool] | None
    ) -> tuple[Mapping[Status, tuple[Card, ...]], int]:
        """The cards a lane shows by column, and how many are done, those that left the board too."""
        if keep is None:
            return {c: self._cards((lane, c)) for c in COLUMNS}, len(self._spots.get((lane, "done"), ()))
        kept = {
            c: tuple(card for _, _, card in self._spots.get((lane, c), ()) if keep(_as_row(card)))
            for c in COLUMNS
        }
        done, day = kept["done"], self._day
        kept["done"] = tuple(card for card in done if day is None or stays(card, day))
        return kept, len(done)

    def _held(self, squad: str, keep: Callable[[Row], bool] | None) -> tuple[Hold, ...]:
        """The squad's blockers that no card stands for, the oldest first."""
        return tuple([hold for _, hold in self._loose.get(squad, ()) if keep is None or keep(_as_row(hold))])

    def _cards(self, spot: Spot) -> tuple[Card, ...]:
        """The cards that a column shows."""
        shown = self._shown.get(spot)
        if shown is None:
            day = self._day
            here: Sequence[Standing] = self._spots.get(spot, ())
            every = [card for _, _, card in here]
            if spot[1] == "done" and day is not None:
                every = [card for card in every if stays(card, day)]
            shown = self._shown[spot] = tuple(every)
        return shown


def _as_row(thing: Card | Hold) -> Row:
    """What a filter looks at."""
    return Row(key="", text=thing.text, squads=thing.squads)


_KEPT: Kept[KeptLanes] = Kept(KeptLanes)


def lanes(
    program: Program,
    items: tuple[Item, ...],
    steps: tuple[Item, ...],
    blockers: tuple[Blocker, ...],
    signals: tuple[SignalReading, ...],
    *,
    keep: Callable[[Row], bool] | None = None,
    now: datetime,
    worse: Mapping[str, int] = MappingProxyType({}),
) -> list[Lane]:
    """The lanes of this board; see `KeptLanes.lanes`. One is kept, as one snapshot is shown at a time.

    `worse`: squad → how many of its benchmarks are regressions.
    """

    def shown(kept: KeptLanes) -> list[Lane]:
        kept.see(program, items, steps, blockers, now)
        return kept.lanes(program, waits(program, items, blockers), gap_counts(signals), keep, worse)

    return _KEPT.use(shown)
