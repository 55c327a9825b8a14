"""Wall clocks and UTC: two zones side by side, and what moves when one of them changes its offset.

Instants are UTC. A wall time that does not exist keeps the offset before the gap, one that happens
twice means the first (RFC 5545 §3.3.5).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.rituals import Ritual

Wall = Literal["once", "gap", "twice"]
"""How often a wall time happens on its date: once, never, or twice."""

NOTICE_DAYS = 7
"""Days ahead within which a change of offset is announced."""

NAMED = 4
"""Rituals named in one notice; the rest are counted."""

_BARE = re.compile(r"(?:utc|gmt)?\s*([+-])([0-9]{1,2})(?::?([0-5][0-9]))?", re.IGNORECASE)


@lru_cache(maxsize=64)
def get(name: str) -> dt.tzinfo:
    """The zone called `name`: an IANA name, or a bare offset such as ``+05:30`` or ``UTC-3``.

    Raises ValueError, with what to write instead, for anything else.
    """
    text = name.strip()
    if text in {"UTC", "Z"}:
        return dt.UTC
    bare = _BARE.fullmatch(text)
    if bare is not None and int(bare[2]) < 24:
        offset = dt.timedelta(hours=int(bare[2]), minutes=int(bare[3] or 0))
        return dt.timezone(offset if bare[1] == "+" else -offset)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"unknown time zone {name!r}: use a name of the IANA database, such as Europe/London"
        ) from None


def is_bare_offset(name: str) -> bool:
    """Whether `name` is an offset that knows no daylight saving, such as ``+05:30`` or ``Etc/GMT-5``."""
    text = name.strip()
    if text.casefold().startswith("etc/gmt"):
        return text[7:].lstrip("+-0") != ""
    return _BARE.fullmatch(text) is not None


def local(instant: dt.datetime, zone: str) -> dt.datetime:
    """The wall time of `instant` in `zone`."""
    return instant.astimezone(get(zone))


def to_utc(day: dt.date, time: dt.time, zone: str) -> tuple[dt.datetime, Wall]:
    """The instant at which clocks in `zone` show `time` on `day`, and how often they do."""
    wall = dt.datetime.combine(day, time.replace(tzinfo=None, fold=0), get(zone))
    instant = wall.astimezone(dt.UTC)
    if instant.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        return instant, "gap"
    return instant, "once" if wall.utcoffset() == wall.replace(fold=1).utcoffset() else "twice"


def midnight(day: dt.date, zone: str) -> dt.datetime:
    """The instant at which `day` begins in `zone`."""
    return to_utc(day, dt.time(), zone)[0]


def abbreviation(wall: dt.datetime) -> str:
    """Such as ``PST``; ``UTC-03`` where the zone's own abbreviation is only a number."""
    name = wall.tzname() or ""
    return f"UTC{name}" if name[:1] in {"+", "-"} else name


def label(instant: dt.datetime, zone: str, *, dated: bool = False) -> str:
    """Such as ``Mon 11:00 PST``; with the date where `dated`."""
    wall = local(instant, zone)
    form = "%a %Y-%m-%d %H:%M" if dated else "%a %H:%M"
    return f"{wall:{form}} {abbreviation(wall)}"


def both(instant: dt.datetime, program_zone: str, viewer_zone: str, *, dated: bool = False) -> str:
    """`instant` in the programme's zone and the viewer's: ``Mon 11:00 PST · Tue 00:30 IST (+1d)``.

    Once only where both clocks show the same. `dated` adds the programme's date.
    """
    here, there = local(instant, program_zone), local(instant, viewer_zone)
    first = label(instant, program_zone, dated=dated)
    if here.utcoffset() == there.utcoffset() and abbreviation(here) == abbreviation(there):
        return first
    shift = (there.date() - here.date()).days
    return f"{first} · {label(instant, viewer_zone)}" + (f" ({shift:+d}d)" if shift else "")


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """A zone changes its offset from UTC at the instant `at`."""

    at: dt.datetime
    before: dt.timedelta
    after: dt.timedelta
    before_name: str
    after_name: str


