"""One bounded HTTP exchange with an API, or the reason in plain words why there was none.

    FetchError          title of all: `reason` and `remedy`, both free of secrets
    ├── Unreachable     no usable HTTP answer: refused, no such name, too late, cut off, TLS
    └── Unusable        an answer that cannot be used: a redirect, a login, too long, another kind of server

The deadline covers the whole exchange (a client's read timeout is per chunk, which a drip never reaches),
bodies are capped as received and as decompressed, redirects are reported and not followed, proxies and
`.netrc` from the environment are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import logging
import socket
import ssl
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx

from controlroom import __version__
from controlroom.domain.frozen import dataclass
from controlroom.domain.secret import SecretRef
from controlroom.domain.text import clean
from controlroom.net.threads import in_daemon

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes; a longer body is not read to its end."""

AT_ONCE = 6
KEEP_ALIVE = 120.0
"""Connections to one server, and seconds one is kept for the next look."""

# httpx imports these with its first request: a tenth of a second in which no key would be answered.
for _late in ("httpcore", "httpcore._backends.auto", "anyio", "anyio._backends._asyncio"):
    with contextlib.suppress(ImportError):
        importlib.import_module(_late)

# At INFO it writes every URL, passwords included, to wherever logging goes.
logging.getLogger("httpx").setLevel(logging.WARNING)

Resolve = Callable[[SecretRef], str]
"""Fetches a secret; may block, may raise with a message that is free of secrets."""


class FetchError(Exception):
    """Why there is nothing to read. `reason` and `remedy` are whole phrases for a person."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


class Unreachable(FetchError):
    """No usable HTTP answer came."""


class Unusable(FetchError):
    """An answer came, but not one that can be read."""


class Endpoint(Protocol):
    """How a configured server is reached; `[[prometheus]]` and `[[alertmanagers]]` are such."""

    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def timeout(self) -> float: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> SecretRef | None: ...
    @property
    def token(self) -> SecretRef | None: ...
    @property
    def ca(self) -> str | None: ...
    @property
    def verify(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `date` is its own clock (whole seconds), None where it does not tell."""

    status: int
    body: bytes
    content_type: str = ""
    date: datetime | None = None


