"""The detail of a blocker: why it is where it is, its clock, who waits, what was done, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from controlroom.domain import health, rituals
from controlroom.domain.instants import duration
from controlroom.domain.ranking import reasons, state_at
from controlroom.domain.triage import SLA_BREACH, SLA_DUE_SOON, Blocker, age, sla
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.history import history
from controlroom.tui.known_services import by_id
from controlroom.tui.lines import join, text
from controlroom.tui.panes.benchmark_lines import LOOKS
from controlroom.tui.panes.blockers import badge_words, waits
from controlroom.tui.panes.service_lines import look as service_look
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.triage_words import MOVED, STYLES, by_cause, names, on_this_clock, queued_mark
from controlroom.tui.waits import Waits, who_waits

T = TypeVar("T")

LISTED = 40
"""Things of one kind that are listed; the rest are counted."""


def blocker_line(sheet: Sheet, blocker: Blocker) -> Line:
    """A blocker among others: its age, what it is, who waits on whom."""
    known, word, style = badge_words(blocker, sheet.now)
    return join(
        (
            (Span(f"{known} {word}".rstrip(), style),),
            (Span(blocker.summary),),
            waits(blocker, sheet.snapshot.program),
            queued_mark(blocker.pending, brief=True),
        )
    )


def opened_about(sheet: Sheet, cause: str) -> None:
    """The blockers that were opened from what is told of, such as ``service:kafka``."""
    opened = by_cause(sheet.snapshot.blockers).get(cause, ())
    sheet.each("Blockers opened about it", limited(opened, lambda b: blocker_line(sheet, b)))


def blocker(sheet: Sheet, id_: str) -> bool:
    """What holds work up: why it is where it is, its clock, who waits, what was done, what is to do."""
    snapshot = sheet.snapshot
    found = next((b for b in snapshot.blockers if b.id == id_), None)
    if found is None:
        return False
    sheet.title = found.summary or found.id
    _standing(sheet, found)
    sheet.fact("waits on", waits(found, snapshot.program))
    sheet.fact("owner", present.person(found.owner, sheet.view) or text(Span("nobody", "warn")))
    sheet.fact("acknowledged", _by(sheet, found.acknowledged_by))
    sheet.fact("escalated", sheet.when(found.escalated_at))
    _update(sheet, found)
    sheet.fact("eta", sheet.when(found.eta), "warn" if found.eta and found.eta < sheet.now else "text")
    sheet.fact("mitigation", found.mitigation)
    sheet.fact("resolved", sheet.when(found.resolved_at))
    sheet.fact("card", _card_name(sheet, found))
    about(sheet, found)
    sheet.fact("id", found.id, "dim")
    sheet.source(found.source, found.line)
    _blocker_document(sheet, found)
    if found.text and found.text != found.summary:
        sheet.each("As written", ((Span(found.text),),))
    if found.state != "resolved":
        who_is_held_up(sheet, found.owning_squad, found.blocking_squad)
    sheet.each("History", history(snapshot, found.id, sheet.now, sheet.view))
    sheet.next(*_missing(found, sheet))
    for target in found.links:
        sheet.link(target, target)
    return True


def _by(sheet: Sheet, name: str | None) -> str:
    return f"by {present.person(name, sheet.view)}" if name else ""


def _standing(sheet: Sheet, found: Blocker) -> None:
    """Its state, the reasons for its place among the others, and its clock."""
    snapshot, now = sheet.snapshot, sheet.now
    state = state_at(found, now)
    look = present.TRIAGE[state]
    sheet.fact("state", text(Span(f"{look.glyph} {look.word}", look.style)))
    sheet.fact("queued", queued_mark(found.pending, brief=False))
    held = who_waits(snapshot).held
    why = reasons(found, now, held, names(snapshot.program, sheet.view, now))
    sheet.fact("reasons", join((Span(str(reason), STYLES[reason.kind]),) for reason in why))
    standing = present.SLA[sla(found, now)]
    seconds = age(found, now)
    if seconds is None:
        bound = f", at least {present.since(found.first_seen, now)}" if found.first_seen else ""
        sheet.fact("age", f"? nobody wrote when it was opened{bound}", "unknown")
        return
    style: Style = "dim" if state == "resolved" else standing.style
    aged = f"{present.age(seconds)} {standing.word}".strip()
    sheet.fact("age", text(Span(f" {aged} " if style.startswith("badge") else aged, style)))
    opened = " ".join(part for part in (sheet.when(found.opened_at), _by(sheet, found.opened_by)) if part)
    sheet.fact("opened", opened)
    if found.opened_at is not None and state != "resolved":
        _clock(sheet, found.opened_at)


def _clock(sheet: Sheet, opened: datetime) -> None:
    """When it is due soon and when its four hours are over, on both clocks."""
    for name, seconds in (("due soon from", SLA_DUE_SOON), ("breach after", SLA_BREACH)):
        try:
            at = opened + timedelta(seconds=seconds)
        except OverflowError:
            return
        sheet.fact(name, join(((Span(sheet.both(at)),), (Span(sheet.ago(at), "dim"),))))


def _update(sheet: Sheet, found: Blocker) -> None:
    """The countdown to the update that was promised."""
    due = found.next_update_due
    if due is None:
        return
    left = (due - sheet.now).total_seconds()
    late = left < 0
    said = f"overdue by {duration(-left)}" if late else f"in {rituals.countdown(left)}"
    style: Style = "breach" if late else "warn"
    sheet.fact("next update", join(((Span(said, style),), (Span(sheet.both(due)),))))


def about(sheet: Sheet, found: Blocker) -> None:
    """What it was opened from, and how that is now."""
    kind, _, id_ = (found.about or "").partition(":")
    if not id_:
        sheet.fact("about", found.about)
        return
    snapshot = sheet.snapshot
    if kind == "service" and (state := by_id(snapshot.services).get(id_)) is not None:
        shown = health.shown(state, sheet.now)
        seen = service_look(shown)
        lasts = "" if shown.since is None else f" {present.since(shown.since, sheet.now)}"
        reason = present.hosts(shown.reason, sheet.view)
        told = text(Span(f"{seen.glyph} {seen.word}{lasts}", seen.style))
        name = text(f"service {state.service.name or id_} ")
        sheet.fact("about", join((text(*name, *told), text(reason))))
        sheet.fact("milestones", ", ".join(_milestone(sheet, m) for m in state.service.milestones))
        sheet.link("runbook", state.service.runbook)
    elif kind == "signal" and (reading := next((r for r in snapshot.signals if r.id == id_), None)):
        gap = present.gap_look(reading.code)
        told = text(Span(f"{gap.glyph} {gap.word}", gap.style))
        sheet.fact(
            "about", join((text(Span(f"signal {reading.signal.title} "), *told), (Span(reading.text),)))
        )
        sheet.dashboard(reading.signal.dashboard)
    elif kind == "alert" and (alert := next((a for a in snapshot.alerts if a.fingerprint == id_), None)):
        sheet.fact("about", text(f"alert {alert.name} ", Span(alert.state, "warn"), f" {alert.summary}"))
    elif kind == "benchmark" and (one := next((b for b in snapshot.benchmarks if b.id == id_), None)):
        verdict = LOOKS[one.verdict]
        standing = Span(f"{verdict.glyph} {verdict.word}", verdict.style)
        said = on_this_clock(one.text, snapshot.program, sheet.now)
        sheet.fact("about", join((text(f"benchmark {one.name} ", standing), (Span(said),))))
    else:
        sheet.fact("about", text(f"{kind} {id_} ", Span("is not in the room now", "unknown")))


def _milestone(sheet: Sheet, id_: str) -> str:
    found = next((m for m in sheet.snapshot.program.milestones if m.id == id_), None)
    return (found.text or found.label or id_) if found else id_


def _blocker_document(sheet: Sheet, found: Blocker) -> None:
    """What its document says where what was done here says otherwise."""
    written = next((b for b in sheet.snapshot.declared_blockers if b.id == found.id), None)
    if written is None or found.last_action is None:
        return
    differ = [
        f"{name} {there or 'nobody'}"
        for name, here, there in (
            ("state", found.state, written.state),
            (
                "owner",
                present.person(found.owner, sheet.view),
                present.person(written.owner, sheet.view),
            ),
            ("held up", sheet.squad(found.owning_squad), sheet.squad(written.owning_squad)),
            ("waits on", sheet.squad(found.blocking_squad), sheet.squad(written.blocking_squad)),
        )
        if here != there
    ]
    sheet.fact("document says", (Span(f"{MOVED} {'; '.join(differ)}", "warn"),) if differ else "")


def who_is_held_up(sheet: Sheet, owning: str | None, blocking: str | None) -> None:
    """The squads behind it, directly and through others, and their cards."""
    if not owning or not blocking:
        return
    snapshot = sheet.snapshot
    graph = who_waits(snapshot)
    lines: list[Line] = [join(((Span(sheet.squad(owning), "strong"),), _waiting(graph, owning, blocking)))]
    for squad, through in graph.behind(owning):
        if squad != blocking:
            said = f"through {sheet.squad(through)}"
            lines.append(
                join(((Span(sheet.squad(squad)),), (Span(said, "dim"),), _waiting(graph, squad, through)))
            )
    sheet.each("Who waits", lines)
    cards = [
        i for i in snapshot.items if owning in (i.owning_squad, i.squad) and i.blocking_squad == blocking
    ]
    shown = [i for i in cards if i.status != "done"]
    sheet.each("Cards that wait", limited(shown, lambda card: text(card.epic or card.id)))


def _waiting(graph: Waits, waiter: str, on: str) -> Line:
    count = graph.of(on)[1].get(waiter, 0)
    plural = "" if count == 1 else "s"
    return (Span(f"{count} card{plural} or blocker{plural}", "dim"),) if count else ()


def limited(found: Sequence[T], told: Callable[[T], Line]) -> Iterable[Line]:
    """The first ones, and how many more there are."""
    yield from (told(one) for one in found[:LISTED])
    if len(found) > LISTED:
        yield (Span(f"… {len(found) - LISTED} more", "dim"),)


def _card_name(sheet: Sheet, found: Blocker) -> str:
    card = next((i for i in sheet.snapshot.items if i.id == found.item), None)
    return card.epic if card else (found.item or "")


def _missing(found: Blocker, sheet: Sheet) -> Iterable[str]:
    """What somebody can do next: what is missing, and what is late."""
    state = state_at(found, sheet.now)
    if state == "resolved":
        return
    decides, sees, owns = map(sheet.view.key, ("conflicts.show", "blocker.acknowledge", "blocker.assign"))
    waiting, tells = map(sheet.view.key, ("blocker.wait_on", "blocker.escalate"))
    where = f" in {found.source}:{found.line}" if found.source and found.line else ""
    if any(one.action.item == found.id for one in sheet.snapshot.outbox.conflicts):
        yield f"decide what is to become of your action that met another's ({decides})"
    if state == "open" and found.last_action is not None:
        yield f"acknowledge it, so that others know that somebody has seen it ({sees})"
    if not found.owner:
        yield f"name an owner{where or f' ({owns})'}"
    if not found.owning_squad or not found.blocking_squad:
        yield f"say which squad waits and which delivers{where or f' ({waiting})'}"
    if found.opened_at is None:
        yield f"say when it was opened{where}: the four-hour limit counts from there"
    due = found.next_update_due
    if due is not None and due < sheet.now:
        yield f"give the update that was promised, and say when the next one comes ({tells})"
    if sla(found, sheet.now) == "breach" and found.eta is None and state != "escalated":
        yield "over four hours without an ETA: escalate, with the time of the next update"
