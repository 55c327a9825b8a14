"""The room as pictures: drawn at some sizes from one snapshot, without a terminal."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.app import RoomApp
from controlroom.tui.port import Options, Room

SIZES = ((200, 50), (80, 24))
"""Columns and rows: a shared screen, and a terminal far away."""

WITHIN = 30.0
"""Seconds for all pictures."""


class Shown:
    """A room that shows one snapshot at one instant, and in which nothing happens."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self.snapshot = snapshot
        self._now = now

    def clock(self) -> datetime:
        """It stands still."""
        return self._now

    def subscribe(self, callback: Callable[[Snapshot], None]) -> None:
        """There is nothing new to be told."""

    def poll_now(self, source: str | None = None) -> None:
        """There is nobody to be asked."""

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """There is nothing to let go of."""


class _App(RoomApp):
    """The room's app on a clock that stands still."""

    def _schedule_tick(self) -> None:
        """No second passes."""


async def draw(
    snapshot: Snapshot, now: datetime, options: Options, sizes: Sequence[tuple[int, int]] = SIZES
) -> Mapping[str, bytes]:
    """``room-200x50.svg`` and the like: the room as `options` want to see it, with nothing over it.

    Drawn in a thread and a loop of its own: the room that asks goes on answering keys.
    """
    still = options._replace(read_only=True, notices=(), state_folder=None)

    def work() -> dict[str, bytes]:
        return asyncio.run(_drawn(snapshot, now, still, sizes))

    loop = asyncio.get_running_loop()
    # A context of its own too, so that the app which is drawn is not taken for the one that asks.
    return await loop.run_in_executor(None, contextvars.Context().run, work)


async def _drawn(
    snapshot: Snapshot, now: datetime, options: Options, sizes: Sequence[tuple[int, int]]
) -> dict[str, bytes]:
    drawn: dict[str, bytes] = {}
    async with asyncio.timeout(WITHIN):
        for width, height in sizes:
            room = cast("Room", Shown(snapshot, now))
            app = _App(room, options, environ={"COLORTERM": "truecolor"})
            async with app.run_test(size=(width, height)) as pilot:
                await pilot.pause()
                picture = app.export_screenshot(title=snapshot.program.title or snapshot.program.id)
            drawn[f"room-{width}x{height}.svg"] = picture.encode("utf-8", "replace")
    return drawn
