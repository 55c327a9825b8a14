"""How coverage went from day to day, as the status files tell it (domain rules, Telemetry gaps)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from controlroom.domain.remember import remember
from controlroom.domain.snapshot import StatusFile, StatusSeen
from controlroom.domain.status import NIGHTLY
from controlroom.domain.telemetry import Verdict

DAYS = 14
"""Points that are kept of each squad and wave, the newest ones."""

Direction = Literal["up", "down", "flat"]

_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Point(NamedTuple):
    """The coverage of one day. `pct` is None where nothing was required, or not all of it was known."""

    date: dt.date
    pct: int | None
    ok: int
    required: int
    verdict: Verdict


Points = tuple[Point, ...]


def trend(status: StatusSeen | None, squad: str) -> Points:
    """A point for each day whose status files tell of `squad`, oldest first, `DAYS` at most.

    The nightly status speaks for its day, else the newest; what cannot be understood is left out.
    """
    return _squads(status).get(squad, ())


def wave_trend(status: StatusSeen | None, wave: str) -> Points:
    """The same for the gate of `wave`."""
    return _waves(status).get(wave, ())


def direction(points: Sequence[Point]) -> Direction | None:
    """Where the percentage went between the last two days it is known of; None: not known of two."""
    known = [point.pct for point in points if point.pct is not None][-2:]
    if len(known) < 2:
        return None
    before, now = known
    return "flat" if before == now else "up" if before < now else "down"


@remember
def _squads(status: StatusSeen | None) -> Mapping[str, Points]:
    return _by_day(status, lambda data: ((s.get("id"), s.get("coverage")) for s in _tables(data, "squads")))


@remember
def _waves(status: StatusSeen | None) -> Mapping[str, Points]:
    return _by_day(status, lambda data: ((gate.get("wave"), gate) for gate in _tables(data, "gates")))


def _by_day(
    status: StatusSeen | None, listed: Callable[[Mapping[str, Any]], Iterable[tuple[object, object]]]
) -> Mapping[str, Points]:
    """Name → its points, by what `listed` finds in a file: names and what is said of them."""
    days: dict[str, dict[dt.date, Point]] = {}
    for file in sorted(status.files if status else (), key=_weight):
        date = _date(file.for_date)
        for name, said in listed(file.data) if date else ():
            point = _point(date, said) if date else None
            if point is not None and isinstance(name, str):
                days.setdefault(name, {})[point.date] = point
    return {name: tuple(points[day] for day in sorted(points)[-DAYS:]) for name, points in days.items()}


def _weight(file: StatusFile) -> tuple[bool, dt.datetime]:
    """What comes later speaks for its day."""
    return file.slot == NIGHTLY, file.as_of


def _tables(data: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    listed = data.get(key)
    return (one for one in listed if isinstance(one, Mapping)) if isinstance(listed, list) else iter(())


def _point(date: dt.date, said: object) -> Point | None:
    if not isinstance(said, Mapping):
        return None
    ok, required, pct = _count(said.get("ok")), _count(said.get("required")), _count(said.get("pct"))
    verdict = next((known for known in _VERDICTS if known == said.get("verdict")), None)
    if ok is None or required is None or verdict is None or ok > required:
        return None
    if pct is None and (required or said.get("pct") is not None):
        return None
    if pct is not None and pct > 100:
        return None
    # What is there is a percentage of all only where all of it is known.
    unknown = _count(said.get("unknown")) if "unknown" in said else int(verdict == "UNKNOWN")
    return Point(date, None if unknown else pct, ok, required, verdict)


def _count(said: object) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else None


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except (ValueError, TypeError):
        return None
