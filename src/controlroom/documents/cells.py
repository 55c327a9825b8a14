"""Cells of a table row."""

from __future__ import annotations

import re

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")


def is_rule(line: str) -> bool:
    """Whether `line` is the rule below a table's header."""
    return "|" in line and bool(_RULE.match(line))


def split_row(line: str, *, respect_code: bool = False) -> list[str]:
    """The cells of one line, trimmed; ``\\|`` is a bar inside a cell.

    GitHub cuts at a bar inside back-ticks as well; with `respect_code` it does not count.
    """
    line = line.strip().lstrip(">").strip()
    cells: list[str] = []
    cell: list[str] = []
    code = False
    escaped = False
    for character in line.removeprefix("|"):
        if escaped:
            cell.append(character if character == "|" else "\\" + character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "|" and not (code and respect_code):
            cells.append("".join(cell).strip())
            cell = []
        else:
            code ^= character == "`"
            cell.append(character)
    if escaped:
        cell.append("\\")
    last = "".join(cell).strip()
    return [*cells, last] if last or not line.endswith("|") or line.endswith("\\|") else cells
