"""Where every value of a TOML text stands, to the character, so that one of them can be changed alone.

Only for text that has been read already: what is no TOML is not noticed here. (A library that writes the
whole file anew is no substitute: tomlkit, for one, puts tables of one list together that were written apart.)
"""

from __future__ import annotations

import re
from dataclasses import field

from controlroom.config.places import DOTTED, Place, parts, place_of
from controlroom.domain.frozen import dataclass

_STRING = (
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_VALUE = re.compile(rf"{_STRING}|\d{{4}}-\d\d-\d\d \d\d:[^\s,\]}}#]*|[^\s,\[\]{{}}#]+")
_KEY = re.compile(DOTTED)
_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]|#[^\n]*)*")
_TO_LINE_END = re.compile(rf"(?:{_STRING}|[^#\n\"'])*")


@dataclass(frozen=True, slots=True)
class Span:
    """From the character `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spans:
    """Values by their place (those of keys, elements of lists, inline tables), headers by their table's."""

    values: dict[Place, Span] = field(default_factory=dict)
    headers: dict[Place, Span] = field(default_factory=dict)
    """Of a table with several headers, as ``[a]`` and ``[a.b]`` give to ``a``, the one that names it."""

    def last(self, within: Place) -> Span | None:
        """What ends last of all that lies in the table or list at `within`."""
        inside = [
            span
            for spans in (self.values, self.headers)
            for place, span in spans.items()
            if place[: len(within)] == within
        ]
        return max(inside, key=lambda span: span.end, default=None)


def spans(text: str) -> Spans:
    """Every value and header in `text`, which is valid TOML."""
    return _Reader(text).read()


@dataclass(frozen=True, slots=True)
class LineEnd:
    """The end of a line on which a comment may be written: before its line break."""

    at: int
    commented: bool
    """A comment ends there already."""


def line_end(text: str, position: int) -> LineEnd:
    """The end of the line on which what stands at `position` ends; a long string's lines are one."""
    found = _TO_LINE_END.match(text, position)
    at = found.end() if found else position
    commented = text.startswith("#", at)
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return LineEnd(end - text.endswith("\r", position, end), commented)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found = Spans()

    def read(self) -> Spans:
        table: Place = ()
        counts: dict[tuple[str, ...], int] = {}
        self._skip()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header(counts)
            else:
                self._assignment(table)
            self._skip()
        return self._found

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _header(self, counts: dict[tuple[str, ...], int]) -> Place:
        start = self._at
        is_list = self._text.startswith("[[", start)
        self._at += 2 if is_list else 1
        self._skip()
        table = place_of(self._key(), is_list, counts)
        self._skip()
        self._at += 2 if is_list else 1
        self._found.headers[table] = Span(start, self._at)
        return table

    def _key(self) -> tuple[str, ...]:
        key = _KEY.match(self._text, self._at)
        if key is None:
            raise ValueError(f"no key at character {self._at}")
        self._at = key.end()
        return parts(key[0])

    def _assignment(self, table: Place) -> None:
        place = (*table, *self._key())
        self._skip()
        self._at += 1  # the sign between key and value
        self._skip()
        self._value(place)

    def _value(self, place: Place) -> None:
        start = self._at
        if self._text[start] == "[":
            self._list(place)
        elif self._text[start] == "{":
            self._table(place)
        else:
            value = _VALUE.match(self._text, start)
            if value is None:
                raise ValueError(f"no value at character {start}")
            self._at = value.end()
        self._found.values[place] = Span(start, self._at)

    def _list(self, place: Place) -> None:
        number = 0
        while self._next("]"):
            self._value((*place, number))
            number += 1

    def _table(self, place: Place) -> None:
        while self._next("}"):
            self._assignment(place)

    def _next(self, closing: str) -> bool:
        """Go on to the next element; False, and past it, where `closing` ends them."""
        if self._text[self._at] in "[{,":
            self._at += 1
        self._skip()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip()
        if self._text[self._at] == closing:
            self._at += 1
            return False
        return True
