"""Squads of a drafted configuration: named by the schedule, completed by their charters."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace

from controlroom.documents.draft import Draft
from controlroom.documents.toml import Value
from controlroom.domain.documents import Document, DocumentSquad
from controlroom.domain.frozen import dataclass
from controlroom.domain.status_text import read_owners
from controlroom.domain.text import slug


@dataclass(frozen=True, slots=True)
class DraftSquad:
    """A squad as the schedule names it, with its charter."""

    id: str
    name: str
    said: DocumentSquad | None = None
    charter: Document | None = None
    aliases: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


def squads_of(draft: Draft) -> list[DraftSquad]:
    """Squads of the schedule, of charters that no row links to, and of waves that name others."""
    squads: dict[str, DraftSquad] = {}
    for document in draft.documents:
        for said in document.squads:
            id_ = slug(said.name)
            if id_ and id_ not in squads:
                squads[id_] = DraftSquad(id_, said.name, said, owners=said.owners)
                draft.took(document, said.line, f"[[squads]] {id_}")
    for document in draft.documents:
        if document.kind == "charter" and slug(document.squad or ""):
            _charter(draft, document, document.squad or "", squads)
    for document in draft.documents:
        for wave in document.waves:
            for name in wave.squads:
                if (
                    slug(name)
                    and slug(name) not in squads
                    and not any(slug(name) in map(slug, s.aliases) for s in squads.values())
                ):
                    squads[slug(name)] = DraftSquad(slug(name), name)
                    draft.took(document, wave.line, f"[[squads]] {slug(name)}")
    return _with_owners(draft, list(squads.values()))


def _charter(draft: Draft, document: Document, name: str, squads: dict[str, DraftSquad]) -> None:
    """A charter belongs to the squad whose row links to it, else to the one of the same name."""
    linked = [
        squad
        for squad in squads.values()
        if squad.said and squad.said.charter and same_file(squad.said.charter, document.path)
    ]
    squad = linked[0] if len(linked) == 1 else squads.get(slug(name), DraftSquad(slug(name), name))
    others = {slug(n) for s in squads.values() for n in (s.id, s.name, *s.aliases)}
    aliases = squad.aliases if slug(name) in {*others, squad.id} else (*squad.aliases, name)
    squads[squad.id] = replace(squad, charter=document, aliases=aliases)
    draft.took(document, None, f"[[squads]] {squad.id}: charter" + (f", alias {name!r}" if aliases else ""))


def same_file(link: str, path: str) -> bool:
    """Whether a link from one document leads to the document at `path`."""
    tail = re.sub(r"^(?:\.\./)+", "", posixpath.normpath(link.split("#", maxsplit=1)[0]))
    return tail not in {"", "."} and ("/" + path.replace("\\", "/")).endswith("/" + tail)


_OUTER = re.compile(r"^(?P<outer>[^()]+?)(?:\s+(?:squad|team|crew))?\s*(?:\(.*\))?$", re.IGNORECASE)


def _with_owners(draft: Draft, squads: list[DraftSquad]) -> list[DraftSquad]:
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


_TYPED = re.compile(r"`([A-Za-z_:][\w:]*)(?:\{([^{}`]*)\})?`(?:\s+(counter|gauge|histogram|summary)\b)?")


def write_squad(draft: Draft, squad: DraftSquad) -> None:
    """One squad with the signals its charter promises."""
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
