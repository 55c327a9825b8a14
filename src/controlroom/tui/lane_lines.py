"""How lanes are drawn: names at the left, cards in four columns, or a list where that has no room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from controlroom.domain.board import COLUMNS, Item, Status
from controlroom.domain.frozen import dataclass
from controlroom.domain.ranking import state_at
from controlroom.domain.triage import age, sla
from controlroom.tui import claimed, present
from controlroom.tui.lanes import PROGRAMME, UNASSIGNED, Card, Hold, Lane
from controlroom.tui.lines import column, crop_line, fit_line, join, line_width, text, wrap
from controlroom.tui.rows import DrawContext, Line, Span, Style
from controlroom.tui.triage_words import MOVED, queued_mark
from controlroom.tui.width import cell_width

if TYPE_CHECKING:
    from controlroom.domain.claims import Claim

GAP = 2
"""Blank cells between columns."""

LEAST_FOCUS = 10
"""Fewer cells beside what is wrong are not worth beginning a lane's focus in."""

LEAST_EPIC = 8
"""Cells that a done card's name keeps beside what is said of its proof."""

BRIEF = 40
"""A narrower card says that it was moved, and not what its document says."""


@dataclass(frozen=True, slots=True)
class Titles:
    """The line over the columns: how many cards each has."""

    counts: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class More:
    """The last place of a column that holds more cards than are shown."""

    hidden: int
    squad: str | None


Place = Card | Hold | More
"""What can stand in a column of a lane."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One line of cards of a lane: `line` counts from 0 at the lane's name, a place per column.

    `above` is the number of terminal lines of the lane's rows before this one.
    """

    lane: Lane
    line: int
    above: int
    places: tuple[Place | None, ...]
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


def cards_in(lane: Lane, column_: Status) -> int:
    """How many cards a column has; of the done ones, those that left the board too."""
    return lane.done if column_ == "done" else len(lane.cards.get(column_, ()))


def is_bare(lane: Lane, expanded: bool) -> bool:
    """A lane without cards takes one line, its focus where cards would be."""
    return not expanded and lane.total == 0 and not lane.loose


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


def titles_line(titles: Titles, ctx: DrawContext) -> Line:
    """The titles over the columns, each with its count."""
    spans = columns(ctx.width)
    parts: list[Line] = [text(" " * (spans[0][1] - spans[0][0]))]
    for column_, (left, right) in zip(COLUMNS, spans[1:], strict=True):
        word = present.STATUS[column_].word
        label = text(Span(word, "title"), Span(f" {titles.counts.get(column_, 0)}", "dim"))
        parts.append(fit_line(label, right - left))
    return join(parts, Span(" " * GAP))


def beside_lines(lane: Lane, expanded: bool, room: int) -> list[Line]:
    """What stands in the first column of `room` cells: the name, who holds up whom, the focus."""
    name_style: Style = "strong"
    name = Span(lane.name, name_style)
    if lane.id == UNASSIGNED:
        name = Span(f"? {lane.name} {lane.total}", "warn")
    elif lane.id == PROGRAMME:
        name = Span(lane.name, "title")
    counts = _trouble(lane, room)
    focus: Line = (Span(lane.focus, "dim"),) if lane.focus else ()
    if expanded:
        return [text(name), *(line for line in (counts, focus) if line)]
    second = join((counts, focus)) if not counts or line_width(counts) + LEAST_FOCUS < room else counts
    return [text(name), second] if second else [text(name)]


def _trouble(lane: Lane, room: int) -> Line:
    """``■ 2 blocked by others · holds up 3 · ▲ 1 gap``, in fewer words where `room` has too few cells."""
    worse = "regression"
    words = (
        ("blocked by others", "gap", worse),
        ("blocked", "gap", worse),
        ("blocked", "", worse),
        *((("", "", worse),) if lane.regressions else ()),
        ("", "", ""),
    )
    forms = (_told(lane, *said) for said in words)
    shown: Line = ()
    for shown in forms:
        if line_width(shown) <= room:
            break
    return shown


