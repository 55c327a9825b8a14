"""Where everything stands on the screen: rectangles from a size and what the panes would like to have.

Pure arithmetic, so that every size can be tested: nothing overlaps, nothing leaves the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Mode = Literal["wide", "medium", "single", "tiny"]
"""Three columns, two columns, one pane at a time, too small for anything but a message."""

SMALLEST = (60, 16)
MEDIUM_FROM = 100
WIDE_FROM = 120
ROOMY_FROM = 22
"""Fewer lines than this show one pane at a time, however wide the terminal is."""

STRIP = "changes"
"""The pane that is one line under the header until it is asked for."""


class Box(NamedTuple):
    """A rectangle in cells."""

    x: int
    y: int
    width: int
    height: int


class Column(NamedTuple):
    """Panes above each other; `weight` is the share of the width, between `least` and `most` cells."""

    panes: tuple[str, ...]
    weight: int
    least: int = 24
    most: int = 1000


Band = tuple[Column, ...]

WIDE: tuple[Band, ...] = (
    (Column(("waves",), 66), Column(("ritual",), 34, 34, 54)),
    (Column(("squads",), 100),),
    (Column(("blockers",), 36), Column(("telemetry",), 33), Column(("services", "alerts"), 31)),
)
MEDIUM: tuple[Band, ...] = (
    (Column(("waves",), 62), Column(("ritual",), 38, 34, 44)),
    (Column(("squads",), 100),),
    (Column(("blockers", "telemetry"), 52), Column(("services", "alerts"), 48)),
)


class Plan(NamedTuple):
    """Which panes stand where, with room for three columns and for two."""

    wide: tuple[Band, ...]
    medium: tuple[Band, ...]
    others: bool = True
    """Panes that are not named go below the last column; else they are hidden."""
    strip: bool = True
    """One line on what changed stands over everything."""
    bar: bool = False
    """A line of its own stands under the header, at every size."""


ROOM = Plan(WIDE, MEDIUM)

LEAST_PANE = 4
"""Frame and two lines."""


class Arrangement(NamedTuple):
    """What is on screen: pane id → its box, and the bars. A pane that is not in `panes` is hidden."""

    mode: Mode
    header: Box
    footer: Box
    tabs: Box | None
    panes: Mapping[str, Box]
    strip: str | None = None
    """The pane drawn as one line."""
    bar: Box | None = None
    """The line of its own, where the plan has one."""


def mode(width: int, height: int) -> Mode:
    """How much can be shown at once."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return "tiny"
    if width < MEDIUM_FROM or height < ROOMY_FROM:
        return "single"
    return "medium" if width < WIDE_FROM else "wide"


def arrange(
    width: int,
    height: int,
    wants: Mapping[str, int],
    active: str,
    zoomed: str | None = None,
    *,
    plan: Plan = ROOM,
) -> Arrangement:
    """Everything's place. `wants`: pane id → lines with frame it would like, in number order."""
    kind = mode(width, height)
    header, footer = Box(0, 0, width, 1), Box(0, height - 1, width, 1)
    if kind == "tiny":
        return Arrangement(kind, header, footer, None, {})
    bar = Box(0, 1, width, 1) if plan.bar else None
    top = 1 if bar is None else 2
    body = Box(0, top + 1, width, height - top - 2)
    if kind == "single":
        return Arrangement(kind, header, footer, Box(0, top, width, 1), {active: body}, bar=bar)
    strip = STRIP if plan.strip and STRIP in wants and zoomed != STRIP else None
    if strip is None:
        body = Box(0, top, width, height - top - 1)
    panes = {} if strip is None else {strip: Box(0, top, width, 1)}
    if zoomed is not None:
        panes[zoomed] = body
    else:
        shown = {name: want for name, want in wants.items() if plan.others or _plans(plan, name)}
        panes.update(_bands(body, shown, plan.wide if kind == "wide" else plan.medium, strip))
    return Arrangement(kind, header, footer, None, panes, strip, bar)


def _plans(plan: Plan, pane: str) -> bool:
    return any(pane in column.panes for band in (*plan.wide, *plan.medium) for column in band)


