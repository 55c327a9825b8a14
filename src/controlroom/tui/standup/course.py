"""What a standup on the screen goes by: which one is on, what comes next, and what it may not pass. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from controlroom.domain import rituals, zones
from controlroom.domain.carry import NO_CHANGE, Carried, carried
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.ranking import state_at
from controlroom.domain.rituals import Occurrence
from controlroom.domain.runs import Key, Run, Segment, same_person
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.standup import plan, squads_in_order
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode
from controlroom.domain.triage import Blocker, sla
from controlroom.tui.memo import by_identity

FORGOTTEN = timedelta(hours=6)
"""A standup that began longer ago is one that nobody ended: no room opens in it by itself."""

EARLY = timedelta(minutes=15)
"""Before its start by more than this, a ritual is begun only when that is meant."""


def current(runs: Sequence[Run], now: datetime) -> Run | None:
    """The standup that is on: of several, the one that began last."""
    on = [run for run in runs if run.on and run.segments and abs(now - run.began_at) <= FORGOTTEN]
    return max(on, key=lambda run: run.began_at, default=None)


def due(program: Program, ids: Collection[str], runs: Sequence[Run], now: datetime) -> Occurrence | None:
    """Today's occurrence of one of these rituals that is to be begun: in progress, else next, else missed.

    None where today has none that is left. Today is that of the ritual's own zone.
    """
    over = {run.key for run in runs if not run.on}
    found = [
        occurrence
        for occurrence in rituals.between(program, now - timedelta(days=2), now + timedelta(days=2))
        if occurrence.ritual.id in ids
        and not occurrence.cancelled
        and Key.of(occurrence) not in over
        and (_on(occurrence, now) or _today(occurrence, program, now))
    ]
    for those in (
        [one for one in found if _on(one, now)],
        [one for one in found if one.start > now],
        found[::-1],
    ):
        if those:
            return those[0]
    return None


def _on(occurrence: Occurrence, now: datetime) -> bool:
    return rituals.state(occurrence, now) in ("in_progress", "started")


def _today(occurrence: Occurrence, program: Program, now: datetime) -> bool:
    zone = occurrence.ritual.zone or program.zone
    return zones.local(occurrence.start, zone).date() == zones.local(now, zone).date()


def segments(snapshot: Snapshot, occurrence: Occurrence, now: datetime) -> list[dict[str, object]]:
    """The parts of a standup that begins now, as its first action carries them."""
    ritual = occurrence.ritual
    squads = squads_in_order(snapshot.program, pain(snapshot, now) if ritual.order == "pain" else None)
    return [
        {"kind": one.kind, "budget": one.budget, **({"squad": one.squad} if one.squad else {})}
        for one in plan(ritual, squads)
    ]


def pain(snapshot: Snapshot, now: datetime) -> Mapping[str, float]:
    """How much hurts at each squad: an open blocker 2 (in breach 4), a service down 3, a gap 1."""
    found: dict[str, float] = {}

    def add(squad: str | None, much: float) -> None:
        if squad:
            found[squad] = found.get(squad, 0.0) + much

    for blocker in snapshot.blockers:
        if alive(blocker, now):
            add(blocker.owning_squad, 4.0 if sla(blocker, now) == "breach" else 2.0)
    for state in snapshot.services:
        for squad in state.service.squads if state.health is Health.DOWN else ():
            add(squad, 3.0)
    for reading in snapshot.signals:
        if reading.code is not GapCode.OK and reading.code not in UNKNOWN_CODES:
            add(reading.signal.squad, 1.0)
    return found


def alive(blocker: Blocker, now: datetime) -> bool:
    """Neither resolved nor put off."""
    return state_at(blocker, now) not in ("resolved", "snoozed")


# Carry-overs


def carries(snapshot: Snapshot, run: Run) -> Mapping[str, Carried]:
    """By id, what every unresolved blocker has been through at the standups up to `run`."""
    return _carries(run, snapshot.runs, snapshot.blockers, snapshot.ledger)


@by_identity(keep=2)
def _carries(
    run: Run, runs: tuple[Run, ...], blockers: tuple[Blocker, ...], ledger: Ledger | None
) -> Mapping[str, Carried]:
    before = (one for one in runs if one.key.ritual == run.key.ritual and one.key != run.key)
    began = [one.began_at for one in before if one.began_at < run.began_at]
    return carried(blockers, ledger, [*sorted(began), run.began_at])


def forced(snapshot: Snapshot, run: Run, now: datetime) -> tuple[Blocker, ...]:
    """The blockers that the standup may not pass without a decision; one on its way is a decision."""
    known = carries(snapshot, run)
    return tuple(
        blocker
        for blocker in snapshot.blockers
        if blocker.id in known
        and known[blocker.id].forced
        and alive(blocker, now)
        and NO_CHANGE.issuperset(blocker.pending)
    )


# From part to part


def following(run: Run) -> Segment | None:
    """The part after the one that is on."""
    return run.segments[run.place + 1] if run.place + 1 < len(run.segments) else None


def before(run: Run) -> Segment | None:
    """The part before the one that is on."""
    return run.segments[run.place - 1] if 0 < run.place <= len(run.segments) else None


def passes_blockers(run: Run, to: Segment | None) -> bool:
    """Whether going to `to` (None: ending it) leaves the blockers behind."""
    at = next((place for place, one in enumerate(run.segments) if one.kind == "blockers"), None)
    if at is None:
        return to is None
    target = len(run.segments) if to is None else run.segments.index(to)
    return run.place <= at < target


def unheard(run: Run) -> tuple[str, ...]:
    """Squads that were passed over, or that nobody has come to."""
    visited = {visit.segment for visit in run.visits}
    return tuple(
        one.squad
        for one in run.segments
        if one.kind == "squad" and one.squad and (one.id in run.skipped or one.id not in visited)
    )


def squads_left(run: Run) -> int:
    """Squads that are still to come."""
    visited = {visit.segment for visit in run.visits}
    return sum(
        one.kind == "squad" and one.id not in visited and one.id not in run.skipped for one in run.segments
    )


def drives(run: Run, by: str) -> bool:
    """Whether `by` drives it."""
    return same_person(run.driver, by)