def _told(lane: Lane, blocked: str, gap: str, worse: str) -> Line:
    def counted(count: int, word: str) -> str:
        plural = "" if count == 1 or not word else "s"
        return f"{count} {word}{plural}".rstrip()

    own = max(0, lane.blockers - lane.waiting)
    held = sum(lane.holding.values())
    return join(
        (
            (Span(f"■ {lane.waiting} {blocked}".rstrip(), "down"),) if lane.waiting else (),
            (Span(f"▪ {counted(own, 'blocker' if blocked else '')}", "down"),) if own else (),
            (Span(f"holds up {held}", "warn"),) if held else (),
            (Span(f"▲ {counted(lane.gaps, gap)}", "warn"),) if lane.gaps else (),
            (Span(f"✖ {counted(lane.regressions, worse)}", "down"),) if lane.regressions else (),
        )
    )


def grid_lines(grid: Grid, height: int, ctx: DrawContext) -> Iterable[Line]:
    """One line of cards of a lane, the squad's name beside it."""
    spans = columns(ctx.width)
    bare = is_bare(grid.lane, grid.expanded)
    beside = beside_lines(grid.lane, grid.expanded, ctx.width - spans[1][0] if bare else spans[0][1])
    if bare:
        yield join((fit_line(beside[0], spans[0][1]), *beside[1:]), Span(" " * GAP))
        return
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
    place: Place | None, grid: Grid, cell: tuple[Status, int, int], ctx: DrawContext
) -> list[Line]:
    """What stands in one place: `cell` is its column and its size in cells and lines."""
    name, width, height = cell
    if name == "done":
        return _done_lines(place, grid, (width, height), ctx)
    if isinstance(place, More):
        return [(Span(f"… {place.hidden} more", "dim"),)]
    if isinstance(place, Hold):
        return _hold_lines(place, width, height, ctx)
    return _card_lines(place, width, height, ctx) if place else []


def _done_lines(place: Place | None, grid: Grid, size: tuple[int, int], ctx: DrawContext) -> list[Line]:
    """A done card and what is seen of its proof; in the first line how many there are, and how many of those
    on the board are only claimed."""
    proofs = claimed.of(ctx.snapshot, ctx.view)
    card = place if isinstance(place, Card) else None
    head: Line = text(Span("✓  " + " " * len(str(grid.lane.done)), "ok"))
    if grid.line == 0 and grid.lane.done:
        head = text(Span(f"✓ {grid.lane.done}", "ok"), *_only_claimed(card, grid.lane, proofs), Span("  "))
    elif card is None:
        return []
    if card is None:
        return [head]
    width, height = size
    claims, indent = proofs.get(card.item.id, ()), line_width(head)
    below = claimed.mark(claims, width - indent)
    beside = width - indent - 1 - cell_width(card.item.epic)
    if height > 1 and 1 < line_width(below) > beside:
        # It has a line of its own, where the lane is that high anyway.
        return [text(*head, Span(card.item.epic, "dim")), text(" " * indent, *below)]
    return [text(*head, *_epic_and_mark(card, claims, width - indent))]


def _only_claimed(shown: Card | None, lane: Lane, proofs: Mapping[str, tuple[Claim, ...]]) -> Line:
    """`` ✖ 2``, where that is not said by the one card that is shown."""
    refuted = [
        card
        for card in (lane.cards.get("done", ()) if proofs else ())
        if claimed.standing(proofs.get(card.item.id, ())) == "refuted"
    ]
    return (Span(f" ✖ {len(refuted)}", "warn"),) if refuted and refuted != [shown] else ()


