"""What the terminal frame asks of the room behind it, and what it is told at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from controlroom.domain.snapshot import Snapshot


class Room(Protocol):
    """A running (or not yet running) engine with its latest Snapshot; composed in `wiring`."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest: at first the restored room of an earlier run, or one in which nothing is known yet."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """Gives the present instant, UTC; may run ahead or behind where the person set it."""
        ...

    def subscribe(self, callback: Callable[[Snapshot], None]) -> None:
        """Call `callback`, which is quick and thread-safe, with every new Snapshot."""
        ...

    async def run(self) -> None:
        """Poll until cancelled. Called once, after the first paint.

        Imports of client libraries belong in a thread (`asyncio.to_thread`) inside: the keyboard is
        already listened to.
        """
        ...

    def poll_now(self, source: str | None = None) -> None:
        """Ask one source, or all of them, ahead of its time; returns at once."""
        ...

    async def close(self) -> None:
        """Let go of everything within a second; idempotent."""
        ...


class Options(NamedTuple):
    """How the person wants to see the room."""

    theme: str = "controlroom-dark"
    theme_folder: Path | None = None
    """The person's own themes; None is the usual folder."""
    keys: Mapping[str, str] = MappingProxyType({})
    """`[keys]`: action id → keys. What cannot be used is said on screen and left as it was."""
    viewer_zone: str = "UTC"
    ascii: bool = False
    redact: bool = False
    clock_set: bool = False
    """The clock was set with ``--at``: the header says so."""
    state_folder: Path | None = None
    """Where a crash report is written; None: nowhere."""
    base_folder: Path | None = None
    """What relative paths of runbooks and charters are relative to."""
    notices: tuple[str, ...] = ()
    """Shown once after the first paint, plain text."""
