"""What a gRPC server answers with, and its status codes in plain words (grpc.io, "Status codes")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from controlroom.domain.services import Service
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign, verbatim

CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""Names of the codes, each in its place."""

OK, NOT_FOUND, UNIMPLEMENTED = 0, 5, 12
PERMISSION_DENIED, UNAUTHENTICATED = 7, 16

_WORDS = {
    1: "gave the call up (CANCELLED)",
    4: "did not finish in time by its own clock (DEADLINE_EXCEEDED)",
    7: "refuses: not allowed (PERMISSION_DENIED)",
    8: "overloaded, or a quota is used up (RESOURCE_EXHAUSTED)",
    14: "unavailable",
}

_REFUSED = {401: UNAUTHENTICATED, 403: PERMISSION_DENIED}
"""HTTP status → code, where something before the gRPC server refuses (grpc: http-grpc-status-mapping)."""


class Reply(NamedTuple):
    """The answer to one call: the status code, the server's words for it, and the message it sent."""

    code: int
    words: str = ""
    body: bytes = b""

    @property
    def name(self) -> str:
        """Of the code, ``UNAVAILABLE``."""
        return CODES[self.code] if self.code < len(CODES) else f"code {self.code}"


def reply(headers: Mapping[bytes, bytes], data: bytes) -> Reply:
    """What a finished stream says, trailers among its `headers`. Raises Trouble where it is no gRPC.

    The frames are those of "gRPC over HTTP2": a byte that says whether the message is packed, its length
    in four, the message.
    """
    status = headers.get(b":status", b"")
    kind = headers.get(b"content-type", b"")
    if not kind.startswith(b"application/grpc"):
        code = _REFUSED.get(int(status) if status.isdigit() else 0)
        if code is not None:
            return Reply(code, f"HTTP {int(status)}")
        shown = foreign(kind.decode("latin-1").partition(";")[0], 40) or "no content type"
        raise Trouble(f"answers HTTP {foreign(status.decode('latin-1'), 3)} ({shown}), which is not gRPC")
    said = headers.get(b"grpc-status", b"")
    if not said.isdigit() or len(said) > 4:
        raise Trouble("answers without a gRPC status")
    words = unquote_to_bytes(headers.get(b"grpc-message", b"")).decode("utf-8", "replace")
    if int(said) != OK:
        return Reply(int(said), words)
    if len(data) < 5 or int.from_bytes(data[1:5]) != len(data) - 5:
        raise Trouble("answers with a broken gRPC message")
    if data[0]:
        raise Trouble("answers with a packed message, which nobody asked for")
    return Reply(OK, words, data[5:])


def refusal(answer: Reply, service: Service, of: str = "") -> Trouble:
    """`answer`, which is not OK, as a Trouble; `of` says what was asked for where that is not everything."""
    words = _WORDS.get(answer.code, f"answers {answer.name}")
    if answer.code == UNAUTHENTICATED:
        named = service.token or service.password or service.headers or "@" in service.url
        words = "credentials refused" if named else "asks for credentials"
        words = f"{words} ({answer.name})"
    said = foreign(answer.words, 60)
    return Trouble((f"{of}: " if of else "") + words + (f": {said}" if said else ""), raw=raw(answer))


def raw(answer: Reply) -> str:
    """Status and words of `answer`, as they travel, for people to read."""
    said = f"\ngrpc-message: {answer.words}" if answer.words else ""
    return verbatim(f"grpc-status: {answer.code} {answer.name}{said}")
