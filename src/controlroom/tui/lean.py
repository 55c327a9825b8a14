"""Partial updates that carry only the cells that changed.

Textual's own begin at the left edge of the widget, however far right the change is: a clock at the end of a
200 column header would send the whole header every second.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


class Lean(ChopsUpdate):
    """The same update, each span cut at both of its ends."""

    def render_segments(self, console: Console) -> str:
        """The terminal sequences of the update."""
        pieces: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                start, stop = max(x, first), min(end, last)
                if strip is None or start >= stop:
                    continue
                whole = start == x and stop == end
                part = strip if whole else strip.crop(start - x, stop - x)
                pieces.append(Control.move_to(start, y).segment.text)
                pieces.append(part.render(console))
        return "".join(pieces)


def lean(update: object) -> object:
    """`update`, lean where it is a partial one."""
    if type(update) is ChopsUpdate:
        return Lean(update.chops, update.spans, update.chop_ends)
    return update
