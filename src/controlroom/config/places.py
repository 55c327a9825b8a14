"""Places in a configuration: paths of keys, how they are written, and the lines they stand on."""

from __future__ import annotations

import re
from dataclasses import field

from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean

Place = tuple[str | int, ...]
"""Such as ``("squads", 2, "signals", 0, "metric")``; empty for the file as a whole."""


def spelled(place: Place) -> str:
    """``squads[2].signals[0].metric``, counted from 0."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{clean(step, 80)}"
    return text.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place, before the line is looked up."""

    place: Place
    message: str
    remedy: str


@dataclass(slots=True)
class Findings:
    """Everything found so far, one finding a place: what follows from an error is not reported again."""

    found: list[Finding] = field(default_factory=list)
    _places: set[Place] = field(default_factory=set)

    def add(self, place: Place, message: str, remedy: str = "") -> None:
        """Keep it, unless this place or a table around it is already known to be wrong."""
        if not any(place[:length] in self._places for length in range(1, len(place) + 1)):
            self.found.append(Finding(place, message, remedy))
            self._places.add(place)

    def has(self, place: Place) -> bool:
        """Whether something was found at exactly this place."""
        return place in self._places


_KEY = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({DOTTED})\s*=")
_PART = re.compile(_KEY)
_TOKEN = re.compile(r"""\"\"\"|'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#.*|[\[\]{}]""")
_CLOSING = {'"""': re.compile(r'(?:[^"\\]|\\.|\\$|"(?!""))*"""'), "'''": re.compile(r"(?:[^']|'(?!''))*'''")}


def lines(text: str) -> dict[str, int]:
    """The 1-based line of every table and key in valid TOML, by its spelling; inline tables' keys lack."""
    found: dict[str, int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: Place = ()
    inside = _Inside()
    for number, line in enumerate(text.splitlines(), 1):
        if inside.something:
            inside.go_on(line)
        elif header := _HEADER.match(line):
            table = place_of(parts(header[2]), header[1] == "[[", counts)
            _note(table, number, found)
        elif assignment := _ASSIGNMENT.match(line):
            _note(table + parts(assignment[1]), number, found)
            inside.go_on(line[assignment.end() :])
    return found


def _note(place: Place, number: int, found: dict[str, int]) -> None:
    """Remember where `place` begins, and every table and list around it that begins there too."""
    for length in range(1, len(place) + 1):
        found.setdefault(spelled(place[:length]), number)


def line_of(place: Place, known: dict[str, int]) -> int | None:
    """The line of a place, or of the nearest table or key around it."""
    for length in range(len(place), 0, -1):
        line = known.get(spelled(place[:length]))
        if line is not None:
            return line
    return None


class _Inside:
    """Whether a line begins inside a value that began earlier: a long string, a list, a table."""

    def __init__(self) -> None:
        self.quotes = ""
        self.depth = 0

    @property
    def something(self) -> bool:
        return bool(self.quotes) or self.depth > 0

    def go_on(self, line: str) -> None:
        at = 0
        while at < len(line):
            if self.quotes:
                end = _CLOSING[self.quotes].match(line, at)
                if end is None:
                    return
                at, self.quotes = end.end(), ""
            token = _TOKEN.search(line, at)
            if token is None:
                return
            at = token.end()
            if token[0] in _CLOSING:
                self.quotes = token[0]
            elif token[0] in "[{":
                self.depth += 1
            elif token[0] in "]}":
                self.depth = max(0, self.depth - 1)


def parts(dotted: str) -> tuple[str, ...]:
    """The names of a dotted key, unquoted."""
    return tuple(_unquoted(match[0]) for match in _PART.finditer(dotted))


def _unquoted(part: str) -> str:
    if part[0] == '"' and "\\" in part:
        import tomllib

        return str(tomllib.loads(f"key = {part}")["key"])
    return part[1:-1] if part[0] in "\"'" else part


def place_of(names: tuple[str, ...], is_list: bool, counts: dict[tuple[str, ...], int]) -> Place:
    """The place a header names: every list of tables on the way means its last one.

    `counts` is what was counted so far, one fewer than there are; it is kept up to date.
    """
    if is_list:
        counts[names] = counts.get(names, -1) + 1
        for inner in [known for known in counts if known[: len(names)] == names and known != names]:
            del counts[inner]
    place: Place = ()
    for length, name in enumerate(names, 1):
        place = (*place, name)
        if names[:length] in counts:
            place = (*place, counts[names[:length]])
    return place
