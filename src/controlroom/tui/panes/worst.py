"""The wall's list: everything that is not fine, worst first, each as large as a terminal can write it.

As many as fit make a page; what is fine takes one line on the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from controlroom.domain import health, ranking
from controlroom.domain.alerts import watchdog_trouble
from controlroom.domain.ranking import Hurt
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.status import known_gap
from controlroom.domain.telemetry import GapCode
from controlroom.domain.worst import in_doubt, told
from controlroom.tui import present, relayline
from controlroom.tui.bigdigits import LARGE_HEIGHT, large
from controlroom.tui.known_services import tally
from controlroom.tui.lines import column, join, line_width, text
from controlroom.tui.panes.base import BasePane, concerns, distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View

AGE = 16
"""Cells of the large digits, where there is room for them."""

DIGITS_FROM = 72
"""Narrower than this there are no large digits."""

HEIGHT = LARGE_HEIGHT + 1


class Entry(NamedTuple):
    """One thing that is not fine; `rank` is smaller for what is worse."""

    rank: int
    subject: Subject
    glyph: str
    word: str
    style: Style
    title: str
    why: str = ""
    since: datetime | None = None
    squads: tuple[str, ...] = ()


class WorstPane(BasePane):
    """`worst`."""

    id = "worst"
    title = "Worst first"
    kinds = ("services", "metrics")
    nothing = "nothing that is known needs anybody"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        found = _entries(ctx.snapshot, present.present_moment(ctx.snapshot, ctx.view), ctx.view)
        pages = _pages(len(found), ctx.view)
        page = f", page {ctx.view.page % pages + 1}/{pages}" if pages > 1 else ""
        return (f"{len(found)}{page}" if found else ""), "warn" if found else "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        known = (snapshot.services, snapshot.blockers, snapshot.signals, snapshot.alerts, snapshot.gates)
        return (*known, snapshot.sources, snapshot.watchdogs, relayline.lost_since(snapshot))

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        now = present.present_moment(snapshot, view)
        found = _entries(snapshot, now, view)
        pages = _pages(len(found), view)
        room = _room(view) or max(1, len(found))
        page = view.page % pages
        rows = [_row(entry) for entry in found[page * room : (page + 1) * room]]
        if page == pages - 1 and (fine := _fine(snapshot, now)):
            rows.append(Row(key="fine", data=fine, selectable=False))
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if not isinstance(row.data, Entry):
            return (row.data,)
        entry = row.data
        names = ", ".join(present.squad_name(ctx.snapshot.program, squad) for squad in entry.squads)
        age = present.since(entry.since, ctx.now) if entry.since is not None else ""
        digits = _digits(age, ctx) if ctx.width >= DIGITS_FROM else None
        aged = () if digits is not None or not age else (Span(f"  {age}", entry.style),)
        told = (
            text(Span(f"{entry.glyph} {entry.word}  ", entry.style), Span(entry.title, "strong"), aged),
            text("  ", Span(present.hosts(entry.why, ctx.view))) if entry.why else (),
            text("  ", Span(names, "dim")) if names else (),
        )
        if digits is None:
            return told
        lead = (column(line, AGE, entry.style) for line in digits)
        return tuple(text(before, *line) for before, line in zip(lead, told, strict=True))


def _digits(age: str, ctx: DrawContext) -> tuple[str, ...]:
    """The age in large digits, in small ones where it is too long, blanks where it is not known."""
    drawn = large(age.removeprefix("≥ "), ascii_only=ctx.view.ascii) if age else ("",) * LARGE_HEIGHT
    return drawn if max(line_width((Span(line),)) for line in drawn) < AGE else (age, "", "")


def _room(view: View) -> int:
    """How many of them make a page; 0 where it is not known how high the pane is."""
    return max(1, (view.height - 1) // HEIGHT) if view.height else 0


def _pages(count: int, view: View) -> int:
    room = _room(view)
    return max(1, -(-count // room)) if room else 1


def _row(entry: Entry) -> Row:
    return Row(
        key=f"worst:{entry.subject.kind}:{entry.subject.id}",
        height=HEIGHT,
        subject=entry.subject,
        squads=entry.squads,
        text=words(entry.word, entry.title, entry.why, *entry.squads),
        data=entry,
        ticks=True,
    )


def _entries(snapshot: Snapshot, now: datetime, view: View) -> list[Entry]:
    """Everything that is not fine and concerns the squad in focus, worst first."""
    found = (*_services(snapshot, now), *_blockers(snapshot, now), *_alerts(snapshot), *_gaps(snapshot))
    more = (*_gates(snapshot), *_sources(snapshot), *_unheard(snapshot))
    kept = (entry for entry in (*found, *more) if concerns(entry.squads, view, shared=True))
    return sorted(kept, key=lambda entry: (entry.rank, entry.since.timestamp() if entry.since else 0.0))


def _services(snapshot: Snapshot, now: datetime) -> Iterator[Entry]:
    ranks = {Health.DOWN: 0, Health.DEGRADED: 4, Health.UNKNOWN: 6}
    for state in health.settle(snapshot.services, now):
        seen = told(state)
        if seen not in ranks:
            continue
        look = present.HEALTH[seen]
        why = f"unverified: {state.reason}" if in_doubt(state) else state.reason
        rank = ranks[seen]
        if state.caused_by is not None:
            why, rank = f"caused by {state.caused_by}", 5
        service = state.service
        subject = Subject("service", service.id)
        squads = distinct(*service.squads, service.owner)
        name = service.name or service.id
        yield Entry(rank, subject, look.glyph, look.word, look.style, name, why, state.since, squads)


def _blockers(snapshot: Snapshot, now: datetime) -> Iterator[Entry]:
    for blocker in snapshot.blockers:
        hurt = ranking.hurt(blocker, now)
        if hurt in (Hurt.RESOLVED, Hurt.SNOOZED):
            continue
        rank, word = (1, "BREACH") if hurt is Hurt.BREACH else (3, "due soon")
        style: Style = "down" if hurt is Hurt.BREACH else "warn"
        if hurt not in (Hurt.BREACH, Hurt.DUE_SOON):
            rank, word, style = 5, "escalated" if blocker.state == "escalated" else "blocker", "accent"
        waits = distinct(blocker.owning_squad, blocker.blocking_squad)
        named = [present.squad_name(snapshot.program, squad) for squad in waits]
        why = f"{named[0]} waits on {named[1]}" if len(named) == 2 else ""
        since = blocker.opened_at
        subject = Subject("blocker", blocker.id)
        yield Entry(rank, subject, "■", word, style, blocker.summary, why, since, waits)


def _alerts(snapshot: Snapshot) -> Iterator[Entry]:
    for alert in snapshot.alerts:
        if alert.state == "suppressed":
            continue
        critical = alert.severity in ("critical", "page", "error")
        style: Style = "down" if critical else "warn"
        subject = Subject("alert", alert.fingerprint)
        rank, word = (2, "alert") if critical else (5, "alert")
        squads = distinct(alert.squad)
        yield Entry(rank, subject, "▲", word, style, alert.name, alert.summary, alert.starts_at, squads)


def _gaps(snapshot: Snapshot) -> Iterator[Entry]:
    """The signals that are known not to be there, one entry for a squad."""
    missing: dict[str, list[str]] = {}
    for reading in snapshot.signals:
        if known_gap(reading):
            missing.setdefault(reading.signal.squad, []).append(reading.signal.title)
    for squad, metrics in missing.items():
        subject = Subject("squad", squad)
        title = f"{len(metrics)} {'signal' if len(metrics) == 1 else 'signals'} missing"
        yield Entry(4, subject, "✖", "gap", "down", title, ", ".join(metrics), None, (squad,))


def _gates(snapshot: Snapshot) -> Iterator[Entry]:
    for gate in snapshot.gates:
        if gate.verdict == "FAIL":
            squads = tuple(one.squad for one in gate.squads if one.verdict in ("FAIL", "NOT_DECLARED"))
            wave = next((w.name for w in snapshot.program.waves if w.id == gate.wave), "") or gate.wave
            yield Entry(5, Subject("gate", gate.wave), "✖", "gate", "warn", wave, "FAIL", None, squads)


def _sources(snapshot: Snapshot) -> Iterator[Entry]:
    """What cannot be asked, so that nothing is known of what it tells; and switches that do not fire."""
    for source in snapshot.sources:
        if source.error is not None:
            subject = Subject("source", source.id)
            title, why = source.title or source.id, source.error
            yield Entry(6, subject, "?", "unreachable", "unknown", title, why, source.error_since)
    for dog, said in watchdog_trouble(snapshot):
        yield Entry(1, Subject("watchdog", dog.server), "✖", "alert chain", "down", dog.server, said)


def _unheard(snapshot: Snapshot) -> Iterator[Entry]:
    """That nothing of all this is known to be so any more, before everything else."""
    relayed = snapshot.relayed
    if relayed is not None and relayed.lost:
        source, why = Subject("source", relayline.ID), relayed.reason
        yield Entry(-1, source, "✖", "STALE", "down", "this screen", why, relayed.old_since)


def _fine(snapshot: Snapshot, now: datetime) -> Line:
    """What is known to be as it should, counted; nothing is while nothing can be heard."""
    if relayline.lost_since(snapshot) is not None:
        return ()
    up = tally(snapshot.services, now)[Health.UP] if snapshot.services else 0
    delivered = sum(reading.code is GapCode.OK for reading in snapshot.signals)
    parts = [f"{up} of {len(snapshot.services)} services up"] if up else []
    parts += [f"{delivered} of {len(snapshot.signals)} signals delivered"] if delivered else []
    return text(Span("● ", "ok"), join((Span(part, "ok"),) for part in parts)) if parts else ()


PANE = WorstPane()
