"""Filtering a pane: a text field in the footer's place, and what keys mean while one types."""

from __future__ import annotations

from typing import cast

from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from controlroom.tui.screens.moving import Moving

EDITING = {"escape": "filter.cancel", "enter": "filter.keep", "tab": "filter.keep"}
MOVING_WHILE_EDITING = {"up": "cursor.up", "down": "cursor.down", "pageup": "cursor.page_up"}
MOVING_WHILE_EDITING["pagedown"] = "cursor.page_down"


class Filtering(Moving):
    """The part of the room's screen that filters."""

    _editing: Input | None

    @property
    def filtering(self) -> bool:
        """Whether somebody types a filter."""
        return self._editing is not None

    async def do_filter_edit_now(self) -> None:
        """Open the text field in the footer's place."""
        if self._editing is None:
            self._editing = Input(self.pane.filter, id="filter", compact=True, select_on_focus=False)
            await cast("Screen[None]", self).mount(self._editing)
            self._editing.focus(scroll_visible=False)
            self._show()
            self.lay_out()

    def do_filter_edit(self) -> None:
        """Type a filter for this pane."""
        cast("Screen[None]", self).call_next(self.do_filter_edit_now)

    def action_for(self, event: Key) -> str | None:
        """While a filter is typed only a few keys mean something else than text."""
        if self._editing is None:
            return super().action_for(event)
        if event.key in EDITING:
            return EDITING[event.key]
        return MOVING_WHILE_EDITING.get(event.key)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        event.stop()
        self.pane.set_filter(event.value)

    def do_filter_keep(self) -> None:
        """Close the text field, keep the filter."""
        self._close_filter()

    def do_filter_cancel(self) -> None:
        """Close the text field, show everything."""
        self.pane.set_filter("")
        self._close_filter()

    def _close_filter(self) -> None:
        field, self._editing = self._editing, None
        if field is not None:
            field.remove()
            cast("Screen[None]", self).set_focus(None)
        self._show()
        self.lay_out()
