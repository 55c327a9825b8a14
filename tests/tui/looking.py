"""Looking at the room as it stands on the screen."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from controlroom.tui.app import RoomApp
from controlroom.tui.parts import Parts
from controlroom.tui.port import Options

from .still import Still


def look(app: RoomApp) -> str:
    """The whole screen as text, as it would be painted now."""
    # Private, and only here: the compositor has no public way to its lines.
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


class Seat:
    """A person in front of the room."""

    def __init__(self, app: RoomApp, room: Still, pilot: Pilot[Any]) -> None:
        self.app = app
        self.room = room
        self.pilot = pilot

    @property
    def screen(self) -> str:
        """What is seen."""
        return look(self.app)

    @property
    def cursor(self) -> str:
        """The text of the lines that the cursor marks."""
        return "\n".join(line for line in self.screen.splitlines() if "▎" in line)

    async def press(self, *keys: str) -> str:
        """Press keys one after the other; gives what is seen then."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
        return self.screen

    async def type(self, text: str) -> str:
        """Type text."""
        return await self.press(*("space" if character == " " else character for character in text))

    async def later(self) -> str:
        """Let a tick happen at the room's present time; gives what is seen then."""
        self.app.on_tick()
        await self.pilot.pause()
        return self.screen


@asynccontextmanager
async def seat(
    room: Still | None = None,
    size: tuple[int, int] = (160, 48),
    parts: Parts | None = None,
    environ: Mapping[str, str] = os.environ,
    **options: Any,
) -> AsyncIterator[Seat]:
    """The room on a screen of this size; time stands still."""
    shown = Still() if room is None else room
    options.setdefault("viewer_zone", "Asia/Kolkata")
    app = RoomApp(shown, Options(**options), parts, environ)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield Seat(app, shown, pilot)
