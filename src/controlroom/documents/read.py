"""Reads the squads' Markdown by structure (domain rules, Reading the squads' documents).

What is understood becomes values with their line; what is odd becomes a lint; what stands where something
was expected but cannot be read is kept verbatim in `unread`, everything else in `prose`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from controlroom.documents import blocks, names
from controlroom.documents.dates import dates_in, wrong_weekdays
from controlroom.documents.inline import plain
from controlroom.documents.items import lint_duplicates
from controlroom.documents.outline import Code, Outline, outline
from controlroom.documents.page import Page, joined, sprint_id, sprint_name
from controlroom.documents.roles import final_kind, title_kind
from controlroom.documents.start import named_start
from controlroom.documents.times import zone_in
from controlroom.domain.calendar import CalendarRules
from controlroom.domain.documents import Document, DocumentKind, DocumentSprint
from controlroom.domain.frozen import dataclass
from controlroom.domain.lints import Lint

DEFAULT_RULES = CalendarRules()

HEAD_LINES = 50
"""Lines in which a banner at the top ends."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before a document is read: from configuration, or from the other documents."""

    start: dt.date | None = None
    banner: str = ""
    rules: CalendarRules = DEFAULT_RULES
    squads: tuple[str, ...] = ()


def read(
    text: str,
    path: str,
    *,
    start: dt.date | None = None,
    banner: str = "",
    rules: CalendarRules = DEFAULT_RULES,
) -> Document:
    """What the document `text` says; `path` is only shown.

    `start` is the programme's first day, which turns "Week 2 Day 5" into a date; without it the document's
    own is used, if it names one. With a `banner`, a document that lacks it gets lint D001.

    Raises ValueError, with the remedy, for a text that is too long to be a document.
    """
    return read_outline(outline(text), path, Known(start, banner, rules))


def read_all(
    files: Sequence[tuple[str, str]],
    *,
    start: dt.date | None = None,
    banner: str = "",
    rules: CalendarRules = DEFAULT_RULES,
) -> tuple[Document, ...]:
    """Several documents, as (path, text), that serve one another: the programme start that one names
    dates the labels of all, and the squads that one lists are recognised by all.

    Raises ValueError as `read` does, naming the path.
    """
    outlines = []
    for path, text in files:
        try:
            outlines.append((path, outline(text)))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    known = Known(start, banner, rules)
    first = [read_outline(one, path, known) for path, one in outlines]
    shared = share(first, known)
    if shared == known:
        return tuple(first)
    return tuple(read_outline(one, path, shared) for path, one in outlines)


def share(documents: Iterable[Document], known: Known) -> Known:
    """`known` with what `documents` can tell one another: the programme start and the squads' names."""
    by_kind = sorted(documents, key=lambda document: document.kind != "schedule")
    start = known.start or next((document.start for document in by_kind if document.start), None)
    squads = dict.fromkeys((*known.squads, *(squad.name for d in by_kind for squad in d.squads)))
    return replace(known, start=start, squads=tuple(squads))


def read_outline(text: Outline, path: str, known: Known) -> Document:
    """As `read`, of a text whose outline has been made; `known` may hold what other documents say."""
    return read_page(text, path, known)[0]


def read_page(text: Outline, path: str, known: Known) -> tuple[Document, Page]:
    """As `read_outline`, with the page it was read on: where everything stands."""
    kind = title_kind(text, path)
    anchor = _anchor(text, path, known.start)
    draft = blocks.fill(Page(path, kind, None, anchor, known.rules, known.squads, draft=True), text)
    kind = draft.kind = final_kind(kind, draft, _as_of(text, path, "status", anchor) is not None)
    own = named_start(text, draft)
    start = known.start or own
    squads = tuple(dict.fromkeys((*known.squads, *(squad.name for squad in draft.squads))))
    page = Page(path, kind, start, start or anchor, known.rules, squads)
    page.zone = _zone(text)
    sprint = _sprint(text, page) if kind == "sprint" else None
    if sprint is not None:
        page.sprints.append(sprint)
        page.sprint_start = sprint.start
    blocks.fill(page, text)
    lint_duplicates(page)
    metrics, topics = names.names_in(text.sections)
    present = _has_banner(text, known.banner)
    lints = [*page.lints, *_weekdays(text, page)]
    if known.banner and not present:
        message = "the banner is missing: put [program].banner at the top"
        lints.append(Lint("D001", message, path=path, line=1))
    document = Document(
        path=path,
        kind=kind,
        title=plain(text.title) or plain(text.front.get("title", "")),
        banner=present,
        start=own,
        as_of=_as_of(text, path, kind, page.anchor),
        squad=_squad(text) if kind == "charter" else None,
        mission=joined(page.mission),
        waves=tuple(page.waves),
        squads=tuple(page.squads),
        dependencies=tuple(page.dependencies),
        milestones=tuple(page.milestones),
        rituals=tuple(page.rituals),
        steps=tuple(page.steps),
        items=tuple(page.items),
        checklists=page.all_checklists(),
        alignments=tuple(page.alignments),
        gates=tuple(page.gates),
        risks=tuple(page.risks),
        blockers=tuple(page.blockers),
        metrics=metrics,
        topics=topics,
        unread=tuple(page.unread),
        lints=tuple(sorted(lints, key=lambda lint: (lint.line or 0, lint.code))),
        sprints=tuple(page.sprints),
        prose=tuple(page.prose),
        banner_text=text.before.split("\n\n")[0] if text.title else "",
    )
    return document, page


