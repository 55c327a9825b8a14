"""Documents as the bytes of their files."""

from __future__ import annotations

import json

from controlroom.domain.numbers import dumped


def test_whatever_others_wrote_can_be_written_again() -> None:
    """NaN becomes a text, half a character stays what it was for whoever reads it, and keys are in order."""
    made = dumped({"b": float("nan"), "a": ["\ud83d", "é"]})
    assert json.loads(made) == {"a": ["\ud83d", "é"], "b": "NaN"}
    assert made.startswith(b'{\n  "a"')
    assert made.endswith(b"}\n")
    assert "é".encode() in made
