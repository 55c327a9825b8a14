"""Writes one status back into a document: that one cell changes, and no other byte of the file.

    CannotWrite          title of all: `reason` and `remedy`, in plain words
    └── SaysSoAlready    there is nothing to change

Where the cell lies follows from the same reading that found the card. The changed text is read again before
it is proposed: it must say the same but for that status, or it is not proposed.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from controlroom.documents import padding, style
from controlroom.documents.outline import Listing, Outline, Paragraph, outline
from controlroom.documents.page import Page, Spot
from controlroom.documents.read import Known, read_page
from controlroom.domain.board import COLUMNS, Status
from controlroom.domain.documents import CellEdit, Document, DocumentItem
from controlroom.domain.frozen import dataclass
from controlroom.domain.lints import Lint
from controlroom.domain.status_text import read_status
from controlroom.domain.text import clean

_NEWLINE = re.compile(rb"\r\n?|\n")
_MARKER = re.compile(r"\s*(?:>\s*)*(?:[-*+]|[0-9]{1,9}[.)])\s")
_ENTRY_BOX = re.compile(r"(?<=\s)\[[ xX✓✔]\](?=\s)")
_ENTRY_LINES = 40
_OWN_LINTS = frozenset({"X008", "X009", "X012"})
"""What may become right or wrong with a card's status alone."""

_LOOK = "look at the card again: nothing was written"


class CannotWrite(Exception):
    """Why a status cannot be written into a document."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


class SaysSoAlready(CannotWrite):
    """The document says that status already."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a status can be written: `text` stands at `start` of the file's `line`, up to `end`."""

    line: int
    text: str
    start: int
    end: int
    spot: Spot


def propose(
    raw: bytes,
    shown: str,
    item: str,
    status: str,
    *,
    expected_status_text: str | None = None,
    known: Known | None = None,
) -> CellEdit:
    """The one cell of the document `raw` to rewrite so that `item` has `status`, in the file's own style.

    `shown` is the document's path as it is configured, `item` an id as reading the document gives it,
    `status` one of the board's, or any spelling of it that people use, a percentage too. `known` is what
    the room's other documents tell (`read.share`), which ids may depend on; `expected_status_text` is what
    the card was last seen to say. Raises CannotWrite.
    """
    wanted, percent = _wanted(status)
    known = known or Known()
    text = _outlined(raw, shown)
    document, page = read_page(text, clean(shown), known)
    number = _number(document, item)
    found, spot = document.items[number], page.spots[number]
    where = f"{document.path}:{found.line}"
    if expected_status_text is not None and expected_status_text != found.status_text:
        said = f"{found.status_text!r}, not {clean(expected_status_text, 80)!r} any more"
        raise CannotWrite(f"{where} says {said}", _LOOK)
    if found.status == wanted and percent in (None, found.progress):
        raise SaysSoAlready(f"{where} says {found.status_text!r} already", "there is nothing to change")
    lines, others = _lines(raw), _others(page, number, text)
    for place in _places(lines, found, spot, where):
        for after in _wordings(place, wanted, percent, others):
            edit = _edit(raw, lines, place, after, shown)
            changed = read_page(_outlined(_spliced(raw, edit), shown), clean(shown), known)[0]
            if _only(document, changed, number, wanted):
                return edit
    if spot.row is None and not read_status(spot.text).progress and spot.text.startswith("["):
        raise CannotWrite(
            f"{where} has only a checkbox, which cannot say {wanted.replace('_', ' ')}",
            "add the status to the entry in words, such as “ — In Progress”",
        )
    raise CannotWrite(
        f"{where} cannot say {wanted.replace('_', ' ')} by changing its status alone",
        "change it in the document by hand",
    )


def rewritten(raw: bytes, edit: CellEdit) -> bytes:
    """`raw` with `edit` made. Raises CannotWrite where `raw` is not the file the edit was made for."""
    if digest(raw) != edit.digest:
        raise CannotWrite(f"{edit.path} has changed since line {edit.line} was looked at", _LOOK)
    if raw[edit.start : edit.end].decode("utf-8", "replace").strip() != edit.before:
        raise CannotWrite(f"{edit.path}:{edit.line} does not say {edit.before!r}", _LOOK)
    return _spliced(raw, edit)


def digest(raw: bytes) -> str:
    """SHA-256 of a whole file, as it stands in an edit."""
    return hashlib.sha256(raw).hexdigest()


def _wanted(status: str) -> tuple[Status, int | None]:
    read = read_status(status)
    if read.status not in COLUMNS:
        choices = ", ".join(column.replace("_", " ") for column in COLUMNS)
        raise CannotWrite(f"{clean(status, 40)!r} is no status", f"choose one of {choices}")
    percent = read.progress if read.status in {"in_progress", "blocked"} else None
    return read.status, percent


