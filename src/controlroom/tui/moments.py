"""Times as people type them: ``17:30``, ``+2h``, ``tomorrow 09:00``, ``fri 15:00 UTC``, RFC 3339.

A time of day without a zone is the programme's, as every time on the screen is. Without a day it is the next
one to come, or the last one that was where the past is asked for.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from controlroom.domain import zones
from controlroom.domain.instants import duration, parse

EXAMPLES = "17:30, +2h, tomorrow 09:00, fri 15:00 UTC, 2026-03-04T17:30:00Z"

FARTHEST = timedelta(days=3660)
"""Beyond this, what was typed is a slip and no plan."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_TIMES = {"noon": time(12), "midnight": time(0)}

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_PIECE = r"\d+(?:\.\d+)?\s*(?:weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\s*"
_LENGTH = re.compile(rf"(in\s+|[+-]\s*)?((?:{_PIECE})+)(\s*ago)?", re.ASCII)
_CLOCKED = re.compile(r"([+-])\s*(\d{1,3}):([0-5]\d)", re.ASCII)
_PIECES = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms])", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::(\d\d))?(?::(\d\d))?\s*(am|pm)?(z|[+-]\d\d:?\d\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[t ]\S+(z|[+-]\d\d:\d\d)", re.ASCII)


class NotUnderstood(ValueError):
    """The text is no time; the message says why, and what would be one."""


class Moment(NamedTuple):
    """An instant, UTC, and what is unusual about how it was written."""

    at: datetime
    note: str = ""


def understand(
    text: str, now: datetime, zone: str, viewer_zone: str = "UTC", *, past: bool = False
) -> Moment:
    """The instant that `text` means at `now`. Raises NotUnderstood.

    `zone` is the programme's. Abbreviations of it and of the viewer's zone are understood, as are UTC,
    offsets and names such as ``Europe/Berlin``.
    """
    typed = " ".join(text.split())
    lower = typed.lower()
    try:
        found = _instant(typed, lower, now, zone, viewer_zone, past=past)
        if abs(found.at - now) > FARTHEST:
            raise NotUnderstood("that is more than ten years away")
    except OverflowError:
        raise NotUnderstood("that is more than ten years away") from None
    return found


def told(at: datetime, now: datetime, zone: str, viewer_zone: str) -> str:
    """How an instant is understood: on both clocks, and how far it is from `now`."""
    dated = abs(at - now) > timedelta(days=6)
    seconds = (at - now).total_seconds()
    far = f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago" if seconds < 0 else "now"
    return f"{zones.both(at, zone, viewer_zone, dated=dated)} · {far}"


def written(at: datetime, zone: str) -> str:
    """An instant as it is put into a field: to the second and with its offset, so that it is read back."""
    return zones.local(at.replace(microsecond=0), zone).isoformat(" ")


def _instant(typed: str, lower: str, now: datetime, zone: str, viewer_zone: str, *, past: bool) -> Moment:
    if not lower:
        raise NotUnderstood(f"say when: {EXAMPLES}")
    if lower == "now":
        return Moment(now.replace(microsecond=0))
    length = _length(lower, past=past)
    if length is not None:
        return Moment((now + length).replace(microsecond=0))
    if _RFC3339.fullmatch(lower):
        try:
            return Moment(parse(typed))
        except ValueError as problem:
            raise NotUnderstood(str(problem)) from None
    return _wall(typed, now, zone, viewer_zone, past=past)


def _length(lower: str, *, past: bool) -> timedelta | None:
    """``+2h``, ``90 min``, ``1d 4h``, ``in 2 hours``, ``20m ago``, ``+1:30``; None for anything else."""
    clocked = _CLOCKED.fullmatch(lower)
    if clocked is not None:
        sign = -1 if clocked[1] == "-" else 1
        return sign * timedelta(hours=int(clocked[2]), minutes=int(clocked[3]))
    match = _LENGTH.fullmatch(lower)
    if match is None:
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PIECES.findall(match[2]))
    sign_text, ago = (match[1] or "").strip(), match[3]
    backwards = bool(ago) or sign_text == "-" or (past and not sign_text)
    return timedelta(seconds=-seconds if backwards else seconds)


class _Read(NamedTuple):
    """What the words of a wall time say."""

    day: date | None = None
    weekday: int | None = None
    shift: int | None = None
    """Days from today."""
    time: time | None = None
    zone: str = ""
    abbreviation: str = ""
    """As it was typed, where the zone was named by one."""


