"""Signals: the metrics squads promise to deliver (domain rules, Telemetry gaps)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Signal:
    """A metric a squad declares it will deliver. `squad` is filled from the squad that lists it."""

    metric: str
    job: str | None = None
    squad: str = ""
    type: Literal["counter", "gauge", "histogram", "summary"] | None = None
    labels: tuple[str, ...] = ()
    required_for_exit: bool = True
    expect_activity: bool = False
    alert: str | None = None
    dashboard: str | None = None
    server: str | None = None
    """Id of the `[[prometheus]]` that has it; None is the first."""
