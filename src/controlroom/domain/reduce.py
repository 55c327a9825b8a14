"""Observations fold into one Snapshot here, and nowhere else.

`reduce` is pure: what it is not told it does not know. A part that an observation does not concern is
the same object afterwards, so whoever shows it can tell by identity that nothing changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from controlroom.domain import board_fold, board_lints, causes, diff, health, merge, status, telemetry
from controlroom.domain.alerts import distinct
from controlroom.domain.board import Item
from controlroom.domain.documents import DocumentReading
from controlroom.domain.health import ServiceState
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.refold import Named, same
from controlroom.domain.remember import remember
from controlroom.domain.selfcheck import Check, failing
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import (
    AlertsSeen,
    DocumentsSeen,
    LogSeen,
    Observation,
    OutboxSeen,
    SelfSeen,
    ServicesSeen,
    SignalsSeen,
    Snapshot,
    SourceStatus,
    StatusSeen,
)

Thing = TypeVar("Thing", bound=Named)


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What does not change while the room is open: the configuration's own part of the world."""

    program: Program
    signals: Mapping[str, tuple[Signal, ...]]
    """Metrics source id → the signals it is asked for."""


def reduce(setup: Setup, snapshot: Snapshot, seen: Observation) -> Snapshot:
    """`snapshot` after `seen`. Any failure keeps what was known, with its age, and says why it is old."""
    if snapshot.restored and snapshot.ledger is None and snapshot.outbox == OutboxSeen():
        snapshot = board_fold.remembered(snapshot)
    snapshot = replace(
        snapshot,
        version=snapshot.version + 1,
        taken_at=seen.at,
        restored=snapshot.restored
        and isinstance(seen.payload, OutboxSeen),  # which tells nothing of the room
        sources=tuple(_source(source, seen) for source in snapshot.sources),
    )
    if seen.failure is not None:
        return _failed(setup, snapshot, seen)
    match seen.payload:
        case ServicesSeen():
            return _services(snapshot, seen.payload)
        case SelfSeen():
            return _itself(snapshot, seen.payload.checks)
        case SignalsSeen():
            return _signals(setup, snapshot, seen.source, seen.payload.readings)
        case AlertsSeen():
            return _alerts(snapshot, seen.source, seen.payload)
        case DocumentsSeen():
            return _documents(setup, snapshot, seen.payload, seen.at)
        case StatusSeen():
            return _status(snapshot, seen.payload, seen.at)
        case LogSeen():
            return _settled(board_fold.logged(snapshot, seen.payload), seen.at)
        case OutboxSeen():
            return _settled(board_fold.posted(snapshot, seen.payload), seen.at)
    return snapshot


def _source(source: SourceStatus, seen: Observation) -> SourceStatus:
    if source.id != seen.source:
        return source
    if seen.failure is not None:
        since = source.error_since if source.error else seen.at
        return replace(source, error=seen.failure.reason, remedy=seen.failure.remedy, error_since=since)
    warnings: tuple[str, ...] = ()
    if isinstance(seen.payload, SignalsSeen | AlertsSeen):
        warnings = seen.payload.warnings
    elif isinstance(seen.payload, LogSeen) and seen.payload.trouble:
        warnings = (seen.payload.trouble,)
    return replace(
        source,
        read_at=seen.at,
        as_of=seen.as_of,
        error=None,
        remedy="",
        error_since=None,
        warnings=warnings,
    )


def _failed(setup: Setup, snapshot: Snapshot, seen: Observation) -> Snapshot:
    """Only telemetry states an unreachable source as a fact of its own: each signal reads SOURCE_DOWN."""
    if seen.kind == "self":
        return _itself(snapshot, ())
    if seen.kind != "metrics" or seen.failure is None:
        return snapshot
    known = {reading.id: reading for reading in snapshot.signals}
    down = telemetry.source_down(setup.signals.get(seen.source, ()), known, seen.failure.reason)
    return _signals(setup, snapshot, seen.source, down)


def _services(snapshot: Snapshot, seen: ServicesSeen) -> Snapshot:
    results = {result.service: result for result in seen.results}
    advanced = tuple(
        health.advance(state, results[state.service.id]) if state.service.id in results else state
        for state in snapshot.services
    )
    return replace(snapshot, services=_explained(advanced, snapshot.self_checks))


def _explained(states: Sequence[ServiceState], checks: Sequence[Check]) -> tuple[ServiceState, ...]:
    return causes.explain(states, cut_off=bool(failing(checks)))


def _itself(snapshot: Snapshot, checks: tuple[Check, ...]) -> Snapshot:
    """What this machine found out about itself, and whose failures are in doubt for it."""
    if checks == snapshot.self_checks:
        return snapshot
    services = _explained(snapshot.services, checks)
    return replace(snapshot, self_checks=checks, services=_kept_services(services, snapshot.services))


def _kept_services(new: tuple[ServiceState, ...], old: tuple[ServiceState, ...]) -> tuple[ServiceState, ...]:
    return old if all(map(_is, new, old)) else new


def _signals(
    setup: Setup, snapshot: Snapshot, source: str, readings: Sequence[telemetry.SignalReading]
) -> Snapshot:
    """The readings of `source` replace its earlier ones; equal ones stay the same objects."""
    known = {reading.id: reading for reading in snapshot.signals}
    mine = {telemetry.reading_id(signal) for signal in setup.signals.get(source, ())}
    fresh = {reading.id: reading for reading in readings}
    signals = tuple(
        _same(reading, fresh.get(reading.id))
        for reading in snapshot.signals
        if reading.id in fresh or reading.id not in mine
    ) + tuple(reading for reading in readings if reading.id not in known)
    if len(signals) == len(snapshot.signals) and all(map(_is, signals, snapshot.signals)):
        return snapshot
    return _judged(replace(snapshot, signals=signals))


