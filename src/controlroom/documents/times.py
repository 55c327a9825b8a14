"""Times of day, zones, weekdays and durations in running text (domain rules, Rituals)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.rituals import WEEKDAYS, Weekday

ZONES: Mapping[str, str] = {
    **dict.fromkeys(("PT", "PST", "PDT", "Pacific"), "America/Los_Angeles"),
    **dict.fromkeys(("MT", "MST", "MDT", "Mountain"), "America/Denver"),
    **dict.fromkeys(("CT", "CST", "CDT", "Central"), "America/Chicago"),
    **dict.fromkeys(("ET", "EST", "EDT", "Eastern"), "America/New_York"),
    **dict.fromkeys(("AKST", "AKDT"), "America/Anchorage"),
    "HST": "Pacific/Honolulu",
    "BRT": "America/Sao_Paulo",
    **dict.fromkeys(("UTC", "GMT", "Z"), "UTC"),
    **dict.fromkeys(("WET", "WEST", "Western European"), "Europe/Lisbon"),
    **dict.fromkeys(("CET", "CEST", "MEZ", "MESZ", "Central European"), "Europe/Berlin"),
    **dict.fromkeys(("EET", "EEST", "Eastern European"), "Europe/Athens"),
    "BST": "Europe/London",
    "MSK": "Europe/Moscow",
    "TRT": "Europe/Istanbul",
    "SAST": "Africa/Johannesburg",
    "EAT": "Africa/Nairobi",
    "WAT": "Africa/Lagos",
    "GST": "Asia/Dubai",
    "PKT": "Asia/Karachi",
    "IST": "Asia/Kolkata",
    "ICT": "Asia/Bangkok",
    "WIB": "Asia/Jakarta",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "PHT": "Asia/Manila",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "AWST": "Australia/Perth",
    **dict.fromkeys(("ACST", "ACDT"), "Australia/Adelaide"),
    **dict.fromkeys(("AEST", "AEDT", "AET"), "Australia/Sydney"),
    **dict.fromkeys(("NZST", "NZDT", "NZT"), "Pacific/Auckland"),
}
"""What people write for a zone → the zone whose wall clock they mean, all year round."""

_ZONE = re.compile(
    r"\b(?:UTC|GMT)\s?[+−-]\s?[0-9]{1,2}(?::?[0-5][0-9])?\b"
    r"|\b[A-Z][A-Za-z_]+/[A-Z][A-Za-z_-]+(?:/[A-Z][A-Za-z_]+)?\b"
    rf"|(?<![\w/&-])(?:{'|'.join(sorted(ZONES, key=len, reverse=True))})(?![\w/&-])"
)
_CLOCK = (
    r"(?:(?P<h{0}>[01]?[0-9]|2[0-4]):(?P<m{0}>[0-5][0-9])(?::[0-5][0-9])?(?![0-9:%])(?:\s?(?P<p{0}>[ap])\.?m\b\.?)?"
    r"|(?P<H{0}>1[0-2]|0?[1-9])\s?(?P<P{0}>[ap])\.?m\b\.?"
    r"|(?P<F{0}>[01][0-9]|2[0-3])h(?P<M{0}>[0-5][0-9])?\b"
    r"|(?P<w{0}>\bnoon\b|\bmidnight\b))"
)
_TIME = re.compile(
    r"(?<![0-9:.,/$v_-])" + _CLOCK.format(1)
    + r"(?:\s?(?:–|—|-|→|\bto\b|\buntil\b)\s?" + _CLOCK.format(2) + ")?",
    re.IGNORECASE,
)  # fmt: skip
_DURATION = re.compile(
    r"(?<![0-9.:])(?:(?P<hours>[0-9]{1,2}(?:\.[0-9]+)?)\s?-?(?:hours?|hrs?|h)\b(?:\s?(?P<rest>[0-9]{1,2})\s?(?:min|m)\b)?"
    r"|(?P<minutes>[0-9]{1,3})\s?-?(?:minutes?|mins?|m|′|')(?!\w))",
    re.IGNORECASE,
)
_NUMBERS = {str(day): number for number, day in enumerate(WEEKDAYS)}
_NAME = (
    r"(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?|Sat(?:urday)?"
    r"|Sun(?:day)?)s?"
)
_DAY_NAME = re.compile(rf"(?<![A-Za-z]){_NAME}(?![A-Za-z])")
_DAY_NAME_LOWER = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|(?<=/)(?:mon|tue|wed|thu|fri|sat|sun)\b", re.IGNORECASE
)
_DAY_RANGE = re.compile(rf"({_NAME})\s*(?:–|—|-|\bto\b|\bthrough\b|\bthru\b)\s*({_NAME})(?![A-Za-z])")
_DAILY = re.compile(r"\b(?:daily|every\s?day|each day|7 days|seven days)\b", re.IGNORECASE)
_WORKING = re.compile(r"\b(?:week-?days?|(?:working|work|business)[\s-]?days?)\b", re.IGNORECASE)
_IRREGULAR = re.compile(
    r"\b(?:every (?:other|two|2|second|third|three|3)|bi-?weekly|fortnight\w*|alternat\w+|monthly|quarterly"
    r"|yearly|once per|per sprint|each sprint|end of|(?:first|second|third|fourth|last|1st|2nd|3rd|4th)"
    r" (?:mon|tue|wed|thu|fri|sat|sun|working|business|week)\w*)\b",
    re.IGNORECASE,
)
_ALL_DAY = re.compile(r"\b(?:all|whole|full)[\s-]day\b", re.IGNORECASE)
_FILLER = re.compile(
    r"\b(?:at|on|in|every|each|from|to|and|until|weekly|week|local|time|starting|for|max|daily|the|cadence|am|pm"
    r"|all|day|whole|full)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """When something takes place, as far as a text says. `days` is empty where it does not."""

    days: tuple[Weekday, ...] | Literal["daily"] = ()
    time: str | None = None
    """``HH:MM``."""
    zone: str | None = None
    minutes: int | None = None
    all_day: bool = False
    irregular: bool = False
    """It speaks of a rhythm that is not weekly, such as "every other Tuesday"."""


def slot_in(text: str) -> Slot:
    """The slot `text` names."""
    time, zone, minutes = _time(text)
    return Slot(
        days=days_in(text),
        time=time,
        zone=zone or zone_in(text),
        minutes=duration_in(text) or minutes,
        all_day=bool(_ALL_DAY.search(text)),
        irregular=bool(_IRREGULAR.search(text)),
    )


def days_in(text: str) -> tuple[Weekday, ...] | Literal["daily"]:
    """Weekdays in the order of the week; "daily" is all of them."""
    found: set[int] = set()
    for one in _DAY_RANGE.finditer(text):
        first, last = _weekday(one[1]), _weekday(one[2])
        found.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    found.update(_weekday(one[0]) for one in _DAY_NAME.finditer(text))
    found.update(_weekday(one[0]) for one in _DAY_NAME_LOWER.finditer(text))
    if found:
        return tuple(day for number, day in enumerate(WEEKDAYS) if number in found)
    if _WORKING.search(text):
        return WEEKDAYS[:5]
    return "daily" if _DAILY.search(text) else ()


def _weekday(name: str) -> int:
    return _NUMBERS[name[:3].lower()]


def _time(text: str) -> tuple[str | None, str | None, int | None]:
    """The first time, the zone right after it, and the minutes up to a second time joined to it."""
    found = _TIME.search(text)
    if found is None:
        return None, None, None
    first, last = _clock(found, 1, found["p2"] or found["P2"]), _clock(found, 2, None)
    if first is None:
        return None, None, None
    after = _ZONE.match(text, found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip(" (")))
    zone = _zone(after[0]) if after else None
    minutes = None if last is None else (last - first) % (24 * 60) or None
    return f"{first // 60:02}:{first % 60:02}", zone, minutes


def _clock(found: re.Match[str], n: int, half: str | None) -> int | None:
    """Minutes after midnight of the nth time; `half` is the a or p of the time joined to it."""
    word = found[f"w{n}"]
    if word:
        return 12 * 60 if word.casefold() == "noon" else 0
    hours = found[f"h{n}"] or found[f"H{n}"] or found[f"F{n}"]
    if hours is None:
        return None
    hour, minute = int(hours), int(found[f"m{n}"] or found[f"M{n}"] or 0)
    own = found[f"p{n}"] or found[f"P{n}"] or (half if hour <= 12 and not found[f"F{n}"] else None)
    if own and 1 <= hour <= 12:
        hour = hour % 12 + (12 if own.casefold() == "p" else 0)
    return None if hour > 23 else hour * 60 + minute


def zone_in(text: str) -> str | None:
    """The IANA zone of the first zone word, offset or zone name in `text`."""
    return next((zone for found in _ZONE.finditer(text) if (zone := _zone(found[0]))), None)


def _zone(word: str) -> str | None:
    if word in ZONES:
        return ZONES[word]
    offset = re.fullmatch(r"(?:UTC|GMT)\s?([+−-])\s?([0-9]{1,2})(?::?([0-5][0-9]))?", word)
    if offset is None:
        return word if _is_zone(word) else None
    hours, minutes = int(offset[2]), int(offset[3] or 0)
    if hours > 14:
        return None
    if minutes:
        return f"UTC{'+' if offset[1] == '+' else '-'}{hours:02}:{minutes:02}"
    # The names of this family count westwards: Etc/GMT-2 is two hours ahead of Greenwich.
    return f"Etc/GMT{'-' if offset[1] == '+' else '+'}{hours}" if hours else "UTC"


@lru_cache(maxsize=512)
def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def duration_in(text: str) -> int | None:
    """Minutes that `text` says something lasts."""
    found = _DURATION.search(text)
    if found is None:
        return None
    if found["minutes"]:
        return int(found["minutes"]) or None
    return round(float(found["hours"]) * 60) + int(found["rest"] or 0) or None


_DAY_LIST = rf"{_NAME}(?:\s*(?:[/,&+–-]|\band\b|\bto\b)\s*{_NAME})*"
_PLAIN_TIME = re.compile(r"[0-9]{1,2}(?::[0-5][0-9]|\s?[ap]\.?m\b|h)", re.IGNORECASE)
_DAYS_THEN_TIME = re.compile(rf"(?<![A-Za-z]){_DAY_LIST}\s*(?:at|@|,)?\s*(?={_PLAIN_TIME.pattern})")
_DAYS_ALONE = re.compile(rf"(?<![A-Za-z]){_DAY_LIST}(?![A-Za-z])")


def without_slot(text: str) -> str:
    """`text` without its times, zones, durations, and the weekdays that lead up to a time."""
    text = _DAYS_THEN_TIME.sub(" ", text)
    text = _ZONE.sub(lambda found: " " if _zone(found[0]) else found[0], text)
    return re.sub(r"\s+", " ", _DURATION.sub(" ", _TIME.sub(" ", text))).strip()


def only_slot(text: str) -> bool:
    """Whether `text` says when and nothing else."""
    slot = slot_in(text)
    if not (slot.time or slot.days or slot.minutes):
        return False
    rest = _DAY_NAME_LOWER.sub(" ", _DAYS_ALONE.sub(" ", _WORKING.sub(" ", without_slot(text))))
    return not any(c.isalnum() for c in _FILLER.sub(" ", rest))
