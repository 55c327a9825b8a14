"""Services: what runs, and how to ask it how it is (domain rules, Service health)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from controlroom.domain.frozen import dataclass
from controlroom.domain.secret import SecretRef

if TYPE_CHECKING:  # a room without such a kind does not pay for its table
    from controlroom.domain.asks import (
        CommandAsks,
        DnsAsks,
        GrpcAsks,
        HeartbeatAsks,
        HttpAsks,
        KafkaAsks,
        PostgresAsks,
        PromqlAsks,
        RedisAsks,
        TemporalAsks,
        TlsAsks,
    )
    from controlroom.domain.maintenance import Window


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
    """``http://…``, ``host:port``, ``redis://…``, as the kind wants it; some kinds need none."""
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
    maintenance: tuple[Window, ...] = ()
    """Windows of planned work; those of `[[maintenance]]` that concern it are among them."""
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
    cert: str | None = None
    """PEM file of the certificate shown to servers that ask for one; may hold its key, too."""
    key: str | None = None
    http: HttpAsks | None = None
    redis: RedisAsks | None = None
    kafka: KafkaAsks | None = None
    postgres: PostgresAsks | None = None
    temporal: TemporalAsks | None = None
    grpc: GrpcAsks | None = None
    tls: TlsAsks | None = None
    dns: DnsAsks | None = None
    command: CommandAsks | None = None
    heartbeat: HeartbeatAsks | None = None
    promql: PromqlAsks | None = None
