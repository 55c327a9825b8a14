"""Where the panes stand in each part of a standup, and which of them leads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from controlroom.domain.rituals import SegmentKind
from controlroom.tui.layout import Band, Column, Plan

MINUTES = "minutes"
"""The pane of what was written down, which is only there during a standup."""


class Part(NamedTuple):
    """How one part of a standup is shown."""

    leads: str
    """The pane that the cursor goes to, and the only one where there is room for one."""
    plan: Plan


def _plan(wide: tuple[Band, ...], medium: tuple[Band, ...]) -> Plan:
    return Plan(wide, medium, others=False, strip=False, bar=True)


def _beside(pane: str, *others: str) -> Plan:
    """One pane, and others above each other at its right."""
    band: Band = (Column((pane,), 64), Column((*others, MINUTES), 36))
    return _plan((band,), (band,))


_SPOTLIGHT = _plan(
    (
        (Column(("squads",), 100),),
        (Column(("blockers",), 36), Column(("telemetry",), 33), Column(("services", MINUTES), 31)),
    ),
    (
        (Column(("squads",), 100),),
        (Column(("blockers", "telemetry"), 54), Column(("services", MINUTES), 46)),
    ),
)

PARTS: Mapping[SegmentKind, Part] = {
    "changes": Part("changes", _beside("changes")),
    "blockers": Part("blockers", _beside("blockers")),
    "squad": Part("squads", _SPOTLIGHT),
    "telemetry": Part("telemetry", _beside("telemetry", "alerts")),
    "decisions": Part(
        MINUTES,
        _plan(
            ((Column((MINUTES,), 64), Column(("blockers",), 36)),),
            ((Column((MINUTES,), 60), Column(("blockers",), 40)),),
        ),
    ),
    "buffer": Part(
        MINUTES,
        _plan(
            ((Column((MINUTES,), 50), Column(("squads",), 50)),),
            ((Column((MINUTES,), 100),), (Column(("squads",), 100),)),
        ),
    ),
}
"""What changed; the blockers; a squad's lane with its gaps, services and blockers; gaps and gate; what was
decided, to be read back; and at last what was written down beside the lanes."""
