"""The board's part of reducing: what documents, status files, the triage log and the outbox say together.

The log has the last word on what people did. While it has not been read, what an earlier run knew of it is
kept; so is what came from status files while those have not been read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controlroom.domain import fold, runs, status
from controlroom.domain.actions import Action, Outcome
from controlroom.domain.board import Item
from controlroom.domain.documents import DocumentReading
from controlroom.domain.ledger import Ledger
from controlroom.domain.refold import History, same
from controlroom.domain.remember import remember
from controlroom.domain.snapshot import LogSeen, OutboxSeen, Snapshot, StatusFile
from controlroom.domain.triage import Blocker

_UNREAD = Ledger()


def remembered(snapshot: Snapshot) -> Snapshot:
    """A restored room with what only the log or a status file can tell set aside until they are read."""
    listed = {blocker.id for blocker in snapshot.declared_blockers}
    return replace(
        snapshot,
        kept_blockers=tuple(
            replace(blocker, pending=()) if blocker.pending else blocker
            for blocker in snapshot.blockers
            if blocker.last_action or blocker.id not in listed
        ),
        kept_items=tuple(
            replace(item, pending=()) if item.pending else item for item in snapshot.items if item.last_action
        ),
    )


def logged(snapshot: Snapshot, seen: LogSeen) -> Snapshot:
    """`snapshot` after a look at the triage log."""
    ledger = snapshot.ledger
    if ledger is None or seen.from_start:
        ledger = Ledger()
    after = ledger.after([entry for entry in seen.entries if entry.rev > ledger.rev])
    if snapshot.ledger is not None and seen.from_start and _alike(snapshot.ledger, after):
        after = snapshot.ledger
    look = replace(seen, entries=(), from_start=False)
    if after is snapshot.ledger and look == snapshot.log:
        return snapshot
    return replace(snapshot, ledger=after, log=snapshot.log if look == snapshot.log else look)


def _alike(one: Ledger, other: Ledger) -> bool:
    return one.rev == other.rev and one.items == other.items


def posted(snapshot: Snapshot, seen: OutboxSeen) -> Snapshot:
    """`snapshot` after a look at the outbox."""
    return snapshot if seen == snapshot.outbox else replace(snapshot, outbox=seen)


def ran(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with the holdings of rituals that the log and the outbox tell of.

    While the log has not been read, what an earlier run knew of it is kept.
    """
    queued = actions(snapshot.outbox.queued)
    if snapshot.ledger is None and not queued:
        return snapshot
    found, ticked = runs.runs(snapshot.ledger, queued), runs.boxes(snapshot.ledger, queued)
    if found is snapshot.runs and ticked is snapshot.boxes:
        return snapshot
    return replace(snapshot, runs=found, boxes=ticked)


def boarded(snapshot: Snapshot, now: datetime) -> Snapshot:
    """`snapshot` with its cards and blockers as they are at `now`; itself where nothing changed."""
    queued = actions(snapshot.outbox.queued)
    ledger = snapshot.ledger or _UNREAD
    seen, kept = snapshot.status, snapshot.kept_blockers
    files_unread = seen is None and snapshot.source("status") is not None
    told = _told(
        seen.files[-1] if seen and seen.files else None, snapshot.documents, kept if files_unread else ()
    )
    declared = _recorded(snapshot.declared_blockers, seen.files[-1] if seen and seen.files else None)
    listed = _listed(declared, told, snapshot.ledger, kept)
    blockers = fold.blockers(listed, ledger, queued, now)
    items = snapshot.items
    if snapshot.documents or snapshot.declared_items:
        cards = _cards(snapshot.declared_items, snapshot.ledger, snapshot.kept_items)
        items = fold.items(cards, ledger, queued)
    if same(blockers, snapshot.blockers):
        blockers = snapshot.blockers
    if same(items, snapshot.items):
        items = snapshot.items
    if blockers is snapshot.blockers and items is snapshot.items:
        return snapshot
    return replace(snapshot, blockers=blockers, items=items)


@remember
def actions(queued: tuple[Outcome, ...]) -> tuple[Action, ...]:
    """What waits in the outbox, oldest first; the same object for the same outcomes."""
    return tuple(outcome.action for outcome in queued)


@remember
def _told(
    newest: StatusFile | None, documents: tuple[DocumentReading, ...], kept: tuple[Blocker, ...]
) -> tuple[Blocker, ...]:
    """What the newest status file lists, or `kept` of one, except what watched documents speak for."""
    recorded = status.blockers(newest) if newest is not None else kept
    watched = {reading.path for reading in documents}
    return tuple(one for one in recorded if one.source is not None and one.source not in watched)


@remember
def _recorded(declared: tuple[Blocker, ...], newest: StatusFile | None) -> tuple[Blocker, ...]:
    """What documents list, first seen when the newest status file says so, where that is earlier."""
    listed = status.blockers(newest) if newest is not None and declared else ()
    since = {one.id: one.first_seen for one in listed if one.first_seen is not None}
    return tuple(
        replace(one, first_seen=since[one.id])
        if one.id in since and (one.first_seen is None or since[one.id] < one.first_seen)
        else one
        for one in declared
    )


@remember
def _listed(
    declared: tuple[Blocker, ...],
    told: tuple[Blocker, ...],
    ledger: Ledger | None,
    kept: tuple[Blocker, ...],
) -> tuple[Blocker, ...]:
    """What the log's actions are laid over: documents' blockers, then those that only a status file lists.

    A file is an export of the log as it was: of what the log itself opened, the file tells nothing new, and
    of the rest only what the log did not do to it.
    """
    ids = {blocker.id for blocker in declared}
    more: dict[str, Blocker] = {}
    for blocker in told:
        past = ledger.of(blocker.id) if ledger is not None else ()
        opened = any(entry.action.kind == "open" for entry in past)
        if blocker.id in ids or opened or (blocker.state == "resolved" and not past):
            continue
        ours = any(entry.action.id == blocker.last_action for entry in past)
        more.setdefault(blocker.id, _untouched(blocker, past) if ours else blocker)
    if ledger is not None:
        return (*declared, *more.values())
    last = {blocker.id: blocker for blocker in kept if blocker.last_action}
    listed = [last.pop(blocker.id, blocker) for blocker in (*declared, *more.values())]
    return (*listed, *last.values())


def _untouched(blocker: Blocker, past: History) -> Blocker:
    """As it was before people acted on it, as far as that is known."""
    resolved = any(entry.action.kind == "resolve" for entry in past)
    return replace(
        blocker,
        state="open",
        awake="open",
        next_update_due=None,
        snoozed_until=None,
        snoozed_by=None,
        snooze_why=None,
        snooze_ritual=None,
        acknowledged_by=None,
        escalated_at=None,
        resolved_at=None,
        mitigation=None if resolved else blocker.mitigation,
        last_action=None,
    )


@remember
def _cards(declared: tuple[Item, ...], ledger: Ledger | None, kept: tuple[Item, ...]) -> Sequence[Item]:
    """The documents' cards; while the log has not been read, moved as an earlier run last knew."""
    if ledger is not None or not kept:
        return declared
    last: Mapping[str, Item] = {item.id: item for item in kept}
    return tuple(_moved(item, last[item.id]) if item.id in last else item for item in declared)


def _moved(item: Item, before: Item) -> Item:
    """`before` where the document has not changed since: its status cell is the best witness there is."""
    if item.status_text != before.status_text or item.status != (before.said or before.status):
        return item
    return replace(before, path=item.path, line=item.line, first_seen=item.first_seen)
