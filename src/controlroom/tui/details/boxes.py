"""Details of checklists: the boxes of a ritual's holding, and one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlroom.domain import checklist, words
from controlroom.domain.checklist import CheckBox
from controlroom.domain.claims import Claim
from controlroom.domain.claims import State as Seen
from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import Key, key_of
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.lines import join, text
from controlroom.tui.rows import Line, Span, Style, Subject
from controlroom.tui.triage_words import names

SEEN: Mapping[Seen, tuple[str, Style]] = {
    "observed": ("●", "ok"),
    "not observed": ("✖", "down"),
    "unknown": ("?", "unknown"),
}
"""How what the room sees beside a box is shown."""


LONG = 60
"""Characters of a box's words above which a title may cut them off."""


def of_ritual(sheet: Sheet, ritual: Ritual) -> None:
    """The boxes of the holding that is on or near, those carried over first, each a line to be ticked."""
    found = checklist.holding(sheet.snapshot, ritual.id, sheet.now)
    if found is None:
        sheet.each("Checklist", (text(Span("○ ", "dim"), step) for step in ritual.checklist))
        return
    boxes = checklist.boxes(sheet.snapshot, Key.of(found))
    if not boxes:
        return
    done = len(boxes) - len(checklist.left(boxes))
    sheet.section(f"Checklist of {present.day_text(found.local_date)}: {done} of {len(boxes)} done")
    for one in boxes:
        sheet.spot(Subject("box", one.item), text("  ", *_line(sheet, one)))
        for claim in checklist.beside(sheet.snapshot, one, sheet.now):
            sheet.say("      ", _seen(claim))
    if sheet.view.assigns:  # something may be changed here
        sheet.next("tick what is done, with what shows it; evidence of the day is captured from the palette")


def _line(sheet: Sheet, one: CheckBox) -> Line:
    look = present.STATUS["done" if one.done else "not_started"]
    since = f"left since {present.day_text(one.carried_from)}" if one.carried_from else ""
    return text(
        Span(f"{look.glyph} ", look.style),
        *join(
            (
                (Span(one.words, "dim" if one.done else "text"),),
                (Span(since, "warn"),) if since else (),
                (Span(said, "dim"),) if (said := _said(sheet, one)) else (),
                (Span("no longer listed", "warn"),) if not one.listed else (),
                (Span("queued", "warn"),) if one.pending else (),
            )
        ),
    )


def _said(sheet: Sheet, one: CheckBox) -> str:
    """Who ticked it and what shows it; that its document does, where nobody here did."""
    if not one.by:
        return f"ticked in {one.path}:{one.line}" if one.done else ""
    who = present.person(one.by, sheet.view)
    if not one.done:
        return f"{who} took the tick back" + (f": {one.why}" if one.why else "")
    shown = f": {present.hosts(one.evidence, sheet.view)}" if one.evidence else ""
    return f"{who} {present.moment(one.at, sheet.now, sheet.snapshot.program.zone)}{shown}" if one.at else who


def _seen(claim: Claim) -> Line:
    glyph, style = SEEN[claim.state]
    return text(Span(f"{glyph} ", style), *join(((Span(claim.proof, "dim"),), (Span(claim.text, style),))))


def box(sheet: Sheet, item: str) -> bool:
    """One box: what shows it, who ticked it and when, what the room sees beside it."""
    key, said = key_of(item), checklist.words_of(sheet.snapshot, item)
    ritual = checklist.ritual_of(sheet.snapshot.program, key.ritual) if key is not None else None
    if key is None or ritual is None or said is None:
        return False
    sheet.title = said
    found = next((one for one in checklist.boxes(sheet.snapshot, key) if one.item == item), None)
    if len(said) > LONG:
        sheet.fact("box", said)
    sheet.fact("checklist of", f"{ritual.title or ritual.id}, {present.day_text(key.date)}")
    ticked = next((one for one in sheet.snapshot.boxes if one.item == item), None)
    done = found.done if found is not None else ticked is not None and ticked.done
    look = present.STATUS["done" if done else "not_started"]
    sheet.fact("state", text(Span(f"{look.glyph} {'done' if done else 'not done'}", look.style)))
    if ticked is not None:
        sheet.fact("said by", present.person(ticked.by, sheet.view))
        sheet.fact("at", sheet.when(ticked.at))
        sheet.fact("evidence", ticked.evidence)
        sheet.link(ticked.evidence, _openable(ticked.evidence))
        sheet.fact("why", ticked.why)
    elif done and found is not None:
        sheet.fact("said by", "its document")
    if found is not None:
        sheet.fact("left since", present.day_text(found.carried_from) if found.carried_from else "", "warn")
        sheet.source(found.path, found.line)
        claims = checklist.beside(sheet.snapshot, found, sheet.now)
        sheet.each("What the room sees", map(_seen, claims))
    sheet.each("History", _history(sheet, item))
    if not done:
        sheet.next("tick it when it is done, with what shows it: nothing ticks itself")
    return True


def _openable(evidence: str) -> str | None:
    """A link or a path; a number or a word is nothing to open."""
    return evidence if "/" in evidence and " " not in evidence else None


def _history(sheet: Sheet, item: str) -> Iterator[Line]:
    ledger = sheet.snapshot.ledger
    called = names(sheet.snapshot.program, sheet.view, sheet.now)
    for entry in reversed(ledger.of(item) if ledger is not None else ()):
        action = entry.action
        when = present.moment(action.at, sheet.now, sheet.snapshot.program.zone)
        who = present.person(action.actor, sheet.view)
        yield text(Span(f"{when}  ", "dim"), Span(f"{who}: "), Span(words.deed(action, called)))