def _anchor(text: Outline, path: str, start: dt.date | None) -> dt.date | None:
    """The day that dates without a year lie near: the programme's first, else the first full date."""
    if start is not None:
        return start
    for line in (*text.front.values(), text.title, *text.lines, PurePosixPath(path).name):
        for found in dates_in(line, None):
            if found.date is not None:
                return found.date
    return None


_AS_OF = re.compile(r"^(?:as of|date|report date|status date|(?:last )?updated|for)$", re.IGNORECASE)


def _as_of(text: Outline, path: str, kind: DocumentKind, anchor: dt.date | None) -> dt.date | None:
    """The day a report speaks of; for other documents only where they say so."""
    fields = blocks.head_fields(text)
    said = [value for name, value in {**text.front, **fields}.items() if _AS_OF.match(name)]
    sources = [text.title, *said, PurePosixPath(path).name] if kind == "status" else said
    found = (one.date for source in sources for one in dates_in(plain(source), anchor) if one.date)
    return next(found, None)


_ALL_TIMES = re.compile(r"\ball times\b[^.\n]{0,40}", re.IGNORECASE)


def _zone(text: Outline) -> str | None:
    """The zone of "All times are PT", wherever the document says so."""
    said = (found[0] for line in text.lines for found in _ALL_TIMES.finditer(line))
    return next((zone for part in said if (zone := zone_in(part))), None)


def _has_banner(text: Outline, banner: str) -> bool:
    """Whether `banner` stands before the first heading, or, without one, anything at all does."""
    wanted = " ".join(banner.split())
    if wanted:
        # A banner may be a heading itself, or several; then nothing stands before the first one.
        start = " ".join(" ".join(text.lines[:HEAD_LINES]).split())
        return wanted in " ".join(text.before.split()) or start.startswith(wanted)
    return bool(text.title) and bool(text.before)


def _squad(text: Outline) -> str | None:
    """The squad in a charter's title: ``Squad Charter — Payments``, ``Payments Squad Charter``."""
    title = re.sub(r"^\W+", "", plain(text.title))
    parts = [part for part in re.split(r"\s+[—–|-]+\s+|:\s+", title) if part]
    named = [
        part for part in parts if not re.fullmatch(r"(?:squad|team|crew)?\s*charter", part, re.IGNORECASE)
    ]
    name = named[0] if named else ""
    name = re.sub(
        r"\s*\b(?:(?:squad|team|crew)\s+)?charter\b\s*(?:for|of)?\s*(?:the\b)?\s*",
        " ",
        name,
        flags=re.IGNORECASE,
    )
    return (
        re.sub(r"^(?:the|squad|team)\s+|\s+(?:squad|team|crew)$", "", name.strip(), flags=re.IGNORECASE)
        or None
    )


def _sprint(text: Outline, page: Page) -> DocumentSprint | None:
    """The sprint that a sprint's own document is about, its dates from its first lines or front matter."""
    title = plain(text.title) or plain(text.front.get("title", ""))
    source = title if sprint_id(title) else PurePosixPath(page.path).stem
    id_, _ = page.sprint(source)
    fields = {**text.front, **blocks.head_fields(text)}
    return blocks.sprint_of_fields(page, (id_, sprint_name(source) or source), fields, line=1)


def _weekdays(text: Outline, page: Page) -> list[Lint]:
    """C001 for every weekday that stands beside a date of another, outside of code."""
    code = [b for section in text.sections for b in section.blocks if isinstance(b, Code)]
    quiet = {n for block in code for n in range(block.line, block.line + block.text.count("\n") + 3)}
    return [
        Lint("C001", f"{date} is a {right}, not {said}; check which is meant", path=page.path, line=number)
        for number, line in enumerate(text.lines, 1)
        if number not in quiet and len(line) < 20_000
        for said, date, right in wrong_weekdays(line.replace("*", ""), page.anchor)
    ]
