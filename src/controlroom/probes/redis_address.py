"""Where a Redis is: alone, behind Sentinel, or as a cluster.

``redis://[user[:password]@]host[:port][/db]``, ``redis+sentinel://host[:port],…/master[/db]`` and
``redis+cluster://host[:port],…``; ``rediss`` is the same over TLS, and ``host:port`` a Redis alone.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal
from urllib.parse import unquote

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health
from controlroom.domain.text import clean
from controlroom.probes.address import host_and_port
from controlroom.probes.port import Trouble

Place = tuple[str, int]
"""Host and port."""

Way = Literal["single", "sentinel", "cluster"]

_KINDS: dict[str, Way] = {
    "redis": "single",
    "rediss": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}


@dataclass(frozen=True, slots=True)
class Where:
    """An address taken apart."""

    kind: Way
    tls: bool
    places: tuple[Place, ...]
    """The server, or the sentinels, or some nodes of the cluster."""
    master: str = ""
    """The name Sentinel knows the master by."""
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def parse(url: str) -> Where:
    """`url` taken apart. Raises Trouble, UNKNOWN: such an address cannot be asked."""
    scheme, mark, rest = url.strip().partition("://")
    if not mark:
        scheme, rest = "redis", scheme
    kind = _KINDS.get(scheme.lower())
    if kind is None:
        raise Trouble(f"the url begins with {clean(scheme, 20)}://, not redis://", Health.UNKNOWN)
    netloc, _, path = rest.partition("?")[0].partition("/")
    user, _, hosts = netloc.rpartition("@")
    written = hosts.split(",")
    if kind == "single" and len(written) > 1:
        raise Trouble("several hosts: write redis+sentinel:// or redis+cluster://", Health.UNKNOWN)
    default = 26379 if kind == "sentinel" else 6379
    places = dict.fromkeys(host_and_port(one.strip(), ("redis",), default) for one in written)
    steps = [unquote(step) for step in path.split("/") if step]
    if kind == "sentinel" and not steps:
        raise Trouble("the url names no master: redis+sentinel://host:26379/mymaster", Health.UNKNOWN)
    master = steps.pop(0) if kind == "sentinel" else ""
    database = "/".join(steps) or "0"
    if not (database.isascii() and database.isdecimal() and len(database) < 6):
        raise Trouble("the url's database is no number", Health.UNKNOWN)
    name, _, password = user.partition(":")
    return Where(
        kind,
        scheme.lower().startswith("rediss"),
        tuple(places),
        master,
        0 if kind == "cluster" else int(database),
        unquote(name) or None,
        unquote(password) or None,
    )


def shown(place: Place, limit: int = 60) -> str:
    """``host:port``, as it may be shown, with at most `limit` characters of the host."""
    host = clean(place[0], limit)
    return f"[{host}]:{place[1]}" if ":" in host else f"{host}:{place[1]}"
