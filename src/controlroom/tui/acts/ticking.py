"""Boxes of checklists: what is done is ticked by a person, with what shows it, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from controlroom.domain import checklist
from controlroom.domain.runs import Key, key_of
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.acts.verbs import TICK, UNTICK
from controlroom.tui.rows import Subject
from controlroom.tui.screens.picker import Choice, Picker

if TYPE_CHECKING:
    from controlroom.domain.rituals import Occurrence
    from controlroom.domain.snapshot import Snapshot
    from controlroom.tui.acts.acting import Acting

WIDE = 72
"""Characters of a box's words in a list to choose from."""


def tick(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Tick boxes, or take the ticks back where all of them are ticked."""
    snapshot = acting.app.room_screen.scene().snapshot
    back = all(done(snapshot, subject.id) for subject in subjects)
    acting.triage(UNTICK if back else TICK, subjects)


def tick_words(acting: Acting, key: Key, words: str) -> None:
    """Tick the box that says `words` of that holding, whether a checklist or a gate has it."""
    tick(acting, (Subject("box", key.box(words)),))


def choose(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Choose among the boxes of the holding of a ritual that is on or near, and tick one."""
    app = acting.app
    scene = app.room_screen.scene()
    found = checklist.holding(scene.snapshot, subjects[0].id, scene.now)
    ritual = checklist.ritual_of(scene.snapshot.program, subjects[0].id)
    if found is None or ritual is None:
        app.say("it does not take place any more: there is nothing to tick", "warn")
        return
    title = clean(ritual.title or ritual.id)
    choices = [*_boxes(scene.snapshot, Key.of(found)), *_gates(scene.snapshot, found)]
    if not choices:
        app.say(f'{title} has no boxes: add checklist = ["..."] to its [[rituals]]', "warn")
        return

    def chosen(item: str | None) -> None:
        if item is not None:
            tick(acting, (Subject("box", item),))

    day = present.day_text(found.local_date)
    app.push_screen(Picker(f"{title}, {day}: tick, or take a tick back", choices), chosen)


def _boxes(snapshot: Snapshot, key: Key) -> list[Choice]:
    return [
        Choice(
            box.item,
            f"{_mark(done=box.done)} {clean(box.words, WIDE)}",
            f"left since {present.day_text(box.carried_from)}" if box.carried_from else "",
        )
        for box in checklist.boxes(snapshot, key)
    ]


def _gates(snapshot: Snapshot, occurrence: Occurrence) -> list[Choice]:
    """What a person ticks before it begins."""
    key = Key.of(occurrence)
    words = [gate.text for gate in occurrence.ritual.gates if checklist.manual(gate)]
    return [
        Choice(key.box(one), f"{_mark(done=done(snapshot, key.box(one)))} {clean(one, WIDE)}", "gate")
        for one in words
    ]


def _mark(*, done: bool) -> str:
    return present.STATUS["done" if done else "not_started"].glyph


def done(snapshot: Snapshot, item: str) -> bool:
    """Whether that box counts as done."""
    known = next((box for box in snapshot.boxes if box.item == item), None)
    key = key_of(item)
    if known is not None or key is None:
        return known is not None and known.done
    return any(box.done for box in checklist.boxes(snapshot, key) if box.item == item)
