"""Keys of triage that do something else than to write in the triage log, by the kind of thing they act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from controlroom.tui.acts import alerting, ticking, waiving
from controlroom.tui.acts.targets import what
from controlroom.tui.acts.verbs import VERBS
from controlroom.tui.rows import Subject, SubjectKind

if TYPE_CHECKING:
    from controlroom.tui.acts.acting import Acting

Begin = Callable[["Acting", Sequence[Subject]], None]
"""Begins an action on subjects that are all of a kind it knows; there is at least one."""

ELSEWHERE: Mapping[str, Mapping[SubjectKind, Begin]] = {
    "alert.silence": {
        "alert": alerting.silence,
        "family": alerting.silence,
        "silence": alerting.end,
    },
    "blocker.assign": {"alert": alerting.assign, "family": alerting.assign},
    "signal.accept": {"signal": waiving.accept},
    "signal.waive": {"signal": waiving.waive},
    "box.tick": {"box": ticking.tick, "ritual": ticking.choose},
}

DOING: Mapping[str, str] = {
    "alert.silence": "silence",
    "signal.accept": "take another name for",
    "box.tick": "tick",
}
"""As in "cannot … this", for actions that no verb of the triage log goes by."""


def begins(name: str, subjects: Sequence[Subject]) -> Begin | str | None:
    """Who does the action `name` to `subjects`, or why nobody does; None where it is one of triage."""
    known = ELSEWHERE.get(name, {})
    found = {known.get(subject.kind) for subject in subjects}
    if len(found) == 1 and (begin := found.pop()) is not None:
        return begin
    if name in VERBS:
        return None
    doing = DOING.get(name, "do that to")
    return f"cannot {doing} {what(subjects[0])}" if subjects else f"nothing here to {doing}"
