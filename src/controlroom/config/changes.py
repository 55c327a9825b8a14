"""Changes to controlroom.toml that the room offers: what is to change, and how it would be written."""

from __future__ import annotations

from pathlib import Path

from controlroom.domain.frozen import dataclass


@dataclass(frozen=True, slots=True)
class AcceptMetric:
    """The metric `squad` promised under one name is exported under another: take that name."""

    squad: str
    metric: str
    """As declared now."""
    job: str | None
    name: str
    """As exported."""


@dataclass(frozen=True, slots=True)
class AssignAlerts:
    """Alerts of the Alertmanager `server` whose label `label` equals `value` belong to `squad`."""

    server: str
    label: str
    value: str
    squad: str


Change = AcceptMetric | AssignAlerts


@dataclass(frozen=True, slots=True)
class ConfigEdit:
    """A change as it would be written. Nothing but the lines of `diff` differs from the file."""

    path: Path
    digest: str
    """SHA-256 of the file the change was made from, in hexadecimal."""
    text: str
    """The whole file after the change."""
    diff: str
    """Unified diff, cleaned for display, with the lines around."""
    summary: str
    """What it does, in one line."""
