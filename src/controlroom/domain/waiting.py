"""Who waits on whom: edges from squads to the squads whose delivery holds them up, and what follows.

An edge is waiter → blocker. Only what is declared makes one: an open blocker or an unfinished card that
names both squads, and a dependency of the programme whose owner and waiting squads are all known. Prose is
never read as an edge, its direction is ambiguous.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import TypeVar

from controlroom.domain.board import Item
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program, squads_by_name
from controlroom.domain.remember import remember
from controlroom.domain.text import slug
from controlroom.domain.triage import Blocker
from controlroom.domain.waiting_shape import Groups, Pairs, Shape

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edge:
    """`waiter` waits on `blocker` for `items` (ids of items and blockers), the oldest since `since`."""

    waiter: str
    blocker: str
    items: tuple[str, ...]
    since: dt.datetime | None
    """UTC; None where nobody wrote since when for any of them."""
    dependencies: tuple[str, ...] = ()
    """Names of the programme's dependencies that say so."""


@dataclass(frozen=True, slots=True)
class First:
    """What is freed when `squad` has delivered everything that others wait for."""

    squad: str
    frees_squads: int
    """Squads that wait on it, directly or through others; itself never counts."""
    frees_items: int
    """Cards and blockers that wait on it directly, each once."""
    milestones: tuple[str, ...] = ()
    """Ids of the milestones whose text names it or a squad it frees, unless they are over."""
    since: dt.datetime | None = None
    """Since when the first of them waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The whole graph. Everything is ordered, ties alphabetically: the same room gives the same value."""

    edges: tuple[Edge, ...] = ()
    components: Groups = ()
    """Groups of two or more squads that wait on each other, directly or not."""
    cycles: Groups = ()
    """One shortest cycle for each of `components`, from its first squad by name."""
    longest_chain: tuple[str, ...] = ()
    """The longest way on which each squad waits on the next, see `waiting_shape.longest_chain`."""
    longest_waiting: Edge | None = None
    """The edge with the oldest instant."""
    direct: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Squad → those that wait on it directly, by name; only squads that somebody waits on."""
    transitive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Squad → all that wait on it, directly or through others, without itself: what its delay reaches."""
    first: tuple[First, ...] = ()
    """What to unblock first: most squads freed, then most items, then longest waited for, then by name."""


