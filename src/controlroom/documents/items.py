"""Cards of a board, and the rows of a status report's dashboard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from controlroom.documents.dates import dates_in
from controlroom.documents.inline import keyed, plain, unmarked, verbatim
from controlroom.documents.lists import is_status
from controlroom.documents.outline import Entry, Section
from controlroom.documents.page import Page, Spot, below, joined, sprint_id, sprint_name
from controlroom.documents.proofs import proofs
from controlroom.documents.record import Record
from controlroom.documents.roles import Column
from controlroom.domain.documents import DocumentItem, DocumentNote
from controlroom.domain.status_text import BROKEN, read_owners, read_status, single_owner
from controlroom.domain.text import dashed, slug

_TAG = re.compile(r"\bcross[\s-](?:squad|stream|team)\b", re.IGNORECASE)
_COLUMNS: tuple[Column, ...] = (
    "sprint", "sprint_or_squad", "squad", "epic", "tasks", "owner", "status", "progress", "id", "tags",
    "owning", "blocking", "due", "proof",
)  # fmt: skip


def read_item(page: Page, section: Section, record: Record) -> bool:
    """Take a row for a card; False where nothing names it."""
    sprint, squad = _sprint_and_squad(page, section, record)
    epic, tasks, used = _epic_and_tasks(page, record)
    if not epic:
        return False
    extra = record.rest(used)
    due = next((found.date for found in dates_in(record.plain("due"), page.anchor)), None)
    if record.raw("due") and due is None:
        extra[plain(record.header[record.at("due") or 0])] = record.text("due")
    status_text = record.raw("status") or record.raw("progress")
    status = read_status(status_text)
    second = read_status(record.raw("progress")).progress if record.has("status") else None
    proof = record.at("proof")
    item = DocumentItem(
        id=record.plain("id") or "/".join(filter(None, (sprint and sprint[0], dashed(epic) or "item"))),
        sprint=sprint and sprint[1],
        epic=epic,
        tasks=tasks,
        owner=record.plain("owner"),
        owners=_owners(page, record.raw("owner")),
        status=status.status,
        progress=status.progress if second is None else second,
        status_text=verbatim(status_text),
        line=record.line,
        squad=squad,
        tags=_tags(record),
        owning_squad=_named(record.plain("owning")),
        blocking_squad=_named(record.plain("blocking")),
        due=due,
        sprint_id=sprint and sprint[0],
        extra=extra,
        proof=proofs(record.raw("proof"), *(cell for n, cell in enumerate(record.row.cells) if n != proof)),
    )
    page.items.append(item)
    at = record.at("progress") if record.at("status") is None else record.at("status")
    page.spots.append(Spot(record.line, status_text, record.table, record.row, at))
    _lint(page, item, status.lints)
    if record.raw("risk").strip():
        page.risks.append(DocumentNote(epic, record.text("risk"), record.line))
    return True


def _epic_and_tasks(page: Page, record: Record) -> tuple[str, str, set[int | None]]:
    """What names the card, what it is about, and the columns that this took.

    A row of a status report speaks of a sprint or a squad as a whole, one of a plain board of a task.
    """
    used = {record.at(column) for column in _COLUMNS}
    epic, tasks = record.plain("epic"), _said(record.text("tasks"))
    if epic:
        second = [n for n, column in enumerate(record.columns) if column == "epic"][1:2]
        if second and not record.has("tasks"):
            return epic, _said(unmarked(record.row.cells[second[0]])), {*used, *second}
        return epic, tasks, used
    sprint = record.raw("sprint") or record.raw("sprint_or_squad")
    whole = sprint_name(sprint) or plain(sprint) or record.plain("squad")
    if record.has("tasks") and page.kind != "status":
        return plain(record.raw("tasks")), "", used
    if not tasks and record.raw("focus"):
        return whole, _said(record.text("focus")), {*used, record.at("focus")}
    return whole, tasks, used


def _sprint_and_squad(
    page: Page, section: Section, record: Record
) -> tuple[tuple[str, str] | None, str | None]:
    """The sprint of a row (id, name), and its squad as written; without a column, the headings' sprint."""
    squad = record.plain("squad") or None
    text, both = record.plain("sprint"), record.plain("sprint_or_squad")
    if both and not text:
        known = page.squads_in(both)
        squad = squad or (known[0] if len(known) == 1 else None)
        text = both if sprint_id(both) or not known else ""
    if not text:
        text = next((t for t in (section.title, *reversed(section.parents)) if sprint_id(t)), "")
    if not text and page.kind == "sprint":
        text = next(iter(page.sprint_names.values()), "")
    return (page.sprint(text) if text else None), squad


