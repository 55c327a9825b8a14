"""A dialog that is one pane: what it lists stays true while it is open."""

from __future__ import annotations

from functools import cached_property

from controlroom.tui.layout import Box
from controlroom.tui.rows import Line, Pane, Subject
from controlroom.tui.screens.detail import DetailScreen
from controlroom.tui.screens.dialog import Dialog
from controlroom.tui.widgets.pane import PaneView


class HintedPane(PaneView):
    """A pane that says in its lower edge what the keys do here."""

    hint: Line = ()

    def edge(self) -> Line:
        """What can be done."""
        return self.hint or super().edge()


class PaneDialog(Dialog):
    """Shows `make_pane` over the room."""

    def make_pane(self) -> Pane:
        """The pane, which lives only here."""
        raise NotImplementedError

    def hints(self) -> Line:
        """What the keys do here."""
        return self.hint("detail.open", "subject.copy", "dialog.close")

    @cached_property
    def _pane(self) -> HintedPane:
        app = self.room_app
        made = HintedPane(self.make_pane(), 0, app.parts.compile_filter, app.note_failure)
        made.active = True
        made.hint = self.hints()
        return made

    def make_list(self) -> PaneView:
        """The pane as a list."""
        return self._pane

    def fill(self, width: int) -> int:
        """As many lines as the pane has, one at least for what it says when it is empty."""
        return self._pane.measure(self.room_app.room_screen.scene(), width + 4)

    def places(self, width: int, height: int) -> dict[str, Box]:
        """The box, and the pane in it."""
        boxes = super().places(width, height)
        self._pane.show(self.room_app.room_screen.scene())
        return boxes

    def tick(self) -> None:
        """Show what changed."""
        self.resized()

    @property
    def subject(self) -> Subject | None:
        """What the cursor is on."""
        return self._pane.scroller.subject

    def tell_more(self) -> None:
        """Everything about what the cursor is on, over this."""
        if self.subject is not None:
            self.room_app.push_screen(DetailScreen(self.subject))

    def do_detail_open(self) -> None:
        """Tell more about what the cursor is on."""
        self.tell_more()

    def do_subject_copy(self) -> None:
        """Copy what the cursor is on."""
        self.room_app.copy_subject(self.subject)

    def do_link_open(self) -> None:
        """Show or open the place where it is written."""
        self.room_app.open_subject(self.subject)
