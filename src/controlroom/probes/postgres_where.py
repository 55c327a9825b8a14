"""Where a PostgreSQL is and how it is spoken to: its url, and what `sslmode` means here.

`sslmode` has the names that libpq gives it (PostgreSQL documentation, 34.1.1 Connection Strings), with two
differences: `require` verifies the certificate unless the service says `verify = false`, and what verifies
nothing without saying so (`prefer`, `allow`) is refused.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health, Service
from controlroom.net.threads import in_daemon
from controlroom.probes.address import port_of, split
from controlroom.probes.port import Context, Trouble
from controlroom.probes.wording import foreign

SCHEMES = ("postgres", "postgresql")
PORT = 5432
USER = "postgres"
"""Where nobody says who asks."""

_FILES = {"sslrootcert": "ca", "sslcert": "cert", "sslkey": "key"}
"""What libpq has in the url and a service has in keys of its own."""

_HARMLESS = frozenset({"application_name", "fallback_application_name", "connect_timeout", "channel_binding"})
"""Parameters that people paste along and that make no difference to a probe."""

Tls = Literal["none", "chain", "host"]
"""No TLS; TLS whose certificate is of a known CA; TLS as the service's `verify` says, the name included."""


@dataclass(frozen=True, slots=True)
class Where:
    """A server, a database in it, and who asks."""

    host: str
    port: int
    database: str
    user: str
    password: str | None
    """The one written in the url."""
    tls: Tls


def where_is(service: Service) -> Where:
    """What `service.url` says. Raises Trouble."""
    url = split(service.url, SCHEMES)
    user = service.username or unquote(url.username or "") or USER
    database = unquote(url.path.removeprefix("/")) or user
    if "\0" in user + database:
        raise Trouble("the url holds a zero byte", Health.UNKNOWN)
    return Where(
        url.hostname or "",
        port_of(url, PORT),
        database,
        user,
        unquote(url.password) if url.password else None,
        _tls(service, dict(parse_qsl(url.query, keep_blank_values=True))),
    )


async def context_for(where: Where, service: Service, context: Context) -> ssl.SSLContext | None:
    """How to speak TLS with it, None where it is not spoken. Raises Trouble."""
    if where.tls == "none":
        return None
    shared = await context.tls(service)
    if where.tls == "host":
        return shared
    # That one belongs to all services with these files; it has shown that they can be used.
    return await in_daemon(_any_host, service, context.folder)


def _tls(service: Service, given: dict[str, str]) -> Tls:
    for name in given:
        if name in _FILES:
            raise Trouble(f"{name} does not belong in the url: write {_FILES[name]} = …", Health.UNKNOWN)
        if name != "sslmode" and name not in _HARMLESS:
            raise Trouble(f"the url has a parameter that is not known: {foreign(name, 30)}", Health.UNKNOWN)
    mode = given.get("sslmode", "")
    if mode == "disable":
        return "none"
    if mode in ("prefer", "allow"):
        raise Trouble(f"sslmode={mode} verifies nothing: write verify-full, or disable", Health.UNKNOWN)
    if mode in ("verify-ca", "verify-full") and not service.verify:
        raise Trouble(f"sslmode={mode} and verify = false: write sslmode=require", Health.UNKNOWN)
    if mode == "verify-ca":
        return "chain"
    if mode in ("require", "verify-full"):
        return "host"
    if mode:
        words = "write disable, require, verify-ca or verify-full"
        raise Trouble(f"sslmode={foreign(mode, 20)} is not known: {words}", Health.UNKNOWN)
    return "host" if service.ca or service.cert else "none"


def _any_host(service: Service, folder: Path) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=_path(service.ca, folder))
        made.check_hostname = False
        if cert := _path(service.cert, folder):
            made.load_cert_chain(cert, _path(service.key, folder), password="")
    except OSError:
        raise Trouble("the files of ca, cert or key can no longer be read", Health.UNKNOWN) from None
    return made


def _path(name: str | None, folder: Path) -> str | None:
    return str(folder / Path(name).expanduser()) if name else None
