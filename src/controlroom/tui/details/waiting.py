"""The detail of one squad waiting on another: since when, and for what."""

from __future__ import annotations

from controlroom.domain import waiting
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import limited
from controlroom.tui.lines import text
from controlroom.tui.panes.waiting import Behind, behind_line, edge_id, things_by_id
from controlroom.tui.rows import DrawContext, Line

WIDTH = 100
"""Cells that lines are made for; whoever shows them wraps them."""


def edge(sheet: Sheet, id_: str) -> bool:
    """Who waits on whom, and everything that does."""
    snapshot = sheet.snapshot
    graph = waiting.graph(snapshot.program, snapshot.items, snapshot.blockers)
    found = next((e for e in graph.edges if edge_id(e) == id_), None)
    if found is None:
        return False
    sheet.title = f"{sheet.squad(found.waiter)} waits on {sheet.squad(found.blocker)}"
    sheet.fact("since", sheet.when(found.since) or "nobody wrote since when")
    sheet.fact("needs", ", ".join(found.dependencies))
    sheet.fact("behind it", sheet.squads(graph.transitive.get(found.waiter, ())))
    things = things_by_id(snapshot.items, snapshot.blockers)
    ctx = DrawContext(snapshot, sheet.view, sheet.now, WIDTH, 0)

    def told(thing: str) -> Line:
        return text(*behind_line(Behind(things.get(thing), thing), ctx)[1:])

    sheet.each("What waits", limited(found.items, told))
    back = any(e.waiter == found.blocker and e.blocker == found.waiter for e in graph.edges)
    sheet.next("they wait on each other: one of them has to go first" if back else "")
    return True
