"""Why a service is not well where it is not its own doing: what it depends on, or this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health, Service


def explain(states: Sequence[ServiceState], *, cut_off: bool = False) -> tuple[ServiceState, ...]:
    """`states` with `caused_by` and `verified` as they follow from one another; the rest as it was.

    With `cut_off` the self-check says that this machine itself is in trouble.
    """
    causes = _causes(states)
    unsure = blind(states)
    return tuple(_explained(state, causes.get(state.service.id), unsure, cut_off) for state in states)


def _explained(state: ServiceState, cause: str | None, unsure: bool, cut_off: bool) -> ServiceState:
    # What this machine asks itself needs no network: its failures stand.
    doubtful = state.failures > 0 and (unsure or cut_off) and remote(state.service)
    verified = not doubtful
    if state.caused_by == cause and state.verified == verified:
        return state
    return replace(state, caused_by=cause, verified=verified)


def _causes(states: Sequence[ServiceState]) -> dict[str, str]:
    """Service → the DOWN service at the root of its trouble.

    A DOWN service explains the DOWN and DEGRADED ones that depend on it, through DOWN ones at any distance.
    Services that depend on each other in a circle do not excuse one another; something outside may.
    """
    down = {state.service.id: state for state in states if state.health is Health.DOWN}
    if not down:
        return {}
    needs = {
        id_: [d for d in state.service.depends_on if d in down and d != id_] for id_, state in down.items()
    }
    waiters: dict[str, list[str]] = {id_: [] for id_ in down}
    for id_, dependencies in needs.items():
        for dependency in dependencies:
            waiters[dependency].append(id_)
    roots: dict[str, str] = {}
    _spread([id_ for id_ in down if not needs[id_]], waiters, roots)
    _spread(_circular([id_ for id_ in down if id_ not in roots], needs, waiters), waiters, roots)
    causes = {id_: root for id_, root in roots.items() if root != id_}
    for state in states:
        if state.health is Health.DEGRADED:
            root = next((roots[d] for d in state.service.depends_on if d in roots), None)
            if root is not None:
                causes[state.service.id] = root
    return causes


def _spread(starts: Iterable[str], waiters: Mapping[str, list[str]], roots: dict[str, str]) -> None:
    """Give every service that waits on one of `starts`, at any distance, the nearest of them as its root."""
    queue = deque(starts)
    roots.update((id_, id_) for id_ in queue)
    while queue:
        id_ = queue.popleft()
        for waiter in waiters[id_]:
            if waiter not in roots:
                roots[waiter] = roots[id_]
                queue.append(waiter)


def _circular(
    rest: Sequence[str], needs: Mapping[str, list[str]], waiters: Mapping[str, list[str]]
) -> list[str]:
    """Those of `rest` that somebody in `rest` waits on for ever: circles, and what lies between them."""
    left = dict.fromkeys(rest)
    count = {id_: sum(waiter in left for waiter in waiters[id_]) for id_ in rest}
    queue = deque(id_ for id_ in rest if not count[id_])
    while queue:
        id_ = queue.popleft()
        left.pop(id_)
        for dependency in needs[id_]:
            if dependency in left:
                count[dependency] -= 1
                if not count[dependency]:
                    queue.append(dependency)
    return list(left)


def blind(states: Iterable[ServiceState]) -> bool:
    """Whether it may be the room that is cut off, and not the services.

    So it is when the last probes of services on at least two other machines all failed without a sign of
    life on the way: no name server, no route, no connection, silence on an old connection. A refused
    connection is a sign of life. Loopback proves nothing either way.
    """
    states = [state for state in states if state.probed_at is not None]
    if not any(state.unreachable for state in states):
        return False
    hosts = set()
    for state in states:
        host = host_of(state.service)
        if host and not _loopback(host):
            if not state.unreachable:
                return False
            hosts.add(host)
    return len(hosts) > 1


def host_of(service: Service) -> str:
    """The host in the service's url, the first of several, lower case; empty where there is none."""
    try:
        where = urlsplit(service.url if "://" in service.url else f"//{service.url}")
        return (where.hostname or "").partition(",")[0]
    except ValueError:
        return ""


def remote(service: Service) -> bool:
    """Whether it takes a network to ask `service`."""
    host = host_of(service)
    return bool(host) and not _loopback(host)


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")
