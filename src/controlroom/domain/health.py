"""Health of services: what a probe found, and the state that follows (domain rules, Service health)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from controlroom.domain.freshness import STALE_AFTER, Freshness, freshness
from controlroom.domain.instants import duration
from controlroom.domain.services import Health, Service


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One answer, or the lack of one. `reason` is short, in plain words, without secrets."""

    service: str
    at: datetime
    """When the answer was there."""
    health: Health
    reason: str = ""
    latency: float | None = None
    """Seconds until the answer; None where there was none."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """Facts worth showing, cleaned: version, role, clients, …"""
    unreachable: bool = False
    """It failed, and nothing shows that the way to the service works: the room itself may be cut off."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state that was kept, with its reason."""

    at: datetime
    before: Health
    after: Health
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service and all that is known of its health. `since` is the instant of the last transition."""

    service: Service
    health: Health = Health.UNKNOWN
    since: datetime | None = None
    reason: str = "not probed yet"
    latency: float | None = None
    probed_at: datetime | None = None
    """When the last answer (or failure) was there; freshness is judged from it at paint time."""
    interval: float = 5.0
    failures: int = 0
    successes: int = 0
    flaps: int = 0
    """Transitions in the hour before the last answer; becoming known is none."""
    transitions: tuple[Transition, ...] = ()
    """Newest last, at most 20."""
    detail: Mapping[str, str] = field(default_factory=dict)
    caused_by: str | None = None
    """Id of the DOWN service it depends on, when that explains it."""
    verified: bool = True
    """False while the room itself may be what is cut off."""
    unreachable: bool = False
    """The last probe failed, and nothing showed that the way to the service works."""


TRANSITIONS_KEPT = 20
FLAP_WINDOW = timedelta(hours=1)

NOT_PROBED = "not probed"
"""Key in `ServiceState.detail`: why the last probe could not be made at all, such as a missing secret."""


def initial(service: Service, interval: float) -> ServiceState:
    """A service nothing is known of yet, probed every `interval` seconds unless it has its own pace."""
    return ServiceState(service, interval=service.interval or interval)


def advance(state: ServiceState, result: ProbeResult) -> ServiceState:
    """`state` after `result`.

    From UP or DEGRADED it takes `down_after` consecutive failures to be DOWN, from DOWN `up_after`
    consecutive answers to leave it; where nothing is known the first result counts. An UNKNOWN result is
    no data: it counts neither way and renews nothing, so that the state grows stale.
    """
    if result.service != state.service.id:
        raise ValueError(f"a result of {result.service} is not one of {state.service.id}")
    if result.health is Health.UNKNOWN:
        return _without_data(state, result)
    failed = result.health is Health.DOWN
    failures = state.failures + 1 if failed else 0
    successes = 0 if failed else state.successes + 1
    health = _next(state, result.health, failures, successes)
    transitions = state.transitions
    if health is not state.health:
        change = Transition(result.at, state.health, health, result.reason)
        transitions = (*transitions, change)[-TRANSITIONS_KEPT:]
    return ServiceState(
        service=state.service,
        health=health,
        since=state.since if transitions is state.transitions else result.at,
        reason=_reason(state.service, result, health, failures, successes),
        latency=result.latency,
        probed_at=result.at,
        interval=state.interval,
        failures=failures,
        successes=successes,
        flaps=_flaps(transitions, result.at),
        transitions=transitions,
        detail=state.detail if state.detail == result.detail else result.detail,
        caused_by=state.caused_by,
        verified=state.verified,
        unreachable=failed and result.unreachable,
    )


def _next(state: ServiceState, found: Health, failures: int, successes: int) -> Health:
    if found is Health.DOWN:
        proven = state.health is Health.UNKNOWN or failures >= state.service.down_after
        return Health.DOWN if proven else state.health
    if state.health is Health.DOWN and successes < state.service.up_after:
        return Health.DOWN
    return found


def _reason(service: Service, result: ProbeResult, health: Health, failures: int, successes: int) -> str:
    if failures and health is not Health.DOWN:
        return f"{result.reason} ({failures} of {service.down_after})"
    if successes and health is Health.DOWN:
        return f"answers again ({successes} of {service.up_after})"
    return result.reason


def _without_data(state: ServiceState, result: ProbeResult) -> ServiceState:
    if state.health is Health.UNKNOWN:
        return state if state.reason == result.reason else replace(state, reason=result.reason)
    if state.detail.get(NOT_PROBED) == result.reason:
        return state
    return replace(state, detail={**state.detail, NOT_PROBED: result.reason})


def _flaps(transitions: Iterable[Transition], now: datetime) -> int:
    return sum(
        now - change.at < FLAP_WINDOW
        for change in transitions
        if change.before is not Health.UNKNOWN and change.after is not Health.UNKNOWN
    )


def shown(state: ServiceState, now: datetime) -> ServiceState:
    """`state` as it may be shown at `now`: UNKNOWN when its last answer is too old to say anything."""
    if state.probed_at is None or state.health in (Health.UNKNOWN, Health.MAINTENANCE):
        return state
    interval = max(state.interval, state.service.timeout or 0.0)
    if freshness(state.probed_at, now, interval) is not Freshness.STALE:
        return state
    age = duration((now - state.probed_at).total_seconds())
    why = state.detail.get(NOT_PROBED)
    return replace(
        state,
        health=Health.UNKNOWN,
        since=state.probed_at + timedelta(seconds=STALE_AFTER * interval),
        reason=f"not probed for {age}, was {state.health}" + (f": {why}" if why else ""),
        caused_by=None,
    )


def settle(states: Sequence[ServiceState], now: datetime) -> Sequence[ServiceState]:
    """All of `states` as they may be shown at `now`; the same object where none is too old."""
    settled = tuple(shown(state, now) for state in states)
    return states if all(a is b for a, b in zip(settled, states, strict=True)) else settled


def explain(states: Sequence[ServiceState]) -> tuple[ServiceState, ...]:
    """`states` with `caused_by` and `verified` as they follow from one another; the rest as it was."""
    causes = _causes(states)
    unsure = blind(states)
    return tuple(_explained(state, causes.get(state.service.id), unsure) for state in states)


def _explained(state: ServiceState, cause: str | None, unsure: bool) -> ServiceState:
    verified = not (unsure and state.failures)
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
    """The host in the service's url, lower case; empty where there is none."""
    try:
        return urlsplit(service.url if "://" in service.url else f"//{service.url}").hostname or ""
    except ValueError:
        return ""


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")
