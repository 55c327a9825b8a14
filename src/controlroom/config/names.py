"""Names in a configuration that mean something declared elsewhere in it.

People write a squad's name or alias where an id is meant; the values hold ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.config.places import Place
from controlroom.config.shape import File
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import slug

if TYPE_CHECKING:
    from controlroom.domain.rituals import Ritual


@dataclass(frozen=True, slots=True)
class Named:
    """What can be named in one section: its ids in order, and every spelling with the id it means."""

    ids: Mapping[str, None]
    spellings: Mapping[str, str]


Ids = Mapping[str, Named]
"""By section."""

_REFERENCES: Mapping[str, Mapping[str, str]] = {
    "waves": {"squads": "squads", "sprints": "sprints"},
    "sprints": {"squads": "squads", "wave": "waves"},
    "dependencies": {"owner": "squads", "services": "services", "squads": "squads"},
    "services": {
        "owner": "squads",
        "squads": "squads",
        "milestones": "milestones",
        "depends_on": "services",
    },
    "maintenance": {"services": "services"},
    "benchmarks": {"squad": "squads", "server": "prometheus"},
    "notify": {"squads": "squads"},
}
"""Section → key → the section it names something of."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name at a place that no entry of `section` has."""

    place: Place
    section: str
    name: str
    choices: Mapping[str, None]
    """The ids there are, in the order of the file."""


def resolved(file: File) -> File:
    """`file` with ids where names or aliases stood; what is unknown stays as written."""
    ids = _ids(file)
    changed: dict[str, Any] = {}
    for section, keys in _REFERENCES.items():
        changed[section] = tuple(_with_ids(entry, keys, ids) for entry in getattr(file, section))
    changed["alertmanagers"] = tuple(
        replace(server, rules=tuple(_with_ids(rule, {"squad": "squads"}, ids) for rule in server.rules))
        for server in file.alertmanagers
    )
    changed["rituals"] = tuple(_ritual(ritual, ids) for ritual in file.rituals)
    return replace(file, **changed)


def _ritual(ritual: Ritual, ids: Ids) -> Ritual:
    named = {"services": "services"}
    return replace(
        ritual,
        rotation=tuple(_with_ids(scenario, named, ids) for scenario in ritual.rotation),
        gates=tuple(_with_ids(gate, {"service": "services"}, ids) for gate in ritual.gates),
    )


def unknown(file: File) -> Iterator[Unknown]:
    """Every name in a resolved `file` that means nothing in it."""
    ids = _ids(file)
    for place, section, name in _references(file):
        if name not in ids[section].ids:
            yield Unknown(place, section, name, ids[section].ids)


def _ids(file: File) -> Ids:
    return {
        "squads": _named(file.squads, slug, lambda s: (s.name, *s.aliases)),
        "waves": _named(file.waves, slug, lambda w: (w.name,)),
        "sprints": _named(file.sprints, _sprint_id, lambda s: (s.name,)),
        "services": _named(file.services, slug, lambda s: (s.name,)),
        "milestones": _named(file.milestones, slug, lambda m: (m.text, m.label or "")),
        "prometheus": _named(file.prometheus, slug, lambda p: ()),
    }


def _sprint_id(name: str) -> str:
    # Only a file that has sprints needs what this brings along.
    from controlroom.config.normal import sprint_id

    return sprint_id(name)


def _named(things: Iterable[Any], key: Callable[[str], str], names: Callable[[Any], Iterable[str]]) -> Named:
    """Ids come before names, and the first name before a later one."""
    things = list(things)
    found: dict[str, str] = {}
    for thing in things:
        found.setdefault(key(thing.id), thing.id)
    for thing in things:
        for name in names(thing):
            found.setdefault(key(name), thing.id)
    return Named(dict.fromkeys(thing.id for thing in things), found)


def _with_ids(entry: Any, keys: Mapping[str, str], ids: Ids) -> Any:
    changed: dict[str, Any] = {}
    for key, section in keys.items():
        value = getattr(entry, key)
        if isinstance(value, str):
            changed[key] = _id(value, section, ids)
        elif value:
            changed[key] = tuple(dict.fromkeys(_id(name, section, ids) for name in value))
    return replace(entry, **changed) if changed else entry


def _id(name: str, section: str, ids: Ids) -> str:
    if name in ids[section].ids:
        return name
    key = _sprint_id if section == "sprints" else slug
    return ids[section].spellings.get(key(name), name)


def _references(file: File) -> Iterator[tuple[Place, str, str]]:
    for section, keys in _REFERENCES.items():
        for number, entry in enumerate(getattr(file, section)):
            for key, target in keys.items():
                value = getattr(entry, key)
                if isinstance(value, str):
                    yield (section, number, key), target, value
                elif value:
                    yield from (((section, number, key, n), target, name) for n, name in enumerate(value))
    for number, server in enumerate(file.alertmanagers):
        for n, rule in enumerate(server.rules):
            if rule.squad:
                yield ("alertmanagers", number, "rules", n, "squad"), "squads", rule.squad
    for number, ritual in enumerate(file.rituals):
        for n, scenario in enumerate(ritual.rotation):
            for m, name in enumerate(scenario.services):
                yield ("rituals", number, "rotation", n, "services", m), "services", name
        for n, gate in enumerate(ritual.gates):
            if gate.service is not None:
                yield ("rituals", number, "gates", n, "service"), "services", gate.service
    for number, squad in enumerate(file.squads):
        for n, signal in enumerate(squad.signals):
            if signal.server is not None:
                yield ("squads", number, "signals", n, "server"), "prometheus", signal.server
        for n, topic in enumerate(squad.topics):
            if topic.server is not None:
                yield ("squads", number, "topics", n, "server"), "prometheus", topic.server
            if topic.service is not None:
                yield ("squads", number, "topics", n, "service"), "services", topic.service
