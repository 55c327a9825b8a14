"""Health of services: what a probe found, and the state that follows (domain rules, Service health)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from controlroom.domain import maintenance
from controlroom.domain.freshness import STALE_AFTER, Freshness, freshness
from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import duration
from controlroom.domain.services import Health, Service


@dataclass(frozen=True, slots=True)
class TopicTraffic:
    """How one topic of a cluster moves, as far as its offsets tell."""

    topic: str
    moved_at: datetime | None = None
    """When the last message is known to have come; None: no message is known."""
    still_since: datetime | None = None
    """Since when it is known that none came; None where it moves, or nobody has watched for long enough."""
    error: str = ""
    """Why nothing is known of it: it does not exist, may not be described, …"""
    missing: bool = False
    """It does not exist."""
    carried_since: datetime | None = None
    """Since when it has moved without ever standing still for longer than it may, as far as is known."""
    stamped: bool = False
    """It has not been seen to move: the times are those of its messages, by the clocks of who wrote them."""
    watched_since: datetime | None = None
    """Since when it has been looked at."""


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
    traffic: tuple[TopicTraffic, ...] = ()
    """Topics that must carry traffic, of a cluster that was asked about them."""


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
    traffic: tuple[TopicTraffic, ...] = ()
    """Topics that must carry traffic, as last told; empty where nobody asked or nothing answered."""


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
        transitions = worth_keeping((*transitions, change), result.at)
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
        flaps=flapped(state.service, transitions, result.at),
        transitions=transitions,
        detail=state.detail if state.detail == result.detail else result.detail,
        caused_by=state.caused_by,
        verified=state.verified,
        unreachable=failed and result.unreachable,
        raw=state.raw if not result.raw or result.raw == state.raw else result.raw,
        answered_at=result.at if result.raw else state.answered_at,
        traffic=state.traffic if state.traffic == result.traffic else result.traffic,
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
    at = state.probed_at + timedelta(seconds=STALE_AFTER * pace(state))
    reason = f"not probed for {duration((now - state.probed_at).total_seconds())}"
    change = Transition(at, state.health, Health.UNKNOWN, reason)
    return replace(
        state,
        health=Health.UNKNOWN,
        since=at,
        failures=0,
        successes=0,
        transitions=worth_keeping((*state.transitions, change), now),
    )


def _silent(state: ServiceState, now: datetime) -> bool:
    return freshness(state.probed_at, now, pace(state)) is Freshness.STALE


def pace(state: ServiceState) -> float:
    """Seconds that pass between two answers when all is well."""
    return max(state.interval, state.service.timeout or 0.0)


def worth_keeping(transitions: tuple[Transition, ...], now: datetime) -> tuple[Transition, ...]:
    """The last hour's, and of earlier ones as many as make `TRANSITIONS_KEPT`."""
    if len(transitions) <= TRANSITIONS_KEPT:
        return transitions
    recent = sum(now - change.at < HOUR for change in transitions)
    # One more than the hour's own tells what was before them.
    return transitions[-min(max(recent + 1, TRANSITIONS_KEPT), TRANSITIONS_AT_MOST) :]


def flapped(service: Service, transitions: Iterable[Transition], now: datetime) -> int:
    """Transitions of the hour before `now`; becoming known and planned work are none."""
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
        since=state.probed_at + timedelta(seconds=STALE_AFTER * pace(state)),
        reason=f"not probed for {age}, was {state.health}" + (f": {why}" if why else ""),
        caused_by=None,
    )


def settle(states: Sequence[ServiceState], now: datetime) -> Sequence[ServiceState]:
    """All of `states` as they may be shown at `now`; the same object where none is too old."""
    settled = tuple(shown(state, now) for state in states)
    return states if all(a is b for a, b in zip(settled, states, strict=True)) else settled
