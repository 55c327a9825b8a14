"""A question over the room: what it is about, and a few answers, each with its letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.events import Click, Key

from controlroom.tui.keys import event_key
from controlroom.tui.layout import Box
from controlroom.tui.lines import line_width, text, wrap
from controlroom.tui.rows import Line, Row, Span, Style
from controlroom.tui.screens.dialog import WIDEST, Dialog, TextList

INDENT = 2

NARROWEST = 44
"""Cells of the smallest question."""


class Answer(NamedTuple):
    """One thing that can be answered; `result` is what the question gives then."""

    letter: str
    label: str
    result: str
    style: Style = "text"


class Ask(Dialog):
    """Gives the result of the answer, by its letter, by Enter or by a click; None where it was left."""

    CHOOSES: ClassVar[bool] = True

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        answers: Sequence[Answer],
        *,
        safe: str = "",
        style: Style = "title",
    ) -> None:
        """`safe` is the result that Enter gives at first; empty is the first answer's."""
        super().__init__()
        self._asked = tuple(lines)
        self._answers = tuple(answers)
        self._safe = safe or (answers[0].result if answers else "")
        self._title: Line = (Span(title, style),)
        self._made_for = -1
        self._text = TextList(self._title)

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the question in."""
        return self._text

    def told(self) -> Sequence[Line]:
        """The lines over the answers, as they are now."""
        return self._asked

    def widest(self) -> int:
        """As wide as the longest line, so that a small question is a small box."""
        lines = [line_width(line) for line in (*self.told(), *map(_answer_line, self._answers), self._title)]
        return max(NARROWEST, min(WIDEST, max(lines) + 6))

    def fill(self, width: int) -> int:
        """The question in lines of this width, and the answers below it."""
        if width != self._made_for:
            self._refill(width)
        return super().fill(width)

    def places(self, width: int, height: int) -> dict[str, Box]:
        """The box; answers that may not be seen are named in its edge."""
        boxes = super().places(width, height)
        inner = self._text.inner[1]
        self._text.retitle(self._title, self._hint(all_seen=self._text.scroller.total <= inner))
        return boxes

    def _refill(self, width: int) -> None:
        first = self._made_for < 0
        self._made_for = width
        pieces = [piece for line in self.told() for piece in wrap(_breakable(line, width), width, INDENT)]
        rows = [Row(key=f"line:{n}", selectable=False, data=(line,)) for n, line in enumerate(pieces)]
        if rows and self._answers:
            rows.append(Row(key="blank", selectable=False, data=((),)))
        rows += [Row(key=answer.result, data=(_answer_line(answer),)) for answer in self._answers]
        self._text.scroller.replace(rows)
        if first:
            # What it is about is read first, however long it is; the answers stand in the edge, too.
            self._text.scroller.index = next((n for n, row in enumerate(rows) if row.key == self._safe), None)
            self._text.scroller.top = 0
        self._text.redraw()

    def _hint(self, *, all_seen: bool) -> Line:
        spans: list[Span] = []
        for answer in () if all_seen else self._answers:
            if answer.letter:
                spans += [Span(answer.letter, "accent"), Span(f" {_first_word(answer.label)}  ", "dim")]
        known = Span(self.room_app.key_of("detail.open"), "accent"), Span(" takes it  ", "dim")
        return (*(spans or known), *self.hint("dialog.close"))

    def action_for(self, event: Key) -> str | None:
        """An answer's letter comes before whatever the key means elsewhere."""
        key = event_key(event.key, event.character)
        answer = next((a for a in self._answers if a.letter and a.letter == key), None)
        if answer is not None:
            return f"answer:{answer.result}"
        return super().action_for(event)

    def act(self, action: str) -> None:
        """Answer, or whatever a dialog does. Actions of the room mean nothing before it is answered."""
        kind, colon, result = action.partition(":")
        if colon and kind == "answer":
            self.close(result)
        elif action.partition(".")[0] in ("cursor", "dialog", "detail", "app", "subject", "help"):
            super().act(action)

    def on_click(self, event: Click) -> None:
        """A click beside it is no answer."""
        event.prevent_default()

    def do_cursor_page_up(self) -> None:
        """Scroll: the answers are where the cursor is, the text is not."""
        self._move(lambda: self._list.scroller.wheel(-max(1, self._list.scroller.height - 1)))

    def do_cursor_page_down(self) -> None:
        """Scroll."""
        self._move(lambda: self._list.scroller.wheel(max(1, self._list.scroller.height - 1)))


def _first_word(label: str) -> str:
    return next((word.rstrip(",;:") for word in label.split() if word[0].isalpha()), label)


def _breakable(line: Line, width: int) -> Line:
    """`line` with words longer than a line (paths) in pieces: all of them is to be read here."""
    most = max(8, width - INDENT)
    if all(len(word) <= most for span in line for word in span.text.split(" ")):
        return line

    def pieces(word: str) -> str:
        return " ".join(word[at : at + most] for at in range(0, len(word), most))

    return tuple(Span(" ".join(map(pieces, span.text.split(" "))), span.style) for span in line)


def _answer_line(answer: Answer) -> Line:
    return text(Span(f"  {answer.letter or ' '}  ", "accent"), Span(answer.label, answer.style))


def fact(name: str, value: str, style: Style = "text", width: int = 10) -> Line:
    """A named fact in a question."""
    return text(Span(f"{name:<{width}}", "dim"), Span(value, style))
