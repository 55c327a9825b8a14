"""The gate's part of reducing: readings follow one another, waivers excuse some, and gates judge them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from controlroom.domain import board_fold, gates, readings, waivers
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.refold import same
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import SignalReading


def renewed(
    snapshot: Snapshot,
    found: Sequence[SignalReading],
    rules: GateRules,
    at: datetime,
    mine: Collection[str] = (),
) -> Snapshot:
    """`found` replace what was read of the same signals; equal ones stay the same objects.

    What is `mine` (reading ids) and was not found is no longer asked for.
    """
    known = {reading.id: reading for reading in snapshot.signals}
    fresh = {one.id: _lasting(known.get(one.id), one, at, rules) for one in found}
    kept = tuple(
        fresh.get(reading.id, reading)
        for reading in snapshot.signals
        if reading.id in fresh or reading.id not in mine
    )
    signals = kept + tuple(reading for reading in fresh.values() if reading.id not in known)
    if same(signals, snapshot.signals):
        return snapshot
    return judged(replace(snapshot, signals=signals), rules, at)


def _lasting(
    before: SignalReading | None, found: SignalReading, at: datetime, rules: GateRules
) -> SignalReading:
    made = readings.lasting(before, found, at, rules)
    return before if before is not None and before == made else made


def waived(snapshot: Snapshot, rules: GateRules, at: datetime) -> Snapshot:
    """`snapshot` with the waivers that the log and the outbox tell of.

    While the log has not been read, what an earlier run knew of it is kept.
    """
    queued = board_fold.actions(snapshot.outbox.queued)
    given = waivers.waivers(snapshot.ledger, queued)
    if given == snapshot.waivers or (snapshot.ledger is None and not queued):
        return snapshot
    return judged(replace(snapshot, waivers=given), rules, at)


def judged(snapshot: Snapshot, rules: GateRules, now: datetime) -> Snapshot:
    """Coverage and gates follow from signals, squads, waves, waivers and the time."""
    counting = waivers.counting(snapshot.waivers, now)
    coverage = gates.coverage(snapshot.program.squads, snapshot.signals, rules, now, counting)
    unread = next(unread_documents(snapshot), "")
    found = tuple(
        gates.gate(wave, coverage, unread=unread) for wave in snapshot.program.waves if not wave.design
    )
    if coverage == snapshot.coverage and found == snapshot.gates:
        return snapshot
    return replace(snapshot, coverage=coverage, gates=found)


def unread_documents(snapshot: Snapshot) -> Iterator[str]:
    """What is wrong with each document of which nothing has ever been read: it may say anything."""
    for source in snapshot.sources:
        if source.kind == "documents" and source.read_at is None:
            yield source.error or "the documents have not been read yet"
    yield from (seen.error for seen in snapshot.documents if seen.error and seen.document is None)


def due(snapshot: Snapshot, now: datetime) -> bool:
    """Whether time alone may have changed a verdict since it was judged."""
    held = any(part.holding and part.holds_at and part.holds_at <= now for part in snapshot.coverage)
    return held or any(part.waived for part in snapshot.coverage)
