"""Observations fold into one Snapshot here, and nowhere else.

`reduce` is pure: what it is not told it does not know. A part that an observation does not concern is
the same object afterwards, so whoever shows it can tell by identity that nothing changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any, TypeVar

from controlroom.domain import (
    board_fold,
    board_lints,
    causes,
    claims,
    diff,
    gate_fold,
    health,
    merge,
    status,
    telemetry,
    topics,
)
from controlroom.domain.alerts import distinct
from controlroom.domain.benchmarks import BenchmarkReading, carried
from controlroom.domain.board import Item
from controlroom.domain.documents import DocumentReading
from controlroom.domain.frozen import dataclass
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.health import ServiceState
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.refold import Named, same
from controlroom.domain.remember import remember
from controlroom.domain.selfcheck import Check, failing
from controlroom.domain.signals import Signal
from controlroom.domain.silences import once
from controlroom.domain.snapshot import (
    AlertsSeen,
    BenchmarksSeen,
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
from controlroom.domain.triage import Blocker

Thing = TypeVar("Thing", bound=Named)


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What does not change while the room is open: the configuration's own part of the world."""

    program: Program
    signals: Mapping[str, tuple[Signal, ...]]
    """Metrics source id → the signals it is asked for."""
    gate: GateRules = field(default_factory=GateRules)
    proofs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Card → what the configuration names as its proof."""


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
            if seen.payload.proofs is not None and seen.payload.proofs != snapshot.proofs:
                snapshot = replace(snapshot, proofs=seen.payload.proofs)
            return _signals(setup, snapshot, seen.source, seen.payload.readings, seen.at)
        case AlertsSeen():
            return _alerts(snapshot, seen.source, seen.payload)
        case DocumentsSeen():
            return _documents(setup, snapshot, seen.payload, seen.at)
        case StatusSeen():
            return _status(snapshot, seen.payload, seen.at)
        case LogSeen():
            return _acted(setup, board_fold.logged(snapshot, seen.payload), seen.at)
        case OutboxSeen():
            return _acted(setup, board_fold.posted(snapshot, seen.payload), seen.at)
        case BenchmarksSeen():
            return _measured(snapshot, seen.payload)
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
    return _signals(setup, snapshot, seen.source, down, seen.at)


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
    setup: Setup,
    snapshot: Snapshot,
    source: str,
    found: Sequence[telemetry.SignalReading],
    at: datetime,
) -> Snapshot:
    """The readings of `source` replace its earlier ones."""
    mine = {telemetry.reading_id(signal) for signal in setup.signals.get(source, ())}
    return gate_fold.renewed(snapshot, found, setup.gate, at, mine)


def _alerts(snapshot: Snapshot, source: str, seen: AlertsSeen) -> Snapshot:
    server = source.partition(":")[2]
    away = {s.id.partition(":")[2] for s in snapshot.sources if s.kind == "alerts" and s.error}
    others = tuple(alert for alert in snapshot.alerts if alert.server != server)
    answering = distinct((*(alert for alert in others if alert.server not in away), *seen.alerts))
    # What a server said before it went away counts only where nobody who answers says otherwise.
    told = {alert.fingerprint for alert in answering}
    stale = (a for a in others if a.server in away and a.fingerprint not in told)
    alerts = (*answering, *distinct(stale))
    kept = [one for one in snapshot.silences if one.server != server]
    heard = (one for one in kept if one.server not in away)
    silences = once((*heard, *seen.silences, *(one for one in kept if one.server in away)))
    dogs = tuple(one for one in snapshot.watchdogs if one.server != server)
    if seen.watchdog is not None:
        before = next((one for one in snapshot.watchdogs if one.server == server), None)
        seen_at = seen.watchdog.seen_at or (before.seen_at if before is not None else None)
        dogs = (*dogs, replace(seen.watchdog, seen_at=seen_at))
    if (alerts, silences, dogs) == (snapshot.alerts, snapshot.silences, snapshot.watchdogs):
        return snapshot
    return replace(snapshot, alerts=alerts, silences=silences, watchdogs=dogs)


def _documents(setup: Setup, snapshot: Snapshot, seen: DocumentsSeen, at: datetime) -> Snapshot:
    same = len(snapshot.documents) == len(seen.readings) and all(map(_is, snapshot.documents, seen.readings))
    if snapshot.documents and same:
        return snapshot
    declared = merge.merge(setup.program, seen.readings, at, setup.proofs)
    # A room that looks for the first time cannot tell since when anything has been there.
    met = at if snapshot.documents or snapshot.first_seen else None
    blockers = tuple(_met(blocker, snapshot.first_seen, met) for blocker in declared.blockers)
    keys = (*map(_status_key, declared.items), *map(_blocker_key, blockers))
    first_seen = {key: snapshot.first_seen.get(key, at) for key in keys}
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
        declared_blockers=_kept(blockers, snapshot.declared_blockers),
        document_lints=declared.lints,
    )
    return gate_fold.judged(_settled(snapshot, at), setup.gate, at)


def _acted(setup: Setup, snapshot: Snapshot, at: datetime) -> Snapshot:
    """What people did is laid over cards, blockers, signals and rituals."""
    return gate_fold.waived(_settled(board_fold.ran(snapshot), at), setup.gate, at)


def overlaid(snapshot: Snapshot, log: LogSeen | None, outbox: OutboxSeen, now: datetime) -> Snapshot:
    """A room that was told, with what this screen knows beyond it: `log`, actions that it does not tell of
    yet (None: of none), and its own person's outbox instead of the teller's.

    Neither when it was taken nor what its sources are like is another thing for it.
    """
    seen = board_fold.posted(snapshot if log is None else board_fold.logged(snapshot, log), outbox)
    if seen is snapshot:
        return snapshot
    return gate_fold.waived(_settled(board_fold.ran(seen), now), snapshot.gate_rules, now)


def _measured(snapshot: Snapshot, seen: BenchmarksSeen) -> Snapshot:
    """The readings replace those of the same benchmarks; equal ones stay the same objects."""
    before = {reading.id: reading for reading in snapshot.benchmarks}
    fresh = {one.id: _same(before.get(one.id), _still(before.get(one.id), one)) for one in seen.readings}
    kept = tuple(fresh.get(reading.id, reading) for reading in snapshot.benchmarks)
    found = kept + tuple(one for one in fresh.values() if one.id not in before)
    return snapshot if same(found, snapshot.benchmarks) else replace(snapshot, benchmarks=found)


def _still(before: BenchmarkReading | None, new: BenchmarkReading) -> BenchmarkReading:
    """One that cannot be read keeps the results that were read before."""
    if not new.error or new.results or before is None or before.declared != new.declared:
        return new
    return replace(new, results=before.results)


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


def _blocker_key(blocker: Blocker) -> str:
    return f"{blocker.id}:blocker"


def _met(blocker: Blocker, known: Mapping[str, datetime], met: datetime | None) -> Blocker:
    """`blocker` with when it was first known: by its report's date, or by a room that read it before."""
    instants = (blocker.first_seen, known.get(_blocker_key(blocker), met))
    return replace(blocker, first_seen=min((at for at in instants if at is not None), default=None))


