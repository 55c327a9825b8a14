"""Dates, weeks and day labels in running text, and weekdays that do not fit (domain rules, Calendar)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from controlroom.domain.frozen import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|May|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?"
    r"|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?"
    r"|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEPT?|OCT|NOV|DEC)\b\.?"
)
_YEAR = r"(?:,?\s+(?P<{0}>[12][0-9]{{3}})(?![0-9:]))?"
_NTH = r"(?:st|nd|rd|th)?"
_DATE = re.compile(
    r"(?<![0-9./-])(?P<iso>[12][0-9]{3}[-/.][0-9]{1,2}[-/.][0-9]{1,2})(?![0-9]|-[0-9])"
    r"|(?<![0-9.])(?P<dotted>[0-9]{1,2}\.[0-9]{1,2}\.[12][0-9]{3})(?![0-9])"
    rf"|\b(?P<month>{_MONTH})\s+(?P<day>[0-9]{{1,2}}){_NTH}(?![0-9:%])" + _YEAR.format("year")
    + r"|(?<![0-9:.-])(?<!week )(?<!Week )(?<!day )(?<!Day )(?<!print )(?<!Wave )(?<!print-)"
    rf"(?P<day2>[0-9]{{1,2}}){_NTH}\s+(?:of\s+)?(?P<month2>{_MONTH})" + _YEAR.format("year2")
)  # fmt: skip
_TO = r"\s*(?:→|⟶|➜|->|=>|-{1,3}|–|—|\.\.\.?|…|~|\bto\b|\buntil\b|\bthrough\b|\bthru\b|\bund\b|\band\b)\s*"
_JOIN = re.compile(_TO, re.IGNORECASE)
_TAIL = re.compile(r"\s*[–—-]\s*([0-9]{1,2})(?:st|nd|rd|th)?(?![0-9:%-])(?:,?\s+([12][0-9]{3})(?![0-9:]))?")
_LEAD_DAY = re.compile(r"(?<![0-9:.-])([0-9]{1,2})\s*[–—-]\s*$")
_WEEKS = re.compile(
    rf"\b(?:weeks?|wks?\.?|w)[\s#-]*([0-9]{{1,3}})(?:{_TO}(?:weeks?|wks?\.?|w)?[\s#-]*([0-9]{{1,3}}))?"
    r"(?![0-9])(?!\s*[,/]?\s*d(?:ay)?\s*\.?[0-9])",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(?:week|wk|w)[\s.#-]*([0-9]{1,3})[\s,;:/·–—-]*(?:day|d)[\s.#-]*([0-9]{1,3})(?![0-9])", re.IGNORECASE
)
_SPRINT_DAY = re.compile(r"\bday[\s#-]*([0-9]{1,3})(?![0-9])", re.IGNORECASE)
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY = (
    r"(?P<weekday>Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?"
    r"|Sat(?:urday)?|Sun(?:day)?)"
)
_ANY_WEEKDAY = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE)
_WEEKDAY_BEFORE = re.compile(rf"(?<![/–—\w-]){_WEEKDAY}\b\.?,?\s*[(\[]?\s*$", re.IGNORECASE)
_WEEKDAY_AFTER = re.compile(
    rf"\s*(?:[(\[]\s*{_WEEKDAY}\b|\s{_WEEKDAY.replace('weekday', 'plain')}\b(?![/'’s]))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text and where it stands. `date` is None where it does not exist or lacks its year."""

    date: dt.date | None
    begin: int
    end: int
    text: str
    dated: bool = True
    """Its year is written beside it."""
    exists: bool = True


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """``Week 3 Day 4`` in a text, and where it stands."""

    week: int
    day: int
    begin: int
    end: int
    text: str


def dates_in(text: str, anchor: dt.date | None) -> list[FoundDate]:
    """All dates in `text`. One without a year is the one nearest to `anchor`; without that, unknown."""
    return list(_dates(text, anchor))


def _dates(text: str, anchor: dt.date | None) -> Iterator[FoundDate]:
    for found in _DATE.finditer(text):
        year, month, day = _numbers(found)
        if year is None:
            date, exists = nearest(month, day, anchor)
        else:
            date, exists = _date(year, month, day)
        yield FoundDate(date, found.start(), found.end(), found[0], year is not None, exists)


def _numbers(found: re.Match[str]) -> tuple[int | None, int, int]:
    if found["iso"]:
        year, month, day = re.split(r"[-/.]", found["iso"])
        return int(year), int(month), int(day)
    if found["dotted"]:
        day, month, year = found["dotted"].split(".")
        return int(year), int(month), int(day)
    name, number, written = (
        (found["month"], found["day"], found["year"])
        if found["month"]
        else (found["month2"], found["day2"], found["year2"])
    )
    return (int(written) if written else None), _MONTHS.index(name[:3].lower()) + 1, int(number)


