"""A snapshot taken apart into things that are kept once, and into what moves with every look.

A part is a field of the snapshot. A service that is probed every five seconds is the same thing all day but
for when it answered and how long that took; only these are written again. Nothing is rounded: what comes
back is what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from controlroom.domain.alerts import Watchdog
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ServiceState
from controlroom.domain.ledger import Ledger
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import SignalReading

Values = tuple[Any, ...]

NOT_KEPT = frozenset(
    {"version", "taken_at", "restored", "first_seen", "kept_items", "kept_blockers", "relayed"}
)
"""Fields that are the moment's own or this screen's, or that only the next start of the room needs."""

PARTS: Mapping[str, Field[Any]] = {one.name: one for one in fields(Snapshot) if one.name not in NOT_KEPT}

MICROSECOND = timedelta(microseconds=1)


def parts(name: str, value: Any) -> Values:
    """The part `name` as the things it is made of."""
    if name == "ledger":
        return () if value is None else (value.rev, *value.items.items())
    if name == "status":
        return () if value is None else (replace(value, files=()), *value.files)
    return value if PARTS[name].default == () else (value,)


def joined(name: str, things: Values) -> Any:
    """The part `name` from the things that `parts` made of it."""
    if name == "ledger":
        return Ledger(things[0], dict(things[1:])) if things else None
    if name == "status":
        return replace(things[0], files=things[1:]) if things else None
    return things if PARTS[name].default == () else things[0]


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """The fields of a kind of thing that are written apart from the rest of it."""

    times: tuple[str, ...]
    """Instants, written as their distance from the moment."""
    numbers: tuple[str, ...]
    aside: tuple[str, ...]
    """What may change at every look or never: written when it does."""
    quick: Callable[[Any], Values]
    """The times and numbers of a thing, in one tuple each."""
    besides: Callable[[Any], Values]
    rest: Callable[[Any], Values]
    """All that does not move."""
    blank: Mapping[str, Any]
    """The moving fields without anything in them."""


def _moving(
    kind: type, times: Sequence[str], numbers: Sequence[str] = (), aside: Sequence[str] = ()
) -> Moving:
    known = {one.name: one for one in fields(kind)}
    named = (*times, *numbers, *aside)
    timed, counted = _getter(times), _getter(numbers)
    return Moving(
        tuple(times),
        tuple(numbers),
        tuple(aside),
        lambda thing: (timed(thing), counted(thing)),
        _getter(aside),
        _getter([name for name in known if name not in named]),
        {name: _default(known[name]) for name in named},
    )


def _getter(names: Sequence[str]) -> Callable[[Any], Values]:
    if not names:
        return lambda thing: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda thing: (get(thing),)


def _default(one: Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


MOVING: Mapping[type, Moving] = {
    ServiceState: _moving(
        ServiceState,
        ("probed_at", "answered_at"),
        ("latency", "failures", "successes"),
        ("detail", "raw", "traffic"),
    ),
    SignalReading: _moving(SignalReading, ("last_seen",), ("sample_age",)),
    SourceStatus: _moving(SourceStatus, ("read_at", "as_of")),
    Watchdog: _moving(Watchdog, ("seen_at",)),
}


def still(thing: Any) -> Any:
    """`thing` without what moves."""
    moving = MOVING.get(type(thing))
    return thing if moving is None else replace(thing, **moving.blank)


def same(one: Any, other: Any) -> bool:
    """Whether both are the same but for what moves."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    moving = MOVING.get(type(one))
    return bool(one == other if moving is None else moving.rest(one) == moving.rest(other))


def quick(thing: Any) -> Values | None:
    """What moves of `thing` at every look; None where nothing does."""
    moving = MOVING.get(type(thing))
    return None if moving is None else moving.quick(thing)


def aside(thing: Any) -> Values | None:
    """What may move of `thing`; None where there is no such thing."""
    moving = MOVING.get(type(thing))
    return moving.besides(thing) if moving is not None and moving.aside else None


def whole(thing: Any, moved: Values | None, besides: Values | None) -> Any:
    """`thing`, as `still` left it, with what moved."""
    moving = MOVING.get(type(thing))
    if moving is None or moved is None:
        return thing
    names = (*moving.times, *moving.numbers, *moving.aside)
    return replace(thing, **dict(zip(names, (*moved[0], *moved[1], *(besides or ())), strict=True)))


def packed(moved: Values, at: datetime) -> tuple[Values, Values]:
    """What moved, with instants as microseconds from `at`."""
    times, numbers = moved
    return tuple(_distance(time, at) for time in times), numbers


def unpacked(moved: tuple[Values, Values], at: datetime) -> tuple[Values, Values]:
    """What `packed` made `moved` of."""
    times, numbers = moved
    return tuple(at + time * MICROSECOND if type(time) is int else time for time in times), numbers


def _distance(time: Any, at: datetime) -> Any:
    return (time - at) // MICROSECOND if isinstance(time, datetime) and time.tzinfo is UTC else time
