"""`controlroom documents read`: what the squads' documents say, with the line of everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controlroom.domain.documents import Document, DocumentNote, DocumentRitual, DocumentWave

_NOTES = ("alignments", "gates", "risks", "blockers", "unread", "prose")


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
