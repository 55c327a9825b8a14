"""Blockers, what hurts most first: age and reason beside what is held up and who waits on whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controlroom.domain.program import Program
from controlroom.domain.ranking import Reason, reasons, state_at
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker, BlockerState, age, sla
from controlroom.tui import present
from controlroom.tui.lines import column, fit_line, join, line_width, text
from controlroom.tui.memo import Kept
from controlroom.tui.panes.base import BasePane, distinct, unique
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.standing import Standing
from controlroom.tui.triage_words import STYLES, WORDS, names, queued_mark
from controlroom.tui.waits import who_waits

BADGE = 10
"""Cells of the age and of the word under it."""

NARROW = 72

BRIEF = 56
"""Narrower than this, reasons are said in fewer words."""


class BlockersPane(BasePane):
    """`blockers`."""

    id = "blockers"
    title = "Blockers"
    kinds = ("store", "documents", "status")
    nothing = "no blockers known"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        """How many are open, and how many of them are over their four hours at this second."""
        found = _standing(ctx.snapshot, ctx.now.replace(second=0, microsecond=0))
        alive, over = found.alive, found.breached(ctx.now)
        if ctx.view.focus_squad is not None:
            mine = [row.data for row in found.rows(resolved=False) if ctx.view.focus_squad in row.squads]
            alive = len(mine)
            over = sum(_over(blocker, ctx.now) for blocker in mine)
        if over:
            return f"{alive}, {over} in breach", "breach"
        return (str(alive) if alive else ""), "strong"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.blockers, snapshot.items, snapshot.program

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """In the order of `domain.ranking`; resolved ones only where there is room."""
        found = _standing(snapshot, present.present_moment(snapshot, view))
        rows = found.rows(resolved=view.expanded)
        if view.focus_squad is not None:
            nobodys = sum(not row.squads for row in found.rows(resolved=False))
            rows = [row for row in rows if view.focus_squad in row.squads]
            rows += _aside_rows(snapshot.program, view.focus_squad, bool(rows), nobodys)
        return rows if found.distinct else unique(rows)

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, str):
            yield (Span(row.data, "dim"),)
            return
        blocker: Blocker = row.data
        state = state_at(blocker, ctx.now)
        closed = state in ("resolved", "snoozed")
        held = who_waits(ctx.snapshot).held
        why = reasons(blocker, ctx.now, held, names(ctx.snapshot.program, ctx.view, ctx.now))
        standing = sla(blocker, ctx.now)
        summary: Style = "strong" if standing == "breach" and not closed else "dim" if closed else "text"
        mark = queued_mark(blocker.pending, brief=ctx.width < NARROW)
        room = ctx.width - BADGE - 1 - (line_width(mark) + 2 if mark else 0)
        said: Line = (Span(blocker.summary or blocker.id, summary),)
        badge = _badge(blocker, state, ctx.now)
        yield text(badge, " ", *(fit_line(said, room) if mark else said), "  ", *mark)
        first = why[0].kind
        word = column(f" {WORDS[first]}", BADGE, "text" if first == "unseen" else STYLES[first])
        yield text(word, " ", *_why(blocker, state, why, ctx))


def badge_words(blocker: Blocker, now: datetime) -> tuple[str, str, Style]:
    """Its age, the word for where it stands, and their style where there is no ground under them."""
    state, look = state_at(blocker, now), present.SLA[sla(blocker, now)]
    seconds = age(blocker, now)
    closed = state in ("snoozed", "resolved")
    under: dict[str, Style] = {"badge-breach": "breach", "badge-warn": "warn"}
    style: Style = "dim" if closed else under.get(look.style, look.style)
    word = state if closed or (state == "escalated" and not look.word) else look.word
    return "age ?" if seconds is None else present.age(seconds), word, style


def _over(blocker: Blocker, now: datetime) -> bool:
    return state_at(blocker, now) not in ("resolved", "snoozed") and sla(blocker, now) == "breach"


def _badge(blocker: Blocker, state: BlockerState, now: datetime) -> Span:
    """How old it is."""
    seconds = age(blocker, now)
    known = "age ?" if seconds is None else present.age(seconds)
    closed = state in ("resolved", "snoozed")
    return Span(f" {known:<{BADGE - 2}} ", "dim" if closed else present.SLA[sla(blocker, now)].style)


_KEPT: Kept[Standing] = Kept(lambda: Standing(_row))


def _standing(snapshot: Snapshot, moment: datetime) -> Standing:
    """The blockers of `snapshot` in order. One is kept, as one snapshot is shown at a time."""
    held, names = who_waits(snapshot).held, present.squad_names(snapshot.program)
    return _KEPT.use(lambda kept: kept.see(snapshot.blockers, names, held, moment))


def _aside_rows(program: Program, focus: str, some: bool, nobodys: int) -> Iterable[Row]:
    """What the focus leaves out and may be this squad's all the same."""
    if not nobodys:
        return
    if not some:
        name = present.squad_name(program, focus)
        yield Row(key="none", selectable=False, data=f"no blockers that name {name}")
    many = f"{nobodys} others name" if nobodys > 1 else "1 other names"
    yield Row(key="nobodys", selectable=False, data=f"{many} no squad")


