"""Marking rows, to act once on all of them. Marks belong to things, not to places on the screen."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.acts.targets import target, what
from controlroom.tui.rows import Line, Span, Style, Subject
from controlroom.tui.screens.moving import Moving
from controlroom.tui.widgets.pane import Scene


class Marking(Moving):
    """The part of the room's screen that marks."""

    marks: tuple[Subject, ...] = ()
    """What is marked, in the order it was."""

    def scene(self) -> Scene:
        """What is shown now."""
        raise NotImplementedError

    def say(self, text: str, style: Style = "text", seconds: float = 5) -> None:
        """Say something in the footer for a while."""
        raise NotImplementedError

    def _bars_footer(self) -> None:
        """Say in the footer what can be done and what is the matter."""
        raise NotImplementedError

    def do_row_mark(self) -> None:
        """Mark what is under the cursor, or take its mark away."""
        subject = self.pane.scroller.subject
        if self.room_app.options.read_only:
            self.say("read-only: there is nothing to mark for", "warn")
        elif subject is not None and subject in self.marks:
            self._mark(mark for mark in self.marks if mark != subject)
        elif subject is None:
            self.say("nothing here to mark: mark blockers, cards and signals", "warn")
        elif target(self.scene().snapshot, subject) is None:
            self.say(f"cannot mark {what(subject)}: mark blockers, cards and signals", "warn")
        else:
            self._mark((*self.marks, subject))

    def unmark(self, subjects: Iterable[Subject]) -> None:
        """Take marks away."""
        gone = set(subjects)
        if gone.intersection(self.marks):
            self._mark(mark for mark in self.marks if mark not in gone)

    def prune(self, before: Snapshot, after: Snapshot) -> None:
        """Forget marks of things that are not there any more."""
        same = before.blockers is after.blockers and before.items is after.items
        if not self.marks or (same and before.signals is after.signals):
            return
        kept = tuple(mark for mark in self.marks if target(after, mark) is not None)
        if kept != self.marks:
            self._mark(kept)

    def _mark(self, marks: Iterable[Subject]) -> None:
        self.marks = tuple(marks)
        shown = frozenset(self.marks)
        for pane in self.panes.values():
            pane.set_marks(shown)
        self._bars_footer()

    def _marks_line(self) -> Line:
        """How many are marked, for the footer."""
        if not self.marks:
            return ()
        key = self.room_app.key_of("view.back")
        return (Span(f"◆ {len(self.marks)} marked, {key} clears", "accent"),)
