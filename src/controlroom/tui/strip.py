"""A service's last hour in a few cells: higher and redder is worse, and it reads without colour, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from controlroom.domain import history
from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health
from controlroom.tui.lines import join, text
from controlroom.tui.rows import Line, Span, Style


class Cell(NamedTuple):
    """How a part of the hour is seen."""

    glyph: str
    plain: str
    """Its ASCII twin."""
    word: str
    style: Style


CELLS: Mapping[Health | None, Cell] = {
    Health.UP: Cell("▁", "_", "up", "up"),
    Health.DEGRADED: Cell("▄", "=", "degraded", "degraded"),
    Health.DOWN: Cell("█", "#", "down", "down"),
    Health.UNKNOWN: Cell("?", "?", "unknown", "unknown"),
    Health.MAINTENANCE: Cell("░", "m", "maintenance", "maintenance"),
    None: Cell("·", ".", "nothing known", "dim"),
}

WHOLE = 48
"""Cells of the strip that has a line of its own: 75 seconds each, and narrow enough for any screen."""

_QUIET = {Health.UP, Health.MAINTENANCE, None}


def cells(width: int) -> int:
    """Cells of the hour beside a row in a pane of that width: 5, 3 or 2 minutes each."""
    return 12 if width < 120 else 20 if width < 150 else 30


_Look = tuple[Health, datetime, int, bool]
_DRAWN: dict[str, tuple[ServiceState, _Look, Line]] = {}
_MANY = 256


def hour(state: ServiceState, shown: Health, now: datetime, count: int, *, plain: bool) -> Line:
    """The hour before `now` in `count` cells, to the minute; `shown` is how `state` is shown now.

    An hour in which nothing was wrong is dim. What was drawn for a service is kept until it changes.
    """
    look = (shown, now.replace(second=0, microsecond=0), count, plain)
    known = _DRAWN.get(state.service.id)
    if known is not None and known[1] == look and _same_past(known[0], state):
        return known[2]
    found = history.strip(state, now, count)
    line = _line(found, plain=plain, dim=_QUIET.issuperset(found))
    if len(_DRAWN) >= _MANY:
        _DRAWN.clear()
    _DRAWN[state.service.id] = state, look, line
    return line


def _same_past(one: ServiceState, other: ServiceState) -> bool:
    return (
        one.transitions is other.transitions
        and one.service is other.service
        and one.verified == other.verified
    )


def whole(state: ServiceState, now: datetime, *, plain: bool) -> tuple[Line, Line, Line]:
    """The hour before `now`, what it means, and its axis."""
    found = history.strip(state, now, WHOLE)
    return _line(found, plain=plain, dim=False), _axis(), _legend(found, plain=plain)


def _line(found: Iterable[Health | None], *, plain: bool, dim: bool) -> Line:
    spans: list[tuple[str, Style]] = []
    for one in found:
        cell = CELLS[one]
        glyph = cell.plain if plain else cell.glyph
        style: Style = "dim" if dim else cell.style
        if spans and spans[-1][1] == style:
            spans[-1] = spans[-1][0] + glyph, style
        else:
            spans.append((glyph, style))
    return tuple(Span(glyphs, style) for glyphs, style in spans)


def _axis() -> Line:
    quarter = WHOLE // 4
    marks = "".join(f"{mark:<{quarter}}" for mark in ("60 m ago", "45", "30", "15"))
    return (Span(f"{marks[: WHOLE - 3]}now", "dim"),)


def _legend(found: Iterable[Health | None], *, plain: bool) -> Line:
    seen = set(found)
    return join(
        (
            text(Span(cell.plain if plain else cell.glyph, cell.style), Span(f" {cell.word}", "dim"))
            for one, cell in CELLS.items()
            if one in seen
        ),
        Span("  "),
    )
