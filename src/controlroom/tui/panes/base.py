"""What all panes have in common: the last touch before a line leaves the pane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from controlroom.domain.snapshot import Snapshot, SourceKind
from controlroom.domain.text import clean
from controlroom.tui import present, relayline
from controlroom.tui.lines import BLANK, crop_line
from controlroom.tui.rows import DrawContext, Heading, Line, Row, Span, Style, View

_harmless = lru_cache(maxsize=4096)(clean)
"""`clean`, remembered: from one second to the next nearly all that is drawn is the same words."""


class BasePane:
    """A pane draws one row in `lines`; `draw` makes it as high as the row says and as wide as the pane.

    Subclasses give `id`, `title`, `kinds` (the sources their freshness speaks of), `depends`, `listed`,
    `lines`, and where they need more than the title, `count` and `empty`.
    """

    id: str = ""
    title: str = ""
    kinds: tuple[SourceKind, ...] = ()
    nothing: str = "nothing here"

    def heading(self, ctx: DrawContext) -> Heading:
        """Title, count and freshness."""
        count, style = self.count(ctx)
        said = relayline.edge(ctx) or self.edge(ctx)
        edge = finish((said,), ctx.width, 1, ascii_only=ctx.view.ascii)[0]
        return Heading(self.title_text(ctx), count, style, edge)

    def title_text(self, ctx: DrawContext) -> str:
        """The title; the same at every moment for most panes."""
        return self.title

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        """What stands after the title, and what it means."""
        return "", "dim"

    def edge(self, ctx: DrawContext) -> Line:
        """The lower edge: how old what is shown is."""
        return present.freshness_line(ctx.snapshot, self.kinds, ctx.now)

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """All rows in order, each with a key of its own."""
        return unique(self.listed(snapshot, view))

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """All rows in order; two things of one id may give two rows one key."""
        raise NotImplementedError

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        """The parts of the snapshot `rows` reads."""
        raise NotImplementedError

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        """The row's text, not yet cropped or translated."""
        raise NotImplementedError

    def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
        """Exactly `row.height` lines of at most `ctx.width` cells."""
        return finish(self.lines(row, ctx), ctx.width, row.height, ascii_only=ctx.view.ascii)

    def empty(self, snapshot: Snapshot) -> Line:
        """Loading or failed where a source has never answered, else that there is nothing."""
        for kind in self.kinds:
            waiting = present.loading(snapshot, kind)
            if waiting is not None:
                return waiting
        return (Span(self.nothing, "dim"),)


def finish(lines: Iterable[Line], width: int, height: int, *, ascii_only: bool) -> tuple[Line, ...]:
    """Exactly `height` clean lines of at most `width` cells, with ASCII glyphs where wanted."""
    cleaned = [tuple([Span(_harmless(span.text), span.style) for span in line]) for line in lines]
    done = [crop_line(line, width) for line in cleaned[:height]]
    done += [BLANK] * (height - len(done))
    return tuple(present.ascii_line(line) for line in done) if ascii_only else tuple(done)


def unique(rows: Sequence[Row]) -> Sequence[Row]:
    """The same rows; where keys are the same, which no cursor could tell apart, numbered ones."""
    if len({row.key for row in rows}) == len(rows):
        return rows
    seen: Counter[str] = Counter()
    told = []
    for row in rows:
        seen[row.key] += 1
        again = seen[row.key]
        told.append(row if again == 1 else replace(row, key=f"{row.key}#{again}"))
    return told


def concerns(squads: Iterable[str | None], view: View, *, shared: bool = False) -> bool:
    """Whether something of these squads is shown; `shared`: what belongs to no squad is everybody's."""
    if view.focus_squad is None:
        return True
    named = [squad for squad in squads if squad]
    return view.focus_squad in named or (shared and not named)


def heading_row(key: str, title: str) -> Row:
    """A line that names the rows below it."""
    return Row(key=f"heading:{key}", selectable=False, heading=True, data=title)


def blank_row(key: str) -> Row:
    """An empty line between groups; it belongs to the heading after it."""
    return Row(key=f"blank:{key}", selectable=False, heading=True, data="")


def words(*parts: object) -> str:
    """What a filter looks through: the parts that are there, lower case."""
    return " ".join(str(part) for part in parts if part).lower()


def distinct(*squads: str | None) -> tuple[str, ...]:
    """The squads that are there, each once, in order."""
    return tuple(dict.fromkeys(squad for squad in squads if squad))


def seconds_since(instant: datetime | None, now: datetime) -> float | None:
    """Seconds from `instant` to `now`."""
    return None if instant is None else (now - instant).total_seconds()
