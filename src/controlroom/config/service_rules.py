"""What types cannot say of `[[services]]`: addresses fit the kind, limits make sense, every table is used."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from controlroom.config.places import Findings, Place
from controlroom.config.spelling import did_you_mean
from controlroom.domain.comparison import comparison
from controlroom.domain.services import Service

if TYPE_CHECKING:
    from controlroom.probes import Kind

Kinds = Mapping[str, "Kind"]

SHORTEST = 0.05
"""Seconds between two polls at least; less is a mistake, not a wish."""

LONGEST = 7 * 86_400.0
YEAR = 366 * 86_400.0
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SSLMODES = ("disable", "require", "verify-ca", "verify-full")


def service(service: Service, place: Place, found: Findings, kinds: Kinds) -> None:
    """Add what is wrong with one service; `kinds` are those the program can probe."""
    kind = kinds.get(service.kind)
    if found.has((*place, "kind")):
        pass  # what its address should be is anybody's guess
    elif kind is None:
        remedy = did_you_mean(service.kind, kinds, f"the kinds are {', '.join(kinds)}")
        found.add((*place, "kind"), f'there is no service kind "{service.kind}"', remedy)
    else:
        _where(service, kind, place, found)
        _asks(service, place, found, kinds)
    between(service.interval, SHORTEST, LONGEST, (*place, "interval"), found)
    between(service.timeout, 0.001, 3600, (*place, "timeout"), found)
    between(service.latency_ms, 0.001, 3_600_000, (*place, "latency_ms"), found)
    between(service.down_after, 1, 1000, (*place, "down_after"), found)
    between(service.up_after, 1, 1000, (*place, "up_after"), found)
    for number, status in enumerate(service.status):
        between(status, 100, 599, (*place, "status", number), found)
    for number, rule in enumerate(service.rules):
        if not rule.equals and rule.below is None and rule.above is None:
            remedy = 'add equals = ["ok"], below = 100 or above = 0'
            found.add((*place, "rules", number), "the rule asks for nothing", remedy)
    for name in service.headers:
        if not _HEADER_NAME.fullmatch(name):
            found.add((*place, "headers", name), "this is no header name", "use letters, digits and dashes")
    if service.token is not None and service.password is not None:
        found.add((*place, "token"), "both a token and a password", "keep the one the server asks for")


def address(url: str, kind: Kind, place: Place, found: Findings) -> None:
    """An address that no probe of this kind could use. Its text is not repeated: it may hold a password."""
    remedy = f'write it like url = "{kind.url}"'
    if any(c.isspace() for c in url):
        found.add(place, "the address holds spaces", remedy)
        return
    scheme, mark, rest = url.partition("://")
    if mark and scheme.lower() not in kind.schemes:
        expected = " or ".join(f"{one}://" for one in kind.schemes)
        found.add(place, f"the address does not begin with {expected}", remedy)
        return
    if not mark and not kind.bare:
        expected = " or ".join(f"{one}://" for one in kind.schemes)
        found.add(place, f"the address does not begin with {expected}", remedy)
        return
    for host, port in _hosts(rest if mark else url):
        if port is not None and not (port.isdecimal() and 0 < int(port) < 65_536):
            found.add(place, "the address has no valid host and port", remedy)
        elif not host:
            found.add(place, "the address names no host", remedy)
        elif port is None and kind.port is None:
            found.add(place, "the address has no port", remedy)
        else:
            continue
        return


def _hosts(rest: str) -> Iterator[tuple[str, str | None]]:
    """Host and written port of each address before the path; a cluster has several."""
    try:
        where = urlsplit(f"//{rest}").netloc.rpartition("@")[2]
    except ValueError:
        yield "", "?"
        return
    for one in where.split(","):
        if one.startswith("["):
            host, _, port = one[1:].partition("]")
            yield host, port.removeprefix(":") if port else None
        else:
            host, colon, port = one.partition(":")
            yield host, port if colon else None


def between(value: float | None, low: float, high: float, place: Place, found: Findings) -> None:
    """Add a finding where a number is out of its range."""
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        name = next(part for part in reversed(place) if isinstance(part, str))
        found.add(place, f"{name} is out of range", f"choose between {_plain(low)} and {_plain(high)}")


def _plain(number: float) -> str:
    """A number as people write it, without an exponent."""
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _where(service: Service, kind: Kind, place: Place, found: Findings) -> None:
    if not kind.schemes:
        if service.url:
            remedy = f"take it out: {service.kind}.… says what is looked at"
            found.add((*place, "url"), f"a {service.kind} has no address", remedy)
    elif not service.url:
        found.add((*place, "url"), "url is missing", f'say where it is: url = "{kind.url}"')
    else:
        address(service.url, kind, (*place, "url"), found)


def _asks(service: Service, place: Place, found: Findings, kinds: Kinds) -> None:
    """Every table of a kind belongs to a service of that kind; the rest of its rules by kind."""
    named = {f.name for f in fields(service)} & set(kinds)
    for name in sorted(named - {service.kind}):
        if getattr(service, name) is not None:
            remedy = f'take it out, or make it kind = "{name}"'
            found.add((*place, name), f"{name} says nothing of a {service.kind} service", remedy)
    check = _RULES.get(service.kind)
    if check is not None:
        check(service, (*place, service.kind), found)


def _http(service: Service, place: Place, found: Findings) -> None:
    name = service.http.preset if service.http else None
    if name is None:
        return
    from controlroom.probes.presets import PRESETS

    if name not in PRESETS:
        remedy = did_you_mean(name, PRESETS, f"the presets are {', '.join(PRESETS)}")
        found.add((*place, "preset"), f'there is no preset "{name}"', remedy)
    elif service.status:
        remedy = "take one of the two out"
        found.add((*place[:-1], "status"), f"the preset {name} knows its status codes itself", remedy)


def _redis(service: Service, place: Place, found: Findings) -> None:
    if asks := service.redis:
        between(asks.memory, 0.01, 1, (*place, "memory"), found)
        between(asks.lag, 0.1, YEAR, (*place, "lag"), found)
        between(asks.replicas, 0, 1000, (*place, "replicas"), found)


def _kafka(service: Service, place: Place, found: Findings) -> None:
    if asks := service.kafka:
        between(asks.brokers, 1, 10_000, (*place, "brokers"), found)
        between(asks.quiet, 1, YEAR, (*place, "quiet"), found)
        for topic, partitions in asks.topics.items():
            between(partitions, 0, 1_000_000, (*place, "topics", topic), found)
        for group, lag in asks.groups.items():
            between(lag, 0, 2**62, (*place, "groups", group), found)


def _postgres(service: Service, place: Place, found: Findings) -> None:
    _sslmode(service.url, (*place[:-1], "url"), found)
    if asks := service.postgres:
        between(asks.lag, 0.001, YEAR, (*place, "lag"), found)
        between(asks.transaction, 0.001, YEAR, (*place, "transaction"), found)
        between(asks.replicas, 0, 1000, (*place, "replicas"), found)
        between(asks.connections_left, 0, 1_000_000, (*place, "connections_left"), found)
        if not asks.query.strip():
            found.add((*place, "query"), "query is empty", 'write query = "SELECT 1", or leave it out')


def _sslmode(url: str, place: Place, found: Findings) -> None:
    """What `sslmode` may be, as the probe knows it: libpq has two more, which verify nothing."""
    if found.has(place):
        return
    mode = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)).get("sslmode")
    if mode and mode not in _SSLMODES:
        remedy = "write sslmode=disable, require, verify-ca or verify-full"
        found.add(place, "the address asks for an sslmode that is not possible", remedy)


def _temporal(service: Service, place: Place, found: Findings) -> None:
    if service.temporal and not service.temporal.namespace.strip():
        found.add((*place, "namespace"), "namespace is empty", 'write "default", or leave it out')


def _tls(service: Service, place: Place, found: Findings) -> None:
    if asks := service.tls:
        between(asks.warn_days, 0, 3650, (*place, "warn_days"), found)
        between(asks.down_days, 0, 3650, (*place, "down_days"), found)
        if asks.down_days > asks.warn_days:
            remedy = "down_days is the smaller of the two"
            found.add((*place, "down_days"), "it would be DOWN before it is DEGRADED", remedy)


def _dns(service: Service, place: Place, found: Findings) -> None:
    server = service.dns.server if service.dns else None
    if server is None:
        return
    remedy = 'write server = "10.0.0.2", "10.0.0.2:5353" or "[fd00::2]"'
    for host, port in _hosts(server.removeprefix("dns://")):
        if not host or (port is not None and not (port.isdecimal() and 0 < int(port) < 65_536)):
            found.add((*place, "server"), "server is no host and port", remedy)


def _command(service: Service, place: Place, found: Findings) -> None:
    asks = service.command
    if asks is None or not asks.run:
        remedy = 'write command.run = ["./check-disk", "/var"]'
        found.add((*place, "run"), "it says no command", remedy)
        return
    for name in asks.env:
        if not _VARIABLE.fullmatch(name):
            remedy = "use letters, digits and underscores"
            found.add((*place, "env", name), "this is no name of an environment variable", remedy)


def _heartbeat(service: Service, place: Place, found: Findings) -> None:
    if asks := service.heartbeat:
        between(asks.every, 1, YEAR, (*place, "every"), found)
        between(asks.grace, 0, YEAR, (*place, "grace"), found)


def _promql(service: Service, place: Place, found: Findings) -> None:
    asks = service.promql
    if asks is None or not asks.query.strip():
        remedy = """write promql.query = 'sum(rate(errors_total[5m]))', with promql.down = "> 1\""""
        found.add((*place, "query"), "it says no expression", remedy)
        return
    for name in ("degraded", "down"):
        said = getattr(asks, name)
        if said is not None and comparison(said) is None:
            found.add((*place, name), f"{name} is no comparison", f'write {name} = "> 0.8"')


_RULES = {
    "http": _http,
    "redis": _redis,
    "kafka": _kafka,
    "postgres": _postgres,
    "temporal": _temporal,
    "tls": _tls,
    "dns": _dns,
    "command": _command,
    "heartbeat": _heartbeat,
    "promql": _promql,
}
