"""The services' rows, worst first within their groups, kept from one snapshot to the next.

Of five thousand services twenty-five answer between two paints, and hardly any of them another thing than
before: only those that did are placed anew, and once a minute those whose time has come.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Program
from controlroom.domain.services import Service
from controlroom.domain.worst import DEGRADED, NOT_ASKED, UP, place
from controlroom.tui.rows import Row

Fold = Literal["all", "calm", "loud", "flat"]
"""Every service has a row; all but those that are up; only those in trouble; these without headings."""

_SHOWN: dict[Fold, int] = {"all": UP + 1, "calm": UP, "loud": NOT_ASKED, "flat": NOT_ASKED}
"""Places from here on have no row of their own."""


class Head(NamedTuple):
    """A group's heading: its name, and the numbers of its services."""

    name: str
    numbers: tuple[int, ...]


class Quiet(NamedTuple):
    """Services that share one line, by number; `others`: there are some that do not."""

    numbers: tuple[int, ...]
    others: bool


class Numbered(NamedTuple):
    """A service by its number in the snapshot, and by its id."""

    number: int
    id: str


MakeRow = Callable[[Numbered, ServiceState, bool], Row]
"""The row of a service as it is shown; the last argument: it has two lines."""


class _Kept:
    """One service: its place, what its row says of it, and the row once somebody looked."""

    __slots__ = ("place", "row", "shown", "tall")

    def __init__(self, shown: ServiceState) -> None:
        self.put(shown)

    def put(self, shown: ServiceState) -> None:
        self.shown = shown
        self.place = place(shown)
        self.row: Row | None = None
        self.tall = False


class _Group:
    """The services of one group in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order: list[tuple[int, int]] = []
        """Places with the services' numbers."""
        self.heading: Row | None = None

    def first(self, fold: Fold) -> Sequence[tuple[int, int]]:
        """Those that have a row of their own."""
        return self.order[: bisect_left(self.order, (_SHOWN[fold], -1))]


