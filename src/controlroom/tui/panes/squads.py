"""Squads as swimlanes: not started │ in progress │ blocked │ done; a list grouped by lane when narrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from controlroom.domain.board import COLUMNS, Item, Status
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import SignalReading
from controlroom.domain.triage import Blocker
from controlroom.tui import claimed, filters, present
from controlroom.tui.kept_lanes import lanes
from controlroom.tui.lane_lines import (
    Entry,
    Grid,
    More,
    Place,
    Titles,
    beside_lines,
    cards_in,
    columns,
    entry_lines,
    grid_lines,
    is_bare,
    is_marked,
    lane_line,
    titles_line,
)
from controlroom.tui.lanes import UNASSIGNED, Card, Hold, Lane
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane
from controlroom.tui.panes.benchmark_lines import regressions
from controlroom.tui.panes.waves import documents_edge
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View

HOLDS_FROM = 140
"""From this width on, blockers that are on no card stand in their squad's lane."""

LIST_BELOW = 90
"""Narrower than this, lanes are a list."""

CAPS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24)
"""Cards of one column shown per lane: the most with which all lanes fit. Zoomed or filtered, every card."""

USUAL_CAP = 8
ALL = 10_000_000
DONE_SHOWN = 3


class SquadsPane(BasePane):
    """`squads`."""

    id = "squads"
    title = "Squads"
    kinds = ("documents",)
    nothing = "no squads declared: add [[squads]], or a schedule to [documents].paths"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        focus, snapshot = ctx.view.focus_squad, ctx.snapshot
        cards = len(snapshot.items) + len(snapshot.steps)
        if focus is not None:
            cards = sum(item.squad == focus for item in snapshot.items)
        return (f"{cards}" if cards else ""), "dim"

    def edge(self, ctx: DrawContext) -> Line:
        return documents_edge(ctx.snapshot, ctx.now)

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (
            snapshot.program,
            snapshot.items,
            snapshot.steps,
            snapshot.blockers,
            snapshot.signals,
            snapshot.benchmarks,
            claimed.seen(snapshot),
        )

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        moment = present.present_moment(snapshot, view)
        return _rows(
            snapshot.program,
            snapshot.items,
            snapshot.steps,
            snapshot.blockers,
            snapshot.signals,
            focus=view.focus_squad,
            worse=regressions(snapshot.benchmarks),
            filter_text=view.filter,
            expanded=view.expanded,
            enough=view.enough or ALL,
            size=(view.width or 120, view.height),
            day=moment.replace(hour=0, minute=0, second=0, microsecond=0),
        )

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, Titles):
            return (titles_line(row.data, ctx),)
        if isinstance(row.data, Grid):
            return grid_lines(row.data, row.height, ctx)
        if isinstance(row.data, Entry):
            return entry_lines(row.data.card, row.height, ctx)
        if isinstance(row.data, str):
            return ((Span(row.data, "warn"),),)
        return (lane_line(row.data, ctx),) if isinstance(row.data, Lane) else ()


@by_identity(keep=4)
def _rows(
    program: Program,
    items: tuple[Item, ...],
    steps: tuple[Item, ...],
    blockers: tuple[Blocker, ...],
    signals: tuple[SignalReading, ...],
    *,
    focus: str | None,
    worse: Mapping[str, int],
    filter_text: str,
    expanded: bool,
    enough: int,
    size: tuple[int, int],
    day: datetime,
) -> list[Row]:
    keep = filters.compile(filter_text, program) if filter_text.strip() else None
    shown = lanes(program, items, steps, blockers, signals, keep=keep, now=day, worse=worse)
    aside: list[Row] = []
    if focus is not None:
        aside = _aside_rows(lane for lane in shown if lane.id == UNASSIGNED)
        shown = [lane for lane in shown if lane.id == focus]
    if not shown:
        return []
    width, height = size
    whole = expanded or keep is not None or focus is not None
    if width < LIST_BELOW:
        return [*islice((row for lane in shown for row in _list(lane, width, whole)), enough), *aside]
    grid: list[Row] = []
    for cap in (enough,) if whole else CAPS if height else (USUAL_CAP,):
        fuller = [row for lane in shown for row in _lane_rows(lane, cap, width, expanded)]
        if grid and sum(row.height for row in fuller) + 1 > height:
            break
        grid = fuller
    counts = {c: sum(cards_in(lane, c) for lane in shown) for c in COLUMNS}
    return [Row(key="titles", selectable=False, heading=True, data=Titles(counts)), *grid, *aside]


