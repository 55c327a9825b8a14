"""What the schedule depends on: how it is, who answers for it, and what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Dependency
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import slug
from controlroom.domain.triage import Blocker
from controlroom.domain.worst import UNKNOWN, place
from controlroom.tui import present
from controlroom.tui.known_services import above, declared, name_width, state_of
from controlroom.tui.lines import column, join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import distinct, heading_row, words
from controlroom.tui.panes.service_lines import FACTS_FROM, lasted, look, name_column, state_column, states
from controlroom.tui.rows import DrawContext, Line, Row, Span, Subject, View
from controlroom.tui.width import cell_width

if TYPE_CHECKING:
    from controlroom.domain.needs import Need

NO_PROBE = present.Look("?", "no probe declared", "unknown")
NOT_DECLARED = present.Look("?", "no such service", "unknown")

STATE = 18
"""Cells of the states."""


TOGETHER = "dependencies"
"""Key of the row that has all of them in one line."""


def rows(snapshot: Snapshot, moment: datetime) -> list[Row]:
    """A heading and a row for each dependency, the worst first."""
    program = snapshot.program
    made = [heading_row("dependencies", "Critical dependencies")]
    known = [(_worst(one, snapshot, moment), index) for index, one in enumerate(program.dependencies)]
    for worst, index in sorted(known, key=lambda one: UNKNOWN if one[0] is None else place(one[0])):
        dependency = program.dependencies[index]
        squads = distinct(dependency.owner, *dependency.squads)
        made.append(
            Row(
                key=f"dependency:{index}:{slug(dependency.name)}",
                subject=Subject("dependency", dependency.name),
                squads=squads,
                text=words(
                    "dependency",
                    dependency.name,
                    dependency.text,
                    *dependency.services,
                    worst and worst.reason,
                    *(present.squad_name(program, squad) for squad in squads),
                ),
                states=(Health.UNKNOWN,) if worst is None else states(worst),
                data=dependency,
                ticks=True,
            )
        )
    return made


def _worst(dependency: Dependency, snapshot: Snapshot, moment: datetime) -> ServiceState | None:
    """What it stands among the others for: its worst service; None where none watches it."""
    known = _watched(dependency, snapshot).values()
    return min((health.shown(state, moment) for state in known), key=place, default=None)


def _watched(dependency: Dependency, snapshot: Snapshot) -> Mapping[str, ServiceState]:
    """Id → state of the services that watch it."""
    found = {id_: state_of(snapshot.services, id_) for id_ in dependency.services}
    return {id_: state for id_, state in found.items() if state is not None}


def one_row() -> Row:
    """All of them in one line."""
    return Row(key=TOGETHER, text="dependencies", ticks=True, selectable=False)


def need_of(dependency: Dependency, snapshot: Snapshot, now: datetime) -> Need:
    """How a dependency is at `now`, and what waits for it."""
    from controlroom.domain.needs import need  # a room without dependencies does without

    reach = above(declared(snapshot.services))
    return need(dependency, _watched(dependency, snapshot), reach, _held(snapshot.blockers), now)


@by_identity(keep=2)
def _held(blockers: tuple[Blocker, ...]) -> Mapping[str, Sequence[Blocker]]:
    from controlroom.domain.needs import held_up

    return held_up(blockers)


def need_look(need: Need) -> present.Look:
    """The worst of the probes that watch it; without one, that none is declared."""
    if need.worst is None:
        return NOT_DECLARED if need.missing else NO_PROBE
    return look(need.worst)


def need_line(dependency: Dependency, ctx: DrawContext) -> Line:
    """``✖ Kafka  DOWN 3m  owner Quay · 4 squads, 3 services wait · connection refused``."""
    found = need_of(dependency, ctx.snapshot, ctx.now)
    seen, worst = need_look(found), found.worst
    state = seen.word if worst is None else lasted(worst, seen, ctx.now)
    calm = seen.style in ("up", "maintenance")
    name = name_column(ctx, _names(ctx.snapshot))
    owner = present.squad_name(ctx.snapshot.program, dependency.owner) if dependency.owner else ""
    label = Span("owner " if ctx.width >= FACTS_FROM else "", "dim")
    owned = text(label, Span(owner)) if owner else (Span("no owner", "warn"),)
    return text(
        Span(f"{seen.glyph} ", seen.style),
        column(dependency.name, name, "text" if calm else "strong"),
        " ",
        state_column(state, ctx, "dim" if calm else seen.style, least=STATE),
        " ",
        *join(
            (
                owned,
                text(Span(waiting(found), "dim" if calm else "strong")),
                _reason(found, ctx.view),
                (Span(dependency.text, "dim"),) if dependency.text else (),
            )
        ),
    )


def _names(snapshot: Snapshot) -> int:
    """Cells of the longest name, so that states stand below those of the services."""
    longest = max((cell_width(one.name) for one in snapshot.program.dependencies), default=0)
    return max(longest, name_width(declared(snapshot.services)))


def _reason(found: Need, view: View) -> Line:
    """Why it is not up, and which of several services says so."""
    worst = found.worst
    if worst is None or not worst.reason or look(worst).style == "up":
        return ()
    name = f"{worst.service.name or worst.service.id}: " if len(found.watched) > 1 else ""
    return (Span(present.hosts(f"{name}{worst.reason}", view)),)


def waiting(found: Need) -> str:
    """``4 squads, 1 service, 2 blockers wait``; empty where nothing does."""
    counted = [
        f"{number} {name}{'' if number == 1 else 's'}"
        for number, name in (
            (len(found.squads), "squad"),
            (len(found.services), "service"),
            (len(found.blockers), "blocker"),
        )
        if number
    ]
    total = len(found.squads) + len(found.services) + len(found.blockers)
    return f"{', '.join(counted)} wait{'s' if total == 1 else ''}" if counted else ""


def needs_line(ctx: DrawContext) -> Line:
    """``needs  ✖ Kafka DOWN  ● Redis up  ? no probe declared for Temporal``."""
    found = [need_of(one, ctx.snapshot, ctx.now) for one in ctx.snapshot.program.dependencies]
    looks = [(one.dependency.name, need_look(one)) for one in found if one.watched or one.missing]
    silent = [one.dependency.name for one in found if not one.watched and not one.missing]
    parts: list[Line] = [
        text(Span(f"{seen.glyph} ", seen.style), Span(name), Span(f" {seen.word}", seen.style))
        for name, seen in sorted(looks, key=lambda pair: pair[1].style == "up")
    ]
    if silent:
        parts.append((Span(f"? no probe declared for {', '.join(silent)}", "unknown"),))
    return text(Span("needs  ", "dim"), *join(parts, Span("  ")))