def _row(blocker: Blocker, names: Mapping[str, str]) -> Row:
    squads = distinct(blocker.owning_squad, blocker.blocking_squad)
    called = " ".join([names.get(squad, squad) for squad in squads])
    queued = "queued" if blocker.pending else ""
    said = (
        f"{blocker.summary} {blocker.id} {blocker.item or ''} {blocker.owner or ''} {blocker.state} "
        f"{blocker.text} {queued} {called}"
    )
    return Row(
        key=f"blocker:{blocker.id}",
        height=2,
        subject=Subject("blocker", blocker.id),
        squads=squads,
        text=said.lower(),
        data=blocker,
        ticks=blocker.state != "resolved",
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


def _why(blocker: Blocker, state: BlockerState, why: Sequence[Reason], ctx: DrawContext) -> Line:
    """What placed it, who waits on whom, the other reasons, and what else is known."""
    first, *others = why
    if state in ("resolved", "snoozed"):
        placed: Line = (Span(first.text, "text" if state == "snoozed" else "dim"),) if first.text else ()
        return join((placed, waits(blocker, ctx.snapshot.program, ctx.width), _owner(blocker, ctx)))
    return join(
        (
            _placed(first, ctx),
            waits(blocker, ctx.snapshot.program, ctx.width),
            *((Span(str(other), STYLES[other.kind]),) for other in others),
            _owner(blocker, ctx),
            _eta(blocker, ctx),
            (Span(place(blocker.source, blocker.line), "dim"),) if blocker.source else (),
        )
    )


def _placed(first: Reason, ctx: DrawContext) -> Line:
    """What the word under the age does not say yet."""
    style = STYLES[first.kind]
    if first.kind == "age_unknown":
        bound = first.text.removeprefix("at least ")
        return (Span(f"≥ {bound}", style),) if bound else (Span("nobody wrote since when", style),)
    brief = ctx.width < BRIEF
    if first.kind == "unseen":
        return (Span("unseen" if brief else str(first), style),)
    if first.kind == "update_late":
        return (Span(f"update {first.text}" if brief else str(first), style),)
    return (Span(first.text, style),) if first.text else ()


def _owner(blocker: Blocker, ctx: DrawContext) -> Line:
    owner = present.person(blocker.owner, ctx.view)
    if not owner:
        return (Span("no owner", "warn"),)
    return text(Span("owner " if ctx.width >= NARROW else "", "dim"), owner)


def _eta(blocker: Blocker, ctx: DrawContext) -> Line:
    """When it is to be over, where that is still ahead."""
    if blocker.eta is None or blocker.eta < ctx.now:
        return ()
    return text(Span("eta ", "dim"), present.moment(blocker.eta, ctx.now, ctx.snapshot.program.zone))


def place(path: str | None, line: int | None) -> str:
    """``file.md:12``, without its folders."""
    name = (path or "").rsplit("/", 1)[-1]
    return f"{name}:{line}" if line else name


PANE = BlockersPane()
