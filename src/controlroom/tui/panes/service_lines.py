"""How services are said: one by one, as a group, as those that are fine, and what doubts them all."""

from __future__ import annotations

from datetime import datetime

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Program
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.worst import UNGROUPED, in_doubt
from controlroom.tui import present
from controlroom.tui.known_services import (
    count,
    declared,
    depended_on,
    healths,
    name_width,
    reached,
    state_of,
)
from controlroom.tui.lines import column, fit_line, join, line_width, text
from controlroom.tui.panes.base import distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.service_groups import Head, MakeRow, Numbered, Quiet
from controlroom.tui.triage_words import opened_mark
from controlroom.tui.width import cell_width

NAMED = 3
"""Squads that are named where a service affects many; the rest are counted."""

FACTS_FROM = 60
"""Narrower than this, a service that is well says nothing but its name, age and latency."""

HOUR_FROM = 90
"""Narrower than this, rows end in words and not in the last hour."""

COLUMNS_FROM = 48
"""Narrower than this, what follows a state stands right behind it."""

LEAST_REASON = 14
"""With fewer cells left, the reason of a row of two lines is in the second."""

UNVERIFIED = present.Look("?", "unverified", "unknown")


def look(state: ServiceState) -> present.Look:
    """A service's look; what a dead dependency explains, or a blind room only supposes, is not red."""
    if in_doubt(state):
        return UNVERIFIED
    seen = present.HEALTH[state.health]
    if state.caused_by and state.health in (Health.DOWN, Health.DEGRADED):
        return present.Look(seen.glyph, seen.word, "degraded")
    return seen


def row_maker(program: Program) -> MakeRow:
    """What makes the rows of services, as they are shown."""
    names, parts = present.squad_names(program), depended_on(program.dependencies)

    def make(numbered: Numbered, state: ServiceState, tall: bool) -> Row:
        service = state.service
        squads = distinct(*service.squads, service.owner)
        return Row(
            key=f"service:{service.id}",
            height=2 if tall else 1,
            subject=Subject("service", service.id),
            squads=squads,
            text=words(
                service.id,
                service.name,
                service.kind,
                service.group,
                *states(state),
                state.reason,
                state.caused_by and f"caused by {state.caused_by}",
                *squads,
                *[names.get(squad, "") for squad in squads],
                *service.depends_on,
                *parts.get(service.id, ()),
            ),
            states=states(state),
            data=numbered,
            ticks=True,
        )

    return make


def states(shown: ServiceState) -> tuple[str, ...]:
    """The words that a filter knows its state by."""
    return (shown.health, "unverified") if in_doubt(shown) else (shown.health,)