def _epic_and_mark(card: Card, claims: tuple[Claim, ...], room: int) -> Line:
    epic = card.item.epic
    mark = claimed.mark(claims, room - 1 - min(LEAST_EPIC, cell_width(epic)))
    if not mark:
        return (Span(epic, "dim"),)
    return text(*crop_line((Span(epic, "dim"),), room - 1 - line_width(mark)), " ", *mark)


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
        waits = _waits(card.waits_on, ctx, width - 2)
        marks = card_marks(card, brief=width < BRIEF)
        below = join((marks, waits, whose))
        below = join((marks, waits)) if waits and line_width(below) > width - 2 else below
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


def _waits(squad: str | None, ctx: DrawContext, room: int) -> Line:
    """``waits on X``, with a shorter name for X where `room` has too few cells."""
    if not squad:
        return ()
    waits = Span("waits on ", "dim")
    name = present.squad_short(ctx.snapshot.program, squad, max(4, room - cell_width(waits.text)))
    return waits, Span(name)


def is_marked(card: Card) -> bool:
    """Whether something is to be said of what was done to it."""
    return bool(card.item.pending) or card.item.said is not None


def card_marks(card: Card, *, brief: bool) -> Line:
    """``⧗ queued`` and ``↷ moved``: what is not in the log yet, and what the document does not say yet."""
    said = card.item.said
    moved = "" if said is None else "moved" if brief else f"document: {present.STATUS[said].word}"
    return join(
        (
            queued_mark(card.item.pending, brief=True),
            (Span(f"{MOVED} {moved}", "accent"),) if moved else (),
        )
    )


def _hold_lines(hold: Hold, width: int, height: int, ctx: DrawContext) -> list[Line]:
    """A blocker without a card: what it is with its age, then whom it waits on and whose it is."""
    blocker = hold.blocker
    seconds, state = age(blocker, ctx.now), state_at(blocker, ctx.now)
    styles: Mapping[str, Style] = {"breach": "breach", "due_soon": "warn"}
    style: Style = "dim" if state == "snoozed" else styles.get(sla(blocker, ctx.now), "dim")
    old = "age ?" if seconds is None else present.age(seconds)
    room = width - 3 - cell_width(old)
    said = Span(blocker.summary or blocker.id, "dim" if state == "snoozed" else "text")
    first = text(Span("▪ ", present.STATUS["blocked"].style), *fit_line((said,), room), " ", Span(old, style))
    if height < 2:
        return [first]
    owner = present.person(blocker.owner, ctx.view)
    parts = (
        queued_mark(blocker.pending, brief=True),
        (Span("blocker" if state == "open" else state, "dim"),),
        _waits(blocker.blocking_squad, ctx, width - 2 - 10),
        (Span(owner, "dim"),) if owner else (),
    )
    return [first, text("  ", *join(parts))]


def _owners(item: Item) -> str:
    return " + ".join(item.owners) or item.owner


def lane_line(lane: Lane, ctx: DrawContext) -> Line:
    """A lane's own line in the list: its name, counts, trouble and focus."""
    counts = [
        (Span(f"{present.STATUS[c].glyph} {cards_in(lane, c)}", present.STATUS[c].style),)
        for c in COLUMNS
        if cards_in(lane, c)
    ]
    head = beside_lines(lane, True, ctx.width)[0]
    counted = join(counts, Span(" "))
    trouble = _trouble(lane, ctx.width - line_width(head) - line_width(counted) - 4)
    return join((head, counted, trouble, (Span(lane.focus, "dim"),) if lane.focus else ()), Span("  "))


def entry_lines(card: Card, height: int, ctx: DrawContext) -> Iterable[Line]:
    """A card in the list: state, epic, owner and age in columns."""
    seen = look(card)
    old, old_style = card_age(card, ctx.now)
    owner = present.person(_owners(card.item), ctx.view)
    waits = _waits(card.waits_on, ctx, ctx.width)
    word = column(seen.word, 12, seen.style) if ctx.width >= 60 else Span("")
    proofs = claimed.of(ctx.snapshot, ctx.view).get(card.item.id, ())
    tail: Line = join(
        (
            claimed.mark(proofs, ctx.width // 3),
            card_marks(card, brief=True),
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
