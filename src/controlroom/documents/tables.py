"""Rows of tables: cards, squads, waves, milestones, rituals, notes, by what their columns hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from controlroom.documents import milestones, rituals, waves
from controlroom.documents.inline import link_target, plain, unmarked
from controlroom.documents.items import read_item
from controlroom.documents.lists import add_note
from controlroom.documents.outline import Row, Section, Table
from controlroom.documents.page import Page, joined
from controlroom.documents.record import AS_ABOVE, Record
from controlroom.documents.roles import Column, Role, TableRole, columns_of, table_role
from controlroom.domain.documents import DocumentSquad, DocumentStep
from controlroom.domain.status_text import read_owners, read_status

_SUBJECTS: dict[Column, Role] = {"risk": "risks", "blocker": "blockers", "dependency": "dependencies"}
_WHEN: tuple[Column, ...] = ("label", "weeks", "days", "dates", "due", "begin", "finish", "time")


def read_table(page: Page, section: Section, table: Table, role: Role | None) -> None:
    """Take every row of `table` for what the table is about; rows that fit nothing are kept verbatim."""
    columns = columns_of(table.header)
    what = table_role(columns, role, page.kind)
    rows = table.rows[:2] if page.draft and what == "items" else table.rows
    for row in _filled(rows, columns, what):
        if not any(cell.strip() for cell in row.cells):
            continue
        if not _take(page, section, Record(table.header, columns, row, table), what, role):
            keep = page.aside if what == "unknown" else page.not_read
            keep(section.title, row.raw, row.line)
        for cell in row.excess:
            page.not_read(f"{plain(section.title)}: beyond the last column", cell, row.line)


def _filled(rows: Sequence[Row], columns: Sequence[Column | None], what: TableRole) -> Iterator[Row]:
    """Rows with their first cell (and a sprint's) taken from above where it means "as above"."""
    grouping = {n for n, column in enumerate(columns) if column in {"sprint", "sprint_or_squad"}} | {0}
    if what in {"squads", "unknown"}:
        grouping = set()
    previous: Row | None = None
    for row in rows:
        cells = list(row.cells)
        for number in grouping & set(range(len(cells))):
            if any(cells) and previous and plain(cells[number]).casefold() in AS_ABOVE:
                cells[number] = previous.cells[number]
        filled = replace(row, cells=tuple(cells))
        previous = filled if any(cells) else previous
        yield filled


def _take(page: Page, section: Section, record: Record, what: TableRole, role: Role | None) -> bool:
    first = plain(record.row.cells[0])
    if what == "items":
        return read_item(page, section, record)
    if what == "squads":
        return _squad(page, record)
    if what == "waves":
        waves.add_row(page, record.plain("wave") or first, record.all(), record.line)
        return True
    if what == "milestones":
        return _milestone(page, section, record)
    if what == "rituals":
        cells = {**record.all(), "ritual": record.plain("ritual") or first}
        return rituals.add_row(page, section, cells, " ".join(record.header), record.line)
    if what == "steps":
        state = read_status(record.raw("status") or record.raw("progress")).status
        page.steps.append(DocumentStep(state, record.text("step") or first, record.line))
        return True
    return what == "notes" and _note(page, record, role)


def _squad(page: Page, record: Record) -> bool:
    """A squad, or, where the first cell means "as above", more about the one before."""
    at = record.at("squad") or 0
    name = plain(record.row.cells[at])
    focused = [n for n, column in enumerate(record.columns) if column == "focus"]
    focus = {plain(record.header[n]): unmarked(record.row.cells[n]) for n in focused if record.row.cells[n]}
    signals = record.text("signals")
    if name.casefold() in AS_ABOVE:
        if not page.squads:
            return False
        last = page.squads.pop()
        both = {key: joined([last.focus.get(key, ""), focus.get(key, "")]) for key in {**last.focus, **focus}}
        signals = joined([last.signals, signals])
        page.squads.append(
            DocumentSquad(last.name, last.charter, both, signals, last.line, last.extra, last.owners)
        )
        return True
    cell = record.raw("charter")
    charter = link_target(cell) or link_target(record.row.cells[at]) or _path(cell)
    extra = record.rest({at, *focused, record.at("signals"), record.at("charter")})
    if charter is None and cell.strip():
        extra[plain(record.header[record.at("charter") or 0])] = unmarked(cell)
    owners = read_owners(record.raw("owner"))
    page.squads.append(DocumentSquad(name, charter, focus, signals, record.line, extra, owners))
    return True


def _path(cell: str) -> str | None:
    text = plain(cell)
    return (
        text if re.fullmatch(r"[\w./-]+\.(?:md|markdown|rst|txt|html?)(?:#\S*)?|https?://\S+", text) else None
    )


def _milestone(page: Page, section: Section, record: Record) -> bool:
    """A milestone: when is looked for in the columns about time first, then anywhere in the row."""
    cells, columns = record.row.cells, record.columns
    timed = {n for n, column in enumerate(columns) if column in _WHEN}
    words = " ".join(_when_word(columns[n], plain(cells[n])) for n in sorted(timed))
    when = milestones.when_in(page, words)
    if when is None:
        timed = set()
        when = milestones.when_in(page, " | ".join(map(plain, cells)))
    if when is None:
        return False
    aside = {n for n, column in enumerate(columns) if column in {"owner", "status", "id"}}
    rest = [n for n in range(len(columns)) if n not in timed | aside]
    text = joined(milestones.without_when(page, unmarked(cells[n])) for n in rest)
    milestones.add(page, when, text, record.line, milestones.group(section))
    for header, cell in record.rest({*timed, *rest}).items():
        page.aside(f"{plain(section.title)}: {header}", cell, record.line)
    return True


def _when_word(column: Column | None, cell: str) -> str:
    """A bare number in a column of weeks or days with its word."""
    if column in {"weeks", "days"} and cell.isdecimal():
        return f"{'Week' if column == 'weeks' else 'Day'} {cell}"
    return cell


def _note(page: Page, record: Record, role: Role | None) -> bool:
    """A risk, blocker, gate or dependency: the first cell names it, the others follow with their header."""
    first = record.columns[0]
    cells = record.row.cells
    kind = _SUBJECTS.get(first, role) if first else role
    name = next((n for n, cell in enumerate(cells) if cell.strip() and record.columns[n] != "id"), 0)
    others = "; ".join(f"{header}: {cell}" for header, cell in record.rest({name}).items())
    return add_note(page, kind, plain(cells[name]), others, record.line)
