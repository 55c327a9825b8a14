"""Which rows are seen and where the cursor is: the arithmetic of a long list, without drawing it.

The cursor belongs to a row's key, not to a number, so it stays on its row when rows come, go or move.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from controlroom.tui.rows import Row, Subject


class Seen(NamedTuple):
    """A row in the window: its number, the window's line of its first line (may be negative)."""

    number: int
    line: int


class Scroller:
    """A window of `height` lines over rows of any height, and a cursor on one of them."""

    def __init__(self) -> None:
        self.rows: Sequence[Row] = ()
        self.height = 0
        self.top = 0
        """The list's line that is the window's first."""
        self.index: int | None = None
        """The row the cursor is on; None where none can be chosen."""
        self.cell = 0
        """The column the cursor is in, for rows of several cells."""
        self._starts: list[int] = [0]

    @property
    def total(self) -> int:
        """Lines of all rows."""
        return self._starts[-1]

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return None if self.index is None else self.rows[self.index]

    @property
    def column(self) -> int | None:
        """The cell of the row that the cursor marks; None where the row is one thing."""
        row = self.row
        return None if row is None or not row.cells else _nearest(row, self.cell)

    @property
    def subject(self) -> Subject | None:
        """What the cursor is on."""
        row, column = self.row, self.column
        if row is None:
            return None
        return row.subject if column is None else row.cells[column]

    def seen(self) -> Iterator[Seen]:
        """The rows in the window, top down."""
        index = self._at(self.top)
        while index < len(self.rows) and self._starts[index] < self.top + self.height:
            yield Seen(index, self._starts[index] - self.top)
            index += 1

    def replace(self, rows: Sequence[Row], *, loose: bool = False) -> None:
        """Show other rows; the cursor stays on its row, or goes to the nearest that is still there.

        With `loose`, nobody is at the cursor: at the beginning it stays at the beginning, where the worst is.
        """
        home = loose and self.top == 0 and self.index == self._next(0, 1)
        old_rows, old_index, old_starts = self.rows, self.index, self._starts
        old_top, old_subject = self.top, self.subject
        anchor = self._anchor()
        self.rows = rows
        self._starts = [0, *accumulate(max(1, row.height) for row in rows)]
        where = {row.key: number for number, row in enumerate(rows)}
        if home:
            self.index = self._next(0, 1)
            self._clamp()
            return
        self.index = self._survivor(old_rows, old_index, where)
        if old_subject is not None:
            self._follow(old_subject)
        self.top = old_top
        # At the top, what is new there is to be seen, as the worst stands first.
        at_top = old_top == 0 and (self.index is None or self._bottom(self.index) <= self.height)
        if not at_top and anchor is not None and old_rows[anchor].key in where:
            self.top = self._starts[where[old_rows[anchor].key]] - (old_starts[anchor] - old_top)
        self._clamp()

    def resize(self, height: int) -> None:
        """Make the window as high as `height`; the cursor's row stays in it if it was."""
        visible = self._visible()
        self.height = max(0, height)
        self._clamp()
        if visible:
            self._reveal()

    def move(self, step: int) -> None:
        """To the next (1) or previous (-1) row that can be chosen; without any, scroll a line."""
        if self.index is None:
            self.wheel(step)
            return
        target = self._next(self.index + step, step)
        if target is None:
            # There may be a heading beyond the last row that can be chosen.
            self.wheel(step)
        else:
            self.index = target
        self._reveal()

    def sideways(self, step: int) -> bool:
        """To the next cell on the left (-1) or right (1); False where there is none."""
        row, column = self.row, self.column
        if row is None or column is None:
            return False
        places = range(column + step, len(row.cells) if step > 0 else -1, step)
        place = next((i for i in places if row.cells[i] is not None), None)
        if place is None:
            return False
        self.cell = place
        return True

    def page(self, direction: int) -> None:
        """One window up (-1) or down (1)."""
        if self.index is None:
            self.wheel(direction * max(1, self.height - 1))
            return
        line = self._starts[self.index] + direction * max(1, self.height - 1)
        self._go(self._at(min(max(0, line), max(0, self.total - 1))), direction)

    def first(self) -> None:
        """To the first row that can be chosen, and the list's beginning."""
        self._go(0, 1)
        self.top = 0

    def last(self) -> None:
        """To the last row that can be chosen, and the list's end."""
        self._go(len(self.rows) - 1, -1)
        self.top = max(0, self.total - self.height)

    def wheel(self, lines: int) -> None:
        """Scroll without moving the cursor."""
        self.top += lines
        self._clamp()

    def pick(self, line: int, x: int) -> bool:
        """Put the cursor on what is at a line and cell of the window; False where nothing can be chosen."""
        index = self._at(self.top + line)
        if not 0 <= line < self.height or index >= len(self.rows) or not self.rows[index].selectable:
            return False
        self.index = index
        row = self.rows[index]
        for column, (start, end) in enumerate(row.cell_spans):
            if start <= x < end and row.cells[column] is not None:
                self.cell = column
        return True

    def goto(self, key: str) -> bool:
        """Put the cursor on the row with this key; False where it is not here."""
        index = next((i for i, row in enumerate(self.rows) if row.key == key and row.selectable), None)
        if index is None:
            return False
        self.index = index
        self._reveal()
        return True

    def _at(self, line: int) -> int:
        """The row that has this line; behind the last, the number of rows."""
        return (
            bisect_right(self._starts, line, 0, len(self.rows)) - 1 if line < self.total else len(self.rows)
        )

    def _bottom(self, index: int) -> int:
        return self._starts[index + 1]

    def _visible(self) -> bool:
        return (
            self.index is not None
            and self._bottom(self.index) > self.top
            and self._starts[self.index] < self.top + self.height
        )

    def _anchor(self) -> int | None:
        """The row that is not to move on screen: the cursor's, or the first one seen."""
        if self._visible():
            return self.index
        return next((seen.number for seen in self.seen()), None)

    def _next(self, start: int, step: int) -> int | None:
        places = range(start, len(self.rows)) if step > 0 else range(start, -1, -1)
        return next((i for i in places if self.rows[i].selectable), None)

    def _go(self, index: int, step: int) -> None:
        if self.index is None:
            self.wheel(step * self.total)
            return
        target = self._next(index, step)
        self.index = self.index if target is None and step == 0 else target
        if self.index is None:
            self.index = self._next(index, -step)
        self._reveal()

    def _reveal(self) -> None:
        """Scroll as little as shows the cursor's row, with the headings right above it."""
        if self.index is None:
            return
        start = self.index
        while start > 0 and not self.rows[start - 1].selectable:
            start -= 1
        top, bottom = self._starts[start], self._bottom(self.index)
        if bottom - top > self.height:
            top = self._starts[self.index]
        if bottom > self.top + self.height:
            self.top = bottom - self.height
        self.top = min(self.top, top)
        self._clamp()

    def _clamp(self) -> None:
        self.top = max(0, min(self.top, self.total - self.height))

    def _survivor(self, rows: Sequence[Row], index: int | None, where: dict[str, int]) -> int | None:
        """The new number of the cursor's row, or of the nearest one after (else before) it."""
        if index is not None:
            for place in (*range(index, len(rows)), *range(index - 1, -1, -1)):
                number = where.get(rows[place].key)
                if number is not None and self.rows[number].selectable:
                    return number
        return self._next(0, 1)

    def _follow(self, subject: Subject) -> None:
        """Keep to the card the cursor was on, where rows are several cards."""
        row = self.row
        if row is None or not row.cells or subject in row.cells:
            self.cell = row.cells.index(subject) if row is not None and subject in row.cells else self.cell
            return
        for number, other in enumerate(self.rows):
            if subject in other.cells and other.selectable:
                self.index, self.cell = number, other.cells.index(subject)
                return


def _nearest(row: Row, wanted: int) -> int | None:
    """The filled cell of a row that is nearest to a column."""
    filled = [column for column, subject in enumerate(row.cells) if subject is not None]
    return min(filled, key=lambda column: (abs(column - wanted), column), default=None)
