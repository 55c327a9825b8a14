"""The one place that writes to stdout: plain text without escape sequences, or one JSON document."""

from __future__ import annotations

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


def text(value: str) -> None:
    """`value` on stdout, as it is."""
    if value and sys.stdout is not None:
        sys.stdout.write(value if value.endswith("\n") else value + "\n")


def document(value: Mapping[str, Any]) -> None:
    """`value` as one indented JSON document on stdout."""
    import json

    text(json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def line(value: Mapping[str, Any]) -> None:
    """`value` as one line of JSON on stdout, at once."""
    import json

    text(json.dumps(finite(value), ensure_ascii=False, allow_nan=False))
    flush()


def flush() -> None:
    """Whoever reads along sees everything written so far."""
    if sys.stdout is not None:
        sys.stdout.flush()
