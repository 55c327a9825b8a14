"""Coverage over the last status files in a few cells: higher is more, a dot is a day nobody knows of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from controlroom.domain.snapshot import StatusSeen
from controlroom.tui.rows import Line, Span

if TYPE_CHECKING:
    from controlroom.domain.trend import Point

CELLS = 7
"""Days that are drawn, the latest."""

HEIGHTS = "▁▂▃▄▅▆▇█"
UNKNOWN = "·"


def of_squad(status: StatusSeen | None, squad: str) -> tuple[Point, ...]:
    """The coverage of `squad` as the status files have it, oldest day first."""
    if status is None:
        return ()
    from controlroom.domain.trend import trend  # what reads status files is not needed before there is one

    return trend(status, squad)


def of_wave(status: StatusSeen | None, wave: str) -> tuple[Point, ...]:
    """The same for the gate of `wave`."""
    if status is None:
        return ()
    from controlroom.domain.trend import wave_trend

    return wave_trend(status, wave)


def spark(points: Sequence[Point]) -> Line:
    """``▁▃▅█`` for the latest days; nothing where fewer than two of them are known."""
    shown = points[-CELLS:]
    if sum(point.pct is not None for point in shown) < 2:
        return ()
    return (Span("".join(_cell(point.pct) for point in shown), "dim"),)


def _cell(pct: int | None) -> str:
    if pct is None:
        return UNKNOWN
    return HEIGHTS[max(0, min(len(HEIGHTS) - 1, pct * len(HEIGHTS) // 100))]


def told(points: Sequence[Point]) -> str:
    """``Mar 2 50 % → Mar 3 ? → Mar 4 100 %``; nothing for fewer than two days."""
    if len(points) < 2:
        return ""
    return " → ".join(
        f"{point.date:%b} {point.date.day} {'?' if point.pct is None else f'{point.pct} %'}"
        for point in points[-CELLS:]
    )
