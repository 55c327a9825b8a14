"""One line across the screen: header, tabs, footer."""

from __future__ import annotations

from rich.segment import Segment
from textual.events import Click
from textual.message import Message

from controlroom.tui.rows import Line
from controlroom.tui.widgets.inked import Inked, Painted, marked


class Bar(Inked):
    """Shows one Line on the panel's surface; repaints when it is another one."""

    class Clicked(Message):
        """Somebody clicked on the bar at cell `x`."""

        def __init__(self, bar: Bar, x: int) -> None:
            super().__init__()
            self.bar = bar
            self.x = x

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._line: Line = ()
        self._mark: tuple[int, int] | None = None

    def show(self, line: Line, mark: tuple[int, int] | None = None) -> None:
        """Show `line`, cropped to the width, with the cells `mark` on the cursor's surface."""
        if line != self._line or mark != self._mark:
            self._line, self._mark = line, mark
            self.sync()

    def paint(self, width: int, height: int) -> list[Painted]:
        """The line on the panel's surface."""
        blank = [Segment(" " * width, self.inks.get("text", "panel"))]
        mark = self._mark or (0, 0)
        return [marked(self._line, width, self.inks, mark, "panel"), *([blank] * (height - 1))]

    def on_click(self, event: Click) -> None:
        """Say where."""
        self.post_message(self.Clicked(self, event.x))
