"""Waves of the programme: what dates say, beside what people declared (domain rules, Calendar)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

DeclaredState = Literal["active", "approved_early", "planned", "done"]
Phase = Literal["planned", "active", "ended", "unknown"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What people wrote about a wave: `text` verbatim, `state` None where it cannot be read."""

    text: str
    state: DeclaredState | None = None
    source: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """A half-open range of local dates [start, end) in which some squads work together."""

    id: str
    name: str = ""
    start: date | None = None
    end: date | None = None
    weeks: tuple[int, int] | None = None
    squads: tuple[str, ...] = ()
    sprints: tuple[str, ...] = ()
    declared: Declared | None = None
    design: bool = False
    """A design wave works one sprint ahead, continuously."""


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """A wave on one day. `day` of `days` is 1-based while active."""

    wave: Wave
    phase: Phase
    day: int | None = None
    days: int | None = None
    opens_in: int | None = None
    ended_ago: int | None = None
    overlaps: tuple[str, ...] = ()
    outcome: Literal["done", "late", "unverified"] | None = None
    """Only for an ended wave."""
    verdict: str | None = None
    """Declared against computed, such as ``EARLY by 5 d``; None where they agree."""
    targets: tuple[str, ...] = ()
    """What a design wave works towards, such as ``Sprint-4 due 2025-10-11``."""
