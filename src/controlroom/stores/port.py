"""What the triage log offers, whatever keeps it. Calls block, each with a limit of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from controlroom.domain.actions import Action, Entry
from controlroom.domain.frozen import dataclass


class Unavailable(Exception):
    """The log cannot be read, or not be written now. Nothing is known to be lost.

    A write that raises this may still have been committed: only trying again with the same id tells.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        """In plain words, without secrets."""
        self.remedy = remedy
        super().__init__(reason)


class ReadOnly(Unavailable):
    """The log can be read and must not be written: a hole, a broken or a newer action, no hard links."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a look at the log brought: the entries after the rev that was asked for, in order."""

    entries: tuple[Entry, ...]
    head: int
    """Rev of the last action in the log; 0 when it is empty."""
    durability: str = "durable"
    """``durable``, ``not durable``, or what is known of it in a few words."""
    epoch: str = ""
    """Changes when the log may have lost its end (a failed-over or restarted server); ``""`` cannot."""
    trouble: str = ""
    """Why it must not be written, where that is known; what could be read is in `entries` all the same."""
    from_start: bool = False
    """The log is shorter than what was asked for: `entries` are all it has, and replace what was known."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The action is in the log, durably as far as the store can say. `entry` is what stands there."""

    entry: Entry
    replay: bool = False
    """It had been there before this call."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Not committed: the item's last action is not the one expected. `current` is; None: it has none."""

    current: Entry | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Not committed: the id belongs to another deed, which is `entry`."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Missing:
    """Not committed: the log does not hold the action expected. Only said to a resubmission."""


Verdict = Committed | Moved | Taken | Missing


class Log(Protocol):
    """A totally ordered log of immutable actions with compare-and-set on the item."""

    @property
    def url(self) -> str:
        """Where it is, without secrets; the same text for everybody who uses the same log."""
        ...

    def read(self, after: int = 0) -> Page:
        """The entries behind rev `after`. Raises Unavailable."""
        ...

    def raw(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Rev and stored bytes of every action behind `after`, readable or not. Raises Unavailable."""
        ...

    def append(self, action: Action, *, resubmitted: bool = False) -> Verdict:
        """Commit `action` if its id is new and the item's last action is `action.expect` (None: any).

        `resubmitted`: it had been committed once and the log may have lost it; an `expect` the log does not
        hold is then Missing, not Moved. Raises Unavailable, ReadOnly.
        """
        ...

    def put(self, rev: int, raw: bytes) -> None:
        """Write stored bytes of another log at the very next rev.

        Raises Unavailable, ReadOnly, and ValueError for another rev than the next.
        """
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...
