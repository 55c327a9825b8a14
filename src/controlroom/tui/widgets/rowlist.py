"""A list of rows in a frame, drawn by line: ten thousand rows cost as much as those that are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.segment import Segment
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from controlroom.tui.lines import crop_line, line_width
from controlroom.tui.present import ascii_line
from controlroom.tui.rows import Line, Row, Span, Subject
from controlroom.tui.widgets.ink import Inks, Surface
from controlroom.tui.widgets.inked import Inked, Painted, marked, segments, settled
from controlroom.tui.widgets.scroller import Scroller

Frame = Literal["box", "rule"]
"""A box around the rows, or only rules above and below them, for narrow screens."""

WHEEL_LINES = 3

_BOX = {False: "╭─╮│╰╯┃▎◆", True: "+-+|++#>*"}
"""Corners, lines, the thumb of the scrolled part, the bar before the cursor's row, what marks a row."""

_KEEP_DRAWN = 4
"""Windows of drawn rows kept, so that scrolling back draws nothing anew."""


class RowList(Inked):
    """Rows with a cursor that stays on its row; subclasses say what the rows are and draw them."""

    class Chosen(Message):
        """A click put the cursor somewhere; `twice`: it was there already."""

        def __init__(self, rows: RowList, *, twice: bool) -> None:
            super().__init__()
            self.rows = rows
            self.twice = twice

    def __init__(self, *, id: str | None = None, frame: Frame = "box") -> None:  # noqa: A002
        super().__init__(id=id)
        self.frame = frame
        self.active = False
        """The cursor is here and shown."""
        self.ascii = False
        self.scroller = Scroller()
        self.marks: frozenset[Subject] = frozenset()
        """What is marked, here or elsewhere."""
        self._stamp = 0
        """Counts moments: what was drawn at another one is drawn again."""
        self._steady = 0
        """The last moment at which more than the time changed; enough for rows that do not tick."""
        self._drawn: dict[str, tuple[int, Row, Sequence[Line]]] = {}
        self._inked: dict[str, tuple[Sequence[Line], object, list[Painted]]] = {}
        self._edges: dict[str, tuple[object, Painted]] = {}

    def draw_row(self, row: Row) -> Sequence[Line]:
        """The lines of one row at the present inner width."""
        raise NotImplementedError

    def title(self) -> Line:
        """What stands in the upper edge."""
        return ()

    def edge(self) -> Line:
        """What stands on the right of the lower edge."""
        return ()

    def notice(self) -> Line:
        """What is said where there are no rows."""
        return ()

    @property
    def inner(self) -> tuple[int, int]:
        """Cells and lines there are for rows."""
        if self.box is None:
            return 0, 0
        sides = 4 if self.frame == "box" else 3
        return max(1, self.box.width - sides), max(0, self.box.height - 2)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows; the cursor stays on its own."""
        self.scroller.replace(rows)
        self.redraw()

    def redraw(self, *, only_time: bool = False) -> None:
        """Everything seen may look different now; with `only_time`, only the rows that tick."""
        self._stamp += 1
        if not only_time:
            self._steady = self._stamp
        self.sync()

    def set_active(self, active: bool) -> None:
        """Show the cursor here, or not."""
        if active != self.active:
            self.active = active
            self.sync()

    def set_marks(self, marks: frozenset[Subject]) -> None:
        """Mark the rows and cells of these things."""
        if marks != self.marks:
            self.marks = marks
            self.sync()

    def repaint(self) -> None:
        """Forget what was inked: the theme is another one."""
        self._inked.clear()
        self._edges.clear()
        super().repaint()

    def paint(self, width: int, height: int) -> list[Painted]:
        """All lines, frame included."""
        self.scroller.resize(self.inner[1])
        return [self._upper(width), *self._rows(width, self.inner[1]), self._lower(width)][: max(0, height)]

    def on_click(self, event: Click) -> None:
        """Put the cursor there; a click on the cursor's own row opens it."""
        before = self.scroller.subject, self.scroller.index
        left = 2 if self.frame == "box" else 1
        picked = self.scroller.pick(event.y - 1, event.x - left)
        same = picked and self.active and before == (self.scroller.subject, self.scroller.index)
        self.post_message(self.Chosen(self, twice=same or (picked and event.chain > 1)))
        self.sync()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll without moving the cursor."""
        event.stop()
        self._wheel(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll without moving the cursor."""
        event.stop()
        self._wheel(-WHEEL_LINES)

    def _wheel(self, lines: int) -> None:
        self.scroller.wheel(lines)
        self.sync()

    def _rows(self, width: int, height: int) -> list[Painted]:
        """The window of rows, or the notice, between the sides."""
        if not self.scroller.rows:
            said = [self.notice()] if height else []
            lines = [self._edge(f"notice{y}", line, width, sides=True) for y, line in enumerate(said)]
        else:
            lines = self._window()
        blank = self._edge("blank", (), width, sides=True)
        lines = (lines + [blank] * (height - len(lines)))[:height]
        return self._thumb(lines, height) if self.scroller.total > height > 0 else lines

    def _window(self) -> list[Painted]:
        """The lines of the rows that are seen."""
        lines: list[Painted] = []
        seen = list(self.scroller.seen())
        for number, first in seen:
            row = self.scroller.rows[number]
            painted = self._row(row, number)
            lines += painted[max(0, -first) :]
        self._forget(len(seen))
        return lines

    def _row(self, row: Row, number: int) -> list[Painted]:
        """One row, drawn and inked, from memory where nothing about it changed."""
        drawn = self._drawn.get(row.key)
        since = self._stamp if row.ticks else self._steady
        if drawn is None or drawn[0] < since or drawn[1] is not row:
            lines = self._lines(row)
            # The same text in the same place is the same painted line, whatever the clock says.
            if drawn is not None and drawn[2] == lines:
                lines = drawn[2]
            self._drawn[row.key] = (self._stamp, row, lines)
        else:
            lines = drawn[2]
        mark = self._mark(row) if self.active and number == self.scroller.index else None
        marked_at = self._marked_at(row) if self.marks else ()
        look = (mark, self.inner[0], self.active, marked_at)
        inked = self._inked.get(row.key)
        if inked is None or inked[0] is not lines or inked[1] != look:
            painted = [self._line(line, mark, bool(marked_at) and not row.cells) for line in lines]
            if painted:
                painted[0] = self._with_marks(painted[0], marked_at, mark)
            inked = (lines, look, painted)
            self._inked[row.key] = inked
        return inked[2]

    def _marked_at(self, row: Row) -> tuple[int, ...]:
        """Cells, counted from the row's first, before which a mark stands."""
        if not row.cells:
            return (0,) if row.subject in self.marks else ()
        places = zip(row.cells, row.cell_spans, strict=False)
        return tuple(start for cell, (start, _) in places if cell in self.marks)

    def _with_marks(
        self, painted: Painted, marked_at: tuple[int, ...], cursor: tuple[int, int] | None
    ) -> Painted:
        """The first line of a row with its marks, each in the free cell before what is marked."""
        sides = 2 if self.frame == "box" else 1
        for start in marked_at:
            here = cursor is not None and cursor[0] <= start < max(1, cursor[1])
            surface: Surface = "cursor" if here else "background"
            mark = Segment(_BOX[self.ascii][8], self.inks.get("accent", surface))
            at = sides + start - 1
            before, _, after = Segment.divide(painted, [at, at + 1, self.box.width if self.box else at + 1])
            painted = [*before, mark, *after]
        return painted

    def _lines(self, row: Row) -> Sequence[Line]:
        """What the subclass draws, as many lines as the row says."""
        height = max(1, row.height)
        lines = list(self.draw_row(row))[:height]
        return [*lines, *([()] * (height - len(lines)))]

    def _mark(self, row: Row) -> tuple[int, int]:
        column = self.scroller.column
        if column is not None and column < len(row.cell_spans):
            return row.cell_spans[column]
        return (0, self.inner[0])

    def _line(self, line: Line, mark: tuple[int, int] | None, chosen: bool = False) -> Painted:
        """One line of a row between the sides; `mark` is what of it the cursor is on."""
        inks, width = self.inks, self.inner[0]
        whole = mark == (0, width)
        if mark is None:
            body = segments(line, width, inks, "panel" if chosen else "background")
        elif whole:
            body = segments(line, width, inks, "cursor")
        else:
            body = marked(line, width, inks, mark)
        glyphs = _BOX[self.ascii]
        side = inks.frame_focus if self.active else inks.frame
        bar = Segment(glyphs[7], inks.mark) if whole else Segment(" ", inks.get("text"))
        end = Segment(" ", inks.get("text", "cursor" if whole else "background"))
        if self.frame == "box":
            return [Segment(glyphs[3], side), bar, *body, end, Segment(glyphs[3], side)]
        return [bar, *body, end, Segment(" ", inks.get("text"))]

    def _thumb(self, lines: list[Painted], height: int) -> list[Painted]:
        """The lines with the scrolled part marked at their right end."""
        total = self.scroller.total
        length = max(1, height * height // total)
        start = (height - length) * self.scroller.top // max(1, total - height)
        glyph = Segment(_BOX[self.ascii][6], self.inks.frame_focus if self.active else self.inks.get("dim"))
        return [[*line[:-1], glyph] if start <= y < start + length else line for y, line in enumerate(lines)]

    def _upper(self, width: int) -> Painted:
        return self._edge("upper", self.title(), width)

    def _lower(self, width: int) -> Painted:
        return self._edge("lower", (*self._where(), Span("\0"), *self.edge()), width)

    def _where(self) -> Line:
        """How far down the cursor is, once not everything can be seen."""
        scroller = self.scroller
        if scroller.total <= scroller.height or not scroller.rows:
            return ()
        bottom = min(scroller.total, scroller.top + scroller.height)
        if scroller.index is None:
            return (Span(f"{bottom}/{scroller.total}", "dim"),)
        return (Span(f"{scroller.index + 1}/{len(scroller.rows)}", "dim"),)

    def _edge(self, name: str, line: Line, width: int, *, sides: bool = False) -> Painted:
        """An edge or fixed line, from memory where it is the same."""
        if self.ascii:
            # Cropped here already, where the mark of that can still be translated.
            line = ascii_line(crop_line(line, self.inner[0]) if sides else line)
        look = (line, width, self.active, self.ascii, self.frame)
        known = self._edges.get(name)
        if known is None or known[0] != look:
            painted = self._line(line, None) if sides else self._border(line, width, upper=name == "upper")
            known = (look, painted)
            self._edges[name] = known
        return known[1]

    def _border(self, line: Line, width: int, *, upper: bool) -> Painted:
        """An edge with what is said in it: the title left; the place left, the freshness right."""
        glyphs, inks = _BOX[self.ascii], self.inks
        rule = glyphs[1]
        frame = inks.frame_focus if self.active else inks.frame
        left, right = (glyphs[0], glyphs[2]) if upper else (glyphs[4], glyphs[5])
        if self.frame == "rule":
            left = right = rule
        cut = next((i for i, span in enumerate(line) if span.text == "\0"), len(line))
        before, after = settled(line[:cut]), settled(line[cut + 1 :])
        room = width - 4
        after = crop_line(after, max(0, room - 2))
        before = crop_line(before, max(0, room - 3 - (line_width(after) + 2 if after else 0)))
        if self.ascii:
            before, after = ascii_line(before), ascii_line(after)
        pieces = [Segment(left + rule, frame)]
        used = 2
        if before:
            pieces += [Segment(" ", frame), *_said(before, inks), Segment(" ", frame)]
            used += line_width(before) + 2
        tail = line_width(after) + 4 if after else 2
        pieces.append(Segment(rule * max(0, width - used - tail), frame))
        if after:
            pieces += [Segment(" ", frame), *_said(after, inks), Segment(" ", frame)]
        pieces.append(Segment(rule + right, frame))
        return pieces

    def _forget(self, seen: int) -> None:
        """Keep only the rows drawn last."""
        for memory in (self._drawn, self._inked):
            if len(memory) > max(64, _KEEP_DRAWN * seen):
                kept = {row.key for row in (self.scroller.rows[s.number] for s in self.scroller.seen())}
                for key in [key for key in memory if key not in kept]:
                    del memory[key]


def _said(line: Line, inks: Inks) -> list[Segment]:
    return [Segment(span.text, inks.get(span.style)) for span in line]
