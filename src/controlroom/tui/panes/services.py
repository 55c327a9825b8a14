"""Services, worst first; those that are up take one line together. Then what the schedule depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Dependency, Program
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import slug
from controlroom.tui import present
from controlroom.tui.lines import column, join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane, concerns, distinct, heading_row, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.triage_words import opened_mark
from controlroom.tui.width import cell_width

ONE_LINE_FROM = 100
"""Narrower than this, whom a failing service affects has a line of its own: its reason fills the first."""

RANK: Mapping[Health, int] = {state: rank for rank, state in enumerate(present.HEALTH)}


@dataclass(frozen=True, slots=True)
class Quiet:
    """Services that were up when the rows were made, in one line."""

    ids: tuple[str, ...]
    others: bool


@dataclass(frozen=True, slots=True)
class Undeclared:
    """Where services would be, while there are only dependencies."""


@dataclass(frozen=True, slots=True)
class AllDependencies:
    """Every dependency in one line."""


@by_identity(keep=2)
def by_id(services: tuple[ServiceState, ...]) -> dict[str, ServiceState]:
    """Service id → its state."""
    return {state.service.id: state for state in services}


@by_identity(keep=2)
def _name_width(services: tuple[ServiceState, ...]) -> int:
    return max((cell_width(s.service.name or s.service.id) for s in services), default=0)


def tally(services: Iterable[ServiceState], now: datetime) -> dict[Health, int]:
    """How many services are in each state, as may be said at `now`."""
    counts = dict.fromkeys(present.HEALTH, 0)
    for state in services:
        counts[health.shown(state, now).health] += 1
    return counts


class ServicesPane(BasePane):
    """`services`."""

    id = "services"
    title = "Services"
    kinds = ("services",)
    nothing = "no services declared: add [[services]]"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        shown = sum(_concerned(state, ctx.view) for state in ctx.snapshot.services)
        return (str(shown) if shown else ""), "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.services, snapshot.program

    def empty(self, snapshot: Snapshot) -> Line:
        """Services declared are listed even before the first answer, so empty means none declared."""
        return (Span(self.nothing, "dim"),)

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        moment = present.present_moment(snapshot, view)
        program = snapshot.program
        shown = [
            (health.shown(state, moment), state) for state in snapshot.services if _concerned(state, view)
        ]
        shown.sort(key=lambda pair: (RANK[pair[0].health], pair[0].caused_by is not None))
        quiet = [state for now, state in shown if now.health is Health.UP]
        every = view.expanded or bool(view.filter.strip()) or len(quiet) <= _room(view, len(shown))
        rows = [_row(now, program, view) for now, _ in shown if every or now.health is not Health.UP]
        if not every:
            ids = tuple(state.service.id for state in quiet)
            rows.append(
                Row(
                    key="quiet",
                    text=words("up", *ids),
                    data=Quiet(ids, len(ids) < len(shown)),
                    ticks=True,
                    squads=distinct(*(s for state in quiet for s in state.service.squads)),
                )
            )
        dependencies = _dependency_rows(snapshot, view)
        if dependencies and not snapshot.services:
            rows = [Row(key="undeclared", data=Undeclared(), selectable=False)]
        return rows + dependencies

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, str) and not row.heading:
            state = by_id(ctx.snapshot.services).get(row.data)
            return _service_lines(state, row.height, ctx) if state else ()
        if isinstance(row.data, Quiet):
            return (_quiet_line(row.data, ctx),)
        if isinstance(row.data, Dependency):
            return (_dependency_line(row.data, ctx),)
        if isinstance(row.data, AllDependencies):
            return (_dependencies_line(ctx),)
        if isinstance(row.data, Undeclared):
            return ((Span(self.nothing, "dim"),),)
        return ((Span(row.data, "title"),),) if row.heading else ()


def _room(view: View, services: int) -> int:
    """How many quiet services may have a line of their own: all, if the pane is high enough for all."""
    return 0 if view.height and services + 2 > view.height else 8 if not view.height else services


def _concerned(state: ServiceState, view: View) -> bool:
    """Whether the service is shown: it concerns the squad in focus, or everybody."""
    return concerns((*state.service.squads, state.service.owner), view, shared=True)


def _row(state: ServiceState, program: Program, view: View) -> Row:
    service = state.service
    squads = distinct(*service.squads, service.owner)
    failing = state.health in (Health.DOWN, Health.DEGRADED) and state.caused_by is None
    tall = failing and bool(service.squads) and view.width < ONE_LINE_FROM
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
            state.health,
            state.reason,
            state.caused_by and f"caused by {state.caused_by}",
            *(present.squad_name(program, squad) for squad in squads),
        ),
        data=service.id,
        ticks=True,
    )


def look(state: ServiceState) -> present.Look:
    """A service's look; what a dead dependency explains, or a blind room only supposes, is not red."""
    seen = present.HEALTH[state.health]
    if state.health in (Health.DOWN, Health.DEGRADED):
        if not state.verified:
            return present.Look("?", "unverified", "unknown")
        if state.caused_by:
            return present.Look(seen.glyph, seen.word, "degraded")
    return seen


