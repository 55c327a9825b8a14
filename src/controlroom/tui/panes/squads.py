"""Squads as swimlanes: not started │ in progress │ blocked │ done; a list grouped by lane when narrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from controlroom.domain.board import COLUMNS, Item, Status
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import SignalReading
from controlroom.domain.triage import Blocker, age, sla
from controlroom.tui import filters, present
from controlroom.tui.lanes import PROGRAMME, UNASSIGNED, Card, Lane, lanes
from controlroom.tui.lines import column, fit_line, join, line_width, text, wrap
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane
from controlroom.tui.panes.waves import documents_edge
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.width import cell_width

LIST_BELOW = 90
"""Narrower than this, lanes are a list."""

GAP = 2
CAPS = (2, 3, 4, 5, 6, 8, 12, 16, 24)
"""Cards of one column shown per lane: the most with which all lanes fit. Zoomed or filtered, every card."""

USUAL_CAP = 8
ALL = 10_000_000
DONE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Titles:
    """The line over the columns: how many cards each has."""

    counts: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class More:
    """The last place of a column that holds more cards than are shown."""

    hidden: int
    squad: str | None


@dataclass(frozen=True, slots=True)
class Grid:
    """One line of cards of a lane: `line` counts from 0 at the lane's name, a place per column.

    `above` is the number of terminal lines of the lane's rows before this one.
    """

    lane: Lane
    line: int
    above: int
    places: tuple[Card | More | None, ...]
    expanded: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One card in the list form."""

    card: Card


