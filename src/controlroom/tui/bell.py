"""When the bell rings: a service went down that is not explained by another, nor by planned work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controlroom.domain import health
from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health
from controlroom.domain.worst import told


def heard(
    known: frozenset[str], services: Iterable[ServiceState], now: datetime
) -> tuple[frozenset[str], tuple[str, ...]]:
    """The services down by themselves at `now`, and those of them that are not in `known`.

    One of which nothing is known for a while is still down as far as anybody knows: it rings once.
    """
    down: list[str] = []
    for state in services:
        id_, shown = state.service.id, health.shown(state, now)
        found = told(shown)
        by_itself = found is Health.DOWN and shown.caused_by is None
        if by_itself or (found is Health.UNKNOWN and id_ in known):
            down.append(id_)
    return frozenset(down), tuple(id_ for id_ in down if id_ not in known)
