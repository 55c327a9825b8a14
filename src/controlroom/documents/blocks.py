"""Takes the blocks of every section for what the section is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from controlroom.documents import items, lists, milestones, rituals, waves
from controlroom.documents.dates import labels_in, range_in
from controlroom.documents.inline import keyed, link_target, plain, unmarked, without_links
from controlroom.documents.outline import Block, Code, Entry, Listing, Outline, Paragraph, Section, Table
from controlroom.documents.page import Page, joined, sprint_id, sprint_name, whole
from controlroom.documents.roles import Role, role_of
from controlroom.documents.tables import read_table
from controlroom.domain.documents import DocumentSprint, DocumentSquad

_NOTES: tuple[Role, ...] = ("alignments", "gates", "risks", "blockers", "dependencies")
_RISK_KEYS = re.compile(
    r"^(?:risk|mitigation|owner|status|impact|likelihood|probability|severity|response|plan)s?$",
    re.IGNORECASE,
)
_SQUADS = re.compile(r"\b(?:squads?|teams?|crews?)\b", re.IGNORECASE)
_MITIGATION = re.compile(r"^(?:mitigations?|response|plan)$", re.IGNORECASE)


def fill(page: Page, text: Outline) -> Page:
    """Put everything `text` says into `page`."""
    title = next((section for section in text.sections if section.level == 1), None)
    for section in text.sections:
        if section.level == 0 and text.title:
            continue
        alone = len([s for s in text.sections if s.level]) <= 1
        role = None if section is title and not alone else role_of(section, page.kind)
        _section(page, section, role)
    return page


def _section(page: Page, section: Section, role: Role | None) -> None:
    blocks = section.blocks
    if section.level > 1 and _by_heading(page, section, role):
        blocks = tuple(block for block in blocks if isinstance(block, Table) or _apart(block))
    for block in blocks:
        if isinstance(block, Table):
            read_table(page, section, block, role)
        elif isinstance(block, Code):
            page.aside(section.title, block.text, block.line)
        elif isinstance(block, Paragraph):
            _paragraph(page, section, block, role)
        else:
            plain_count = role == "checklist" and lists.is_checklist(section) and not _has_boxes(block)
            for entry in block.entries:
                _entry(page, section, entry, role, plain_count)


def _apart(block: Block) -> bool:
    """Whether a block below a heading that was taken whole is still something of its own."""
    return _has_boxes(block) or (isinstance(block, Paragraph) and block.detached)


def _has_boxes(block: Block) -> bool:
    return isinstance(block, Listing) and any(map(lists.boxed, block.entries))


def _by_heading(page: Page, section: Section, role: Role | None) -> bool:
    """Whether the heading itself is a wave, milestone, ritual, risk or sprint, and what follows its text."""
    entries = [entry for block in section.blocks if isinstance(block, Listing) for entry in block.entries]
    texts = [unmarked(b.text) for b in section.blocks if isinstance(b, Paragraph) and not b.detached]
    texts += [unmarked(whole(entry)) for entry in entries]
    fields = fields_of(section)
    if sprint_id(section.title) and page.kind != "sprint":
        sprint = sprint_of_fields(
            page, (page.sprint(section.title)[0], sprint_name(section.title)), fields, section.line
        )
        if sprint is not None:
            page.sprints.append(sprint)
    if role == "waves" or (role is None and page.kind == "schedule"):
        return waves.read_heading(page, section, texts)
    if role == "milestones" and section.parents:
        own = [keyed(entry.text).key for entry in entries]
        return not any(map(labels_in, own)) and milestones.read_heading(page, section, texts)
    if role == "rituals" or (role is None and fields):
        return bool(fields) and rituals.read_heading(page, section, fields, texts)
    keys = [keyed(entry.text).key for entry in entries]
    one_risk = section.parents and any(map(_MITIGATION.match, keys)) and all(map(_RISK_KEYS.match, keys))
    if role == "risks" and one_risk:
        return lists.add_note(page, "risks", plain(section.title), joined(texts), section.line)
    return False


def fields_of(section: Section) -> dict[str, str]:
    """``**Key:** value`` lines and entries of a section, keys in lower case."""
    found: dict[str, str] = {}
    for block in section.blocks:
        texts = (
            [entry.text for entry in block.entries]
            if isinstance(block, Listing)
            else block.text.split("\n")
            if isinstance(block, Paragraph)
            else []
        )
        for text in texts:
            cut = keyed(text)
            if cut.bold and cut.text and len(cut.key) < 40:
                found.setdefault(cut.key.casefold(), cut.text)
    return found


def head_fields(text: Outline) -> dict[str, str]:
    """The fields right below the document's title."""
    head = [section for section in text.sections if section.level <= 1][:2]
    return {key: value for section in head for key, value in fields_of(section).items()}


