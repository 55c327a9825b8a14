"""What the header says of the triage log: where it is, how far, how safe, and what is not in it yet.

Each function gives the forms of one part, the fullest first. What must never leave has no empty form.
"""

from __future__ import annotations

from datetime import datetime

from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.tui import present
from controlroom.tui.lines import join
from controlroom.tui.rows import Line, Span, View
from controlroom.tui.triage_words import QUEUED
from controlroom.tui.width import crop

TITLE = 28
"""Cells of the store's name."""

REASON = 48
"""Cells of why it cannot be used."""

DURABLE = "durable"
"""Durability begins so wherever what was acknowledged is kept."""

Forms = tuple[Line, ...]


def store(snapshot: Snapshot, view: View) -> Forms:
    """``dir:log r42 durable``, ``log r42``, nothing."""
    source, log = snapshot.source("store"), snapshot.log
    if log is None and source is None:
        return ()
    rev = f"r{log.head}" if log is not None else "not read yet"
    title = crop(present.hosts(source.title or source.id, view), TITLE) if source is not None else "log"
    safe = f", {log.durability}" if log is not None and log.durability.startswith(DURABLE) else ""
    return (
        (Span(f"{title} ", "dim"), Span(rev), Span(safe, "dim")),
        (Span("log ", "dim"), Span(rev)),
        (),
    )


def durability(snapshot: Snapshot) -> Forms:
    """That the log may lose what it acknowledged, where it may."""
    log = snapshot.log
    if log is None or not log.durability or log.durability.startswith(DURABLE):
        return ()
    short = log.durability.partition(" (")[0]
    return (Span(f"▲ {log.durability}", "warn"),), (Span(f"▲ {short}", "warn"),)


def unsent(snapshot: Snapshot, view: View) -> Forms:
    """How many of one's own actions wait for the log, and how many met another person's."""
    queued, conflicts = len(snapshot.outbox.queued), len(snapshot.outbox.conflicts)
    met = f"{conflicts} conflict{'' if conflicts == 1 else 's'}"

    def form(wait: str, meet: str, between: str) -> Line:
        return join(
            (
                (Span(wait, "warn"),) if queued else (),
                (Span(meet, "down"),) if conflicts else (),
            ),
            Span(between),
        )

    if not queued and not conflicts:
        return ()
    return (
        form(f"{QUEUED} {queued} queued", f"✖ {met}, {view.key('conflicts.show')} decides", "  "),
        form(f"{queued} queued", met, " "),
        form(f"{QUEUED}{queued}", f"✖{conflicts}", " "),
    )


def trouble(snapshot: Snapshot, now: datetime, view: View) -> Forms:
    """Why nothing can be recorded, or only kept here, in words."""
    source, log, outbox = snapshot.source("store"), snapshot.log, snapshot.outbox
    if outbox.trouble:
        return _forms("✖ nothing can be recorded", outbox.trouble, view, "✖ outbox")
    if source is not None and source.error is not None:
        return _forms(f"✖ log unreachable{_since(source, now)}", source.error, view, "✖ log away")
    if log is not None and log.trouble:
        return _forms("▲ log read-only", log.trouble, view, "▲ read-only")
    return ()


def _since(source: SourceStatus, now: datetime) -> str:
    return "" if source.error_since is None else f" {present.since(source.error_since, now)}"


def _forms(said: str, reason: str, view: View, short: str) -> Forms:
    why = crop(present.hosts(reason, view), REASON)
    return (Span(said, "down"), Span(f": {why}", "dim")), (Span(said, "down"),), (Span(short, "down"),)
