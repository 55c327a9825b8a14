"""Health of services: what a probe found, and the state that follows (domain rules, Service health)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controlroom.domain.secret import SecretRef


class Health(StrEnum):
    """State of a service. Absence of data is UNKNOWN, never UP and never DOWN."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a JSON body: the value at `path` (``a.b.0.c``) satisfies it, or it is `otherwise`."""

    path: str
    equals: tuple[str, ...] = ()
    below: float | None = None
    above: float | None = None
    otherwise: Health = Health.DOWN


@dataclass(frozen=True, slots=True)
class Service:
    """`[[services]]`: something that runs, and how to ask it how it is."""

    id: str
    kind: str
    name: str = ""
    url: str = ""
    """``http://…``, ``host:port``, ``redis://…``, as the kind wants it."""
    group: str = ""
    interval: float | None = None
    """Seconds between probes; None is `[polling].services`."""
    timeout: float | None = None
    """Seconds for one whole probe; None is `[polling].timeout`."""
    owner: str | None = None
    """Squad that runs it."""
    squads: tuple[str, ...] = ()
    """Squads that are affected when it is not up."""
    milestones: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    runbook: str | None = None
    down_after: int = 2
    """Consecutive failures before DOWN."""
    up_after: int = 1
    """Consecutive successes before UP."""
    status: tuple[int, ...] = ()
    """HTTP status codes that are fine; empty is any 2xx."""
    latency_ms: float | None = None
    """Slower than this is DEGRADED."""
    rules: tuple[Rule, ...] = ()
    method: str = "GET"
    headers: Mapping[str, str | SecretRef] = field(default_factory=dict)
    username: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    ca: str | None = None
    """Path of a CA bundle."""
    verify: bool = True


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
    """Transitions in the last hour."""
    transitions: tuple[Transition, ...] = ()
    """Newest last, at most 20."""
    detail: Mapping[str, str] = field(default_factory=dict)
    caused_by: str | None = None
    """Id of the DOWN service it depends on, when that explains it."""
    verified: bool = True
    """False while the room itself may be what is cut off."""
