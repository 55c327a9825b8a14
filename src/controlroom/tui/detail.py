"""Everything the room knows about one thing: facts, history, who is affected, links, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.details import (
    alerts,
    benchmarks,
    blockers,
    boxes,
    programme,
    services,
    signals,
    systems,
    waiting,
    work,
)
from controlroom.tui.details.base import Detail, Link, Sheet
from controlroom.tui.rows import Subject, SubjectKind, View

__all__ = ["Detail", "Link", "describe"]

Write = Callable[[Sheet, str], bool]

WRITERS: Mapping[SubjectKind, Write] = {
    "service": services.service,
    "dependency": systems.dependency,
    "source": systems.source,
    "item": work.item,
    "blocker": blockers.blocker,
    "squad": work.squad,
    "signal": signals.signal,
    "gate": signals.gate,
    "benchmark": benchmarks.benchmark,
    "alert": alerts.alert,
    "family": alerts.family,
    "silence": alerts.silence,
    "watchdog": alerts.watchdog,
    "wave": programme.wave,
    "milestone": programme.milestone,
    "ritual": programme.ritual,
    "change": programme.change,
    "edge": waiting.edge,
    "box": boxes.box,
    "lint": programme.lint,
    "document": programme.document,
}


GONE: Mapping[str, str] = {
    "lint": "No longer there: what it told of was mended, or is gone itself.",
    "edge": "No longer there: nobody waits there now.",
    "alert": "No longer there: it does not fire any more, or its Alertmanager has forgotten it.",
    "family": "No longer there: none of them fires any more.",
    "silence": "No longer there: it has ended.",
    "box": "No longer there: its ritual, or its holding, is gone.",
    "": "No longer there: it was renamed, removed, or its source says nothing of it now.",
}
"""What is said of a subject that is not there any more, by its kind."""


def _name(subject: Subject) -> str:
    """What is left of it: its kind and id. A finding's id names its rule first."""
    if subject.kind == "lint":
        rule, _, rest = subject.id.partition("|")
        return f"{rule} {rest.rpartition('|')[2]}".strip()
    return f"{subject.kind} {subject.id}".strip()


def describe(snapshot: Snapshot, subject: Subject, now: datetime, view: View) -> Detail:
    """The detail of `subject` at `now`; of something that is gone, that it is."""
    sheet = Sheet(snapshot, now, view)
    if not WRITERS[subject.kind](sheet, subject.id):
        sheet = Sheet(snapshot, now, view, title=_name(subject))
        sheet.say(GONE.get(subject.kind, GONE[""]))
    return sheet.done()
