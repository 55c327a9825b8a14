"""Choosing one of a few: a squad, a theme, a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from controlroom.tui.rows import Row, Span
from controlroom.tui.screens.dialog import Dialog, TextList


class Choice(NamedTuple):
    """One thing that can be chosen."""

    key: str
    text: str
    note: str = ""


class Picker(Dialog):
    """Gives the key of what was chosen, or None."""

    CHOOSES: ClassVar[bool] = True

    def __init__(self, title: str, choices: Sequence[Choice], current: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def make_list(self) -> TextList:
        """One row per choice; the cursor begins on the present one."""
        rows = [
            Row(
                key=choice.key,
                data=((Span(f"  {choice.text}"), Span(f"  {choice.note}" if choice.note else "", "dim")),),
            )
            for choice in self._choices
        ]
        made = TextList((Span(self._title, "title"),), rows, hint=self.hint("detail.open", "dialog.close"))
        if self._current is not None:
            made.scroller.goto(self._current)
        return made
