"""A room that shows one Snapshot, as values; run as a program it does so on the terminal it is given.

Arguments: which one (``plain``; ``hang``: with a thread that never ends; ``crash``: polling fails), then the
state folder.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from controlroom.capturing import Pictures
from controlroom.config.changes import Change, ConfigEdit
from controlroom.domain.actions import Action, Outcome
from controlroom.domain.board import Item, Status
from controlroom.domain.documents import CellEdit
from controlroom.domain.runs import Key
from controlroom.domain.silences import SilenceDraft
from controlroom.domain.snapshot import Snapshot
from controlroom.reporting import CannotWrite, Written
from controlroom.tui.port import Options, Past

if __package__:
    from .rooms import NOW, ROOM
else:
    from rooms import NOW, ROOM  # type: ignore[import-not-found,no-redef]


class NoDesk:
    """The desk of a room without a store: it records nothing, and says so."""

    by = "Ines"
    host = "harbour-1"
    why = "this room has no store"

    async def submit(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Nothing is recorded."""
        return [Outcome("not_recorded", action, reason=self.why) for action in actions]

    async def settle(self, id_: str, how: Literal["drop", "again"]) -> Outcome | None:
        """There is no conflict."""
        return None

    async def preview(self, item: Item, status: Status) -> CellEdit | str:
        """There is no document."""
        return "no document lists this card"

    async def write(self, edit: CellEdit) -> str:
        """There is no document."""
        return "no document lists this card"

    async def keep_text(self, name: str, text: str) -> Path | str:
        """There is no folder."""
        return "there is no home folder to write it to"

    async def escalation_text(self, blocker: str) -> str:
        """There is nothing to tell."""
        return ""

    async def edit_config(self, change: Change) -> ConfigEdit | str:
        """There is no configuration."""
        return "there is no configuration file"

    async def write_config(self, edit: ConfigEdit) -> str:
        """Nothing is written."""
        return "there is no configuration file"

    async def keep_diff(self, edit: ConfigEdit) -> Path | str:
        """Nothing is written."""
        return "there is no home folder to write it to"

    async def silence(self, server: str, draft: SilenceDraft) -> str:
        """There is no Alertmanager."""
        return f"no Alertmanager is called {server}"

    async def hush(self, server: str, draft: SilenceDraft) -> tuple[str, str]:
        """There is no Alertmanager."""
        return "", "no Alertmanager is configured"

    async def expire(self, server: str, silence: str) -> str:
        """There is no Alertmanager."""
        return f"no Alertmanager is called {server}"

    async def post(self, text: str) -> str:
        """There is no webhook."""
        return "no webhook is configured"


class NoReports:
    """Writes nothing, and says so."""

    why = "this room has no status folder"

    async def minutes(self, key: Key) -> Written:
        """Nothing is written."""
        raise CannotWrite(self.why)

    async def drill(self, key: Key) -> Written:
        """Nothing is written."""
        raise CannotWrite(self.why)

    async def evidence(self, date: dt.date | None = None, *, pictures: Pictures | None = None) -> Written:
        """Nothing is written."""
        raise CannotWrite(self.why)

    async def status(self, slot: str) -> Path:
        """Nothing is written."""
        raise CannotWrite(self.why)


class Still:
    """Holds a Snapshot, gives another one when told to; its clock stands where it is put."""

    def __init__(self, snapshot: Snapshot = ROOM, now: datetime = NOW, *, running: bool = False) -> None:
        self.snapshot = snapshot
        self.now = now
        self.desk = NoDesk()
        self.past: Past | None = None
        self.noticing = None
        self.reports = NoReports()
        self.polled: list[str | None] = []
        self.ran = 0
        self.closed = 0
        self._callbacks: list[Callable[[Snapshot], None]] = []
        self._began = time.monotonic() if running else None

    def clock(self) -> datetime:
        """Where it was put; with `running`, as much later as has really passed."""
        passed = 0.0 if self._began is None else time.monotonic() - self._began
        return self.now + timedelta(seconds=passed)

    def subscribe(self, callback: Callable[[Snapshot], None]) -> None:
        """Keep who listens."""
        self._callbacks.append(callback)

    def show(self, snapshot: Snapshot) -> None:
        """Give everybody another Snapshot."""
        self.snapshot = snapshot
        for callback in self._callbacks:
            callback(snapshot)

    async def run(self) -> None:
        """Until cancelled."""
        self.ran += 1
        await asyncio.Event().wait()

    def poll_now(self, source: str | None = None) -> None:
        """Keep what was asked for."""
        self.polled.append(source)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1


class Hanging(Still):
    """Its engine sits in a thread that does not come back."""

    async def run(self) -> None:
        """Never ends by itself, and cannot be cancelled."""
        await asyncio.to_thread(time.sleep, 60)


class Crashing(Still):
    """Fails, where nothing guards, with a value that must not be printed."""

    def poll_now(self, source: str | None = None) -> None:
        """Raise."""
        password = "hunter2-secret"
        raise ValueError(f"cannot use {password}")


KINDS = {"plain": Still, "hang": Hanging, "crash": Crashing}


def main(also: str, state: str) -> int:
    """Run the room on this terminal."""
    from controlroom.tui.app import run

    room = KINDS[also](running=True)
    return run(room, Options(viewer_zone="Asia/Kolkata", state_folder=Path(state)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