@lru_cache(maxsize=32)
def columns(width: int) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of cells: the lane's name, then the four columns, the last one narrower."""
    name = max(16, min(30, width * 22 // 100))
    room = max(4, width - name - 4 * GAP)
    card = room * 10 // 36
    widths = (name, card, card, card, max(1, room - 3 * card))
    spans, at = [], 0
    for wide in widths:
        spans.append((at, at + wide))
        at += wide + GAP
    return tuple(spans)


class SquadsPane(BasePane):
    """`squads`."""

    id = "squads"
    title = "Squads"
    kinds = ("documents",)
    nothing = "no squads declared: add [[squads]], or a schedule to [documents].paths"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        items = len(ctx.snapshot.items)
        return (f"{items}" if items else ""), "dim"

    def edge(self, ctx: DrawContext) -> Line:
        return documents_edge(ctx.snapshot, ctx.now)

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.program, snapshot.items, snapshot.steps, snapshot.blockers, snapshot.signals

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        moment = present.present_moment(snapshot, view)
        return _rows(
            snapshot.program,
            snapshot.items,
            snapshot.steps,
            snapshot.blockers,
            snapshot.signals,
            focus=view.focus_squad,
            filter_text=view.filter,
            expanded=view.expanded,
            size=(view.width or 120, view.height),
            day=moment.replace(hour=0, minute=0, second=0, microsecond=0),
        )

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, Titles):
            return (_titles(row.data, ctx),)
        if isinstance(row.data, Grid):
            return _grid_lines(row.data, row.height, ctx)
        if isinstance(row.data, Entry):
            return _entry_lines(row.data.card, row.height, ctx)
        return (_lane_line(row.data, ctx),) if isinstance(row.data, Lane) else ()


@by_identity(keep=4)
def _rows(
    program: Program,
    items: tuple[Item, ...],
    steps: tuple[Item, ...],
    blockers: tuple[Blocker, ...],
    signals: tuple[SignalReading, ...],
    *,
    focus: str | None,
    filter_text: str,
    expanded: bool,
    size: tuple[int, int],
    day: datetime,
) -> list[Row]:
    keep = filters.compile(filter_text, program) if filter_text.strip() else None
    shown = lanes(program, items, steps, blockers, signals, keep=keep, now=day)
    if focus is not None:
        shown = [lane for lane in shown if lane.id == focus]
    if not shown:
        return []
    width, height = size
    whole = expanded or keep is not None or focus is not None
    if width < LIST_BELOW:
        return [row for lane in shown for row in _list(lane, width, whole)]
    grid: list[Row] = []
    for cap in (ALL,) if whole else CAPS if height else (USUAL_CAP,):
        fuller = [row for lane in shown for row in _lane_rows(lane, cap, width, expanded)]
        if grid and sum(row.height for row in fuller) + 1 > height:
            break
        grid = fuller
    counts = {c: sum(_count(lane, c) for lane in shown) for c in COLUMNS}
    return [Row(key="titles", selectable=False, heading=True, data=Titles(counts)), *grid]


def _count(lane: Lane, column_: Status) -> int:
    return lane.done if column_ == "done" else len(lane.cards.get(column_, ()))


def _lane_rows(lane: Lane, cap: int, width: int, expanded: bool) -> list[Row]:
    """A lane as lines of cards, the squad's name and focus beside the first ones."""
    tall = max((len(lane.cards.get(c, ())) for c in COLUMNS if c != "done"), default=0)
    done = len(lane.cards.get("done", ()))
    count = max(1, min(tall, cap), min(done, cap if expanded else DONE_SHOWN if tall == 0 else 1))
    stacks = [_stack(lane, c, count) for c in COLUMNS]
    rows: list[Row] = []
    used = 0
    beside = len(_beside(lane, expanded))
    for line in range(count):
        places = tuple(stack[line] if line < len(stack) else None for stack in stacks)
        cards = [place for place in places if isinstance(place, Card) and place.column != "done"]
        height = 2 if cards and (expanded or any(card.waits_on for card in cards)) else 1
        if line == count - 1:
            height = max(height, beside - used)
        elif line == 0 and beside > 1:
            height = 2
        rows.append(_grid_row(Grid(lane, line, used, places, expanded), height, width))
        used += height
    return rows


def _stack(lane: Lane, column_: Status, count: int) -> list[Card | More | None]:
    """A column's places, at most `count`; the last one says how many more there are."""
    cards = lane.cards.get(column_, ())
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
        elif isinstance(place, More) and place.squad:
            cells.append(Subject("squad", place.squad))
        else:
            cells.append(None)
    cards = [place for place in grid.places if isinstance(place, Card)]
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


def look(card: Card) -> present.Look:
    """A card's glyph, word and style."""
    return present.STATUS["blocked"] if card.column == "blocked" else present.STATUS[card.item.status]


def card_age(card: Card, now: datetime) -> tuple[str, Style]:
    """How long a card has been as it is; ``≥`` where only its first sighting is known."""
    if card.blocker is not None and card.column == "blocked":
        seconds = age(card.blocker, now)
        state = sla(card.blocker, now)
        styles: Mapping[str, Style] = {"breach": "breach", "due_soon": "warn"}
        if seconds is not None:
            return present.age(seconds), styles.get(state, "dim")
    if card.column == "not_started":
        return "", "dim"
    if card.item.since is not None:
        return present.since(card.item.since, now), "dim"
    if card.item.first_seen is not None:
        return f"≥ {present.since(card.item.first_seen, now)}", "dim"
    return "", "dim"


def _titles(titles: Titles, ctx: DrawContext) -> Line:
    spans = columns(ctx.width)
    parts: list[Line] = [text(" " * (spans[0][1] - spans[0][0]))]
    for column_, (left, right) in zip(COLUMNS, spans[1:], strict=True):
        word = present.STATUS[column_].word
        label = text(Span(word, "title"), Span(f" {titles.counts.get(column_, 0)}", "dim"))
        parts.append(fit_line(label, right - left))
    return join(parts, Span(" " * GAP))


def _beside(lane: Lane, expanded: bool) -> list[Line]:
    """What stands in the first column: the name, what is wrong, the focus."""
    name_style: Style = "strong"
    name = Span(lane.name, name_style)
    if lane.id == UNASSIGNED:
        name = Span(f"? {lane.name} {lane.total}", "warn")
    elif lane.id == PROGRAMME:
        name = Span(lane.name, "title")
    counts = _trouble(lane)
    focus: Line = (Span(lane.focus, "dim"),) if lane.focus else ()
    if expanded:
        return [text(name), *(line for line in (counts, focus) if line)]
    second = join((counts, focus))
    return [text(name), second] if second else [text(name)]


def _trouble(lane: Lane) -> Line:
    def plural(count: int, word: str) -> str:
        return f"{count} {word}" if count == 1 else f"{count} {word}s"

    return join(
        (
            (Span(f"■ {plural(lane.blockers, 'blocker')}", "down"),) if lane.blockers else (),
            (Span(f"▲ {plural(lane.gaps, 'gap')}", "warn"),) if lane.gaps else (),
        )
    )


def _grid_lines(grid: Grid, height: int, ctx: DrawContext) -> Iterable[Line]:
    spans = columns(ctx.width)
    beside = _beside(grid.lane, grid.expanded)
    names = beside[grid.above : grid.above + height]
    blocks = [
        _place_lines(place, grid, (name, right - left, height), ctx)
        for place, name, (left, right) in zip(grid.places, COLUMNS, spans[1:], strict=True)
    ]
    for n in range(height):
        cells = [names[n] if n < len(names) else ()]
        cells += [block[n] if n < len(block) else () for block in blocks]
        fitted = [fit_line(cell, right - left) for cell, (left, right) in zip(cells, spans, strict=True)]
        yield join(fitted, Span(" " * GAP))


def _place_lines(
    place: Card | More | None, grid: Grid, cell: tuple[Status, int, int], ctx: DrawContext
) -> list[Line]:
    """What stands in one place: `cell` is its column and its size in cells and lines."""
    name, width, height = cell
    if name == "done":
        return _done_lines(place, grid)
    if isinstance(place, More):
        return [(Span(f"… {place.hidden} more", "dim"),)]
    return _card_lines(place, width, height, ctx) if place else []


def _done_lines(place: Card | More | None, grid: Grid) -> list[Line]:
    if grid.line == 0 and grid.lane.done:
        epic = place.item.epic if isinstance(place, Card) else ""
        return [text(Span(f"✓ {grid.lane.done}", "ok"), Span(f"  {epic}" if epic else "", "dim"))]
    if isinstance(place, Card):
        return [text(Span("✓  " + " " * len(str(grid.lane.done)), "ok"), Span(place.item.epic, "dim"))]
    return []


def _card_lines(card: Card, width: int, height: int, ctx: DrawContext) -> list[Line]:
    """The epic with its age at the right edge; whose it is beside it, or below with what it waits on."""
    seen = look(card)
    old, old_style = card_age(card, ctx.now)
    edge = cell_width(old) + 1 if old else 0
    room = width - 2 - edge
    owner = present.person(_owners(card.item), ctx.view)
    whose: Line = (Span(owner, "dim"),) if owner else _unknown(card)
    epic: Line = (Span(card.item.epic or card.item.id),)
    below: Line = ()
    if height < 2:
        beside = text(*epic, " ", *whose) if owner else epic
        epic = beside if line_width(beside) <= room else epic
    else:
        below = join((_waits(card, ctx), whose))
        if not below and line_width(epic) > room > 8:
            # Nothing else to say: a long name may take both lines.
            epic, *rest = wrap(epic, room)
            below = text(*(part for line in rest for part in line))
    first = text(Span(f"{seen.glyph} ", seen.style), *fit_line(epic, room))
    if old:
        first = text(*first, " ", Span(old, old_style))
    return [first, text("  ", *below)] if below else [first]


def _unknown(card: Card) -> Line:
    """What the status said where it could not be read."""
    return (
        (Span(card.item.status_text or "status unknown", "unknown"),) if card.item.status == "unknown" else ()
    )


def _waits(card: Card, ctx: DrawContext) -> Line:
    if not card.waits_on:
        return ()
    return text(Span("waits on ", "dim"), Span(present.squad_name(ctx.snapshot.program, card.waits_on)))


def _owners(item: Item) -> str:
    return " + ".join(item.owners) or item.owner


def _lane_line(lane: Lane, ctx: DrawContext) -> Line:
    counts = [
        (Span(f"{present.STATUS[c].glyph} {_count(lane, c)}", present.STATUS[c].style),)
        for c in COLUMNS
        if _count(lane, c)
    ]
    head = _beside(lane, True)[0]
    return join(
        (head, join(counts, Span(" ")), _trouble(lane), (Span(lane.focus, "dim"),) if lane.focus else ()),
        Span("  "),
    )


def _entry_lines(card: Card, height: int, ctx: DrawContext) -> Iterable[Line]:
    seen = look(card)
    old, old_style = card_age(card, ctx.now)
    owner = present.person(_owners(card.item), ctx.view)
    waits = _waits(card, ctx)
    word = column(seen.word, 12, seen.style) if ctx.width >= 60 else Span("")
    tail: Line = join(
        (
            (Span(owner, "dim"),) if owner else (),
            waits if height == 1 else (),
            (Span(old, old_style),) if old else (),
        )
    )
    room = max(8, ctx.width - 4 - cell_width(word.text) - min(line_width(tail), ctx.width // 2) - 2)
    first = text(
        "  ",
        Span(f"{seen.glyph} ", seen.style),
        word,
        column(card.item.epic or card.item.id, room),
        "  ",
        *tail,
    )
    return (first, text("      ", *waits)) if height > 1 else (first,)


PANE = SquadsPane()
