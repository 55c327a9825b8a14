"""Probes: one file per kind of service, one line in the registry each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from controlroom.probes.port import Probe


class Kind(NamedTuple):
    """What is known of a kind before its module is imported."""

    probe: str
    """The class in the module of the kind's name."""
    url: str = ""
    """An example of its address; empty where it needs none."""
    schemes: tuple[str, ...] = ()
    """What the address may begin with; where `host:port` alone will do, the first is meant."""
    port: int | None = None
    """Where the address names none; 0 where it needs none, None where it must be written."""
    bare: bool = True
    """``host:port`` without a scheme is an address, too."""
    extra: str = ""
    """The extra of the package that brings its client library."""
    pace: float | None = None
    """Seconds between two probes unless the service has its own; None is `[polling].services`."""
    alpn: tuple[str, ...] = ()
    """What TLS is told that will be spoken (RFC 7301); empty says nothing."""


_WEB = ("http", "https")

REGISTRY: Mapping[str, Kind] = {
    "http": Kind("HttpProbe", "http://127.0.0.1:8080/health", _WEB, 0, bare=False),
    "grpc": Kind("GrpcProbe", "127.0.0.1:50051", ("grpc", "grpcs"), alpn=("h2",)),
    "tcp": Kind("TcpProbe", "127.0.0.1:5432", ("tcp",)),
    "tls": Kind("TlsProbe", "example.org:443", ("tls",), 443, pace=60.0),
    "dns": Kind("DnsProbe", "example.org", ("dns",), 0, pace=30.0),
    "redis": Kind(
        "RedisProbe",
        "redis://127.0.0.1:6379",
        ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
        6379,
    ),
    "kafka": Kind("KafkaProbe", "127.0.0.1:9092", ("kafka", "kafka+ssl"), 9092, extra="kafka"),
    "postgres": Kind(
        "PostgresProbe",
        "postgres://room@127.0.0.1:5432/app?sslmode=verify-full",
        ("postgres", "postgresql"),
        5432,
        extra="postgres",
    ),
    "temporal": Kind("TemporalProbe", "127.0.0.1:7233", ("temporal", "temporal+tls"), 7233, alpn=("h2",)),
    "prometheus": Kind("PrometheusProbe", "http://127.0.0.1:9090", _WEB, 0, bare=False),
    "alertmanager": Kind("AlertmanagerProbe", "http://127.0.0.1:9093", _WEB, 0, bare=False),
    "pushgateway": Kind("PushgatewayProbe", "http://127.0.0.1:9091", _WEB, 0, bare=False),
    "promql": Kind("PromqlProbe", "http://127.0.0.1:9090", _WEB, 0, bare=False, pace=15.0),
    "command": Kind("CommandProbe", pace=60.0),
    "heartbeat": Kind("HeartbeatProbe"),
}
"""What `kind` may be in `[[services]]`; a kind is a line here and a module of its name."""

KINDS: tuple[str, ...] = tuple(REGISTRY)


def probe_for(kind: str) -> Probe:
    """A new probe of `kind`; imports its module, and with it the client library, only now.

    Raises KeyError for a kind that is not in `KINDS`, ImportError where its extra is not installed.
    """
    from importlib import import_module

    name = REGISTRY[kind].probe
    probe: Probe = getattr(import_module(f"controlroom.probes.{kind}"), name)()
    return probe