def _aside_rows(nobodys: Iterable[Lane]) -> list[Row]:
    """What the focus leaves out and is shown under no squad at all."""
    cards = sum(lane.total for lane in nobodys)
    said = f"? {cards} cards belong to no squad" if cards > 1 else "? 1 card belongs to no squad"
    return [Row(key="nobodys", selectable=False, data=said)] if cards else []


def _lane_rows(lane: Lane, cap: int, width: int, expanded: bool) -> list[Row]:
    """A lane as lines of cards, the squad's name and focus beside the first ones."""
    standing = {c: _standing(lane, c, width, expanded) for c in COLUMNS}
    tall = max(len(standing[c]) for c in COLUMNS if c != "done")
    done = len(lane.cards.get("done", ()))
    count = max(1, min(tall, cap), min(done, cap if expanded else DONE_SHOWN if tall == 0 else 1))
    stacks = [_stack(lane, c, standing[c], count) for c in COLUMNS]
    rows: list[Row] = []
    used = 0
    room = columns(width)[0][1]
    beside = 1 if is_bare(lane, expanded) else len(beside_lines(lane, expanded, room))
    for line in range(count):
        places = tuple(stack[line] if line < len(stack) else None for stack in stacks)
        two = any(isinstance(place, Hold) or _says_more(place, expanded) for place in places)
        height = 2 if two else 1
        if line == count - 1:
            height = max(height, beside - used)
        elif line == 0 and beside > 1:
            height = 2
        rows.append(_grid_row(Grid(lane, line, used, places, expanded), height, width))
        used += height
    return rows


def _says_more(place: Place | None, expanded: bool) -> bool:
    """Whether a card has something to say below its name."""
    if not isinstance(place, Card) or place.column == "done":
        return False
    return expanded or bool(place.waits_on) or is_marked(place)


def _standing(lane: Lane, column_: Status, width: int, expanded: bool) -> Sequence[Card | Hold]:
    """What stands in a column: its cards, and where lanes are wide the blockers that no card stands for."""
    cards = lane.cards.get(column_, ())
    wide = expanded or width >= HOLDS_FROM
    return (*cards, *lane.loose) if column_ == "blocked" and wide and lane.loose else cards


def _stack(lane: Lane, column_: Status, cards: Sequence[Card | Hold], count: int) -> list[Place]:
    """A column's places, at most `count`; the last one says how many more there are."""
    if len(cards) <= count:
        return list(cards)
    if column_ == "done":
        return list(cards[:count])
    squad = lane.squad.id if lane.squad else None
    return [*cards[: count - 1], More(len(cards) - count + 1, squad)]


def _grid_row(grid: Grid, height: int, width: int) -> Row:
    squad = Subject("squad", grid.lane.squad.id) if grid.lane.squad and grid.line == 0 else None
    cells: list[Subject | None] = [squad]
    for place in grid.places:
        if isinstance(place, Card):
            cells.append(Subject("item", place.item.id))
        elif isinstance(place, Hold):
            cells.append(Subject("blocker", place.blocker.id))
        elif isinstance(place, More) and place.squad:
            cells.append(Subject("squad", place.squad))
        else:
            cells.append(None)
    cards = [place for place in grid.places if isinstance(place, Card | Hold)]
    own = (grid.lane.squad.id,) if grid.lane.squad else ()
    said = " ".join((grid.lane.name.lower(), *(card.text for card in cards)))
    return Row(
        key=f"lane:{grid.lane.id}:{grid.line}",
        height=height,
        subject=next((cell for cell in cells if cell), None),
        squads=tuple(dict.fromkeys((*own, *(s for card in cards for s in card.squads)))),
        text=said,
        data=grid,
        cells=tuple(cells),
        cell_spans=columns(width),
        selectable=any(cells),
    )


def _list(lane: Lane, width: int, whole: bool) -> Iterable[Row]:
    yield Row(
        key=f"lane:{lane.id}",
        subject=Subject("squad", lane.squad.id) if lane.squad else None,
        squads=(lane.squad.id,) if lane.squad else (),
        text=lane.name.lower(),
        data=lane,
        heading=True,
        selectable=lane.squad is not None,
    )
    for column_ in ("blocked", "in_progress", "not_started", "done"):
        if column_ == "done" and not whole:
            continue
        for card in lane.cards.get(column_, ()):
            yield Row(
                key=f"card:{lane.id}:{card.item.id}",
                height=2 if card.waits_on and width < 80 else 1,
                subject=Subject("item", card.item.id),
                squads=card.squads,
                text=card.text,
                data=Entry(card),
            )


PANE = SquadsPane()
