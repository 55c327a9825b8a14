"""Since the last standup: one line that counts, the whole list when there is room for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlroom.domain.snapshot import Change, Snapshot
from controlroom.tui import present
from controlroom.tui.changes import category_title, grouped, kind, since_words, summary
from controlroom.tui.lines import join, text
from controlroom.tui.panes.base import BasePane, heading_row, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View


class ChangesPane(BasePane):
    """`changes`."""

    id = "changes"
    title = "Since last standup"
    kinds = ("status",)
    nothing = "nothing changed"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        return (str(len(ctx.snapshot.changes)) if ctx.snapshot.changes else ""), "dim"

    def edge(self, ctx: DrawContext) -> Line:
        """Which status the changes are counted from, and what of the folder cannot be read."""
        status = ctx.snapshot.status
        broken: Line = ()
        if status is not None and status.unreadable:
            broken = (Span(f"{len(status.unreadable)} unreadable: {status.unreadable[0]}", "warn"),)
        return join((broken, present.freshness_line(ctx.snapshot, self.kinds, ctx.now)))

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.changes, snapshot.baseline, snapshot.status

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        whole = view.expanded or bool(view.filter.strip()) or view.height > 2
        if not whole or not snapshot.changes:
            return [Row(key="strip", subject=Subject("change", ""), data=None, text="since last standup")]
        rows = [Row(key="since", subject=Subject("change", ""), data="since", selectable=False)]
        for category, changes in grouped(snapshot.changes).items():
            rows.append(heading_row(category, category_title(category)))
            rows += [_row(change) for change in changes]
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, Change):
            look = kind(row.data.category)
            return (text("  ", Span(f"{look.glyph} ", look.style), Span(row.data.text)),)
        if row.heading:
            return ((Span(row.data, "title"),),)
        since = since_words(ctx.snapshot, ctx.now)
        if row.data == "since" and ctx.snapshot.baseline is not None:
            return (join((since, (Span(ctx.snapshot.baseline.why, "dim"),))),)
        return (join((since, summary(ctx.snapshot)), Span("   ")),)


def _row(change: Change) -> Row:
    return Row(
        key=f"change:{change.category}:{change.id}",
        subject=Subject("change", f"{change.category}:{change.id}"),
        text=words(change.text, change.category.replace("_", " "), change.id),
        data=change,
    )


PANE = ChangesPane()
