"""The shape of a waiting graph: who is reached by whom, circles and the longest chain.

Squads are only names here and an edge is a pair (waiter, blocker). Everything but the ways inside one group
of squads that wait on each other takes time linear in the edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

Pairs = tuple[tuple[str, str], ...]
Groups = tuple[tuple[str, ...], ...]
Ahead = Mapping[str, Sequence[str]]
"""Squad → the squads it waits on, by name."""

SMALL = 6
"""Squads in a group of mutual waiters up to which its longest way is looked for, not its shortest."""


class Shape:
    """What follows from who waits on whom alone; each part is worked out when it is first asked for."""

    def __init__(self, pairs: Pairs) -> None:
        self._ahead: dict[str, list[str]] = {name: [] for pair in pairs for name in pair}
        self._behind: dict[str, list[str]] = {name: [] for name in self._ahead}
        for waiter, blocker in sorted(set(pairs)):
            self._ahead[waiter].append(blocker)
            self._behind[blocker].append(waiter)
        self._groups = groups_of(self._ahead)

    @cached_property
    def components(self) -> Groups:
        """Groups of two or more that wait on each other, by name."""
        return tuple(sorted(group for group in self._groups if len(group) > 1))

    @cached_property
    def cycles(self) -> Groups:
        """One shortest circle of each of `components`."""
        return tuple(_shortest_cycle(self._ahead, group) for group in self.components)

    @cached_property
    def longest_chain(self) -> tuple[str, ...]:
        """See the function of this name."""
        return longest_chain(self._ahead, self._groups)

    @cached_property
    def direct(self) -> Mapping[str, tuple[str, ...]]:
        """Squad → who waits on it directly; only where somebody does."""
        return {squad: tuple(waiters) for squad, waiters in sorted(self._behind.items()) if waiters}

    @cached_property
    def transitive(self) -> Mapping[str, tuple[str, ...]]:
        """Squad → all that wait on it, directly or not, without itself; only where there are any."""
        return _reached(self._ahead, self._groups)


def groups_of(ahead: Ahead) -> list[tuple[str, ...]]:
    """Every strongly connected component (Tarjan), its squads by name; blockers come before their waiters."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    groups: list[tuple[str, ...]] = []
    for root in sorted(ahead):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        path = [(root, iter(ahead[root]))]
        while path:
            squad, following = path[-1]
            for other in following:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    path.append((other, iter(ahead[other])))
                    break
                if other in on_stack:
                    low[squad] = min(low[squad], order[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[squad])
                if low[squad] == order[squad]:
                    place = stack.index(squad)
                    group, stack[place:] = stack[place:], []
                    on_stack.difference_update(group)
                    groups.append(tuple(sorted(group)))
    return groups


def _reached(ahead: Ahead, groups: Sequence[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Squad → all that wait on it, directly or not, without itself; only where there are any."""
    names = sorted(ahead)
    bit = {name: 1 << place for place, name in enumerate(names)}
    group_of = {squad: number for number, group in enumerate(groups) for squad in group}
    masks = [sum(bit[squad] for squad in group) for group in groups]
    reached = masks.copy()
    for number in reversed(range(len(groups))):  # waiters first: what waits on them is known already
        for squad in groups[number]:
            for blocker in ahead[squad]:
                if group_of[blocker] != number:
                    reached[group_of[blocker]] |= reached[number]
    found: dict[str, tuple[str, ...]] = {}
    for squad in names:
        others = reached[group_of[squad]] & ~bit[squad]
        if others:
            found[squad] = tuple(name for name in names if bit[name] & others)
    return found


def _shortest_cycle(ahead: Ahead, group: tuple[str, ...]) -> tuple[str, ...]:
    """A shortest circle in `group`, of several the first by names, from its first squad."""
    best: tuple[str, ...] = ()
    for start in group:
        inside = frozenset(squad for squad in group if squad >= start)
        found = _back(ahead, inside, start, len(best) - 1 if best else len(group))
        if found and (not best or len(found) < len(best)):
            best = found
            if len(best) == 2:
                break
    return best


def _back(ahead: Ahead, inside: frozenset[str], start: str, limit: int) -> tuple[str, ...]:
    """The shortest way of at most `limit` squads from `start` back to it; empty where there is none."""
    parent = {start: start}
    level = [start]
    for _ in range(limit):
        following: list[str] = []
        for squad in level:
            for other in ahead[squad]:
                if other == start:
                    return _way(parent, squad)
                if other in inside and other not in parent:
                    parent[other] = squad
                    following.append(other)
        level = following
    return ()


def _way(parent: Mapping[str, str], end: str) -> tuple[str, ...]:
    way = [end]
    while parent[way[-1]] != way[-1]:
        way.append(parent[way[-1]])
    return tuple(reversed(way))


def longest_chain(ahead: Ahead, groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The way with most squads on which each waits on the next and none comes twice; ties alphabetically.

    A group of squads that wait on each other is entered and left once. In one of more than `SMALL` squads
    the shortest ways count, since finding the longest takes time without bound.
    """
    best: dict[str, tuple[str, ...]] = {}
    for group in groups:
        inside = frozenset(group)
        after = {
            squad: _better(((), *(best[other] for other in ahead[squad] if other not in inside)))
            for squad in group
        }
        if len(group) == 1:
            best[group[0]] = (*group, *after[group[0]])
            continue
        for squad in group:
            ways = (
                _all_ways(ahead, inside, squad)
                if len(group) <= SMALL
                else _short_ways(ahead, inside, squad, after)
            )
            best[squad] = _better([(*way, *after[way[-1]]) for way in ways])
    return _better(best.values())


def _better(ways: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    longest: tuple[str, ...] = ()
    for way in ways:
        if len(way) > len(longest) or (len(way) == len(longest) and way < longest):
            longest = way
    return longest


def _all_ways(ahead: Ahead, inside: frozenset[str], start: str) -> list[tuple[str, ...]]:
    """Every way from `start` that stays `inside` and comes nowhere twice."""
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:
        ways += [(*way, other) for other in ahead[way[-1]] if other in inside and other not in way]
    return ways


def _short_ways(
    ahead: Ahead, inside: frozenset[str], start: str, after: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """The shortest ways from `start` to the squads `inside` that lead furthest, with what comes `after`."""
    parent = {start: start}
    level = [start]
    furthest: list[str] = []
    depth = most = 0
    while level:
        depth += 1
        following = []
        for squad in level:
            reach = depth + len(after[squad])
            if reach > most:
                furthest, most = [], reach
            if reach == most:
                furthest.append(squad)
            for other in ahead[squad]:
                if other in inside and other not in parent:
                    parent[other] = squad
                    following.append(other)
        level = following
    return [_way(parent, squad) for squad in furthest]
