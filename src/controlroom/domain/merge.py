"""The programme as configuration and the squads' documents declare it together.

Documents are alive, so what they say about a wave's state, a squad's focus or an item wins; dates and
identities written into the configuration win over documents, and a difference is a lint, never silence.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo

from controlroom.domain import calendar
from controlroom.domain.board import Item, Sprint, Squad
from controlroom.domain.documents import (
    Document,
    DocumentItem,
    DocumentMilestone,
    DocumentNote,
    DocumentReading,
    DocumentRitual,
    DocumentWave,
)
from controlroom.domain.frozen import dataclass
from controlroom.domain.lints import Lint
from controlroom.domain.program import Dependency, Milestone, Origin, Program
from controlroom.domain.rituals import WEEKDAYS, Ritual, Scenario, Weekday
from controlroom.domain.text import clean, slug
from controlroom.domain.triage import Blocker
from controlroom.domain.waves import Wave

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Declared:
    """What configuration and documents say, in one voice."""

    program: Program
    items: tuple[Item, ...] = ()
    steps: tuple[Item, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    lints: tuple[Lint, ...] = ()


def merge(
    base: Program,
    readings: Sequence[DocumentReading],
    now: dt.datetime,
    proofs: Mapping[str, Sequence[str]] | None = None,
) -> Declared:
    """`base` (the configuration) completed by the documents that could be read.

    `proofs` are the configuration's, by card; they join those that documents name. `now` only bounds what is
    already past: a blocker reported on an earlier day is at least that old.
    """
    documents = [reading.document for reading in readings if reading.document is not None]
    found = _Found()
    program = replace(base, start=base.start or _start(documents))
    program = replace(program, waves=_waves(program, documents, found))
    program = replace(program, squads=_squads(program, documents, found))
    program = replace(program, waves=tuple(_with_members(wave, program) for wave in program.waves))
    program = replace(
        program,
        dependencies=_dependencies(program, documents, found),
        milestones=_milestones(program, documents, found),
        rituals=_rituals(program, documents, found),
        sprints=_sprints(program, documents, found),
    )
    program = replace(program, origins=dict(found.origins))
    items = _proven(_items(program, documents, found), proofs or {}, found)
    steps = tuple(
        Item(
            id=f"step/{number}",
            epic=step.text,
            status=step.state,
            path=document.path,
            line=step.line,
            status_text=step.state,
        )
        for document in documents
        if document.kind == "schedule"
        for number, step in enumerate(document.steps, 1)
    )
    lints = (*(lint for document in documents for lint in document.lints), *found.lints)
    return Declared(program, items, steps, _blockers(program, documents, now), lints)


class _Found:
    """Origins and disagreements gathered on the way."""

    def __init__(self) -> None:
        self.origins: dict[str, Origin] = {}
        self.lints: list[Lint] = []

    def at(self, kind: str, id_: str, document: Document, line: int) -> None:
        self.origins.setdefault(f"{kind}/{id_}", Origin(document.path, line))

    def differs(self, what: str, ours: object, theirs: object, document: Document, line: int) -> None:
        message = f"{what}: {ours} elsewhere, {theirs} here; the first is used"
        self.lints.append(Lint("M001", message, path=document.path, line=line, subject=what))


def _start(documents: Sequence[Document]) -> dt.date | None:
    by_kind = sorted(documents, key=lambda document: document.kind != "schedule")
    return next((document.start for document in by_kind if document.start), None)


def _every(
    documents: Sequence[Document], pick: Callable[[Document], Sequence[T]]
) -> list[tuple[Document, T]]:
    return [(document, thing) for document in documents for thing in pick(document)]


def _waves(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Wave, ...]:
    waves = list(program.waves)
    for document, said in _every(documents, lambda d: d.waves):
        known = next((i for i, wave in enumerate(waves) if _same_wave(wave, said)), None)
        if known is None:
            waves.append(_new_wave(said, document))
        else:
            waves[known] = _completed_wave(waves[known], said, document, found)
        found.at("wave", (waves[-1] if known is None else waves[known]).id, document, said.line)
    return tuple(waves)


def _same_wave(wave: Wave, said: DocumentWave) -> bool:
    names = {slug(wave.id), slug(wave.name)} - {""}
    return slug(said.id) in names or slug(said.name) in names


def _declared(said: DocumentWave, document: Document) -> Wave:
    when = dt.datetime.combine(document.as_of, dt.time(), dt.UTC) if document.as_of else None
    declared = said.declared and replace(said.declared, source=f"{document.path}:{said.line}", as_of=when)
    return Wave(id=said.id, name=said.name, declared=declared)


def _new_wave(said: DocumentWave, document: Document) -> Wave:
    return replace(
        _declared(said, document),
        start=said.start,
        end=said.end,
        weeks=said.weeks,
        squads=said.squads,
        design=said.design,
    )


def _completed_wave(wave: Wave, said: DocumentWave, document: Document, found: _Found) -> Wave:
    for what, ours, theirs in (("start", wave.start, said.start), ("end", wave.end, said.end)):
        if ours and theirs and ours != theirs:
            found.differs(f"{what} of {wave.name or wave.id}", ours, theirs, document, said.line)
    return replace(
        wave,
        name=wave.name or said.name,
        start=wave.start or said.start,
        end=wave.end or said.end,
        weeks=wave.weeks or said.weeks,
        squads=wave.squads or said.squads,
        declared=_declared(said, document).declared or wave.declared,
        design=wave.design or said.design,
    )


def _squads(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Squad, ...]:
    squads = {squad.id: squad for squad in program.squads}
    for document, said in _every(documents, lambda d: d.squads):
        known = program.squad(said.name)
        squad = squads[known.id] if known else Squad(id=slug(said.name), name=said.name)
        squads[squad.id] = replace(
            squad,
            name=squad.name or said.name,
            charter=squad.charter or _linked(said.charter, document),
            focus=dict(said.focus) or squad.focus,
            signals_text=said.signals or squad.signals_text,
            owners=(*squad.owners, *(owner for owner in said.owners if owner not in squad.owners)),
        )
        found.at("squad", squad.id, document, said.line)
        program = replace(program, squads=tuple(squads.values()))
    for document in documents:
        if document.kind == "charter" and document.squad:
            _charter(program, document, squads)
    return tuple(squads.values())


def _charter(program: Program, document: Document, squads: dict[str, Squad]) -> None:
    """A charter's squad, often named a little differently: the schedule's link says whose it is."""
    squad = program.squad(document.squad or "") or next(
        (s for s in squads.values() if s.charter and _same_file(s.charter, document.path)), None
    )
    if squad is None:
        squad = Squad(id=slug(document.squad or ""), name=document.squad or "")
    squad = squads.get(squad.id, squad)
    aliases = squad.aliases
    if document.squad and slug(document.squad) not in {squad.id, slug(squad.name), *map(slug, aliases)}:
        aliases = (*aliases, document.squad)
    squads[squad.id] = replace(squad, charter=squad.charter or document.path, aliases=aliases)


def _linked(link: str | None, document: Document) -> str | None:
    """A link as the configuration would name it: what `document` links to lies beside it."""
    if link is None or link.startswith(("/", "#")) or ":" in link:
        return link
    return posixpath.normpath(posixpath.join(posixpath.dirname(document.path), link))


def _same_file(link: str, path: str) -> bool:
    tail = posixpath.normpath(link.split("#", maxsplit=1)[0]).lstrip("./")
    return bool(tail) and ("/" + path.replace("\\", "/")).endswith("/" + tail)


def _with_members(wave: Wave, program: Program) -> Wave:
    """A document lists a wave's squads under any of their names; a name nobody has stays as written."""
    known = (program.squad(name) for name in wave.squads)
    members = tuple(squad.id if squad else name for squad, name in zip(known, wave.squads, strict=True))
    return wave if members == wave.squads else replace(wave, squads=members)


