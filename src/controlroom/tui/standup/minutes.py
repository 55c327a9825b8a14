"""What was written down at a standup so far, to be read back: its own pane while the standup is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from controlroom.domain.actions import Action
from controlroom.domain.fold_args import acted, effective
from controlroom.domain.runs import Capture, Key, Run, run_of
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.domain.words import deed
from controlroom.tui import present
from controlroom.tui.lines import join, text, wrap
from controlroom.tui.panes.base import BasePane, heading_row, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.standup.course import unheard
from controlroom.tui.standup.layout import MINUTES
from controlroom.tui.standup.words import CAPTURES
from controlroom.tui.triage_words import QUEUED, names

INDENT = 6
"""Cells of the time before a line."""

ON_BLOCKERS = frozenset({"direct", "accept"})
"""Decisions that stand in a blocker's own history."""


class Decided(NamedTuple):
    """A decision on a blocker."""

    blocker: Blocker
    action: Action


class MinutesPane(BasePane):
    """`minutes`, of the holding `key`."""

    id = MINUTES
    title = "Minutes"
    nothing = "nothing written down yet"

    def __init__(self, key: Key) -> None:
        self.key = key

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        run = run_of(ctx.snapshot.runs, self.key)
        return (str(len(run.captures)) if run is not None and run.captures else ""), "dim"

    def edge(self, ctx: DrawContext) -> Line:
        return ()

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.runs, snapshot.blockers, snapshot.ledger, snapshot.program

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        run = run_of(snapshot.runs, self.key)
        if run is None:
            return []
        rows: list[Row] = []
        if missing := _missing(run):
            rows.append(heading_row("missing", "Not reported"))
            rows += [_squad(squad, snapshot) for squad in missing]
        if decided := list(_decided(snapshot, run)):
            rows.append(heading_row("blockers", "Decided on blockers"))
            rows += [_on_blocker(one, snapshot, view) for one in decided]
        for kind, (_, several) in CAPTURES.items():
            if found := [one for one in run.captures if one.kind == kind]:
                rows.append(heading_row(kind, several))
                rows += [_capture(one, snapshot, view) for one in found]
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if row.heading:
            return ((Span(row.data, "title"),),)
        if isinstance(row.data, Capture):
            line = _written(row.data, ctx.snapshot, ctx.view)
        elif isinstance(row.data, Decided):
            line = _said(row.data, ctx.snapshot, ctx.view)
        else:
            return (text("  ", Span("○ ", "warn"), Span(present.squad_name(ctx.snapshot.program, row.data))),)
        return wrap(line, ctx.width, INDENT)


def _missing(run: Run) -> tuple[str, ...]:
    """Squads that were passed over; when the walk is behind, also those that nobody came to."""
    segment = run.segment
    walked = segment is not None and not any(one.kind == "squad" for one in run.segments[run.place :])
    skipped = {one.squad for one in run.segments if one.id in run.skipped}
    return tuple(squad for squad in unheard(run) if walked or squad in skipped)


def _decided(snapshot: Snapshot, run: Run) -> Iterator[Decided]:
    """What was directed and accepted since the standup began."""
    ledger = snapshot.ledger
    for blocker in snapshot.blockers if ledger is not None else ():
        history = ledger.of(blocker.id) if ledger is not None else ()
        if not history or history[-1].action.at < run.began_at:
            continue
        for action in effective(acted(history)):
            over = run.finished_at is not None and action.at > run.finished_at
            if action.kind in ON_BLOCKERS and action.at >= run.began_at and not over:
                yield Decided(blocker, action)


def _squad(squad: str, snapshot: Snapshot) -> Row:
    name = present.squad_name(snapshot.program, squad)
    return Row(
        f"squad:{squad}", subject=Subject("squad", squad), squads=(squad,), text=words(name), data=squad
    )


def _on_blocker(decided: Decided, snapshot: Snapshot, view: View) -> Row:
    blocker, action = decided
    return Row(
        f"decided:{action.id}",
        _height(_said(decided, snapshot, view), view),
        Subject("blocker", blocker.id),
        text=words(blocker.summary, deed(action)),
        data=decided,
    )


def _capture(capture: Capture, snapshot: Snapshot, view: View) -> Row:
    about = capture.about
    known = about is not None and any(one.id == about for one in snapshot.blockers)
    subject = Subject("blocker" if known else "item", about) if about else None
    return Row(
        f"capture:{capture.id}",
        _height(_written(capture, snapshot, view), view),
        subject,
        squads=(capture.squad,) if capture.squad else (),
        text=words(capture.kind, capture.text, capture.owner, capture.due, capture.by),
        data=capture,
    )


def _height(line: Line, view: View) -> int:
    return len(wrap(line, view.width or 60, INDENT))


def _written(capture: Capture, snapshot: Snapshot, view: View) -> Line:
    """``09:12 what was said · owner until due · Ada``."""
    owner = present.person(capture.owner, view)
    does = " ".join(part for part in (owner, f"until {capture.due}" if capture.due else "") if part)
    squad = present.squad_name(snapshot.program, capture.squad) if capture.squad else ""
    return join(
        (
            text(_at(capture.at, snapshot), Span(capture.text)),
            (Span(does, "accent"),) if does else (),
            (Span(squad, "dim"),) if squad else (),
            (Span(present.person(capture.by, view) or "somebody", "dim"),),
            (Span(f"{QUEUED} queued", "warn"),) if _waits(capture, snapshot) else (),
        )
    )


def _said(decided: Decided, snapshot: Snapshot, view: View) -> Line:
    blocker, action = decided
    said = deed(action, names(snapshot.program, view, action.at))
    return join(
        (
            text(_at(action.at, snapshot), Span(blocker.summary or blocker.id), ": ", Span(said)),
            (Span(present.person(action.actor, view) or "somebody", "dim"),),
        )
    )


def _at(at: object, snapshot: Snapshot) -> Span:
    return Span(f"{present.clock(at, snapshot.program.zone):<{INDENT}}", "dim")  # type: ignore[arg-type]


def _waits(capture: Capture, snapshot: Snapshot) -> bool:
    """Whether it waits in the outbox; what is only on its way is not told."""
    return capture.pending and any(one.action.id == capture.id for one in snapshot.outbox.queued)
