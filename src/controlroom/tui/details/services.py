"""Details of a service: how it is and why, whom it reaches, its last hour, and what it last said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from rich.cells import split_graphemes

from controlroom.domain import health, maintenance
from controlroom.domain.affected import Affected
from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.maintenance import Planned
from controlroom.domain.selfcheck import failing
from controlroom.domain.services import Health
from controlroom.domain.worst import place
from controlroom.tui import present, strip
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import limited, opened_about
from controlroom.tui.known_services import above, by_id, declared, reached
from controlroom.tui.lines import fit_line, join, line_width, text
from controlroom.tui.panes.blockers import waits
from controlroom.tui.panes.service_lines import lasted, latency_text, look, name_of
from controlroom.tui.rows import Line, Span

NAMED = 8
"""Services that are named in one fact; the rest are counted."""

BLOCKERS = 10
"""Blockers of the squads concerned that are listed."""

PIECE = 16
"""Cells after which a word without blanks may go on in the next line."""


def service(sheet: Sheet, id_: str) -> bool:
    """How a service is, since when and why; whom it reaches; its last hour; what it last said."""
    state = by_id(sheet.snapshot.services).get(id_)
    if state is None:
        return False
    shown = health.shown(state, sheet.now)
    sheet.title = state.service.name or state.service.id
    _standing(sheet, shown)
    _planned(sheet, state)
    _reach(sheet, shown)
    _asked(sheet, shown)
    sheet.each("Facts", (_pair(k, present.hosts(v, sheet.view)) for k, v in shown.detail.items()))
    opened_about(sheet, f"service:{state.service.id}")
    sheet.each("Last hour", strip.whole(state, sheet.now, plain=sheet.view.ascii))
    sheet.each("History, newest first", limited(_spells(state.transitions), _teller(sheet, state)))
    _blockers(sheet, shown)
    _advise(sheet, shown)
    _answer(sheet, state)
    sheet.link("runbook", state.service.runbook)
    if state.service.url.startswith(("http://", "https://")):
        sheet.link("address", state.service.url)
    return True


# How it is, and why


def _standing(sheet: Sheet, shown: ServiceState) -> None:
    seen = look(shown)
    sheet.fact("state", text(Span(f"{seen.glyph} {lasted(shown, seen, sheet.now)}", seen.style)))
    sheet.fact("since", sheet.when(shown.since, seconds=True))
    sheet.fact("reason", present.hosts(shown.reason, sheet.view))
    if shown.caused_by:
        sheet.fact("caused by", _cause(sheet, shown.caused_by))
    if not shown.verified:
        for line in doubts(sheet):
            sheet.fact("is it me", line)
    flapping = shown.flaps >= health.FLAPPING
    sheet.fact("flapping", f"{shown.flaps} changes in the last hour" if flapping else "", "warn")


def _cause(sheet: Sheet, id_: str) -> Line:
    """``✖ Redis DOWN 4m · connection refused``."""
    cause = by_id(sheet.snapshot.services).get(id_)
    if cause is None:
        return (Span(f"{id_}, which is not among [[services]] any more", "degraded"),)
    shown = health.shown(cause, sheet.now)
    seen = look(shown)
    name = cause.service.name or id_
    return join(
        (
            (Span(f"{seen.glyph} {name} {lasted(shown, seen, sheet.now)}", seen.style),),
            (Span(present.hosts(shown.reason, sheet.view)),) if shown.reason else (),
        )
    )


def doubts(sheet: Sheet) -> Iterator[Line]:
    """Why failures are not believed: what of this machine is in trouble, and when that was found."""
    found = failing(sheet.snapshot.self_checks)
    itself = sheet.snapshot.source("self")
    when = itself and sheet.when(itself.read_at, seconds=True)
    seen = (Span(f"seen {when}", "dim"),) if when else ()
    for check in found:
        yield join((text(Span(f"✖ {check.name} ", "unknown"), Span(check.text, "unknown")), seen))
    if not found:
        said = "nothing on any other machine answers: this one's network may be what is cut off"
        yield (Span(said, "unknown"),)


def _planned(sheet: Sheet, state: ServiceState) -> None:
    """The window that is open, and the next one within a day."""
    windows = state.service.maintenance
    if not windows:
        return
    current, upcoming = maintenance.current(windows, sheet.now), maintenance.upcoming(windows, sheet.now)
    if current is not None:
        until = f"until {sheet.both(current.end)}"
        sheet.fact("planned work", join((_work(current), (Span(until, "maintenance"),))))
    if upcoming is not None:
        length = present.age((upcoming.end - upcoming.start).total_seconds())
        begins = f"{sheet.both(upcoming.start)}, for {length}"
        left = (Span(sheet.ago(upcoming.start), "dim"),)
        sheet.fact("next work", join((_work(upcoming), (Span(begins),), left)))


def _work(planned: Planned) -> Line:
    return (Span(planned.window.text or "planned work"),)


# Whom it reaches


def _reach(sheet: Sheet, shown: ServiceState) -> None:
    """Squads, milestones and services that feel it when this one is not up, and what it needs itself."""
    here, services = shown.service, sheet.snapshot.services
    found = reached(services, sheet.snapshot.program, here)
    sheet.fact("run by", sheet.squad(here.owner))
    sheet.fact("affects", _squads(sheet, shown, found))
    milestones = {m.id: m.text or m.label or m.id for m in sheet.snapshot.program.milestones}
    sheet.fact("milestones", ", ".join(milestones.get(m, m) for m in found.milestones))
    sheet.fact("part of", ", ".join(found.dependencies))
    direct = [waiter.id for waiter in above(declared(services)).get(here.id, ())]
    sheet.fact("needed by", _services(sheet, direct))
    behind = len(found.services) - len(set(direct) & set(found.services))
    if behind > 0:
        sheet.fact("behind them", f"{behind} more service{'' if behind == 1 else 's'}", "dim")
    sheet.fact("needs", _services(sheet, here.depends_on))


def _squads(sheet: Sheet, shown: ServiceState, found: Affected) -> Line:
    """Its own squads, then those that it reaches through what depends on it."""
    own = shown.service.squads
    through = [squad for squad in found.squads if squad not in own]
    return join(
        (
            (Span(sheet.squads(own)),) if own else (),
            text(Span("through others ", "dim"), sheet.squads(through)) if through else (),
        )
    )


def _services(sheet: Sheet, ids: Sequence[str]) -> Line:
    """``✖ Kafka DOWN 3m  ● Redis up 2d``, worst first; of many the first ones, and how many more."""
    states = by_id(sheet.snapshot.services)
    known = sorted((health.shown(states[i], sheet.now) for i in ids if i in states), key=place)
    parts: list[Line] = []
    for state in known[:NAMED]:
        seen = look(state)
        name = state.service.name or state.service.id
        parts.append(
            text(
                Span(f"{seen.glyph} ", seen.style),
                name,
                Span(f" {lasted(state, seen, sheet.now)}", seen.style),
            )
        )
    parts += [(Span(f"? {i} not in [[services]]", "unknown"),) for i in ids if i not in states]
    if len(known) > NAMED:
        parts.append((Span(f"+{len(known) - NAMED}", "dim"),))
    return join(parts, Span("  "))


def _asked(sheet: Sheet, shown: ServiceState) -> None:
    """How and where it is asked."""
    here = shown.service
    sheet.fact("latency", latency_text(shown.latency))
    sheet.fact("last result", sheet.when(shown.probed_at, seconds=True))
    sheet.fact("asked every", f"{shown.interval:g} s, as {here.kind}")
    sheet.fact("address", present.hosts(here.url, sheet.view))


def _pair(key: str, value: str) -> Line:
    return text(Span(f"{key:<14}", "dim"), Span(value))


# What it was, and what it said


Spell = tuple[Transition, datetime | None]
"""A change, and when the next one was."""


def _spells(transitions: Sequence[Transition]) -> Sequence[Spell]:
    """Newest first."""
    ends = (*(change.at for change in transitions[1:]), None)
    return [*zip(transitions, ends, strict=False)][::-1]


def _teller(sheet: Sheet, state: ServiceState) -> Callable[[Spell], Line]:
    """What tells one change after the other, in columns as wide as the widest needs."""
    zone = sheet.snapshot.program.zone
    times = {c.at: present.moment(c.at, sheet.now, zone, seconds=True) for c in state.transitions}
    wide = max(map(len, times.values()), default=0)
    states = max((line_width(_change(change)) for change in state.transitions), default=0)

    def told(spell: Spell) -> Line:
        change, until = spell
        last = present.age(((until or sheet.now) - change.at).total_seconds())
        so_far = "" if until is not None else " so far"
        reason = present.hosts(change.reason, sheet.view)
        return text(
            Span(f"{times[change.at]:<{wide}}  ", "dim"),
            *fit_line(_change(change), states),
            Span(f"  {'for ' + last + so_far:<16}" if reason else f"  for {last}{so_far}", "dim"),
            reason,
        )

    return told


def _change(change: Transition) -> Line:
    before, after = present.HEALTH[change.before], present.HEALTH[change.after]
    return text(
        Span(f"{before.glyph} {before.word}", before.style if change.before is Health.UP else "dim"),
        Span(" → ", "dim"),
        Span(f"{after.glyph} {after.word}", after.style),
    )


def _answer(sheet: Sheet, state: ServiceState) -> None:
    """The beginning of the last answer, as it came."""
    if not state.raw:
        return
    zone = sheet.snapshot.program.zone
    came = ""
    if state.answered_at is not None:
        at = present.moment(state.answered_at, sheet.now, zone, seconds=True)
        came = f", {at} · {present.since(state.answered_at, sheet.now)} ago"
    lines = present.hosts(state.raw, sheet.view).splitlines()
    sheet.each(f"Last answer, as it came{came}", (breakable(line) for line in lines))


def breakable(said: str) -> Line:
    """`said` in pieces, so that a long word such as a JSON document goes on in the next line."""
    found: list[Span] = []
    for word in said.split(" "):
        pieces = list(_pieces(word))
        found += [Span(piece) for piece in pieces[:-1]]
        found.append(Span(f"{pieces[-1] if pieces else ''} "))
    return (*found[:-1], Span(found[-1].text[:-1])) if found else ()


def _pieces(word: str) -> Iterable[str]:
    if word.isascii():
        return [word[i : i + PIECE] for i in range(0, len(word), PIECE)]
    pieces, start, used = [], 0, 0
    for begin, _, cells in split_graphemes(word)[0]:
        if used + cells > PIECE:
            pieces.append(word[start:begin])
            start, used = begin, 0
        used += cells
    return [*pieces, word[start:]]


# What to do


def _blockers(sheet: Sheet, shown: ServiceState) -> None:
    """The open blockers of the squads concerned, while it is not well."""
    if shown.health in (Health.UP, Health.MAINTENANCE):
        return
    touched = {*shown.service.squads, shown.service.owner} - {None}
    waiting = [
        blocker
        for blocker in sheet.snapshot.blockers
        if blocker.state != "resolved" and touched & {blocker.owning_squad, blocker.blocking_squad}
    ]
    program = sheet.snapshot.program
    told = (join(((Span(blocker.summary),), waits(blocker, program))) for blocker in waiting[:BLOCKERS])
    sheet.each("Open blockers of these squads", told)


def _advise(sheet: Sheet, shown: ServiceState) -> None:
    if shown.health in (Health.UP, Health.MAINTENANCE):
        return
    here = shown.service
    runbook = (
        f"open the runbook with {sheet.view.key('link.open')}"
        if here.runbook
        else f'no runbook declared: add runbook = "…" to [[services]] {here.id}'
    )
    asked = "" if here.squads else f"nobody is named as affected: add squads = […] to {here.id}"
    first = (
        f"look at {name_of(shown.caused_by, sheet.snapshot)} first, it explains this"
        if shown.caused_by
        else ""
    )
    me = "look at this machine first: while it is in trouble, failures are not believed"
    again = f"ask again now with {sheet.view.key('sources.poll')}"
    sheet.next("" if shown.verified else me, first, runbook, again, asked)
