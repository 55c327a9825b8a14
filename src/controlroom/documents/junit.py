"""JUnit files, as the many tools that write them really write them.

There is no standard: what is read is what Ant, Maven Surefire, pytest, Jest and Go's converters agree on.
Whatever a file holds, reading it expands nothing and fetches nothing: a document type is refused, and with it
every entity of its own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from xml.parsers import expat

from controlroom.domain import instants
from controlroom.domain.junit import Case, JUnit, TestOutcome
from controlroom.domain.text import clean

SIZE_LIMIT = 16 * 1024 * 1024
CASES = 100_000
DEPTH = 100
"""Bytes, cases and levels of one file."""

NAME_LIMIT = 300
MESSAGE_LIMIT = 500
"""Characters that are kept."""

_OUTCOMES: dict[str, TestOutcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
_WORSE: tuple[TestOutcome, ...] = ("passed", "skipped", "failed", "error")
# Ant writes a thousand seconds as 1,000.5; a lone comma may be a decimal point, and is not guessed.
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+|\d{1,3}(?:,\d{3})+\.\d+", re.ASCII)


class UnreadableJUnit(Exception):
    """Why a file is no JUnit file that can be read, with its line."""


def read(raw: bytes, name: str) -> JUnit:
    """The results in `raw`, the content of the file `name`. Raises UnreadableJUnit."""
    if len(raw) > SIZE_LIMIT:
        raise UnreadableJUnit(f"it has more than {SIZE_LIMIT >> 20} MiB")
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as problem:
        why = expat.ErrorString(problem.code).lower()
        raise UnreadableJUnit(f"line {problem.lineno}: {clean(why, 100)}") from None
    except (LookupError, ValueError):  # an encoding nobody knows
        raise UnreadableJUnit(f"line {parser.CurrentLineNumber}: its characters cannot be read") from None
    except _Refused as problem:
        raise UnreadableJUnit(f"line {parser.CurrentLineNumber}: {problem}") from None
    return reading.result(clean(name, NAME_LIMIT))


class _Refused(Exception):
    pass


def _no_doctype(*_: object) -> None:
    raise _Refused("it declares a document type, which no JUnit file needs")


@dataclass(slots=True)
class _Suite:
    """A suite that is open: what it claims, and what is listed in it."""

    name: str
    claimed: int
    time: float | None
    listed: int = 0
    counted: int = 0
    """Failures and errors of the suites in it, each the larger of what it claims and lists."""


class _Reading:
    """Cases as they come."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._suites: list[_Suite] = []
        self._cases: list[Case] = []
        self._case: Case | None = None
        self._why: list[str] | None = None
        self._length = 0
        self._times: list[float] = []
        self._whole: float | None = None
        self._at: datetime | None = None
        self._counted = 0
        self._listed = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._path and name not in ("testsuites", "testsuite"):
            raise _Refused(f"it is no JUnit file: it begins with <{clean(name, 40)}>")
        if len(self._path) >= DEPTH:
            raise _Refused(f"it has more than {DEPTH} levels")
        self._path.append(name)
        if name == "testsuites":
            self._whole = _seconds(attributes.get("time"))
        elif name == "testsuite":
            self._open(attributes)
        elif name == "testcase" and self._case is None:
            self._begin(attributes)
        elif name in _OUTCOMES and self._case is not None and self._path[-2] == "testcase":
            self._ended(_OUTCOMES[name], attributes)

    def _open(self, attributes: dict[str, str]) -> None:
        name = clean(attributes.get("name", ""), NAME_LIMIT).strip()
        claimed = _count(attributes.get("failures")) + _count(attributes.get("errors"))
        self._suites.append(_Suite(name, claimed, _seconds(attributes.get("time"))))
        if self._at is None:
            try:
                self._at = instants.parse(attributes.get("timestamp", ""))
            except ValueError:
                self._at = None  # most write no offset: that is no instant

    def _begin(self, attributes: dict[str, str]) -> None:
        if len(self._cases) >= CASES:
            raise _Refused(f"it has more than {CASES:,} cases")
        self._case = Case(
            clean(attributes.get("name", ""), NAME_LIMIT).strip() or "a test without a name",
            clean(attributes.get("classname", ""), NAME_LIMIT).strip(),
            self._suites[-1].name if self._suites else "",
            _seconds(attributes.get("time")),
        )

    def _ended(self, outcome: TestOutcome, attributes: dict[str, str]) -> None:
        assert self._case is not None
        if _WORSE.index(outcome) <= _WORSE.index(self._case.outcome):
            return
        message = clean(attributes.get("message", ""), MESSAGE_LIMIT).strip()
        self._case = replace(self._case, outcome=outcome, message=message)
        self._why, self._length = (None if message else []), 0

    def text(self, data: str) -> None:
        # What is captured of a test's own output does not matter here.
        if self._why is not None and self._path[-1] in _OUTCOMES and self._length < MESSAGE_LIMIT * 4:
            self._why.append(data[: MESSAGE_LIMIT * 4])
            self._length += len(data)

    def end(self, tag: str) -> None:
        name = self._path.pop()
        if name in _OUTCOMES and self._case is not None and self._why is not None:
            said = next((line for line in "".join(self._why).splitlines() if line.strip()), "")
            self._case = replace(self._case, message=clean(said, MESSAGE_LIMIT).strip())
            self._why = None
        elif name == "testcase" and self._case is not None and "testcase" not in self._path:
            self._cases.append(self._case)
            if self._case.bad and self._suites:
                self._suites[-1].listed += 1
            self._listed += self._case.bad
            self._case = None
        elif name == "testsuite":
            self._close()

    def _close(self) -> None:
        suite = self._suites.pop()
        counted = max(suite.claimed, suite.listed + suite.counted)
        if self._suites:
            self._suites[-1].counted += counted
            return
        self._counted += counted
        if suite.time is not None:
            self._times.append(suite.time)

    def result(self, name: str) -> JUnit:
        own = [case.time for case in self._cases if case.time is not None]
        times = [self._whole] if self._whole is not None else self._times or own
        return JUnit(
            name,
            tuple(self._cases),
            round(sum(times), 6) if times else None,
            self._at,
            max(0, self._counted - self._listed),
        )


def _seconds(text: str | None) -> float | None:
    found = _NUMBER.fullmatch(text.strip()) if text else None
    value = float(found[0].replace(",", "")) if found else math.nan
    return value if math.isfinite(value) else None


def _count(text: str | None) -> int:
    """A count; what is none is 0: only what is claimed can be missing."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0
