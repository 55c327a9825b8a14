"""Going to a card or blocker in the room, wherever it is: what hides it is taken away, no more than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.rows import Subject
from controlroom.tui.widgets.pane import PaneView

if TYPE_CHECKING:
    from controlroom.tui.screens.room import RoomScreen

PANES = {"item": "squads", "blocker": "blockers"}
"""Where things of a kind are listed."""


def named(snapshot: Snapshot, id_: str | None) -> Subject | None:
    """The blocker or card with this id, if there is one."""
    if not id_:
        return None
    if any(blocker.id == id_ for blocker in snapshot.blockers):
        return Subject("blocker", id_)
    known = any(item.id == id_ for item in (*snapshot.items, *snapshot.steps))
    return Subject("item", id_) if known else None


def jump(room: RoomScreen, subject: Subject) -> bool:
    """Put the room's cursor on `subject`; False where no pane lists it.

    A filter, then the focus on a squad, is taken away only where it hides it; then the pane is zoomed.
    """
    name = PANES.get(subject.kind, "")
    pane = room.panes.get(name)
    if pane is None:
        return False
    room.go(name)

    def every_row() -> None:
        if room.zoomed is None:
            room.do_pane_zoom()

    uncover: tuple[Callable[[], None], ...] = (
        lambda: None,
        lambda: pane.set_filter(""),
        lambda: room.focus_on(None),
        every_row,
    )
    zoomed = room.zoomed
    for step in uncover:
        step()
        if _put(pane, subject):
            pane.sync()
            return True
    if room.zoomed != zoomed:
        room.do_pane_zoom()
    return False


def _put(pane: PaneView, subject: Subject) -> bool:
    scroller = pane.scroller
    for row in scroller.rows:
        if row.selectable and (subject in row.cells if row.cells else row.subject == subject):
            scroller.goto(row.key)
            if row.cells:
                scroller.cell = row.cells.index(subject)
            return True
    return False