def sprint_of_fields(
    page: Page, sprint: tuple[str, str], fields: Mapping[str, str], line: int
) -> DocumentSprint | None:
    """A sprint whose dates, wave or squads stand in `fields`; None where none of them do."""
    spans = [
        value for key, value in fields.items() if re.search(r"duration|dates?$|window|period|timeline", key)
    ]
    when = next((found for value in spans if (found := range_in(value, page.anchor))), None)
    if when is None and fields.get("start_date") and fields.get("end_date"):
        when = range_in(f"{fields['start_date']} → {fields['end_date']}", page.anchor)
    wave = fields.get("wave")
    named = " + ".join(value for key, value in fields.items() if re.search(r"\b(?:squads?|teams?)\b", key))
    if when is None and not wave and not named:
        return None
    start, end = (when[0], when[1]) if when and when[0] < when[1] else (None, None)
    text = "; ".join(f"{key}: {value}" for key, value in fields.items())
    squads = page.squads_in(named) or (() if page.squad_names else tuple(filter(None, named.split(" + "))))
    return DocumentSprint(sprint[0], sprint[1], start, end, line, wave, squads, text)


def _paragraph(page: Page, section: Section, block: Paragraph, role: Role | None) -> None:
    if block.detached:
        role = None
    if role == "mission":
        page.mission.append(unmarked(block.text))
        return
    lines = block.text.split("\n")
    if not all(keyed(line).bold for line in lines):
        lines = [block.text]
    for offset, line in enumerate(lines):
        entry = Entry(line, block.line + offset)
        if keyed(line).bold:
            # Below steps a paragraph is a remark unless it has the form of a step itself.
            by_role = role != "steps" and _by_role(page, section, entry, role)
            if by_role or _by_form(page, section, entry):
                continue
        keep = page.not_read if role in {"waves", "milestones", "rituals", *_NOTES} else page.aside
        keep(section.title, line, block.line + offset)


def _entry(page: Page, section: Section, entry: Entry, role: Role | None, plain_count: bool) -> None:
    if role == "mission":
        page.mission.append(unmarked(whole(entry)))
    elif plain_count:
        lists.read_checks(page, section, entry, all_count=True)
    elif not (_by_role(page, section, entry, role) or _by_form(page, section, entry)):
        keep = page.aside if role in {None, "sprints", "board"} else page.not_read
        if not entry.children or role in {None, "sprints", "board"}:
            keep(section.title, whole(entry), entry.line)
            return
        # What cannot be read itself may still head a list of what can.
        before = len(page.unread)
        inner = replace(section, title=entry.text, parents=(*section.parents, section.title))
        for child in entry.children:
            _entry(page, inner, child, role, plain_count)
        if len(page.unread) - before == len(entry.children):
            keep(section.title, entry.text, entry.line)


def _by_role(page: Page, section: Section, entry: Entry, role: Role | None) -> bool:
    """Take an entry for what its section is about."""
    if role in _NOTES:
        if lists.boxed(entry):
            lists.read_checks(page, section, entry, all_count=False)
        return lists.read_note(page, entry, role)
    if role == "waves" or (role is None and page.kind == "schedule" and waves.spans_weeks(entry.text)):
        return waves.read_wave(page, entry)
    if role == "milestones":
        return milestones.read_milestone(page, entry, section)
    if role == "rituals":
        return rituals.read_ritual(page, entry, section, sure=True)
    if role == "steps":
        return lists.read_step(page, entry, sure=True)
    if page.kind == "backlog" and (role == "board" or items.under_sprint(section)):
        return items.read_entry(page, section, entry)
    return role == "squads" and page.kind != "charter" and entry.box is None and _squad(page, section, entry)


def _by_form(page: Page, section: Section, entry: Entry) -> bool:
    """Take an entry for what it looks like, wherever it stands."""
    if waves.looks_like_wave(page, entry.text):
        if page.kind == "charter":
            return lists.read_note(page, entry, "alignments")
        if page.kind in {"schedule", "unknown", "handbook"}:
            return waves.read_wave(page, entry)
    if lists.boxed(entry):
        return lists.read_checks(page, section, entry, all_count=False)
    cut = keyed(entry.text)
    if cut.bold and labels_in(cut.key):
        return milestones.read_milestone(page, entry, section)
    return rituals.read_ritual(page, entry, section, sure=False) or lists.read_step(page, entry, sure=False)


def _squad(page: Page, section: Section, entry: Entry) -> bool:
    """A squad in a list: a bold name, a link to a charter, or a name known from elsewhere."""
    cut = keyed(entry.text)
    link = link_target(entry.text)
    charter = link if link and re.search(r"\.(?:md|markdown)(?:#|$)", link) else None
    name = re.sub(r"\s+(?:squad|team|crew)$", "", cut.key or unmarked(entry.text), flags=re.IGNORECASE)
    called = cut.bold and _SQUADS.search(" ".join((section.title, *section.parents)))
    if not (charter or called or name in page.squad_names) or len(name) > 60:
        return False
    said = keyed(without_links(entry.text)).text.strip(" :–—-") if charter and cut.key else cut.text
    text = joined([said, *(unmarked(whole(child)) for child in entry.children)])
    known = next((n for n, squad in enumerate(page.squads) if squad.name == name), None)
    focus = {plain(section.title): text} if text else {}
    if known is None:
        page.squads.append(DocumentSquad(name, charter, focus, "", entry.line))
    else:
        old = page.squads[known]
        page.squads[known] = DocumentSquad(
            name, old.charter or charter, {**old.focus, **focus}, old.signals, old.line, old.extra, old.owners
        )
    return True
