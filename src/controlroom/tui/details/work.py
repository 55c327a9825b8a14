"""Details of work: cards, blockers, and the squads they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from controlroom.domain.board import COLUMNS, Item
from controlroom.domain.lints import Lint
from controlroom.domain.telemetry import GapCode
from controlroom.domain.triage import SLA_BREACH, Blocker, age, sla
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.lines import join, text
from controlroom.tui.panes.blockers import waits
from controlroom.tui.panes.services import by_id
from controlroom.tui.panes.telemetry import by_squad, coverage_words
from controlroom.tui.rows import Line, Span

LISTED = 40
"""Cards of a squad that are listed; the rest are counted."""


def item(sheet: Sheet, id_: str) -> bool:
    """A card: what was written, what the room makes of it, what holds it up."""
    snapshot = sheet.snapshot
    found = next((i for i in (*snapshot.items, *snapshot.steps) if i.id == id_), None)
    if found is None:
        return False
    sheet.title = found.epic or found.id
    look = present.STATUS[found.status]
    progress = f" · {found.progress} %" if found.progress is not None else ""
    sheet.fact("status", text(Span(f"{look.glyph} {look.word}", look.style), progress))
    sheet.fact("as written", found.status_text)
    sheet.fact("squad", sheet.squad(found.squad) or text(Span("none: no rule gives it to one", "warn")))
    sheet.fact("owner", present.person(" + ".join(found.owners) or found.owner, sheet.view))
    sheet.fact("tasks", found.tasks)
    sheet.fact("sprint", _sprint(sheet, found))
    sheet.fact("wave", found.wave)
    sheet.fact("since", sheet.when(found.since))
    sheet.fact("first seen", sheet.when(found.first_seen) if found.since is None else "")
    sheet.fact("updated", sheet.when(found.updated))
    sheet.fact("due", present.day_text(found.due) if found.due else "")
    sheet.fact("held up", sheet.squad(found.owning_squad))
    sheet.fact("waits on", sheet.squad(found.blocking_squad))
    sheet.fact("tags", ", ".join(found.tags))
    sheet.fact("id", found.id, "dim")
    sheet.source(found.path, found.line)
    open_ = [b for b in snapshot.blockers if b.item == found.id and b.state != "resolved"]
    sheet.each("Blockers", (_blocker_line(sheet, b) for b in open_))
    lints = [lint for lint in snapshot.lints if lint.subject == found.id]
    sheet.each("Wrong with what is written", (_lint_line(lint) for lint in lints))
    if found.squad is None and not found.id.startswith("step/"):
        sheet.next(
            f'give it a squad: add "{found.owner}" to owners of a squad in [[squads]]'
            if found.owner
            else "give it an owner that a squad in [[squads]] lists"
        )
    for target in found.links:
        sheet.link(target, target)
    return True


def _sprint(sheet: Sheet, found: Item) -> str:
    sprint = next((s for s in sheet.snapshot.program.sprints if s.id == found.sprint), None)
    return (sprint.name if sprint else "") or found.sprint or ""


def _lint_line(lint: Lint) -> Line:
    style = present.Look("✖", "error", "down") if lint.severity == "error" else present.Look("▲", "", "warn")
    return text(Span(f"{style.glyph} {lint.code} ", style.style), Span(lint.message))


def _blocker_line(sheet: Sheet, blocker: Blocker) -> Line:
    look = present.SLA[sla(blocker, sheet.now)]
    seconds = age(blocker, sheet.now)
    known = "age ?" if seconds is None else present.age(seconds)
    named = f"{known} {look.word}".rstrip()
    style = {"badge-breach": "breach", "badge-warn": "warn"}.get(look.style, look.style)
    return join(
        (
            (Span(named, style),),  # type: ignore[arg-type]
            (Span(blocker.summary),),
            waits(blocker, sheet.snapshot.program),
        )
    )


def blocker(sheet: Sheet, id_: str) -> bool:
    """What holds work up: how long, whose, and what is missing to move it."""
    found = next((b for b in sheet.snapshot.blockers if b.id == id_), None)
    if found is None:
        return False
    program = sheet.snapshot.program
    sheet.title = found.summary or found.id
    _standing(sheet, found)
    sheet.fact("who waits", waits(found, program))
    sheet.fact("owner", present.person(found.owner, sheet.view) or text(Span("nobody", "warn")))
    sheet.fact("eta", sheet.when(found.eta))
    sheet.fact("next update", sheet.when(found.next_update_due))
    sheet.fact("snoozed until", sheet.when(found.snoozed_until))
    sheet.fact("mitigation", found.mitigation)
    sheet.fact("card", _card_name(sheet, found))
    sheet.fact("id", found.id, "dim")
    sheet.source(found.source, found.line)
    if found.text and found.text != found.summary:
        sheet.each("As written", ((Span(found.text),),))
    sheet.next(*_missing(found, sheet))
    for target in found.links:
        sheet.link(target, target)
    return True


def _standing(sheet: Sheet, found: Blocker) -> None:
    state = present.TRIAGE[found.state]
    sheet.fact("state", text(Span(f"{state.glyph} {state.word}", state.style)))
    look = present.SLA[sla(found, sheet.now)]
    seconds = age(found, sheet.now)
    if seconds is None:
        bound = f", at least {present.since(found.first_seen, sheet.now)}" if found.first_seen else ""
        sheet.fact("age", f"? nobody wrote when it was opened{bound}", "unknown")
        return
    sheet.fact("age", text(Span(f" {present.age(seconds)} {look.word} ".replace("  ", " "), look.style)))
    sheet.fact("opened", sheet.when(found.opened_at))
    if found.opened_at is not None and found.state != "resolved":
        limit = found.opened_at + timedelta(seconds=SLA_BREACH)
        sheet.fact("4 h limit", sheet.when(limit))


def _card_name(sheet: Sheet, found: Blocker) -> str:
    card = next((i for i in sheet.snapshot.items if i.id == found.item), None)
    return card.epic if card else (found.item or "")


def _missing(found: Blocker, sheet: Sheet) -> Iterable[str]:
    """What would have to be written for somebody to act on it."""
    if found.state == "resolved":
        return
    where = f" in {found.source}:{found.line}" if found.source and found.line else ""
    if not found.owner:
        yield f"name an owner{where}"
    if not found.owning_squad or not found.blocking_squad:
        yield f"say which squad waits and which delivers{where}"
    if found.opened_at is None:
        yield f"say when it was opened{where}: the four-hour limit counts from there"
    if sla(found, sheet.now) == "breach" and found.eta is None:
        yield "over four hours without an ETA: escalate, with the time of the next update"


def squad(sheet: Sheet, id_: str) -> bool:
    """A squad: what it is to do, its cards, what holds it up, its signals and services."""
    snapshot = sheet.snapshot
    found = next((s for s in snapshot.program.squads if s.id == id_), None)
    if found is None:
        return False
    sheet.title = found.name or found.id
    for name, focus in found.focus.items():
        sheet.fact("focus" if len(found.focus) == 1 else name, focus)
    sheet.fact("signals", found.signals_text)
    sheet.fact("also called", ", ".join(found.aliases))
    sheet.fact("people", ", ".join(present.person(owner, sheet.view) for owner in found.owners))
    coverage = next((c for c in snapshot.coverage if c.squad == id_), None)
    sheet.fact("telemetry", coverage_words(coverage) if coverage else "not declared")
    sheet.origin(f"squad/{found.id}")
    sheet.link("charter", found.charter)
    alive = [b for b in snapshot.blockers if b.state != "resolved"]
    mine = [b for b in alive if b.owning_squad == id_]
    others = [b for b in alive if b.blocking_squad == id_ and b.owning_squad != id_]
    sheet.each("Held up by", (_blocker_line(sheet, b) for b in mine))
    sheet.each("Others wait for it", (_blocker_line(sheet, b) for b in others))
    _cards(sheet, [i for i in snapshot.items if i.squad == id_])
    gaps = [r for r in by_squad(snapshot.signals).get(id_, ()) if r.code is not GapCode.OK]
    sheet.each(
        "Telemetry gaps",
        (
            text(Span(f"{present.gap_look(r.code).word}  ", present.gap_look(r.code).style), r.signal.metric)
            for r in gaps
        ),
    )
    _systems(sheet, id_)
    return True


def _cards(sheet: Sheet, items: list[Item]) -> None:
    order = {
        column: place for place, column in enumerate(("blocked", "in_progress", "not_started", "unknown"))
    }
    open_ = sorted((i for i in items if i.status != "done"), key=lambda i: order.get(i.status, 9))
    done = sum(1 for i in items if i.status == "done")
    lines = []
    for card in open_[:LISTED]:
        look = present.STATUS[card.status]
        owner = present.person(" + ".join(card.owners) or card.owner, sheet.view)
        lines.append(
            text(Span(f"{look.glyph} {look.word:<12}", look.style), card.epic, Span(f"  {owner}", "dim"))
        )
    if len(open_) > LISTED:
        lines.append((Span(f"… {len(open_) - LISTED} more", "dim"),))
    if done:
        lines.append((Span(f"✓ {done} done", "ok"),))
    sheet.each(f"Cards ({', '.join(_counts(items))})" if items else "Cards", lines)


def _counts(items: list[Item]) -> Iterable[str]:
    for column in (*COLUMNS, "unknown"):
        count = sum(1 for i in items if i.status == column)
        if count:
            yield f"{count} {present.STATUS[column].word}"


def _systems(sheet: Sheet, id_: str) -> None:
    """The services that this squad runs or needs, and its alerts."""
    lines = []
    for state in by_id(sheet.snapshot.services).values():
        if id_ in (*state.service.squads, state.service.owner):
            look = present.HEALTH[state.health]
            lines.append(text(Span(f"{look.glyph} {state.service.id} {look.word}", look.style)))
    sheet.each("Services", lines)
    sheet.each(
        "Alerts",
        (
            text(
                Span(f"{alert.severity or 'no severity'}  ", "warn"),
                alert.name,
                Span(f"  {alert.summary}", "dim"),
            )
            for alert in sheet.snapshot.alerts
            if alert.squad == id_
        ),
    )
