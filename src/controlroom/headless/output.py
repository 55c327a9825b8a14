"""The one place that writes to stdout: plain text without escape sequences, or one JSON document."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from controlroom.domain.numbers import finite


def prepare() -> None:
    """UTF-8 whatever the locale; what cannot be encoded is escaped, never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal might obey; tabs and line feeds are none of these."""


def text(value: str) -> None:
    """`value` on stdout. Foreign text was cleaned where it came in; here the last control goes."""
    _write(_CONTROLS.sub("", value))


def file(value: str) -> None:
    """`value` on stdout, every character of it: the content of a file."""
    _write(value)


def _write(value: str) -> None:
    if value and sys.stdout is not None:
        sys.stdout.write(value if value.endswith("\n") else value + "\n")


def document(value: Mapping[str, Any]) -> None:
    """`value` as one indented JSON document on stdout."""
    _write(_json(value, indent=2))


def _json(value: Mapping[str, Any], indent: int | None) -> str:
    import json

    dumped = json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    # JSON itself escapes only the lower controls; a terminal also obeys some of the upper ones.
    return _UPPER.sub(lambda match: f"\\u{ord(match[0]):04x}", dumped)


_UPPER = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def line(value: Mapping[str, Any]) -> None:
    """`value` as one line of JSON on stdout, at once."""
    _write(_json(value, indent=None))
    flush()


def raw(value: bytes) -> None:
    """`value` as it is, ended by one line feed."""
    flush()
    if sys.stdout is not None:
        sys.stdout.buffer.write(value.removesuffix(b"\n") + b"\n")


def abandoned() -> bool:
    """Whether nobody can read what will be written: the other end of the pipe is closed."""
    import select

    if sys.stdout is None:
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def flush() -> None:
    """Whoever reads along sees everything written so far."""
    if sys.stdout is not None:
        sys.stdout.flush()
