"""Every key, from the one table, as it stands after the configuration's `[keys]`."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.tui.keys import GROUPS, Action, shown
from controlroom.tui.lines import fit_line
from controlroom.tui.rows import Line, Row, Span
from controlroom.tui.screens.dialog import Dialog, TextList

KEYS_WIDTH = 18


class HelpScreen(Dialog):
    """What can be done, grouped, with the keys that do it."""

    def make_list(self) -> TextList:
        """The table as rows."""
        hint = self.hint("dialog.close")
        rows = help_rows(self.room_app.offered, plain=self.room_app.plain)
        return TextList((Span("Keys", "title"),), rows, hint=hint)


def help_rows(actions: Sequence[Action], *, plain: bool = False) -> tuple[Row, ...]:
    """A heading per group that has any and a line per action; nothing to choose, only to read."""
    rows: list[Row] = []
    there = {action.group for action in actions}
    for group in (group for group in GROUPS if group in there):
        if rows:
            rows.append(Row(key=f"blank:{group}", selectable=False, data=((),)))
        rows.append(
            Row(key=f"group:{group}", selectable=False, heading=True, data=((Span(group, "title"),),))
        )
        rows += [
            Row(key=action.id, selectable=False, data=(_line(action, plain),))
            for action in actions
            if action.group == group
        ]
    return tuple(rows)


def _line(action: Action, plain: bool) -> Line:
    keys: list[Span] = [Span("  ")]
    for key in action.keys:
        keys += [Span(shown(key, plain=plain), "accent"), Span("  ")]
    if not action.keys:
        keys.append(Span("palette", "dim"))
    return (*fit_line(tuple(keys), KEYS_WIDTH), Span(action.description), Span(f"  {action.id}", "dim"))
