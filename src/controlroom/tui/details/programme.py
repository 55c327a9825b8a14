"""Details of the programme itself: waves, milestones, rituals, changes, lints, documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from controlroom.domain import holdings, rituals, waves, zones
from controlroom.domain.lints import Lint
from controlroom.domain.readiness import readiness
from controlroom.domain.triage import Blocker
from controlroom.tui import changes, present
from controlroom.tui.details import boxes
from controlroom.tui.details.base import Sheet
from controlroom.tui.lines import as_text, join, text
from controlroom.tui.panes.lints import lint_id
from controlroom.tui.panes.telemetry_lines import percent
from controlroom.tui.panes.waves import assessed, milestone_label, milestone_look, phase_words
from controlroom.tui.rows import Line, Span, Subject

FIXES: Mapping[str, str] = {
    "X001": "write the squad whose work is held up (owning squad)",
    "X002": "write the squad whose delivery it waits on (blocking squad)",
    "X003": "name two different squads, or drop the dependency",
    "X004": "correct the name, or add the squad or an alias to [[squads]]",
    "X005": "name one owner",
    "X006": "write when it was opened",
    "X007": "write an ETA, or escalate",
    "X008": "make the glyph say what the word says",
    "X009": "replace the broken character, then save the file as UTF-8",
    "X010": "give one of the two another id or name",
    "X011": "resolve the blocker, or take the item back to in progress",
    "X012": "name one person who owns it",
    "X013": "write cross-squad",
    "X014": "break the circle: one of them must be able to go first",
    "X015": "update its status, or say what holds it up",
    "X016": "set a new date, or finish it",
    "X017": "correct the id it depends on",
    "X018": "deliver what proves it, or take the card back to in progress",
    "C001": "correct the weekday or the date",
    "C002": "correct the date or the label: the date is used",
    "C003": "write the first day of the next week",
    "D001": "put the banner at the top of the document",
    "S001": "rename the file to its for_date",
    "E001": "make the file readable again: what is shown is its last good reading",
    "M001": "make both places say the same",
}

AHEAD = timedelta(days=14)


def wave(sheet: Sheet, id_: str) -> bool:
    """A wave: what people declared beside what its dates say."""
    program = sheet.snapshot.program
    status = assessed(program, present.today(sheet.now, program)).get(id_)
    if status is None:
        return False
    found = status.wave
    sheet.title = found.name or found.id
    sheet.fact("computed", phase_words(status))
    declared = found.declared
    if declared is not None:
        sheet.fact("declared", declared.text)
        read = declared.state.replace("_", " ") if declared.state else "cannot be read as a state"
        sheet.fact("read as", read, "text" if declared.state else "unknown")
        sheet.fact("as of", sheet.when(declared.as_of))
        if declared.source:
            sheet.fact("declared in", declared.source)
            sheet.link(declared.source, declared.source)
    else:
        sheet.fact("declared", "nothing", "dim")
    sheet.fact("verdict", status.verdict or "", "warn")
    dates = waves.span(found, program.calendar, program.start)
    if dates is not None:
        last = dates[1] - timedelta(days=1)
        sheet.fact("dates", f"{present.day_text(dates[0])} to {present.day_text(last)}, both included")
    sheet.fact("weeks", f"{found.weeks[0]} to {found.weeks[1]}" if found.weeks else "")
    sheet.fact("overlaps", ", ".join(status.overlaps))
    sheet.fact("works towards", ", ".join(status.targets))
    sheet.fact(
        "squads",
        ", ".join(present.squad_name(program, present.squad_id(program, s) or s) for s in found.squads),
    )
    sheet.fact("sprints", ", ".join(found.sprints))
    sheet.origin(f"wave/{found.id}")
    gate = next((g for g in sheet.snapshot.gates if g.wave == found.id), None)
    if gate is not None:
        look = present.VERDICT[gate.verdict]
        sheet.fact("exit gate", text(Span(f"{look.glyph} {look.word}{percent(gate)}", look.style)))
    if status.verdict:
        sheet.next("correct what is declared, or the dates: they disagree")
    return True


def milestone(sheet: Sheet, id_: str) -> bool:
    """A milestone: its date, and what was recorded."""
    program = sheet.snapshot.program
    found = next((m for m in program.milestones if m.id == id_), None)
    if found is None:
        return False
    look, status = milestone_look(found, present.today(sheet.now, program))
    sheet.title = found.text or found.label or found.id
    said = status.text.partition(" by ")[0] if sheet.view.redact else status.text
    sheet.fact("state", text(Span(f"{look.glyph} {said}", look.style)))
    sheet.fact(
        "date", present.day_text(found.date) if found.date else "none, and no label to compute it from"
    )
    sheet.fact("in weeks", milestone_label(found, program))
    sheet.fact("as written", found.label)
    sheet.fact("under", found.section)
    sheet.fact("recorded by", present.person(found.recorded_by, sheet.view))
    sheet.origin(f"milestone/{found.id}")
    if status.state == "passed":
        sheet.next("record whether it was met or missed: a date alone says neither")
    return True


def ritual(sheet: Sheet, id_: str) -> bool:
    """A ritual: its rule, and when it takes place in the next two weeks."""
    program = sheet.snapshot.program
    found = next((r for r in program.rituals if r.id == id_), None)
    if found is None:
        return False
    sheet.title = found.title or found.id
    days = "daily" if found.days == "daily" else ", ".join(day.capitalize() for day in found.days)
    time = "all day" if found.all_day else f"{found.time:%H:%M}" if found.time else "time not declared"
    sheet.fact("when", f"{days}, {time} {found.zone or program.zone}")
    sheet.fact("lasts", f"{found.minutes} min" if found.minutes else "" if found.all_day else "not declared")
    sheet.fact("from", present.day_text(found.starts_on) if found.starts_on else "")
    sheet.fact("until", present.day_text(found.ends_on) if found.ends_on else "")
    sheet.origin(f"ritual/{found.id}")
    _now_and_next(sheet, found)
    boxes.of_ritual(sheet, found)
    ahead = [
        occurrence
        for occurrence in rituals.between(program, sheet.now - timedelta(days=1), sheet.now + AHEAD)
        if occurrence.ritual.id == id_
        and (occurrence.end or occurrence.start + rituals.STARTED_FOR) > sheet.now
    ]
    sheet.each("Occurrences", (_occurrence(sheet, o) for o in ahead))
    sheet.each(
        "Rotation", (text(Span(f"Week {turn.week}  ", "dim"), turn.scenario) for turn in found.rotation)
    )
    sheet.each("Agenda", (text(point) for point in found.agenda))
    return True


def _now_and_next(sheet: Sheet, found: rituals.Ritual) -> None:
    """Who drives it, what is to be there, what comes back on it, and what was held today."""
    from controlroom.tui.panes.ritual import gate_line  # who looks at a wave needs none of it

    snapshot, now = sheet.snapshot, sheet.now
    for run in holdings.driven(snapshot, now):
        if run.key.ritual == found.id:
            who = f"{present.person(run.driver, sheet.view)} drives, {holdings.lasted(run, now)}"
            sheet.fact("on now", who + (", paused" if run.paused_at is not None else ""), "warn")
    for one in holdings.earlier_today(snapshot, now):
        if one.occurrence.ritual.id == found.id:
            sheet.fact("today", one.words, "ok" if one.record == "held" else "warn")
    agenda = holdings.agenda_at(snapshot, now)
    occurrence = next((o for o in (*agenda.in_progress, *agenda.next) if o.ritual.id == found.id), None)
    if occurrence is None:
        return
    if occurrence.scenario:
        owner = present.person(occurrence.owner, sheet.view)
        sheet.fact("scenario", occurrence.scenario + (f", led by {owner}" if owner else ""))
    carried = holdings.carried_to(snapshot, occurrence)
    if carried:
        forced = sum(one.forced for one in carried)
        over = f"{len(carried)} {'blocker' if len(carried) == 1 else 'blockers'}"
        sheet.fact("carried over", over + (f", {forced} to be decided" if forced else ""))
    ready = readiness(occurrence, snapshot, now)
    sheet.fact("readiness", ready.words, "ok" if ready.ready else "warn")
    if ready.gates:
        sheet.section("To be there when it begins")
    for gate in ready.gates:
        line = text("  ", gate_line(gate, sheet.view))
        if gate.box is not None:
            sheet.spot(Subject("box", gate.box), line)
        else:
            sheet.say(line)
    back = holdings.returning(snapshot, occurrence)
    sheet.each("Comes back on its agenda", (_returning(sheet, blocker) for blocker in back))


def _returning(sheet: Sheet, blocker: Blocker) -> Line:
    who = present.person(blocker.snoozed_by, sheet.view)
    said = ", ".join(part for part in (f"put off by {who}" if who else "", blocker.snooze_why) if part)
    return text(Span("◌ ", "accent"), Span(blocker.summary), Span(f"  {said}" if said else "", "dim"))


def _occurrence(sheet: Sheet, occurrence: rituals.Occurrence) -> Line:
    program = sheet.snapshot.program
    try:
        when = zones.both(occurrence.start, program.zone, sheet.view.viewer_zone, dated=True)
    except ValueError:
        when = zones.both(occurrence.start, "UTC", "UTC", dated=True)
    over = occurrence.start <= sheet.now
    said = rituals.describe(occurrence, sheet.now)
    return join(
        (
            (Span(when, "dim" if over else "text"),),
            (Span(said, "dim"),),
            (Span(occurrence.scenario),) if occurrence.scenario else (),
            (Span("; ".join(occurrence.flags), "warn"),) if occurrence.flags else (),
        )
    )


def change(sheet: Sheet, id_: str) -> bool:
    """One change, or all of them by category where `id_` is empty."""
    snapshot = sheet.snapshot
    category, _, thing = id_.partition(":")
    shown = [c for c in snapshot.changes if not id_ or (c.category == category and c.id == thing)]
    if id_ and not shown:
        return False
    sheet.title = "Since last standup" if not id_ else changes.category_title(category)
    sheet.fact("since", as_text((changes.since_words(snapshot, sheet.now),)).removeprefix("since "))
    if snapshot.baseline is not None:
        sheet.fact("because", snapshot.baseline.why)
        sheet.fact("file", snapshot.baseline.file.path)
        sheet.link(snapshot.baseline.file.path, snapshot.baseline.file.path)
    if id_:
        for one in shown:
            sheet.fact("what", one.text)
            sheet.fact("before", one.before)
            sheet.fact("now", one.after)
            sheet.fact("id", one.id, "dim")
    else:
        for named, here in changes.grouped(snapshot.changes).items():
            look = changes.kind(named)
            sheet.each(
                changes.category_title(named),
                (text(Span(f"{look.glyph} ", look.style), Span(one.text)) for one in here),
            )
    if snapshot.status is not None:
        sheet.each("Unreadable status files", ((Span(bad, "warn"),) for bad in snapshot.status.unreadable))
    return True


def lint(sheet: Sheet, id_: str) -> bool:
    """A finding and how to mend it."""
    found = next((x for x in sheet.snapshot.lints if lint_id(x) == id_), None)
    if found is None:
        return False
    sheet.title = f"{found.code} {found.message}"
    sheet.fact("severity", found.severity, "down" if found.severity == "error" else "warn")
    sheet.fact("what", found.message)
    sheet.fact("about", found.subject)
    sheet.fact("at", found.pointer)
    sheet.source(found.path, found.line)
    sheet.next(fix(found))
    return True


def fix(found: Lint) -> str:
    """How to mend a finding; nothing where that is not known."""
    return FIXES.get(found.code, "")


def document(sheet: Sheet, path: str) -> bool:
    """A document as it was last read well, and what is wrong with it now."""
    found = next((d for d in sheet.snapshot.documents if d.path == path), None)
    if found is None:
        return False
    sheet.title = (found.document.title if found.document else "") or path
    sheet.source(path, None)
    sheet.fact("kind", found.document.kind if found.document else "")
    sheet.fact("file's time", sheet.when(found.modified_at))
    sheet.fact("read", sheet.when(found.read_at, seconds=True))
    sheet.fact("error", found.error, "down")
    lints = [x for x in sheet.snapshot.lints if x.path == path]
    sheet.each(
        "Lints", (text(Span(f"{x.code} ", "warn"), f"line {x.line or '?'}: {x.message}") for x in lints)
    )
    if found.document is not None:
        sheet.each(
            "Not understood, kept as written",
            (text(Span(f"line {note.line}  ", "dim"), note.text) for note in found.document.unread),
        )
    return True
