"""Who waits on whom: what to unblock first, the squads behind each other, circles and the longest chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from controlroom.domain import waiting
from controlroom.domain.board import Item
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.domain.waiting import Edge, First
from controlroom.tui import present
from controlroom.tui.keys import DEFAULT
from controlroom.tui.lane_lines import card_age, look
from controlroom.tui.lanes import make_card
from controlroom.tui.lines import column, join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane, blank_row, concerns, distinct, heading_row, words
from controlroom.tui.panes.blockers import badge_words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.triage_words import queued_mark
from controlroom.tui.width import cell_width

FIRST = 5
"""Squads of the ranking that are listed."""

BEHIND = 100
"""Cards and blockers of one edge that are listed when it is opened; the rest are counted."""


class Ranked(NamedTuple):
    """A squad that others wait for, and its place."""

    place: int
    first: First


class Chain(NamedTuple):
    """Squads one behind the other; of a circle, in which the last waits on the first again, `among` whom."""

    squads: tuple[str, ...]
    among: tuple[str, ...] = ()
    """All squads that wait on each other there; empty for what is no circle."""


class Behind(NamedTuple):
    """A card or blocker of an edge that is opened."""

    thing: Item | Blocker | None
    id: str


class Rest(NamedTuple):
    """What is not listed of an edge."""

    hidden: int


def edge_id(edge: Edge) -> str:
    """What tells an edge from the others."""
    return f"{edge.waiter}→{edge.blocker}"


class WaitingPane(BasePane):
    """`waiting`. Edges in `opened` show their cards and blockers."""

    id = "waiting"
    title = "Who waits on whom"
    kinds = ("store", "documents", "status")

    def __init__(self, wait_on: str = DEFAULT.text("blocker.wait_on")) -> None:
        """`wait_on` is the key that says who waits on whom."""
        self.nothing = f"nobody is known to wait: {wait_on} on a card or blocker says who waits on whom"
        self.opened: frozenset[str] = frozenset()

    def toggle(self, edge: str, *, opened: bool | None = None) -> None:
        """Show what is behind an edge, or hide it again."""
        show = edge not in self.opened if opened is None else opened
        self.opened = self.opened | {edge} if show else self.opened - {edge}

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        graph = _graph(ctx.snapshot)
        squads = len({edge.waiter for edge in graph.edges})
        circles = len(graph.cycles)
        if circles:
            return f"{squads}, {circles} circle{'' if circles == 1 else 's'}", "down"
        return (str(squads) if squads else ""), "strong"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.program, snapshot.items, snapshot.blockers, self.opened

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        graph = _graph(snapshot)
        if not graph.edges:
            return []
        edges = [edge for edge in graph.edges if concerns((edge.waiter, edge.blocker), view)]
        parts = (
            ("Circles: none of them can go first", [_chain_row(c) for c in _circles(graph)]),
            ("Unblock this first", [_first_row(Ranked(n, f)) for n, f in enumerate(graph.first[:FIRST], 1)]),
            (
                "Who waits on whom, the longest first",
                [row for edge in sorted(edges, key=_oldest) for row in self._edge_rows(edge, snapshot)],
            ),
            (
                "The longest chain",
                [_chain_row(Chain(graph.longest_chain))] if len(graph.longest_chain) > 2 else [],
            ),
        )
        rows: list[Row] = []
        for title, here in parts:
            if here:
                rows += [blank_row(title)] if rows else []
                rows += [heading_row(title, title), *here]
        return rows

    def _edge_rows(self, edge: Edge, snapshot: Snapshot) -> Iterator[Row]:
        name = edge_id(edge)
        yield Row(
            key=f"edge:{name}",
            subject=Subject("edge", name),
            squads=distinct(edge.waiter, edge.blocker),
            text=words(edge.waiter, edge.blocker),
            data=edge,
            ticks=True,
        )
        if name not in self.opened:
            return
        things = things_by_id(snapshot.items, snapshot.blockers)
        for id_ in edge.items[:BEHIND]:
            thing = things.get(id_)
            kind: Subject | None = None
            if thing is not None:
                kind = Subject("blocker" if isinstance(thing, Blocker) else "item", id_)
            yield Row(
                key=f"behind:{name}:{id_}",
                subject=kind,
                squads=distinct(edge.waiter, edge.blocker),
                data=Behind(thing, id_),
                ticks=True,
            )
        if len(edge.items) > BEHIND:
            yield Row(key=f"rest:{name}", selectable=False, data=Rest(len(edge.items) - BEHIND))

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        data = row.data
        if isinstance(data, Edge):
            return (self._edge_line(data, ctx),)
        if isinstance(data, Ranked):
            return (_first_line(data, ctx),)
        if isinstance(data, Chain):
            return (_chain_line(data, ctx),)
        if isinstance(data, Behind):
            return (behind_line(data, ctx),)
        if isinstance(data, Rest):
            return ((Span(f"      … {data.hidden} more", "dim"),),)
        return ((Span(data, "title"),),)

    def _edge_line(self, edge: Edge, ctx: DrawContext) -> Line:
        """``▸ Cranes → Quay & Berths   3 waiting   since 2d``."""
        program = ctx.snapshot.program
        room = max(10, (ctx.width - 34) // 2)
        longest = max((cell_width(n) for n in present.squad_names(program).values()), default=10)
        name = max(8, min(longest, room))
        open_ = edge_id(edge) in self.opened
        since = "since ?" if edge.since is None else f"for {present.since(edge.since, ctx.now)}"
        count = len(edge.items)
        counted = f"{count} waiting" if count else "declared"
        return text(
            Span("▾ " if open_ else "▸ ", "accent"),
            column(present.squad_short(program, edge.waiter, name), name, "strong"),
            Span(" → ", "dim"),
            column(present.squad_short(program, edge.blocker, name), name, "strong"),
            "  ",
            column(counted, 12),
            Span(since if count else "", "dim"),
            Span(f"  needs {', '.join(edge.dependencies)}" if edge.dependencies else "", "dim"),
        )


@by_identity(keep=2)
def things_by_id(items: tuple[Item, ...], blockers: tuple[Blocker, ...]) -> dict[str, Item | Blocker]:
    """Cards and blockers by id; a card where both have one id."""
    found: dict[str, Item | Blocker] = {blocker.id: blocker for blocker in blockers}
    found.update((item.id, item) for item in items)
    return found


def _graph(snapshot: Snapshot) -> waiting.Waiting:
    return waiting.graph(snapshot.program, snapshot.items, snapshot.blockers)


def _circles(graph: waiting.Waiting) -> Iterator[Chain]:
    """The shortest circle of each group."""
    for circle in graph.cycles:
        among = next((group for group in graph.components if circle[0] in group), circle)
        yield Chain(circle, among)


def _oldest(edge: Edge) -> tuple[float, str, str]:
    since = float("inf") if edge.since is None else edge.since.timestamp()
    return since, edge.waiter, edge.blocker


def _first_row(ranked: Ranked) -> Row:
    squad = ranked.first.squad
    return Row(
        key=f"first:{squad}",
        subject=Subject("squad", squad),
        squads=(squad,),
        text=words(squad),
        data=ranked,
        ticks=True,
    )


def _first_line(ranked: Ranked, ctx: DrawContext) -> Line:
    """``1 Quay & Berths  frees 2 squads · 5 waiting · for 2d · Cranes, Customs · First berth booked``."""
    place, first = ranked
    program = ctx.snapshot.program
    longest = max((cell_width(n) for n in present.squad_names(program).values()), default=10)
    name = max(8, min(longest, ctx.width // 3))
    freed = _graph(ctx.snapshot).transitive.get(first.squad, ())
    titles = {m.id: m.text or m.label or m.id for m in program.milestones}
    squads = f"{first.frees_squads} squad{'' if first.frees_squads == 1 else 's'}"
    return text(
        Span(f"{place} ", "accent"),
        column(present.squad_short(program, first.squad, name), name, "strong"),
        "  ",
        *join(
            (
                text(Span("frees ", "dim"), Span(squads, "warn")),
                text(f"{first.frees_items} waiting") if first.frees_items else (),
                text(Span("for ", "dim"), present.since(first.since, ctx.now)) if first.since else (),
                text(", ".join(present.squad_short(program, squad, 20) for squad in freed)),
                text(Span(", ".join(titles.get(m, m) for m in first.milestones), "accent")),
            )
        ),
    )


def _chain_row(chain: Chain) -> Row:
    kind = "circle" if chain.among else "chain"
    return Row(
        key=f"{kind}:{'→'.join(chain.squads)}",
        subject=Subject("squad", chain.squads[0]),
        squads=chain.squads,
        text=words(*chain.squads),
        data=chain,
    )


def _chain_line(chain: Chain, ctx: DrawContext) -> Line:
    squads = (*chain.squads, chain.squads[0]) if chain.among else chain.squads
    names = [present.squad_short(ctx.snapshot.program, squad, 24) for squad in squads]
    way = join(((Span(name, "strong"),) for name in names), Span(" → ", "dim"))
    said = f"  {len(chain.squads)} squads"
    if len(chain.among) > len(chain.squads):
        said = f"  the shortest way round among {len(chain.among)} squads"
    return text(Span("✖ ", "down") if chain.among else Span("  "), *way, Span(said, "dim"))


def behind_line(behind: Behind, ctx: DrawContext) -> Line:
    """A card or blocker that waits: its age, what it is, whose."""
    thing = behind.thing
    if thing is None:
        return text("      ", Span(f"? {behind.id} is not in the room", "unknown"))
    if isinstance(thing, Blocker):
        known, word, style = badge_words(thing, ctx.now)
        owner = present.person(thing.owner, ctx.view)
        said = thing.summary or thing.id
        glyph, pending = Span("▪ ", "down"), thing.pending
        what = f"blocker, {word}" if word else "blocker"
    else:
        card = make_card(thing, None, {})
        known, style = card_age(card, ctx.now)
        seen = look(card)
        owner = present.person(" + ".join(thing.owners) or thing.owner, ctx.view)
        said, what = thing.epic or thing.id, seen.word
        glyph, pending = Span(f"{seen.glyph} ", seen.style), thing.pending
    return text(
        "    ",
        column(known or "age ?", 9, style),
        " ",
        glyph,
        *join(
            ((Span(said),), (Span(what, "dim"),), text(Span(owner, "dim")), queued_mark(pending, brief=True))
        ),
    )


PANE = WaitingPane()