class Api:
    """One configured server: a connection pool, its login and the bounded exchange."""

    def __init__(self, endpoint: Endpoint, resolve: Resolve, *, limit: int = BODY_LIMIT) -> None:
        self.endpoint = endpoint
        self.requests = 0
        """Exchanges begun so far."""
        self._resolve = resolve
        self._limit = limit
        self._client: httpx.AsyncClient | None = None
        self._authorization: str | None = None
        self._logged_in = False
        self._opening = asyncio.Lock()

    @property
    def shown(self) -> str:
        """The server's address as it may be shown: without user, password and query."""
        return shown(self.endpoint.url)

    def address(self, path: str) -> str:
        """The URL of `path` under the configured prefix."""
        base = self.endpoint.url.partition("?")[0].partition("#")[0].rstrip("/")
        return base + path

    async def authorization(self) -> str | None:
        """The value of the Authorization header; None without a login. Raises FetchError."""
        await self._open()
        return self._authorization

    async def get(self, path: str) -> Answer:
        """GET `path`. Raises FetchError."""
        return await self._bounded("GET", path, None)

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """POST `form` to `path`; only for what may be asked twice. Raises FetchError."""
        return await self._bounded("POST", path, form)

    async def once(self, method: Literal["POST", "DELETE"], path: str, body: bytes = b"") -> Answer:
        """Send `body` (JSON) to `path` on a connection of its own, and never again. Raises FetchError.

        After Unreachable nobody knows whether it was done.
        """
        self.requests += 1
        own = Api(self.endpoint, self._resolve, limit=self._limit)
        try:
            return await own._bounded(method, path, None, body)
        finally:
            await own.close()

    async def close(self) -> None:
        """Let go of all connections; the next exchange opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _bounded(
        self, method: str, path: str, form: Mapping[str, str] | None, once: bytes | None = None
    ) -> Answer:
        self.requests += 1
        client = await self._open()
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                try:
                    return await self._exchange(client, method, path, form, once)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    if once is not None:
                        raise
                    # A kept connection whose server has been restarted meanwhile fails like this, once.
                    return await self._exchange(client, method, path, form)
        except TimeoutError:
            reason = f"{self.shown} did not answer within {self.endpoint.timeout:g} s"
            raise Unreachable(reason, "see whether it hangs, or raise its timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            raise Unreachable(*self._explained(problem)) from None

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        form: Mapping[str, str] | None,
        body: bytes | None = None,
    ) -> Answer:
        headers = {} if self._authorization is None else {"Authorization": self._authorization}
        if body:
            headers["Content-Type"] = "application/json"
        request = client.build_request(
            method, self.address(path), data=form, content=body or None, headers=headers
        )
        response = await client.send(request, stream=True)
        try:
            self._refused(response)
            received = await self._body(response)
        finally:
            await response.aclose()
        content_type = clean(response.headers.get("content-type", ""), 80)
        return Answer(response.status_code, received, content_type, _date(response.headers.get("date")))

    def _refused(self, response: httpx.Response) -> None:
        status = response.status_code
        if 300 <= status < 400:
            target = shown(response.headers.get("location", "nowhere"))
            raise Unusable(
                f"{self.shown} redirects to {target}", f"set url to {target} if that is the server"
            )
        if status in (401, 403, 407):
            self._logged_in = False  # the secret may have been replaced: fetch it again next time
            raise Unusable(
                f"{self.shown} refuses the login ({status})",
                "set username and password, or token, by reference",
            )

    async def _body(self, response: httpx.Response) -> bytes:
        received = bytearray()
        async for chunk in response.aiter_raw():
            received += chunk
            if len(received) > self._limit:
                raise Unusable(f"{self.shown} answers with more than {self._limit >> 20} MiB")
        encoding = response.headers.get("content-encoding", "identity").strip().casefold()
        if encoding in ("", "identity"):
            return bytes(received)
        if encoding not in ("gzip", "deflate"):
            raise Unusable(f"{self.shown} answers in encoding {clean(encoding, 40)}, which was not asked for")
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            body = inflate.decompress(bytes(received), self._limit + 1)
        except zlib.error:
            raise Unusable(f"{self.shown} answers with broken {encoding}") from None
        if len(body) > self._limit:
            raise Unusable(f"{self.shown} answers with more than {self._limit >> 20} MiB")
        return body

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if not self._logged_in:
                self._authorization = await in_daemon(self._login)
                self._logged_in = True
            if self._client is None:
                self._client = httpx.AsyncClient(
                    headers={
                        "Accept": "application/json",
                        "Accept-Encoding": "identity",
                        "User-Agent": f"controlroom/{__version__}",
                    },
                    verify=await in_daemon(self._trust),
                    trust_env=False,
                    follow_redirects=False,
                    timeout=None,  # noqa: S113 - one deadline stands over the whole exchange
                    limits=httpx.Limits(
                        max_connections=AT_ONCE,
                        max_keepalive_connections=AT_ONCE,
                        keepalive_expiry=KEEP_ALIVE,
                    ),
                )
            return self._client

    def _login(self) -> str | None:
        token, password = self._secret(self.endpoint.token), self._secret(self.endpoint.password)
        if token is not None:
            header = f"Bearer {token}"
        elif self.endpoint.username is not None or password is not None:
            pair = f"{self.endpoint.username or ''}:{password or ''}"
            header = "Basic " + b64encode(pair.encode()).decode()
        else:
            return None
        if not (header.isascii() and header.isprintable()):
            raise Unusable(f"the login for {self.shown} holds characters that no HTTP header can")
        return header

    def _secret(self, reference: SecretRef | None) -> str | None:
        if reference is None:
            return None
        try:
            return self._resolve(reference)
        except Exception as problem:  # whatever fetches secrets: its own words, by contract without any
            reason = f"the login for {self.shown} cannot be read: {clean(problem, 300)}"
            raise Unusable(reason, "mend the reference, or set what it names") from None

    def _trust(self) -> ssl.SSLContext:
        if not self.endpoint.url.casefold().startswith("https:"):
            # Loading the machine's authorities takes tens of milliseconds that plain HTTP does not need;
            # this context trusts none.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context = ssl.create_default_context(cafile=self.endpoint.ca)
        except (OSError, ssl.SSLError) as problem:
            detail = getattr(problem, "strerror", None) or "no certificates in it"
            raise Unusable(
                f"the authorities in {clean(self.endpoint.ca)} cannot be read: {clean(detail)}",
                "set ca to a file of PEM certificates",
            ) from None
        if not self.endpoint.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _explained(self, problem: Exception) -> tuple[str, str]:
        """Reason and remedy for a failed exchange, from the most telling of its causes."""
        for cause in causes(problem):
            if isinstance(cause, ssl.SSLCertVerificationError):
                said = clean(cause.verify_message or "it does not verify", 200)
                return (
                    f"the certificate of {self.shown} is refused: {said}",
                    "set ca to the authority it is from",
                )
            if isinstance(cause, ssl.SSLError):
                return (
                    f"{self.shown} does not speak TLS as expected",
                    "see whether url should say http or https",
                )
            if isinstance(cause, socket.gaierror):
                return f"the name in {self.shown} is not known", "mend url, or the DNS"
            if isinstance(cause, ConnectionRefusedError):
                return f"{self.shown} refuses connections", "start it, or mend its url"
            if isinstance(cause, OSError) and cause.errno is not None:
                words = clean(cause.strerror or errno.errorcode.get(cause.errno, "network error"), 120)
                return f"{self.shown} cannot be reached: {words.lower()}", "mend its url, or the network"
        if isinstance(problem, httpx.UnsupportedProtocol | httpx.InvalidURL | ValueError):
            return (
                f"{self.shown or 'an empty url'} is no address of an HTTP server",
                "set url to http://host:port",
            )
        if isinstance(problem, httpx.RemoteProtocolError):
            return f"{self.shown} does not speak HTTP, or breaks off", "see what listens at that address"
        return f"the connection to {self.shown} broke", "see whether it is being restarted"


def causes(problem: BaseException) -> Iterator[BaseException]:
    """`problem` and what led to it, innermost last, groups opened; bounded, as such chains may be rings."""
    queue, known = [problem], set[int]()
    while queue and len(known) < 32:
        cause = queue.pop(0)
        if id(cause) in known:
            continue
        known.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            queue.extend(cause.exceptions)
        queue.extend(c for c in (cause.__cause__, cause.__context__) if c is not None)


def shown(url: str) -> str:
    """`url` as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(clean(url, 300))
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    except ValueError:
        return "an unreadable url"


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return date.astimezone(UTC) if date.tzinfo else None
