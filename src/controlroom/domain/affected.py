"""Whom a service's trouble reaches: through what depends on it, at any distance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Dependency
from controlroom.domain.services import Service

Waiters = Mapping[str, Sequence[Service]]
"""Service id → the services that name it in `depends_on`."""


@dataclass(frozen=True, slots=True)
class Affected:
    """Ids in order: the service's own first, then those of what depends on it, nearest first."""

    services: tuple[str, ...] = ()
    """What depends on it."""
    squads: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    """Names of the schedule's dependencies that it is a part of."""


def waiters(services: Iterable[Service]) -> Waiters:
    """Who depends on whom, the other way round."""
    found: dict[str, list[Service]] = {}
    for service in services:
        for needed in service.depends_on:
            if needed != service.id:
                found.setdefault(needed, []).append(service)
    return found


def affected(service: Service, above: Waiters, dependencies: Sequence[Dependency] = ()) -> Affected:
    """Whom it reaches when `service` is not up."""
    reached: dict[str, Service] = {service.id: service}
    queue = [service]
    for one in queue:
        for waiter in above.get(one.id, ()):
            if waiter.id not in reached:
                reached[waiter.id] = waiter
                queue.append(waiter)
    named = [d for d in dependencies if service.id in d.services]
    squads = chain((s for one in queue for s in one.squads), (s for d in named for s in d.squads))
    return Affected(
        tuple(reached)[1:],
        tuple(dict.fromkeys(squads)),
        tuple(dict.fromkeys(m for one in queue for m in one.milestones)),
        tuple(d.name for d in named),
    )
