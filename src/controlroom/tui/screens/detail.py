"""Everything about one thing: facts, history, links, what to do next. It stays true while it is open."""

from __future__ import annotations

from controlroom.tui.details.base import LABEL
from controlroom.tui.lines import line_width, wrap
from controlroom.tui.rows import Line, Row, Span, Subject
from controlroom.tui.screens.dialog import Dialog, TextList

EDGE = 12
"""Cells of the lower edge for how far down one is."""


class DetailScreen(Dialog):
    """The detail of one subject, told anew every second and with every snapshot."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self._told: tuple[object, int] | None = None
        self._text = TextList((Span(subject.id, "title"),))

    @property
    def acting_on(self) -> Subject:
        """What the detail is of."""
        return self.subject

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the detail in."""
        return self._text

    def fill(self, width: int) -> int:
        """Put the detail as it is now into rows of this width."""
        detail = self.room_app.describe(self.subject)
        if self._told != (detail, width):
            self._told = (detail, width)
            lines: list[Line] = [piece for line in detail.lines for piece in wrap(line, width, _indent(line))]
            rows = [Row(key=str(n), selectable=False, data=(line,)) for n, line in enumerate(lines)]
            self._text.scroller.replace(rows)
            links = ("link.open",) if detail.links else ()
            self._text.retitle((Span(detail.title, "title"),), self._hint(width, links))
            self._text.redraw()
        return super().fill(width)

    def _hint(self, width: int, links: tuple[str, ...]) -> Line:
        """What can be done to it, as far as there is room before what always can."""
        offers = list(self.room_app.offers(self.subject))
        while True:
            hint = self.hint(*offers, "subject.copy", *links, "dialog.close")
            if not offers or line_width(hint) <= width - EDGE:
                return hint
            offers.pop()

    def tick(self) -> None:
        """Tell what changed."""
        self.resized()

    def do_subject_copy(self) -> None:
        """Copy all of it."""
        self.room_app.copy_subject(self.subject)

    def do_link_open(self) -> None:
        """Open its link, or choose among several."""
        self.room_app.open_subject(self.subject)


def _indent(line: Line) -> int:
    """Where the text of a line begins that goes on below it: behind the name of a fact."""
    named = len(line) > 1 and line[0].style == "dim" and len(line[0].text) == LABEL
    return LABEL if named else len(line[0].text) - len(line[0].text.lstrip()) if line else 0