def transitions(zone: str, first: dt.datetime, last: dt.datetime) -> Iterator[OffsetChange]:
    """Every change of offset in (first, last], found by looking at the clock twice a day."""
    tz = get(zone)
    if tz is dt.UTC or isinstance(tz, dt.timezone):
        return
    step = dt.timedelta(hours=12)
    earlier = first.astimezone(dt.UTC).replace(microsecond=0)
    end = last.astimezone(dt.UTC)
    while earlier < end:
        later = min(earlier + step, end)
        if earlier.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset():
            yield _change(tz, earlier, later)
        earlier = later


def _change(tz: dt.tzinfo, earlier: dt.datetime, later: dt.datetime) -> OffsetChange:
    """The change between two instants at most 12 hours apart, to the second."""
    before = earlier.astimezone(tz).utcoffset()
    low, high = 0, int((later - earlier).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        same = (earlier + dt.timedelta(seconds=middle)).astimezone(tz).utcoffset() == before
        low, high = (middle, high) if same else (low, middle)
    at = earlier + dt.timedelta(seconds=high)
    old, new = (at - dt.timedelta(seconds=1)).astimezone(tz), at.astimezone(tz)
    return OffsetChange(
        at, before or dt.timedelta(), new.utcoffset() or dt.timedelta(), abbreviation(old), abbreviation(new)
    )


@lru_cache(maxsize=32)
def _changes_around(zone: str, day: dt.date) -> tuple[OffsetChange, ...]:
    begin = dt.datetime.combine(day, dt.time(), dt.UTC)
    return tuple(transitions(zone, begin, begin + dt.timedelta(days=NOTICE_DAYS + 2)))


def notices(now: dt.datetime, zone: str, viewer_zone: str, rituals: Sequence[Ritual] = ()) -> tuple[str, ...]:
    """What to know about the clocks in the next seven days: changes of offset and what they move.

    `zone` is the programme's. A viewer zone that is a bare offset is warned of, as it never changes.
    """
    found: list[str] = []
    if is_bare_offset(viewer_zone):
        found.append(
            f"viewer zone {viewer_zone} is a bare offset and knows no daylight saving: "
            "use a name such as Asia/Kolkata"
        )
    day = now.astimezone(dt.UTC).date()
    for name in dict.fromkeys((zone, viewer_zone)):
        for change in _changes_around(name, day):
            if now < change.at <= now + dt.timedelta(days=NOTICE_DAYS):
                found.append(_told(name, change, zone, viewer_zone, rituals))
    return tuple(found)


def _told(name: str, change: OffsetChange, zone: str, viewer_zone: str, rituals: Sequence[Ritual]) -> str:
    """Such as ``America/Los_Angeles: clocks go back 1h on Sun 2025-11-02 02:00 PDT (PDT → PST); …``."""
    delta = change.after - change.before
    hours, minutes = divmod(abs(int(delta.total_seconds())) // 60, 60)
    length = " ".join(([f"{hours}h"] if hours else []) + ([f"{minutes}m"] if minutes else []))
    wall = (change.at + change.before).strftime("%a %Y-%m-%d %H:%M")
    direction = "forward" if delta > dt.timedelta() else "back"
    text = (
        f"{name}: clocks go {direction} {length} on {wall} {change.before_name} "
        f"({change.before_name} → {change.after_name})"
    )
    moved = [m for m in (_moved(r, change, zone, viewer_zone) for r in rituals) if m]
    if not moved:
        return f"{text}; no ritual moves on the viewer's clock"
    more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return f"{text}; on the viewer's clock {', '.join(moved[:NAMED])}{more}"


def _moved(ritual: Ritual, change: OffsetChange, zone: str, viewer_zone: str) -> str | None:
    """How the ritual's time on the viewer's clock differs a day after `change` from a day before it."""
    if ritual.time is None and not ritual.all_day:
        return None
    own = ritual.zone or zone
    day = local(change.at, own).date()
    around = (day - dt.timedelta(days=1), day + dt.timedelta(days=1))
    before, after = (local(to_utc(d, ritual.time or dt.time(), own)[0], viewer_zone) for d in around)
    if before.time() == after.time():
        return None
    shift = (after.date() - around[1]).days
    moved = f"{ritual.title or ritual.id} {before:%H:%M} → {after:%H:%M} {abbreviation(after)}"
    return moved + (f" ({shift:+d}d)" if shift else "")
