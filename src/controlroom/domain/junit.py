"""What tests said, as their JUnit files tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from controlroom.domain.frozen import dataclass

TestOutcome = Literal["passed", "failed", "error", "skipped"]
"""``failed``: an assertion did not hold; ``error``: it could not be run to its end."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test, and how it ended. All texts are cleaned."""

    name: str
    classname: str = ""
    suite: str = ""
    time: float | None = None
    """Seconds; None where the file gives none that can be read."""
    outcome: TestOutcome = "passed"
    message: str = ""
    """Why it did not pass, in the tool's own words."""

    @property
    def id(self) -> str:
        """``classname::name``, or the name alone."""
        return f"{self.classname}::{self.name}" if self.classname else self.name

    @property
    def bad(self) -> bool:
        """Whether it ran and did not pass."""
        return self.outcome in ("failed", "error")


@dataclass(frozen=True, slots=True)
class JUnit:
    """The results of one file, in its order."""

    name: str
    cases: tuple[Case, ...] = ()
    time: float | None = None
    """Seconds the suites say they took, else the sum of the cases; None: no time is given."""
    at: datetime | None = None
    """When the first suite began, where it is given with an offset; UTC."""
    unlisted: int = 0
    """Failures and errors that a suite counts and lists no case of, such as a suite that broke off."""

    @property
    def tests(self) -> int:
        return len(self.cases)

    @property
    def failures(self) -> int:
        return self._count("failed")

    @property
    def errors(self) -> int:
        return self._count("error")

    @property
    def skipped(self) -> int:
        return self._count("skipped")

    @property
    def passed(self) -> int:
        return self._count("passed")

    @property
    def bad(self) -> tuple[Case, ...]:
        """The cases that ran and did not pass."""
        return tuple(case for case in self.cases if case.bad)

    @property
    def good(self) -> bool:
        """Whether something passed and nothing is known to have failed: no test at all proves nothing."""
        return self.passed > 0 and not self.bad and not self.unlisted

    def _count(self, outcome: TestOutcome) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def summed(found: Sequence[JUnit]) -> dict[str, int | float | None]:
    """Tests, passed, failures, errors, skipped, unlisted and seconds of all of them together."""
    times = [one.time for one in found if one.time is not None]
    return {
        "tests": sum(one.tests for one in found),
        "passed": sum(one.passed for one in found),
        "failures": sum(one.failures for one in found),
        "errors": sum(one.errors for one in found),
        "skipped": sum(one.skipped for one in found),
        "unlisted": sum(one.unlisted for one in found),
        "time": round(sum(times), 6) if times else None,
    }
