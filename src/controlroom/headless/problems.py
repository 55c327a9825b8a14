"""What goes wrong, as an exit code, a message and a remedy; and the one place that writes to stderr.

Problem
├── Usage        2  usage or configuration
├── Unreachable  3  a source or the store
└── Refused      4  conflict or refused action
"""

from __future__ import annotations

import sys

from controlroom.domain.text import clean

FINE, ATTENTION, USAGE, UNREACHABLE, REFUSED, QUEUED, INTERRUPTED = 0, 1, 2, 3, 4, 75, 130
"""Exit codes."""


class Problem(Exception):
    """A command cannot do what it was asked: what went wrong, where, and what would mend it."""

    code = ATTENTION

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{what}: {where}" if where else what)


class Usage(Problem):
    """The command line or the configuration is wrong."""

    code = USAGE


class Unreachable(Problem):
    """A source or the store cannot be reached."""

    code = UNREACHABLE


class Refused(Problem):
    """Doing it would overwrite what somebody else wrote."""

    code = REFUSED


def complain(what: str, where: str = "", remedy: str = "") -> None:
    """``controlroom: what: where`` on stderr, and the remedy on a line of its own."""
    line = ": ".join(part for part in ("controlroom", clean(what), clean(where)) if part)
    say(line)
    if remedy:
        say(f"  {clean(remedy)}")


def say(line: str) -> None:
    """A line on stderr, if there still is one."""
    if sys.stderr is not None:
        try:
            print(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            return
