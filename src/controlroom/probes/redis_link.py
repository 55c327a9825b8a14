"""One connection to a Redis server: several commands out at once, as many bounded replies in.

redis-py's connection speaks the protocol and authenticates; the socket is opened by our own `dial`, so that
names, TLS and deadlines work, and read, as they do for every other kind. The client class above it would
retry and pool on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import RedisError, ResponseError

from controlroom.probes.port import Trouble
from controlroom.probes.redis_address import Place
from controlroom.probes.redis_words import Refusal, refused
from controlroom.probes.wording import trouble

REPLY_LIMIT = 1_048_576
"""Bytes of the replies to one question; they take about five thousand."""

Reply: TypeAlias = "bytes | int | Refusal | list[Any] | None"

Login: TypeAlias = tuple[str | None, str | None]
"""User name and password."""

Dial: TypeAlias = Callable[[asyncio.StreamReaderProtocol], Awaitable[asyncio.Transport]]
"""Opens a connection for the protocol. Raises OSError, UnicodeError or Trouble."""

_STRANGER = "answers, but is not Redis"
_FLOOD = f"answers with more than {REPLY_LIMIT // 1024} KiB"

_PACKER = Connection(encoding_errors="surrogateescape")
"""Never opened."""


def packed(*words: str) -> bytes:
    """One command as it is sent."""
    return b"".join(_PACKER.pack_command(*words))


class Link(Connection):
    """A connection whose socket comes from `dial`; it takes one question at a time, and closes at once."""

    def __init__(self, place: Place, dial: Dial, db: int = 0) -> None:
        host, port = place
        super().__init__(
            host=host,
            port=port,
            db=db,
            encoding_errors="surrogateescape",  # as passwords come from the environment
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
            driver_info=None,
        )
        self.heard = 0
        """Bytes that came since it was opened, or last reused."""
        self.until = 0.0
        """When it is to be made anew, by the loop's clock."""
        self.ended = False
        """The other side has closed it."""
        self.opening: Reply = None
        """What it said to the question that is asked once per connection."""
        self._dial = dial

    @property
    def reusable(self) -> bool:
        """It is open, and nothing was said that nobody asked for.

        redis-py's own `can_read` starts and cancels a read to find out, which costs as much as a reply.
        """
        reader = self._reader
        return self.is_connected and not self.ended and isinstance(reader, Bounded) and not reader.waiting

    async def ask(self, request: bytes, replies: int, login: Login | None = None) -> list[Reply]:
        """Open the connection where it is not, log in, and send `request`, answered by that many replies.

        Fewer replies come from a server that says why it hangs up; the last of them is that Refusal.
        Raises Trouble.
        """
        try:
            if login is not None:
                self.username, self.password = login
            if not self.is_connected:
                await self.connect()  # type: ignore[no-untyped-call]
            elif login is not None:
                await self.on_connect()
            await self.send_packed_command(request)
            return await self._replies(replies)
        except (RedisError, OSError, ValueError, RecursionError) as error:
            raise self._trouble(error) from None

    async def _replies(self, count: int) -> list[Reply]:
        replies: list[Reply] = []
        while len(replies) < count:
            try:
                replies.append(await self.read_response(disconnect_on_error=False))
            except RedisError as error:
                refusal = _said(error)
                if refusal is not None:
                    replies.append(refusal)
                elif replies and isinstance(replies[-1], Refusal):
                    self.abort()
                    break
                else:
                    raise
        return replies

    def _trouble(self, error: BaseException) -> Trouble:
        refusal = _said(error)
        if refusal is not None:
            return refused(refusal)
        cause: BaseException | None = error
        while isinstance(cause, RedisError):  # it hides the system's errors, and ours
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, (Trouble, OSError, UnicodeError)):
            return trouble(cause, self.host)
        # redis-py calls a line that ends as none of Redis does the end of the connection.
        if not (isinstance(error, LinkError) and self.ended):
            return Trouble(_STRANGER)
        if self.heard:
            return Trouble("closed the connection in the middle of its answer")
        return Trouble("closed the connection without an answer")

    async def _connect(self) -> None:
        reader = Bounded(self)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await self._dial(protocol)
        self._reader = reader
        self._writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())

    async def disconnect(self, *_: Any, **__: Any) -> None:
        """Close at once: waiting for the other side's farewell could take as long as it likes."""
        self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
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
        """asyncio: bytes came. A server without room says so before it is asked."""
        first = not self._link.heard
        self._link.heard += len(data)
        if first and data[:1] not in (b"+", b"-", b":", b"$", b"*"):
            tls = data[:2] == b"\x15\x03"
            self._give_up("speaks TLS: write rediss:// instead of redis://" if tls else _STRANGER)
        elif self._link.heard > REPLY_LIMIT:
            self._give_up(_FLOOD)
        else:
            super().feed_data(data)

    @property
    def waiting(self) -> bool:
        """Something came that nobody has read."""
        return bool(self._buffer)  # type: ignore[attr-defined]

    def feed_eof(self) -> None:
        """asyncio: nothing more will come."""
        self._link.ended = True
        super().feed_eof()

    async def readexactly(self, n: int) -> bytes:
        """asyncio: `n` bytes, which the server has announced."""
        if n > REPLY_LIMIT:
            raise Trouble(_FLOOD)
        return await super().readexactly(n)

    def _give_up(self, reason: str) -> None:
        self.set_exception(Trouble(reason))
        self._link.abort()


def _said(error: BaseException) -> Refusal | None:
    """What the server itself said; some of it redis-py takes for an error of the connection."""
    if not isinstance(error, RedisError):
        return None
    code = error.status_code
    if code is None and not isinstance(error, ResponseError):
        return None
    return Refusal(f"{code} {error}" if code else str(error))