def _linted(snapshot: Snapshot, now: datetime) -> Snapshot:
    computed = board_lints.lints(snapshot.program, snapshot.items, snapshot.blockers, now)
    from_status = snapshot.status.lints if snapshot.status else ()
    refuted = claims.lints(snapshot, now)
    lints = _all_lints(snapshot.documents, snapshot.document_lints, computed, refuted, from_status)
    return snapshot if lints is snapshot.lints or lints == snapshot.lints else replace(snapshot, lints=lints)


@remember
def _all_lints(
    documents: tuple[DocumentReading, ...],
    said: tuple[Lint, ...],
    computed: tuple[Lint, ...],
    refuted: tuple[Lint, ...],
    from_status: tuple[Lint, ...],
) -> tuple[Lint, ...]:
    broken = tuple(
        Lint("E001", reading.error, "error", path=reading.path, line=_line(reading))
        for reading in documents
        if reading.error
    )
    return _distinct((*broken, *said, *computed, *refuted, *from_status))


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
    if snapshot.status is not None and _same_status(snapshot.status, seen):
        return snapshot
    return _settled(replace(snapshot, status=seen), at)


def _same_status(one: StatusSeen, other: StatusSeen) -> bool:
    return (
        one.unreadable == other.unreadable
        and one.tests == other.tests
        and len(one.files) == len(other.files)
        and all(map(_is, one.files, other.files))
    )