def _judged(snapshot: Snapshot) -> Snapshot:
    """Coverage and gates follow from signals, squads and waves."""
    coverage = telemetry.coverage(snapshot.program.squads, snapshot.signals)
    gates = tuple(telemetry.gate(wave, coverage) for wave in snapshot.program.waves if not wave.design)
    return replace(snapshot, coverage=coverage, gates=gates)


def _alerts(snapshot: Snapshot, source: str, seen: AlertsSeen) -> Snapshot:
    server = source.partition(":")[2]
    others = tuple(alert for alert in snapshot.alerts if alert.server != server)
    alerts = distinct(others + seen.alerts)
    return snapshot if alerts == snapshot.alerts else replace(snapshot, alerts=alerts)


def _documents(setup: Setup, snapshot: Snapshot, seen: DocumentsSeen, at: datetime) -> Snapshot:
    same = len(snapshot.documents) == len(seen.readings) and all(map(_is, snapshot.documents, seen.readings))
    if snapshot.documents and same:
        return snapshot
    declared = merge.merge(setup.program, seen.readings, at)
    first_seen = _first_seen(snapshot.first_seen, declared.items, at)
    snapshot = replace(
        snapshot,
        program=declared.program,
        documents=seen.readings,
        steps=_kept(declared.steps, snapshot.steps),
        first_seen=first_seen,
        declared_items=_kept(
            tuple(replace(item, first_seen=first_seen[_status_key(item)]) for item in declared.items),
            snapshot.declared_items,
        ),
        declared_blockers=_kept(declared.blockers, snapshot.declared_blockers),
        document_lints=declared.lints,
    )
    return _judged(_settled(snapshot, at))


def _settled(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Cards, blockers and lints follow from everything that says something of them."""
    return _linted(board_fold.boarded(snapshot, now), now)


def _kept(new: tuple[Thing, ...], old: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """`new` with the old objects where nothing changed."""
    before = {thing.id: thing for thing in old}
    kept = tuple(_same(before.get(thing.id), thing) for thing in new)
    return old if same(kept, old) else kept


def _status_key(item: Item) -> str:
    return f"{item.id}:{item.status}"


def _first_seen(known: Mapping[str, datetime], items: Sequence[Item], at: datetime) -> dict[str, datetime]:
    return {_status_key(item): known.get(_status_key(item), at) for item in items}


def _linted(snapshot: Snapshot, now: datetime) -> Snapshot:
    computed = board_lints.lints(snapshot.program, snapshot.items, snapshot.blockers, now)
    from_status = snapshot.status.lints if snapshot.status else ()
    lints = _all_lints(snapshot.documents, snapshot.document_lints, computed, from_status)
    return snapshot if lints is snapshot.lints or lints == snapshot.lints else replace(snapshot, lints=lints)


@remember
def _all_lints(
    documents: tuple[DocumentReading, ...],
    said: tuple[Lint, ...],
    computed: tuple[Lint, ...],
    from_status: tuple[Lint, ...],
) -> tuple[Lint, ...]:
    broken = tuple(
        Lint("E001", reading.error, "error", path=reading.path, line=_line(reading))
        for reading in documents
        if reading.error
    )
    return _distinct((*broken, *said, *computed, *from_status))


def _line(reading: DocumentReading) -> int | None:
    """The line of what is wrong with a document: its reason begins with the path, and the line if any."""
    said = re.match(r" line ([0-9]{1,9}):", (reading.error or "").removeprefix(reading.path))
    return int(said[1]) if said else None


def _distinct(lints: Sequence[Lint]) -> tuple[Lint, ...]:
    """A document and the board may find the same thing; it is said once."""
    return tuple(
        {(lint.code, lint.path, lint.line, lint.pointer): lint for lint in reversed(lints)}.values()
    )[::-1]


def _status(snapshot: Snapshot, seen: StatusSeen, at: datetime) -> Snapshot:
    if snapshot.status is not None and _same_files(snapshot.status, seen):
        return snapshot
    return _settled(replace(snapshot, status=seen), at)


def _same_files(one: StatusSeen, other: StatusSeen) -> bool:
    return (
        one.unreadable == other.unreadable
        and len(one.files) == len(other.files)
        and all(map(_is, one.files, other.files))
    )


def compare(snapshot: Snapshot, now: datetime) -> Snapshot:
    """`snapshot` at `now`, with what changed since its baseline; called before it is shown.

    What only the clock changes is seen here: snoozes that ended, and what has become too old.
    """
    snapshot = _settled(snapshot, now) if not snapshot.restored else snapshot
    files = snapshot.status.files if snapshot.status else ()
    baseline = diff.baseline(files, snapshot.program, now)
    if baseline is None:
        return snapshot if snapshot.baseline is None else replace(snapshot, baseline=None, changes=())
    changes = diff.diff(baseline.file.data, status.room_status(snapshot, now))
    same = snapshot.baseline is not None and snapshot.baseline == baseline and snapshot.changes == changes
    return snapshot if same else replace(snapshot, baseline=baseline, changes=changes)


def _is(one: object, other: object) -> bool:
    return one is other


def _same(old: Any, new: Any) -> Any:
    return old if new is None or old == new else new


Reduce = Callable[[Snapshot, Observation], Snapshot]
