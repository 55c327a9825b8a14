"""kind = "redis": PING and INFO on a connection that is kept. Values stored in Redis are never read.

redis-py's connection speaks the protocol and authenticates; the socket is opened by our own `dial`, so that
names, TLS and deadlines work, and read, as they do for every other kind. The client class above it would
retry and pool on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    InvalidResponse,
    MasterDownError,
    MaxConnectionsError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LinkError

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.address import port_of, split
from controlroom.probes.dial import Stage, dial
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign, trouble

SECTIONS = ("server", "clients", "memory", "replication")
"""One INFO each: servers before 7.0 take only one section at a time."""

REPLY_LIMIT = 1_048_576
"""Bytes of one probe's replies; they take about four thousand."""


class RedisProbe:
    """Keeps one connection for each service."""

    def __init__(self) -> None:
        self._links: dict[str, tuple[Service, Link]] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has role, version, clients and memory. Raises Trouble."""
        where = split(service.url, ("redis", "rediss"))
        host = where.hostname or ""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        stage = Stage()
        try:
            async with asyncio.timeout(context.deadline) as limit:
                replies = await self._replies(service, context, stage)
        except TimeoutError:
            if not limit.expired():
                raise Trouble("connection timed out", unreachable=True) from None
            raise stage.late(host, context.deadline) from None
        except (RedisError, OSError, ValueError) as error:
            if isinstance(error, AuthenticationError) and service.password is not None:
                context.forget(service.password)
            raise _trouble(error, host) from None
        return _result(service, context, loop.time() - asked, replies)

    async def _replies(self, service: Service, context: Context, stage: Stage) -> list[Any]:
        known, link = self._links.pop(service.id, (None, None))
        if link is not None and known is service and link.is_connected:
            stage.at, stage.reused = "answer", True
            try:
                return await self._asked(service, link)
            except (LinkError, OSError):
                if link.heard:
                    raise
        elif link is not None:
            link.abort()
        # A connection that was kept may have been closed since, by either side: that is no failure yet.
        stage.at, stage.reused = "name", False
        return await self._asked(service, await _link(service, context, stage))

    async def _asked(self, service: Service, link: Link) -> list[Any]:
        """The replies to PING and each INFO, errors of the server among them."""
        try:
            await link.connect()  # type: ignore[no-untyped-call]
            link.heard = 0
            await link.send_packed_command(
                link.pack_commands([("PING",), *(("INFO", section) for section in SECTIONS)])
            )
            replies = [await _reply(link) for _ in range(1 + len(SECTIONS))]
        except BaseException:
            link.abort()
            raise
        self._links[service.id] = (service, link)
        return replies

    def close(self) -> None:
        """Close every connection."""
        for _, link in self._links.values():
            link.abort()
        self._links.clear()


class Link(Connection):
    """A connection to Redis whose socket comes from `dial` and which closes without waiting."""

    def __init__(self, service: Service, context: Context, stage: Stage, **options: Any) -> None:
        super().__init__(
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
            driver_info=None,
            **options,
        )
        self.heard = 0
        """Bytes that came since the last question."""
        self._given = (service, context, stage)

    async def _connect(self) -> None:
        service, context, stage = self._given
        tls = await context.tls(service) if service.url.strip().lower().startswith("rediss:") else None
        reader = Bounded(self)
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await dial(
            lambda: protocol,
            self.host,
            self.port,
            names=context.names,
            stage=stage,
            within=context.deadline,
            tls=tls,
        )
        self._reader = reader
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def disconnect(self, *_: Any, **__: Any) -> None:
        """Close at once: waiting for the other side's farewell could take as long as it likes."""
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._parser.on_disconnect()  # type: ignore[no-untyped-call]
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.transport.abort()


