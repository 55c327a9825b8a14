"""Cells of a table row."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_BEFORE = re.compile(r"\s*(?:>\s*|(?:[-*+]|[0-9]{1,9}[.)])\s+)*(?=\|)")
_SPECIAL = re.compile(r"\\.?|[|`]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")

Span = tuple[int, int]
"""Where something begins and ends in a line, in characters."""


def is_rule(line: str) -> bool:
    """Whether `line` is the rule below a table's header."""
    return "|" in line and bool(_RULE.match(line))


def split_row(line: str, *, respect_code: bool = False) -> list[str]:
    """The cells of one line, trimmed; ``\\|`` is a bar inside a cell.

    GitHub cuts at a bar inside back-ticks as well; with `respect_code` it does not count.
    """
    return texts(line, row_spans(line, respect_code=respect_code))


def texts(line: str, spans: Iterable[Span]) -> list[str]:
    """What stands in `spans` of `line`, trimmed, without the backslashes before bars."""
    cells = [line[begin:end].strip() for begin, end in spans]
    return [_ESCAPED.sub(_unescaped, cell) for cell in cells] if "\\" in line else cells


def row_spans(line: str, *, respect_code: bool = False) -> list[Span]:
    """Where the cells of one line lie, from bar to bar, the space around their text included.

    What stands before the first bar may be the marks of quotes and lists.
    """
    begin, end = _edges(line)
    spans: list[Span] = []
    code = False
    for found in _SPECIAL.finditer(line, begin, end):
        if found[0] == "`":
            code = not code
        elif found[0] == "|" and not (code and respect_code):
            spans.append((begin, found.start()))
            begin = found.end()
    closed = line[:end].endswith("|") and not line[:end].endswith("\\|")
    return spans if closed and not line[begin:end].strip() else [*spans, (begin, end)]


def _unescaped(found: re.Match[str]) -> str:
    return "|" if found[1] == "|" else found[0]


def _edges(line: str) -> Span:
    """Where a row's first cell begins, behind its bar if it has one, and where its line ends."""
    end = len(line.rstrip())
    marks = _BEFORE.match(line)
    if marks is not None:
        return marks.end() + 1, end
    bare = line.lstrip().lstrip(">").lstrip()
    return min(len(line) - len(bare), end), end