def _wall(typed: str, now: datetime, zone: str, viewer_zone: str, *, past: bool) -> Moment:
    read = _Read()
    for word in _words(typed):
        read = _with(read, word, now, (zone, viewer_zone))
    if read.time is None:
        raise NotUnderstood("say a time of day too, such as tomorrow 09:00")
    where = read.zone or zone
    found = _on_day(read, read.time, where, now, past=past)
    shown = zones.abbreviation(zones.local(found.at, where))
    if read.abbreviation not in ("", "UTC", "GMT", "Z", shown.upper()):
        return found._replace(note=f"clocks show {shown} then, not {read.abbreviation}: {shown} is meant")
    return found


def _on_day(read: _Read, at: time, zone: str, now: datetime, *, past: bool) -> Moment:
    """The day that was said; without one the next, or the last, on which it is that time."""
    today = zones.local(now, zone).date()
    if read.day is not None:
        return _at(read.day, at, zone)
    if read.shift is not None:
        return _at(today + timedelta(days=read.shift), at, zone)
    step = -1 if past else 1
    for days in range(9):
        day = today + timedelta(days=step * days)
        if read.weekday is not None and day.weekday() != read.weekday:
            continue
        found = _at(day, at, zone)
        if (found.at <= now) if past else (found.at > now):
            return found
    raise NotUnderstood("there is no such time within a week")


def _words(typed: str) -> list[str]:
    """The words, with ``5 pm`` joined and the T between date and time taken as a blank."""
    lower = re.sub(r"(\d)\s+(am|pm)\b", r"\1\2", typed, flags=re.IGNORECASE)
    lower = re.sub(r"^(\d{4}-\d\d-\d\d)[Tt](?=\d)", r"\1 ", lower)
    return [word for word in lower.replace(",", " ").split() if word.lower() not in ("at", "on", "next")]


def _with(read: _Read, word: str, now: datetime, own: tuple[str, str]) -> _Read:
    """`read` with what one word adds to it. Raises NotUnderstood for a word that means nothing here."""
    lower = word.lower()
    if lower in _DAYS and _dayless(read):
        return read._replace(shift=_DAYS[lower])
    if lower[:3] in WEEKDAYS and _is_weekday(lower) and _dayless(read):
        return read._replace(weekday=WEEKDAYS.index(lower[:3]))
    if _DATE.fullmatch(lower) and _dayless(read):
        try:
            return read._replace(day=date.fromisoformat(lower))
        except ValueError:
            raise NotUnderstood(f"there is no day {word}") from None
    if read.time is None and lower in _TIMES:
        return read._replace(time=_TIMES[lower])
    match = _TIME.fullmatch(lower)
    if read.time is None and match is not None and (match[2] or match[4]):
        return read._replace(time=_time(match, word), zone=_offset(match[5]) or read.zone)
    named = None if read.zone else _zone(word, now, own)
    if named is not None:
        return read._replace(zone=named, abbreviation=word.upper() if word.isalpha() else "")
    raise NotUnderstood(f"{word!r} is not understood here: write {EXAMPLES}")


def _dayless(read: _Read) -> bool:
    return read.day is None and read.weekday is None and read.shift is None


def _is_weekday(lower: str) -> bool:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return any(name.startswith(lower) for name in full)


def _time(match: re.Match[str], word: str) -> time:
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            raise NotUnderstood(f"there is no time {word}")
        hour = hour % 12 + (12 if match[4] == "pm" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise NotUnderstood(f"there is no time {word}") from None


def _offset(written_as: str | None) -> str:
    if not written_as:
        return ""
    return "UTC" if written_as == "z" else written_as


def _zone(word: str, now: datetime, own: tuple[str, str]) -> str | None:
    """The zone a word names: UTC, an abbreviation of one's own zones, an offset or an IANA name."""
    if word.lower() in ("utc", "gmt", "z"):
        return "UTC"
    for zone in own:
        # Another part of the year has another abbreviation; each means this zone's clock.
        seasons = (now, *(now + timedelta(days=91 * quarter) for quarter in (1, 2, 3)))
        if any(zones.abbreviation(zones.local(at, zone)).lower() == word.lower() for at in seasons):
            return zone
    if "/" not in word and word[0] not in "+-":
        return None
    try:
        zones.get(word)
    except ValueError:
        return None
    return word


def _at(day: date, at: time, zone: str) -> Moment:
    instant, wall = zones.to_utc(day, at, zone)
    if wall == "gap":
        shown = zones.local(instant, zone)
        return Moment(instant, f"{at:%H:%M} does not exist on {day}: clocks jump, it is {shown:%H:%M}")
    if wall == "twice":
        return Moment(instant, f"{at:%H:%M} happens twice on {day}: the first is meant")
    return Moment(instant)
