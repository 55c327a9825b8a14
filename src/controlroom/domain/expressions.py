"""What a PromQL expression reads, and without what it can give nothing.

This is no check of PromQL: it reads what Prometheus 2 and 3 accept, and of MetricsQL what alerts are written
in, with any function and any duration. A parser that knows every function refuses a rule of VictoriaMetrics
or of the next Prometheus, and then nothing could be said of a rule that its own server evaluates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.re2 import Pattern

DEPTH = 100
"""Brackets within brackets; what is deeper is not read."""

CHOICES = 64
"""Clauses of what an expression needs; one with more is taken to need nothing."""

OF_THE_SERVER = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
"""Series that Prometheus writes while alerts fire: nothing is wrong where there are none."""

Needs = frozenset[frozenset[str]]
"""Of each of these sets one metric must be there, or the expression gives nothing; empty: it always may."""

NOTHING: Needs = frozenset()


@dataclass(frozen=True, slots=True)
class Reads:
    """The metrics an expression reads by name, and what it needs of them."""

    metrics: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    """Regular expressions (RE2, whole name) by which it selects metrics as well."""
    needs: Needs = NOTHING


@lru_cache(maxsize=4_096)
def reads(text: str) -> Reads | None:
    """What the expression `text` reads; None where that cannot be told.

    >>> sorted(reads("rate(a_total[5m]) > 1 unless b").metrics)
    ['a_total', 'b']
    """
    try:
        parser = _Parser(text)
        needs = parser.whole()
    except _Untold:
        return None
    return Reads(frozenset(parser.metrics), tuple(dict.fromkeys(parser.patterns)), needs)


def selects(pattern: str, metrics: Iterable[str]) -> bool | None:
    """Whether a selector by `pattern` reads one of `metrics`; None where it is no regular expression."""
    try:
        fits = _pattern(pattern).fits
        return any(fits(metric) for metric in metrics)
    except ValueError:
        return None


def words(text: str) -> frozenset[str]:
    """Everything in `text`, which is no readable expression, that may be the name of a metric."""
    return frozenset(
        token[0] for token in _TOKEN.finditer(text) if token.lastgroup == "name" and token[0].strip(":")
    )


def one_line(text: str) -> str:
    """The expression `text` without comments and line breaks, as it can be pasted anywhere."""
    if "\n" not in text and "#" not in text:
        return text.strip()
    kept = (
        token[0] if token.lastgroup not in ("space", "comment") else " " for token in _TOKEN.finditer(text)
    )
    return re.sub(r" {2,}", " ", "".join(kept)).strip()


_TOKEN = re.compile(
    r"""
    (?P<space>\s+) | (?P<comment>\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*`)
    | (?P<number>(?:\d[\w.]*|\.\d[\w.]*)(?:(?<=[eE])[+-]\d+)?)
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<sign>==|!=|=~|!~|>=|<=|[-+*/%^<>=@,(){}\[\]])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_WEAK = {"default": 0, "if": 1, "ifnot": 1, "or": 2, "and": 3, "unless": 3}
"""Operators by how tightly they bind; all others bind tighter, and need both of their sides."""

_TIGHT = 4
_SIGNS = frozenset({"==", "!=", ">=", "<=", "<", ">", "+", "-", "*", "/", "%", "^"})
_GROUPING = frozenset({"by", "without"})
_ALTERNATIVES = re.compile(r"\^?(?:\((?:\?:)?)?([a-zA-Z0-9_:|]+)\)?\$?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class _Untold(Exception):
    """The expression cannot be read."""


class _Parser:
    """Reads an expression from left to right, and gathers what it reads on the way."""

    def __init__(self, text: str) -> None:
        self.metrics: set[str] = set()
        self.patterns: list[str] = []
        self._tokens = [
            (token.lastgroup or "", token[0])
            for token in _TOKEN.finditer(text)
            if token.lastgroup not in ("space", "comment")
        ]
        self._at = self._depth = 0

    def whole(self) -> Needs:
        needs = self._expression()
        if self._at < len(self._tokens):
            raise _Untold
        return needs

    def _is(self, *signs: str, ahead: int = 0) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at][0] == "sign" and self._tokens[at][1] in signs

    def _word(self, ahead: int = 0) -> str:
        """The name that stands here, in lower case; empty where none does."""
        at = self._at + ahead
        known = at < len(self._tokens) and self._tokens[at][0] == "name"
        return self._tokens[at][1].lower() if known else ""

    def _take(self, *signs: str) -> bool:
        found = self._is(*signs)
        self._at += found
        return found

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _Untold
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise _Untold

    def _expression(self, least: int = 0) -> Needs:
        self._depth += 1
        if self._depth > DEPTH:
            raise _Untold
        left = self._operand()
        while (operator := self._operator()) is not None:
            binds = _WEAK.get(operator, _TIGHT)
            if binds < least:
                break
            self._at += 1
            filled = self._matching()
            right = self._expression(binds + 1)
            if operator in ("or", "default") or filled:
                left = _either(left, right)
            elif operator not in ("unless", "ifnot"):
                left = left | right
        self._depth -= 1
        return left

    def _operator(self) -> str | None:
        if self._is(*_SIGNS):
            return self._tokens[self._at][1]
        word = self._word()
        return word if word in _WEAK or word == "atan2" else None

    def _matching(self) -> bool:
        """Passes over what follows an operator; whether a side that is missing is filled in."""
        filled = False
        while (word := self._word()) in _MATCHING:
            if word == "bool":
                self._at += 1
            elif self._is("(", ahead=1):
                self._at += 1
                self._skip()
                filled |= word.startswith("fill")
            elif word.startswith("group_"):
                self._at += 1
            else:
                break
        return filled

    def _operand(self) -> Needs:
        while self._take("+", "-"):
            pass
        if self._take("("):
            found = self._arguments()
            needs = found[0] if found else NOTHING
            for other in found[1:]:  # of MetricsQL: all of them together
                needs = _either(needs, other)
        elif self._is("{"):
            needs = self._selector(None)
        else:
            kind, text = self._next()
            if kind in ("string", "number"):
                needs = NOTHING
            elif kind == "name":
                needs = self._named(text)
            else:
                raise _Untold
        self._ending()
        return needs

    def _named(self, name: str) -> Needs:
        """A call, an aggregation, a number in words, or a selector."""
        if self._word() in _GROUPING and self._is("(", ahead=1):
            self._at += 1
            self._skip()
            if not self._is("("):
                raise _Untold
        if self._take("("):
            return self._call(name.lower())
        if name.lower() in ("inf", "nan") and not self._is("{"):
            return NOTHING
        return self._selector(name)

    def _call(self, function: str) -> Needs:
        if function == "with":  # templates of MetricsQL: names that are no metrics
            raise _Untold
        if function == "info":  # what comes second selects labels
            needs = self._expression()
            while not self._is(")"):
                if self._is("(", "{", "["):
                    self._skip()
                else:
                    self._next()
            self._expect(")")
            return needs
        found = self._arguments()
        if function in ("absent", "absent_over_time"):
            return NOTHING
        needs = NOTHING
        for number, one in enumerate(found):
            needs = _either(needs, one) if function == "union" and number else needs | one
        return needs

    def _arguments(self) -> list[Needs]:
        """What stands before the closing bracket, between commas."""
        found: list[Needs] = []
        while not self._take(")"):
            if found:
                self._expect(",")
                if self._take(")"):
                    break
            found.append(self._expression())
        return found

    def _ending(self) -> None:
        """Passes over a range, an offset, an instant, the labels of an aggregation."""
        while True:
            word = self._word()
            if self._is("["):
                self._skip()
            elif self._take("@"):
                self._take("-", "+")
                self._next()
                if self._is("("):
                    self._skip()
            elif word == "offset":
                self._at += 1
                self._take("-", "+")
                if self._is("("):
                    self._skip()
                else:
                    self._next()
                    if self._is("("):
                        self._skip()
            elif word in _GROUPING and self._is("(", ahead=1):
                self._at += 1
                self._skip()
            elif word == "limit":
                self._at += 1
                self._next()
            elif word in ("keep_metric_names", "smoothed", "anchored"):
                self._at += 1
            else:
                return

    def _skip(self) -> None:
        """Passes over everything between the bracket that stands here and the one that closes it."""
        open_ = 0
        while True:
            kind, text = self._next()
            if kind == "sign" and text in "([{":
                open_ += 1
            elif kind == "sign" and text in ")]}":
                open_ -= 1
                if open_ == 0:
                    return

    def _selector(self, name: str | None) -> Needs:
        """One metric, or those that its matchers of the name mean."""
        alternatives = list(self._matchers(name)) if self._take("{") else [((name or "",), "")]
        needs: Needs | None = None
        for names, pattern in alternatives:
            self.metrics.update(names)
            if pattern:
                self.patterns.append(pattern)
            known = bool(names) and not pattern and not OF_THE_SERVER & set(names)
            one: Needs = frozenset({frozenset(names)}) if known else NOTHING
            needs = one if needs is None else _either(needs, one)
        return needs or NOTHING

    def _matchers(self, name: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names, or else a pattern, of each of the alternatives (MetricsQL separates them by ``or``)."""
        names: tuple[str, ...] = (name,) if name else ()
        pattern = ""
        while not self._take("}"):
            kind, text = self._next()
            if kind == "sign" and text == ",":
                continue
            if text == "or" and not self._is("=", "!=", "=~", "!~"):
                yield names, pattern if names or pattern else ".+"
                names, pattern = ((name,) if name else ()), ""
                continue
            if kind not in ("name", "string"):
                raise _Untold
            label = _unquoted(text) if kind == "string" else text
            if not self._is("=", "!=", "=~", "!~"):
                if kind == "name":
                    raise _Untold
                names = (label,)
                continue
            operator, (kind, text) = self._next()[1], self._next()
            if kind not in ("string", "name"):
                raise _Untold
            if label != "__name__" or names:
                continue
            value = _unquoted(text) if kind == "string" else text
            if operator == "=":
                names, pattern = (value,), ""
            elif operator == "=~":
                plain = _ALTERNATIVES.fullmatch(value)
                if plain and value.count("(") == value.count(")"):
                    names = tuple(filter(None, plain[1].split("|")))
                else:
                    pattern = value
        yield names, pattern if names or pattern else ".+"


_MATCHING = frozenset(
    {"bool", "on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right"}
)


def _either(one: Needs, other: Needs) -> Needs:
    """What is needed for one of two expressions to give anything."""
    if not one or not other or len(one) * len(other) > CHOICES:
        return NOTHING
    return frozenset(first | second for first in one for second in other)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return _ESCAPE.sub(lambda found: found[1], text[1:-1])


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    from controlroom.domain.re2 import Pattern

    return Pattern(text)
