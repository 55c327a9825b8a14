"""Left and right in a dialog: they are the room's keys, and mean something of their own in a list over it."""

from __future__ import annotations

from textual.events import Key

from controlroom.tui.keys import event_key, shown
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.panedialog import PaneDialog


class Sideways(PaneDialog):
    """Looks left and right up where the room has them, so that they follow `[keys]`."""

    def action_for(self, event: Key) -> str | None:
        """Left and right too."""
        known = super().action_for(event)
        if known is not None:
            return known
        action = self.room_app.lookup(("room",)).get(event_key(event.key, event.character))
        return action if action in ("cursor.left", "cursor.right") else None

    def right_hint(self, label: str) -> Line:
        """What the key to the right does here."""
        keys = self.room_app.keymap.action("cursor.right").keys
        if not keys:
            return ()
        return Span(shown(keys[0], plain=self.room_app.plain), "accent"), Span(f" {label}", "dim")

    def do_cursor_left(self) -> None:
        """Nothing, unless a dialog says otherwise."""

    def do_cursor_right(self) -> None:
        """Tell more about what the cursor is on."""
        self.tell_more()