def _service_lines(state: ServiceState, height: int, ctx: DrawContext) -> tuple[Line, ...]:
    """State, age, latency and reason; whom it affects at the end, or below in a row of two lines."""
    shown = health.shown(state, ctx.now)
    seen = look(shown)
    service = shown.service
    name = min(_name_width(ctx.snapshot.services), max(10, ctx.width // 4, min(16, ctx.width * 2 // 5)))
    word = seen.word if shown.since is None else f"{seen.word} {present.since(shown.since, ctx.now)}"
    loud: Style = "warn" if shown.health is Health.UP else "text"
    names = ", ".join(present.squad_name(ctx.snapshot.program, s) for s in service.squads)
    affects: Line = (Span(f"affects {names}", "dim"),) if names and shown.health is not Health.UP else ()
    opened = opened_mark(ctx.snapshot, f"service:{service.id}", ctx.now)
    line = text(
        Span(f"{seen.glyph} ", seen.style),
        column(service.name or service.id, name, "text" if shown.health is Health.UP else "strong"),
        " ",
        column(word, 16 if ctx.width >= 60 else 14, "dim" if shown.health is Health.UP else seen.style),
        " ",
        *join(
            (
                (Span(f"caused by {_name(shown.caused_by, ctx)}", "degraded"),) if shown.caused_by else (),
                (Span(_latency(shown), "dim"),) if shown.latency is not None and _answers(shown) else (),
                (Span(present.hosts(shown.reason, ctx.view), loud),) if _speaks(shown) else (),
                _facts(shown, ctx) if shown.health is Health.UP and ctx.width >= 60 else (),
                (Span(f"flapped {shown.flaps}×", "warn"),) if shown.flaps > 2 else (),
                opened if height == 1 else (),
                affects if height == 1 else (),
            ),
        ),
    )
    return (line, text("  ", *join((affects, opened)))) if height > 1 else (line,)


def _name(service: str | None, ctx: DrawContext) -> str:
    state = by_id(ctx.snapshot.services).get(service or "")
    return (state.service.name or state.service.id) if state else (service or "?")


def _answers(state: ServiceState) -> bool:
    return state.health in (Health.UP, Health.DEGRADED)


def _speaks(state: ServiceState) -> bool:
    """A reason is worth its place unless all is well; a first failure proves nothing, but is told."""
    return bool(state.reason) and (state.health is not Health.UP or state.failures > 0)


def _latency(state: ServiceState) -> str:
    return "" if state.latency is None else latency_text(state.latency)


def latency_text(seconds: float) -> str:
    """``0.4 ms``, ``120 ms``, ``2.1 s``."""
    ms = seconds * 1000
    if ms >= 1000:
        return f"{seconds:.1f} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"


def _facts(state: ServiceState, ctx: DrawContext) -> Line:
    """Two facts of a service that is well, such as its role and version."""
    facts = [f"{key} {value}" for key, value in list(state.detail.items())[:2]]
    return (Span(present.hosts(", ".join(facts), ctx.view), "dim"),) if facts else ()


def _quiet_line(quiet: Quiet, ctx: DrawContext) -> Line:
    """``● 7 more up``; those that stopped answering since are counted as unknown, never as up."""
    states = by_id(ctx.snapshot.services)
    counts = tally((states[id_] for id_ in quiet.ids if id_ in states), ctx.now)
    up = counts.pop(Health.UP)
    parts: list[Line] = []
    if up or not any(counts.values()):
        parts.append(text(Span("● ", "up"), Span(f"{up} {'more ' if quiet.others else ''}up", "dim")))
    for state, count in counts.items():
        if count:
            seen = present.HEALTH[state]
            parts.append((Span(f"{seen.glyph} {count} {seen.word}", seen.style),))
    return join(parts)


def _dependency_rows(snapshot: Snapshot, view: View) -> list[Row]:
    dependencies = snapshot.program.dependencies
    if not dependencies:
        return []
    if not view.expanded and not view.filter.strip():
        return [
            Row(key="dependencies", text="dependencies", data=AllDependencies(), ticks=True, selectable=False)
        ]
    rows = [heading_row("dependencies", "Critical dependencies")]
    for index, dependency in enumerate(dependencies):
        rows.append(
            Row(
                key=f"dependency:{index}:{slug(dependency.name)}",
                subject=Subject("dependency", dependency.name),
                squads=distinct(dependency.owner),
                text=words("dependency", dependency.name, dependency.text, *dependency.services),
                data=dependency,
                ticks=True,
            )
        )
    return rows


def dependency_state(dependency: Dependency, snapshot: Snapshot, now: datetime) -> present.Look:
    """The worst of the probes that watch it; without one, that none is declared."""
    states = by_id(snapshot.services)
    watched = [states[id_] for id_ in dependency.services if id_ in states]
    if not watched:
        return present.Look("?", "no probe declared", "unknown")
    worst = min((health.shown(state, now) for state in watched), key=lambda state: RANK[state.health])
    return look(worst)


def _dependency_line(dependency: Dependency, ctx: DrawContext) -> Line:
    seen = dependency_state(dependency, ctx.snapshot, ctx.now)
    names = [_name(id_, ctx) for id_ in dependency.services]
    owner = f"owner {present.squad_name(ctx.snapshot.program, dependency.owner)}" if dependency.owner else ""
    return text(
        Span(f"{seen.glyph} ", seen.style),
        column(dependency.name, max(10, min(24, ctx.width // 3))),
        " ",
        *join(
            (
                (Span(seen.word, seen.style),),
                (Span(", ".join(names), "text"),) if names else (),
                (Span(owner, "dim"),) if owner else (),
                (Span(dependency.text, "dim"),) if dependency.text else (),
            )
        ),
    )


def _dependencies_line(ctx: DrawContext) -> Line:
    """``depends on  ✖ Kafka DOWN  ● Redis up  ? Temporal no probe declared``."""
    found = [(d, dependency_state(d, ctx.snapshot, ctx.now)) for d in ctx.snapshot.program.dependencies]
    loud = [(d, seen) for d, seen in found if seen.style not in ("up", "unknown") or d.services]
    silent = [d for d, seen in found if not d.services]
    parts: list[Line] = [
        text(Span(f"{seen.glyph} ", seen.style), Span(d.name), Span(f" {seen.word}", seen.style))
        for d, seen in sorted(loud, key=lambda pair: pair[1].style == "up")
        if d not in silent
    ]
    if silent:
        parts.append((Span(f"? no probe declared for {', '.join(d.name for d in silent)}", "unknown"),))
    return text(Span("needs  ", "dim"), *join(parts, Span("  ")))


PANE = ServicesPane()
