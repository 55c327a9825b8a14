"""Health of services: what a probe found, and the state that follows (domain rules, Service health)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from controlroom.domain import maintenance
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
    raw: str = ""
    """The beginning of what the service said, as it said it: cleaned lines, without secrets."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A job's report that it ran, as `controlroom heartbeat NAME` hands it in."""

    at: datetime
    """By the clock of whoever reported, or of the store where it has one."""
    ok: bool = True
    message: str = ""
    host: str = ""


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
    """Newest last: those of the last hour, and of earlier ones as many as make 20."""
    detail: Mapping[str, str] = field(default_factory=dict)
    caused_by: str | None = None
    """Id of the DOWN service it depends on, when that explains it."""
    verified: bool = True
    """False while the room itself may be what is cut off."""
    unreachable: bool = False
    """The last probe failed, and nothing showed that the way to the service works."""
    raw: str = ""
    """The beginning of the last answer, as it came; an older one stays while there is none."""
    answered_at: datetime | None = None
    """When `raw` came."""


TRANSITIONS_KEPT = 20
TRANSITIONS_AT_MOST = 200
HOUR = timedelta(hours=1)
FLAPPING = 3
"""Transitions within an hour from which on a service is said to be flapping."""

NOT_PROBED = "not probed"
"""Key in `ServiceState.detail`: why the last probe could not be made at all, such as a missing secret."""


def initial(service: Service, interval: float) -> ServiceState:
    """A service nothing is known of yet, probed every `interval` seconds unless it has its own pace."""
    return ServiceState(service, interval=service.interval or interval)


def advance(state: ServiceState, result: ProbeResult) -> ServiceState:
    """`state` after `result`.

    From UP or DEGRADED it takes `down_after` consecutive failures to be DOWN, from DOWN `up_after`
    consecutive answers to leave it; where nothing is known the first result counts. An UNKNOWN result is
    no data: it counts neither way and renews nothing, so that the state grows stale. What was silent for too
    long before this result was unknown meanwhile, and is kept as such.
    """
    if result.service != state.service.id:
        raise ValueError(f"a result of {result.service} is not one of {state.service.id}")
    if result.health is Health.UNKNOWN:
        return _without_data(state, result)
    state = _silenced(state, result.at)
    failed = result.health is Health.DOWN
    failures = state.failures + 1 if failed else 0
    successes = 0 if failed else state.successes + 1
    health = _next(state, result.health, failures, successes)
    transitions = state.transitions
    if health is not state.health:
        change = Transition(result.at, state.health, health, result.reason)
        transitions = _kept((*transitions, change), result.at)
    return ServiceState(
        service=state.service,
        health=health,
        since=state.since if health is state.health else result.at,
        reason=_reason(state.service, result, health, failures, successes),
        latency=result.latency,
        probed_at=result.at,
        interval=state.interval,
        failures=failures,
        successes=successes,
        flaps=_flaps(state.service, transitions, result.at),
        transitions=transitions,
        detail=state.detail if state.detail == result.detail else result.detail,
        caused_by=state.caused_by,
        verified=state.verified,
        unreachable=failed and result.unreachable,
        raw=state.raw if not result.raw or result.raw == state.raw else result.raw,
        answered_at=result.at if result.raw else state.answered_at,
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


def _silenced(state: ServiceState, now: datetime) -> ServiceState:
    """`state` as it became when nothing was heard of it for too long before `now`."""
    if state.probed_at is None or state.health is Health.UNKNOWN or not _silent(state, now):
        return state
    at = state.probed_at + timedelta(seconds=STALE_AFTER * _pace(state))
    reason = f"not probed for {duration((now - state.probed_at).total_seconds())}"
    change = Transition(at, state.health, Health.UNKNOWN, reason)
    return replace(
        state,
        health=Health.UNKNOWN,
        since=at,
        failures=0,
        successes=0,
        transitions=_kept((*state.transitions, change), now),
    )


def _silent(state: ServiceState, now: datetime) -> bool:
    return freshness(state.probed_at, now, _pace(state)) is Freshness.STALE


def _pace(state: ServiceState) -> float:
    return max(state.interval, state.service.timeout or 0.0)


def _kept(transitions: tuple[Transition, ...], now: datetime) -> tuple[Transition, ...]:
    """The last hour's, and of earlier ones as many as make `TRANSITIONS_KEPT`."""
    if len(transitions) <= TRANSITIONS_KEPT:
        return transitions
    recent = sum(now - change.at < HOUR for change in transitions)
    # One more than the hour's own tells what was before them.
    return transitions[-min(max(recent + 1, TRANSITIONS_KEPT), TRANSITIONS_AT_MOST) :]


def _flaps(service: Service, transitions: Iterable[Transition], now: datetime) -> int:
    recent = [
        change
        for change in transitions
        if now - change.at < HOUR
        and change.before is not Health.UNKNOWN
        and change.after is not Health.UNKNOWN
    ]
    if not recent or not service.maintenance:
        return len(recent)
    planned = maintenance.between(service.maintenance, now - HOUR, now)
    return sum(not any(p.start <= change.at < p.end for p in planned) for change in recent)


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
    transitions = _kept(_alternating(merged), watched.until)
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
        flaps=_flaps(state.service, transitions, watched.until),
    )


