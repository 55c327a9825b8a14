"""How old a reading is, judged when it is shown, never when it was taken."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Freshness(StrEnum):
    """What the age of a reading says about it."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    NEVER = "never"


LATE_AFTER = 2.0
"""Intervals without a reading after which it is late."""

STALE_AFTER = 3.0
"""Intervals without a reading after which it is stale, and a service's state unknown."""


def freshness(read_at: datetime | None, now: datetime, interval: float) -> Freshness:
    """The freshness at `now` of something read at `read_at` and due every `interval` seconds."""
    if read_at is None:
        return Freshness.NEVER
    age = (now - read_at).total_seconds()
    if age > STALE_AFTER * interval:
        return Freshness.STALE
    return Freshness.LATE if age > LATE_AFTER * interval else Freshness.FRESH