def _owners(page: Page, cell: str) -> tuple[str, ...]:
    """Who a cell names; a known squad in parentheses after a name is where that person belongs."""
    known = {slug(name) for name in page.squad_names}
    cell = re.sub(r"\s*\(([^()]*)\)", lambda found: "" if slug(found[1]) in known else found[0], cell)
    return read_owners(cell)


def _said(text: str) -> str:
    """A cell's text; a lone dash says nothing."""
    return text if text.strip("-–— ") else ""


def under_sprint(section: Section) -> bool:
    """Whether a heading around `section` (or its own) names a sprint."""
    return any(sprint_id(title) for title in (section.title, *section.parents))


_OWNER = re.compile(
    r"[(\[]?\s*\bowners?\s*[:=]\s*(?P<owner>[^;|()\[\]]+?(?:\([^()]*\))?)(?=\s+[–—-]\s|[;|)\]]|$)[)\]]?",
    re.IGNORECASE,
)
_PART = re.compile(r"\s+[–—|-]{1,2}\s+|\s*;\s+|\s*:\s+")


def read_entry(page: Page, section: Section, entry: Entry) -> bool:
    """Take an entry of a board kept as a list, ``- [ ] **Epic** — Owner: Ada — 60%``, for a card.

    It must have a checkbox or a part that is nothing but a status.
    """
    owner = _OWNER.search(entry.text)
    text = _OWNER.sub(" — ", entry.text) if owner else entry.text
    parts = [part for part in map(str.strip, _PART.split(unmarked(text))) if part.strip("()[]—–- ")]
    status = next((part for part in parts[1:] if is_status(part)), "")
    box = "" if entry.box is None else "[x]" if entry.box else "[ ]"
    if not parts or not (status or box):
        return False
    named = next((t for t in (section.title, *reversed(section.parents)) if sprint_id(t)), "")
    sprint = page.sprint(named) if named else None
    said = read_status(status or box)
    epic = plain(keyed(text).key if keyed(text).bold else parts[0])
    tasks = joined([*(p for p in parts if p not in {status, epic} and plain(p) != epic), *below(entry)])
    who = owner["owner"].strip() if owner else ""
    item = DocumentItem(
        id="/".join(filter(None, (sprint and sprint[0], dashed(epic) or "item"))),
        sprint=sprint and sprint[1],
        epic=epic,
        tasks=tasks,
        owner=plain(who),
        owners=_owners(page, who),
        status=said.status,
        progress=said.progress,
        status_text=verbatim(status or box),
        line=entry.line,
        sprint_id=sprint and sprint[0],
        proof=proofs("", entry.text, *below(entry)),
    )
    page.items.append(item)
    page.spots.append(Spot(entry.line, status or box))
    _lint(page, item, said.lints)
    return True


def _tags(record: Record) -> tuple[str, ...]:
    listed = [tag.strip("` #") for tag in re.split(r"[,;\s]+", record.plain("tags")) if tag.strip("` #—-")]
    written = [
        re.sub(r"\s", "-", found[0].lower()) for cell in record.row.cells for found in _TAG.finditer(cell)
    ]
    return tuple(dict.fromkeys((*listed, *written)))


def _named(cell: str) -> str | None:
    text = cell.strip("—–- ")
    return text if text and text.casefold() not in {"none", "n/a", "na", "tbd", "?"} else None


def _lint(page: Page, item: DocumentItem, codes: Sequence[str]) -> None:
    said = item.status_text
    if "X008" in codes:
        message = f"{item.epic}: glyph and word disagree in {said!r}; the word counts"
        page.lint("X008", item.line, message, subject=item.id)
    if BROKEN in f"{said}{item.epic}{item.tasks}{item.owner}":
        where = f"its status {said!r}" if BROKEN in said else "this row"
        message = f"{item.epic}: a broken character (U+FFFD) in {where}; the words count"
        page.lint("X009", item.line, message, subject=item.id)
    if item.status == "in_progress" and not single_owner(item.owners) and page.kind != "status":
        who = f"{item.owner!r} is not one owner" if item.owner else "it has no owner"
        page.lint("X012", item.line, f"{item.epic}: in progress, but {who}; name one", subject=item.id)


def lint_duplicates(page: Page) -> None:
    """X010 for every item or wave whose id an earlier one has."""
    seen: dict[str, int] = {}
    for item in page.items:
        if item.id in seen:
            message = f"{item.id} is also in line {seen[item.id]}; rename one"
            page.lint("X010", item.line, message, "error", item.id)
        seen.setdefault(item.id, item.line)
    for wave, count in Counter(wave.id for wave in page.waves).items():
        if count > 1:
            line = [w.line for w in page.waves if w.id == wave][1]
            page.lint("X010", line, f"wave {wave} is named {count} times; rename one", "error", wave)
