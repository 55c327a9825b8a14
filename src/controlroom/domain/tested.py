"""Tests by their names: what captured results say of a test that somebody names as a proof.

A name may be as a tool writes it (``tests/test_press.py::test_ink``, ``com.acme.PressTest#ink``), or only its
end (``test_ink``), and means every case below it: a file, a class, each set of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from controlroom.domain.frozen import dataclass
from controlroom.domain.junit import Case, JUnit

_SUFFIX = re.compile(r"\.(?:py|java|kt|go|tsx?|jsx?|rs|robot|feature)(?=$|[:#/\\])")
_STEP = re.compile(r"::|[#/\\]")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the cases that a name means; without any, the results do not have it."""

    name: str
    passed: int = 0
    bad: int = 0
    skipped: int = 0
    message: str = ""
    """The first case that did not pass, and why, in the tool's own words."""
    at: datetime | None = None
    """Of when the results are; UTC."""
    or_before: bool = False
    """The file does not say when the tests ran: `at` is when it was captured."""
    file: str = ""
    """The file with the results, relative to the status folder; of several the first."""
    several: bool = False
    """The name fits tests of different places, of which some passed and some did not."""

    @property
    def tests(self) -> int:
        return self.passed + self.bad + self.skipped


@dataclass(frozen=True, slots=True)
class Results:
    """The newest results that were captured, as far as somebody names a test of them."""

    folder: str = ""
    """Of the capture, relative to the status folder; empty: no results were captured."""
    at: datetime | None = None
    """When they were captured; UTC."""
    tests: tuple[Tried, ...] = ()
    """One for each name that was asked for."""
    trouble: str = ""
    """Why nothing can be judged by them, such as a byte that was changed since."""

    def of(self, name: str) -> Tried | None:
        """What became of the test `name`; None where it was not asked for."""
        return next((one for one in self.tests if one.name == name), None)


@dataclass(frozen=True, slots=True)
class File:
    """One captured file of results."""

    path: str
    """Relative to the status folder."""
    results: JUnit
    at: datetime
    """When it was captured; UTC."""


def look_up(names: Iterable[str], files: Sequence[File]) -> tuple[Tried, ...]:
    """What the files say of each of the names."""
    cases = [(f".{_key(case)}", case, file) for file in files for case in file.results.cases]
    return tuple(_tested(name, cases) for name in names)


def _tested(name: str, cases: Sequence[tuple[str, Case, File]]) -> Tried:
    wanted = f".{_dotted(name)}"
    places: dict[str, list[tuple[Case, File]]] = {}
    for key, case, file in cases if len(wanted) > 1 else ():
        start = key.find(wanted)
        while start >= 0 and not _whole(key, start, start + len(wanted)):
            start = key.find(wanted, start + 1)
        if start >= 0:
            places.setdefault(key[:start], []).append((case, file))
    # A whole name is meant as it is written, whatever else ends so.
    whole = [places[""]] if "" in places else list(places.values())
    judged = [_counted(name, found) for found in whole]
    if not judged:
        return Tried(name)
    if len({(one.bad > 0, one.passed > 0) for one in judged}) > 1:
        return replace(judged[0], several=True)
    return _counted(name, [one for found in whole for one in found])


def _whole(key: str, start: int, end: int) -> bool:
    """Whether a step of the name ends at `end`, and `start` is not within somebody's parameters."""
    inside = key.count("[", 0, start) > key.count("]", 0, start)
    return not inside and key[end : end + 1] in ("", ".", "[")


def _counted(name: str, found: Sequence[tuple[Case, File]]) -> Tried:
    bad = [(case, file) for case, file in found if case.bad]
    file = (bad or found)[0][1]
    # What is dated by its capture cannot have run after it.
    ran = file.results.at is not None and file.results.at <= file.at
    return Tried(
        name,
        passed=sum(case.outcome == "passed" for case, _ in found),
        bad=len(bad),
        skipped=sum(case.outcome == "skipped" for case, _ in found),
        message=": ".join(filter(None, (bad[0][0].id, bad[0][0].message))) if bad else "",
        at=file.results.at if ran else file.at,
        or_before=not ran,
        file=file.path,
    )


def _key(case: Case) -> str:
    # Without a path it is a module or a class, which may be called `go` or `feature`.
    path = "/" in case.classname or "\\" in case.classname
    place = _dotted(case.classname) if path else case.classname.strip()
    return ".".join(filter(None, (place, _dotted(case.name))))


def _dotted(name: str) -> str:
    """A name with one kind of step in it, without suffixes of files: ``tests.test_press.test_ink[a/b]``."""
    steps, bracket, parameters = name.strip().partition("[")
    return _STEP.sub(".", _SUFFIX.sub("", steps)).strip(".") + bracket + parameters
