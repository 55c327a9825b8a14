"""`controlroom documents read`: what the squads' documents say, with the line of everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from controlroom.domain.documents import Document, DocumentNote, DocumentRitual, DocumentWave

_NOTES = ("alignments", "gates", "risks", "blockers", "unread", "prose")


def as_json(documents: Iterable[Document]) -> dict[str, Any]:
    """The document of `documents read --json`; lists that are empty are there, empty."""
    return {"documents": [_document(document) for document in documents]}


def _document(document: Document) -> dict[str, Any]:
    return {
        "path": document.path,
        "kind": document.kind,
        "title": document.title,
        "banner": document.banner,
        "start": document.start.isoformat() if document.start else None,
        "as_of": document.as_of.isoformat() if document.as_of else None,
        "squad": document.squad,
        "mission": document.mission,
        "waves": [_wave(wave) for wave in document.waves],
        "squads": [
            {
                "name": squad.name,
                "charter": squad.charter,
                "focus": dict(squad.focus),
                "signals": squad.signals,
                "line": squad.line,
            }
            for squad in document.squads
        ],
        "dependencies": [{"name": d.name, "text": d.text, "line": d.line} for d in document.dependencies],
        "milestones": [
            {
                "label": milestone.label,
                "date": milestone.date.isoformat() if milestone.date else None,
                "text": milestone.text,
                "section": milestone.section,
                "line": milestone.line,
            }
            for milestone in document.milestones
        ],
        "rituals": [_ritual(ritual) for ritual in document.rituals],
        "steps": [{"state": step.state, "text": step.text, "line": step.line} for step in document.steps],
        "items": [
            {
                "id": item.id,
                "sprint": item.sprint,
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
                "due": item.due.isoformat() if item.due else None,
                "line": item.line,
            }
            for item in document.items
        ],
        "sprints": [
            {
                "id": sprint.id,
                "name": sprint.name,
                "start": sprint.start.isoformat() if sprint.start else None,
                "end": sprint.end.isoformat() if sprint.end else None,
                "wave": sprint.wave,
                "squads": list(sprint.squads),
                "line": sprint.line,
            }
            for sprint in document.sprints
        ],
        "checklists": [
            {
                "section": checklist.section,
                "line": checklist.line,
                "items": [
                    {"done": check.done, "text": check.text, "line": check.line} for check in checklist.items
                ],
            }
            for checklist in document.checklists
        ],
        **{name: [_note(note) for note in getattr(document, name)] for name in _NOTES},
        "metrics": list(document.metrics),
        "topics": list(document.topics),
        "lints": [
            {"code": lint.code, "severity": lint.severity, "line": lint.line, "message": lint.message}
            for lint in document.lints
        ],
    }


def _wave(wave: DocumentWave) -> dict[str, Any]:
    return {
        "id": wave.id,
        "name": wave.name,
        "weeks": list(wave.weeks) if wave.weeks else None,
        "start": wave.start.isoformat() if wave.start else None,
        "end": wave.end.isoformat() if wave.end else None,
        "squads": list(wave.squads),
        "declared": {
            "text": wave.declared.text if wave.declared else None,
            "state": wave.declared.state if wave.declared else None,
        },
        "design": wave.design,
        "text": wave.text,
        "line": wave.line,
    }


def _ritual(ritual: DocumentRitual) -> dict[str, Any]:
    return {
        "name": ritual.name,
        "days": ritual.days if isinstance(ritual.days, str) else list(ritual.days),
        "time": ritual.time,
        "zone": ritual.zone,
        "all_day": ritual.all_day,
        "minutes": ritual.minutes,
        "scenarios": {str(week): scenario for week, scenario in sorted(ritual.scenarios.items())},
        "text": ritual.text,
        "line": ritual.line,
    }


def _note(note: DocumentNote) -> Mapping[str, Any]:
    return {"name": note.name, "text": note.text, "line": note.line}


def as_text(documents: Sequence[Document]) -> str:
    """Each document with everything it says, a line per statement, its line number first."""
    return "\n".join("".join(f"{line}\n" for line in _lines(document)) for document in documents)


def _lines(document: Document) -> Iterator[str]:
    yield f"{document.path}: {document.kind} · {document.title or 'no title'}"
    if document.start:
        yield f"  the programme starts on {document.start}"
    for heading, statements in _sections(document):
        if statements:
            yield f"  {heading} ({len(statements)})"
            for line, text in statements:
                yield f"  {line or '?':>5}  {text}"


def _sections(document: Document) -> Iterator[tuple[str, Sequence[tuple[int | None, str]]]]:
    yield "waves", [(w.line, _wave_text(w)) for w in document.waves]
    yield "squads", [(s.line, " · ".join((s.name, *s.focus.values()))) for s in document.squads]
    yield "dependencies", [(d.line, f"{d.name}: {d.text}") for d in document.dependencies]
    yield (
        "milestones",
        [(m.line, f"{m.date or 'no date'} {m.label or ''} · {m.text}") for m in document.milestones],
    )
    yield "rituals", [(r.line, _ritual_text(r)) for r in document.rituals]
    yield "steps", [(s.line, f"{s.state.replace('_', ' ')} · {s.text}") for s in document.steps]
    yield (
        "items",
        [
            (i.line, f"{i.id} · {i.status.replace('_', ' ')} · {i.owner or 'no owner'}")
            for i in document.items
        ],
    )
    for checklist in document.checklists:
        boxes = [(c.line, f"[{'x' if c.done else ' '}] {c.text}") for c in checklist.items]
        yield f"checklist {checklist.section}".rstrip(), boxes
    for name in _NOTES:
        notes: Sequence[DocumentNote] = getattr(document, name)
        yield name, [(n.line, ": ".join(part for part in (n.name, n.text) if part)) for n in notes]
    if document.metrics:
        yield "metrics", [(None, metric) for metric in document.metrics]
    yield "lints", [(lint.line, f"{lint.code} {lint.message}") for lint in document.lints]


def _wave_text(wave: DocumentWave) -> str:
    when = f"{wave.start or '?'} → {wave.end or '?'}" if wave.start or wave.end else "no dates"
    squads = ", ".join(wave.squads)
    declared = f"declared: {wave.declared.text}" if wave.declared else ""
    return " · ".join(part for part in (wave.name, when, squads, declared) if part)


def _ritual_text(ritual: DocumentRitual) -> str:
    days = ritual.days if isinstance(ritual.days, str) else "/".join(ritual.days)
    when = "all day" if ritual.all_day else f"{ritual.time or 'no time'} {ritual.zone or ''}".rstrip()
    scenarios = ", ".join(f"week {week}: {text}" for week, text in sorted(ritual.scenarios.items()))
    return " · ".join(part for part in (ritual.name, f"{days} {when}", scenarios) if part)
