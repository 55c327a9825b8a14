"""Unary gRPC calls for probes: connections are kept, one deadline over the whole, every failure in words.

Why not grpcio: it would weigh more than all the rest together, and resolves names, verifies certificates and
reconnects by rules of its own, so that its reasons would read like no other kind's.
"""

from __future__ import annotations

import asyncio
import string
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult

from controlroom import __version__
from controlroom.domain.frozen import dataclass
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.probes.address import port_of, split
from controlroom.probes.dial import KEPT_FOR, Stage, dial, kept_until
from controlroom.probes.grpc_status import PERMISSION_DENIED, UNAUTHENTICATED, Reply
from controlroom.probes.grpc_wire import Call, Gone, Head, Wire
from controlroom.probes.port import Context, Trouble
from controlroom.probes.request import authorization, secrets_of
from controlroom.probes.wording import seconds, trouble

HEAD_AGE = 60.0
"""Seconds until headers that hold a secret are made anew."""

_NAME = frozenset(string.ascii_lowercase + string.digits + "_-.")
_OURS = frozenset({"content-type", "te", "connection", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class _Ready:
    """What is known of a service from its configuration alone."""

    service: Service
    host: str
    port: int
    tls: bool
    head: Head
    until: float


class Calls:
    """Makes calls to services; each kind of probe that does has one. Keeps a connection for each service."""

    def __init__(self, plain: str, secure: str, port: int | None = None, kept_for: float = KEPT_FOR) -> None:
        """`plain` and `secure` are what an url begins with; `port` is meant where it names none. `kept_for`
        seconds a connection is used before it is made anew."""
        self._kept_for = kept_for
        self._schemes = plain, secure
        self._port = port
        self._ready: dict[str, _Ready] = {}
        self._kept: dict[str, tuple[Service, Wire]] = {}

    async def ask(
        self,
        service: Service,
        context: Context,
        calls: Sequence[Call],
        extra: Mapping[str, str] | None = None,
    ) -> list[Reply]:
        """The replies to `calls`, made at the same time, with `extra` headers; refusals are replies, too.

        Raises Trouble; when `context.deadline` is over, too.
        """
        stage = Stage()
        host = ""
        wires: list[Wire] = []
        try:
            async with asyncio.timeout(context.deadline) as limit:
                ready = await self._prepared(service, context, extra or {})
                host = ready.host
                replies = await self._asked(ready, context, calls, stage, wires)
        except Gone as gone:
            raise gone.trouble from None
        except (OSError, UnicodeError) as error:
            if not limit.expired():
                raise trouble(error, host) from None
            method = wires[-1].missing if wires else ""
            if method:
                raise Trouble(f"answers, but not to {method} within {seconds(context.deadline)}") from None
            raise stage.late(host, context.deadline) from None
        if any(reply.code in (UNAUTHENTICATED, PERMISSION_DENIED) for reply in replies):
            self._ready.pop(service.id, None)
            for secret in secrets_of(service):
                context.forget(secret)
        return replies

    def close(self) -> None:
        """Close every connection."""
        for _, wire in self._kept.values():
            wire.abort()
        self._kept.clear()

    async def _asked(
        self, ready: _Ready, context: Context, calls: Sequence[Call], stage: Stage, wires: list[Wire]
    ) -> list[Reply]:
        """The replies, on the connection that was kept or on a new one; `wires` are those it was tried on."""
        service = ready.service
        known, wire = self._kept.pop(service.id, (None, None))
        fresh = wire is not None and wire.usable and asyncio.get_running_loop().time() < wire.until
        if wire is not None and known is service and fresh:
            stage.at, stage.reused = "answer", True
            wires.append(wire)
            try:
                return await self._exchange(ready, wire, calls)
            except Gone:
                stage.at, stage.reused = "name", False
        elif wire is not None:
            wire.abort()
        try:
            return await self._exchange(ready, await self._open(ready, context, stage, wires), calls)
        except Gone as gone:
            if not gone.again:
                raise
        stage.at = "name"
        return await self._exchange(ready, await self._open(ready, context, stage, wires), calls)

    async def _exchange(self, ready: _Ready, wire: Wire, calls: Sequence[Call]) -> list[Reply]:
        try:
            replies = await wire.ask(calls, ready.head)
        except BaseException:
            wire.abort()
            raise
        _, other = self._kept.get(ready.service.id, (None, None))
        if other is not None:
            other.abort()
        self._kept[ready.service.id] = (ready.service, wire)
        return replies

    async def _open(self, ready: _Ready, context: Context, stage: Stage, wires: list[Wire]) -> Wire:
        tls = await context.tls(ready.service) if ready.tls else None
        _, wire = await dial(
            lambda: Wire(ready.host, self._schemes[1]),
            ready.host,
            ready.port,
            names=context.names,
            stage=stage,
            within=context.deadline,
            tls=tls,
        )
        wire.until = kept_until(self._kept_for)
        wires.append(wire)
        return wire

    async def _prepared(self, service: Service, context: Context, extra: Mapping[str, str]) -> _Ready:
        now = asyncio.get_running_loop().time()
        ready = self._ready.get(service.id)
        if ready is None or ready.service is not service or now >= ready.until:
            where = split(service.url, self._schemes)
            port = port_of(where, self._port)
            tls = where.scheme == self._schemes[1]
            head = _plain(where, port, tls) | await _metadata(service, context, where, extra)
            until = now + HEAD_AGE if secrets_of(service) else float("inf")
            ready = _Ready(service, where.hostname or "", port, tls, tuple(head.items()), until)
            self._ready[service.id] = ready
        return ready


def _plain(where: SplitResult, port: int, tls: bool) -> dict[str, str]:
    """The headers of every call, those of HTTP/2 itself first ("gRPC over HTTP2"). Raises Trouble."""
    return {
        ":method": "POST",
        ":scheme": "https" if tls else "http",
        ":authority": _authority(where.hostname or "", port),
        "te": "trailers",
        "content-type": "application/grpc",
        "grpc-accept-encoding": "identity",
        "user-agent": f"controlroom/{__version__}",
    }


async def _metadata(
    service: Service, context: Context, where: SplitResult, extra: Mapping[str, str]
) -> dict[str, str]:
    """`extra`, the credentials and the headers of `service`, by their names in HTTP/2. Raises Trouble."""
    given = {**extra}
    if credentials := await authorization(service, where, context):
        given["authorization"] = credentials
    for name, value in service.headers.items():
        given[name.lower()] = await context.secret(value) if isinstance(value, SecretRef) else value
    given = {name: value.strip() for name, value in given.items()}
    for name, value in given.items():
        if not name or not _NAME.issuperset(name):
            raise Trouble(f"not a header name of gRPC: {clean(name, 40)}", Health.UNKNOWN)
        if name in _OURS or name.startswith("grpc-"):
            raise Trouble(f"header {clean(name, 40)} is gRPC's own, not to be set", Health.UNKNOWN)
        if not (value.isascii() and value.isprintable()):
            raise Trouble(f"the value of header {name} is not plain ASCII", Health.UNKNOWN)
    if host := given.pop("host", ""):
        given[":authority"] = host
    return given


def _authority(host: str, port: int) -> str:
    """`host` and `port` as HTTP/2 writes them. Raises Trouble."""
    try:
        host = f"[{host}]" if ":" in host else host.encode("ascii" if host.isascii() else "idna").decode()
    except UnicodeError:
        raise Trouble(f"not a host name: {clean(host, 60)}", Health.UNKNOWN) from None
    return f"{host}:{port}"
