"""What every widget of the room is: drawn by line, never focused by Textual, repainted where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from controlroom.tui.lines import fit_line
from controlroom.tui.rows import Line, Span
from controlroom.tui.widgets.cells import settle
from controlroom.tui.widgets.ink import Inks, Surface

if TYPE_CHECKING:
    from controlroom.tui.layout import Box

Painted = Sequence[Segment]
"""One terminal line, as wide as the widget."""


class HasInks(Protocol):
    """The app, as far as widgets need it."""

    inks: Inks


class Inked(Widget, can_focus=False):
    """A widget that paints whole lines and repaints only the cells that differ from the last paint.

    Subclasses give `paint`. The screen says which box the widget has (`place`), before Textual does.
    """

    ALLOW_SELECT = False
    virtual_size = Reactive(Size(0, 0), repaint=False)
    """As large as its box, which the screen gave it: another one asks for no second layout and paint."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.box: Box | None = None
        self._painted: list[Painted] = []
        self._inks_painted: Inks | None = None
        self._rendered = False

    @property
    def inks(self) -> Inks:
        """The styles of the present theme."""
        return cast("HasInks", self.app).inks

    def paint(self, width: int, height: int) -> list[Painted]:
        """Every line of the widget. A line that did not change should be the same object."""
        raise NotImplementedError

    def place(self, box: Box | None) -> None:
        """Take the box the screen gives; None hides the widget."""
        self.box = box

    def sync(self) -> None:
        """Paint what is new: the difference to the last paint goes to the terminal, nothing else."""
        if self.box is None:
            return
        before = self._painted
        self._paint(self.box)
        if not self._rendered:
            # Asking for a refresh before the first layout would make Textual lay out within the layout.
            return
        if len(before) != len(self._painted) or not self.is_mounted:
            self.refresh()
            return
        changed = [
            region
            for y, (old, new) in enumerate(zip(before, self._painted, strict=True))
            if old is not new and (region := _difference(old, new, y)) is not None
        ]
        if changed:
            self.refresh(*changed)

    def _paint(self, box: Box) -> None:
        self._painted = self.paint(box.width, box.height)
        self._inks_painted = self.inks

    def repaint(self) -> None:
        """Forget the last paint: the theme or the size is another one."""
        self._painted = []
        self.sync()

    def render_line(self, y: int) -> Strip:
        """The painted line `y`."""
        self._rendered = True
        if not self._painted and self.box is not None:
            self._paint(self.box)
        if y < len(self._painted):
            return Strip(self._painted[y], None)
        return Strip([Segment(" " * self.size.width, self.inks.get("text"))], self.size.width)

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        if self._inks_painted is not None and self._inks_painted is not self.inks:
            self.repaint()


def _difference(old: Painted, new: Painted, y: int) -> Region | None:
    """The cells of line `y` that differ, as far as whole segments tell; None where none does."""
    first = 0
    limit = min(len(old), len(new))
    while first < limit and old[first] == new[first]:
        first += 1
    if first == len(old) == len(new):
        return None
    last = 0
    while last < limit - first and old[-1 - last] == new[-1 - last]:
        last += 1
    start = sum(segment.cell_length for segment in new[:first])
    end = sum(segment.cell_length for segment in new[: len(new) - last])
    old_end = sum(segment.cell_length for segment in old[: len(old) - last])
    if end != old_end:
        end = sum(segment.cell_length for segment in new)
    return Region(start, y, max(1, end - start), 1)


def settled(line: Line) -> Line:
    """`line` without character sequences that terminals measure differently."""
    if all(span.text.isascii() for span in line):
        return line
    return tuple(Span(settle(span.text), span.style) for span in line)


def segments(line: Line, width: int, inks: Inks, surface: Surface = "background") -> list[Segment]:
    """`line` in exactly `width` cells, in the inks of one surface."""
    return [Segment(span.text, inks.get(span.style, surface)) for span in fit_line(settled(line), width)]


def marked(
    line: Line, width: int, inks: Inks, span: tuple[int, int], surface: Surface = "background"
) -> list[Segment]:
    """As `segments`, with the cells from `span[0]` up to `span[1]` on the cursor's surface."""
    done: list[Segment] = []
    start, end = span
    x = 0
    for piece in fit_line(settled(line), width):
        rest = Segment(piece.text)
        for edge in (start, end):
            if x < edge < x + rest.cell_length:
                part, rest = rest.split_cells(edge - x)
                done.append(
                    Segment(part.text, inks.get(piece.style, "cursor" if start <= x < end else surface))
                )
                x += part.cell_length
        done.append(Segment(rest.text, inks.get(piece.style, "cursor" if start <= x < end else surface)))
        x += rest.cell_length
    return done
