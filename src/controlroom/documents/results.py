"""Files with the result of one run of a benchmark: where its number stands, and when it was measured."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from controlroom.documents import junit
from controlroom.domain import instants, zones
from controlroom.domain.junit import Case
from controlroom.domain.text import clean

DATED = ("as_of", "date", "timestamp", "at")
"""Names at the top of a JSON file that say when it was measured, the first of them first."""

MILLISECONDS_FROM = 100_000_000_000
"""A number of seconds as large as this is one of milliseconds: it would be the year 5138."""

_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)")
_TIME = re.compile(r"[T_-](\d\d)[:-]?(\d\d)(?:[:-]?(\d\d))?Z", re.ASCII)
_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)


class NoResult(Exception):
    """Why a file gives no result, in words that follow its name."""


class Measured(NamedTuple):
    """What one file says."""

    value: float
    at: dt.datetime
    dated_by: str
    """What says when: ``as_of``, ``its name``, ``its own time``, ``the file's time``."""
    path: tuple[str | int, ...] = ()
    """Where the number stands in a JSON file."""


def from_json(data: Any, pointer: str, name: str, modified: dt.datetime, zone: str) -> Measured:
    """The number at `pointer` (RFC 6901) in the content of the file `name`. Raises NoResult.

    A date without a time is the beginning of that day in `zone`, or `modified` where that is on it.
    """
    path, value = _pointed(data, pointer)
    if isinstance(value, bool) or not isinstance(value, int | float):
        kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        raise NoResult(f"{clean(pointer, 120)} is {kinds.get(type(value), 'something else')}, no number")
    at, by = _dated(data, name, modified, zone)
    try:
        return Measured(float(value), at, by, path)
    except OverflowError:
        raise NoResult(f"{clean(pointer, 120)} is too large a number") from None


def from_junit(raw: bytes, wanted: str, name: str, modified: dt.datetime, zone: str) -> Measured:
    """The seconds of the test case `wanted` in `raw`; one that did not pass has none. Raises NoResult."""
    try:
        read = junit.read(raw, name)
    except junit.UnreadableJUnit as problem:
        raise NoResult(str(problem)) from None
    found = [case for case in read.cases if wanted in _names(case)]
    called = clean(wanted, 120)
    if not found:
        raise NoResult(f"it has no test case {called}")
    if len(found) > 1:
        raise NoResult(f"it has {len(found)} test cases {called}: name one as {found[0].id}")
    if found[0].outcome != "passed":
        raise NoResult(f"{called} did not pass ({found[0].outcome}): its time says nothing")
    if found[0].time is None:
        raise NoResult(f"{called} has no time")
    if read.at is not None:
        return Measured(found[0].time, read.at, "its own time")
    at, by = _dated(None, name, modified, zone)
    return Measured(found[0].time, at, by)


def _names(case: Case) -> tuple[str, ...]:
    return (case.name, case.id, f"{case.classname}.{case.name}") if case.classname else (case.name,)


def _pointed(data: Any, pointer: str) -> tuple[tuple[str | int, ...], Any]:
    """The value that `pointer` leads to, and the names and numbers on the way. Raises NoResult."""
    path: list[str | int] = []
    shown = clean(pointer, 120)
    for written in pointer.split("/")[1:]:
        name = written.replace("~1", "/").replace("~0", "~")
        if isinstance(data, Mapping) and name in data:
            path.append(name)
            data = data[name]
        elif isinstance(data, list) and _INDEX.fullmatch(name) and int(name) < len(data):
            path.append(int(name))
            data = data[int(name)]
        else:
            raise NoResult(f"it has no {shown}")
    return tuple(path), data


def _dated(data: Any, name: str, modified: dt.datetime, zone: str) -> tuple[dt.datetime, str]:
    """When it was measured, and what says so: the file itself, its name, or when it was written."""
    said = list(_said(data))
    for key, value in said:
        if (at := _instant(value)) is not None:
            return at, key
    for key, value in said:
        if isinstance(value, str) and (day := _day(value.strip())) is not None:
            return _on(day, modified, zone), key
    for match in reversed(list(_DAY.finditer(name))):
        written = _calendar(*map(int, match.groups()))
        if written is not None:
            exact = _clock(written, _TIME.match(name, match.end()))
            return exact or _on(written, modified, zone), "its name"
    return modified, "the file's time"


def _said(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        yield from ((key, data[key]) for key in DATED if key in data)


def _instant(value: Any) -> dt.datetime | None:
    """An RFC 3339 instant, or seconds or milliseconds since 1970."""
    if isinstance(value, str):
        try:
            return instants.parse(value)
        except ValueError:
            return None  # a time without an offset is another instant for every reader
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        return None
    seconds = value / 1000 if value >= MILLISECONDS_FROM else value
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if math.isfinite(seconds) else None


def _day(text: str) -> dt.date | None:
    match = _DAY.match(text)
    return _calendar(*map(int, match.groups())) if match else None


def _calendar(year: int, month: int, day: int) -> dt.date | None:
    try:
        found = dt.date(year, month, day)
    except ValueError:
        return None
    return found if 1970 <= year <= 9990 else None


def _clock(day: dt.date, match: re.Match[str] | None) -> dt.datetime | None:
    if match is None:
        return None
    try:
        hour, minute, second = map(int, match.groups("0"))
        return dt.datetime.combine(day, dt.time(hour, minute, second, tzinfo=dt.UTC))
    except ValueError:
        return None


def _on(day: dt.date, modified: dt.datetime, zone: str) -> dt.datetime:
    """Some time on `day` in `zone`: when the file was written, where that was then, else its beginning."""
    if zones.local(modified, zone).date() == day:
        return modified
    return dt.datetime.combine(day, dt.time(), zones.get(zone)).astimezone(dt.UTC)
