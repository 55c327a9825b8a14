"""One connection to one Redis server on which nothing takes longer than it may.

redis-py's connection speaks the protocol and authenticates. Its time limits are per read, so that an answer
that drips never ends, and looking a name up has none: here the socket itself ends every operation by a
moment that is set before each exchange. Nothing is retried; whoever asks decides that.
"""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from controlroom.domain.frozen import dataclass
from controlroom.stores.port import Unavailable
from controlroom.stores.redis_faults import Flood, broken, refusal
from controlroom.stores.redis_urls import bracketed

ANSWER_LIMIT = 1 << 28
"""Bytes of one exchange; a page of the log takes some hundred thousand, of the longest actions the most."""

ADDRESSES = 4
"""Addresses of one name that are tried; the time is divided among them."""

Command = tuple[str | bytes | int, ...]
Reply = Any
"""bytes, int, None, a list of replies, or the error the server answered with."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to talk to any of a log's servers."""

    patience: float
    """Seconds, for messages."""
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self.password,) if self.password else ()


class Link:
    """A connection, open from the start. Every error of it is Unavailable, in plain words."""

    def __init__(self, host: str, port: int, path: str, terms: Terms, until: float) -> None:
        self.host, self.port = host, port
        self.where = path or f"{bracketed(host)}:{port}"
        self._terms = terms
        self._wire: Any = _Wire(host, port, path, terms, until)  # redis-py types few of its methods
        self.refused: set[str] = set()
        """Commands this user, or this server, does not have; asking again would only fill its logs."""
        try:
            self._wire.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError, ValueError, RecursionError) as error:
            self.close()
            raise self._broken(error) from None
        except BaseException:
            self.close()
            raise

    def ask(self, commands: Sequence[Command], until: float) -> list[Reply]:
        """The replies to `commands`, sent at once; an error the server answers with is a reply.

        Raises Unavailable when the connection fails or time is up; it is closed then.
        """
        wire = self._wire
        try:
            plug = wire.plug
            if plug is None:
                raise ConnectionResetError
            plug.begin(until)
            wire.send_packed_command(wire.pack_commands(commands))
            return [self._reply() for _ in commands]
        except (RedisError, OSError, ValueError, RecursionError) as error:
            self.close()
            raise self._broken(error) from None
        except BaseException:
            self.close()
            raise

    def good(self, reply: Reply) -> Any:
        """`reply`, unless it is an error of the server: that is raised as Unavailable."""
        if isinstance(reply, RedisError):
            raise refusal(reply, self.where, self._terms.secrets) or self.no_redis()
        return reply

    def no_redis(self) -> Unavailable:
        """What to say of a server whose replies make no sense."""
        return Unavailable(
            f"{self.where}: answers, but not as Redis does", "check host and port in [store].url"
        )

    def idle_well(self) -> bool:
        """Whether it is still open and silent, as a connection that waits for its next use should be."""
        plug = self._wire.plug
        return plug is not None and not plug.readable()

    def interrupt(self) -> None:
        """From another thread: whoever waits for an answer here has waited long enough; it fails at once."""
        plug = self._wire.plug
        if plug is not None:
            with contextlib.suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close at once; idempotent."""
        with contextlib.suppress(RedisError, OSError):
            self._wire.disconnect()

    def _reply(self) -> Reply:
        try:
            return self._wire.read_response(disconnect_on_error=False)
        except (AuthenticationError, AuthorizationError, BusyLoadingError, ResponseError) as error:
            return error

    def _broken(self, error: BaseException) -> Unavailable:
        return broken(error, self._wire.stage, self.where, self._terms.patience, self._terms.secrets)


class _Wire(Connection):
    """redis-py's connection over a socket of ours."""

    def __init__(self, host: str, port: int, path: str, terms: Terms, until: float) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            host=host,
            port=port,
            db=terms.db,
            username=terms.username,
            password=terms.password,
            socket_timeout=terms.patience,
            socket_connect_timeout=terms.patience,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
            driver_info=None,
        )
        self.stage = "name"
        """How far it has come, so that "it took too long" can say what did."""
        self.plug: _Plug | None = None
        self._given = path, terms.tls, until

    def _connect(self) -> Any:
        path, tls, until = self._given
        plug = self._dial(path, until)
        try:
            if tls is not None:
                self.stage = "tls"
                plug.settimeout(_left(until))
                plug = tls.wrap_socket(plug, server_hostname=self.host)
        except BaseException:
            plug.close()
            raise
        self.stage = "answer"
        self.plug = _Plug(plug, until)
        return self.plug

    def _dial(self, path: str, until: float) -> socket.socket:
        if path:
            self.stage = "connect"
            return _connected(socket.AF_UNIX, path, until)
        found = _addresses(self.host, self.port, until)
        self.stage = "connect"
        for number, (family, address) in enumerate(found):
            share = time.monotonic() + _left(until) / (len(found) - number)
            try:
                return _connected(family, address, share)
            except OSError:
                if number + 1 == len(found):
                    raise
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    def disconnect(self, *args: Any, **kwargs: Any) -> None:
        """Close, and forget the socket."""
        self.plug = None
        super().disconnect(*args, **kwargs)  # type: ignore[no-untyped-call]


class _Plug:
    """A connected socket, as far as redis-py uses one, whose operations all end by one moment."""

    def __init__(self, plug: socket.socket, until: float) -> None:
        self._plug, self._until, self._heard = plug, until, 0

    def begin(self, until: float) -> None:
        """Another exchange, over by `until`."""
        self._until, self._heard = until, 0

    def recv(self, size: int) -> bytes:
        """socket: some bytes."""
        self._plug.settimeout(_left(self._until))
        data = self._plug.recv(size)
        self._heard += len(data)
        if self._heard > ANSWER_LIMIT:
            raise Flood(f"answers with more than {ANSWER_LIMIT >> 20} MiB")
        return data

    def sendall(self, data: bytes) -> None:
        """socket: all of `data`; the system's limit is for all of it, TLS's for each piece."""
        view = memoryview(data)
        while view:
            self._plug.settimeout(_left(self._until))
            try:
                view = view[self._plug.send(view) :]
            except ssl.SSLError:
                raise
            except (BrokenPipeError, ConnectionResetError):
                return  # who refuses us may have said why before hanging up: reading will tell

    def readable(self) -> bool:
        """Whether there is something to read, if only the end."""
        poll = select.poll()
        try:
            poll.register(self._plug, select.POLLIN)
        except ValueError:  # closed
            return True
        return bool(poll.poll(0))

    def settimeout(self, _: float | None) -> None:
        """socket: the moment set by `begin` holds."""

    def shutdown(self, how: int) -> None:
        """socket."""
        self._plug.shutdown(how)

    def close(self) -> None:
        """socket."""
        self._plug.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(family: int, address: Any, until: float) -> socket.socket:
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plug.settimeout(_left(until))
        plug.connect(address)
    except BaseException:
        plug.close()
        raise
    return plug


def _addresses(host: str, port: int, until: float) -> list[tuple[int, Any]]:
    """Those of `host`; a look-up that hangs keeps its thread, not us."""
    answer: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look() -> None:
        try:
            answer.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as problem:
            answer.put(problem)

    if host.replace(".", "").isdecimal() or ":" in host:  # an address: answered at once
        look()
    else:
        threading.Thread(target=look, name="controlroom-redis-name", daemon=True).start()
    try:
        found = answer.get(timeout=_left(until))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return [(entry[0], entry[4]) for entry in found[:ADDRESSES]]
