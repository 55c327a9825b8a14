"""Where a log in Redis is: its URL, taken apart, and shown again without secrets.

``redis://[user[:password]@]host[:port][/db]`` · ``rediss://`` the same with TLS ·
``redis+unix:///path?db=0`` · ``redis+sentinel://host[:port],…/master[/db]`` ·
``redis+cluster://host[:port],…`` · ``rediss+sentinel`` and ``rediss+cluster`` the same with TLS.
``?prefix=NAME`` names the log, so that programmes may share a server.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from controlroom.domain.frozen import dataclass

Kind = Literal["single", "socket", "sentinel", "cluster"]

_KINDS: dict[str, tuple[Kind, bool]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "redis+unix": ("socket", False),
    "unix": ("socket", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
SCHEMES = frozenset(_KINDS)
"""What a URL of a log in Redis may begin with."""

DEFAULT_PREFIX = "controlroom"

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_MASTER = re.compile(r"[!-~]{1,100}")
_HOST = re.compile(
    r"\[(?P<six>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\](?::(?P<port6>.*))?|(?P<name>[^:\s\[\]]+)(?::(?P<port>.*))?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A log's place: which servers, which database, which keys."""

    kind: Kind
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    """The server, or the sentinels, or some nodes of the cluster; none for a socket."""
    path: str = ""
    """Of the socket."""
    master: str = ""
    """The name Sentinel knows the master by."""
    db: int = 0
    prefix: str = DEFAULT_PREFIX
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def keys(self) -> tuple[str, str, str]:
        """The stream, the heads and the ids: one hash tag, hence one slot of a cluster."""
        tag = f"{{{self.prefix}}}"
        return f"{tag}:log", f"{tag}:heads", f"{tag}:ids"

    @property
    def shown(self) -> str:
        """The URL without user and password, the same however it was spelled."""
        scheme = next(name for name, kind in _KINDS.items() if kind == (self.kind, self.tls))
        tail = f"?prefix={self.prefix}"
        if self.kind == "socket":
            return f"{scheme}://{quote(self.path)}{tail}&db={self.db}"
        hosts = ",".join(f"{bracketed(host)}:{port}" for host, port in sorted(self.hosts))
        master = f"/{quote(self.master, safe='')}" if self.master else ""
        return f"{scheme}://{hosts}{master}/{self.db}{tail}"


def bracketed(host: str) -> str:
    """`host` as it stands before a colon."""
    return f"[{host}]" if ":" in host else host


def is_redis(url: str) -> bool:
    """Whether `url` names a log in Redis, well or badly."""
    return url.strip().partition("://")[0].lower() in SCHEMES


def parse(url: str) -> Address:
    """`url` taken apart. Raises ValueError in words fit for a message, without anything secret in it."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # its own words may hold the password
        raise ValueError("not a URL: check its brackets and characters") from None
    scheme = parts.scheme.lower()
    if scheme not in _KINDS:
        raise ValueError(f"a Redis url begins with {'://, '.join(sorted(SCHEMES))}://")
    kind, tls = _KINDS[scheme]
    if parts.fragment or "@" in parts.path:
        raise ValueError(
            "write /, ?, # and @ in a password as %2F, %3F, %23 and %40, or use [store].password"
        )
    options = _options(parts, kind)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    steps = [unquote(step) for step in parts.path.split("/")[1:] if step]
    path = master = ""
    hosts: tuple[tuple[str, int], ...] = ()
    if kind == "socket":
        path = unquote(parts.path)
        if place or not path.startswith("/") or "\0" in path or path.endswith("/"):
            raise ValueError("a socket's url has three slashes and a path: redis+unix:///run/redis.sock")
        steps = [options.get("db", "0")]
    else:
        hosts = _hosts(place, 26379 if kind == "sentinel" else 6379)
        if kind == "single" and len(hosts) > 1:
            raise ValueError("several hosts: write redis+sentinel:// or redis+cluster://")
    if kind == "sentinel":
        if not steps or not _MASTER.fullmatch(steps[0]):
            raise ValueError("a Sentinel url names the master: redis+sentinel://host:26379/mymaster")
        master = steps.pop(0)
    return Address(
        kind=kind,
        tls=tls,
        hosts=hosts,
        path=path,
        master=master,
        db=_database(steps, kind),
        prefix=_prefix(options),
        username=unquote(name) or None,
        password=unquote(password) or None,
    )


def _options(parts: SplitResult, kind: Kind) -> dict[str, str]:
    known = {"prefix", "db"} if kind == "socket" else {"prefix"}
    options: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in known:
            raise ValueError("of options after ? a Redis url has only " + " and ".join(sorted(known)))
        if key in options:
            raise ValueError(f"{key} stands twice in the url")
        options[key] = value
    return options


def _prefix(options: dict[str, str]) -> str:
    prefix = options.get("prefix", DEFAULT_PREFIX)
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("prefix is 1 to 64 letters, digits, and _ . : - between them")
    return prefix


def _database(steps: list[str], kind: Kind) -> int:
    if len(steps) > 1:
        raise ValueError("the url's path has more than its database in it")
    text = steps[0] if steps else "0"
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise ValueError("the url's database is no number")
    if kind == "cluster" and int(text):
        raise ValueError("a cluster has database 0 only; name the log with ?prefix=")
    return int(text)


def _hosts(place: str, default: int) -> tuple[tuple[str, int], ...]:
    found: dict[tuple[str, int], None] = {}
    for text in place.split(","):
        match = _HOST.fullmatch(text.strip())
        if match is None:
            raise ValueError("the url's host is missing or cannot be read")
        port = match["port6"] or match["port"] or str(default)
        if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65_536):
            raise ValueError("the url's port is no number between 1 and 65535")
        found[unquote(match["six"] or match["name"]).lower(), int(port)] = None
    return tuple(found)