def _dependencies(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Dependency, ...]:
    """The schedule's critical dependencies; other documents' are about their own squad or sprint."""
    known = {slug(dependency.name): dependency for dependency in program.dependencies}
    for document, said in _every([d for d in documents if d.kind == "schedule"], lambda d: d.dependencies):
        ours = known.get(slug(said.name), Dependency(said.name))
        owner = program.squad(said.owner) if said.owner else None
        known[slug(said.name)] = replace(
            ours, text=said.text or ours.text, owner=ours.owner or (owner.id if owner else None)
        )
        found.at("dependency", slug(said.name), document, said.line)
    return tuple(known.values())


def _milestones(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Milestone, ...]:
    milestones = [_dated(program, milestone) for milestone in program.milestones]
    for document, said in _every(documents, lambda d: d.milestones):
        mine = _dated(program, _milestone(said))
        known = next((i for i, other in enumerate(milestones) if _same_milestone(other, mine)), None)
        if known is None:
            milestones.append(mine)
        else:
            milestones[known] = replace(
                milestones[known],
                text=milestones[known].text or mine.text,
                label=milestones[known].label or mine.label,
            )
        found.at("milestone", (mine if known is None else milestones[known]).id, document, said.line)
    return tuple(sorted(milestones, key=lambda m: (m.date is None, m.date or dt.date.min)))