def lasting(state: ServiceState, watched: Watched, within: float) -> ServiceState:
    """`state`, found by a single look, with since when it is so by what a room that watches has kept.

    It watches when what it kept ends no longer than `within` seconds, and the usual silence, before the look.
    """
    kept = watched.transitions.get(state.service.id, ())
    if not kept or kept[-1].after is not state.health or watched.until is None or state.probed_at is None:
        return state
    if (state.probed_at - watched.until).total_seconds() > within + STALE_AFTER * _pace(state):
        return state
    flaps = _flaps(state.service, kept, state.probed_at)
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


def shown(state: ServiceState, now: datetime) -> ServiceState:
    """`state` as it may be shown at `now`.

    UNKNOWN when its last answer is too old to say anything; MAINTENANCE while planned work is on, whatever
    the probes find meanwhile.
    """
    if state.service.maintenance:
        planned = maintenance.current(state.service.maintenance, now)
        if planned is not None:
            return _planned(aged(state, now), planned)
    return aged(state, now)


def _planned(state: ServiceState, planned: maintenance.Planned) -> ServiceState:
    from controlroom.domain import zones

    window = planned.window
    until = zones.label(planned.end, window.zone or "UTC")
    told = state.reason if state.health in (Health.UP, Health.UNKNOWN) else f"{state.health}: {state.reason}"
    return replace(
        state,
        health=Health.MAINTENANCE,
        since=planned.start,
        reason=f"{window.text or 'planned work'} until {until}" + (f"; {told}" if told else ""),
        caused_by=None,
    )


def aged(state: ServiceState, now: datetime) -> ServiceState:
    """`state` at `now`, UNKNOWN when its last answer is too old to say anything."""
    if state.probed_at is None or state.health is Health.UNKNOWN or not _silent(state, now):
        return state
    age = duration((now - state.probed_at).total_seconds())
    why = state.detail.get(NOT_PROBED)
    return replace(
        state,
        health=Health.UNKNOWN,
        since=state.probed_at + timedelta(seconds=STALE_AFTER * _pace(state)),
        reason=f"not probed for {age}, was {state.health}" + (f": {why}" if why else ""),
        caused_by=None,
    )


def settle(states: Sequence[ServiceState], now: datetime) -> Sequence[ServiceState]:
    """All of `states` as they may be shown at `now`; the same object where none is too old."""
    settled = tuple(shown(state, now) for state in states)
    return states if all(a is b for a, b in zip(settled, states, strict=True)) else settled


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
