"""JSON as it is written to files, and numbers that it has no words for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def finite(value: Any) -> Any:
    """`value`, however nested, with NaN and the infinities as texts such as ``NaN``."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(name): finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def dumped(document: Mapping[str, Any]) -> bytes:
    """`document` as the bytes of its file: pretty, sorted keys, a final newline, NaN as text.

    Half a character, as JSON of others may hold one, is escaped.
    """
    text = json.dumps(finite(document), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")
