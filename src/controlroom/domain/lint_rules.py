"""The rules of the board, one card or blocker at a time, each finding with the place to mend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache

from controlroom.domain.board import Item
from controlroom.domain.instants import render
from controlroom.domain.lints import Lint, Severity
from controlroom.domain.status_text import read_status
from controlroom.domain.text import clean, slug
from controlroom.domain.triage import SLA_BREACH, Blocker, sla

CROSS_SQUAD = "cross_squad"
CROSS_STREAM = "cross_stream"
"""An older name of the same tag."""

UNTOUCHED = dt.timedelta(days=2)
"""How long a card may be in progress without anybody touching it."""

Squads = frozenset[str]
"""Ids of the declared squads."""


def twice(item: Item, first: Item) -> Lint:
    """X010: two cards of one id."""
    return _of(item, "X010", f"the id {item.id} is also that of the card at {_where(first)}", "error")


def astray(blocker: Blocker) -> Lint:
    """X017: a blocker on a card that nobody lists."""
    return _at(
        blocker, "X017", f"{blocker.summary} is about the card {blocker.item}, which no document lists"
    )


def late_item(item: Item, now: dt.datetime, today: dt.date) -> Iterator[Lint]:
    """X015 and X016: what only the clock says of a card. `today` is the programme's date at `now`."""
    touched, least = _touched(item)
    if item.status == "in_progress" and touched is not None and now - touched > UNTOUCHED:
        yield _of(item, "X015", f"{item.epic} is in progress, untouched since {least}{render(touched)}")
    if item.due is not None and item.due < today and item.status != "done":
        yield _of(item, "X016", f"{item.epic} was due on {item.due.isoformat()}")


def turns_item(item: Item) -> dt.datetime | None:
    """The last instant at which `late_item` says nothing of its age; None where it never does."""
    touched, _ = _touched(item)
    return touched + UNTOUCHED if item.status == "in_progress" and touched is not None else None


def _touched(item: Item) -> tuple[dt.datetime | None, str]:
    """When somebody last touched a card; what was only seen here may have been so for longer."""
    touched = max(filter(None, (item.since, item.updated)), default=None)
    return (touched, "") if touched is not None else (item.first_seen, "at least ")


def late_blocker(blocker: Blocker, now: dt.datetime) -> Iterator[Lint]:
    """X007 and X016: what only the clock says of an open blocker."""
    if blocker.eta is None:
        if sla(blocker, now) == "breach":
            hours = SLA_BREACH // 3600
            message = f"{blocker.summary} is open for more than {hours} h without an ETA: give one"
            yield _at(blocker, "X007", message)
    elif blocker.eta < now:
        yield _at(
            blocker, "X016", f"{blocker.summary} was to be over by {render(blocker.eta)}: give a new ETA"
        )


def turns_blocker(blocker: Blocker) -> dt.datetime | None:
    """The last instant at which `late_blocker` says nothing; None where it never says anything."""
    if blocker.eta is not None:
        return blocker.eta
    return None if blocker.opened_at is None else blocker.opened_at + dt.timedelta(seconds=SLA_BREACH)


def _of(item: Item, code: str, message: str, severity: Severity = "warning") -> Lint:
    pointer = None if item.path else f"/items/{item.id.replace('~', '~0').replace('/', '~1')}"
    return Lint(code, clean(message), severity, item.path, item.line, pointer, item.id)


def _where(item: Item) -> str:
    return f"{item.path}:{item.line}" if item.path else item.epic


def of_item(squads: Squads, item: Item, held_by: Blocker | None) -> Iterator[Lint]:
    yield from _crossing(squads, item)
    if item.status_text:
        said = _said(item.status_text)
        if "X008" in said:
            yield _of(item, "X008", f'glyph and word disagree in "{item.status_text}": the word counts')
        if "X009" in said:
            yield _of(item, "X009", f'a broken character (U+FFFD) in "{item.status_text}": the word counts')
    if item.status == "done" and held_by is not None:
        message = (
            f"{item.epic} is done, and {held_by.summary} still holds it up: resolve it or reopen the card"
        )
        yield _of(item, "X011", message, "error")
    if item.status == "in_progress" and not _single(item):
        owners = " and ".join(item.owners) or "nobody"
        yield _of(item, "X012", f"{item.epic} is in progress without a single owner: {owners}; name one")


@lru_cache(maxsize=4096)
def _said(status_text: str) -> tuple[str, ...]:
    return read_status(status_text).lints


def _single(item: Item) -> bool:
    return len(item.owners) == 1 and not slug(item.owners[0]).startswith("all_")


def _crossing(squads: Squads, item: Item) -> Iterator[Lint]:
    """X001–X004 and X013: a dependency across squads names two squads that exist and differ."""
    tags = {slug(tag) for tag in item.tags}
    if CROSS_STREAM in tags:
        yield _of(item, "X013", f"{item.epic} is tagged cross-stream: read as cross-squad")
    if tags & {CROSS_SQUAD, CROSS_STREAM}:
        if not item.owning_squad:
            yield _of(item, "X001", f"{item.epic} is tagged cross-squad: say whose work it holds up", "error")
        if not item.blocking_squad:
            yield _of(
                item, "X002", f"{item.epic} is tagged cross-squad: say whose delivery it waits on", "error"
            )
    if item.owning_squad and item.owning_squad == item.blocking_squad:
        yield _of(item, "X003", f"{item.epic}: {item.owning_squad} cannot wait on itself", "error")
    for squad in _unknown(squads, item.squad, item.owning_squad, item.blocking_squad):
        yield _of(item, "X004", f"{item.epic} names the squad {squad}, which is not declared", "error")
    if item.squad is None and squads:
        owner = f"the owner {item.owner}" if item.owner else "no owner"
        message = (
            f"{item.epic} is in lane Unassigned: {owner} tells no squad; add the owner to a squad's owners"
        )
        yield _of(item, "X004", message)


def _unknown(squads: Squads, *named: str | None) -> list[str]:
    """Without declared squads no name can be called unknown."""
    return sorted({squad for squad in named if squad and squad not in squads}) if squads else []


def _at(blocker: Blocker, code: str, message: str) -> Lint:
    in_file = bool(blocker.source and blocker.line)
    return Lint(
        code,
        clean(message),
        "error" if code in ("X003", "X004") else "warning",
        blocker.source,
        blocker.line,
        None if in_file else f"/blockers/{blocker.id.replace('~', '~0').replace('/', '~1')}",
        blocker.id,
    )


def of_blocker(squads: Squads, blocker: Blocker) -> Iterator[Lint]:
    if not blocker.owner:
        yield _at(blocker, "X005", f"{blocker.summary} has no owner: say who drives it")
    if blocker.opened_at is None:
        yield _at(blocker, "X006", f"{blocker.summary} does not say since when: its age is not known")
    if blocker.owning_squad and blocker.owning_squad == blocker.blocking_squad:
        yield _at(blocker, "X003", f"{blocker.summary}: {blocker.owning_squad} cannot wait on itself")
    for squad in _unknown(squads, blocker.owning_squad, blocker.blocking_squad):
        yield _at(blocker, "X004", f"{blocker.summary} names the squad {squad}, which is not declared")
