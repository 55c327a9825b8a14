"""How rituals are held from the room: what `S` begins and `w` writes, by the kind of ritual.

A kind with more to do than to begin and to end has a function here; all others are begun and ended plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from controlroom.domain.diff import is_standup
from controlroom.domain.rituals import Occurrence, Ritual

if TYPE_CHECKING:
    from controlroom.domain.runs import Run
    from controlroom.tui.app import RoomApp

RitualKind = Literal["standup", "drill", "checklist", "other"]

Begin = Callable[["RoomApp", Occurrence, "Run | None"], None]
"""Is given the occurrence that is meant, and its run where somebody began it: begins, joins or ends it."""

Write = Callable[["RoomApp", "Run"], None]
"""Writes what the holding of a ritual leaves behind, and shows it."""


def _begin_drill(app: RoomApp, occurrence: Occurrence, run: Run | None) -> None:
    # Drills are modules of their own; none is needed before one begins.
    from controlroom.tui.drill.beginning import begin

    begin(app, occurrence, run)


def _write_drill(app: RoomApp, run: Run) -> None:
    from controlroom.tui.drill import ending, handing

    handing.work(app, ending.write(app, run.key))


BEGINS: dict[RitualKind, Begin] = {"drill": _begin_drill}
WRITES: dict[RitualKind, Write] = {"drill": _write_drill}


def kind_of(ritual: Ritual) -> RitualKind:
    """What sort of ritual it is, as far as the room holds it differently."""
    if is_standup(ritual):
        return "standup"
    if ritual.rotation or ritual.rotates:
        return "drill"
    return "checklist" if ritual.checklist else "other"
