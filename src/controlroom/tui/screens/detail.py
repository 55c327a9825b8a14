"""Everything about one thing: facts, history, links, what to do next. It stays true while it is open."""

from __future__ import annotations

from controlroom.tui import relayline
from controlroom.tui.details.base import LABEL, Detail
from controlroom.tui.keys import Where
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
        self._told: tuple[object, Line, int] | None = None
        self._text = TextList((Span(subject.id, "title"),))

    @property
    def acting_on(self) -> Subject:
        """What the line under the cursor is about, where that is something of its own; else what the detail
        is of."""
        return self._text.scroller.subject or self.subject

    @property
    def where(self) -> tuple[Where, ...]:
        """In a standup its keys go on meaning what the footer says, as they do in the panes."""
        app = self.room_app
        keyed = app.room_screen.in_standup and not app.options.read_only
        return (*super().where, "standup") if keyed else super().where

    def act(self, action: str) -> None:
        """Do an action of the detail; one of the standup closes it."""
        if action.startswith("standup."):
            # From the room's own loop: an answer to a form never comes back to a screen that is gone.
            self.room_app.room_screen.call_next(self.room_app.act, action)
        else:
            super().act(action)

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the detail in."""
        return self._text

    def fill(self, width: int) -> int:
        """Put the detail as it is now into rows of this width."""
        detail, scene = self.room_app.describe(self.subject), self.room_app.room_screen.scene()
        stale = relayline.badge(scene.snapshot, scene.now)
        if self._told != (detail, stale, width):
            first, self._told = self._told is None, (detail, stale, width)
            self._text.scroller.replace(_rows(detail, width))
            if first and detail.spots:
                self._text.scroller.goto(_key(next(iter(detail.spots.values()))))
                self._text.scroller.top = 0  # what stands before it is read first
            links = ("link.open",) if detail.links else ()
            title = (Span(detail.title, "title"), *((Span("  "), *stale) if stale else ()))
            self._text.retitle(title, self._hint(width, links))
            self._text.redraw()
        return super().fill(width)

    def _hint(self, width: int, links: tuple[str, ...]) -> Line:
        """What can be done to it, as far as there is room before what always can."""
        app, means = self.room_app, self.room_app.lookup(self.where)
        offers = [
            name
            for name in app.offers(self.subject)
            if any(means.get(key) == name for key in app.keymap.action(name).keys)
        ]
        while True:
            hint = self.hint(*offers, "subject.copy", *links, "dialog.close")
            if not offers or line_width(hint) <= width - EDGE:
                return hint
            offers.pop()

    def do_detail_open(self) -> None:
        """All about what the line under the cursor is about."""
        if self.acting_on != self.subject:
            self.room_app.open_detail(self.acting_on)

    def tick(self) -> None:
        """Tell what changed."""
        self.resized()

    def do_subject_copy(self) -> None:
        """Copy all of it."""
        self.room_app.copy_subject(self.subject)

    def do_link_open(self) -> None:
        """Open its link, or choose among several."""
        self.room_app.open_subject(self.subject)


def _rows(detail: Detail, width: int) -> list[Row]:
    """The lines in rows. Where some are about something of their own the cursor goes from line to line, so
    that these can be acted on and the others be read; else they only scroll."""
    rows: list[Row] = []
    named: set[str] = set()
    for number, line in enumerate(detail.lines):
        found = detail.spots.get(number)
        for piece in wrap(line, width, _indent(line)):
            key = "" if found is None else _key(found)
            if not key or key in named:
                key = str(len(rows))
            named.add(key)
            selectable = bool(detail.spots) and bool(line)
            rows.append(Row(key=key, subject=found, selectable=selectable, data=(piece,)))
    return rows


def _key(subject: Subject) -> str:
    return f"{subject.kind}:{subject.id}"


def _indent(line: Line) -> int:
    """Where the text of a line begins that goes on below it: behind the name of a fact."""
    named = len(line) > 1 and line[0].style == "dim" and len(line[0].text) == LABEL
    return LABEL if named else len(line[0].text) - len(line[0].text.lstrip()) if line else 0
