"""One connection to a Kafka broker: questions out, answers in, in order and bounded.

What is said comes from aiokafka's protocol classes. Its client above them names no reason when it fails,
keeps tasks, retries and logs on its own, and waits for its farewells: the socket is opened by our own `dial`.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.api import Request

from controlroom.domain.frozen import dataclass
from controlroom.probes.port import Trouble

NAME = b"controlroom"
"""What brokers know this client by, in their logs and quotas."""

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer: metadata takes about 50 for each partition of a cluster."""

GREETING_LIMIT = 65_536
"""Bytes of the first answer, by which Kafka is recognised."""

REMEMBERED = 64
"""Answers that are kept to be recognised; decoding costs many times more than comparing."""

_HEAD = struct.Struct(">ihhih")

STRANGER = "answers, but is not Kafka"
IN_TLS = "answers, but in TLS: write kafka+ssl://"

ALERT = b"\x15\x03"
"""How TLS tells a client that it was not understood (RFC 8446, 5.1 and 6)."""


@contextmanager
def understanding() -> Iterator[None]:
    """What cannot be done with an answer as Kafka would have given it is Trouble: it was not Kafka's."""
    try:
        yield
    except (ValueError, TypeError, LookupError, OverflowError, struct.error):
        raise Trouble(STRANGER) from None


class Lost(OSError):
    """The connection was closed, by either side."""

    def __init__(self) -> None:
        super().__init__("closed the connection without an answer")


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it goes over the wire, without its header, and how to read the answer."""

    key: int
    """Which of Kafka's APIs (Kafka protocol guide, Api Keys)."""
    version: int
    body: bytes
    read: Callable[[bytes], Any]
    flexible: bool = False
    """Its headers end with tagged fields (KIP-482)."""


class Link(asyncio.Protocol):
    """A connection; `dial` makes it, `greet` finds out what it speaks, `ask` uses it."""

    def __init__(self) -> None:
        self.versions: dict[int, tuple[int, int]] = {}
        """Api key → the lowest and highest version the broker speaks."""
        self.heard = 0
        """Bytes that came."""
        self.until = float("inf")
        """By the loop's clock: from then on another one is opened instead."""
        self.transport: asyncio.Transport | None = None
        self._wanted: deque[tuple[int, asyncio.Future[bytes]]] = deque()
        self._buffer = bytearray()
        self._mark = 0
        self._ended: Exception | None = None
        self._known: dict[tuple[int, bytes], tuple[bytes, Any]] = {}

    @property
    def alive(self) -> bool:
        """Nobody has closed it."""
        return self.transport is not None and self._ended is None and not self.transport.is_closing()

    async def greet(self) -> None:
        """Learn what versions it speaks. Raises Trouble where it is no Kafka, OSError."""
        answer = await self.ask(ApiVersionRequest())
        with understanding():
            self.versions = {key: (low, high) for key, low, high in answer.api_versions}
        if answer.error_code or not self.versions:
            raise Trouble(STRANGER)

    async def ask(self, request: Request[Any] | Question) -> Any:
        """The answer to `request`; the same object as last time where it says the same.

        Raises Trouble where it cannot be read or the broker speaks no version that is known here, OSError.
        """
        question = request if isinstance(request, Question) else self._question(request)
        raw = await self._answer(question)
        known = self._known.get((question.key, question.body))
        if known is not None and known[0] == raw:
            return known[1]
        with understanding():
            answer = question.read(raw[1:] if question.flexible else raw)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[question.key, question.body] = raw, answer
        return answer

    def _question(self, request: Request[Any]) -> Question:
        try:
            made = request.prepare(self.versions)
        except (IncompatibleBrokerVersion, NotImplementedError):
            low, high = self.versions.get(request.API_KEY, (0, 0))
            name = type(request).__name__.removesuffix("Request")
            versions = f"it speaks {low} to {high}" if high else "it has none"
            raise Trouble(f"speaks no version of {name} that is known here, {versions}") from None
        read = made.RESPONSE_TYPE.decode
        return Question(made.API_KEY, made.API_VERSION, made.encode(), read, made.FLEXIBLE_VERSION)

    async def _answer(self, question: Question) -> bytes:
        if self._ended is not None or self.transport is None:
            raise self._ended or Lost()
        self._mark = (self._mark + 1) % 2**31
        tail = NAME + (b"\0" if question.flexible else b"") + question.body
        # The size counts neither itself nor, of course, more than what follows it.
        head = _HEAD.pack(10 + len(tail), question.key, question.version, self._mark, len(NAME))
        coming: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._wanted.append((self._mark, coming))
        self.transport.write(head + tail)
        return await coming

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        self.heard += len(data)
        self._buffer += data
        while len(self._buffer) >= 4:
            if not self._wanted:
                self._end(Trouble(STRANGER))
                return
            mark, coming = self._wanted[0]
            size = int.from_bytes(self._buffer[:4], "big", signed=True)
            limit = ANSWER_LIMIT if self.versions else GREETING_LIMIT
            if not 4 <= size <= limit or not self._for(mark):
                self._end(Trouble(IN_TLS if self._buffer.startswith(ALERT) else STRANGER))
                return
            if len(self._buffer) < 4 + size:
                return
            raw = bytes(memoryview(self._buffer)[8 : 4 + size])
            del self._buffer[: 4 + size]
            self._wanted.popleft()
            if not coming.done():
                coming.set_result(raw)

    def _for(self, mark: int) -> bool:
        """Whether the answer that begins is for the question with `mark`, as far as it has come."""
        return mark.to_bytes(4, "big").startswith(self._buffer[4:8])

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection ended."""
        self._end(exc or Lost())

    def abort(self) -> None:
        """Close at once."""
        self._end(Lost())

    def _end(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
        for _, coming in self._wanted:
            if not coming.done():
                coming.set_exception(self._ended)
        self._wanted.clear()
        if self.transport is not None:
            self.transport.abort()
