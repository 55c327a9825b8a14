"""What an earlier room, or one beside this one, saw of the services, taken up again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from controlroom.domain.freshness import STALE_AFTER
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ServiceState, Transition, flapped, pace, worth_keeping


@dataclass(frozen=True, slots=True)
class Watched:
    """What an earlier run saw of the services, as it was kept."""

    transitions: Mapping[str, tuple[Transition, ...]]
    """By service id, oldest first."""
    until: datetime | None = None
    """When that run was last known to watch."""


def resumed(state: ServiceState, watched: Watched) -> ServiceState:
    """`state`, nothing or less recent, with what an earlier run saw; it ages from when that run ended."""
    kept = watched.transitions.get(state.service.id, ())
    if not kept or watched.until is None or (state.probed_at or kept[0].at) > watched.until:
        return state
    known = {(t.at, t.after) for t in state.transitions}
    merged = sorted((*state.transitions, *(t for t in kept if (t.at, t.after) not in known)), key=_at)
    transitions = worth_keeping(_alternating(merged), watched.until)
    last = transitions[-1]
    return replace(
        state,
        health=last.after,
        since=last.at,
        reason=state.reason if state.since == last.at else last.reason,
        probed_at=watched.until,
        failures=state.failures if last.after is state.health else 0,
        successes=0,
        transitions=transitions,
        flaps=flapped(state.service, transitions, watched.until),
    )


def lasting(state: ServiceState, watched: Watched, within: float) -> ServiceState:
    """`state`, found by a single look, with since when it is so by what a room that watches has kept.

    It watches when what it kept ends no longer than `within` seconds, and the usual silence, before the look;
    0 where no room does any more.
    """
    kept = watched.transitions.get(state.service.id, ())
    if not kept or kept[-1].after is not state.health or watched.until is None or state.probed_at is None:
        return state
    if not within or (state.probed_at - watched.until).total_seconds() > within + STALE_AFTER * pace(state):
        return state
    flaps = flapped(state.service, kept, state.probed_at)
    return replace(state, since=kept[-1].at, transitions=kept, flaps=flaps)


def _at(change: Transition) -> datetime:
    return change.at


def _alternating(changes: Iterable[Transition]) -> tuple[Transition, ...]:
    """`changes` in order, each from what the one before led to; one that changes nothing is left out."""
    found: list[Transition] = []
    for change in changes:
        before = found[-1].after if found else change.before
        if change.after is not before:
            found.append(change if change.before is before else replace(change, before=before))
    return tuple(found)
