"""What is known of the services all together: looked up by id, counted, and who depends on whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, is_
from typing import TYPE_CHECKING

from controlroom.domain import health
from controlroom.domain.freshness import LATE_AFTER
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Dependency, Program
from controlroom.domain.services import Health, Service
from controlroom.domain.worst import WORST_FIRST, told
from controlroom.tui.memo import by_identity
from controlroom.tui.width import cell_width

if TYPE_CHECKING:
    from controlroom.domain.affected import Affected, Waiters

_service = attrgetter("service")


@by_identity(keep=2)
def by_id(services: tuple[ServiceState, ...]) -> dict[str, ServiceState]:
    """Service id → its state."""
    return {state.service.id: state for state in services}


_DECLARED: list[tuple[Service, ...]] = [()]


@by_identity(keep=2)
def declared(services: tuple[ServiceState, ...]) -> tuple[Service, ...]:
    """The services of these states: the same tuple for as long as every one of them is the same."""
    found = tuple(map(_service, services))
    known = _DECLARED[0]
    if len(known) != len(found) or not all(map(is_, known, found)):
        _DECLARED[0] = known = found
    return known


@by_identity(keep=2)
def numbers(services: tuple[Service, ...]) -> Mapping[str, int]:
    """Service id → its number."""
    return {service.id: number for number, service in enumerate(services)}


def state_of(services: tuple[ServiceState, ...], id_: str | None) -> ServiceState | None:
    """The state of the service with that id; None where none has it."""
    number = numbers(declared(services)).get(id_ or "")
    return None if number is None else services[number]


@by_identity(keep=2)
def name_width(services: tuple[Service, ...]) -> int:
    """Cells of the longest name; that of a group begins two cells earlier, where the others have a glyph."""
    names = max((cell_width(service.name or service.id) for service in services), default=0)
    return max(names, max((cell_width(group) for group in {one.group for one in services}), default=0) - 2)


@by_identity(keep=2)
def above(services: tuple[Service, ...]) -> Waiters:
    """Service id → the services that need it."""
    from controlroom.domain.affected import waiters  # nobody's trouble reaches anybody in a calm room

    return waiters(services)


_REACHED: list[tuple[tuple[Service, ...], tuple[Dependency, ...], dict[str, Affected]]] = []


def reached(services: tuple[ServiceState, ...], program: Program, service: Service) -> Affected:
    """Whom it reaches when `service` is not up, through whatever depends on it."""
    from controlroom.domain.affected import affected

    all_of_them, dependencies = declared(services), program.dependencies
    kept = _REACHED[0] if _REACHED else None
    if kept is None or kept[0] is not all_of_them or kept[1] is not dependencies:
        kept = (all_of_them, dependencies, {})
        _REACHED[:] = [kept]
    known = kept[2]
    if service.id not in known:
        known[service.id] = affected(service, above(all_of_them), dependencies)
    return known[service.id]


@by_identity(keep=4)
def depended_on(dependencies: tuple[Dependency, ...]) -> Mapping[str, tuple[str, ...]]:
    """Service id → names of the schedule's dependencies that it is a part of."""
    found: dict[str, tuple[str, ...]] = {}
    for dependency in dependencies:
        for id_ in dependency.services:
            found[id_] = (*found.get(id_, ()), dependency.name)
    return found


@by_identity(keep=2)
def healths(services: tuple[ServiceState, ...], *, now: datetime) -> Sequence[Health]:
    """What each may be counted as at `now`."""
    return [told(state if _surely_fresh(state, now) else health.shown(state, now)) for state in services]


def _surely_fresh(state: ServiceState, now: datetime) -> bool:
    """Whether it is shown as it is; most are, and are not looked at any closer."""
    if state.service.maintenance or state.probed_at is None:
        return False
    return (now - state.probed_at).total_seconds() <= LATE_AFTER * state.interval


def count(found: Iterable[Health]) -> dict[Health, int]:
    """How many of each, the worst first, none left out."""
    counted = Counter(found)
    return {state: counted[state] for state in WORST_FIRST}


def tally(services: tuple[ServiceState, ...], now: datetime) -> dict[Health, int]:
    """How many services are in each state, as may be said at `now`."""
    return count(healths(services, now=now))
