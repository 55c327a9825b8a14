"""gRPC on one HTTP/2 connection: unary calls out, one bounded answer to each in.

`h2` keeps the protocol (RFC 9113); what is asked, how much may come back and what the errors are called is
said here. One batch of calls at a time, each call on a stream of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from controlroom.probes.grpc_status import Reply, reply
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign, trouble

ANSWER_LIMIT = 4 * 1_048_576
"""Bytes that one batch may bring; gRPC's own limit for a single message."""

FRAMES_LIMIT = 5_000
"""Frames of it, each of which costs time, however small it is."""

AT_ONCE = 16
"""Calls under way; the rest of a batch waits for its turn."""

_GOAWAY = 7
"""The type of its frame (RFC 9113, 6.8)."""

_CONFIG = H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False)
_SETTINGS = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.MAX_CONCURRENT_STREAMS: 0,
    SettingCodes.MAX_HEADER_LIST_SIZE: 32_768,
}
"""The server may begin nothing by itself."""

Head = Sequence[tuple[str, str]]
"""Headers of a request, in lower case, those of HTTP/2 itself first; `:path` is added."""


class Call(NamedTuple):
    """A unary call: ``/package.Service/Method`` and the message it takes."""

    path: str
    message: bytes = b""

    @property
    def method(self) -> str:
        """Its name alone."""
        return self.path.rpartition("/")[2]


class Gone(Exception):
    """The connection is of no use any more. A kept one may simply have been closed meanwhile.

    `again` says that the server wants to be asked on a new one, even where this one was new.
    """

    def __init__(self, trouble: Trouble, *, again: bool = False) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble
        self.again = again


class _Stream:
    """A call under way: what of it is still to be sent, and what of its answer has come."""

    __slots__ = ("data", "headers", "number", "unsent")

    def __init__(self, number: int, call: Call) -> None:
        self.number = number
        """The place of the call in its batch."""
        self.unsent = b"\0" + len(call.message).to_bytes(4) + call.message
        self.headers: dict[bytes, bytes] = {}
        self.data = bytearray()


