"""The next ritual in large digits, on both clocks, with its agenda; then what follows, and what to know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from controlroom.domain import rituals, zones
from controlroom.domain.frozen import dataclass
from controlroom.domain.holdings import (
    agenda_at,
    carried_to,
    driven,
    earlier_today,
    lasted,
    returning,
)
from controlroom.domain.program import Program
from controlroom.domain.readiness import Readiness, ReadyState, readiness
from controlroom.domain.rituals import Agenda, Occurrence
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.bigdigits import HUGE_HEIGHT, LARGE_HEIGHT, huge, large
from controlroom.tui.lines import join, line_width, text, wrap
from controlroom.tui.panes.base import BasePane, words
from controlroom.tui.panes.telemetry import gap_count
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.width import cell_width

NOW_FOR = timedelta(minutes=1)
"""How long the large digits read NOW after something began."""

LABEL = 9
"""Cells of the words in front: ``agenda``, ``scenario``."""

FOLLOWING = 5


@dataclass(frozen=True, slots=True)
class Slot:
    """A line of the pane; what stands in it is looked up when it is drawn."""

    kind: str
    index: int = 0
    said: str = ""
    label: str = ""
    line: Line = ()


class RitualPane(BasePane):
    """`ritual`."""

    id = "ritual"
    title = "Next"
    nothing = "no rituals declared: add [[rituals]], or a schedule to [documents].paths"

    def title_text(self, ctx: DrawContext) -> str:
        subject, began = _subject(ctx.snapshot, ctx.now)
        if subject is None:
            return self.title
        return f"{'Now' if began else 'Next'}: {subject.ritual.title or subject.ritual.id}"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        """How much is not as on any other day."""
        agenda = agenda_at(ctx.snapshot, ctx.now)
        found = len(_notices(ctx.snapshot.program, agenda, ctx.now, ctx.view))
        return (_plural(found, "notice") if found else ""), "warn"

    def edge(self, ctx: DrawContext) -> Line:
        subject, _ = _subject(ctx.snapshot, ctx.now)
        return (Span(both(subject, ctx.snapshot.program, ctx.view), "dim"),) if subject else ()

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        taken = snapshot.taken_at
        # The minute as one and the same string object: parts are compared by identity.
        minute = sys.intern(f"{taken:%Y-%m-%d %H:%M}") if taken else None
        held = (snapshot.runs, snapshot.boxes, snapshot.ledger, snapshot.blockers, snapshot.signals)
        seen = (snapshot.services, snapshot.items) if _gated(snapshot) else ()
        return snapshot.program, minute, *held, *seen

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        program = snapshot.program
        now = present.present_moment(snapshot, view)
        agenda = agenda_at(snapshot, now)
        subject, began = _subject(snapshot, now)
        if subject is None:
            return []
        on = [(i, o) for i, o in enumerate(agenda.in_progress) if not began or o != subject]
        rows = [_row(Slot("on", index), occurrence) for index, occurrence in on]
        shown = {Key.of(occurrence) for _, occurrence in on}
        rows += [_run_row(i, run) for i, run in enumerate(driven(snapshot, now)) if run.key not in shown]
        rows.append(_row(Slot("digits"), subject, height=_digits_height(view)))
        if _roomy(view):
            rows.append(_at(subject, program, view))
        if subject.scenario is not None:
            rows.append(_told("scenario", _scenario(subject, view), subject, view))
        rows += _ready_rows(subject, snapshot, now, view)
        # What is unlike every other day comes before what is the same on all of them.
        rows += [_notice(i, notice, view) for i, notice in enumerate(_notices(program, agenda, now, view))]
        rows += _agenda_rows(subject, snapshot, now, view)
        for index, occurrence in enumerate(_following(agenda, subject, view)):
            rows.append(_row(Slot("then", index), occurrence))
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        slot: Slot = row.data
        if slot.kind == "notice":
            return wrap(text(Span("▲ ", "warn"), Span(slot.said)), ctx.width, 2)
        if slot.kind == "told":
            return wrap(slot.line, ctx.width, LABEL if slot.label else 0)
        agenda = agenda_at(ctx.snapshot, ctx.now)
        subject, began = _subject(ctx.snapshot, ctx.now)
        if slot.kind == "run":
            return _driven(slot.index, ctx)
        if slot.kind == "on":
            return _on(agenda, subject if began else None, slot.index, ctx)
        if subject is None:
            return ()
        if slot.kind == "digits":
            return _digits(subject, began, row.height, ctx)
        if slot.kind == "then":
            following = _following(agenda, subject, ctx.view)
            return (_then(following[slot.index], ctx),) if slot.index < len(following) else ()
        return ()


def _gated(snapshot: Snapshot) -> bool:
    return any(ritual.gates for ritual in snapshot.program.rituals)


def _subject(snapshot: Snapshot, now: datetime) -> tuple[Occurrence | None, bool]:
    """What the large digits are about, and whether it has just begun."""
    agenda = agenda_at(snapshot, now)
    for occurrence in agenda.in_progress:
        if not occurrence.ritual.all_day and timedelta(0) <= now - occurrence.start < NOW_FOR:
            return occurrence, True
    if agenda.next:
        return agenda.next[0], False
    return (agenda.in_progress[0], True) if agenda.in_progress else (None, False)


def both(occurrence: Occurrence, program: Program, view: View) -> str:
    """The start on the programme's and the viewer's clock."""
    try:
        return zones.both(occurrence.start, program.zone, view.viewer_zone)
    except ValueError:
        return zones.both(occurrence.start, "UTC", "UTC")


def _roomy(view: View) -> bool:
    """Whether both clocks have a line of their own beside the lower edge."""
    return not view.height or view.height > 8


def _at(subject: Occurrence, program: Program, view: View) -> Row:
    """Both clocks; without the word in front where they have no room beside it."""
    clocks = (Span(both(subject, program, view)),)
    room = (view.width or 60) - LABEL
    return _told("at" if line_width(clocks) <= room else "", clocks, subject, view, key="at")


def _scenario(subject: Occurrence, view: View) -> Line:
    owner = f" · {present.person(subject.owner, view)}" if subject.owner else ""
    return (Span(f"{(subject.scenario or '').removeprefix('scenario ')}{owner}"),)


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
    run = next((one for one in driven(ctx.snapshot, ctx.now) if one.key == Key.of(occurrence)), None)
    if run is not None:
        said = f"{present.person(run.driver, ctx.view)} drives, {lasted(run, ctx.now)} · {said}"
    return (text(Span(f"{'now':<{LABEL}}", "warn"), *join(((Span(name, "strong"),), (Span(said),)))),)


def _run_row(index: int, run: Run) -> Row:
    """A run that is on though its ritual is not, or has just begun."""
    return Row(
        key=f"run:{run.id}",
        subject=Subject("ritual", run.key.ritual),
        text=words("ritual", run.key.ritual, run.driver),
        data=Slot("run", index),
        ticks=True,
    )


def _driven(index: int, ctx: DrawContext) -> Iterable[Line]:
    runs = driven(ctx.snapshot, ctx.now)
    if index >= len(runs):
        return ()
    run = runs[index]
    ritual = next((one for one in ctx.snapshot.program.rituals if one.id == run.key.ritual), None)
    name = (ritual.title if ritual is not None else "") or run.key.ritual
    said = f"{present.person(run.driver, ctx.view)} drives, {lasted(run, ctx.now)}"
    return (text(Span(f"{'now':<{LABEL}}", "warn"), *join(((Span(name, "strong"),), (Span(said),)))),)


def _ready_rows(subject: Occurrence, snapshot: Snapshot, now: datetime, view: View) -> list[Row]:
    """What is to be there when it begins, in one line; gate by gate where there is room."""
    ready = readiness(subject, snapshot, now)
    rows = [_told("ready", _ready(ready), subject, view)] if ready.gates else []
    for number, gate in enumerate(ready.gates if view.expanded else ()):
        row = _told("", text(" " * LABEL, gate_line(gate, view)), subject, view, number, key="gate")
        if gate.box is not None:
            row = replace(row, subject=Subject("box", gate.box), selectable=True)
        rows.append(row)
    return rows


def _agenda_rows(subject: Occurrence, snapshot: Snapshot, now: datetime, view: View) -> list[Row]:
    """What it will be about, what returns on it, and what was held today before it."""
    rows = [_told("agenda", (Span(_agenda(subject, snapshot)),), subject, view)]
    for blocker in returning(snapshot, subject):
        who = f", put off by {present.person(blocker.snoozed_by, view)}" if blocker.snoozed_by else ""
        why = f": {blocker.snooze_why}" if blocker.snooze_why else ""
        line = text(Span("◌ ", "accent"), Span(blocker.summary), Span(f"{who}{why}", "dim"))
        row = _told("returns", line, subject, view)
        rows.append(replace(row, key=f"returns:{blocker.id}", subject=Subject("blocker", blocker.id)))
    earlier = (one for one in earlier_today(snapshot, now) if one.record is not None)
    for number, one in enumerate(earlier):
        ritual = one.occurrence.ritual
        style: Style = "ok" if one.record == "held" else "warn" if one.words == "no record" else "dim"
        line = text(Span(ritual.title or ritual.id), Span(" · ", "dim"), Span(one.words, style))
        rows.append(_told(" " if number else "earlier", line, one.occurrence, view, number, key="earlier"))
    return rows


def _told(
    label: str, line: Line, occurrence: Occurrence, view: View, number: int = 0, *, key: str = ""
) -> Row:
    """A line of its own, as high as it needs."""
    said = text(_label(label), *line) if label else line
    return Row(
        key=f"{key or label or 'more'}:{occurrence.ritual.id}:{number}",
        height=len(wrap(said, view.width or 60, LABEL if label else 0)),
        subject=Subject("ritual", occurrence.ritual.id),
        text=words(*(span.text for span in line)),
        data=Slot("told", label=label, line=said),
        selectable=label in ("returns", "ready"),
    )


def _agenda(subject: Occurrence, snapshot: Snapshot) -> str:
    """What is declared to be gone through, what there is, and what was there last time already."""
    carried = carried_to(snapshot, subject)
    forced = sum(one.forced for one in carried)
    over = f"{len(carried)} carried over" if carried else ""
    over += f", {forced} to be decided" if forced else ""
    return " · ".join(part for part in (", ".join(subject.ritual.agenda), counts(snapshot), over) if part)


def _ready(ready: Readiness) -> Line:
    head, _, rest = ready.words.partition(" · ")
    style: Style = "ok" if ready.ready else "warn" if ready.ready is False else "unknown"
    return text(Span(head, style), Span(f" · {rest}" if rest else ""))


def gate_line(gate: ReadyState, view: View) -> Line:
    """One gate: its mark and word, and why it is not there, or who ticked it off."""
    look = GATES[gate.state]
    who = present.person(gate.by, view) if gate.by and gate.state == "there" else ""
    why = f" · {present.hosts(gate.why, view)}" if gate.why else f" · {who}" if who else ""
    return text(Span(f"{look.glyph} {look.word} ", look.style), Span(gate.text), Span(why, "dim"))


GATES: Mapping[str, present.Look] = {
    "there": present.Look("✓", "there", "ok"),
    "missing": present.Look("✖", "missing", "down"),
    "unknown": present.Look("?", "not known", "unknown"),
}


def counts(snapshot: Snapshot) -> str:
    """What there is to be gone through: ``4 blockers, 2 gaps, 3 squads``."""
    blockers = sum(1 for blocker in snapshot.blockers if blocker.state != "resolved")
    gaps, unknown = gap_count(snapshot.signals)
    found = [_plural(blockers, "blocker"), _plural(gaps, "gap")]
    found += [f"{unknown} unknown"] if unknown else []
    found.append(_plural(len(snapshot.program.squads), "squad"))
    return ", ".join(found)


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
