"""Waves, sprints, milestones and rituals of a drafted configuration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from controlroom.documents.draft import Draft, heading, is_zone
from controlroom.documents.toml import Value
from controlroom.domain.calendar import CalendarRules, date_of, parse_label
from controlroom.domain.documents import Document, DocumentMilestone, DocumentRitual, DocumentWave
from controlroom.domain.text import slug

RULES = CalendarRules()


def write_waves(draft: Draft) -> None:
    """Each wave once; dates that follow from weeks and start stay comments."""
    seen: set[str] = set()
    for document in draft.documents:
        for wave in document.waves:
            if wave.id in seen:
                draft.notes.append(f"{document.path}:{wave.line} names {wave.id} again; the first is used")
                continue
            seen.add(wave.id)
            _write_wave(draft, wave)
            draft.took(document, wave.line, f"[[waves]] {wave.id}")
    if not seen:
        heading(draft, "[[waves]]", 'name = "Wave A"', "weeks = [1, 2]")
        draft.missing("[[waves]]")


def _write_wave(draft: Draft, wave: DocumentWave) -> None:
    toml = draft.toml
    toml.table("[[waves]]")
    toml.key("id", wave.id)
    toml.key("name", wave.name)
    toml.key("weeks", wave.weeks)
    computed = draft.start and wave.weeks and draft.start + dt.timedelta(days=7 * (wave.weeks[0] - 1))
    until = draft.start and wave.weeks and draft.start + dt.timedelta(days=7 * wave.weeks[1])
    toml.key("start", wave.start, off=wave.start == computed)
    toml.key("end", wave.end, "first day after it", off=wave.end == until)
    toml.key("squads", wave.squads)
    if wave.design:
        toml.key("design", True)
    if wave.declared:
        state = wave.declared.state
        toml.key("declared", {"text": wave.declared.text, **({"state": state} if state else {})})


def write_sprints(draft: Draft) -> None:
    """Sprints with documents of their own, then those that only cards name."""
    known: dict[str, dict[str, Value | None]] = {}
    waves = {wave.id: wave.name for document in draft.documents for wave in document.waves}
    named = {slug(squad.name) for document in draft.documents for squad in document.squads}
    for document in draft.documents:
        for sprint in document.sprints:
            wave = next(
                (id_ for id_ in waves if sprint.wave and id_.endswith("_" + slug(sprint.wave)[:1])), None
            )
            fields: dict[str, Value | None] = {"start": sprint.start, "end": sprint.end, "wave": wave}
            name = f"{sprint.id.replace('-', ' ', 1).capitalize()} — {sprint.name}"
            squads = [squad for squad in sprint.squads if slug(squad) in named]
            known.setdefault(sprint.id, {"name": name, **fields, "squads": squads})
            draft.took(document, sprint.line, f"[[sprints]] {sprint.id}")
    for document in draft.documents:
        for item in document.items:
            if item.sprint_id and item.sprint:
                if item.sprint_id not in known:
                    draft.took(document, item.line, f"[[sprints]] {item.sprint_id}")
                known.setdefault(item.sprint_id, {"name": item.sprint})
    for id_, fields in known.items():
        draft.toml.table("[[sprints]]")
        draft.toml.key("id", id_)
        for name, value in fields.items():
            draft.toml.key(name, value)


def write_milestones(draft: Draft) -> None:
    """Each milestone once; one without a date is a comment."""
    seen: set[str] = set()
    for document in draft.documents:
        for one in document.milestones:
            identity = slug(f"{one.label or one.date or ''} {one.text}")[:80]
            if identity in seen or not one.text:
                continue
            seen.add(identity)
            follows = _follows(draft, one)
            off = one.date is None and not follows
            why = "its label gives no date" if off else ""
            draft.toml.table("[[milestones]]", why, off=off)
            draft.toml.key("label", one.label, off=off or (follows is None and one.date is not None))
            draft.toml.key("date", one.date, off=off or bool(follows))
            draft.toml.key("text", one.text, off=off)
            draft.toml.key("section", one.section, off=off)
            draft.took(document, one.line, f"{why or '[[milestones]]'}: {one.label or one.date}")
    if not seen:
        draft.missing("[[milestones]]")


def _follows(draft: Draft, one: DocumentMilestone) -> bool | None:
    """Whether its date follows from its label, so that writing it down would say it twice; None where the
    label gives no date at all."""
    label = parse_label(one.label or "")
    if label is None:
        return None
    try:
        date = date_of(RULES, draft.start or dt.date(2001, 1, 1), *label)[0]
    except ValueError:
        return None
    return one.date is None or (draft.start is not None and date == one.date)


def write_rituals(draft: Draft) -> None:
    """Two documents that name the same slot mean one ritual; both titles are kept."""
    slots: dict[object, list[tuple[Document, DocumentRitual]]] = {}
    for document in draft.documents:
        for ritual in document.rituals:
            days = ritual.days if ritual.days == "daily" else tuple(sorted(ritual.days))
            slot: object = (days, ritual.time, ritual.zone or draft.zone)
            slots.setdefault(slot if ritual.time or ritual.all_day else slug(ritual.name), []).append(
                (document, ritual)
            )
    taken: set[str] = set()
    for same in slots.values():
        _write_ritual(draft, same, taken)
    if not slots:
        draft.missing("[[rituals]]")


def _write_ritual(draft: Draft, same: Sequence[tuple[Document, DocumentRitual]], taken: set[str]) -> None:
    toml, rituals = draft.toml, [ritual for _, ritual in same]
    first = rituals[0]
    name = slug(first.name) or "ritual"
    id_ = next(c for c in (name, *(f"{name}_{n}" for n in range(2, 999))) if c not in taken)
    taken.add(id_)
    off = not first.days
    scenarios = next((r.scenarios for r in rituals if r.scenarios), {})
    others = [r.name for r in rituals[1:] if slug(r.name) != slug(first.name)]
    toml.table("[[rituals]]", "the documents do not say on which days" if off else "", off=off)
    if others:
        toml.comment(f"also called {', '.join(others)}")
    toml.key("id", id_, off=off)
    toml.key("title", first.name, off=off)
    toml.key("days", first.days if first.days == "daily" else list(first.days), off=off)
    toml.key("time", first.time, off=off)
    zone = first.zone if first.zone != draft.zone else None
    toml.key("zone", zone, off=off or not is_zone(zone))
    if first.all_day:
        toml.key("all_day", True, off=off)
    toml.key("minutes", next((r.minutes for r in rituals if r.minutes), None), off=off or _too_long(rituals))
    if scenarios:
        toml.key("rotates", True, off=off)
        toml.key(
            "rotation", [{"week": w, "scenario": said} for w, said in sorted(scenarios.items())], off=off
        )
    for document, ritual in same:
        again = f" (same slot as {first.name!r})" if ritual is not first else ""
        draft.took(document, ritual.line, f"[[rituals]] {id_}{again}")


def _too_long(rituals: Sequence[DocumentRitual]) -> bool:
    """A ritual of more than a week is a slip of the pen."""
    return next((r.minutes for r in rituals if r.minutes), 0) > 7 * 24 * 60
