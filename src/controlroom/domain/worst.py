"""Services in the order in which somebody has to look at them, and the groups they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health

WORST_FIRST: tuple[Health, ...] = (
    Health.DOWN,
    Health.DEGRADED,
    Health.UNKNOWN,
    Health.MAINTENANCE,
    Health.UP,
)

DOWN, DEGRADED, DOWN_EXPLAINED, DEGRADED_EXPLAINED, UNVERIFIED, UNKNOWN, NOT_ASKED, MAINTENANCE, UP = range(9)
"""Places, the first is the worst: what a DOWN service explains comes after what is in trouble by itself."""

_TROUBLE = {Health.DOWN: (DOWN, DOWN_EXPLAINED), Health.DEGRADED: (DEGRADED, DEGRADED_EXPLAINED)}

UNGROUPED = "other"
"""What the services without a group are called where others have one."""


def in_doubt(state: ServiceState) -> bool:
    """Whether it failed while this machine itself may be what is cut off: then nothing is known of it."""
    return not state.verified and state.health in _TROUBLE


def told(state: ServiceState) -> Health:
    """The health that `state`, as it is shown, may be counted as: a failure in doubt is UNKNOWN."""
    return Health.UNKNOWN if in_doubt(state) else state.health


def place(state: ServiceState) -> int:
    """Where `state`, as it is shown, stands among others; smaller is worse."""
    found = _TROUBLE.get(state.health)
    if found is not None:
        return UNVERIFIED if not state.verified else found[state.caused_by is not None]
    if state.health is Health.UNKNOWN:
        return UNKNOWN if state.probed_at is not None or state.transitions else NOT_ASKED
    return UP if state.health is Health.UP else MAINTENANCE


class Group(NamedTuple):
    """Services that the configuration puts together; worst first, then in its order."""

    name: str
    """Empty for those without a group."""
    states: tuple[ServiceState, ...]


def by_group(states: Iterable[ServiceState]) -> Sequence[Group]:
    """`states`, as they are shown, by group: that with the worst service first, then in order of the
    configuration, and among equals those without a group last."""
    found: dict[str, list[ServiceState]] = {}
    for state in states:
        found.setdefault(state.service.group, []).append(state)
    groups = [Group(name, tuple(sorted(here, key=place))) for name, here in found.items()]
    return sorted(groups, key=lambda group: (place(group.states[0]), not group.name))