class Bounded(asyncio.StreamReader):
    """Gives up on a server that floods, or begins as no reply of Redis does."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def feed_data(self, data: Any) -> None:
        """asyncio: bytes came."""
        first = not self._link.heard
        self._link.heard += len(data)
        if first and data[:1] not in (b"+", b"-", b":", b"$", b"*"):
            self._give_up("answers, but is not Redis")
        elif self._link.heard > REPLY_LIMIT:
            self._give_up(f"answers with more than {REPLY_LIMIT // 1024} KiB")
        else:
            super().feed_data(data)

    def _give_up(self, reason: str) -> None:
        self.set_exception(Trouble(reason))
        self._link.abort()


async def _link(service: Service, context: Context, stage: Stage) -> Link:
    where = split(service.url, ("redis", "rediss"))
    database = where.path.strip("/")
    if database and not database.isdecimal():
        raise Trouble("the url's database is no number", Health.UNKNOWN)
    password = unquote(where.password) if where.password else None
    if service.password is not None:
        password = await context.secret(service.password)
    return Link(
        service,
        context,
        stage,
        host=where.hostname or "",
        port=port_of(where, 6379),
        db=int(database or 0),
        username=service.username or (unquote(where.username) if where.username else None),
        password=password,
    )


async def _reply(link: Link) -> Any:
    try:
        return await link.read_response(disconnect_on_error=False)
    except (AuthenticationError, AuthorizationError, BusyLoadingError, ResponseError) as error:
        return error


def _result(service: Service, context: Context, latency: float, replies: list[Any]) -> ProbeResult:
    pong, *infos = replies
    facts: dict[str, str] = {}
    for info in infos:
        facts.update(_facts(info))
    detail = _detail(facts)
    if isinstance(pong, BusyLoadingError):
        health, reason = Health.DEGRADED, "loading its data into memory"
    elif isinstance(pong, MasterDownError):
        health, reason = Health.DEGRADED, "replica without its master, does not serve old data"
    elif isinstance(pong, NoPermissionError):
        health, reason = Health.UP, "answers, but this user may not PING"
    elif isinstance(pong, Exception):
        raise _trouble(pong, "")
    elif pong not in (b"PONG", "PONG"):
        raise Trouble("answers, but is not Redis")
    elif facts.get("role") == "slave" and facts.get("master_link_status") == "down":
        health, reason = Health.DEGRADED, "replica, its link to the master is down"
    else:
        health, reason = Health.UP, "PONG"
    return answered(service, context, latency, reason, detail=detail, health=health)


def _facts(info: Any) -> Mapping[str, str]:
    if not isinstance(info, (bytes, str)):
        return {}
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else info
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {key: value.strip() for key, colon, value in lines if colon}


def _detail(facts: Mapping[str, str]) -> Mapping[str, str]:
    role = {"slave": "replica"}.get(facts.get("role", ""), facts.get("role", ""))
    shown = {
        "role": role,
        "version": facts.get("redis_version", ""),
        "clients": facts.get("connected_clients", ""),
        "memory": facts.get("used_memory_human", ""),
        "replicas": facts.get("connected_slaves", "") if role == "master" else "",
        "master link": facts.get("master_link_status", "") if role == "replica" else "",
    }
    return {key: foreign(value, 30) for key, value in shown.items() if value}


def _trouble(error: BaseException, host: str) -> Trouble:
    """AuthenticationError is a kind of ConnectionError, and a connection's error hides the system's."""
    text = str(error)
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return Trouble(_refusal(text))
    if isinstance(error, MaxConnectionsError) or "max number of clients" in text:
        return Trouble("refuses: too many clients")
    if isinstance(error, (InvalidResponse, ValueError)) and not isinstance(error, UnicodeError):
        return Trouble("answers, but is not Redis")
    if isinstance(error, ResponseError):
        return Trouble(_refusal(text))
    cause: BaseException | None = error
    while isinstance(cause, RedisError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return Trouble("closed the connection without an answer")
    return trouble(cause, host)


def _refusal(text: str) -> str:
    upper = text.upper()
    if "WRONGPASS" in upper or "INVALID USERNAME-PASSWORD" in upper or "INVALID PASSWORD" in upper:
        return "user name or password refused (WRONGPASS)"
    if "NOAUTH" in upper or "AUTHENTICATION REQUIRED" in upper:
        return "asks for a password (NOAUTH)"
    if "WITHOUT ANY PASSWORD CONFIGURED" in upper or "NO PASSWORD IS SET" in upper:
        return "has no password, but one was sent"
    if "PROTECTED MODE" in upper:
        return "refuses: protected mode, only local clients"
    return f"refuses: {foreign(text, 90)}"
