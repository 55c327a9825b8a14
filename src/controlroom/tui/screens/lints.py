"""What is wrong with what was written, over the room: Enter goes to what is to be mended."""

from __future__ import annotations

from controlroom.domain.lints import Lint
from controlroom.tui.lines import join
from controlroom.tui.panes import lints
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.jumping import jump, named
from controlroom.tui.screens.sideways import Sideways


class LintsScreen(Sideways):
    """The list of lints; what was mended leaves it."""

    def make_pane(self) -> lints.LintsPane:
        """The pane of lints."""
        return lints.PANE

    def hints(self) -> Line:
        """Enter goes to the cause, right tells the whole of it."""
        return join(
            (
                (Span(self.room_app.key_of("detail.open"), "accent"), Span(" go there", "dim")),
                self.right_hint("tell more"),
                self.hint("link.open", "subject.copy", "dialog.close"),
            ),
            Span("  "),
        )

    def do_detail_open(self) -> None:
        """Go to the card or blocker it speaks of; tell more where it speaks of something else."""
        row = self._pane.scroller.row
        lint = None if row is None else row.data
        if not isinstance(lint, Lint):
            return
        room = self.room_app.room_screen
        subject = named(room.scene().snapshot, lint.subject)
        if subject is not None and jump(room, subject):
            room.say(f"{lint.code} {lint.message}", "down" if lint.severity == "error" else "warn", 12)
            self.close()
        else:
            self.tell_more()
