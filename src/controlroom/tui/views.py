"""Views: the room arranged for one occasion, as a whole or because a ritual comes near. No Textual here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from controlroom.tui.layout import ROOM, STRIP, Band, Column, Plan

ViewName = Literal["room", "oncall", "standup", "wall"]


class Setting(NamedTuple):
    """One view: which panes stand where, and what is different beside that."""

    id: ViewName
    title: str
    """What it is called where one chooses."""
    note: str
    """What it is for, in a few words."""
    word: str = ""
    """What the header calls it; empty for the room itself."""
    plan: Plan = ROOM
    panes: tuple[str, ...] = ()
    """The panes it shows, in the order of its tabs; none: all of the room's."""
    read_only: bool = False
    """Nothing can be changed from it, whoever looks."""
    rings: bool = False
    """The terminal's bell rings for a new failure, where that is wanted."""
    pages: bool = False
    """It turns its pages by itself, where that is wanted."""


_ONCALL = ("services", "telemetry", "alerts", "blockers", "ritual")
_WALL = ("worst", "numbers", "ritual")

ONCALL = Plan(
    wide=((Column(("services", "telemetry"), 58), Column(("blockers", "alerts", "ritual"), 42)),),
    medium=((Column(("services", "telemetry"), 54), Column(("blockers", "alerts", "ritual"), 46)),),
    others=False,
    strip=False,
)
WALL = Plan(
    wide=((Column(("numbers",), 66), Column(("ritual",), 34, 34)), (Column(("worst",), 100),)),
    medium=((Column(("numbers",), 60), Column(("ritual",), 40, 34)), (Column(("worst",), 100),)),
    others=False,
    strip=False,
)

VIEWS: Mapping[str, Setting] = MappingProxyType(
    {
        setting.id: setting
        for setting in (
            Setting("room", "The room", "everything at once"),
            Setting(
                "oncall",
                "On-call",
                "services, gaps, alerts, blockers, the next ritual",
                "on-call",
                ONCALL,
                _ONCALL,
                rings=True,
            ),
            Setting("standup", "Standup", "follows the standup that is on", "standup"),
            Setting(
                "wall",
                "Wall",
                "worst first and large, nothing can be changed",
                "wall",
                WALL,
                _WALL,
                read_only=True,
                pages=True,
            ),
        )
    }
)
"""By id, in the order in which they are offered."""


def plan_for(layout: Sequence[str]) -> Plan:
    """The panes of `layout`, the weightiest first: it has a column of its own, the others stand beside it.

    A layout without a pane that can stand anywhere is the room's own plan.
    """
    standing = [pane for pane in dict.fromkeys(layout) if pane != STRIP]
    if not standing:
        return ROOM
    first, rest = standing[0], standing[1:]
    return Plan(_beside(first, rest, 3), _beside(first, rest, 2), others=False, strip=STRIP in layout)


def _beside(first: str, rest: Sequence[str], columns: int) -> tuple[Band, ...]:
    """One band of at most so many columns: the first pane's, and the rest dealt out among the others."""
    others = min(columns - 1, len(rest))
    stacks = [tuple(rest[place::others]) for place in range(others)]
    weight = 100 if not others else 56 if others == 1 else 44
    share = (100 - weight) // others if others else 0
    return ((Column((first,), weight), *(Column(stack, share) for stack in stacks)),)


def showing(plan: Plan, pane: str) -> Plan:
    """`plan` with `pane` below its last column where it would hide it: no cursor is ever out of sight."""
    if plan.others or (pane == STRIP and plan.strip) or any(pane in shown for shown in _stacks(plan.wide)):
        return plan
    return plan._replace(wide=_with(plan.wide, pane), medium=_with(plan.medium, pane))


def _stacks(bands: Sequence[Band]) -> list[tuple[str, ...]]:
    return [column.panes for band in bands for column in band]


def _with(bands: tuple[Band, ...], pane: str) -> tuple[Band, ...]:
    if not bands:
        return ((Column((pane,), 100),),)
    *before, band = bands
    *columns, last = band
    return (*before, (*columns, last._replace(panes=(*last.panes, pane))))
