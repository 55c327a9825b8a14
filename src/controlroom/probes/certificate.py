"""What a certificate says of itself: names and validity, read from its DER (RFC 5280, X.690).

`ssl` tells what is in a certificate only after verifying it; whoever switches that off still wants to know
how long the certificate is good. Nothing is verified here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NoReturn

from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean

ENDLESS = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: the end of a certificate that has none."""

NAMES = 100
"""Names of one certificate that are read; some have thousands."""

_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET = 0x02, 0x04, 0x06, 0x30, 0x31
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_MAIL, _DNS, _URI, _ADDRESS = 0x81, 0x82, 0x86, 0x87
_ALT_NAMES = b"\x55\x1d\x11"
"""2.5.29.17, subjectAltName."""

_ATTRIBUTES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
"""Attributes of a name by their identifiers below 2.5.4 (RFC 4519), as RFC 4514 writes them."""

_ENCODINGS = {0x0C: "utf-8", 0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Kinds of string that are not ASCII."""

Element = tuple[int, int, int]
"""Tag, and where its content begins and ends."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The parts worth showing; instants are UTC, texts cleaned."""

    subject: str
    """Such as ``CN=example.org, O=Example``."""
    issuer: str
    issued_by: str
    """The issuer in short: its organisation, else its common name."""
    names: tuple[str, ...]
    """Hosts, addresses and the like that it is for."""
    not_before: datetime
    not_after: datetime


def read(der: bytes) -> Certificate:
    """The certificate in `der`. Raises ValueError where it is none, or none that can be read."""
    try:
        return _certificate(der)
    except (IndexError, UnicodeError):
        raise ValueError("not a certificate") from None


def _certificate(der: bytes) -> Certificate:
    outer = _expect(_next(der, 0, len(der)), _SEQUENCE)
    body = _expect(_next(der, *outer), _SEQUENCE)
    parts = list(_elements(der, *body))
    if parts[0][0] == _VERSION:
        del parts[0]
    _expect(parts[0], _INTEGER)
    if len(parts) < 6:
        _refuse()
    issuer, validity, subject = parts[2:5]
    begin, end = list(_elements(der, *_expect(validity, _SEQUENCE)))[:2]
    issued_by = list(_attributes(der, issuer))
    short = {name: value for name, value in reversed(issued_by) if value}
    return Certificate(
        subject=_text(_attributes(der, subject)),
        issuer=_text(issued_by),
        issued_by=short.get("O") or short.get("CN") or _text(issued_by),
        names=tuple(_alt_names(der, parts[6:])),
        not_before=_instant(der, begin),
        not_after=_instant(der, end),
    )


def _next(der: bytes, at: int, end: int) -> Element:
    """The element at `at`, which must end by `end`. Lengths are definite, as DER's are."""
    tag, length, start = der[at], der[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        _refuse()
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4:
            _refuse()
        length = int.from_bytes(der[start : start + size], "big")
        start += size
    if start + length > end:
        _refuse()
    return tag, start, start + length


def _elements(der: bytes, start: int, end: int) -> Iterator[Element]:
    while start < end:
        element = _next(der, start, end)
        yield element
        start = element[2]


def _expect(element: Element, tag: int) -> tuple[int, int]:
    if element[0] != tag:
        _refuse()
    return element[1:]


def _refuse() -> NoReturn:
    raise ValueError("not a certificate")


def _instant(der: bytes, element: Element) -> datetime:
    """RFC 5280, 4.1.2.5: UTCTime is of the years 1950 to 2049, GeneralizedTime of any; both end in Z."""
    tag, start, end = element
    text = der[start:end].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        _refuse()
    if len(text) != 15 or not text[:14].isdecimal() or text[14] != "Z":
        raise ValueError("its dates cannot be read")
    numbers = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))]
    year, month, day, hour, minute, second = numbers
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _attributes(der: bytes, name: Element) -> Iterator[tuple[str, str]]:
    """Kind and value of every part of a distinguished name."""
    for kinds in _elements(der, *_expect(name, _SEQUENCE)):
        for pair in _elements(der, *_expect(kinds, _SET)):
            oid, value = list(_elements(der, *_expect(pair, _SEQUENCE)))[:2]
            start, end = _expect(oid, _OID)
            kind = _ATTRIBUTES.get(der[start:end], "")
            encoding = _ENCODINGS.get(value[0], "ascii")
            if kind:
                yield kind, clean(der[value[1] : value[2]].decode(encoding, "replace"), 200)


def _text(attributes: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    return ", ".join(f"{kind}={value}" for kind, value in attributes)


def _alt_names(der: bytes, rest: list[Element]) -> Iterator[str]:
    for tag, start, end in rest:
        if tag != _EXTENSIONS:
            continue
        for extension in _elements(der, *_expect(_next(der, start, end), _SEQUENCE)):
            oid, *_, value = _elements(der, *_expect(extension, _SEQUENCE))
            begin, stop = _expect(oid, _OID)
            if der[begin:stop] == _ALT_NAMES:
                listed = _expect(_next(der, *_expect(value, _OCTETS)), _SEQUENCE)
                yield from _general_names(der, *listed)


def _general_names(der: bytes, start: int, end: int) -> Iterator[str]:
    """RFC 5280, 4.2.1.6: hosts, addresses, mail addresses and URIs; kinds nobody connects to are left out."""
    for number, (tag, begin, stop) in enumerate(_elements(der, start, end)):
        if number == NAMES:
            return
        value = der[begin:stop]
        if tag == _ADDRESS and len(value) in (4, 16):
            yield socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)
        elif tag in (_DNS, _MAIL, _URI):
            yield clean(value.decode("ascii", "replace"), 200)