def _milestone(said: DocumentMilestone) -> Milestone:
    stem = said.label or (said.date.isoformat() if said.date else "milestone")
    return Milestone(
        id=f"{slug(stem)}/{slug(said.text)[:40]}",
        text=said.text,
        label=said.label,
        date=said.date,
        section=said.section,
    )


def _dated(program: Program, milestone: Milestone) -> Milestone:
    if milestone.date or not milestone.label or not program.start:
        return milestone
    place = calendar.parse_label(milestone.label)
    if place is None:
        return milestone
    try:
        date, _ = calendar.date_of(program.calendar, program.start, *place)
    except ValueError:
        return milestone
    return replace(milestone, date=date)


def _same_milestone(one: Milestone, other: Milestone) -> bool:
    if one.text and other.text and slug(one.text) != slug(other.text):
        return False
    same_date = one.date is not None and one.date == other.date
    same_label = bool(one.label and other.label and slug(one.label) == slug(other.label))
    return same_date or same_label


def _rituals(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Ritual, ...]:
    """Same days and time mean the same ritual; the configuration's, else the first document's, title wins."""
    rituals = list(program.rituals)
    for document, said in _every(documents, lambda d: d.rituals):
        mine = _ritual(said)
        known = next((i for i, other in enumerate(rituals) if _same_slot(program, other, mine)), None)
        if known is None:
            rituals.append(replace(mine, id=_free_id(mine.id, {r.id for r in rituals})))
            found.at("ritual", rituals[-1].id, document, said.line)
            continue
        ours = rituals[known]
        if ours.minutes and mine.minutes and ours.minutes != mine.minutes:
            found.differs(f"minutes of {ours.title}", ours.minutes, mine.minutes, document, said.line)
        if slug(ours.title) != slug(mine.title):
            found.differs("title of one slot", ours.title or ours.id, mine.title, document, said.line)
        rituals[known] = replace(
            ours,
            title=ours.title or mine.title,
            minutes=ours.minutes or mine.minutes,
            rotation=ours.rotation or mine.rotation,
            rotates=ours.rotates or mine.rotates,
        )
        found.at("ritual", ours.id, document, said.line)
    return tuple(rituals)


def _ritual(said: DocumentRitual) -> Ritual:
    days: tuple[Weekday, ...] | str = (
        "daily" if said.days == "daily" else tuple(day for day in WEEKDAYS if day in said.days)
    )
    rotation = tuple(Scenario(week, scenario) for week, scenario in sorted(said.scenarios.items()))
    return Ritual(
        id=slug(said.name),
        title=said.name,
        days="daily" if isinstance(days, str) else days,
        time=dt.time.fromisoformat(said.time) if said.time else None,
        zone=said.zone,
        all_day=said.all_day,
        minutes=said.minutes,
        rotation=rotation,
        rotates=bool(rotation),
    )


def _same_slot(program: Program, one: Ritual, other: Ritual) -> bool:
    if one.id == other.id or (one.title and slug(one.title) == slug(other.title)):
        return True
    zones = {one.zone or program.zone, other.zone or program.zone}
    timed = one.time is not None or one.all_day
    return (
        timed and _days(one) == _days(other) and (one.time, one.all_day) == (other.time, other.all_day)
    ) and len(zones) == 1


def _days(ritual: Ritual) -> frozenset[str]:
    return frozenset(WEEKDAYS if ritual.days == "daily" else ritual.days)


