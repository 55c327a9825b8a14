"""Choosing one of a few: a squad, a theme, a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.events import Key

from controlroom.tui.keys import ACTIONS, CHANGING
from controlroom.tui.rows import Row, Span
from controlroom.tui.screens.dialog import Dialog, TextList

TRIAGED = frozenset(action.id for action in ACTIONS if action.group in CHANGING)


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

    def action_for(self, event: Key) -> str | None:
        """The id of the action that a key means here: nothing is triaged from a choice."""
        action = super().action_for(event)
        return None if action in TRIAGED else action

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
