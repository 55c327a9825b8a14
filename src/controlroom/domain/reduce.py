"""Observations fold into one Snapshot here, and nowhere else.

`reduce` is pure: what it is not told it does not know. A part that an observation does not concern is
the same object afterwards, so whoever shows it can tell by identity that nothing changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from controlroom.domain import board_lints, diff, health, merge, status, telemetry
from controlroom.domain.alerts import distinct
from controlroom.domain.board import Item
from controlroom.domain.documents import DocumentReading
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import (
    AlertsSeen,
    DocumentsSeen,
    Observation,
    ServicesSeen,
    SignalsSeen,
    Snapshot,
    SourceStatus,
    StatusSeen,
)
from controlroom.domain.triage import Blocker


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What does not change while the room is open: the configuration's own part of the world."""

    program: Program
    signals: Mapping[str, tuple[Signal, ...]]
    """Metrics source id → the signals it is asked for."""


def reduce(setup: Setup, snapshot: Snapshot, seen: Observation) -> Snapshot:
    """`snapshot` after `seen`. Any failure keeps what was known, with its age, and says why it is old."""
    snapshot = replace(
        snapshot,
        version=snapshot.version + 1,
        taken_at=seen.at,
        restored=False,
        sources=tuple(_source(source, seen) for source in snapshot.sources),
    )
    if seen.failure is not None:
        return _failed(setup, snapshot, seen)
    match seen.payload:
        case ServicesSeen():
            return _services(snapshot, seen.payload)
        case SignalsSeen():
            return _signals(setup, snapshot, seen.source, seen.payload.readings)
        case AlertsSeen():
            return _alerts(snapshot, seen.source, seen.payload)
        case DocumentsSeen():
            return _documents(setup, snapshot, seen.payload, seen.at)
        case StatusSeen():
            return _status(snapshot, seen.payload, seen.at)
    return snapshot


def _source(source: SourceStatus, seen: Observation) -> SourceStatus:
    if source.id != seen.source:
        return source
    if seen.failure is not None:
        since = source.error_since if source.error else seen.at
        return replace(source, error=seen.failure.reason, remedy=seen.failure.remedy, error_since=since)
    warnings = seen.payload.warnings if isinstance(seen.payload, SignalsSeen | AlertsSeen) else ()
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
    return replace(snapshot, services=health.explain(advanced))


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
    items = tuple(replace(item, first_seen=first_seen[_status_key(item)]) for item in declared.items)
    snapshot = replace(
        snapshot,
        program=declared.program,
        documents=seen.readings,
        items=items,
        steps=declared.steps,
        first_seen=first_seen,
    )
    snapshot = replace(
        snapshot,
        blockers=_blockers(declared.blockers, snapshot.status, snapshot),
        declared_blockers=declared.blockers,
        document_lints=declared.lints,
    )
    return _judged(_linted(snapshot))


def _status_key(item: Item) -> str:
    return f"{item.id}:{item.status}"


def _first_seen(known: Mapping[str, datetime], items: Sequence[Item], at: datetime) -> dict[str, datetime]:
    return {_status_key(item): known.get(_status_key(item), at) for item in items}


def _linted(snapshot: Snapshot) -> Snapshot:
    computed = board_lints.lints(snapshot.program, snapshot.items, snapshot.blockers)
    from_status = snapshot.status.lints if snapshot.status else ()
    broken = tuple(
        Lint("E001", reading.error, "error", path=reading.path, line=_line(reading))
        for reading in snapshot.documents
        if reading.error
    )
    lints = _distinct((*broken, *snapshot.document_lints, *computed, *from_status))
    return snapshot if lints == snapshot.lints else replace(snapshot, lints=lints)


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
    snapshot = replace(snapshot, status=seen, blockers=_blockers(snapshot.declared_blockers, seen, snapshot))
    return _linted(snapshot)


def _same_files(one: StatusSeen, other: StatusSeen) -> bool:
    return (
        one.unreadable == other.unreadable
        and len(one.files) == len(other.files)
        and all(map(_is, one.files, other.files))
    )


def _blockers(
    declared: Sequence[Blocker], seen: StatusSeen | None, snapshot: Snapshot
) -> tuple[Blocker, ...]:
    """Documents' blockers, then those of the newest status file that no watched document speaks for."""
    watched = {reading.path for reading in snapshot.documents}
    ids = {blocker.id for blocker in declared}
    newest = seen.files[-1] if seen and seen.files else None
    recorded = status.blockers(newest) if newest else ()
    blockers = (
        *declared,
        *(b for b in recorded if b.id not in ids and b.source not in watched and b.state != "resolved"),
    )
    return snapshot.blockers if blockers == snapshot.blockers else blockers


def compare(snapshot: Snapshot, now: datetime) -> Snapshot:
    """`snapshot` with what changed since its baseline; called before it is shown, not per observation."""
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
