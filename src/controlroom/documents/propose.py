"""A configuration drafted from the squads' documents: what they say, where they say it, nothing else."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections import Counter
from collections.abc import Sequence

from controlroom.documents import draft_services
from controlroom.documents.draft import Draft, is_zone
from controlroom.documents.draft_calendar import write_milestones, write_rituals, write_sprints, write_waves
from controlroom.documents.draft_squads import squads_of, write_squad
from controlroom.domain.documents import Document
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import slug


@dataclass(frozen=True, slots=True)
class Proposal:
    """A complete controlroom.toml, and line by line what was taken from where and what was not."""

    toml_text: str
    notes: tuple[str, ...]


def propose(documents: Sequence[Document], *, paths: Sequence[str] = ()) -> Proposal:
    """A configuration that says what `documents` say; `paths` is what `[documents].paths` gets.

    What the documents do not say is there as a comment, to be filled in by somebody who knows.
    """
    # A schedule names squads and rituals as the programme does, so it is asked first.
    ordered = sorted(documents, key=lambda document: document.kind != "schedule")
    draft = Draft(ordered)
    _program(draft)
    squads = squads_of(draft)
    write_waves(draft)
    write_sprints(draft)
    for squad in squads:
        write_squad(draft, squad)
    _dependencies(draft)
    write_milestones(draft)
    write_rituals(draft)
    draft_services.services(draft)
    _rest(draft, paths or [document.path for document in documents])
    _left_over(draft)
    return Proposal(draft.toml.text(), tuple(draft.notes))


def _program(draft: Draft) -> None:
    toml = draft.toml
    toml.comment(
        "Drafted by `controlroom init` from the documents listed under [documents].",
        "Nothing here is invented: what the documents do not say is commented out.",
        "`controlroom config check` says whether it is complete.",
    )
    toml.table("program")
    titled = next((d for d in draft.documents if d.kind == "schedule" and d.title), None)
    if titled is not None:
        title = re.split(r"\s+[—–|]\s+|:\s+", titled.title)[0].strip()
        toml.key("id", slug(title)[:40] or "programme")
        toml.key("title", title, f"title of {titled.path}")
        draft.took(titled, None, f"[program] title {title!r}")
    else:
        toml.key("id", "programme", off=True)
        draft.missing("[program] id and title")
    dated = next((d for d in draft.documents if d.start), None)
    if dated is not None and dated.start is not None:
        draft.start = dated.start
        toml.key("start", dated.start, "Week 1 Day 1")
        draft.took(dated, None, f"[program] start {dated.start}")
    else:
        toml.key("start", dt.date(2000, 1, 1), "Week 1 Day 1: no document names it", off=True)
        draft.missing("[program] start")
    _zone(draft)
    _banner(draft)
    toml.table("calendar")
    toml.key("day_rule", "calendar", 'or "workdays": which days "Day n" counts', off=True)
    toml.key("day8", "close", 'or "reject": what "Day 8" means', off=True)


def _zone(draft: Draft) -> None:
    rituals = [ritual for document in draft.documents for ritual in document.rituals]
    zones = Counter(ritual.zone for ritual in rituals if ritual.zone and is_zone(ritual.zone))
    if not zones:
        draft.toml.key("zone", "UTC", "IANA time zone: no document names one", off=True)
        draft.missing("[program] zone")
        return
    draft.zone, count = zones.most_common(1)[0]
    draft.toml.key("zone", draft.zone, f"of {count} rituals")
    where = next((d, r.line) for d in draft.documents for r in d.rituals if r.zone == draft.zone)
    draft.took(*where, f"[program] zone {draft.zone}")


def _banner(draft: Draft) -> None:
    texts = Counter(document.banner_text for document in draft.documents if document.banner_text)
    if not texts:
        return
    text, count = texts.most_common(1)[0]
    if len(draft.documents) > 1 and count == 1:
        draft.notes.append("no two documents begin with the same banner; [program].banner is left out")
        return
    draft.toml.key("banner", text)
    first = next(d for d in draft.documents if d.banner_text == text)
    draft.took(first, 1, f"[program] banner, as in {count} of {len(draft.documents)} documents")
    for other in draft.documents:
        if other.banner_text not in {text, ""}:
            draft.notes.append(f"{other.path}:1 begins with another banner; lint D001 will say so")


def _dependencies(draft: Draft) -> None:
    """The schedule's: those of a charter or a backlog are about one squad or sprint, and stay there."""
    seen: set[str] = set()
    for document in draft.documents:
        for one in document.dependencies if document.kind == "schedule" else ():
            if slug(one.name) in seen:
                continue
            seen.add(slug(one.name))
            draft.toml.table("[[dependencies]]")
            draft.toml.key("name", one.name)
            draft.toml.key("text", one.text)
            draft.toml.key("owner", one.owner)
            watched = [system.id for system in draft_services.systems_in(f"{one.name} {one.text}")]
            draft.toml.key("services", watched or ["…"], "ids of the services that watch it", off=True)
            draft.took(document, one.line, f"[[dependencies]] {one.name}")
    if not seen:
        draft.missing("[[dependencies]]")


def _rest(draft: Draft, paths: Sequence[str]) -> None:
    toml = draft.toml
    toml.table("documents")
    toml.key("paths", list(paths))
    toml.table("status")
    reports = [document for document in draft.documents if document.kind == "status"]
    folder = posixpath.dirname(reports[0].path) if reports else ""
    toml.key("dir", folder or "status", "folder of status JSON files", off=not folder)
    if folder:
        draft.took(reports[0], None, f"[status] dir {folder}, where the status reports are")
    toml.table("store")
    toml.key("url", "dir:log", 'the triage log: "dir:<folder>", or "redis://host:6379/0"', off=True)


def _left_over(draft: Draft) -> None:
    for document in draft.documents:
        for note in document.unread:
            draft.notes.append(f"{document.path}:{note.line} could not be read ({note.name}): {note.text}")
        if document.prose:
            lines = ", ".join(str(note.line) for note in document.prose[:12])
            more = f" and {len(document.prose) - 12} more" if len(document.prose) > 12 else ""
            draft.notes.append(f"{document.path}: prose left aside, lines {lines}{more}")
        for lint in document.lints:
            draft.notes.append(f"{document.path}:{lint.line} {lint.code} {lint.message}")
    draft.notes.append("nothing was invented: what the documents do not say is commented out")
