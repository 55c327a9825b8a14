"""Services, worst first within their groups; what is fine takes one line. Then what all depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from controlroom.domain.program import Dependency
from controlroom.domain.services import Service
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.known_services import state_of
from controlroom.tui.memo import Kept
from controlroom.tui.panes import need_lines
from controlroom.tui.panes.base import BasePane, blank_row, concerns, unique
from controlroom.tui.panes.service_lines import head_line, quiet_line, row_maker, self_line, service_lines
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.service_groups import Fold, Groups, Head, Numbered, Quiet

ONE_LINE_FROM = 100
"""Narrower than this, whom a failing service affects has a line of its own: its reason fills the first."""

FEW = 8
"""So many services that are fine have a line each where it is not known how high the pane is."""

SPARE = 8
"""With so many lines to spare, dependencies have a line each though not all of them can be seen."""


class ServicesPane(BasePane):
    """`services`."""

    id = "services"
    title = "Services"
    kinds = ("services",)
    nothing = "no services declared: add [[services]]"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        services, view = ctx.snapshot.services, ctx.view
        if view.focus_squad is None:
            shown = len(services)
        else:
            shown = sum(_concerned(state.service, view) for state in services)
        return (str(shown) if shown else ""), "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.services, snapshot.program, snapshot.self_checks

    def empty(self, snapshot: Snapshot) -> Line:
        """Services declared are listed even before the first answer, so empty means none declared."""
        return (Span(self.nothing, "dim"),)

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """All rows in order, each with a key of its own."""
        rows = self.listed(snapshot, view)
        return rows if _KEPT.use(lambda kept: kept.distinct) else unique(rows)

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        first = _first(snapshot)
        if not snapshot.services:
            needed = _needed(snapshot, view, 1, every=view.expanded)
            undeclared = Row(key="undeclared", data=self.nothing, selectable=False)
            return [*first, undeclared, *needed] if snapshot.program.dependencies else first
        groups = _groups(snapshot, view)
        every = view.expanded or bool(view.filter.strip())
        fold = "all" if every else _fold(groups, view, len(first) + bool(snapshot.program.dependencies))
        rows = groups.rows(fold, view.enough)
        used = len(first) + groups.lines(fold)
        needed = _needed(snapshot, view, used, every=every)
        listed = [*first, *rows, *needed]
        headings = sum(row.heading for row in listed) if used + len(needed) < view.height else 0
        airy = headings and not view.filter and used + len(needed) + headings <= view.height
        return list(_aired(listed)) if airy else listed

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        data = row.data
        if isinstance(data, Numbered):
            services = ctx.snapshot.services
            state = services[data.number] if data.number < len(services) else None
            if state is None or state.service.id != data.id:
                state = state_of(services, data.id)
            return service_lines(state, row.height, ctx) if state is not None else ()
        if isinstance(data, Head):
            return (head_line(data, ctx),)
        if isinstance(data, Quiet):
            return (quiet_line(data, ctx),)
        if isinstance(data, Dependency):
            return (need_lines.need_line(data, ctx),)
        if row.key == need_lines.TOGETHER:
            return (need_lines.needs_line(ctx),)
        if row.key == "self":
            return (self_line(ctx.snapshot, ctx.view),)
        return ((Span(data, "title" if row.heading else "dim"),),)


def _first(snapshot: Snapshot) -> list[Row]:
    """What casts doubt on everything below it."""
    if not any(check.ok is False for check in snapshot.self_checks):
        return []
    said = " ".join(check.text for check in snapshot.self_checks).lower()
    return [Row(key="self", subject=Subject("source", "self"), text=f"is it me {said}", ticks=True)]


def _fold(groups: Groups, view: View, used: int) -> Fold:
    """How much has a row of its own: all if the pane is high enough, else as much as fits."""
    if not view.height:
        return "all" if groups.quiet("loud") <= FEW else "loud"
    folds: tuple[Fold, ...] = ("all", "calm", "loud")
    return next((fold for fold in folds if groups.lines(fold) <= view.height - used), "flat")


def _needed(snapshot: Snapshot, view: View, used: int, *, every: bool) -> list[Row]:
    """The dependencies: a row each where there is room, else all in one line."""
    dependencies = snapshot.program.dependencies
    if not dependencies:
        return []
    room = max(0, view.height - used)
    if every or not view.height or room >= min(SPARE, len(dependencies) + 1):
        return need_lines.rows(snapshot, present.present_moment(snapshot, view))
    return [need_lines.one_row()]


def _aired(rows: Iterable[Row]) -> Iterator[Row]:
    """`rows` with an empty line before every heading but one at the top."""
    for number, row in enumerate(rows):
        if row.heading and number:
            yield blank_row(row.key)
        yield row


def _concerned(service: Service, view: View) -> bool:
    """Whether the service is shown: it concerns the squad in focus, or everybody."""
    return concerns((*service.squads, service.owner), view, shared=True)


_KEPT: Kept[Groups] = Kept(lambda: Groups(row_maker))


def _groups(snapshot: Snapshot, view: View) -> Groups:
    """The services of `snapshot` in order. One is kept, as one snapshot is shown at a time."""
    return _KEPT.use(
        lambda kept: kept.see(
            snapshot.services,
            snapshot.program,
            present.present_moment(snapshot, view),
            focus=view.focus_squad,
            narrow=view.width < ONE_LINE_FROM,
            concerned=lambda service: _concerned(service, view),
        )
    )


PANE = ServicesPane()