def _outlined(raw: bytes, shown: str) -> Outline:
    """The outline of `raw`; bytes that are no UTF-8 can be had back from it as they were."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in raw:
        raise CannotWrite(f"{clean(shown)} is no UTF-8 text", "save it as UTF-8")
    try:
        return outline(raw.decode("utf-8", "surrogateescape"))
    except ValueError as problem:
        raise CannotWrite(f"{clean(shown)}: {problem}") from None


def _number(document: Document, item: str) -> int:
    """Which of the document's cards is `item`."""
    found = [n for n, one in enumerate(document.items) if one.id == item]
    if len(found) == 1:
        return found[0]
    name = clean(item, 80)
    if found:
        lines = " and ".join(str(document.items[n].line) for n in found)
        raise CannotWrite(f"{document.path} has {name} in lines {lines}", "rename all but one of them")
    near = difflib.get_close_matches(item, [one.id for one in document.items], 1, 0.6)
    remedy = f"did you mean {near[0]}?" if near else "controlroom documents read lists its cards"
    raise CannotWrite(f"{document.path} has no card {name}", remedy)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file: where its text begins, in bytes, and the text."""

    start: int
    text: str

    def byte(self, column: int) -> int:
        """Place in the file, in bytes, of a place in the line, in characters."""
        return self.start + len(self.text[:column].encode("utf-8", "surrogateescape"))


def _lines(raw: bytes) -> list[_Line]:
    start, lines = 0, []
    for end in [*_NEWLINE.finditer(raw), None]:
        text = raw[start : end.start() if end else len(raw)]
        lines.append(_Line(start, text.decode("utf-8", "surrogateescape")))
        start = end.end() if end else start
    return lines


def _places(lines: Sequence[_Line], found: DocumentItem, spot: Spot, where: str) -> Iterator[_Place]:
    """Where the status of `found` stands, or may stand."""
    if spot.row is None:
        yield from _entry_places(lines, found, spot)
        return
    if spot.column is None:
        raise CannotWrite(f"the table at {where} has no column for a status", "add one")
    if spot.column >= len(spot.row.spans):
        raise CannotWrite(f"the row at {where} ends before its status", "add the cell to the row")
    line = lines[found.line - 1]
    end = len(line.text.rstrip())
    if not line.text[:end].endswith(spot.row.raw):
        raise CannotWrite(f"the cell at {where} cannot be told apart", "change it in the document by hand")
    offset = end - len(spot.row.raw)
    begin, stop = (offset + at for at in spot.row.spans[spot.column])
    yield _Place(found.line, line.text[begin:stop].strip(), begin, stop, spot)


def _entry_places(lines: Sequence[_Line], found: DocumentItem, spot: Spot) -> Iterator[_Place]:
    """Every place in the entry where its status may stand: emphasis is no part of what was read."""
    for number in range(found.line, min(found.line + _ENTRY_LINES, len(lines) + 1)):
        text = lines[number - 1].text
        if number > found.line and (not text.strip() or _MARKER.match(text)):
            return
        box = _ENTRY_BOX.search(text)
        if box and spot.text in {"[ ]", "[x]"} and number == found.line:
            yield _Place(number, box[0], *box.span(), spot)
        elif not spot.text.startswith("["):
            for at in re.finditer(re.escape(spot.text), text):
                yield _Place(number, at[0], *at.span(), spot)


@dataclass(frozen=True, slots=True)
class _Others:
    """How states are written elsewhere: in the cells of the same column, and in the rest of the file."""

    column: Sequence[str]
    file: Sequence[str]


def _others(page: Page, number: int, text: Outline) -> _Others:
    own = page.spots[number]
    others = [spot for n, spot in enumerate(page.spots) if n != number]
    column = [_written(spot) for spot in others if _column(spot) == _column(own)]
    file = [_written(spot) for spot in others if _column(spot) != _column(own)]
    return _Others(column, [*file, *_legend(text)])


def _wordings(place: _Place, status: Status, percent: int | None, others: _Others) -> Iterator[str]:
    """What may stand in that place instead, best first."""
    if place.spot.row is None and place.text.startswith("["):
        yield from {"done": ["[x]"], "not_started": ["[ ]"]}.get(status, [])
    else:
        yield from style.wordings(place.text, status, percent, others.column, others.file)


def _column(spot: Spot) -> tuple[int | None, int | None]:
    return (spot.table.line if spot.table else None, spot.column)


def _written(spot: Spot) -> str:
    """The status as the file has it, the backslashes before bars included."""
    if spot.row is None or spot.column is None or spot.column >= len(spot.row.spans):
        return spot.text
    begin, end = spot.row.spans[spot.column]
    return spot.row.raw[begin:end].strip()


def _legend(text: Outline) -> Iterator[str]:
    """What the file itself says its glyphs mean."""
    for section in text.sections:
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield from style.legend([block.text])
            elif isinstance(block, Listing):
                yield from style.legend(entry.text for entry in block.entries)


def _edit(raw: bytes, lines: Sequence[_Line], place: _Place, after: str, shown: str) -> CellEdit:
    line = lines[place.line - 1]
    start, end, content = place.start, place.end, after
    if place.spot.row is not None:
        start, end, content = padding.fitted(place.spot, line.text, (start, end), after)
    first, last = line.byte(start), line.byte(end)
    before = raw[first:last].decode("utf-8", "replace").strip()
    return CellEdit(clean(shown), place.line, before, after, digest(raw), first, last, content)


def _spliced(raw: bytes, edit: CellEdit) -> bytes:
    return raw[: edit.start] + edit.content.encode("utf-8", "surrogateescape") + raw[edit.end :]


def _only(before: Document, after: Document, number: int, status: Status) -> bool:
    """Whether `after` differs from `before` in nothing but the status of that one card."""
    if len(after.items) != len(before.items) or after.items[number].status != status:
        return False
    old, new = before.items[number], after.items[number]
    items = list(after.items)
    items[number] = replace(new, status=old.status, status_text=old.status_text, progress=old.progress)
    return replace(after, items=tuple(items), lints=_lints(after, old)) == replace(
        before, lints=_lints(before, old)
    )


def _lints(document: Document, item: DocumentItem) -> tuple[Lint, ...]:
    """All lints but those that judge the status of `item`."""
    return tuple(
        lint
        for lint in document.lints
        if not (lint.code in _OWN_LINTS and lint.line == item.line and lint.subject == item.id)
    )
