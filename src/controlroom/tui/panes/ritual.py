"""The next ritual in large digits, on both clocks, with its agenda; then what follows, and what to know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlroom.domain import rituals, zones
from controlroom.domain.program import Program
from controlroom.domain.rituals import Agenda, Occurrence
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.bigdigits import HUGE_HEIGHT, LARGE_HEIGHT, huge, large
from controlroom.tui.lines import join, text, wrap
from controlroom.tui.panes.base import BasePane, words
from controlroom.tui.panes.telemetry import gap_count
from controlroom.tui.rows import DrawContext, Line, Row, Span, Subject, View
from controlroom.tui.width import cell_width

NOW_FOR = timedelta(minutes=1)
"""How long the large digits read NOW after something began."""

LABEL = 8
"""Cells of the words in front: ``agenda``, ``then``."""

FOLLOWING = 5


@dataclass(frozen=True, slots=True)
class Slot:
    """A line of the pane; what stands in it is looked up when it is drawn."""

    kind: str
    index: int = 0
    said: str = ""


class RitualPane(BasePane):
    """`ritual`."""

    id = "ritual"
    title = "Next"
    nothing = "no rituals declared: add [[rituals]], or a schedule to [documents].paths"

    def title_text(self, ctx: DrawContext) -> str:
        subject, began = _subject(ctx.snapshot.program, ctx.now)
        if subject is None:
            return self.title
        return f"{'Now' if began else 'Next'}: {subject.ritual.title or subject.ritual.id}"

    def edge(self, ctx: DrawContext) -> Line:
        subject, _ = _subject(ctx.snapshot.program, ctx.now)
        return (Span(both(subject, ctx), "dim"),) if subject else ()

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        taken = snapshot.taken_at
        # The minute as one and the same string object: parts are compared by identity.
        return snapshot.program, sys.intern(f"{taken:%Y-%m-%d %H:%M}") if taken else None

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        program = snapshot.program
        now = present.present_moment(snapshot, view)
        agenda = rituals.agenda(program, now)
        subject, began = _subject(program, now)
        if subject is None:
            return []
        rows = [_row(Slot("on", i), o) for i, o in enumerate(agenda.in_progress) if not began or o != subject]
        rows.append(_row(Slot("digits"), subject, height=_digits_height(view)))
        rows += [
            _row(Slot(kind), subject)
            for kind in ("zones", "scenario", "agenda")
            if _wanted(kind, subject, view)
        ]
        for index, occurrence in enumerate(_following(agenda, subject, view)):
            rows.append(_row(Slot("then", index), occurrence))
        rows += [_notice(i, notice, view) for i, notice in enumerate(_notices(program, agenda, now, view))]
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        slot: Slot = row.data
        if slot.kind == "notice":
            return wrap(text(Span("▲ ", "warn"), Span(slot.said)), ctx.width, 2)
        program = ctx.snapshot.program
        agenda = rituals.agenda(program, ctx.now)
        subject, began = _subject(program, ctx.now)
        if slot.kind == "on":
            return _on(agenda, subject if began else None, slot.index, ctx)
        if subject is None:
            return ()
        if slot.kind == "digits":
            return _digits(subject, began, row.height, ctx)
        if slot.kind == "then":
            following = _following(agenda, subject, ctx.view)
            return (_then(following[slot.index], ctx),) if slot.index < len(following) else ()
        return (_about(slot.kind, subject, ctx),)


def _subject(program: Program, now: datetime) -> tuple[Occurrence | None, bool]:
    """What the large digits are about, and whether it has just begun."""
    agenda = rituals.agenda(program, now)
    for occurrence in agenda.in_progress:
        if not occurrence.ritual.all_day and timedelta(0) <= now - occurrence.start < NOW_FOR:
            return occurrence, True
    if agenda.next:
        return agenda.next[0], False
    return (agenda.in_progress[0], True) if agenda.in_progress else (None, False)


def both(occurrence: Occurrence, ctx: DrawContext) -> str:
    """The start on the programme's and the viewer's clock."""
    program = ctx.snapshot.program
    try:
        return zones.both(occurrence.start, program.zone, ctx.view.viewer_zone)
    except ValueError:
        return zones.both(occurrence.start, "UTC", "UTC")


def _wanted(kind: str, subject: Occurrence, view: View) -> bool:
    if kind == "scenario":
        return subject.scenario is not None
    return kind != "zones" or not view.height or view.height > 8


def _digits_height(view: View) -> int:
    if view.expanded and view.height >= 16 and view.width >= 72:
        return HUGE_HEIGHT + 1
    return LARGE_HEIGHT if not view.height or view.height >= 7 else 1


def _row(slot: Slot, occurrence: Occurrence, height: int = 1) -> Row:
    ritual = occurrence.ritual
    return Row(
        key=f"{slot.kind}:{slot.index}",
        height=height,
        subject=Subject("ritual", ritual.id),
        text=words("ritual", ritual.id, ritual.title, occurrence.scenario),
        data=slot,
        ticks=slot.kind in ("digits", "on", "then"),
        selectable=slot.kind in ("digits", "on", "then"),
    )


def _notice(index: int, notice: str, view: View) -> Row:
    width = view.width or 60
    return Row(
        key=f"notice:{index}",
        height=len(wrap(text(Span("▲ "), notice), width, 2)),
        text=words(notice),
        data=Slot("notice", index, notice),
        selectable=False,
    )


def _notices(program: Program, agenda: Agenda, now: datetime, view: View) -> tuple[str, ...]:
    try:
        clocks = zones.notices(now, program.zone, view.viewer_zone, program.rituals)
    except (ValueError, OverflowError):
        clocks = ()
    return (*agenda.notices, *clocks)


def _following(agenda: Agenda, subject: Occurrence, view: View) -> list[Occurrence]:
    rest = [occurrence for occurrence in agenda.next if occurrence != subject]
    return rest if view.expanded else rest[:FOLLOWING]


def _digits(subject: Occurrence, began: bool, height: int, ctx: DrawContext) -> Iterable[Line]:
    value = "NOW" if began else rituals.countdown((subject.start - ctx.now).total_seconds())
    drawn: Sequence[str] = (value,)
    if height > HUGE_HEIGHT:
        drawn = ("", *huge(value, ascii_only=ctx.view.ascii))
    if height == LARGE_HEIGHT or max(map(cell_width, drawn)) > ctx.width:
        drawn = large(value, ascii_only=ctx.view.ascii)
    if max(map(cell_width, drawn)) > ctx.width:
        drawn = (value,)
    return tuple((Span(line, "warn"),) for line in drawn)


def _label(word: str) -> Span:
    return Span(f"{word:<{LABEL}}", "dim")


def _on(agenda: Agenda, subject: Occurrence | None, index: int, ctx: DrawContext) -> Iterable[Line]:
    """Something that is on now, and for how long."""
    if index >= len(agenda.in_progress):
        return ()
    occurrence = agenda.in_progress[index]
    if occurrence == subject:
        return ()
    name = occurrence.ritual.title or occurrence.ritual.id
    said = rituals.describe(occurrence, ctx.now)
    return (text(Span(f"{'now':<{LABEL}}", "warn"), *join(((Span(name, "strong"),), (Span(said),)))),)


def _about(kind: str, subject: Occurrence, ctx: DrawContext) -> Line:
    snapshot = ctx.snapshot
    if kind == "zones":
        return text(_label("at"), Span(both(subject, ctx)))
    if kind == "scenario":
        owner = f" · {present.person(subject.owner, ctx.view)}" if subject.owner else ""
        return text(_label("scenario"), Span(f"{subject.scenario}{owner}"))
    blockers = sum(1 for blocker in snapshot.blockers if blocker.state != "resolved")
    gaps, unknown = gap_count(snapshot.signals)
    counts = [_plural(blockers, "blocker"), _plural(gaps, "gap")]
    counts += [f"{unknown} unknown"] if unknown else []
    counts.append(_plural(len(snapshot.program.squads), "squad"))
    return text(_label("agenda"), Span(", ".join(counts)))


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _then(occurrence: Occurrence, ctx: DrawContext) -> Line:
    start = occurrence.start
    left = rituals.countdown((start - ctx.now).total_seconds())
    ritual = occurrence.ritual
    when = present.moment(start, ctx.now, ctx.snapshot.program.zone)
    when = when.rpartition(" ")[0] if ritual.all_day and " " in when else when
    return text(
        _label("then"),
        *join(
            (
                text(Span(ritual.title or ritual.id), Span(f" {when}", "dim")),
                (Span(f"in {left}", "dim"),),
                (Span(occurrence.scenario, "dim"),) if occurrence.scenario else (),
            )
        ),
    )


PANE = RitualPane()
