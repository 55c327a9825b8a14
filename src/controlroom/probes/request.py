"""What is sent to a web service: where, and the bytes, credentials included."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, unquote, urlsplit

from controlroom import __version__
from controlroom.domain.frozen import dataclass
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.probes.address import port_of, split
from controlroom.probes.port import Context, Trouble

PORTS = {"http": 80, "https": 443}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent. Connections may be shared by everyone with the same `origin`."""

    host: str
    port: int
    tls: bool
    origin: tuple[object, ...]
    raw: bytes
    bodiless: bool
    """Its answer has no body (HEAD)."""
    repeatable: bool
    """Sending it twice does no harm."""
    secrets: tuple[SecretRef, ...]


async def build(service: Service, context: Context, path: str = "", form: bytes = b"") -> Request:
    """The request for `service`, at `path` below its url (the url itself when empty). Raises Trouble.

    `path` may have a query. With a `form` (urlencoded) it is posted: a question too long for a url.
    """
    where = split(service.url, tuple(PORTS))
    host = where.hostname or ""
    port = port_of(where, PORTS[where.scheme])
    method = "POST" if form else service.method.upper()
    if not method or not method.isalpha() or not method.isascii():
        raise Trouble(f"not an HTTP method: {clean(service.method, 20)}", Health.UNKNOWN)
    headers = await _headers(service, where, context)
    below, _, asked = path.partition("?")
    target = quote(_below(where.path, below) if path else where.path or "/", safe=_SAFE)
    if query := asked if path else where.query:
        target += "?" + quote(query, safe=_SAFE + "?[]")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if form:
        lines.append("Content-Type: application/x-www-form-urlencoded")
    if method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(form)}")
    return Request(
        host=host,
        port=port,
        tls=where.scheme == "https",
        origin=(where.scheme, host, port, service.ca, service.verify, service.cert, service.key),
        raw=("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + form,
        bodiless=method == "HEAD",
        repeatable=bool(form) or method in ("GET", "HEAD", "OPTIONS"),
        secrets=tuple(secrets_of(service)),
    )


def secrets_of(service: Service) -> list[SecretRef]:
    """Every reference to a secret that `service` holds."""
    given = service.command.env.values() if service.command else ()
    named = (*service.headers.values(), *given, service.password, service.token)
    return [secret for secret in named if isinstance(secret, SecretRef)]


def written_in(service: Service) -> list[str]:
    """Secrets that stand in the url itself."""
    try:
        password = urlsplit(service.url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def _below(base: str, path: str) -> str:
    """`path` below `base`; people paste the address of the readiness page, too."""
    return base.rstrip("/").removesuffix("/-/ready").removesuffix("/-/healthy") + path


def _host_header(where: SplitResult) -> str:
    host = where.hostname or ""
    try:
        host = f"[{host}]" if ":" in host else host.encode("ascii" if host.isascii() else "idna").decode()
    except UnicodeError:
        raise Trouble(f"not a host name: {clean(host, 60)}", Health.UNKNOWN) from None
    port = port_of(where, PORTS[where.scheme])
    return host if port == PORTS[where.scheme] else f"{host}:{port}"


async def _headers(service: Service, where: SplitResult, context: Context) -> Mapping[str, str]:
    headers = {
        "Host": _host_header(where),
        "User-Agent": f"controlroom/{__version__}",
        "Accept": "application/json, text/plain;q=0.9, */*;q=0.5",
        "Accept-Encoding": "identity",
    }
    credentials = await authorization(service, where, context)
    if credentials:
        headers["Authorization"] = credentials
    for name, value in service.headers.items():
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
        headers[name] = await context.secret(value) if isinstance(value, SecretRef) else value
    for name, value in headers.items():
        if not name or not _TOKEN.issuperset(name):
            raise Trouble(f"not a header name: {clean(name, 40)}", Health.UNKNOWN)
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise Trouble(f"the value of header {name} has a line break or control character", Health.UNKNOWN)
    return headers


async def authorization(service: Service, where: SplitResult, context: Context) -> str | None:
    """What to show who asks for credentials: those of `service`, or of its url. Raises Trouble."""
    if service.token is not None:
        return f"Bearer {await context.secret(service.token)}"
    user = service.username or (unquote(where.username) if where.username else None)
    password = unquote(where.password) if where.password else ""
    if service.password is not None:
        password = await context.secret(service.password)
    if user is None and not password:
        return None
    return "Basic " + base64.b64encode(f"{user or ''}:{password}".encode()).decode()
