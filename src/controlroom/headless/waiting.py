"""`controlroom waiting`: who waits on whom, and what to unblock first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from controlroom.domain import waiting
from controlroom.domain.instants import duration, maybe
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `waiting --json`, and ``waiting`` in `snapshot --json`."""
    seen = _graph(snapshot)
    return {
        "edges": [_edge(edge) for edge in seen.edges],
        "components": [list(group) for group in seen.components],
        "cycles": [list(cycle) for cycle in seen.cycles],
        "longest_chain": list(seen.longest_chain),
        "longest_waiting": None if seen.longest_waiting is None else _edge(seen.longest_waiting),
        "first": [
            {
                "squad": first.squad,
                "frees_squads": first.frees_squads,
                "frees_items": first.frees_items,
                "milestones": list(first.milestones),
                "since": maybe(first.since),
            }
            for first in seen.first
        ],
    }


def _graph(snapshot: Snapshot) -> waiting.Waiting:
    return waiting.graph(snapshot.program, snapshot.items, snapshot.blockers)


def _edge(edge: waiting.Edge) -> dict[str, Any]:
    return {
        "waiter": edge.waiter,
        "blocker": edge.blocker,
        "items": list(edge.items),
        "since": maybe(edge.since),
        "dependencies": list(edge.dependencies),
    }


def as_text(snapshot: Snapshot, now: datetime) -> str:
    """A line per edge, then circles, the longest chain, and what frees most."""
    lines = [clean(line) for line in _lines(_graph(snapshot), now)]
    return "\n".join(lines or ["nobody is known to wait"]) + "\n"


def _lines(seen: waiting.Waiting, now: datetime) -> Iterator[str]:
    for edge in seen.edges:
        since = "" if edge.since is None else f" for {duration((now - edge.since).total_seconds())}"
        why = ", ".join((*edge.items, *edge.dependencies))
        yield f"{edge.waiter} waits on {edge.blocker}{since}: {why}"
    for cycle in seen.cycles:
        yield f"circle: {' → '.join((*cycle, cycle[0]))}"
    if len(seen.longest_chain) > 2:
        yield f"longest chain: {' → '.join(seen.longest_chain)}"
    for place, first in enumerate(seen.first, 1):
        freed = f"frees {_count(first.frees_squads, 'squad')} and {_count(first.frees_items, 'item')}"
        milestones = f", {_count(len(first.milestones), 'milestone')}" if first.milestones else ""
        yield f"{'unblock first' if place == 1 else 'then'}: {first.squad} ({freed}{milestones})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
