"""A configuration drafted from the squads' documents: what they say, where they say it, nothing else."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controlroom.documents.toml import Toml, Value
from controlroom.domain.calendar import CalendarRules, date_of, parse_label
from controlroom.domain.documents import (
    Document,
    DocumentMilestone,
    DocumentRitual,
    DocumentSquad,
    DocumentWave,
)
from controlroom.domain.status_text import read_owners
from controlroom.domain.text import clean, slug

RULES = CalendarRules()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A complete controlroom.toml, and line by line what was taken from where and what was not."""

    toml_text: str
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """What is gathered before it is written."""

    documents: Sequence[Document]
    toml: Toml = field(default_factory=Toml)
    notes: list[str] = field(default_factory=list)
    zone: str | None = None
    start: dt.date | None = None

    def took(self, document: Document, line: int | None, what: str) -> None:
        place = f"{document.path}:{line}" if line else document.path
        self.notes.append(f"{place} → {clean(what)}")

    def missing(self, what: str) -> None:
        self.notes.append(f"not in the documents: {what}; commented out")

    def every(self, kind: str) -> Iterable[tuple[Document, object]]:
        return [(document, one) for document in self.documents for one in getattr(document, kind)]


def propose(documents: Sequence[Document], *, paths: Sequence[str] = ()) -> Proposal:
    """A configuration that says what `documents` say; `paths` is what `[documents].paths` gets.

    What the documents do not say is there as a comment, to be filled in by somebody who knows.
    """
    # A schedule names squads and rituals as the programme does, so it is asked first.
    ordered = sorted(documents, key=lambda document: document.kind != "schedule")
    draft = _Draft(ordered)
    _program(draft)
    squads = _squads(draft)
    _waves(draft, [squad.name for squad in squads])
    _sprints(draft)
    for squad in squads:
        _write_squad(draft, squad)
    _dependencies(draft)
    _milestones(draft)
    _rituals(draft)
    _systems(draft)
    _rest(draft, paths or [document.path for document in documents])
    _left_over(draft)
    return Proposal(draft.toml.text(), tuple(draft.notes))


def _heading(draft: _Draft, *lines: str) -> None:
    draft.toml.blank()
    draft.toml.comment(*lines)


def _program(draft: _Draft) -> None:
    toml = draft.toml
    toml.comment(
        "Drafted by `controlroom init` from the documents listed under [documents].",
        "Nothing here is invented: what the documents do not say is commented out.",
        "`controlroom config check` says whether it is complete.",
    )
    toml.table("program")
    titled = next((d for d in draft.documents if d.kind == "schedule" and d.title), None)
    if titled is not None:
        title = re.split(r"\s+[—–|]\s+|:\s+", titled.title)[0].strip()
        toml.key("id", slug(title)[:40] or "programme")
        toml.key("title", title, f"title of {titled.path}")
        draft.took(titled, None, f"[program] title {title!r}")
    else:
        toml.key("id", "programme", off=True)
        draft.missing("[program] id and title")
    dated = next((d for d in draft.documents if d.start), None)
    if dated is not None and dated.start is not None:
        draft.start = dated.start
        toml.key("start", dated.start, "Week 1 Day 1")
        draft.took(dated, None, f"[program] start {dated.start}")
    else:
        toml.key("start", dt.date(2000, 1, 1), "Week 1 Day 1: no document names it", off=True)
        draft.missing("[program] start")
    _zone(draft)
    _banner(draft)
    toml.table("calendar")
    toml.key("day_rule", "calendar", 'or "workdays": which days "Day n" counts', off=True)
    toml.key("day8", "close", 'or "reject": what "Day 8" means', off=True)


def _zone(draft: _Draft) -> None:
    zones = Counter(ritual.zone for document in draft.documents for ritual in document.rituals if ritual.zone)
    if not zones:
        draft.toml.key("zone", "UTC", "IANA time zone: no document names one", off=True)
        draft.missing("[program] zone")
        return
    draft.zone, count = zones.most_common(1)[0]
    draft.toml.key("zone", draft.zone, f"of {count} rituals")
    where = next((d, r.line) for d in draft.documents for r in d.rituals if r.zone == draft.zone)
    draft.took(*where, f"[program] zone {draft.zone}")


