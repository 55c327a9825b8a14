"""Protobuf by hand: the little of its wire format that a dozen fields need (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Mapping

FIELDS_LIMIT = 20_000
"""Fields of one message; more is no answer to anything a probe asks."""

_MASK = (1 << 64) - 1

Fields = Mapping[int, list[int | bytes]]
"""Number of a field → its values in the order they came: numbers as they stand, the rest as bytes."""


def number(field: int, value: int) -> bytes:
    """`value`, not negative, as field `field`: an integer, a bool or an enum."""
    return _varint(field << 3) + _varint(value)


def text(field: int, value: str) -> bytes:
    """`value` as field `field`; the empty string is left out, as it is what a missing one means."""
    return message(field, value.encode("utf-8", "replace")) if value else b""


def message(field: int, body: bytes) -> bytes:
    """A message, or any bytes, as field `field`."""
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def read(data: bytes) -> Fields:
    """The fields of a message. Raises ValueError for what is none."""
    found: dict[int, list[int | bytes]] = {}
    at, end, count = 0, len(data), 0
    while at < end:
        tag, at = _number(data, at)
        field, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == 0:
            value, at = _number(data, at)
        elif kind == 2:
            size, at = _number(data, at)
            value, at = _piece(data, at, size)
        elif kind in (1, 5):
            value, at = _piece(data, at, 8 if kind == 1 else 4)
        else:
            raise ValueError(f"wire type {kind}")
        count += 1
        if not field or count > FIELDS_LIMIT:
            raise ValueError("no such message")
        found.setdefault(field, []).append(value)
    return found


def number_of(fields: Fields, field: int) -> int:
    """The number in `field`, 0 where there is none; the last one counts."""
    return next((value for value in reversed(fields.get(field, ())) if isinstance(value, int)), 0)


def text_of(fields: Fields, field: int) -> str:
    """The text in `field`, empty where there is none; what is not UTF-8 is replaced."""
    pieces = pieces_of(fields, field)
    return pieces[-1].decode("utf-8", "replace") if pieces else ""


def message_of(fields: Fields, field: int) -> Fields:
    """The message in `field`, empty where there is none. Raises ValueError."""
    pieces = pieces_of(fields, field)
    return read(pieces[-1]) if pieces else {}


def pieces_of(fields: Fields, field: int) -> list[bytes]:
    """Every text or message in `field`, as bytes."""
    return [value for value in fields.get(field, ()) if isinstance(value, bytes)]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The varint at `at`, and where what follows begins."""
    value = shift = 0
    for byte in data[at : at + 10]:
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value & _MASK, at
        shift += 7
    raise ValueError("a number without an end")


def _piece(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size > len(data) - at:
        raise ValueError("shorter than it says")
    return data[at : at + size], at + size
