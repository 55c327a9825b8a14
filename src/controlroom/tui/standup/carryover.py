"""The blockers pane at a standup: what was there last time comes first, with how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from controlroom.domain.carry import Carried
from controlroom.domain.runs import Key, run_of
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.panes.base import finish, heading_row
from controlroom.tui.rows import DrawContext, Heading, Line, Pane, Row, Span, Style, View
from controlroom.tui.standup.course import alive, carries
from controlroom.tui.standup.words import streak

INDENT = " " * 11


class Told(NamedTuple):
    """A row of the blockers pane with what its blocker has been through."""

    row: Row
    carried: Carried


class CarriedPane:
    """`base` with the blockers that were there at the last standup of `key` before all others."""

    def __init__(self, base: Pane, key: Key) -> None:
        self.base, self.key = base, key
        self.id = base.id

    def heading(self, ctx: DrawContext) -> Heading:
        """That of the pane."""
        return self.base.heading(ctx)

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        """Also on what was done at standups, and since."""
        return *self.base.depends(snapshot), snapshot.runs, snapshot.ledger

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """Carried over, then the rest, each in the pane's own order."""
        rows = self.base.rows(snapshot, view)
        run = run_of(snapshot.runs, self.key)
        if run is None:
            return rows
        known, now = carries(snapshot, run), present.present_moment(snapshot, view)

        def over(row: Row) -> Carried | None:
            blocker = row.data
            found = known.get(blocker.id) if isinstance(blocker, Blocker) and alive(blocker, now) else None
            return found if found is not None and found.over else None

        first = [(row, found) for row in rows if (found := over(row)) is not None]
        if not first:
            return rows
        moved = {row.key for row, _ in first}
        rest = [row for row in rows if row.key not in moved]
        listed = [heading_row("carried", f"carried over: {len(first)}")]
        listed += [replace(row, height=row.height + 1, data=Told(row, found)) for row, found in first]
        if any(row.selectable for row in rest):
            listed.append(heading_row("new", "since the last standup"))
        return [*listed, *rest]

    def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
        """As the pane draws it, and the streak below."""
        data: Any = row.data
        if row.heading and isinstance(data, str):
            return finish(((Span(data, "title"),),), ctx.width, 1, ascii_only=ctx.view.ascii)
        if not isinstance(data, Told):
            return self.base.draw(row, ctx)
        style: Style = "breach" if data.carried.forced else "dim"
        ask = ": it needs a decision" if data.carried.forced else ""
        said: Line = (Span(f"{INDENT}↻ {streak(data.carried)}{ask}", style),)
        return [*self.base.draw(data.row, ctx), *finish((said,), ctx.width, 1, ascii_only=ctx.view.ascii)]

    def empty(self, snapshot: Snapshot) -> Line:
        """What the pane says."""
        return self.base.empty(snapshot)