def _banner(draft: _Draft) -> None:
    texts = Counter(document.banner_text for document in draft.documents if document.banner_text)
    if not texts:
        return
    text, count = texts.most_common(1)[0]
    if len(draft.documents) > 1 and count == 1:
        draft.notes.append("no two documents begin with the same banner; [program].banner is left out")
        return
    draft.toml.key("banner", text)
    first = next(d for d in draft.documents if d.banner_text == text)
    draft.took(first, 1, f"[program] banner, as in {count} of {len(draft.documents)} documents")
    for other in draft.documents:
        if other.banner_text not in {text, ""}:
            draft.notes.append(f"{other.path}:1 begins with another banner; lint D001 will say so")


@dataclass(frozen=True, slots=True)
class _Squad:
    """A squad as the schedule names it, with its charter."""

    id: str
    name: str
    said: DocumentSquad | None = None
    charter: Document | None = None
    aliases: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


def _squads(draft: _Draft) -> list[_Squad]:
    squads: dict[str, _Squad] = {}
    for document in draft.documents:
        for said in document.squads:
            id_ = slug(said.name)
            if id_ and id_ not in squads:
                squads[id_] = _Squad(id_, said.name, said, owners=said.owners)
                draft.took(document, said.line, f"[[squads]] {id_}")
    for document in draft.documents:
        if document.kind == "charter" and document.squad:
            _charter(draft, document, document.squad, squads)
    for document in draft.documents:
        for wave in document.waves:
            for name in wave.squads:
                if slug(name) not in squads and not any(
                    slug(name) in map(slug, s.aliases) for s in squads.values()
                ):
                    squads[slug(name)] = _Squad(slug(name), name)
                    draft.took(document, wave.line, f"[[squads]] {slug(name)}")
    return _with_owners(draft, list(squads.values()))


def _charter(draft: _Draft, document: Document, name: str, squads: dict[str, _Squad]) -> None:
    """A charter belongs to the squad whose row links to it, else to the one of the same name."""
    linked = [
        squad
        for squad in squads.values()
        if squad.said and squad.said.charter and same_file(squad.said.charter, document.path)
    ]
    squad = linked[0] if len(linked) == 1 else squads.get(slug(name), _Squad(slug(name), name))
    aliases = (*squad.aliases, name) if slug(name) not in {squad.id, slug(squad.name)} else squad.aliases
    squads[squad.id] = replace(squad, charter=document, aliases=aliases)
    draft.took(document, None, f"[[squads]] {squad.id}: charter" + (f", alias {name!r}" if aliases else ""))


def same_file(link: str, path: str) -> bool:
    """Whether a link from one document leads to the document at `path`."""
    tail = re.sub(r"^(?:\.\./)+", "", posixpath.normpath(link.split("#", maxsplit=1)[0]))
    return tail not in {"", "."} and ("/" + path.replace("\\", "/")).endswith("/" + tail)


_OUTER = re.compile(r"^(?P<outer>[^()]+?)(?:\s+(?:squad|team|crew))?\s*(?:\(.*\))?$", re.IGNORECASE)


def _with_owners(draft: _Draft, squads: list[_Squad]) -> list[_Squad]:
    """Owners named together with their squad ("Payments (Rosa)"); one named with two squads is left out."""
    ids = {slug(name): squad.id for squad in squads for name in (squad.id, squad.name, *squad.aliases)}
    named: dict[str, dict[str, tuple[Document, int]]] = {}
    for document in draft.documents:
        for item in document.items:
            outer = _OUTER.match(item.owner)
            squad_id = ids.get(slug(outer["outer"])) if outer else None
            for owner in read_owners(item.owner) if squad_id else ():
                named.setdefault(owner, {}).setdefault(squad_id or "", (document, item.line))
    for owner, places in named.items():
        if len(places) > 1:
            draft.notes.append(f"{owner} is named with several squads ({', '.join(places)}): owner of none")
            continue
        (squad_id, (document, line)), *_ = places.items()
        draft.took(document, line, f"[[squads]] {squad_id}: owner {owner}")
    return [
        replace(
            squad,
            owners=tuple(
                dict.fromkeys(
                    (*squad.owners, *(o for o, places in named.items() if list(places) == [squad.id]))
                )
            ),
        )
        for squad in squads
    ]


