"""Details of what runs: services, what the schedule depends on, and the sources behind the room."""

from __future__ import annotations

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health
from controlroom.domain.text import slug
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import opened_about
from controlroom.tui.lines import join, text
from controlroom.tui.panes.blockers import waits
from controlroom.tui.panes.services import by_id, dependency_state, latency_text, look
from controlroom.tui.rows import Line, Span


def service(sheet: Sheet, id_: str) -> bool:
    """How a service is, since when and why; who it affects; its history."""
    state = by_id(sheet.snapshot.services).get(id_)
    if state is None:
        return False
    shown = health.shown(state, sheet.now)
    declared, seen = state.service, look(shown)
    sheet.title = declared.name or declared.id
    lasted = f" {present.since(shown.since, sheet.now)}" if shown.since else ""
    sheet.fact("state", text(Span(f"{seen.glyph} {seen.word}{lasted}", seen.style)))
    sheet.fact("since", sheet.when(shown.since, seconds=True))
    sheet.fact("reason", present.hosts(shown.reason, sheet.view))
    if shown.caused_by:
        sheet.fact("caused by", f"{shown.caused_by}, which is DOWN", "degraded")
    if not shown.verified:
        sheet.fact("not verified", "this machine's own network may be what is cut off", "unknown")
    sheet.fact("latency", latency_text(shown.latency) if shown.latency is not None else "")
    sheet.fact("last answer", sheet.when(shown.probed_at, seconds=True))
    sheet.fact("asked every", f"{shown.interval:g} s, as {declared.kind}")
    sheet.fact("address", present.hosts(declared.url, sheet.view))
    sheet.fact("flapping", f"{shown.flaps} changes in the last hour" if shown.flaps > 2 else "")
    _who(sheet, state)
    sheet.each("Facts", (_pair(k, present.hosts(v, sheet.view)) for k, v in shown.detail.items()))
    opened_about(sheet, f"service:{declared.id}")
    sheet.each("History, newest first", (_transition(sheet, t) for t in reversed(state.transitions)))
    _advise(sheet, shown)
    sheet.link("runbook", declared.runbook)
    if declared.url.startswith(("http://", "https://")):
        sheet.link("address", declared.url)
    return True


def _pair(key: str, value: str) -> Line:
    return text(Span(f"{key:<14}", "dim"), Span(value))


def _who(sheet: Sheet, state: ServiceState) -> None:
    """Squads, milestones and services that feel it when this one is not up."""
    declared = state.service
    states = by_id(sheet.snapshot.services)
    above = [s.service.id for s in sheet.snapshot.services if declared.id in s.service.depends_on]
    milestones = {m.id: m.text for m in sheet.snapshot.program.milestones}
    sheet.fact("run by", sheet.squad(declared.owner))
    sheet.fact("affects", sheet.squads(declared.squads))
    sheet.fact("milestones", ", ".join(milestones.get(m, m) for m in declared.milestones))
    sheet.fact("needed by", ", ".join(above))
    needs = []
    for id_ in declared.depends_on:
        other = states.get(id_)
        seen = look(health.shown(other, sheet.now)) if other else present.HEALTH[Health.UNKNOWN]
        needs.append(text(Span(f"{seen.glyph} {id_} {seen.word}", seen.style)))
    sheet.fact("needs", join(needs))
    touched = {*declared.squads, declared.owner} - {None}
    waiting = [
        b
        for b in sheet.snapshot.blockers
        if b.state != "resolved" and touched & {b.owning_squad, b.blocking_squad}
    ]
    if state.health is not Health.UP:
        program = sheet.snapshot.program
        sheet.each(
            "Open blockers of these squads",
            (join(((Span(b.summary),), waits(b, program))) for b in waiting[:10]),
        )


def _transition(sheet: Sheet, transition: health.Transition) -> Line:
    before, after = present.HEALTH[transition.before], present.HEALTH[transition.after]
    at = present.moment(transition.at, sheet.now, sheet.snapshot.program.zone, seconds=True)
    return join(
        (
            text(
                Span(f"{at}  ", "dim"),
                Span(f"{before.glyph} {before.word}", before.style),
                Span(" → ", "dim"),
                Span(f"{after.glyph} {after.word}", after.style),
            ),
            text(Span(present.hosts(transition.reason, sheet.view))),
        )
    )


def _advise(sheet: Sheet, shown: ServiceState) -> None:
    if shown.health is Health.UP:
        return
    declared = shown.service
    runbook = (
        "open the runbook with o"
        if declared.runbook
        else f'no runbook declared: add runbook = "…" to [[services]] {declared.id}'
    )
    asked = "" if declared.squads else f"nobody is named as affected: add squads = […] to {declared.id}"
    first = f"look at {shown.caused_by} first, it explains this" if shown.caused_by else ""
    sheet.next(first, runbook, "ask again now with r", asked)


def dependency(sheet: Sheet, name: str) -> bool:
    """What the schedule says every squad depends on, and the probes that watch it."""
    program = sheet.snapshot.program
    found = next((d for d in program.dependencies if d.name == name), None)
    if found is None:
        return False
    sheet.title = found.name
    seen = dependency_state(found, sheet.snapshot, sheet.now)
    sheet.fact("state", text(Span(f"{seen.glyph} {seen.word}", seen.style)))
    sheet.fact("declared", found.text)
    sheet.fact("owner", sheet.squad(found.owner))
    states = by_id(sheet.snapshot.services)
    lines: list[Line] = []
    for id_ in found.services:
        state = states.get(id_)
        if state is None:
            lines.append((Span(f"? {id_} is not among [[services]]", "unknown"),))
            continue
        shown = health.shown(state, sheet.now)
        one = look(shown)
        reason = present.hosts(shown.reason, sheet.view)
        lines.append(join((text(Span(f"{one.glyph} {id_} {one.word}", one.style)), text(Span(reason)))))
    sheet.each("Watched by", lines)
    sheet.origin(f"dependency/{slug(found.name)}")
    if not found.services:
        sheet.next(f'declare a probe: add services = ["…"] to [[dependencies]] {found.name}')
    return True


def source(sheet: Sheet, id_: str) -> bool:
    """Where a part of the room comes from, and how that is doing."""
    found = next((s for s in sheet.snapshot.sources if s.id == id_), None)
    if found is None:
        return False
    sheet.title = found.title or found.id
    sheet.fact("kind", found.kind)
    sheet.fact("looked at", f"every {found.interval:g} s")
    sheet.fact("last read", sheet.when(found.read_at, seconds=True) or "never")
    sheet.fact("data from", sheet.when(found.as_of))
    sheet.fact("error", present.hosts(found.error or "", sheet.view), "down")
    sheet.fact("since", sheet.when(found.error_since, seconds=True) if found.error else "")
    sheet.each("Warnings", ((Span(warning, "warn"),) for warning in found.warnings))
    if found.error:
        sheet.next(found.remedy, "ask again now with r")
    return True
