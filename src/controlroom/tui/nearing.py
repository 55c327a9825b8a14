"""Which ritual the room makes ready for: the one that starts soon, or is on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from controlroom.domain import rituals
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence
from controlroom.domain.runs import Key, Run, run_of


def near(program: Program, runs: Sequence[Run], now: dt.datetime) -> Occurrence | None:
    """The occurrence with a layout of its own that starts soon or is on; None where there is none.

    One that is held is over with its run; one whose run is still on is on however late it is. What lasts all
    day gives way to what has its hour.
    """
    on = {run.key for run in runs if run.on}
    agenda = rituals.agenda(program, now)
    soon = (o for o in agenda.next if o.start - now <= dt.timedelta(seconds=o.ritual.near))
    found = [o for o in (*agenda.in_progress, *soon) if o.ritual.layout and not _over(o, runs)]
    found += [o for o in _late(program, on, now) if o not in found]
    return min(found, key=lambda o: (o.ritual.all_day, o.start), default=None)


def at_hand(program: Program, ids: Collection[str], runs: Sequence[Run], now: dt.datetime) -> bool:
    """Whether one of these rituals starts soon or is on, and has not been held."""
    agenda = rituals.agenda(program, now)
    soon = (o for o in agenda.next if o.start - now <= dt.timedelta(seconds=o.ritual.near))
    return any(o.ritual.id in ids and not _over(o, runs) for o in (*agenda.in_progress, *soon))


def _over(occurrence: Occurrence, runs: Sequence[Run]) -> bool:
    run = run_of(runs, Key.of(occurrence))
    return run is not None and not run.on


def _late(program: Program, on: set[Key], now: dt.datetime) -> list[Occurrence]:
    """Occurrences past their end whose run is not."""
    if not on:
        return []
    since = now - dt.timedelta(days=1)
    return [o for o in rituals.between(program, since, now) if o.ritual.layout and Key.of(o) in on]