def name_column(ctx: DrawContext, longest: int) -> int:
    """Cells of the names in a pane of this width."""
    return min(longest, max(10, ctx.width // 4, min(16, ctx.width * 2 // 5)))


def state_column(said: str, ctx: DrawContext, style: Style, *, least: int = 16) -> Span:
    """The state behind a name, in a column of `least` cells where there is room for columns."""
    if ctx.width >= FACTS_FROM:
        return column(said, least, style)
    return column(said, max(14 if ctx.width >= COLUMNS_FROM else 0, cell_width(said)), style)


def service_lines(state: ServiceState, height: int, ctx: DrawContext) -> tuple[Line, ...]:
    """State, age, reason and latency, and its last hour where there is room; whom it affects at the end, or
    below in a row of two lines."""
    shown = health.shown(state, ctx.now)
    service, seen = shown.service, look(shown)
    calm = shown.health in (Health.UP, Health.MAINTENANCE)
    name = name_column(ctx, name_width(declared(ctx.snapshot.services)))
    lead = text(
        Span(f"{seen.glyph} ", seen.style),
        column(service.name or service.id, name, _name_style(shown.health)),
        " ",
        state_column(lasted(shown, seen, ctx.now), ctx, "dim" if calm else seen.style),
        " ",
    )
    why = join(
        (
            _cause(shown, ctx),
            _reason(shown, ctx),
            (Span(latency_text(shown.latency), "dim"),) if _timed(shown) else (),
            _facts(shown, ctx),
            (Span(f"flapped {shown.flaps}×", "warn"),) if shown.flaps >= health.FLAPPING else (),
        )
    )
    whom = (_affects(shown, ctx), opened_mark(ctx.snapshot, f"service:{service.id}", ctx.now))
    if height == 1:
        return (with_hour(text(*lead, *join((why, *whom[::-1]))), state, shown.health, ctx),)
    if ctx.width - line_width(lead) < LEAST_REASON:
        return lead, text("  ", *join((why, *whom)))
    return with_hour(text(*lead, *why), state, shown.health, ctx), text("  ", *join(whom))


def with_hour(line: Line, state: ServiceState, shown: Health, ctx: DrawContext) -> Line:
    """`line` with the last hour at the right edge, where the pane is wide enough."""
    if ctx.width < HOUR_FROM:
        return line
    from controlroom.tui import strip  # most panes are narrower

    cells = strip.cells(ctx.width)
    hour = strip.hour(state, shown, ctx.now, cells, plain=ctx.view.ascii)
    return text(*fit_line(line, ctx.width - cells - 2), "  ", *hour)


def lasted(shown: ServiceState, seen: present.Look, now: datetime) -> str:
    """``DOWN 3m``; of planned work only that it is on, as its reason says until when."""
    if shown.since is None or shown.health is Health.MAINTENANCE:
        return seen.word
    return f"{seen.word} {present.since(shown.since, now)}"


def _name_style(shown: Health) -> Style:
    if shown is Health.MAINTENANCE:
        return "dim"
    return "text" if shown is Health.UP else "strong"


def _cause(shown: ServiceState, ctx: DrawContext) -> Line:
    if not shown.caused_by:
        return ()
    return (Span(f"caused by {name_of(shown.caused_by, ctx.snapshot)}", "degraded"),)


def name_of(id_: str, snapshot: Snapshot) -> str:
    """What a service is called; an id that nobody declared stays as written."""
    state = state_of(snapshot.services, id_)
    return (state.service.name or id_) if state is not None else id_


def _timed(shown: ServiceState) -> bool:
    return shown.latency is not None and shown.health in (Health.UP, Health.DEGRADED)


def _reason(shown: ServiceState, ctx: DrawContext) -> Line:
    """A reason is worth its place unless all is well; a first failure proves nothing, but is told."""
    if not shown.reason or (shown.health is Health.UP and not shown.failures):
        return ()
    style: Style = "warn" if shown.health is Health.UP else "text"
    calm = shown.health is Health.MAINTENANCE
    return (Span(present.hosts(shown.reason, ctx.view), "dim" if calm else style),)


def latency_text(seconds: float | None) -> str:
    """``0.4 ms``, ``120 ms``, ``2.1 s``; empty where there is none."""
    if seconds is None:
        return ""
    ms = seconds * 1000
    if ms >= 1000:
        return f"{seconds:.1f} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"


def _facts(shown: ServiceState, ctx: DrawContext) -> Line:
    """Two facts of a service that is well, such as its role and version."""
    if shown.health is not Health.UP or ctx.width < FACTS_FROM or not shown.detail:
        return ()
    facts = [f"{key} {value}" for key, value in list(shown.detail.items())[:2]]
    return (Span(present.hosts(", ".join(facts), ctx.view), "dim"),)


def _affects(shown: ServiceState, ctx: DrawContext) -> Line:
    """The squads that feel it; of what is in trouble by itself also those behind what depends on it."""
    if shown.health in (Health.UP, Health.MAINTENANCE):
        return ()
    squads = shown.service.squads
    if shown.health in (Health.DOWN, Health.DEGRADED) and shown.caused_by is None:
        squads = reached(ctx.snapshot.services, ctx.snapshot.program, shown.service).squads
    if not squads:
        return ()
    names = ", ".join(present.squad_name(ctx.snapshot.program, squad) for squad in squads[:NAMED])
    more = f" +{len(squads) - NAMED}" if len(squads) > NAMED else ""
    return (Span(f"affects {names}{more}", "dim"),)


def head_line(head: Head, ctx: DrawContext) -> Line:
    """``data       ✖ 1  ● 3``: a group and how many of it are in each state."""
    known = healths(ctx.snapshot.services, now=ctx.now)
    found = count(known[number] for number in head.numbers if number < len(known))
    name = name_column(ctx, name_width(declared(ctx.snapshot.services)))
    counts = (
        (Span(f"{present.HEALTH[state].glyph} {number}", _counted(state)),)
        for state, number in found.items()
        if number
    )
    return text(column(head.name or UNGROUPED, name + 2, "title"), " ", *join(counts, Span("  ")))


def _counted(state: Health) -> Style:
    """In a heading, what is up is not to be looked at."""
    return "dim" if state is Health.UP else present.HEALTH[state].style


def quiet_line(quiet: Quiet, ctx: DrawContext) -> Line:
    """``● 7 more up``; those that stopped answering since are counted as unknown, never as up."""
    known = healths(ctx.snapshot.services, now=ctx.now)
    counts = count(known[number] for number in quiet.numbers if number < len(known))
    up = counts.pop(Health.UP)
    parts: list[Line] = []
    if up or not any(counts.values()):
        parts.append(text(Span("● ", "up"), Span(f"{up} {'more ' if quiet.others else ''}up", "dim")))
    for state, number in counts.items():
        if number:
            seen = present.HEALTH[state]
            calm = state is Health.MAINTENANCE
            word = text(Span(f"{seen.glyph} ", seen.style), Span(f"{number} {seen.word}", "dim"))
            parts.append(word if calm else (Span(f"{seen.glyph} {number} {seen.word}", seen.style),))
    return join(parts)


def self_line(snapshot: Snapshot, view: View) -> Line:
    """``? is it me: no default route · 7 failures unverified``; nothing while this machine is fine."""
    found = [present.hosts(check.text, view) for check in snapshot.self_checks if check.ok is False]
    if not found:
        return ()
    unsure = sum(not state.verified for state in snapshot.services)
    failures = f"{unsure} failure{'' if unsure == 1 else 's'} unverified" if unsure else ""
    lead = text(Span("? is it me:", "badge-warn"), " ", Span(", ".join(found), "strong"))
    return join((lead, (Span(failures, "unknown"),) if failures else ()))
