"""Entries of lists: checkboxes, steps, dependencies and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controlroom.documents.inline import keyed, plain, unmarked
from controlroom.documents.outline import Entry, Section
from controlroom.documents.page import Page, below, find_names, joined, whole
from controlroom.documents.roles import Role
from controlroom.domain.board import Status
from controlroom.domain.documents import DocumentCheck, DocumentDependency, DocumentNote, DocumentStep
from controlroom.domain.status_text import read_status

_CHECKLIST = re.compile(r"\bcheck-?\s?lists?\b", re.IGNORECASE)
_GENERIC = re.compile(
    r"^(?:risks?|mitigations?|gates?|blockers?|notes?|dependenc(?:y|ies)|issues?)$", re.IGNORECASE
)
_DIRECTION = re.compile(
    r"^(?:incoming|outgoing|internal|external|up-?stream|down-?stream)\b[^:]*:?$", re.IGNORECASE
)
_NOTHING = re.compile(
    r"^(?:none|nothing|no (?:open |known |active )?\w+|n/?a|nil)\b[^:]{0,40}$", re.IGNORECASE
)
_STATE = re.compile(
    r"^[\s\W]*(?:not[\s_-]*started|to-?\s?do|planned|in[\s_-]*progress|wip|blocked|waiting[\s_-]+on\s*\S*|completed?"
    r"|done|merged|[0-9]{1,3}\s*%(?:\s*(?:done|completed?))?)[\s\W]*$",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"(?:\s*\(([^()]{2,30})\)|\s[–—-]\s+([^–—()]{2,30}))\.?\s*$")
_MANAGED = re.compile(
    r"\b(?:(?:managed|provisioned|owned|operated|maintained|run|hosted)\s+by|owner\s*:)\s+(?:the\s+)?"
    r"([^;.,()]{2,60})",
    re.IGNORECASE,
)


def is_status(text: str) -> bool:
    """Whether `text` is a status and nothing else, such as ``DONE``, ``🟧 In Progress`` or ``60%``."""
    return bool(_STATE.match(text))


def boxed(entry: Entry) -> bool:
    """Whether the entry or one below it has a checkbox."""
    return entry.box is not None or any(map(boxed, entry.children))


def is_checklist(section: Section) -> bool:
    """Whether a heading calls what follows a checklist, so that entries without a box count as well."""
    return any(_CHECKLIST.search(title) for title in (section.title, *section.parents))


def read_checks(page: Page, section: Section, entry: Entry, *, all_count: bool) -> bool:
    """Take checkboxes (with `all_count`, plain entries too); False where there is none."""
    if not boxed(entry) and not all_count:
        return False
    title, line = _list_heading(section)
    for check in _checks(entry, all_count=all_count):
        page.check(title, line, check)
    return True


def _list_heading(section: Section) -> tuple[str, int]:
    return section.title, section.line


def _checks(entry: Entry, *, all_count: bool) -> Iterator[DocumentCheck]:
    """One per box; what stands below without a box of its own belongs to the text above it."""
    boxes = [child for child in entry.children if boxed(child)]
    rest = [whole(child) for child in entry.children if not boxed(child)]
    if entry.box is not None or all_count or not boxes:
        text = unmarked(joined([entry.text, *rest]))
        yield DocumentCheck(bool(entry.box), text, entry.line)
    for child in boxes:
        yield from _checks(child, all_count=False)


def read_step(page: Page, entry: Entry, *, sure: bool) -> bool:
    """Take `entry` for a step. Outside of a section about steps it must begin with its state in words."""
    state, text = step_state(entry, sure=sure)
    if state is None and not sure:
        return False
    cut = keyed(entry.text)
    if state is None and entry.children and not cut.text:
        for child in entry.children:
            inner, said = step_state(child, sure=True)
            prefix = cut.key or unmarked(entry.text)
            page.steps.append(
                DocumentStep(inner or "unknown", f"{prefix}: {joined([said, *below(child)])}", child.line)
            )
        return True
    page.steps.append(DocumentStep(state or "unknown", joined([text, *below(entry)]), entry.line))
    return True


def step_state(entry: Entry, *, sure: bool) -> tuple[Status | None, str]:
    """The state an entry declares, and its text without it. None where it declares none."""
    cut = keyed(entry.text)
    if cut.key and cut.text and is_status(cut.key):
        return read_status(f"{cut.mark} {cut.key}").status, cut.text
    if not sure:
        return None, unmarked(entry.text)
    if entry.box is not None:
        return ("done" if entry.box else "not_started"), unmarked(entry.text)
    text = unmarked(entry.text)
    tail = _TRAILING.search(text)
    if tail and is_status(said := tail[1] or tail[2]):
        return read_status(said).status, text[: tail.start()].strip()
    if cut.mark and (state := read_status(cut.mark).status) != "unknown":
        return state, text[len(cut.mark) :].strip()
    return None, text


def read_note(page: Page, entry: Entry, role: Role | None) -> bool:
    """Take `entry` for a note of the section's role."""
    cut = keyed(entry.text)
    if role == "dependencies" and entry.children and _DIRECTION.match(cut.key or unmarked(entry.text)):
        read = [read_note(page, child, role) for child in entry.children]
        return all(read)
    name, text = cut.key, joined([cut.text, *below(entry)])
    if not name or _GENERIC.match(name):
        said = text or unmarked(entry.text)
        name = plain(re.split(r"\s(?:→|->|=>)\s", said, maxsplit=1)[0])
        text = said if cut.key else joined([unmarked(entry.text), *below(entry)])
    return add_note(page, role, name, text, entry.line)


def add_note(page: Page, role: Role | None, name: str, text: str, line: int) -> bool:
    """Put a note where its role keeps it; False where the role keeps none."""
    name = name or text
    if not name:
        return False
    if _NOTHING.match(name) and role in {"blockers", "risks", "dependencies"} and (not text or text == name):
        return True
    if role == "dependencies":
        page.dependencies.append(DocumentDependency(name, text, line, _owner(page, f"{name}: {text}")))
        return True
    kept = {
        "alignments": page.alignments,
        "gates": page.gates,
        "risks": page.risks,
        "blockers": page.blockers,
    }
    if role not in kept:
        return False
    kept[role].append(DocumentNote(name, text, line))
    return True


def _owner(page: Page, text: str) -> str | None:
    """The one known squad that is said to manage it."""
    named: set[str] = set()
    for found in _MANAGED.finditer(text):
        who = re.sub(r"\b(?:squad|team|crew)s?\b.*$", "", found[1], flags=re.IGNORECASE).strip()
        named.update(find_names(page.squad_names, found[1]) or _by_word(page.squad_names, who))
    return named.pop() if len(named) == 1 else None


def _by_word(names: tuple[str, ...], who: str) -> list[str]:
    """The squad that alone has all the words of `who` in its name."""
    words = set(re.findall(r"\w+", who.casefold()))
    found = [name for name in names if words and words <= set(re.findall(r"\w+", name.casefold()))]
    return found if len(found) == 1 else []
