"""What is wrong with what was written: a pane of its own over the room."""

from __future__ import annotations

from controlroom.tui.layout import Box
from controlroom.tui.screens.detail import DetailScreen
from controlroom.tui.screens.dialog import Dialog
from controlroom.tui.widgets.pane import PaneView


class LintsScreen(Dialog):
    """The list of lints; Enter tells more about one."""

    def make_list(self) -> PaneView:
        """The pane of lints, which lives only here."""
        from controlroom.tui.panes import lints

        app = self.room_app
        self._pane = PaneView(lints.PANE, 0, app.parts.compile_filter, app.note_failure)
        self._pane.active = True
        return self._pane

    def fill(self, width: int) -> int:
        """As many lines as there are lints."""
        return self._pane.measure(self.room_app.room_screen.scene(), width + 4)

    def places(self, width: int, height: int) -> dict[str, Box]:
        """The box, and the lints in it."""
        boxes = super().places(width, height)
        self._pane.show(self.room_app.room_screen.scene())
        return boxes

    def tick(self) -> None:
        """Show what was mended."""
        self.resized()

    def do_detail_open(self) -> None:
        """Tell more about the lint under the cursor."""
        subject = self._pane.scroller.subject
        if subject is not None:
            self.room_app.push_screen(DetailScreen(subject))

    def do_subject_copy(self) -> None:
        """Copy the lint under the cursor."""
        self.room_app.copy_subject(self._pane.scroller.subject)

    def do_link_open(self) -> None:
        """Show or open the place to mend it."""
        self.room_app.open_subject(self._pane.scroller.subject)
