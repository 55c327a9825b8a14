"""The programme: what it declares of itself, in its configuration and its documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

from controlroom.domain.calendar import CalendarRules
from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.board import Sprint, Squad
    from controlroom.domain.rituals import Ritual
    from controlroom.domain.waves import Wave


@dataclass(frozen=True, slots=True)
class Milestone:
    """A cross-squad date. A date alone never makes one met; `recorded` does."""

    id: str
    text: str
    label: str | None = None
    """As written, such as ``Week 1 Day 3``."""
    date: dt.date | None = None
    recorded: str | None = None
    """``met`` or ``missed``, as somebody recorded it."""
    recorded_by: str | None = None
    section: str = ""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something every squad depends on, such as Kafka. `services` are the probes that watch it."""

    name: str
    text: str = ""
    owner: str | None = None
    services: tuple[str, ...] = ()
    squads: tuple[str, ...] = ()
    """Squads that wait on its owner's squad for it: edges of the waiting graph."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was read."""

    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Everything declared about one programme. `start` None: dates cannot be computed, and are not."""

    id: str = "programme"
    title: str = ""
    start: dt.date | None = None
    zone: str = "UTC"
    banner: str = ""
    note: str = ""
    """Shown in the header, such as ``example programme``."""
    calendar: CalendarRules = field(default_factory=CalendarRules)
    holidays: tuple[dt.date, ...] = ()
    waves: tuple[Wave, ...] = ()
    sprints: tuple[Sprint, ...] = ()
    squads: tuple[Squad, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    rituals: tuple[Ritual, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """``kind/id`` → where a document says it; what only configuration says has none."""

    def squad(self, name: str) -> Squad | None:
        """The squad known under `name`: its id, name or an alias, ignoring case and punctuation."""
        from controlroom.domain.text import slug

        return squads_by_name(self).get(slug(name))


@lru_cache(maxsize=4)
def squads_by_name(program: Program) -> Mapping[str, Squad]:
    """Every name of a squad, without case and punctuation, and the first squad that has it."""
    from controlroom.domain.text import slug

    found: dict[str, Squad] = {}
    for squad in program.squads:
        for name in (squad.id, squad.name, *squad.aliases):
            if known := slug(name):
                found.setdefault(known, squad)
    return found