def _date(year: int, month: int, day: int) -> tuple[dt.date | None, bool]:
    try:
        return dt.date(year, month, day), True
    except ValueError:
        return None, False


_BEFORE_ANCHOR = dt.timedelta(days=120)


def nearest(month: int, day: int, anchor: dt.date | None) -> tuple[dt.date | None, bool]:
    """The date of that month and day that people mean around `anchor`, and whether such a date exists.

    A programme's dates mostly follow its start, so up to four months before count as past, all else as
    ahead.
    """
    exists = _date(2024, month, day)[1]
    if anchor is None or not exists:
        return None, exists
    years = range(max(1, anchor.year - 1), min(9999, anchor.year + 1) + 1)
    candidates = [date for year in years if (date := _date(year, month, day)[0])]
    ahead = [date for date in candidates if date - anchor >= -_BEFORE_ANCHOR]
    return next(iter(ahead or candidates), None), True


def range_in(text: str, anchor: dt.date | None) -> tuple[dt.date, dt.date, int, int] | None:
    """The first two dates of `text` that an arrow, a dash or "to" joins, and where they stand.

    The second may lack its month ("Oct 18-25"), the first its year ("Oct 18 – Nov 1, 2025").
    """
    found = dates_in(text, anchor)
    for first, second in pairwise(found):
        if _JOIN.fullmatch(text, first.end, second.begin) and second.date:
            date = first.date
            if not first.dated and second.dated:
                date = _latest_before(first, second.date)
            end = second.date
            if date and not first.dated and not second.dated and end < date:
                end = _date(end.year + 1, end.month, end.day)[0] or end
            if date is not None:
                return date, end, first.begin, second.end
    return next(_day_ranges(text, found), None)


def _latest_before(found: FoundDate, end: dt.date) -> dt.date | None:
    """The last date of that month and day up to `end`."""
    one = next(_dates(found.text, end), None)
    if one is None or one.date is None:
        return None
    years = (end.year, end.year - 1)
    dates = (_date(year, one.date.month, one.date.day)[0] for year in years)
    return next((date for date in dates if date and date <= end), None)


def _day_ranges(text: str, found: Sequence[FoundDate]) -> Iterator[tuple[dt.date, dt.date, int, int]]:
    for one in found:
        if one.date is None:
            continue
        tail = _TAIL.match(text, one.end)
        if tail and one.text[-1:].isdigit() and not one.text[:4].isdigit():
            year = int(tail[2]) if tail[2] else one.date.year
            first, last = (
                _date(year, one.date.month, one.date.day)[0],
                _date(year, one.date.month, int(tail[1]))[0],
            )
            if first and last and last > first:
                yield first, last, one.begin, tail.end()
        lead = _LEAD_DAY.search(text[: one.begin])
        if lead and one.text[:1].isdigit():
            first = _date(one.date.year, one.date.month, int(lead[1]))[0]
            if first and first < one.date:
                yield first, one.date, lead.start(), one.end


def weeks_in(text: str) -> tuple[int, int] | None:
    """The first "Weeks a–b" of `text`; a single week is a range of one. Labels with a day are not weeks."""
    for found in _WEEKS.finditer(text):
        if not _LABEL.match(text, found.start()):
            first = int(found[1])
            last = int(found[2]) if found[2] else first
            if first <= last:
                return first, last
    return None


def labels_in(text: str) -> list[FoundLabel]:
    """All ``Week n Day m`` of `text`."""
    return [
        FoundLabel(int(found[1]), int(found[2]), found.start(), found.end(), found[0])
        for found in _LABEL.finditer(text)
    ]


def sprint_day_in(text: str) -> FoundLabel | None:
    """A lone "Day n", counted from a sprint's start; `week` is 0."""
    found = _SPRINT_DAY.search(text)
    return FoundLabel(0, int(found[1]), found.start(), found.end(), found[0]) if found else None


def wrong_weekdays(text: str, anchor: dt.date | None) -> list[tuple[str, str, str]]:
    """Weekdays beside a date that is another: (as written, the date, its weekday)."""
    wrong: list[tuple[str, str, str]] = []
    if not _ANY_WEEKDAY.search(text):
        return wrong
    for one in dates_in(text, anchor):
        if one.date is None:
            continue
        before = _WEEKDAY_BEFORE.search(text[max(0, one.begin - 20) : one.begin])
        after = None if before else _WEEKDAY_AFTER.match(text, one.end)
        said = before["weekday"] if before else (after["weekday"] or after["plain"]) if after else None
        right = WEEKDAY_NAMES[one.date.weekday()]
        if said and said[:3].casefold() != right[:3].casefold():
            wrong.append((said, one.date.isoformat(), right))
    return wrong
