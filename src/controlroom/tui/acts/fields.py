"""The fields of a form: what was typed becomes an action's argument, or says why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import render
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence, Records, agenda
from controlroom.domain.text import clean, slug
from controlroom.tui import moments
from controlroom.tui.rows import Style

FieldKind = Literal["text", "links", "squad", "person", "instant", "past", "until"]
"""``past``: an instant that was. ``until``: an instant to come, or a ritual by its letter or name."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something to type. `name` is the action's argument, as a Refusal names it."""

    name: str
    label: str
    kind: FieldKind = "text"
    value: str = ""
    """What stands there at first, as it would be typed."""
    note: str = ""
    """A few words about the field, or about where its value comes from."""


class Frame(NamedTuple):
    """What a text is read in."""

    now: datetime
    program: Program
    viewer_zone: str
    people: tuple[str, ...] = ()
    """Names that are likely owners, the likeliest first."""
    live: Mapping[str, Callable[[str], Reading]] = {}
    """Fields, by name, whose text is understood by the room as it is now; given clean text."""
    records: Records | None = None
    """What the log says of each holding of a ritual: one that was held is not the next."""


class Choice(NamedTuple):
    """Something the text could become. `text` is what would stand in the field."""

    text: str
    note: str = ""
    letter: str = ""


class Reading(NamedTuple):
    """A field's text as it is understood."""

    args: Mapping[str, Any] = {}
    """What it adds to the action's arguments."""
    said: str = ""
    """How it is understood."""
    style: Style = "dim"
    problem: str = ""
    """Why it cannot be used as it is."""
    choices: tuple[Choice, ...] = ()
    pick: bool = False
    """Leaving the field takes the first choice: the text is only its beginning."""


def read(field_: Field, text: str, frame: Frame) -> Reading:
    """What `text` means in this field at this moment."""
    own = frame.live.get(field_.name)
    cleaned = clean(text).strip()
    return own(cleaned) if own is not None else _READERS[field_.kind](field_, cleaned, frame)


def _text(field_: Field, text: str, frame: Frame) -> Reading:
    return Reading({field_.name: text})


def _links(field_: Field, text: str, frame: Frame) -> Reading:
    return Reading({field_.name: text.split()})


def _person(field_: Field, text: str, frame: Frame) -> Reading:
    wanted = text.casefold()
    known = [name for name in frame.people if wanted in name.casefold() and wanted != name.casefold()]
    return Reading({field_.name: text}, choices=tuple(map(Choice, known)))


def _instant(field_: Field, text: str, frame: Frame) -> Reading:
    if not text:
        return Reading({field_.name: ""})
    past = field_.kind == "past"
    try:
        found = moments.understand(text, frame.now, frame.program.zone, frame.viewer_zone, past=past)
    except moments.NotUnderstood as problem:
        return Reading(said=str(problem), style="warn", problem=str(problem))
    said = moments.told(found.at, frame.now, frame.program.zone, frame.viewer_zone)
    wrong = found.at > frame.now if past else found.at < frame.now
    note = found.note or (("that is still to come" if past else "that has passed") if wrong else "")
    return Reading(
        {field_.name: render(found.at)}, f"{said} · {note}" if note else said, "warn" if note else "info"
    )


def _squad(field_: Field, text: str, frame: Frame) -> Reading:
    if not text:
        return Reading({field_.name: ""}, choices=tuple(_squads(frame.program, "")))
    squad = frame.program.squad(text)
    if squad is not None:
        return Reading({field_.name: squad.id}, squad.id if squad.id != text else "", "dim")
    found = tuple(_squads(frame.program, slug(text)))
    if found:
        return Reading({field_.name: text}, choices=found, pick=True)
    return Reading({field_.name: text}, "no squad is declared under this name (lint X004)", "warn")


def _squads(program: Program, wanted: str) -> Sequence[Choice]:
    """The squads whose id, name or an alias begins with, else has, what was typed."""
    begins, has = [], []
    for squad in program.squads:
        spellings = [slug(name) for name in (squad.id, squad.name, *squad.aliases) if name]
        choice = Choice(squad.name or squad.id, squad.id if squad.name and squad.name != squad.id else "")
        if any(spelling.startswith(wanted) for spelling in spellings):
            begins.append(choice)
        elif any(wanted in spelling for spelling in spellings):
            has.append(choice)
    return begins + has


class Lettered(NamedTuple):
    """A ritual that something can be put off until, its letter, and when it is next."""

    letter: str
    next: Occurrence

    @property
    def title(self) -> str:
        """What it is called."""
        return self.next.ritual.title or self.next.ritual.id


@lru_cache(maxsize=4)
def _letters(titles: tuple[str, ...]) -> tuple[str, ...]:
    """A letter for each title: the first of its own that is free, else any that is."""
    taken: list[str] = []
    for title in titles:
        own = [c for c in title.casefold() if c.isascii() and c.isalpha()]
        initials = [word[0] for word in title.casefold().split() if word[0].isascii() and word[0].isalpha()]
        spare = "abcdefghijklmnopqrstuvwxyz"
        taken.append(next((c for c in (*reversed(initials), *own, *spare) if c not in taken), ""))
    return tuple(taken)


def rituals(frame: Frame) -> tuple[Lettered, ...]:
    """The rituals that come again, as configured, each with its letter and its next occurrence."""
    coming = {one.ritual.id: one for one in agenda(frame.program, frame.now, records=frame.records).next}
    found = [coming[ritual.id] for ritual in frame.program.rituals if ritual.id in coming]
    letters = _letters(tuple(o.ritual.title or o.ritual.id for o in found))
    return tuple(Lettered(letter, occurrence) for letter, occurrence in zip(letters, found, strict=True))


def _until(field_: Field, text: str, frame: Frame) -> Reading:
    known = rituals(frame)
    chosen = (
        next((r for r in known if text.casefold() in (r.letter, r.title.casefold())), None) if text else None
    )
    if chosen is None and text:
        chosen = next((r for r in known if r.next.ritual.id.casefold() == text.casefold()), None)
    if chosen is not None:
        said = moments.told(chosen.next.start, frame.now, frame.program.zone, frame.viewer_zone)
        return Reading({"ritual": chosen.next.ritual.id}, f"{chosen.title} · {said}", "info")
    wanted = slug(text)
    fitting = [r for r in known if wanted in slug(r.title) or wanted in slug(r.next.ritual.id)]
    instant = _instant(field_, text, frame)
    if text and (not instant.problem or not fitting):
        return instant
    choices = tuple(Choice(r.title, _when(r, frame), r.letter) for r in fitting)
    return Reading({field_.name: ""} if not text else {}, choices=choices, pick=bool(text))


def _when(ritual: Lettered, frame: Frame) -> str:
    return moments.told(ritual.next.start, frame.now, frame.program.zone, frame.viewer_zone)


_READERS = {
    "text": _text,
    "links": _links,
    "person": _person,
    "squad": _squad,
    "instant": _instant,
    "past": _instant,
    "until": _until,
}


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for before something is done."""

    title: str
    fields: tuple[Field, ...]
    about: tuple[str, ...] = ()
    """Lines over the fields: what it is about."""
    focus: str = ""
    """The field to begin in; empty is the first."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """What was typed before, by field, where the form is opened again."""
