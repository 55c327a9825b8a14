"""The space around a cell: a table whose bars stand in line keeps them there where a new text fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from unicodedata import category, east_asian_width

from controlroom.documents.cells import Span
from controlroom.documents.page import Spot

Measure = Callable[[str], int]


def fitted(spot: Spot, line: str, gap: Span, text: str) -> tuple[int, int, str]:
    """What to replace in `line`, from and to, and with what, so that `text` is the cell in `gap`.

    Only the text, where nothing speaks for more.
    """
    begin, end = gap
    cell = line[begin:end]
    old = cell.strip()
    lead = cell[: len(cell) - len(cell.lstrip())] if old else ""
    trail = cell[len(cell.rstrip()) :] if old else cell
    cells = _column(spot)
    measure = _lined_up(cells) or (columns if len(trail) > 1 or len(lead) > 1 else None)
    closed = line[end : end + 1] == "|"
    if not old:
        lead, trail = " ", cell[1:] if len(cell) > 1 else " "
        measure = measure or columns
    elif measure is None or not closed or {*lead, *trail} - {" "}:
        return begin + len(lead), end - len(trail), text
    room = measure(cell) - measure(text)
    if room < len(lead[:1]) + len(trail[:1]):
        lead, trail = lead[:1], trail[:1]  # it does not fit: no more than the usual space
    elif sum(map(_leaning, cells)) > 0:
        trail = trail[:1]
        lead = " " * (room - len(trail))  # text that stands at the right stays there
    else:
        lead = lead[: room - len(trail[:1])]
        trail = " " * (room - len(lead))
    return begin, end, lead + text + (trail if closed else "")


def _column(spot: Spot) -> list[str]:
    """The cells of the column from bar to bar, the header's too."""
    if spot.table is None or spot.column is None:
        return []
    rows = [row for row in (spot.table.head, *spot.table.rows) if row and spot.column < len(row.spans)]
    return [row.raw[slice(*row.spans[spot.column])] for row in rows]


def _leaning(cell: str) -> int:
    """How much more space stands before a text than behind it."""
    return len(cell.rstrip()) - len(cell.lstrip()) if cell.strip() else 0


def _lined_up(cells: Sequence[str]) -> Measure | None:
    """How the width of `cells` is measured so that all are equally wide; None: they are not."""
    if len(cells) < 2:
        return None
    for measure in (columns, len):
        if len({measure(cell) for cell in cells}) == 1 and _by_space(cells, measure):
            return measure
    return None


def _by_space(cells: Sequence[str], measure: Measure) -> bool:
    """Whether it is space that makes them equally wide, not their texts by chance."""
    return len({measure(cell.strip()) for cell in cells}) > 1


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes; emoji and wide letters take two."""
    width = 0
    for character in text:
        if character == "\ufe0f" or category(character) in {"Mn", "Me", "Cf"}:
            continue
        width += 2 if east_asian_width(character) in {"W", "F"} else 1
    return width
