"""What is wrong with what was written, errors first, each with the place to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlroom.domain.lints import Lint
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.lines import column, text
from controlroom.tui.panes.base import BasePane, words
from controlroom.tui.panes.blockers import place
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View

CODE = 6
PLACE_FROM = 100
"""From this width on, the place stands in a column of its own; else under the message."""


class LintsPane(BasePane):
    """`lints`."""

    id = "lints"
    title = "Lints"
    kinds = ("documents",)
    nothing = "nothing wrong with what was written"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        errors = sum(1 for lint in ctx.snapshot.lints if lint.severity == "error")
        total = len(ctx.snapshot.lints)
        said = f"{total}, {errors} error{'s' if errors > 1 else ''}" if errors else str(total)
        return (said if total else ""), "down" if errors else "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.lints,)

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        ordered = sorted(
            snapshot.lints,
            key=lambda lint: (lint.severity != "error", lint.path or "", lint.line or 0, lint.code),
        )
        high = 2 if 0 < view.width < PLACE_FROM else 1
        return [_row(lint, high) for lint in ordered]

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        lint: Lint = row.data
        error = lint.severity == "error"
        word: Style = "down" if error else "warn"
        where = where_text(lint)
        head = text(
            Span("✖ " if error else "▲ ", word), column(lint.code, CODE, word), column(lint.severity, 9, word)
        )
        if row.height > 1:
            return text(*head, Span(lint.message)), text(" " * (2 + CODE + 9), Span(where, "dim"))
        return (text(*head, column(where, 32, "dim"), "  ", Span(lint.message)),)


def where_text(lint: Lint) -> str:
    """``file.md:12``, with the pointer into a JSON file; the subject where there is no file."""
    if lint.path:
        return place(lint.path, lint.line) + (f" {lint.pointer}" if lint.pointer else "")
    return lint.pointer or lint.subject or ""


def lint_id(lint: Lint) -> str:
    """What tells a finding from the others."""
    return "|".join(
        (lint.code, lint.path or "", str(lint.line or ""), lint.pointer or "", lint.subject or "")
    )


def _row(lint: Lint, height: int) -> Row:
    return Row(
        key=f"lint:{lint_id(lint)}",
        height=height,
        subject=Subject("lint", lint_id(lint)),
        text=words(lint.code, lint.severity, lint.message, lint.path, lint.subject),
        data=lint,
    )


PANE = LintsPane()
