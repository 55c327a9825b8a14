"""Who waits on whom: edges from squads to the squads whose delivery holds them up.

An edge is waiter → blocker. Only what is declared makes one: an open blocker or an unfinished item that
names both squads. Prose is never read as an edge, its direction is ambiguous.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controlroom.domain.board import Item
from controlroom.domain.triage import Blocker


@dataclass(frozen=True, slots=True)
class Edge:
    """`waiter` waits on `blocker` for `items` (ids of items and blockers), the oldest since `since`."""

    waiter: str
    blocker: str
    items: tuple[str, ...]
    since: dt.datetime | None


def edges(items: Sequence[Item], blockers: Sequence[Blocker]) -> tuple[Edge, ...]:
    """Every declared edge once, alphabetically."""
    found: dict[tuple[str, str], list[tuple[str, dt.datetime | None]]] = {}
    for item in items:
        if item.status != "done":
            _add(found, item.owning_squad or item.squad, item.blocking_squad, item.id, item.since)
    for blocker in blockers:
        if blocker.state != "resolved":
            since = blocker.opened_at or blocker.first_seen
            _add(found, blocker.owning_squad, blocker.blocking_squad, blocker.id, since)
    return tuple(
        Edge(waiter, on, tuple(id_ for id_, _ in causes), min((t for _, t in causes if t), default=None))
        for (waiter, on), causes in sorted(found.items())
    )


def _add(
    found: dict[tuple[str, str], list[tuple[str, dt.datetime | None]]],
    waiter: str | None,
    blocker: str | None,
    id_: str,
    since: dt.datetime | None,
) -> None:
    if waiter and blocker and waiter != blocker:
        found.setdefault((waiter, blocker), []).append((id_, since))


def cycles(graph: Sequence[Edge]) -> tuple[tuple[str, ...], ...]:
    """One shortest cycle for each group of squads that wait on each other, from its first by name."""
    ahead: dict[str, list[str]] = {}
    for edge in graph:
        ahead.setdefault(edge.waiter, []).append(edge.blocker)
    return tuple(
        min((cycle for squad in group if (cycle := _shortest(ahead, squad))), key=lambda c: (len(c), c))
        for group in components(graph)
    )


def components(graph: Sequence[Edge]) -> tuple[tuple[str, ...], ...]:
    """Groups of two or more squads that wait on each other, directly or not."""
    ahead: dict[str, list[str]] = {}
    for edge in graph:
        ahead.setdefault(edge.waiter, []).append(edge.blocker)
    reach = {squad: _reachable(ahead, squad) for squad in ahead}
    groups = {
        tuple(sorted(other for other in reached if squad in reach.get(other, ())))
        for squad, reached in reach.items()
        if squad in reached
    }
    return tuple(sorted(groups))


def _reachable(ahead: Mapping[str, Sequence[str]], squad: str) -> frozenset[str]:
    """Everything `squad` waits on, directly or not; itself only when it lies on a cycle."""
    seen: set[str] = set()
    todo = list(ahead.get(squad, ()))
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(ahead.get(one, ()))
    return frozenset(seen)


def _shortest(ahead: Mapping[str, Sequence[str]], squad: str) -> tuple[str, ...] | None:
    """A shortest way from `squad` back to itself, by breadth first in order of name."""
    paths: list[tuple[str, ...]] = [(squad,)]
    seen: set[str] = set()
    while paths:
        longer: list[tuple[str, ...]] = []
        for path in paths:
            for following in sorted(ahead.get(path[-1], ())):
                if following == squad:
                    return path
                if following not in seen:
                    seen.add(following)
                    longer.append((*path, following))
        paths = longer
    return None