def _waves(draft: _Draft, squads: Sequence[str]) -> None:
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
        _heading(draft, "[[waves]]", '# name = "Wave A"', "# weeks = [1, 2]")
        draft.missing("[[waves]]")


def _write_wave(draft: _Draft, wave: DocumentWave) -> None:
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


def _sprints(draft: _Draft) -> None:
    known: dict[str, dict[str, Value | None]] = {}
    waves = {wave.id: wave.name for document in draft.documents for wave in document.waves}
    for document in draft.documents:
        for sprint in document.sprints:
            wave = next(
                (id_ for id_ in waves if sprint.wave and id_.endswith("_" + slug(sprint.wave)[:1])), None
            )
            fields: dict[str, Value | None] = {"start": sprint.start, "end": sprint.end, "wave": wave}
            name = f"{sprint.id.replace('-', ' ', 1).capitalize()} — {sprint.name}"
            known.setdefault(sprint.id, {"name": name, **fields, "squads": sprint.squads})
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


_TYPED = re.compile(r"`([A-Za-z_:][\w:]*)(?:\{([^{}`]*)\})?`(?:\s+(counter|gauge|histogram|summary)\b)?")


def _write_squad(draft: _Draft, squad: _Squad) -> None:
    toml = draft.toml
    toml.table("[[squads]]")
    toml.key("id", squad.id)
    toml.key("name", squad.name)
    toml.key("aliases", squad.aliases)
    toml.key("owners", squad.owners)
    if squad.charter is not None:
        toml.key("charter", squad.charter.path)
    elif squad.said:
        toml.key("charter", squad.said.charter)
    if squad.said:
        toml.key("focus", dict(squad.said.focus))
        toml.key("signals_text", squad.said.signals)
    if squad.charter is None:
        return
    toml.key("topics", squad.charter.topics, "named in the charter: those that must carry traffic", off=True)
    for metric, fields in promised(squad.charter).items():
        toml.table("[[squads.signals]]")
        toml.key("metric", metric)
        for name, value in fields.items():
            toml.key(name, value)
        toml.key("required_for_exit", True)
        draft.took(squad.charter, _line_of(squad.charter, metric), f"[[squads.signals]] {squad.id} {metric}")


def promised(charter: Document) -> Mapping[str, Mapping[str, Value]]:
    """The metrics a charter names among its gates (else anywhere), with the type and labels it gives."""
    texts = [f"{note.name} {note.text}" for note in charter.gates]
    at_gates = [metric for metric in charter.metrics if any(f"`{metric}" in text for text in texts)]
    said: dict[str, dict[str, Value]] = {metric: {} for metric in at_gates or charter.metrics}
    for text in texts:
        for found in _TYPED.finditer(text):
            if found[1] in said:
                labels = [label.split("=")[0].strip() for label in (found[2] or "").split(",")]
                said[found[1]] |= {"type": found[3]} if found[3] else {}
                said[found[1]] |= {"labels": [label for label in labels if label]}
    return said


def _line_of(charter: Document, metric: str) -> int | None:
    notes = [*charter.gates, *charter.unread, *charter.prose]
    return next((note.line for note in notes if metric in f"{note.name} {note.text}"), None)


def _dependencies(draft: _Draft) -> None:
    """The schedule's: those of a charter or a backlog are about one squad or sprint, and stay there."""
    seen: set[str] = set()
    for document in draft.documents:
        for one in document.dependencies if document.kind == "schedule" else ():
            if slug(one.name) in seen:
                continue
            seen.add(slug(one.name))
            draft.toml.table("[[dependencies]]")
            draft.toml.key("name", one.name)
            draft.toml.key("text", one.text)
            draft.toml.key("owner", one.owner)
            draft.toml.key("services", ["…"], "ids of the services that watch it", off=True)
            draft.took(document, one.line, f"[[dependencies]] {one.name}")
    if not seen:
        draft.missing("[[dependencies]]")


def _milestones(draft: _Draft) -> None:
    seen: set[tuple[str, str]] = set()
    for document in draft.documents:
        for one in document.milestones:
            identity = (one.label or str(one.date), slug(one.text))
            if identity in seen or not one.text:
                continue
            seen.add(identity)
            draft.toml.table("[[milestones]]")
            draft.toml.key("label", one.label)
            draft.toml.key("date", one.date, off=_follows(draft, one))
            draft.toml.key("text", one.text)
            draft.toml.key("section", one.section)
            draft.took(document, one.line, f"[[milestones]] {one.label or one.date}")
    if not seen:
        draft.missing("[[milestones]]")


