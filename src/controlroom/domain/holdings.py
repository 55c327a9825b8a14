"""The day's rituals together with what the log tells of them: what is on, who drives it, what was held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from controlroom.domain import rituals, zones
from controlroom.domain.carry import Carried, carried
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.remember import remember
from controlroom.domain.rituals import Agenda, Occurrence, Record, Records
from controlroom.domain.runs import Key, Run, records, run_of
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker

ABANDONED = dt.timedelta(days=1)
"""After this a run that nobody ended is no longer on, whatever the log says."""

AROUND = dt.timedelta(hours=12)
"""A blocker put off to a ritual returns at the occurrence nearest to the instant that was meant."""


def log_read(snapshot: Snapshot) -> bool | None:
    """Whether the log can be read; None where nobody has tried yet."""
    source = snapshot.source("store")
    if source is not None and source.error is not None:
        return False
    return None if snapshot.ledger is None else True


def records_of(snapshot: Snapshot) -> Records:
    """What the log says of each holding of a ritual."""
    return records(snapshot.runs, read=log_read(snapshot))


def agenda_at(snapshot: Snapshot, now: dt.datetime) -> Agenda:
    """What is on and what comes next; what was held and ended before its time is not on any more."""
    found = rituals.agenda(snapshot.program, now, records=records_of(snapshot))
    if not snapshot.runs:
        return found
    on = tuple(o for o in found.in_progress if not _ended(o, snapshot.runs))
    return found if len(on) == len(found.in_progress) else replace(found, in_progress=on)


def _ended(occurrence: Occurrence, runs: Sequence[Run]) -> bool:
    run = run_of(runs, Key.of(occurrence))
    return run is not None and not run.on


def driven(snapshot: Snapshot, now: dt.datetime) -> tuple[Run, ...]:
    """The runs that are on at `now`, the latest first; one that nobody ended is forgotten after a day."""
    return tuple(run for run in reversed(snapshot.runs) if run.on and now - run.began_at < ABANDONED)


def lasted(run: Run, now: dt.datetime) -> str:
    """For how long a run has been on: ``03:12``, beyond an hour ``1h 03m``."""
    seconds = (now - run.began_at).total_seconds()
    return rituals.countdown(seconds) if seconds >= 1 else "00:00"


class Earlier(NamedTuple):
    """An occurrence that is over, and what the records say of it."""

    occurrence: Occurrence
    record: Record | None
    words: str


def earlier_today(snapshot: Snapshot, now: dt.datetime) -> tuple[Earlier, ...]:
    """Today's occurrences that are over (today is the programme's date), in order of time."""
    program = snapshot.program
    try:
        begin = zones.midnight(zones.local(now, program.zone).date(), program.zone)
    except (OverflowError, ValueError):
        return ()
    look = records_of(snapshot)
    told = []
    for occurrence in _between(program, begin, now):
        record = look(occurrence.ritual.id, occurrence.local_date)
        where = rituals.state(occurrence, now, record)
        early = where == "in_progress" and record == "held"
        if early or where in ("ended", "held", "no_record", "unknown"):
            words = "held" if record == "held" else rituals.describe(occurrence, now, record)
            told.append(Earlier(occurrence, record, words))
    return tuple(told)


def _between(program: Program, first: dt.datetime, last: dt.datetime) -> tuple[Occurrence, ...]:
    return tuple(o for o in rituals.between(program, first, last) if not o.cancelled)


def returning(snapshot: Snapshot, occurrence: Occurrence) -> tuple[Blocker, ...]:
    """The blockers that were put off to this ritual and come back at this occurrence."""
    return tuple(
        blocker
        for blocker in snapshot.blockers
        if blocker.state != "resolved"
        and blocker.snooze_ritual == occurrence.ritual.id
        and blocker.snoozed_until is not None
        and abs(blocker.snoozed_until - occurrence.start) <= AROUND
    )


def carried_to(snapshot: Snapshot, occurrence: Occurrence) -> tuple[Carried, ...]:
    """What open blockers that were there at an earlier one will have been through by this occurrence."""
    key = Key.of(occurrence)
    return _carried(snapshot.blockers, snapshot.ledger, snapshot.runs, *key, occurrence.start)


@remember
def _carried(  # noqa: PLR0917 - what is remembered is compared argument by argument
    blockers: tuple[Blocker, ...],
    ledger: Ledger | None,
    runs: tuple[Run, ...],
    ritual: str,
    date: dt.date,
    start: dt.datetime,
) -> tuple[Carried, ...]:
    mine = [run for run in runs if run.key.ritual == ritual]
    this = run_of(mine, Key(ritual, date))
    began = [run.began_at for run in mine if run is not this and run.began_at < start]
    if not began:
        return ()
    now = this.began_at if this is not None else start
    found = carried(blockers, ledger, (*began, now))
    return tuple(one for one in found.values() if one.over)
