"""Screens whose keys come from the one table: a key is looked up and becomes a call of ``do_<action>``.

Textual's own bindings are not used: every key would pass four message queues, and their remapping lets one
action take another one's key unnoticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.events import Key
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.timer import Timer
from textual.widget import Widget

from controlroom.tui.keys import Where, event_key
from controlroom.tui.layout import Box

if TYPE_CHECKING:
    from textual.screen import Screen

    from controlroom.tui.app import RoomApp
    from controlroom.tui.rows import Subject

INTERRUPT = "ctrl+c"

PAINT_EVERY = 1 / 240
"""Seconds from one paint to the next at the soonest."""


class Keyed:
    """What the room and the dialogs over it share; mixed into a Textual screen."""

    WHERE: ClassVar[tuple[Where, ...]] = ("list",)
    """Where of the key table this screen is."""

    _painting: Timer | None = None

    @property
    def _update_timer(self) -> Timer:
        """What paints a screen after it changed.

        Textual's own lets a key that is pressed right after a paint wait for up to two frames of 60 Hz, and a
        room with a clock has painted just before more often than a person notices why it is slow.
        """
        if self._painting is None:
            screen = cast("Screen[object]", self)
            self._painting = screen.set_interval(
                PAINT_EVERY, screen._on_timer_update, name="screen_update", pause=True
            )
        return self._painting

    @property
    def room_app(self) -> RoomApp:
        """The app, with its own type."""
        return cast("RoomApp", cast("Widget", self).app)

    @property
    def where(self) -> tuple[Where, ...]:
        """Where of the key table it is now."""
        return self.WHERE

    @property
    def closing(self) -> bool:
        """It is going away: keys are meant for what lies under it."""
        return False

    @property
    def acting_on(self) -> Subject | None:
        """What a key of triage is about here; None where nothing can be acted on."""
        return None

    def places(self, width: int, height: int) -> dict[str, Box]:
        """The box of every widget that is shown, by its id."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Put everything into its box again.

        Through a child: a screen that asks for its own layout gets the arrangement it remembers.
        """
        for child in cast("Widget", self).children[:1]:
            child.refresh(repaint=False, layout=True)

    def on_key(self, event: Key) -> None:
        """Do what the key means here, or where a key before it has led to.

        Keys typed in one breath all wait for the screen that was on top when they arrived.
        """
        top: object = self.room_app.screen
        if top is not self and isinstance(top, Keyed) and not top.closing:
            event.stop()
            event.prevent_default()
            top.on_key(event)
            return
        action = self.action_for(event)
        if action is not None:
            event.stop()
            event.prevent_default()
            self.act(action)

    def action_for(self, event: Key) -> str | None:
        """The id of the action that a key means here."""
        if event.key == INTERRUPT:
            return "app.interrupt"
        return self.room_app.lookup(self.where).get(event_key(event.key, event.character))

    def act(self, action: str) -> None:
        """Do an action of this screen, or of the app."""
        if self.room_app.room_screen.refuses(action):
            return
        name = "do_" + action.replace(".", "_")
        method = getattr(self, name, None) or getattr(self.room_app, name, None)
        if method is not None:
            method()

    def tick(self) -> None:
        """A second has passed, or there is a new snapshot."""


class Placed(Layout):
    """Puts every widget into the box that its screen has for it; a widget without one is not shown."""

    name = "placed"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Ask the screen for the boxes at this size."""
        boxes = cast("Keyed", parent).places(size.width, size.height)
        return [
            WidgetPlacement(Region(*boxes[child.id]), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id is not None and child.id in boxes
        ]
