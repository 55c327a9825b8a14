"""What people did and what is the matter, as it is said on screen: names, marks, and the looks of reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from controlroom.domain.instants import parse
from controlroom.domain.program import Program
from controlroom.domain.ranking import ReasonKind
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.domain.words import Names
from controlroom.tui import present
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, Style, View

QUEUED = "⧗"
"""Done here, and not in the log yet."""

MOVED = "↷"
"""The triage log says something else than the document."""

STYLES: Mapping[ReasonKind, Style] = {
    "breach": "breach",
    "due_soon": "warn",
    "update_late": "breach",
    "update_due": "text",
    "escalated": "warn",
    "age_unknown": "unknown",
    "unseen": "warn",
    "seen": "dim",
    "waiting": "strong",
    "eta_late": "warn",
    "snoozed": "dim",
    "resolved": "dim",
}

WORDS: Mapping[ReasonKind, str] = {
    "breach": "BREACH",
    "due_soon": "due soon",
    "update_late": "overdue",
    "update_due": "open",
    "escalated": "escalated",
    "age_unknown": "open",
    "unseen": "open",
    "seen": "seen",
    "snoozed": "snoozed",
    "resolved": "resolved",
}
"""The word under a blocker's age, at most nine cells; what it means exactly stands beside it."""


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def on_this_clock(said: str, program: Program, now: datetime) -> str:
    """`said` with its RFC 3339 instants as every time on the screen is written.

    What cannot be done is said by the domain, which knows of no zone that somebody looks from.
    """
    return _INSTANT.sub(lambda found: present.moment(parse(found[0]), now, program.zone), said)


def names(program: Program, view: View, now: datetime) -> Names:
    """What ids are called on this screen; instants in the programme's zone, people as `redact` wants."""
    titles = {ritual.id: ritual.title or ritual.id for ritual in program.rituals}
    return Names(
        squad=lambda squad: present.squad_name(program, squad),
        person=lambda person: present.person(person, view),
        ritual=lambda ritual: titles.get(ritual, ritual),
        instant=lambda at: present.moment(at, now, program.zone),
    )


@by_identity(keep=2)
def by_cause(blockers: tuple[Blocker, ...]) -> dict[str, tuple[Blocker, ...]]:
    """What blockers were opened from (``service:kafka``) → those that are not resolved, as listed."""
    found: dict[str, list[Blocker]] = {}
    for blocker in blockers:
        if blocker.about is not None and blocker.state != "resolved":
            found.setdefault(blocker.about, []).append(blocker)
    return {cause: tuple(opened) for cause, opened in found.items()}


def opened_mark(snapshot: Snapshot, cause: str, now: datetime) -> Line:
    """``■ blocker 3m`` where one was opened about `cause`; the oldest of several."""
    opened = by_cause(snapshot.blockers).get(cause)
    if not opened:
        return ()
    since = min((b.opened_at for b in opened if b.opened_at is not None), default=None)
    count = "blocker" if len(opened) == 1 else f"{len(opened)} blockers"
    lasts = "" if since is None else f" {present.since(since, now)}"
    return (Span(f"■ {count}{lasts}", "warn"),)


def queued_mark(pending: tuple[str, ...], *, brief: bool) -> Line:
    """``⧗ queued``, with what was done where it is not to be `brief`; nothing where nothing waits."""
    if not pending:
        return ()
    kinds = "" if brief else f"{', '.join(dict.fromkeys(pending))} "
    return (Span(f"{QUEUED} {kinds}queued", "warn"),)
