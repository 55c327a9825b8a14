"""What the schedule depends on: how it is, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from controlroom.domain import health
from controlroom.domain.affected import Waiters, affected, waiters
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Dependency
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.domain.worst import place


@dataclass(frozen=True, slots=True)
class Need:
    """A dependency, the services that watch it, and what waits for it."""

    dependency: Dependency
    watched: tuple[ServiceState, ...] = ()
    """As they are shown, the worst first."""
    missing: tuple[str, ...] = ()
    """Ids of services that it names and nobody declared."""
    squads: tuple[str, ...] = ()
    """Those that wait on its owner for it, and those that feel it when it is not up."""
    services: tuple[str, ...] = ()
    """Ids of the services that depend on those that watch it, at any distance."""
    blockers: tuple[Blocker, ...] = ()
    """Open ones that wait on its owner, or were opened about a service that watches it."""

    @property
    def worst(self) -> ServiceState | None:
        """The service that says how it is; None where no probe is declared."""
        return self.watched[0] if self.watched else None


def needs(snapshot: Snapshot, now: datetime) -> tuple[Need, ...]:
    """Every dependency of the programme at `now`, in its order."""
    if not snapshot.program.dependencies:
        return ()
    states = {state.service.id: state for state in snapshot.services}
    above = waiters(map(_service, snapshot.services))
    held = held_up(snapshot.blockers)
    return tuple(need(one, states, above, held, now) for one in snapshot.program.dependencies)


def need(
    dependency: Dependency,
    states: Mapping[str, ServiceState],
    above: Waiters,
    held: Mapping[str, Sequence[Blocker]],
    now: datetime,
) -> Need:
    """One dependency at `now`; `states` by id, `above` as of `waiters`, `held` as of `held_up`."""
    known = [states[id_] for id_ in dict.fromkeys(dependency.services) if id_ in states]
    reached = [affected(state.service, above) for state in known]
    own = {state.service.id for state in known}
    squads = dict.fromkeys((*dependency.squads, *(squad for one in reached for squad in one.squads)))
    blockers = {
        blocker.id: blocker
        for cause in (dependency.owner or "", *(f"service:{id_}" for id_ in own))
        for blocker in held.get(cause, ())
    }
    return Need(
        dependency,
        watched=tuple(sorted((health.shown(state, now) for state in known), key=place)),
        missing=tuple(id_ for id_ in dependency.services if id_ not in states),
        squads=tuple(squad for squad in squads if squad != dependency.owner),
        services=tuple(dict.fromkeys(id_ for one in reached for id_ in one.services if id_ not in own)),
        blockers=tuple(blockers.values()),
    )


def held_up(blockers: Iterable[Blocker]) -> dict[str, list[Blocker]]:
    """Squad, or what a blocker was opened about (``service:kafka``) → the open blockers that wait on it."""
    found: dict[str, list[Blocker]] = {}
    for blocker in blockers:
        if blocker.state != "resolved":
            for cause in {blocker.blocking_squad, blocker.about}:
                if cause:
                    found.setdefault(cause, []).append(blocker)
    return found


_service = attrgetter("service")
