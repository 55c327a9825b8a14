"""What a kind of service is asked beyond whether it answers: a table of `[[services]]` for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.secret import SecretRef


@dataclass(frozen=True, slots=True)
class RedisAsks:
    """`redis.…`: Redis alone, behind Sentinel or as a cluster."""

    role: Literal["master", "replica"] | None = None
    """DEGRADED when it has another role."""
    replicas: int | None = None
    """Replicas a master must have in step; fewer is DEGRADED."""
    lag: float | None = None
    """Seconds a replica may be behind; None judges its link only."""
    memory: float | None = None
    """Share of `maxmemory` above which it is DEGRADED; None is 0.9 where nothing is evicted, and not judged
    where something is. Without a limit nothing is judged."""


@dataclass(frozen=True, slots=True)
class KafkaAsks:
    """`kafka.…`: a cluster, its topics and who reads them."""

    brokers: int | None = None
    """Brokers that must be alive; fewer is DEGRADED."""
    topics: Mapping[str, int] = field(default_factory=dict)
    """Topic that must exist → its number of partitions; 0 is any."""
    traffic: tuple[str, ...] = ()
    """Topics that must be written to."""
    quiet: float = 300.0
    """Seconds such a topic may stand still before it is DEGRADED."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Consumer group → messages it may be behind."""
    watch: Mapping[str, float] = field(default_factory=dict)
    """Topics of squads that are told of and not judged → seconds each may stand still."""


@dataclass(frozen=True, slots=True)
class PostgresAsks:
    """`postgres.…`: a server and how much of it is left."""

    query: str = "SELECT 1"
    """A statement that must succeed; it is run read-only."""
    role: Literal["primary", "replica"] | None = None
    """DEGRADED when it has another role."""
    lag: float | None = 60.0
    """Seconds a replica may be behind its primary; None is not judged."""
    replicas: int | None = None
    """Replicas that must be streaming from a primary; fewer is DEGRADED."""
    connections_left: int = 3
    """Fewer free connections are DEGRADED."""
    transaction: float | None = None
    """Seconds; a transaction open longer is DEGRADED."""


@dataclass(frozen=True, slots=True)
class TemporalAsks:
    """`temporal.…`: a namespace and the workers it needs."""

    namespace: str = "default"
    task_queues: tuple[str, ...] = ()
    """Task queues that must have a poller, for workflows or for activities."""


@dataclass(frozen=True, slots=True)
class GrpcAsks:
    """`grpc.…`: the health protocol."""

    service: str = ""
    """Name of the service within the server; empty is the server as a whole."""


@dataclass(frozen=True, slots=True)
class HttpAsks:
    """`http.…`: how the answer of a known product reads."""

    preset: str | None = None
    """``somabrain``, ``grafana`` and so on: the path and the meaning of what it answers."""


@dataclass(frozen=True, slots=True)
class TlsAsks:
    """`tls.…`: how long a certificate must still be good."""

    warn_days: float = 21.0
    """Days left below which it is DEGRADED."""
    down_days: float = 3.0
    """Days left below which it is DOWN."""
    name: str | None = None
    """The host name asked for, where it is not the one in the url."""


@dataclass(frozen=True, slots=True)
class DnsAsks:
    """`dns.…`: a question to a name server."""

    type: Literal["A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT", "PTR", "CAA"] = "A"
    server: str | None = None
    """``host`` or ``host:port`` of the name server; None is the system's."""
    expect: tuple[str, ...] = ()
    """Answers that must all be among those that come."""


@dataclass(frozen=True, slots=True)
class CommandAsks:
    """`command.…`: a program of one's own; no shell is involved."""

    run: tuple[str, ...] = ()
    """The program and its arguments, relative to the configuration's folder."""
    exits: Literal["plain", "nagios"] = "plain"
    """``plain``: 0 is UP, anything else DOWN; ``nagios``: 1 is DEGRADED, 2 DOWN, 3 UNKNOWN."""
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)
    """Environment variables besides the room's own; text or a reference to a secret."""


@dataclass(frozen=True, slots=True)
class HeartbeatAsks:
    """`heartbeat.…`: a job that must report in, by `controlroom heartbeat NAME` or by a file it writes."""

    every: float = 86_400.0
    """Seconds between two reports, as the job is planned."""
    grace: float = 600.0
    """Seconds it may be late."""
    file: str | None = None
    """A file whose age counts instead, relative to the configuration's folder."""


@dataclass(frozen=True, slots=True)
class PromqlAsks:
    """`promql.…`: anything that a Prometheus knows, and its thresholds."""

    query: str = ""
    """An expression; the worst of its series counts."""
    degraded: str | None = None
    """A comparison such as ``> 0.8``: a value it holds for is DEGRADED."""
    down: str | None = None
    """The same for DOWN."""
    empty: Literal["unknown", "up", "degraded", "down"] = "unknown"
    """What no series at all means: ``unknown``, ``up``, ``degraded`` or ``down``."""
    unit: str = ""
    """Shown after the value."""
