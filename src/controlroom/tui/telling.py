"""The key that shows what people outside the room are told, on the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


class Telling:
    """What the app knows of notices; mixed into it."""

    def do_notices_show(self) -> None:
        """What was, will be and was not told to whom."""
        from controlroom.tui.screens.notices import NoticesScreen

        cast("RoomApp", self).push_screen(NoticesScreen())
