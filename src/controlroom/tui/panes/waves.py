"""Waves on a timeline with today's mark, what people declared beside what dates say, and milestones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from controlroom.domain import calendar, milestones, waves
from controlroom.domain.program import Milestone, Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.waves import Wave, WaveStatus
from controlroom.tui import present
from controlroom.tui.lines import as_text, column, join, line_width, text
from controlroom.tui.panes.base import BasePane, blank_row, concerns, distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.timeline import Timeline, fitted
from controlroom.tui.width import cell_width

TWO_LINES_BELOW = 96
"""Narrower than this, the words of a wave stand under its bar."""

WORDS_ROOM = 30
"""Cells kept beside the bars at least, for what is said of a wave."""

MILESTONE_LINES_BELOW = 72

MILESTONE: dict[str, present.Look] = {
    "today": present.Look("◆", "today", "today"),
    "upcoming": present.Look("◇", "", "dim"),
    "met": present.Look("✓", "met", "ok"),
    "missed": present.Look("✖", "missed", "down"),
    "passed": present.Look("◇", "passed", "warn"),
    "undated": present.Look("?", "no date", "unknown"),
}


@lru_cache(maxsize=8)
def assessed(program: Program, today: date) -> dict[str, WaveStatus]:
    """Every wave on `today`, by id."""
    statuses = waves.assess(
        program.waves, today, rules=program.calendar, start=program.start, sprints=program.sprints
    )
    return {status.wave.id: status for status in statuses}


@lru_cache(maxsize=8)
def extent(program: Program, today: date) -> tuple[date, date] | None:
    """The dates all waves lie in; today as well where it is at most a week away."""
    spans = [s for wave in program.waves if (s := waves.span(wave, program.calendar, program.start))]
    if not spans:
        return None
    start, end = min(s[0] for s in spans), max(s[1] for s in spans)
    week = timedelta(days=7)
    if today < start and start - today <= week:
        start = today
    if today >= end and today - end < week:
        end = today + timedelta(days=1)
    return start, end


class WavesPane(BasePane):
    """`waves`."""

    id = "waves"
    title = "Waves"
    kinds = ("documents",)
    nothing = "no waves declared: add [[waves]], or a schedule to [documents].paths"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        statuses = assessed(ctx.snapshot.program, present.today(ctx.now, ctx.snapshot.program)).values()
        disagree = sum(1 for status in statuses if status.verdict and not _agreed(status))
        said = "1 disagrees" if disagree == 1 else f"{disagree} disagree"
        return (said, "warn") if disagree else ("", "dim")

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.program,)

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        program = snapshot.program
        shown = [w for w in program.waves if concerns(_squads(program, w), view, shared=True)]
        rows = [_wave_row(program, wave, view) for wave in shown]
        if rows:
            rows.insert(0, Row(key="scale", selectable=False, heading=True, data=None))
        today = present.today(present.present_moment(snapshot, view), program)
        dated = [_milestone_row(program, m, view) for m in _in_order(program.milestones, today)]
        if rows and dated:
            rows.append(blank_row("milestones"))
        return rows + dated

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, Wave):
            return _wave_lines(row.data, row.height, ctx)
        if isinstance(row.data, Milestone):
            return _milestone_lines(row.data, row.height, ctx)
        if row.key == "scale":
            place = _place(ctx)
            return (text(" " * place[0], *place[1].scale()),) if place else ()
        return ()

    def edge(self, ctx: DrawContext) -> Line:
        return documents_edge(ctx.snapshot, ctx.now)


def documents_edge(snapshot: Snapshot, now: datetime) -> Line:
    """How old the documents are, and how many of them cannot be read as they are now."""
    broken = sum(1 for reading in snapshot.documents if reading.error)
    count: Line = (Span(f"{broken} unreadable", "warn"),) if broken else ()
    return join((count, present.freshness_line(snapshot, ("documents",), now)))


def _squads(program: Program, wave: Wave) -> tuple[str, ...]:
    return distinct(*(present.squad_id(program, name) or name for name in wave.squads))


def _wave_row(program: Program, wave: Wave, view: View) -> Row:
    squads = _squads(program, wave)
    names = [present.squad_name(program, squad) for squad in squads]
    return Row(
        key=f"wave:{wave.id}",
        height=2 if view.width and view.width < TWO_LINES_BELOW else 1,
        subject=Subject("wave", wave.id),
        squads=squads,
        text=words(wave.id, wave.name, wave.declared and wave.declared.text, *names),
        data=wave,
    )


def _milestone_row(program: Program, milestone: Milestone, view: View) -> Row:
    return Row(
        key=f"milestone:{milestone.id}",
        height=2 if view.width and view.width < MILESTONE_LINES_BELOW else 1,
        subject=Subject("milestone", milestone.id),
        text=words("milestone", milestone.label, milestone.text, milestone.section),
        data=milestone,
    )


def _in_order(all_: Sequence[Milestone], today: date) -> list[Milestone]:
    """What is ahead, soonest first; then what has passed, latest first; then what has no date."""
    ahead = [m for m in all_ if m.date is not None and m.date >= today]
    passed = [m for m in all_ if m.date is not None and m.date < today]
    ahead.sort(key=lambda m: m.date or today)
    passed.sort(key=lambda m: m.date or today, reverse=True)
    return ahead + passed + [m for m in all_ if m.date is None]


def _place(ctx: DrawContext) -> tuple[int, Timeline] | None:
    """The width of the names, and the timeline beside them."""
    program = ctx.snapshot.program
    today = present.today(ctx.now, program)
    dates = extent(program, today)
    longest = max((cell_width(w.name or w.id) for w in program.waves), default=0)
    name = min(longest, 18, max(8, ctx.width // 4)) + 2
    if dates is None:
        return None
    room = ctx.width - name
    if ctx.width >= TWO_LINES_BELOW:
        said = max(line_width(wave_words(s, program)) for s in assessed(program, today).values())
        room -= 2 + min(max(said, WORDS_ROOM), room * 6 // 10)
    return name, fitted(*dates, min(room, 112))


def _wave_lines(wave: Wave, height: int, ctx: DrawContext) -> Iterable[Line]:
    program = ctx.snapshot.program
    today = present.today(ctx.now, program)
    status = assessed(program, today).get(wave.id) or WaveStatus(wave, "unknown")
    place = _place(ctx)
    width = place[0] if place else min(20, max(8, ctx.width // 3))
    style: Style = "strong" if status.phase == "active" and not wave.design else "text"
    name = column(wave.name or wave.id, width - 2, style)
    said = wave_words(status, program)
    if place is None:
        return (text(name, "  ", *said),)
    timeline = place[1]
    bar = timeline.draw(_bars(status, timeline, program), today)
    if height == 1:
        return (text(name, "  ", *bar, "  ", *said),)
    return text(name, "  ", *bar), text(" " * width, *said)


def _bars(status: WaveStatus, timeline: Timeline, program: Program) -> list[tuple[int, int, Style]]:
    dates = waves.span(status.wave, program.calendar, program.start)
    if status.wave.design and dates is None:
        return timeline.bar(timeline.start, timeline.end, "wave-design")
    style = "wave-design" if status.wave.design else present.PHASE[status.phase]
    return timeline.bar(*dates, style) if dates else []


def wave_words(status: WaveStatus, program: Program) -> Line:
    """What dates say of a wave, where people say something else, and what they say, verbatim."""
    declared = status.wave.declared
    agreed = _agreed(status)
    return join(
        (
            () if agreed else phase_words(status),
            (Span(status.verdict, "accent" if agreed else "warn"),) if status.verdict else (),
            (Span(declared.text, "dim"),) if declared and declared.text else (),
            (Span(f"overlaps {_others(status, program)}", "dim"),) if status.overlaps else (),
        ),
        Span("  "),
    )


def _agreed(status: WaveStatus) -> bool:
    """Whether the verdict only says the phase once more: ``opens in 5 d (early start approved)``."""
    return bool(status.verdict) and str(status.verdict).startswith(as_text((phase_words(status),)))


def _others(status: WaveStatus, program: Program) -> str:
    names = {wave.id: wave.name or wave.id for wave in program.waves}
    return ", ".join(names.get(other, other) for other in status.overlaps)


def phase_words(status: WaveStatus) -> Line:
    """Where a wave is by its dates alone: ``day 3 of 14``, ``opens in 5 d``, ``ended 2 d ago``."""
    if status.targets:
        return text(Span("+1 sprint · ", "dim"), Span(", ".join(status.targets)))
    if status.phase == "active":
        if status.day is None:
            return (Span("active", "wave-active"),)
        return text(Span(f"day {status.day}", "strong"), f" of {status.days or '?'}")
    if status.phase == "planned":
        return (Span("planned" if status.opens_in is None else f"opens in {status.opens_in} d"),)
    if status.phase == "ended":
        ago = "ended" if status.ended_ago is None else f"ended {status.ended_ago} d ago"
        return join(((Span(ago, "dim"),), _outcome(status)))
    return (Span("no dates", "dim"),)


def _outcome(status: WaveStatus) -> Line:
    looks: dict[str, Span] = {
        "done": Span("✓ done", "ok"),
        "late": Span("✖ late", "down"),
        "unverified": Span("? unverified", "unknown"),
    }
    return (looks[status.outcome],) if status.outcome in looks else ()


def milestone_look(milestone: Milestone, today: date) -> tuple[present.Look, milestones.MilestoneStatus]:
    """How a milestone stands on `today`; a date alone never makes one met."""
    status = milestones.status(milestone, today)
    return MILESTONE[status.state], status


def milestone_label(milestone: Milestone, program: Program) -> str:
    """``W1D3`` where the date can be placed, else as it was written."""
    if milestone.date is None or program.start is None:
        return milestone.label or ""
    return calendar.position(program.calendar, program.start, milestone.date).label


def _distance(day: date | None, today: date) -> str:
    if day is None or day == today:
        return ""
    days = (day - today).days
    return f"in {days} d" if days > 0 else f"{-days} d ago"


def _milestone_lines(milestone: Milestone, height: int, ctx: DrawContext) -> Iterable[Line]:
    program = ctx.snapshot.program
    today = present.today(ctx.now, program)
    look, status = milestone_look(milestone, today)
    style: Style = "strong" if milestone.date == today else "dim"
    distance = _distance(milestone.date, today)
    head = text(
        Span(f"{look.glyph} ", look.style),
        column(milestone_label(milestone, program), 6, style),
        column(present.day_text(milestone.date) if milestone.date else "", 11, style),
        column(distance or "today", 10, "dim" if distance else "today") if milestone.date else Span(" " * 10),
    )
    said: Line = () if status.state in ("today", "upcoming") else (Span(_recorded(status, ctx), look.style),)
    if height == 1:
        return (text(*head, *join((said, (Span(milestone.text),)), Span("  "))),)
    return text(*head, *said), text("  ", milestone.text)


def _recorded(status: milestones.MilestoneStatus, ctx: DrawContext) -> str:
    """``nothing recorded``, or what was recorded and by whom; without the name while names are hidden."""
    said = status.text.removeprefix("passed, ")
    return said.partition(" by ")[0] if ctx.view.redact else said


PANE = WavesPane()