def _bands(body: Box, wants: Mapping[str, int], plan: Sequence[Band], strip: str | None) -> dict[str, Box]:
    # A list of ten thousand would like the whole screen; half of it shows as much.
    wants = {pane: min(want, body.height // 2) for pane, want in wants.items()}
    bands = _present(plan, [pane for pane in wants if pane != strip])
    needs = [_need(band, wants) for band in bands]
    # Spare room goes where lists grow, not to the waves and the next ritual.
    heights = share(body.height, needs, first_growing=1 if len(bands) > 1 else 0)
    boxes: dict[str, Box] = {}
    y = body.y
    for band, height in zip(bands, heights, strict=True):
        x = body.x
        for column, width in zip(band, widths(body.width, _quieted(band, wants)), strict=True):
            boxes.update(_stack(Box(x, y, width, height), column.panes, wants))
            x += width
        y += height
    return boxes


def _quieted(band: Band, wants: Mapping[str, int]) -> Band:
    """`band` with half the weight for columns that have next to nothing to say, such as no blockers."""
    quiet = [all(wants[pane] < LEAST_PANE for pane in column.panes) for column in band]
    if all(quiet):
        return band
    return tuple(
        column._replace(weight=column.weight // 2) if still else column
        for column, still in zip(band, quiet, strict=True)
    )


def _present(plan: Sequence[Band], panes: Sequence[str]) -> list[Band]:
    """The plan with only the panes there are; panes it does not know go below the last column's."""
    planned = {pane for band in plan for column in band for pane in column.panes}
    others = tuple(pane for pane in panes if pane not in planned)
    bands: list[Band] = []
    for number, band in enumerate(plan, start=1):
        columns = []
        for place, column in enumerate(band, start=1):
            here = tuple(pane for pane in column.panes if pane in panes)
            if number == len(plan) and place == len(band):
                here += others
            if here:
                columns.append(Column(here, column.weight, column.least, column.most))
        if columns:
            bands.append(tuple(columns))
    return bands


def _need(band: Band, wants: Mapping[str, int]) -> tuple[int, int]:
    """The least lines a band can do with, and those it would like."""
    least = max(len(column.panes) * LEAST_PANE for column in band)
    liked = max(sum(max(LEAST_PANE, wants[pane]) for pane in column.panes) for column in band)
    return least, max(least, liked)


def _stack(box: Box, panes: Sequence[str], wants: Mapping[str, int]) -> dict[str, Box]:
    heights = share(box.height, [(LEAST_PANE, max(LEAST_PANE, wants[pane])) for pane in panes])
    boxes: dict[str, Box] = {}
    y = box.y
    for pane, height in zip(panes, heights, strict=True):
        boxes[pane] = Box(box.x, y, box.width, height)
        y += height
    return boxes


def widths(total: int, band: Band) -> list[int]:
    """The widths of a band's columns; they add up to `total`."""
    weights = sum(column.weight for column in band)
    given = [min(c.most, max(c.least, total * c.weight // weights)) for c in band]
    widest = max(range(len(band)), key=lambda i: band[i].most)
    given[widest] += total - sum(given)
    return given


def share(total: int, needs: Sequence[tuple[int, int]], first_growing: int = 0) -> list[int]:
    """`total` lines divided among parts that each need (least, liked); they add up to `total`.

    Everyone gets the least, then lines go one by one to whoever has least of what it would like, and
    what is left over when all have enough goes by size to the parts from number `first_growing` on.
    """
    least = sum(need[0] for need in needs)
    if least > total:
        # Not even the least fits: equal parts, the first ones a line more.
        return [total // len(needs) + (1 if i < total % len(needs) else 0) for i in range(len(needs))]
    given = [need[0] for need in needs]
    for _ in range(total - least):
        wanting = [i for i, need in enumerate(needs) if given[i] < need[1]] or range(
            first_growing, len(needs)
        )
        lucky = min(wanting, key=lambda i: (given[i] / needs[i][1], i))
        given[lucky] += 1
    return given