class Groups:
    """The groups of one snapshot; `see` brings them up to date."""

    def __init__(self, maker: Callable[[Program], MakeRow]) -> None:
        self._maker = maker
        self._make: MakeRow | None = None
        self._states: tuple[ServiceState, ...] = ()
        self._program: Program | None = None
        self._focus: str | None = None
        self._narrow = False
        self._moment: datetime | None = None
        self._kept: dict[int, _Kept] = {}
        self._groups: dict[str, _Group] = {}
        self._lists: dict[Fold, list[Row]] = {}
        self._lines: dict[Fold, int] = {}
        self.distinct = True
        """Every service has an id of its own."""

    def see(
        self,
        states: tuple[ServiceState, ...],
        program: Program,
        moment: datetime,
        *,
        focus: str | None,
        narrow: bool,
        concerned: Callable[[Service], bool],
    ) -> Groups:
        """Bring the rows up to date. `concerned` says which services are shown while `focus` is what it is;
        `narrow` gives two lines to what is in trouble and affects squads."""
        before, self._states = self._states, states
        same = self._program is program and self._focus == focus and len(before) == len(states)
        self._program, self._focus = program, focus
        if narrow != self._narrow:
            self._narrow = narrow
            self._forget()
            for kept in self._kept.values():
                kept.row = None
        changed: list[int] = []
        if same and before is not states:
            pairs = enumerate(zip(before, states, strict=True))
            changed = [number for number, (one, other) in pairs if one is not other]
        if not same or any(states[n].service is not before[n].service for n in changed):
            self._make = self._maker(program)
            self._begin(moment, concerned)
        elif moment != self._moment:
            self._moment = moment
            for number in self._kept:
                self._renew(number)
        else:
            for number in changed:
                if number in self._kept:
                    self._renew(number)
        return self

    @property
    def count(self) -> int:
        """Services that are shown, each or together with others."""
        return len(self._kept)

    def lines(self, fold: Fold) -> int:
        """Lines of `rows`."""
        known = self._lines.get(fold)
        if known is None:
            shown = [group.first(fold) for group in self._groups.values()]
            rows = sum(map(len, shown))
            tall = 0
            if self._narrow:
                loud = (number for here in shown for at, number in here if at <= DEGRADED)
                tall = sum(bool(self._states[number].service.squads) for number in loud)
            headed = fold != "flat" and self._headed
            known = rows + tall + (sum(map(bool, shown)) if headed else 0) + (rows < self.count)
            self._lines[fold] = known
        return known

    def quiet(self, fold: Fold) -> int:
        """How many services have no row of their own."""
        return self.count - sum(len(group.first(fold)) for group in self._groups.values())

    def rows(self, fold: Fold, enough: int = 0) -> Sequence[Row]:
        """The rows, worst first; with `enough` only as many as that."""
        known = self._lists.get(fold)
        if known is not None:
            return known
        made = self._listed(fold)
        if enough and self.lines(fold) > enough:
            return [row for row, _ in zip(made, range(enough), strict=False)]
        self._lists[fold] = listed = list(made)
        return listed

    @property
    def _headed(self) -> bool:
        return len(self._groups) > 1 or any(self._groups)

    def _listed(self, fold: Fold) -> Iterator[Row]:
        groups = sorted(self._groups.values(), key=lambda group: (group.order[0][0], not group.name))
        quiet: list[int] = []
        flat: list[tuple[int, int]] = []
        for group in groups:
            here = group.first(fold)
            quiet += [number for _, number in group.order[len(here) :]]
            if fold == "flat":
                flat += here
            elif here:
                if self._headed and group.heading is not None:
                    yield group.heading
                yield from (self._row(number) for _, number in here)
        yield from (self._row(number) for _, number in sorted(flat))
        if quiet:
            together = Quiet(tuple(quiet), len(quiet) < self.count)
            yield Row(key="quiet", text="up", data=together, ticks=True)

    def _row(self, number: int) -> Row:
        kept = self._kept[number]
        if kept.row is None:
            assert self._make is not None
            service = kept.shown.service
            tall = self._narrow and kept.place <= DEGRADED and bool(service.squads)
            kept.row = self._make(Numbered(number, service.id), kept.shown, tall)
        return kept.row

    def _begin(self, moment: datetime, concerned: Callable[[Service], bool]) -> None:
        """Place every service."""
        self._forget()
        self._moment, self._kept, self._groups = moment, {}, {}
        for number, state in enumerate(self._states):
            service = state.service
            if self._focus is not None and not concerned(service):
                continue
            kept = self._kept[number] = _Kept(health.shown(state, moment))
            group = self._groups.get(service.group)
            if group is None:
                group = self._groups[service.group] = _Group(service.group)
            group.order.append((kept.place, number))
        for group in self._groups.values():
            head = Head(group.name, tuple(number for _, number in group.order))
            group.heading = Row(
                key=f"group:{group.name}", data=head, selectable=False, heading=True, ticks=True
            )
            group.order.sort()
        ids = {self._states[number].service.id for number in self._kept}
        self.distinct = len(ids) == len(self._kept)

    def _renew(self, number: int) -> None:
        """Place one service anew, unless its row would say the same in the same place."""
        assert self._moment is not None
        kept, shown = self._kept[number], health.shown(self._states[number], self._moment)
        if _alike(kept.shown, shown):
            return
        before = kept.place
        kept.put(shown)
        self._forget()
        if kept.place != before:
            order = self._groups[shown.service.group].order
            del order[bisect_left(order, (before, number))]
            insort(order, (kept.place, number))

    def _forget(self) -> None:
        self._lists.clear()
        self._lines.clear()


def _alike(one: ServiceState, other: ServiceState) -> bool:
    """Whether both have the same place and their rows say the same."""
    return (
        one.health is other.health
        and one.reason == other.reason
        and one.caused_by == other.caused_by
        and one.verified == other.verified
        and (one.probed_at is None) == (other.probed_at is None)
    )
