"""Squads and their items: the board (domain rules, Squads, items, blockers)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.signals import Signal, Topic


Status = Literal["not_started", "in_progress", "blocked", "done", "unknown"]
COLUMNS: tuple[Status, ...] = ("not_started", "in_progress", "blocked", "done")


@dataclass(frozen=True, slots=True)
class Squad:
    """A squad; on screen, a lane. `owners` are names and roles that stand for it in documents."""

    id: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    charter: str | None = None
    focus: Mapping[str, str] = field(default_factory=dict)
    """Focus text by the column (wave) it was given for."""
    signals_text: str = ""
    """What the schedule says about the squad's signals, verbatim."""
    owners: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Sprint:
    """A sprint: its number is its identity across spellings ("Sprint-2 — ", "Sprint 2 – ")."""

    id: str
    name: str = ""
    start: date | None = None
    end: date | None = None
    wave: str | None = None
    squads: tuple[str, ...] = ()
    weeks: tuple[int, int] | None = None
    """First and last programme week, where it is given in weeks."""


@dataclass(frozen=True, slots=True)
class Item:
    """A card. `squad` is None when no rule gives one: lane Unassigned, never guessed."""

    id: str
    epic: str
    squad: str | None = None
    sprint: str | None = None
    wave: str | None = None
    tasks: str = ""
    owner: str = ""
    owners: tuple[str, ...] = ()
    status: Status = "unknown"
    status_text: str = ""
    progress: int | None = None
    since: datetime | None = None
    first_seen: datetime | None = None
    updated: datetime | None = None
    due: date | None = None
    tags: tuple[str, ...] = ()
    owning_squad: str | None = None
    blocking_squad: str | None = None
    links: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    """What shows that it is done: a metric, the id of a service, a topic or a test id, as written."""
    path: str | None = None
    line: int | None = None
    last_action: str | None = None
    """Id of the last action on it in the triage log."""
    said: Status | None = None
    """What its document says, where the triage log says otherwise."""
    pending: tuple[str, ...] = ()
    """Kinds of this person's actions on it that wait in the outbox; their effect is shown already."""
