"""What reaches stdout: JSON that parses, text that no terminal obeys."""

from __future__ import annotations

import json

import pytest

from controlroom.headless import output

HOSTILE = "a\x1b[2Jb\x9b31mc\u202ed\x07\r\x00e"


def test_text_loses_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape, the one-byte CSI, bell and carriage return never get through, whatever let them in."""
    output.text(f"one\n\ttwo {HOSTILE}\n")
    written = capsys.readouterr().out
    assert written.startswith("one\n\ttwo a[2Jb31mc")
    assert not {"\x1b", "\x9b", "\x07", "\r", "\x00"} & set(written)


def test_json_escapes_it_and_keeps_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    """The document parses back to the very text; none of it is raw on the way."""
    output.document({"title": HOSTILE, "ratio": float("nan"), "café": "☕"})
    written = capsys.readouterr().out
    assert json.loads(written) == {"title": HOSTILE, "ratio": "NaN", "café": "☕"}
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(written)
    assert "☕" in written


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever stands in the text."""
    output.line({"text": "one\ntwo"})
    assert capsys.readouterr().out.count("\n") == 1
