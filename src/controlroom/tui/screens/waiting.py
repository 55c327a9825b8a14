"""Who waits on whom, over the room: an edge opens to what is behind it."""

from __future__ import annotations

from controlroom.domain.waiting import Edge
from controlroom.tui.lines import join
from controlroom.tui.panes.waiting import WaitingPane, edge_id
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.sideways import Sideways


class WaitingScreen(Sideways):
    """Enter opens an edge, or tells more about anything else."""

    def make_pane(self) -> WaitingPane:
        """With no edge opened yet."""
        self._waiting = WaitingPane(self.room_app.key_of("blocker.wait_on"))
        return self._waiting

    def hints(self) -> Line:
        """Enter opens what is behind an edge."""
        return join((self.hint("detail.open", "subject.copy", "dialog.close"),), Span("  "))

    def do_detail_open(self) -> None:
        """Show or hide what is behind an edge; tell more about anything else."""
        if not self._toggle(None):
            self.tell_more()

    def do_cursor_right(self) -> None:
        """Show what is behind an edge."""
        if not self._toggle(True):
            self.tell_more()

    def do_cursor_left(self) -> None:
        """Hide what is behind an edge, from anywhere in it."""
        row = self._pane.scroller.row
        if row is not None and row.key.startswith("behind:"):
            above = self._pane.scroller
            while above.row is not None and not isinstance(above.row.data, Edge):
                above.move(-1)
        self._toggle(False)

    def _toggle(self, opened: bool | None) -> bool:
        """Open or close the edge under the cursor; False where there is none."""
        row = self._pane.scroller.row
        if row is None or not isinstance(row.data, Edge):
            return False
        self._waiting.toggle(edge_id(row.data), opened=opened)
        self.resized()
        return True
