"""Blockers, what hurts most first: age and state beside what is held up and who waits on whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import SLA_BREACH, Blocker, age, sla
from controlroom.tui import present
from controlroom.tui.lines import column, join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane, distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View

BADGE = 10
"""Cells of the age and of the word under it."""

NARROW = 72


class BlockersPane(BasePane):
    """`blockers`."""

    id = "blockers"
    title = "Blockers"
    kinds = ("store", "documents", "status")
    nothing = "no blockers known"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        counted, breached = _tally(ctx.snapshot.blockers, ctx.now)
        return str(counted) if counted else "", "breach" if breached else "strong"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.blockers, snapshot.program

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        moment = present.present_moment(snapshot, view)
        return [
            row
            for row in _by_hurt(_rows(snapshot.program, snapshot.blockers), moment)
            if (view.focus_squad is None or view.focus_squad in row.squads)
            and (view.expanded or row.data.state != "resolved")
        ]

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        blocker: Blocker = row.data
        state = sla(blocker, ctx.now)
        look = present.SLA[state]
        closed = blocker.state in ("resolved", "snoozed")
        style: Style = "dim" if closed else look.style
        seconds = age(blocker, ctx.now)
        known = "age ?" if seconds is None else present.age(seconds)
        word = blocker.state if closed else look.word
        if not word and blocker.state == "escalated":
            word = blocker.state
        badge = Span(f" {known:<{BADGE - 2}} ", style)
        summary: Style = "strong" if state == "breach" and not closed else "dim" if closed else "text"
        yield text(badge, " ", Span(blocker.summary or blocker.id, summary))
        yield text(column(f" {word}", BADGE, _word_style(style)), " ", *_who(blocker, word, ctx))


def _word_style(style: Style) -> Style:
    """The word under a badge speaks in the badge's colour, without its ground."""
    under: dict[str, Style] = {"badge-breach": "breach", "badge-warn": "warn"}
    return under.get(style, style)


def _tally(blockers: tuple[Blocker, ...], now: datetime) -> tuple[int, bool]:
    """How many are open, and whether one is in breach; looked up once a second, so not by a walk."""
    opened = _open(blockers)
    return opened[0], opened[1] is not None and (now - opened[1]).total_seconds() > SLA_BREACH


@by_identity(keep=2)
def _open(blockers: tuple[Blocker, ...]) -> tuple[int, datetime | None]:
    """How many are open, and since when the oldest of them is."""
    alive = [b for b in blockers if b.state != "resolved"]
    known = [b.opened_at for b in alive if b.opened_at is not None and b.state != "snoozed"]
    return len(alive), min(known, default=None)


_made: dict[int, tuple[object, Row]] = {}
"""Rows by the identity of their blocker, from the last list: what did not change is not made again."""


@by_identity(keep=2)
def _rows(program: Program, blockers: tuple[Blocker, ...]) -> list[Row]:
    """A row per blocker, in the order that does not depend on the time: escalated, then the oldest."""
    names = present.squad_names(program)
    made = []
    for blocker in sorted(blockers, key=_standing):
        known = _made.get(id(blocker))
        if known is None or known[0] is not names or known[1].data is not blocker:
            known = names, _row(blocker, names)
        made.append(known)
    _made.clear()
    _made.update((id(row.data), (names, row)) for names, row in made)
    return [row for _, row in made]


_CLOSED = {"snoozed": 1, "resolved": 2}


def _standing(blocker: Blocker) -> tuple[int, bool, float]:
    opened = blocker.opened_at
    began = opened.timestamp() if opened else float("inf")
    return _CLOSED.get(blocker.state, 0), blocker.state != "escalated", began


def _by_hurt(rows: Sequence[Row], now: datetime) -> list[Row]:
    """Breaches before the others, both in the order given; what is snoozed or resolved stays at the end."""
    limit = now.timestamp() - SLA_BREACH

    def breach(row: Row) -> bool:
        opened: datetime | None = row.data.opened_at
        return row.data.state not in _CLOSED and opened is not None and opened.timestamp() < limit

    return sorted(rows, key=lambda row: 0 if breach(row) else 1)


def _row(blocker: Blocker, names: Mapping[str, str]) -> Row:
    squads = distinct(blocker.owning_squad, blocker.blocking_squad)
    return Row(
        key=f"blocker:{blocker.id}",
        height=2,
        subject=Subject("blocker", blocker.id),
        squads=squads,
        text=words(
            blocker.summary,
            blocker.id,
            blocker.item,
            blocker.owner,
            blocker.state,
            blocker.text,
            *(names.get(squad, squad) for squad in squads),
        ),
        data=blocker,
        ticks=blocker.opened_at is not None and blocker.state != "resolved",
    )


def waits(blocker: Blocker, program: Program, width: int = 200) -> Line:
    """``X waits on Y``, with ``?`` for a side that nobody named; shorter names where `width` is small."""
    if not blocker.owning_squad and not blocker.blocking_squad:
        return ()
    room = max(8, width // 5) if width < NARROW else width
    return text(
        _squad(program, blocker.owning_squad, room),
        Span(" waits on ", "dim"),
        _squad(program, blocker.blocking_squad, room),
    )


def _squad(program: Program, squad: str | None, room: int) -> Span:
    return Span(present.squad_short(program, squad, room)) if squad else Span("?", "unknown")


def _who(blocker: Blocker, shown: str, ctx: DrawContext) -> Line:
    program, now = ctx.snapshot.program, ctx.now
    owner = present.person(blocker.owner, ctx.view)
    state = blocker.state
    return join(
        (
            (Span(state, present.TRIAGE[state].style),) if state not in ("open", shown) else (),
            waits(blocker, program, ctx.width),
            text(Span("owner " if ctx.width >= NARROW else "", "dim"), owner)
            if owner
            else (Span("no owner", "warn"),),
            _time("eta", blocker.eta, ctx),
            _time("update", blocker.next_update_due, ctx),
            _time("until", blocker.snoozed_until, ctx) if state == "snoozed" else (),
            _first_seen(blocker, now),
            (Span(place(blocker.source, blocker.line), "dim"),) if blocker.source else (),
        )
    )


def _time(name: str, instant: datetime | None, ctx: DrawContext) -> Line:
    if instant is None:
        return ()
    when = present.moment(instant, ctx.now, ctx.snapshot.program.zone)
    return text(Span(f"{name} ", "dim"), Span(when, "warn" if instant < ctx.now else "text"))


def _first_seen(blocker: Blocker, now: datetime) -> Line:
    """A lower bound of an age that is not known."""
    if blocker.opened_at is not None or blocker.first_seen is None:
        return ()
    return (Span(f"≥ {present.since(blocker.first_seen, now)}", "dim"),)


def place(path: str | None, line: int | None) -> str:
    """``file.md:12``, without its folders."""
    name = (path or "").rsplit("/", 1)[-1]
    return f"{name}:{line}" if line else name


PANE = BlockersPane()