def compare(setup: Setup, snapshot: Snapshot, now: datetime) -> Snapshot:
    """`snapshot` at `now`, with what changed since its baseline; called before it is shown.

    What only the clock changes is seen here: snoozes and waivers that ended, signals that have been there
    for long enough, and what has become too old.
    """
    snapshot = _settled(snapshot, now) if not snapshot.restored else snapshot
    # A topic grows silent, and a cluster's answer old, by the clock alone.
    carried = topics.readings(snapshot.program.squads, snapshot.services, now)
    if carried and not snapshot.restored:
        snapshot = gate_fold.renewed(snapshot, carried, setup.gate, now)
    if gate_fold.due(snapshot, now):
        snapshot = gate_fold.judged(snapshot, setup.gate, now)
    files = snapshot.status.files if snapshot.status else ()
    baseline = diff.baseline(files, snapshot.program, now, snapshot.runs)
    if baseline is None:
        return snapshot if snapshot.baseline is None else replace(snapshot, baseline=None, changes=())
    known = baseline.file
    changes = diff.diff(known.data, status.room_status(snapshot, now, since=known.as_of))
    same = snapshot.baseline is not None and snapshot.baseline == baseline and snapshot.changes == changes
    return snapshot if same else replace(snapshot, baseline=baseline, changes=changes)


def adopted(setup: Setup, begun: Snapshot, old: Snapshot, now: datetime) -> Snapshot:
    """`old` under another configuration, of which `begun` says what it declares and nothing else.

    What was seen of things that are declared as before stays; what is declared anew is not known yet.
    """
    states = {state.service.id: state for state in old.services}
    asked = {telemetry.reading_id(signal) for signals in setup.signals.values() for signal in signals}
    # What no server is asked for any more, nobody would renew; a topic without a metric is its cluster's.
    found = {(r.id, r.signal): r for r in old.signals if r.id in asked or not r.signal.metric}
    known = {source.id: source for source in old.sources}
    managers = {source.id.partition(":")[2] for source in begun.sources if source.kind == "alerts"}
    program = begun.program
    if old.documents:
        program = merge.merge(setup.program, old.documents, now, setup.proofs).program
    snapshot = replace(
        old,
        program=program,
        gate_rules=setup.gate,
        version=old.version + 1,
        sources=tuple(_same_source(known.get(source.id), source) for source in begun.sources),
        services=tuple(
            replace(states[one.service.id], service=one.service, interval=one.interval)
            if one.service.id in states
            else one
            for one in begun.services
        ),
        signals=tuple(found.get((one.id, one.signal), one) for one in begun.signals),
        alerts=tuple(one for one in old.alerts if one.server in managers),
        silences=tuple(one for one in old.silences if one.server in managers),
        watchdogs=tuple(one for one in old.watchdogs if one.server in managers),
        benchmarks=carried(begun.benchmarks, old.benchmarks),
    )
    return compare(setup, gate_fold.judged(_settled(snapshot, now), setup.gate, now), now)


def _same_source(before: SourceStatus | None, source: SourceStatus) -> SourceStatus:
    return source if before is None else replace(before, title=source.title, interval=source.interval)


def _is(one: object, other: object) -> bool:
    return one is other


def _same(old: Any, new: Any) -> Any:
    return old if new is None or old == new else new


Reduce = Callable[[Snapshot, Observation], Snapshot]
