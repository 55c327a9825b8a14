"""Somebody at work in a furnished room: real keys, a real desk, a real log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.app import RoomApp
from controlroom.tui.port import Options

from .furnished import NOW, environ_of, furnish
from .looking import Seat
from .still import Still


class Worker(Seat):
    """A person who acts in a working room."""

    def __init__(self, app: RoomApp, room: wiring.Room, pilot: Pilot[Any], folder: Path) -> None:
        super().__init__(app, cast(Still, room), pilot)
        self.working = room
        self.folder = folder

    async def until(self, seen: str | Callable[[], bool], seconds: float = 20.0) -> str:
        """Until the screen shows it, or it is so; gives what is seen then."""
        end = time.monotonic() + seconds
        while not (seen in self.screen if isinstance(seen, str) else seen()):
            assert time.monotonic() < end, f"not seen: {seen!r}\n{self.screen}"
            await self.pilot.pause(0.02)
        return self.screen

    async def goto(self, title: str) -> None:
        """Put the cursor on the row that says `title`."""
        await self.until(title)
        await self.press("home")
        for _ in range(60):
            if title in self.cursor:
                return
            await self.press("down")
        raise AssertionError(f"the cursor does not get to {title!r}\n{self.screen}")

    def log(self) -> list[tuple[str, str, str]]:
        """Kind, item and actor of every action in the log, in order."""
        page = self.working.delivery.log.read(0)
        return [(entry.action.kind, entry.action.item, entry.action.actor) for entry in page.entries]

    def last(self) -> Any:
        """The last action in the log."""
        return self.working.delivery.log.read(0).entries[-1].action


@asynccontextmanager
async def working(
    folder: Path,
    by: str = "Ines",
    size: tuple[int, int] = (160, 48),
    more: str = "",
    *,
    clock: Callable[[], datetime] = lambda: NOW,
    seen: Callable[[Snapshot], Snapshot] | None = None,
    **options: Any,
) -> AsyncIterator[Worker]:
    """The working room of `folder` in front of `by`; its clock stands still unless another is given.

    `seen` makes what is known before anybody looks: what no source of this room renews stays so.
    """
    if not (folder / "controlroom.toml").exists():
        furnish(folder, more)
    environ = environ_of(folder, by)
    config = load(folder / "controlroom.toml", environ=environ)
    room = wiring.build(config, clock=clock, environ=environ)
    if seen is not None:
        room.snapshot = seen(room.snapshot)
    options.setdefault("viewer_zone", "Asia/Kolkata")
    options.setdefault("channel", config.triage.channel)
    app = RoomApp(room, Options(**options), environ={"COLORTERM": "truecolor"})
    async with app.run_test(size=size, notifications=True) as pilot:
        at = Worker(app, room, pilot, folder)
        await at.until(lambda: room.snapshot.ledger is not None and bool(room.snapshot.items))
        yield at
