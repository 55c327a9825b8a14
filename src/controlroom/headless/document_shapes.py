"""The JSON shape of what documents say, as `documents read --json` prints it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from controlroom.domain.documents import (
    Document,
    DocumentItem,
    DocumentNote,
    DocumentRitual,
    DocumentSprint,
    DocumentWave,
)

Json = dict[str, Any]


def as_json(documents: Iterable[Document]) -> Json:
    """``{"documents": [...]}`` with dates as ``YYYY-MM-DD``, ready for `json.dumps`."""
    return {"documents": [document_json(document) for document in documents]}


def document_json(document: Document) -> Json:
    """One document. Every list is there, empty where the document has nothing of its kind."""
    return {
        "path": document.path,
        "kind": document.kind,
        "title": document.title,
        "banner": document.banner,
        "start": _date(document.start),
        "as_of": _date(document.as_of),
        "squad": document.squad,
        "mission": document.mission,
        "waves": [_wave(wave) for wave in document.waves],
        "squads": [
            {
                "name": squad.name,
                "charter": squad.charter,
                "focus": dict(squad.focus),
                "signals": squad.signals,
                "owners": list(squad.owners),
                "extra": dict(squad.extra),
                "line": squad.line,
            }
            for squad in document.squads
        ],
        "dependencies": [
            {"name": one.name, "text": one.text, "owner": one.owner, "line": one.line}
            for one in document.dependencies
        ],
        "milestones": [
            {
                "label": one.label,
                "date": _date(one.date),
                "text": one.text,
                "section": one.section,
                "line": one.line,
            }
            for one in document.milestones
        ],
        "rituals": [_ritual(ritual) for ritual in document.rituals],
        "steps": [{"state": one.state, "text": one.text, "line": one.line} for one in document.steps],
        "items": [_item(item) for item in document.items],
        "sprints": [_sprint(sprint) for sprint in document.sprints],
        "checklists": [
            {
                "section": one.section,
                "items": [
                    {"done": check.done, "text": check.text, "line": check.line} for check in one.items
                ],
                "line": one.line,
            }
            for one in document.checklists
        ],
        "alignments": _notes(document.alignments),
        "gates": _notes(document.gates),
        "risks": _notes(document.risks),
        "blockers": _notes(document.blockers),
        "metrics": list(document.metrics),
        "topics": list(document.topics),
        "unread": _notes(document.unread),
        "prose": _notes(document.prose),
        "lints": [
            {
                "code": lint.code,
                "line": lint.line,
                "message": lint.message,
                "severity": lint.severity,
                "subject": lint.subject,
            }
            for lint in document.lints
        ],
    }


def _date(date: dt.date | None) -> str | None:
    return date.isoformat() if date else None


def _wave(wave: DocumentWave) -> Json:
    declared = wave.declared
    return {
        "id": wave.id,
        "name": wave.name,
        "weeks": list(wave.weeks) if wave.weeks else None,
        "start": _date(wave.start),
        "end": _date(wave.end),
        "squads": list(wave.squads),
        "declared": {
            "text": declared.text if declared else "",
            "state": declared.state if declared else None,
        },
        "design": wave.design,
        "text": wave.text,
        "line": wave.line,
    }


def _ritual(ritual: DocumentRitual) -> Json:
    return {
        "name": ritual.name,
        "days": ritual.days if ritual.days == "daily" else list(ritual.days),
        "time": ritual.time,
        "zone": ritual.zone,
        "all_day": ritual.all_day,
        "minutes": ritual.minutes,
        "scenarios": {str(week): scenario for week, scenario in sorted(ritual.scenarios.items())},
        "text": ritual.text,
        "line": ritual.line,
    }


def _item(item: DocumentItem) -> Json:
    return {
        "id": item.id,
        "sprint": item.sprint,
        "sprint_id": item.sprint_id,
        "epic": item.epic,
        "tasks": item.tasks,
        "owner": item.owner,
        "owners": list(item.owners),
        "status": item.status,
        "progress": item.progress,
        "status_text": item.status_text,
        "squad": item.squad,
        "tags": list(item.tags),
        "owning_squad": item.owning_squad,
        "blocking_squad": item.blocking_squad,
        "due": _date(item.due),
        "extra": dict(item.extra),
        "line": item.line,
    }


def _sprint(sprint: DocumentSprint) -> Json:
    return {
        "id": sprint.id,
        "name": sprint.name,
        "start": _date(sprint.start),
        "end": _date(sprint.end),
        "wave": sprint.wave,
        "squads": list(sprint.squads),
        "line": sprint.line,
    }


def _notes(notes: Sequence[DocumentNote]) -> list[Json]:
    return [{"name": note.name, "text": note.text, "line": note.line} for note in notes]
