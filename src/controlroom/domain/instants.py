"""Instants as text: RFC 3339 with an offset in, RFC 3339 in UTC out; ages in a few characters."""

from __future__ import annotations

import datetime as dt
import re

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def parse(text: str) -> dt.datetime:
    """The instant `text` names, in UTC.

    Raises ValueError, in words fit for a message, when it is no RFC 3339 instant or names no offset: a time
    without one is a different instant for every reader.
    """
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an RFC 3339 instant such as 2025-10-06T16:00:00Z")
    day, minutes, seconds, fraction, offset = match.groups()
    if offset is None:
        raise ValueError("the time has no offset: add Z or one such as -07:00")
    offset = "+00:00" if offset in "Zz" else offset
    micro = (fraction or ".0")[1:7].ljust(6, "0")
    try:
        return dt.datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}.{micro}{offset}").astimezone(
            dt.UTC
        )
    except (ValueError, OverflowError):
        raise ValueError("no such date or time") from None


def render(instant: dt.datetime) -> str:
    """`instant` (aware) as ``2025-10-06T16:00:00Z``; a part of a second is dropped."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def maybe(instant: dt.datetime | None) -> str | None:
    """`render`, and None where there is none."""
    return None if instant is None else render(instant)


def duration(seconds: float) -> str:
    """A length of time in its two largest units, floor: ``41s``, ``3m``, ``4h 01m``, ``2d 03h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"