class Wire(asyncio.Protocol):
    """One connection; `secure` is what an url begins with where TLS is spoken."""

    def __init__(self, host: str, secure: str) -> None:
        self.until = float("inf")
        """By the loop's clock: from then on another one is opened instead."""
        self._host = host
        self._secure = secure
        self._transport: asyncio.Transport | None = None
        self._h2 = H2Connection(_CONFIG)
        self._h2.local_settings = Settings(client=True, initial_values=_SETTINGS)
        self._h2.initiate_connection()
        self._first = b""
        self._rest = b""
        self._heard = 0
        self._frames = 0
        self._head: Head = ()
        self._calls: Sequence[Call] = ()
        self._waiting: deque[int] = deque()
        self._streams: dict[int, _Stream] = {}
        self._replies: dict[int, Reply] = {}
        self._answer: asyncio.Future[list[Reply]] | None = None

    @property
    def usable(self) -> bool:
        """It is open."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def missing(self) -> str:
        """The method of the first call without an answer, where others have theirs."""
        if not self._replies:
            return ""
        return next((c.method for n, c in enumerate(self._calls) if n not in self._replies), "")

    def ask(self, calls: Sequence[Call], head: Head) -> asyncio.Future[list[Reply]]:
        """Make `calls`; their answers in the same order. The future fails with Trouble, or with Gone."""
        self._answer = asyncio.get_running_loop().create_future()
        self._calls, self._head = calls, head
        self._waiting = deque(range(len(calls)))
        self._replies = {}
        self._heard = self._frames = 0
        try:
            self._send()
        except H2Error:
            self._fail(Gone(Trouble("answers with broken HTTP/2")))
        return self._answer

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it is open."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came; a server may ping, or say farewell, between two batches."""
        self._heard += len(data)
        try:
            if len(self._first) < 9:
                self._greeting(data)
            if self._heard > ANSWER_LIMIT:
                raise Trouble(f"answers with more than {ANSWER_LIMIT // 1_048_576} MiB")
            for event in self._h2.receive_data(self._whole(data)):
                self._take(event)
            self._send()
        except (Trouble, Gone) as error:
            self._fail(error)
        except H2Error:
            self._fail(Gone(Trouble("answers with broken HTTP/2")))

    def eof_received(self) -> None:
        """asyncio: the other side is done; returning None closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: it is gone, for whatever reason."""
        self._transport = None
        silence = Trouble("closed the connection without an answer")
        self._fail(Gone(silence if error is None else trouble(error, self._host)))

    def _greeting(self, data: bytes) -> None:
        """Everything that speaks HTTP/2 begins with SETTINGS, on no stream (RFC 9113, 3.4)."""
        start = self._first + data[:200]
        first = self._first = start[:9]
        if first[0] or first[3:4] not in (b"", b"\x04") or first[5:].strip(b"\0"):
            raise Trouble(_not_http2(start, self._secure))

    def _whole(self, data: bytes) -> bytes:
        """The frames that are all there, up to a GOAWAY: h2 takes whatever follows one for a breach."""
        data = self._rest + data
        at = 0
        while len(data) - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3])
            if end > len(data) and end - at - 9 <= self._h2.max_inbound_frame_size:
                break
            self._frames += 1
            goaway = data[at + 3] == _GOAWAY
            at = end
            if goaway:
                break
        if self._frames > FRAMES_LIMIT:
            raise Trouble(f"answers with more than {FRAMES_LIMIT} frames")
        self._rest = data[at:]
        return data[:at]

    def _send(self) -> None:
        """Begin what may begin, go on with what may go on, and let it out."""
        while self._waiting and len(self._streams) < min(
            AT_ONCE, self._h2.remote_settings.max_concurrent_streams
        ):
            number = self._waiting.popleft()
            call = self._calls[number]
            id_ = self._h2.get_next_available_stream_id()
            self._h2.send_headers(id_, [(":path", call.path), *self._head])
            self._streams[id_] = _Stream(number, call)
        for id_, stream in self._streams.items():
            while stream.unsent:
                room = min(self._h2.local_flow_control_window(id_), self._h2.max_outbound_frame_size)
                if room <= 0:
                    break
                piece, stream.unsent = stream.unsent[:room], stream.unsent[room:]
                self._h2.send_data(id_, piece, end_stream=not stream.unsent)
        if (data := self._h2.data_to_send()) and self._transport is not None:
            self._transport.write(data)

    def _take(self, event: Event) -> None:
        if isinstance(event, (WindowUpdated, RemoteSettingsChanged)):
            return  # `_send` looks at both
        if isinstance(event, ConnectionTerminated):
            raise Gone(Trouble(_farewell(event)), again=True)
        if not isinstance(
            event, (ResponseReceived, TrailersReceived, DataReceived, StreamEnded, StreamReset)
        ):
            return
        id_ = event.stream_id or 0
        stream = self._streams.get(id_)
        if stream is None:
            return
        if isinstance(event, (ResponseReceived, TrailersReceived)):
            stream.headers.update(event.headers or ())
        elif isinstance(event, DataReceived):
            stream.data += event.data or b""
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, id_)
        elif isinstance(event, StreamEnded):
            del self._streams[id_]
            self._done(stream)
        else:
            code = _code(event.error_code)
            again = event.error_code is ErrorCodes.REFUSED_STREAM
            raise Gone(Trouble(f"breaks its answer off: {code}"), again=again)

    def _done(self, stream: _Stream) -> None:
        self._replies[stream.number] = reply(stream.headers, bytes(stream.data))
        if len(self._replies) == len(self._calls) and self._answer is not None and not self._answer.done():
            self._answer.set_result([self._replies[number] for number in range(len(self._calls))])

    def _fail(self, error: Trouble | Gone) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()


def _code(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else f"code {code}"


def _farewell(event: ConnectionTerminated) -> str:
    if event.error_code is ErrorCodes.NO_ERROR:
        return "is shutting down (GOAWAY)"
    words = foreign((event.additional_data or b"").decode("utf-8", "replace"), 50)
    return f"closes the connection: {_code(event.error_code)}" + (f", {words}" if words else "")


def _not_http2(start: bytes, secure: str) -> str:
    if start[:1] in (b"\x15", b"\x16") and start[1:2] in (b"\x03", b""):
        return f"speaks TLS: write {secure}://"
    words = foreign(start.decode("utf-8", "replace").split("\n")[0], 50)
    readable = sum(c.isalnum() for c in words) * 2 >= max(4, len(words))
    return f"answers, but not HTTP/2: {words}" if readable else "answers, but not HTTP/2"
