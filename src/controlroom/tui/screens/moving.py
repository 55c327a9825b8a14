"""Going about in the room: which pane the cursor is in, and which row."""

from __future__ import annotations

from collections.abc import Callable

from controlroom.tui.layout import STRIP, Arrangement
from controlroom.tui.screens.keyed import Keyed
from controlroom.tui.widgets.pane import PaneView


class Moving(Keyed):
    """Panes, rows, cards: the part of the room's screen that moves the cursor."""

    panes: dict[str, PaneView]
    active: str
    zoomed: str | None
    _arrangement: Arrangement | None
    _returning: tuple[str, str | None] | None
    """Pane and zoom to go back to from what changed."""

    def _show(self, *, settled: bool = True) -> None:
        """Show the scene; not `settled`: the person changed what is shown."""
        raise NotImplementedError

    def _moved(self) -> None:
        """The cursor is on another thing."""
        raise NotImplementedError

    @property
    def names(self) -> list[str]:
        """The panes one goes through, in order."""
        return list(self.panes)

    @property
    def pane(self) -> PaneView:
        """The pane the cursor is in."""
        return self.panes[self.active]

    def go(self, name: str) -> None:
        """Put the cursor into a pane; one that is a strip or hidden is shown."""
        if name not in self.panes:
            return
        if name == STRIP and self.active != STRIP:
            self._returning = self.active, self.zoomed
        if self.zoomed is not None and self.zoomed != name:
            self.zoomed = name if name == STRIP else None
        self.active = name
        if name == STRIP and self._arrangement is not None and self._arrangement.tabs is None:
            self.zoomed = name
        self._show(settled=False)

    def act(self, action: str) -> None:
        """Number keys go to panes; everything else is a method."""
        noun, _, verb = action.partition(".")
        if noun == "pane" and verb in self.panes:
            self.go(verb)
        else:
            super().act(action)

    def _step(self, step: int) -> None:
        names = self.names
        if self.zoomed is None and self._arrangement is not None and self._arrangement.strip is not None:
            names.remove(self._arrangement.strip)
        place = names.index(self.active) if self.active in names else 0
        target = names[(place + step) % len(names)]
        if self.zoomed is not None:
            self.zoomed = target
        self.active = target
        self._show(settled=False)

    def do_pane_next(self) -> None:
        """The next pane."""
        self._step(1)

    def do_pane_previous(self) -> None:
        """The pane before."""
        self._step(-1)

    def do_pane_zoom(self) -> None:
        """The whole room for this pane, and back."""
        self.zoomed = None if self.zoomed is not None else self.active
        if self.zoomed is None and self.active == STRIP:
            self._leave_strip()
        self._show(settled=False)

    def do_changes_show(self) -> None:
        """Back from everything that changed to where the person was."""
        if self.active == STRIP and self._returning is not None:
            self.active, self.zoomed = self._returning
            self._returning = None
            self._show(settled=False)

    def _leave_strip(self) -> None:
        """A strip cannot hold the cursor: go back to where it was, or to the next pane."""
        names = [name for name in self.panes if name != STRIP]
        self.active, self._returning = (self._returning or (names[0] if names else STRIP, None))[0], None

    def do_cursor_up(self) -> None:
        """The row above."""
        self._move(lambda: self.pane.scroller.move(-1))

    def do_cursor_down(self) -> None:
        """The row below."""
        self._move(lambda: self.pane.scroller.move(1))

    def do_cursor_page_up(self) -> None:
        """A page up."""
        self._move(lambda: self.pane.scroller.page(-1))

    def do_cursor_page_down(self) -> None:
        """A page down."""
        self._move(lambda: self.pane.scroller.page(1))

    def do_cursor_first(self) -> None:
        """The first row."""
        self._move(self.pane.scroller.first)

    def do_cursor_last(self) -> None:
        """The last row."""
        self._move(self.pane.scroller.last)

    def do_cursor_left(self) -> None:
        """The card or the pane on the left."""
        self._sideways(-1)

    def do_cursor_right(self) -> None:
        """The card or the pane on the right."""
        self._sideways(1)

    def _move(self, step: Callable[[], None]) -> None:
        step()
        self.pane.sync()
        self._moved()

    def _sideways(self, step: int) -> None:
        if self.pane.scroller.sideways(step):
            self.pane.sync()
            self._moved()
            return
        neighbour = self._neighbour(step)
        if neighbour is not None:
            self.go(neighbour)

    def _neighbour(self, step: int) -> str | None:
        """The pane beside this one, at the height of its middle; a tab's neighbour is the next tab."""
        arrangement = self._arrangement
        if arrangement is None:
            return None
        if arrangement.tabs is not None:
            names = self.names
            place = names.index(self.active) + step
            return names[place] if 0 <= place < len(names) else None
        here = arrangement.panes.get(self.active)
        if here is None or self.zoomed is not None:
            return None
        edge = here.x + here.width if step > 0 else here.x
        beside = {
            name: box
            for name, box in arrangement.panes.items()
            if name != arrangement.strip and (box.x if step > 0 else box.x + box.width) == edge
        }
        middle = here.y + here.height // 2
        return next((n for n, box in beside.items() if box.y <= middle < box.y + box.height), None)
