"""A pane on the screen: asks the pure pane for its rows and text, and survives when that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from controlroom.domain.program import Program
from controlroom.domain.relayed import Relayed
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.tui import relayline
from controlroom.tui.layout import Box
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import DrawContext, Heading, Line, Pane, Row, Span, View
from controlroom.tui.widgets.rowlist import RowList

Compile = Callable[[str, Program], Callable[[Row], bool]]
"""`filters.compile`: text and programme to a test for rows."""

Report = Callable[[str, Exception], None]
"""Is told where something failed and how; keeps the stack without values."""


MOST_WANTED = 1_000
"""Lines beyond which a pane wants no more: no screen is that high."""

AGES_WITHIN = 5.0
"""Seconds an age may be behind in a row that does not tick: then all rows are drawn anew."""

_OF_THE_LOOK = frozenset({"version", "taken_at", "sources", "relayed"})

_PARTS = attrgetter(*(f.name for f in fields(Snapshot) if f.name not in _OF_THE_LOOK))
"""What a snapshot tells, without when it was taken, how its sources are doing, and how it came here."""

_DOING = attrgetter(*(f.name for f in fields(SourceStatus) if f.name not in ("read_at", "as_of")))
"""How a source is doing, without when it was read."""


class Scene(NamedTuple):
    """What is shown at one moment; the same for all panes."""

    snapshot: Snapshot
    view: View
    now: datetime


class PaneView(RowList):
    """One pane in its frame."""

    def __init__(self, pane: Pane, number: int, compile_filter: Compile, report: Report) -> None:
        super().__init__(id=pane.id)
        self.pane = pane
        self.number = number
        self.zoomed = False
        self.filter = ""
        self.since = False
        """Only what changed of it is shown."""
        self.alone = False
        """Nobody is at the cursor, though it is here: at the beginning it stays at the beginning."""
        self._own = self._whole = pane
        self.heading = Heading(pane.id)
        self._compile = compile_filter
        self._report = report
        self._scene: Scene | None = None
        self._drawn_at: datetime | None = None
        """The moment at which all rows were drawn last."""
        self._view = View()
        self._failure: str | None = None
        self._listed: tuple[tuple[object, ...], View] | None = None
        self._measured: tuple[tuple[object, ...], View, int] | None = None
        self._hidden_rows = 0

    def measure(self, scene: Scene, width: int) -> int:
        """Lines, frame included, that the pane would like at this outer width."""
        view = self._view_at(scene, max(1, width - 4), 0)
        try:
            parts = self.pane.depends(scene.snapshot)
            known = self._measured
            if known is None or known[1] != view or not _same(known[0], parts):
                lines = _lines(self.pane.rows(scene.snapshot, view), MOST_WANTED)
                self._measured = known = (parts, view, max(1, lines) + 2)
            return known[2]
        except Exception as error:
            self._fail("measuring", error)
            return 3

    def show(self, scene: Scene) -> None:
        """Show this moment. A pane without a box only keeps its heading up to date."""
        before, self._scene = self._scene, scene
        listed = self._listed
        self.ascii = scene.view.ascii
        try:
            self._failure = None
            if self.box is not None:
                self._list(scene)
            self.heading = self.pane.heading(self._drawing())
        except Exception as error:
            self._fail("reading", error)
            self.scroller.replace(())
        only_time = (
            before is not None
            and before.view == scene.view
            and listed is self._listed
            and self._drawn_at is not None
            and abs((scene.now - self._drawn_at).total_seconds()) < AGES_WITHIN
            and only_older(before.snapshot, scene.snapshot)
        )
        if not only_time:
            self._drawn_at = scene.now
        self.redraw(only_time=only_time)

    def place(self, box: Box | None) -> None:
        """Take the box; what is listed may depend on its size."""
        if box != self.box:
            super().place(box)
            self._listed = None
            self._painted = []

    def set_filter(self, text: str) -> None:
        """Show only the rows that match `text`; empty shows all."""
        if text != self.filter:
            self.filter = text
            self._listed = None
            if self._scene is not None:
                self.show(self._scene)

    def show_as(self, pane: Pane | None) -> None:
        """Show `pane`, which tells more of the same, in its place; None: the pane itself again."""
        self._whole = self._own if pane is None else pane
        self.pane = self._whole
        since, self.since = self.since, False
        self._listed = self._measured = None
        self.set_since(since)

    def set_since(self, since: bool) -> None:
        """Show only what changed since the baseline, or everything again."""
        if since != self.since:
            self.since = since
            self.pane = self._whole
            if since:
                from controlroom.tui.since import Since

                self.pane = Since(self._whole)
            self._listed = self._measured = None
            if self._scene is not None:
                self.show(self._scene)

    def draw_row(self, row: Row) -> Sequence[Line]:
        """The row's text from the pane; where that fails, a line that says so."""
        try:
            return self.pane.draw(row, self._drawing())
        except Exception as error:
            self._report(f"pane {self.pane.id}, drawing a row", error)
            return [(Span(f"▲ cannot be drawn: {type(error).__name__}", "degraded"),)]

    def title(self) -> Line:
        """Number, title, count; how much the filter hides."""
        heading = self.heading
        line = [Span(f"{self.number} ", "accent" if self.active else "dim")] if self.number else []
        line.append(Span(heading.title, "title"))
        if heading.count:
            line.append(Span(f"  {heading.count}", heading.count_style))
        if self.filter:
            line.append(Span(f"  /{self.filter}", "accent"))
            if self._hidden_rows:
                line.append(Span(f"  {self._hidden_rows} hidden", "dim"))
        return tuple(line)

    def edge(self) -> Line:
        """How old what is shown is."""
        return self.heading.freshness

    def notice(self) -> Line:
        """Why there is nothing to see."""
        if self._failure is not None:
            return (Span(f"▲ this pane cannot be shown: {self._failure}; the others are unhurt", "degraded"),)
        if self.filter:
            back = Span(f"  {self._view.key('view.back')} shows everything", "dim")
            return (Span(f"nothing matches /{self.filter}", "dim"), back)
        if self._scene is None:
            return (Span("loading", "dim"),)
        try:
            unheard = relayline.waiting(self._scene.snapshot.relayed, self._scene.view)
            return unheard or self.pane.empty(self._scene.snapshot)
        except Exception as error:
            self._report(f"pane {self.pane.id}, its notice", error)
            return (Span(f"▲ cannot be shown: {type(error).__name__}", "degraded"),)

    def _drawing(self) -> DrawContext:
        assert self._scene is not None
        width, height = self.inner
        return DrawContext(self._scene.snapshot, self._view, self._scene.now, width, height)

    def _view_at(self, scene: Scene, width: int, height: int, *, expanded: bool = False) -> View:
        minute = scene.now.replace(second=0, microsecond=0)
        return replace(
            scene.view, width=width, height=height, filter=self.filter, minute=minute, expanded=expanded
        )

    def _list(self, scene: Scene) -> None:
        """Ask for the rows again when what they are made from is another thing."""
        width, height = self.inner
        view = self._view_at(scene, width, height, expanded=self.zoomed)
        relayed = scene.snapshot.relayed
        if relayed is not None and relayed.unheard:
            # Nobody told anything yet: that nothing is declared, or wrong, is not known either.
            self._listed, self._hidden_rows = None, 0
            self.scroller.replace(())
            return
        parts = self.pane.depends(scene.snapshot)
        if self._listed is not None and self._listed[1] == view and _same(self._listed[0], parts):
            return
        self._listed = (parts, view)
        rows = self.pane.rows(scene.snapshot, view)
        if not view.expanded and _lines(rows, height) < height:
            roomy = replace(view, expanded=True, enough=height + 1)
            more = self.pane.rows(scene.snapshot, roomy)
            if _lines(more, height + 1) <= height:
                rows, view = more, roomy
        self._view = view
        kept = self._filtered(rows, scene)
        self._hidden_rows = (
            0 if kept is rows else sum(r.selectable for r in rows) - sum(r.selectable for r in kept)
        )
        self.scroller.replace(kept, loose=not self.active or self.alone)

    def _filtered(self, rows: Sequence[Row], scene: Scene) -> Sequence[Row]:
        """The rows that match, with the headings over them."""
        if not self.filter.strip():
            return rows
        matches = self._compile(self.filter, scene.snapshot.program)
        kept: list[Row] = []
        headings: list[Row] = []
        after_rows = False
        for row in rows:
            if not row.selectable:
                headings = [row] if after_rows else [*headings, row]
            elif matches(row):
                kept += [*headings, row]
                headings = []
            after_rows = row.selectable
        return kept

    def _fail(self, doing: str, error: Exception) -> None:
        self._failure = type(error).__name__
        self._listed = self._measured = None
        self._report(f"pane {self.pane.id}, {doing}", error)


def _lines(rows: Sequence[Row], enough: int) -> int:
    """Lines of all rows; counting stops at `enough`, where more changes nothing."""
    counted = 0
    for row in rows:
        if counted >= enough:
            break
        counted += max(1, row.height)
    return counted


@by_identity(keep=1)
def only_older(before: Snapshot, after: Snapshot) -> bool:
    """Whether nothing but time passed: the sources were read again, and told nothing new."""
    return (
        _same(_PARTS(before), _PARTS(after))
        and _doing(before.sources) == _doing(after.sources)
        and _came(before.relayed) == _came(after.relayed)
    )


def _came(relayed: Relayed | None) -> object:
    """How a room came here, without when a word of it was heard last."""
    if relayed is None:
        return None
    skewed = None if relayed.skewed is None else round(relayed.skewed)
    return (relayed.where, relayed.collector, relayed.unheard, relayed.lost_since, relayed.reason, skewed)


def _doing(sources: Sequence[SourceStatus]) -> list[object]:
    """How the sources are doing, without when each was read last; the first time is another thing."""
    return [(source.read_at is None, _DOING(source)) for source in sources]


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether both hold the same objects."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
