"""A table row by what its columns hold."""

from __future__ import annotations

from collections.abc import Collection

from controlroom.documents.inline import plain, unmarked
from controlroom.documents.outline import Row, Table
from controlroom.documents.roles import Column
from controlroom.domain.frozen import dataclass

AS_ABOVE = frozenset(
    {"", '"', "''", "″", "〃", "^", "^^", "ditto", "same", "same as above", "as above", "(as above)"}
)
"""Cells that mean what the row above says."""


@dataclass(frozen=True, slots=True)
class Record:
    """`columns` says what each cell of `row` holds, None where no rule knows the header."""

    header: tuple[str, ...]
    columns: tuple[Column | None, ...]
    row: Row
    table: Table

    @property
    def line(self) -> int:
        return self.row.line

    def has(self, *columns: Column) -> bool:
        return any(column in self.columns for column in columns)

    def at(self, column: Column) -> int | None:
        """Number of the first such column."""
        return self.columns.index(column) if column in self.columns else None

    def raw(self, column: Column) -> str:
        """The first cell of `column` as written; "" where there is none."""
        at = self.at(column)
        return "" if at is None else self.row.cells[at]

    def plain(self, column: Column) -> str:
        return plain(self.raw(column))

    def text(self, column: Column) -> str:
        return unmarked(self.raw(column))

    def all(self) -> dict[str, str]:
        """The text of each known column's first cell."""
        return {str(column): self.text(column) for column in self.columns if column}

    def rest(self, used: Collection[int | None]) -> dict[str, str]:
        """What the cells not in `used` say, by their header."""
        return {
            plain(self.header[n]) or f"column {n + 1}": unmarked(cell)
            for n, cell in enumerate(self.row.cells)
            if n not in used and cell.strip()
        }
