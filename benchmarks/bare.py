"""The floor: the smallest Textual app that shows a list and moves a cursor in it."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget


class List(Widget, can_focus=True):
    """Fifty lines, one of them reversed."""

    BINDINGS: ClassVar[list[BindingType]] = [("down", "move(1)"), ("up", "move(-1)")]
    cursor = 0

    def render_line(self, y: int) -> Strip:
        style = Style(reverse=True) if y == self.cursor else Style()
        return Strip([Segment(f"Row {y}".ljust(self.size.width), style)])

    def action_move(self, by: int) -> None:
        before, self.cursor = self.cursor, (self.cursor + by) % 40
        self.refresh_line(before)
        self.refresh_line(self.cursor)

    def refresh_line(self, y: int) -> None:
        from textual.geometry import Region

        self.refresh(Region(0, y, self.size.width, 1))


class Bare(App[None]):
    """Nothing but the list."""

    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        yield List()

    def on_mount(self) -> None:
        self.query_one(List).focus()


if __name__ == "__main__":
    Bare().run()
