"""HTTP/1.1 on one connection: a request out, one bounded answer in.

Small on purpose: GET-like requests, no pipelining, no redirects followed, no cookies, no proxies. What is
not understood is an error in words, never a guess.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping

from controlroom.domain.frozen import dataclass
from controlroom.probes.port import Trouble
from controlroom.probes.shown import shown
from controlroom.probes.wording import foreign, trouble, verbatim

HEAD_LIMIT = 32_768
"""Bytes of status line and headers."""

BODY_LIMIT = 262_144
"""Bytes of body that are read, packed or unpacked; a larger one is known by its status alone."""

HEARD = 400
"""Bytes of what is no HTTP that are looked at."""

_INTERIM = range(100, 200)
_BODILESS = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `headers` have lower-case names; `flaw` says why `body` is not what was sent."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes
    flaw: str = ""


class Silent(Exception):
    """The connection ended before a byte of the answer; a kept one may simply have been closed meanwhile."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error


class Wire(asyncio.Protocol):
    """One connection; one question at a time."""

    __slots__ = (
        "_answer",
        "_bodiless",
        "_buffer",
        "_chunks",
        "_head",
        "_headers",
        "_left",
        "_phrase",
        "_searched",
        "_status",
        "heard",
        "host",
        "reusable",
        "transport",
        "until",
    )

    def __init__(self, host: str) -> None:
        self.host = host
        self.transport: asyncio.Transport | None = None
        self.reusable = False
        """The last answer came whole and the other side keeps the connection open."""
        self.heard = 0
        """Bytes of the present answer."""
        self.until = float("inf")
        """By the loop's clock: from then on another one is opened instead."""
        self._answer: asyncio.Future[Answer] | None = None
        self._bodiless = False
        self._forget()

    def _forget(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head = False
        self._status = 0
        self._phrase = ""
        self._headers: dict[str, str] = {}
        self._left = -1
        self._chunks: Chunks | None = None

    def ask(self, request: bytes, *, bodiless: bool = False) -> asyncio.Future[Answer]:
        """Send `request`. The future fails with Trouble, or with Silent."""
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._bodiless = bodiless
        self.heard = 0
        self.reusable = False
        self.transport.write(request)
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it is open."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked: a farewell such as 408, or the rest of an answer given up
            return
        self.heard += len(data)
        try:
            if self._head:
                self._body(data)
            else:
                self._heading(data)
        except Trouble as error:
            self._fail(error)
        except (ValueError, UnicodeError):
            self._fail(Trouble("answers, but with broken HTTP"))

    def eof_received(self) -> None:
        """asyncio: the other side is done; returning None closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: it is gone, for whatever reason."""
        self.transport = None
        self.reusable = False
        if self._answer is None or self._answer.done():
            return
        if error is not None:
            self._fail(trouble(error, self.host) if self.heard else Silent(error))
        elif self._head and self._left < 0 and self._chunks is None:
            self._done(bytes(self._buffer))
        elif self.heard:
            self._fail(Trouble("closed the connection in the middle of its answer", raw=self.so_far()))
        else:
            self._fail(Silent())

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.reusable = False
        if self.transport is not None:
            self.transport.abort()

    def so_far(self) -> str:
        """What came of an answer that is not whole, to be read."""
        body = bytes(self._buffer)
        if not self._head:
            return verbatim(body)
        return shown(Answer(self._status, self._phrase, self._headers, body))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()

    def _heading(self, data: bytes) -> None:
        whole: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            whole = self._buffer
        if not whole.startswith(b"HTTP/1."[: len(whole)]):
            raise _not_http(bytes(whole[:HEARD]))
        end = whole.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            if len(whole) > HEAD_LIMIT:
                raise Trouble(f"answers with more than {HEAD_LIMIT // 1024} KiB of headers")
            if not self._buffer:
                self._buffer += data
            self._searched = len(self._buffer)
            return
        if end > HEAD_LIMIT:
            raise Trouble(f"answers with more than {HEAD_LIMIT // 1024} KiB of headers")
        head, rest = bytes(whole[:end]), bytes(whole[end + 4 :])
        if self._buffer:
            self._forget()
        self._status, self._phrase, self._headers, modern = read_head(head)
        if self._status in _INTERIM and self._status != 101:
            if rest:
                self._heading(rest)
            return
        self._head = True
        self._frame(modern)
        self._body(rest)

    def _frame(self, modern: bool) -> None:
        """How the end of the body will be known."""
        headers = self._headers
        connection = headers.get("connection", "").lower()
        self.reusable = "close" not in connection if modern else "keep-alive" in connection
        if self._bodiless or self._status in _BODILESS:
            self._left = 0
        elif (coding := headers.get("transfer-encoding")) is not None:
            if coding.lower().strip() != "chunked":
                raise Trouble(f"answers with an unknown transfer encoding: {foreign(coding, 30)}")
            self._chunks = Chunks()
        elif (length := headers.get("content-length")) is not None:
            self._left = _length(length)
        else:
            self.reusable = False

    def _body(self, data: bytes) -> None:
        if self._chunks is not None:
            self._chunked(data)
        elif self._left < 0:
            self._buffer += data
            if len(self._buffer) > BODY_LIMIT:
                self._too_large()
        elif len(data) == self._left and not self._buffer:
            self._done(data)
        elif self._left > BODY_LIMIT:
            self._too_large()
        else:
            self._buffer += data
            if len(self._buffer) >= self._left:
                self.reusable = self.reusable and len(self._buffer) == self._left
                self._done(bytes(self._buffer[: self._left]))

    def _chunked(self, data: bytes) -> None:
        assert self._chunks is not None
        self._buffer += self._chunks.take(data)
        if len(self._buffer) > BODY_LIMIT:
            self._too_large()
        elif self._chunks.ended:
            self.reusable = self.reusable and not self._chunks.rest
            self._done(bytes(self._buffer))

    def _too_large(self) -> None:
        self.reusable = False
        self._done(b"", f"body over {BODY_LIMIT // 1024} KiB not read")

    def _done(self, body: bytes, flaw: str = "") -> None:
        coding = self._headers.get("content-encoding", "identity").lower().strip()
        if coding not in ("identity", "") and body:
            body, flaw = unpack(body, coding)
        answer = Answer(self._status, self._phrase, self._headers, body, flaw)
        self._forget()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
        if not self.reusable:
            self.abort()


class Chunks:
    """Takes a chunked body apart, piece by piece. `ended` once its last chunk and trailers were there."""

    __slots__ = ("_left", "_pending", "_trailing", "ended", "rest")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._left = 0
        self._trailing = False
        self.ended = False
        self.rest = False
        """Bytes follow that do not belong to the body."""

    def take(self, data: bytes) -> bytes:
        """The body's part of `data`. Raises Trouble for what is no chunk."""
        self._pending += data
        body = bytearray()
        while not self.ended:
            if self._left:
                # A chunk and the line end after it count as one, so that the end is never left over.
                piece = self._pending[: self._left]
                body += piece[: max(0, self._left - 2)]
                self._left -= len(piece)
                del self._pending[: len(piece)]
                if self._left:
                    break
            elif not self._line():
                break
        self.rest = self.ended and bool(self._pending)
        return bytes(body)

    def _line(self) -> bool:
        """Use up one line that is no data: a size, or a trailer. False when it is not all there yet."""
        end = self._pending.find(b"\n")
        if end < 0:
            if len(self._pending) > HEAD_LIMIT:
                raise Trouble("answers with a broken chunked body")
            return False
        line = bytes(self._pending[:end]).rstrip(b"\r")
        del self._pending[: end + 1]
        if self._trailing:
            self.ended = not line
            return True
        digits = line.split(b";")[0].strip()
        if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
            raise Trouble("answers with a broken chunked body")
        size = int(digits, 16)
        self._trailing = size == 0
        self._left = size + 2 if size else 0
        return True


def read_head(head: bytes) -> tuple[int, str, dict[str, str], bool]:
    """Status, phrase, headers by lower-case name, and whether it is HTTP/1.1. Raises Trouble."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, phrase = rest.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or len(code) != 3 or not code.isdecimal() or code < "100":
        raise Trouble(f"answers, but with broken HTTP: {foreign(first, 60)}", raw=verbatim(first))
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name[0] in " \t":
            raise Trouble("answers, but with a broken HTTP header", raw=verbatim(first))
        name = name.lower()
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(code), phrase, headers, version == "HTTP/1.1"


def _length(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    values = {part.strip() for part in text.split(",")}
    value = values.pop()
    if values or not (value.isascii() and value.isdecimal()) or len(value) > 18:
        raise Trouble("answers, but with a broken Content-Length")
    return int(value)


def unpack(body: bytes, coding: str) -> tuple[bytes, str]:
    """`body` unpacked, up to the limit, and what is wrong with it: nobody asked for a packed one."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        return b"", f"body packed as {foreign(coding, 20)} not read"
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32 if "gzip" in coding else zlib.MAX_WBITS)
    try:
        plain = machine.decompress(body, BODY_LIMIT + 1)
    except zlib.error:
        return b"", "packed body is broken"
    if len(plain) > BODY_LIMIT:
        return b"", f"packed body over {BODY_LIMIT // 1024} KiB not read"
    return plain, ""


def _not_http(start: bytes) -> Trouble:
    if start[:1] in (b"\x15", b"\x16") and start[1:2] == b"\x03":
        return Trouble("speaks TLS: write https:// instead of http://")
    text = start.decode("utf-8", "replace")
    words = foreign(text.split("\n")[0], 50)
    if sum(c.isalnum() for c in words) * 2 < max(4, len(words)):
        return Trouble("answers, but not HTTP")
    return Trouble(f"answers, but not HTTP: {words}", raw=verbatim(text))
