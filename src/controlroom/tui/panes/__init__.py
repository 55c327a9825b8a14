"""The room's panes: one file each, and this line per pane, in the order of their number keys."""

from __future__ import annotations

from controlroom.tui.panes import alerts, blockers, changes, ritual, services, squads, telemetry, waves
from controlroom.tui.rows import Pane

PANES: tuple[Pane, ...] = (
    changes.PANE,
    waves.PANE,
    squads.PANE,
    blockers.PANE,
    telemetry.PANE,
    services.PANE,
    alerts.PANE,
    ritual.PANE,
)
