"""Dates that are written in words: a start such as ``latest saturday``."""

from __future__ import annotations

import datetime as dt
import re

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LATEST = re.compile(rf"\s*latest\s+({'|'.join(_WEEKDAYS)})\s*", re.IGNORECASE)


def read_start(text: str) -> dt.date | int | None:
    """A date, or the number of a weekday (0 is Monday) whose latest occurrence is meant; None otherwise."""
    latest = _LATEST.fullmatch(text)
    if latest:
        return _WEEKDAYS.index(latest[1].casefold())
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        return None


def latest(weekday: int, today: dt.date) -> dt.date:
    """The most recent `weekday` on or before `today`."""
    return today - dt.timedelta(days=(today.weekday() - weekday) % 7)
