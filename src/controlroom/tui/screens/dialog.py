"""What lies over the room: a list in a box, with the cursor keys and a way out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Click, Key
from textual.screen import ModalScreen

from controlroom.tui.keys import Where, shown
from controlroom.tui.layout import Box
from controlroom.tui.lines import crop_line
from controlroom.tui.present import ascii_line
from controlroom.tui.rows import Line, Row, Span, Subject
from controlroom.tui.screens.keyed import Keyed, Placed
from controlroom.tui.widgets.rowlist import RowList

MARGIN = 2
"""Cells left free around a dialog where there is room for them."""

WIDEST = 112


class TextList(RowList):
    """Rows that are their own text: `data` holds their lines."""

    def __init__(self, title: Line, rows: Sequence[Row] = (), *, hint: Line = ()) -> None:
        super().__init__(id="list")
        self.active = True
        self._title = title
        self._hint = hint
        self.scroller.replace(rows)

    def retitle(self, title: Line, hint: Line) -> None:
        """Say something else in the edges."""
        self._title, self._hint = title, hint
        self.sync()

    def draw_row(self, row: Row) -> Sequence[Line]:
        """The lines the row carries."""
        lines: Sequence[Line] = row.data
        if not self.ascii:
            return lines
        # Cropped here already, where the mark of that can still be translated.
        return [ascii_line(crop_line(line, self.inner[0])) for line in lines]

    def title(self) -> Line:
        """The dialog's title."""
        return self._title

    def edge(self) -> Line:
        """What can be done here."""
        return self._hint


class Dialog(Keyed, ModalScreen[str | None], inherit_bindings=False):
    """A modal list. Closing it gives None, choosing a row its key where `CHOOSES`."""

    WHERE: ClassVar[tuple[Where, ...]] = ("dialog", "list")
    CHOOSES: ClassVar[bool] = False
    ALLOW_SELECT = False
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self.styles.set_rule("layout", Placed())
        self._dismissed = False

    @property
    def closing(self) -> bool:
        """Closed already, and perhaps still on the screen."""
        return self._dismissed

    @property
    def acting_on(self) -> Subject | None:
        """What the cursor is on."""
        return self._list.scroller.subject

    @cached_property
    def _list(self) -> RowList:
        """Made when it is first asked for: a second may pass, and a key arrive, before Textual composes."""
        made = self.make_list()
        made.ascii = self.room_app.plain
        return made

    def make_list(self) -> RowList:
        """The list this dialog shows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The list is all there is."""
        yield self._list

    def places(self, width: int, height: int) -> dict[str, Box]:
        """In the middle, as high as its rows need."""
        sides = MARGIN if width > 80 else 0
        wide = min(self.widest(), width - 2 * sides)
        wanted = self.fill(max(1, wide - 4))
        high = min(wanted, max(5, height - (2 if height > 24 else 1)))
        box = Box((width - wide) // 2, max(0, (height - high) // 2), wide, high)
        self._list.place(box)
        return {self._list.id or "": box}

    def widest(self) -> int:
        """Cells the dialog would like, frame included, where there is room for them."""
        return WIDEST

    def fill(self, width: int) -> int:
        """Make the rows for this inner width; the lines the list would like, with its frame."""
        return max(1, self._list.scroller.total) + 2

    def resized(self) -> None:
        """The number of lines changed: the box may have to."""
        before = self._list.box
        size = self.size
        if size:
            self.places(size.width, size.height)
            if self._list.box != before:
                self.lay_out()

    def hint(self, *actions: str) -> Line:
        """The first key of each action with what it does, for the lower edge."""
        spans: list[Span] = []
        for name in actions:
            action = self.room_app.keymap.action(name)
            if action.keys:
                key = shown(action.keys[0], plain=self.room_app.plain)
                label = "choose" if self.CHOOSES and name == "detail.open" else action.label
                spans += [Span(key, "accent"), Span(f" {label}  ", "dim")]
        return (*spans[:-1], Span(spans[-1].text.rstrip(), "dim")) if spans else ()

    def on_click(self, event: Click) -> None:
        """A click beside the dialog closes it."""
        if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
            self.close()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """A second click on a row opens or chooses it."""
        event.stop()
        if event.twice:
            self.act("detail.open")

    def on_key(self, event: Key) -> None:
        """A key typed while the dialog is closing is meant for what lies under it."""
        if self._dismissed:
            event.stop()
            event.prevent_default()
            below = self.room_app.screen_stack[-2 if self.is_current else -1]
            if isinstance(below, Keyed):
                below.on_key(event)
        else:
            super().on_key(event)

    def close(self, result: str | None = None) -> None:
        """Go away, once."""
        if not self._dismissed:
            self._dismissed = True
            self.dismiss(result)

    def do_dialog_close(self) -> None:
        """Close it."""
        self.close()

    def do_detail_open(self) -> None:
        """Choose the row under the cursor."""
        row = self._list.scroller.row
        if self.CHOOSES and row is not None:
            self.close(row.key)

    def do_cursor_up(self) -> None:
        """The row above."""
        self._move(lambda: self._list.scroller.move(-1))

    def do_cursor_down(self) -> None:
        """The row below."""
        self._move(lambda: self._list.scroller.move(1))

    def do_cursor_page_up(self) -> None:
        """A page up."""
        self._move(lambda: self._list.scroller.page(-1))

    def do_cursor_page_down(self) -> None:
        """A page down."""
        self._move(lambda: self._list.scroller.page(1))

    def do_cursor_first(self) -> None:
        """The first row."""
        self._move(self._list.scroller.first)

    def do_cursor_last(self) -> None:
        """The last row."""
        self._move(self._list.scroller.last)

    def _move(self, step: Callable[[], None]) -> None:
        step()
        self._list.sync()