def _follows(draft: _Draft, one: DocumentMilestone) -> bool:
    """Whether the date follows from label and start, so that writing it down would say it twice."""
    label = parse_label(one.label or "")
    if label is None or draft.start is None:
        return False
    try:
        return date_of(RULES, draft.start, *label)[0] == one.date
    except ValueError:
        return False


def _rituals(draft: _Draft) -> None:
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


def _write_ritual(draft: _Draft, same: Sequence[tuple[Document, DocumentRitual]], taken: set[str]) -> None:
    toml, rituals = draft.toml, [ritual for _, ritual in same]
    first = rituals[0]
    id_ = next(
        c for c in (slug(first.name), *(f"{slug(first.name)}_{n}" for n in range(2, 999))) if c not in taken
    )
    taken.add(id_)
    off = not first.days
    scenarios = next((r.scenarios for r in rituals if r.scenarios), {})
    others = [r.name for r in rituals[1:] if slug(r.name) != slug(first.name)]
    toml.table(
        "# [[rituals]]" if off else "[[rituals]]", "the documents do not say on which days" if off else ""
    )
    if others:
        toml.comment(f"also called {', '.join(others)}")
    toml.key("id", id_, off=off)
    toml.key("title", first.name, off=off)
    toml.key("days", first.days if first.days == "daily" else list(first.days), off=off)
    toml.key("time", first.time, off=off)
    zone = first.zone if first.zone != draft.zone else None
    toml.key("zone", zone, off=off)
    if first.all_day:
        toml.key("all_day", True, off=off)
    toml.key("minutes", next((r.minutes for r in rituals if r.minutes), None), off=off)
    if scenarios:
        toml.key("rotates", True, off=off)
        toml.key(
            "rotation", [{"week": w, "scenario": said} for w, said in sorted(scenarios.items())], off=off
        )
    for document, ritual in same:
        again = f" (same slot as {first.name!r})" if ritual is not first else ""
        draft.took(document, ritual.line, f"[[rituals]] {id_}{again}")


def _systems(draft: _Draft) -> None:
    """What runs where is in no document: examples, commented out."""
    _heading(
        draft,
        "What runs, and how to ask it how it is. No document says where: take the comment signs away.",
        "[[services]]",
        'id = "redis"',
        'kind = "redis"                    # http | tcp | redis | prometheus | alertmanager',
        'url = "redis://127.0.0.1:6379"',
        "",
        "[[prometheus]]",
        'id = "prometheus"',
        'url = "http://127.0.0.1:9090"     # where the squads\' signals are read',
        "",
        "[[alertmanagers]]",
        'id = "alertmanager"',
        'url = "http://127.0.0.1:9093"',
    )
    draft.missing("[[services]], [[prometheus]] and [[alertmanagers]]")


def _rest(draft: _Draft, paths: Sequence[str]) -> None:
    toml = draft.toml
    toml.table("documents")
    toml.key("paths", list(paths))
    toml.table("status")
    reports = [document for document in draft.documents if document.kind == "status"]
    folder = posixpath.dirname(reports[0].path) if reports else ""
    toml.key("dir", folder or "status", "folder of status JSON files", off=not folder)
    if folder:
        draft.took(reports[0], None, f"[status] dir {folder}, where the status reports are")
    toml.table("store")
    toml.key("url", "dir:log", 'the triage log: "dir:<folder>", or "redis://host:6379/0"', off=True)


def _left_over(draft: _Draft) -> None:
    for document in draft.documents:
        for note in document.unread:
            draft.notes.append(f"{document.path}:{note.line} could not be read ({note.name}): {note.text}")
        if document.prose:
            lines = ", ".join(str(note.line) for note in document.prose[:12])
            more = f" and {len(document.prose) - 12} more" if len(document.prose) > 12 else ""
            draft.notes.append(f"{document.path}: prose left aside, lines {lines}{more}")
        for lint in document.lints:
            draft.notes.append(f"{document.path}:{lint.line} {lint.code} {lint.message}")
    draft.notes.append("nothing was invented: what the documents do not say is commented out")