def graph(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> Waiting:
    """Who waits on whom in a room; remembered while its three parts are the same objects."""
    return _graph(program, items, blockers)


@remember
def _graph(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> Waiting:
    found = _edges(program, items, blockers)
    shape = _shape(tuple((edge.waiter, edge.blocker) for edge in found))
    dated = [edge for edge in found if edge.since is not None]
    return Waiting(
        edges=found,
        components=shape.components,
        cycles=shape.cycles,
        longest_chain=shape.longest_chain,
        longest_waiting=min(dated, key=lambda e: (e.since, e.waiter, e.blocker), default=None),
        direct=shape.direct,
        transitive=shape.transitive,
        first=_first(program, found, shape),
    )


_last: list[tuple[Program, Sequence[Item], Sequence[Blocker], tuple[Edge, ...]]] = []


def _edges(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> tuple[Edge, ...]:
    """`edges`, worked out again only when something that makes one changed."""
    found: tuple[Edge, ...] | None = None
    if _last and _last[0][0] is program:
        _, before, earlier, known = _last[0]
        if _alike(before, items, _card) and _alike(earlier, blockers, _cause):
            found = known
    found = edges(items, blockers, program) if found is None else found
    _last[:] = [(program, items, blockers, found)]
    return found


def _alike(before: Sequence[T], now: Sequence[T], key: Callable[[T], object]) -> bool:
    if before is now:
        return True
    pairs = zip(before, now, strict=False)
    return len(before) == len(now) and all(key(a) == key(b) for a, b in pairs if a is not b)


def _card(item: Item) -> object:
    """What of a card makes an edge."""
    waiter = item.owning_squad or item.squad
    return item.id, item.status == "done", waiter, item.blocking_squad, item.since


def _cause(blocker: Blocker) -> object:
    """What of a blocker makes an edge."""
    since = blocker.opened_at or blocker.first_seen
    return blocker.id, blocker.state == "resolved", blocker.owning_squad, blocker.blocking_squad, since


def circles(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> Groups:
    """`Waiting.cycles` alone, which takes less."""
    return cycles(_edges(program, items, blockers))


def edges(
    items: Sequence[Item], blockers: Sequence[Blocker], program: Program | None = None
) -> tuple[Edge, ...]:
    """Every declared edge once, by name. `program` resolves squads' names and adds its dependencies."""
    ids = _Ids(program)
    found: dict[tuple[str, str], _Causes] = {}
    for item in items:
        on = item.blocking_squad
        if on and item.status != "done":
            causes = _causes(found, ids, item.owning_squad or item.squad, on)
            causes.add(item.id, item.since)
    for blocker in blockers:
        on = blocker.blocking_squad
        if on and blocker.state != "resolved":
            causes = _causes(found, ids, blocker.owning_squad, on)
            causes.add(blocker.id, blocker.opened_at or blocker.first_seen)
    for dependency in program.dependencies if program is not None else ():
        for waiter in dependency.squads:
            owner = dependency.owner or ""
            if {ids[waiter], ids[owner]} <= ids.known:
                _causes(found, ids, waiter, owner).dependencies[dependency.name] = None
    return tuple(
        Edge(waiter, on, tuple(causes.items), causes.since, tuple(causes.dependencies))
        for (waiter, on), causes in sorted(found.items())
    )


class _Causes:
    """Why one squad waits on another."""

    __slots__ = ("dependencies", "items", "since")

    def __init__(self) -> None:
        self.items: dict[str, None] = {}
        self.since: dt.datetime | None = None
        self.dependencies: dict[str, None] = {}

    def add(self, id_: str, since: dt.datetime | None) -> None:
        """One card or blocker that waits."""
        self.items[id_] = None
        if since is not None and (self.since is None or since < self.since):
            self.since = since


class _Ids(dict[str, str]):
    """Squads' names as they are written → ids; a name that nobody declared stands for itself."""

    def __init__(self, program: Program | None) -> None:
        super().__init__({squad.id: squad.id for squad in program.squads} if program is not None else {})
        self.known = frozenset(self)
        self._squads = squads_by_name(program) if program is not None else {}

    def __missing__(self, name: str) -> str:
        squad = self._squads.get(slug(name))
        self[name] = name if squad is None else squad.id
        return self[name]


def _causes(found: dict[tuple[str, str], _Causes], ids: _Ids, waiter: str | None, blocker: str) -> _Causes:
    """Those of one edge; of none that is shown where nobody, or only itself, waits."""
    if not waiter or ids[waiter] == ids[blocker]:
        return _Causes()
    waiter, blocker = ids[waiter], ids[blocker]
    causes = found.get((waiter, blocker))
    if causes is None:
        causes = found[waiter, blocker] = _Causes()
    return causes


def cycles(graph: Sequence[Edge]) -> Groups:
    """One shortest cycle for each group of squads that wait on each other, from its first by name."""
    return _shape(tuple((edge.waiter, edge.blocker) for edge in graph)).cycles


def components(graph: Sequence[Edge]) -> Groups:
    """Groups of two or more squads that wait on each other, directly or not."""
    return _shape(tuple((edge.waiter, edge.blocker) for edge in graph)).components


@lru_cache(maxsize=4)
def _shape(pairs: Pairs) -> Shape:
    return Shape(pairs)


def _first(program: Program, found: Sequence[Edge], shape: Shape) -> tuple[First, ...]:
    waited: dict[str, tuple[set[str], list[dt.datetime]]] = {}
    for edge in found:
        items, instants = waited.setdefault(edge.blocker, (set(), []))
        items.update(edge.items)
        if edge.since is not None:
            instants.append(edge.since)
    named = _named(program)
    ranking = [
        First(
            squad,
            len(shape.transitive[squad]),
            len(items),
            tuple(
                m for m, squads in named.items() if not squads.isdisjoint((squad, *shape.transitive[squad]))
            ),
            min(instants, default=None),
        )
        for squad, (items, instants) in waited.items()
    ]
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return tuple(sorted(ranking, key=lambda f: (-f.frees_squads, -f.frees_items, f.since or latest, f.squad)))


def _named(program: Program) -> dict[str, set[str]]:
    """Milestone → ids of the squads its text names; what is recorded as met or missed is over."""
    names = [(f"_{name}_", squad.id) for name, squad in squads_by_name(program).items() if len(name) > 2]
    found: dict[str, set[str]] = {}
    for milestone in program.milestones:
        if not milestone.recorded:
            said = f"_{slug(milestone.text)}_{slug(milestone.section)}_"
            if squads := {id_ for name, id_ in names if name in said}:
                found[milestone.id] = squads
    return found
