"""A service's last hour at a glance, from its transitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from controlroom.domain import health, maintenance
from controlroom.domain.health import HOUR, ServiceState, Transition
from controlroom.domain.services import Health
from controlroom.domain.worst import in_doubt

_WORST = {Health.UP: 0, Health.UNKNOWN: 1, Health.DEGRADED: 2, Health.DOWN: 3}


def strip(
    state: ServiceState, now: datetime, cells: int, span: timedelta = HOUR
) -> tuple[Health | None, ...]:
    """The worst `state` was in each of `cells` equal parts of the `span` before `now`, oldest first.

    None: nothing was known yet. A part with planned work in it is MAINTENANCE. A failure that is in doubt is
    UNKNOWN for as long as it lasts.
    """
    if cells < 1:
        return ()
    start, step = now - span, span / cells
    found: list[Health | None] = [None] * cells
    for begin, end, was in _periods(state, now):
        first = max(0, int((begin - start) / step))
        # A period that ends where a part begins is not in that part.
        last = min(cells - 1, -int((start - end) / step) - (0 if (end - start) % step else 1))
        for cell in range(first, last + 1):
            found[cell] = _worse(found[cell], was)
    for planned in maintenance.between(state.service.maintenance, start, now):
        for cell in range(cells):
            begin = start + cell * step
            if planned.start < begin + step and planned.end > begin:
                found[cell] = Health.MAINTENANCE
    return tuple(found)


def _periods(state: ServiceState, now: datetime) -> Iterator[tuple[datetime, datetime, Health]]:
    """From when to when it was what, oldest first, what is known at `now` last."""
    changes = _with_silence(state, now)
    if not changes:
        return
    oldest = changes[0]
    if oldest.before is not Health.UNKNOWN:
        yield oldest.at - 24 * HOUR, oldest.at, oldest.before
    for change, following in itertools.pairwise(changes):
        yield change.at, following.at, change.after
    yield changes[-1].at, now, Health.UNKNOWN if in_doubt(state) else changes[-1].after


def _with_silence(state: ServiceState, now: datetime) -> Sequence[Transition]:
    """The transitions, with the one into UNKNOWN that silence has brought by `now`."""
    aged = health.aged(state, now)
    if aged.health is state.health or aged.since is None:
        return state.transitions
    return (*state.transitions, Transition(aged.since, state.health, aged.health, aged.reason))


def _worse(one: Health | None, other: Health) -> Health:
    return other if one is None or _WORST.get(other, 0) > _WORST.get(one, 0) else one
