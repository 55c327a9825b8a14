"""Details of work: cards, blockers, and the squads they belong to."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.domain.benchmarks import BenchmarkReading
from controlroom.domain.board import COLUMNS, Item
from controlroom.domain.lints import Lint
from controlroom.domain.ranking import ranked
from controlroom.domain.telemetry import GapCode
from controlroom.tui import claimed, present
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import LISTED, blocker_line, limited, who_is_held_up
from controlroom.tui.history import history
from controlroom.tui.known_services import by_id
from controlroom.tui.lines import join, text
from controlroom.tui.panes.benchmark_lines import LOOKS
from controlroom.tui.panes.benchmark_lines import by_squad as measured_by
from controlroom.tui.panes.gate_lines import by_squad
from controlroom.tui.panes.telemetry_lines import coverage_words
from controlroom.tui.rows import Line, Span
from controlroom.tui.triage_words import MOVED, on_this_clock, queued_mark
from controlroom.tui.waits import who_waits


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
    sheet.fact("queued", queued_mark(found.pending, brief=False))
    sheet.fact("as written", found.status_text)
    _document_says(sheet, found)
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
    on_it = [b for b in snapshot.blockers if b.item == found.id and b.state != "resolved"]
    sheet.each("Blockers", (blocker_line(sheet, b) for b in ranked(on_it, sheet.now)))
    _proofs(sheet, found)
    if _unfinished(found):
        who_is_held_up(sheet, found.owning_squad or found.squad, found.blocking_squad)
    sheet.each("History", history(snapshot, found.id, sheet.now, sheet.view))
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


def _proofs(sheet: Sheet, found: Item) -> None:
    """What it names as its proof, what is seen of each, since when, and the query that shows it."""
    claims = claimed.of(sheet.snapshot, sheet.view).get(found.id, ())
    lines: list[Line] = []
    for claim in claims:
        look = claimed.LOOKS[claim.state]
        kind = "" if claim.kind == "unknown name" else claim.kind
        said = claim.text if claim.state == "unknown" else claim.why
        or_before = " or before" if claim.or_before else ""
        parts = (
            (Span(f"{look.glyph} {look.word}", look.style),),
            (Span(claim.proof),),
            (Span(kind, "dim"),),
            (Span(f"since {sheet.when(claim.since)}{or_before}"),) if claim.since else (),
            (Span(said, "dim"),) if said else (),
        )
        lines.append(join(part for part in parts if part and part[0].text))
        if claim.query:
            lines.append(text("  ", Span(claim.query, "dim")))
    refuted = any(claim.refuted for claim in claims)
    sheet.each("Claimed done, but not all of it is observed" if refuted else "What proves it", lines)


def _unfinished(found: Item) -> bool:
    return found.status != "done"


def _document_says(sheet: Sheet, found: Item) -> None:
    """What the card's document says where the triage log says otherwise."""
    written = next((i for i in sheet.snapshot.declared_items if i.id == found.id), None)
    differ: list[str] = []
    if found.said is not None:
        differ.append(f"status {present.STATUS[found.said].word}")
    if written is not None:
        for name, here, there in (
            ("owner", found.owner, written.owner),
            ("held up", sheet.squad(found.owning_squad), sheet.squad(written.owning_squad)),
            ("waits on", sheet.squad(found.blocking_squad), sheet.squad(written.blocking_squad)),
        ):
            if here != there:
                told = present.person(there, sheet.view) if name == "owner" else there
                differ.append(f"{name} {told or 'nobody'}")
    said = f"{MOVED} {'; '.join(differ)}: what was done here counts until that cell changes"
    sheet.fact("document says", (Span(said, "warn"),) if differ else "")


def _sprint(sheet: Sheet, found: Item) -> str:
    sprint = next((s for s in sheet.snapshot.program.sprints if s.id == found.sprint), None)
    return (sprint.name if sprint else "") or found.sprint or ""


def _lint_line(lint: Lint) -> Line:
    style = present.Look("✖", "error", "down") if lint.severity == "error" else present.Look("▲", "", "warn")
    return text(Span(f"{style.glyph} {lint.code} ", style.style), Span(lint.message))


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
    sheet.fact("telemetry", coverage_words(coverage, sheet.now) if coverage else "not declared")
    sheet.origin(f"squad/{found.id}")
    sheet.link("charter", found.charter)
    _both_ways(sheet, id_)
    _cards(sheet, [i for i in snapshot.items if i.squad == id_])
    gaps = [r for r in by_squad(snapshot.signals).get(id_, ()) if r.code is not GapCode.OK]
    sheet.each(
        "Telemetry gaps",
        (
            text(Span(f"{present.gap_look(r.code).word}  ", present.gap_look(r.code).style), r.signal.title)
            for r in gaps
        ),
    )
    sheet.each("Benchmarks", (_measured(sheet, one) for one in measured_by(snapshot.benchmarks).get(id_, ())))
    _systems(sheet, id_)
    return True


def _measured(sheet: Sheet, reading: BenchmarkReading) -> Line:
    look = LOOKS[reading.verdict]
    said = present.hosts(on_this_clock(reading.text, sheet.snapshot.program, sheet.now), sheet.view)
    return text(Span(f"{look.glyph} {look.word}  ", look.style), reading.name, Span(f"  {said}", "dim"))


def _both_ways(sheet: Sheet, id_: str) -> None:
    """What holds the squad up, and whom it holds up, what hurts most first."""
    snapshot = sheet.snapshot
    graph = who_waits(snapshot)
    alive = [
        b for b in snapshot.blockers if b.state != "resolved" and id_ in (b.owning_squad, b.blocking_squad)
    ]
    mine = [b for b in alive if b.owning_squad == id_]
    others = [b for b in alive if b.owning_squad != id_]
    waiting, holding = graph.of(id_)
    sheet.fact("held up", f"{waiting} of its cards and blockers wait on others" if waiting else "")
    names = ", ".join(f"{sheet.squad(squad)} ({count})" for squad, count in holding.items())
    sheet.fact("holds up", names)
    sheet.each("Held up by", limited(ranked(mine, sheet.now), lambda b: blocker_line(sheet, b)))
    sheet.each("Others wait for it", limited(ranked(others, sheet.now), lambda b: blocker_line(sheet, b)))
    carded = {b.item for b in others}
    lone = [
        card
        for card in snapshot.items
        if card.blocking_squad == id_ and card.squad != id_ and _unfinished(card) and card.id not in carded
    ]
    sheet.each(
        "Cards that wait for it",
        limited(lone, lambda c: join(((Span(c.epic or c.id),), (Span(sheet.squad(c.squad), "dim"),)))),
    )


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
            name = state.service.name or state.service.id
            lines.append(text(Span(f"{look.glyph} {name} {look.word}", look.style)))
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
