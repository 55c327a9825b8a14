"""JSON read strictly: no duplicate names, no NaN, no bottomless nesting; what is wrong has a line.

The fast path is the standard library's parser with hooks; only a bad document is scanned again, by a
small tokenizer that knows where everything stands.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

DEPTH_LIMIT = 64
"""Levels of nesting; a status document has five."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]:,]|\n|[^\s{}\[\]:,"]+', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")

Path = tuple[str | int, ...]


class BadJson(Exception):
    """Why a text is refused, and the 1-based line, None where none can be named."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason = reason
        self.line = line
        super().__init__(reason if line is None else f"line {line}: {reason}")


class _Refused(ValueError):
    pass


def loads(raw: bytes) -> Any:
    """The value of a UTF-8 JSON document (a byte order mark is tolerated). Raises BadJson."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadJson("not UTF-8", raw.count(b"\n", 0, problem.start) + 1) from None
    if not text.strip():
        raise BadJson("empty", 1)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as problem:
        raise BadJson(_plain(problem), problem.lineno) from None
    except RecursionError:
        raise BadJson(f"nested deeper than {DEPTH_LIMIT} levels", _deep_line(text)) from None
    except _Refused as problem:
        raise BadJson(str(problem), _refused_line(text)) from None
    except ValueError:  # the interpreter's own limit on the digits of an integer
        raise BadJson("a number with too many digits") from None
    if _deeper(value):
        raise BadJson(f"nested deeper than {DEPTH_LIMIT} levels", _deep_line(text))
    if _SURROGATE.search(text) and not _encodes(value):
        raise BadJson("half a character: a lone \\ud800–\\udfff", _surrogate_line(text))
    return value


def line_of(raw: bytes, path: Path) -> int | None:
    """The line on which the value at `path` begins, in a document that `loads` accepts."""
    text = raw.decode("utf-8-sig", errors="replace")
    best: int | None = None
    for place, _, line in _walk(text):
        if place == path:
            return line
        if path[: len(place)] == place:
            best = line
    return best


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused(f"the name {_duplicate(pairs)} is given twice")
    return made


def _duplicate(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return json.dumps(name[:80])
        seen.add(name)
    return "?"


def _refuse(constant: str) -> NoReturn:
    raise _Refused(f'{constant} is no JSON number: write it as the text "{constant}"')


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("a number too large to be one")
    return number


_WRONG = {
    "Invalid control character at": (
        "a tab, a line break or another control character stands in a text",
        "write it as \\t, \\n or \\u00XX",
    ),
    "Unterminated string starting at": ("a text begins and does not end", 'close it with "'),
    "Invalid \\escape": ("a backslash escapes nothing", "write it as \\\\"),
    "Invalid \\uXXXX escape": (
        "\\u is not followed by a character's number",
        "give it four hex digits",
    ),
    "Expecting value": ("a value is missing or is none", "write a number, a text in quotes or a list there"),
    "Expecting property name enclosed in double quotes": (
        "a name in double quotes is missing",
        "write one, or take out the comma before it",
    ),
    "Illegal trailing comma before end of object": ("nothing follows the comma", "take it out"),
    "Illegal trailing comma before end of array": ("nothing follows the comma", "take it out"),
    "Expecting ':' delimiter": ("a name has no value", "write a colon and the value after it"),
    "Expecting ',' delimiter": ("two values are not told apart", "write a comma between them, or the end"),
    "Extra data": ("something follows the end of the document", "take it out"),
}
"""What the standard library's parser says, as what is wrong and what to do."""


def _plain(problem: json.JSONDecodeError) -> str:
    """What is wrong, in which column of its line, and the remedy."""
    wrong, remedy = _WRONG.get(problem.msg, ("it is no JSON", "see to what stands there"))
    return f"{wrong}, in column {problem.colno}; {remedy}"


def _deeper(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_LIMIT):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _encodes(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(text: str) -> Iterator[tuple[Path, str, int]]:
    """Every value's path, its first piece and its line; names come as values of a path with the name."""
    stack: list[str | int] = []
    kinds: list[str] = []
    names: list[set[str]] = []
    expecting_name = False
    line = 1
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece == "\n":
            line += 1
        elif piece in "{[":
            yield tuple(stack), piece, line
            kinds.append(piece)
            names.append(set())
            stack.append("" if piece == "{" else 0)
            expecting_name = piece == "{"
        elif piece in "}]":
            if kinds:
                kinds.pop()
                names.pop()
                stack.pop()
            expecting_name = False
        elif piece == ",":
            if kinds and kinds[-1] == "[":
                stack[-1] = int(stack[-1]) + 1
            expecting_name = bool(kinds) and kinds[-1] == "{"
        elif piece == ":":
            expecting_name = False
        elif expecting_name:
            name = _name(piece)
            stack[-1] = name
            if name in names[-1]:
                yield (*stack, "duplicate"), "duplicate", line
            names[-1].add(name)
            line += piece.count("\n")
        else:
            yield tuple(stack), piece, line
            line += piece.count("\n")


def _name(piece: str) -> str:
    try:
        return str(json.loads(piece))
    except ValueError:
        return piece


def _refused_line(text: str) -> int | None:
    for _, piece, line in _walk(text):
        if piece in ("duplicate", "NaN", "Infinity", "-Infinity"):
            return line
        if piece[:1] in "-0123456789" and set(piece) & set(".eE") and math.isinf(_float(piece)):
            return line
    return None


def _float(piece: str) -> float:
    try:
        return float(piece)
    except ValueError:
        return 0.0


def _deep_line(text: str) -> int | None:
    depth, line = 0, 1
    for match in _TOKEN.finditer(text):
        piece = match[0]
        line += piece.count("\n")
        depth += (piece in "{[") - (piece in "}]")
        if depth > DEPTH_LIMIT:
            return line
    return None


def _surrogate_line(text: str) -> int | None:
    match = _SURROGATE.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else None