def _free_id(wanted: str, taken: set[str]) -> str:
    candidates = (wanted, *(f"{wanted}_{n}" for n in range(2, 1000)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _sprints(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Sprint, ...]:
    """The configuration's sprints, then those that documents describe or only name on a card."""
    sprints = {sprint.id: sprint for sprint in program.sprints}
    for document, told in _every(documents, lambda d: d.sprints):
        known = sprints.get(told.id, Sprint(told.id))
        sprints[told.id] = replace(
            known,
            name=known.name or told.name,
            start=known.start or told.start,
            end=known.end or told.end,
            wave=known.wave or told.wave,
            squads=known.squads or told.squads,
        )
        found.at("sprint", told.id, document, told.line)
    for document, said in _every(_boards(documents), lambda d: d.items):
        if said.sprint_id and said.sprint and said.sprint_id not in sprints:
            sprints[said.sprint_id] = Sprint(said.sprint_id, said.sprint)
            found.at("sprint", said.sprint_id, document, said.line)
    return tuple(sprints.values())


def _boards(documents: Sequence[Document]) -> list[Document]:
    """Documents whose rows are cards; a status report's rows are about sprints."""
    return [document for document in documents if document.kind in ("backlog", "sprint")]


def _items(program: Program, documents: Sequence[Document], found: _Found) -> tuple[Item, ...]:
    items: dict[str, Item] = {}
    people = _people(program.squads)
    for document, said in _every(_boards(documents), lambda d: d.items):
        if said.id in items:
            where = items[said.id]
            if where.path != document.path:
                message = f"{said.id} is also in {where.path}:{where.line}; the first is shown"
                found.lints.append(Lint("X010", message, "error", document.path, said.line, subject=said.id))
            continue
        items[said.id] = _item(program, said, document, people)
    return tuple(items.values())


def _people(squads: Sequence[Squad]) -> Mapping[str, str]:
    return {slug(owner): squad.id for squad in squads for owner in squad.owners}


def _item(program: Program, said: DocumentItem, document: Document, people: Mapping[str, str]) -> Item:
    def squad_id(name: str | None) -> str | None:
        squad = program.squad(name) if name else None
        return squad.id if squad else name

    sprint = said.sprint_id
    return Item(
        id=said.id,
        epic=said.epic,
        squad=_squad_of(program, said, people),
        sprint=sprint,
        wave=next((wave.id for wave in program.waves if sprint and sprint in wave.sprints), None),
        tasks=said.tasks,
        owner=said.owner,
        owners=said.owners,
        status=said.status,
        status_text=said.status_text,
        progress=said.progress,
        due=said.due,
        tags=said.tags,
        owning_squad=squad_id(said.owning_squad),
        blocking_squad=squad_id(said.blocking_squad),
        path=document.path,
        line=said.line,
        proof=said.proof,
    )


def _proven(items: tuple[Item, ...], proofs: Mapping[str, Sequence[str]], found: _Found) -> tuple[Item, ...]:
    """`items` with the proofs that the configuration has for them; one for no card is a lint."""
    known = {item.id for item in items}
    for id_ in proofs if known else ():
        if id_ not in known:
            pointer = f"/proofs/{id_.replace('~', '~0').replace('/', '~1')}"
            message = f"[[proofs]] names the card {id_}, which no document lists"
            found.lints.append(Lint("X017", clean(message), "warning", pointer=pointer, subject=id_))
    return tuple(
        replace(item, proof=tuple(dict.fromkeys((*item.proof, *proofs[item.id]))))
        if item.id in proofs
        else item
        for item in items
    )


def _squad_of(program: Program, said: DocumentItem, people: Mapping[str, str]) -> str | None:
    """Explicit field, else the configured owner map, which may name people or roles; all named must agree."""
    if said.squad:
        squad = program.squad(said.squad)
        return squad.id if squad else None
    if whole := people.get(slug(said.owner)):
        return whole
    parts = (*said.owners, *re.split(r"[()+,;|]", said.owner))  # ``Role (Name)`` names both
    named = {people[slug(part)] for part in parts if slug(part) in people}
    return named.pop() if len(named) == 1 else None


def _blockers(program: Program, documents: Sequence[Document], now: dt.datetime) -> tuple[Blocker, ...]:
    """What the newest status reports (those of one day) list; earlier reports are history.

    A blocker that is listed day after day is one and the same: its id is from the first report of it, and so
    is how long it is known.
    """
    days: dict[dt.date, list[Document]] = {}
    for document in documents:
        if document.kind == "status":
            days.setdefault(document.as_of or dt.date.min, []).append(document)
    first: dict[str, Document] = {}
    listed: dict[str, tuple[Document, DocumentNote]] = {}
    for day in sorted(days):
        listed = {}
        for report in days[day]:
            for note in report.blockers:
                listed[_free_id(slug(note.name) or "blocker", set(listed))] = (report, note)
        first = {name: first.get(name, report) for name, (report, _) in listed.items()}
    return tuple(
        Blocker(
            id=f"{slug(_stem(first[name]))}/{name}",
            summary=note.name,
            text=note.text,
            first_seen=_end_of_day(first[name].as_of, program.zone, now),
            source=report.path,
            line=note.line,
        )
        for name, (report, note) in listed.items()
    )


def _stem(document: Document) -> str:
    return document.path.rsplit("/", 1)[-1].removesuffix(".md")


def _end_of_day(date: dt.date | None, zone: str, now: dt.datetime) -> dt.datetime | None:
    """The last instant a report of `date` can be from: what it lists is at least that old."""
    if date is None:
        return None
    after = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    return after if after <= now else None
