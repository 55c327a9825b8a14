"""Lints of the board: what is wrong with cards and blockers, in their order.

Cards cannot say that they depend on other cards, so a circle (X014) is always one of squads. The rules are in
`lint_rules`; here they are applied to what changed and to what the clock may have changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from controlroom.domain import lint_rules, waiting
from controlroom.domain.board import Item
from controlroom.domain.frozen import dataclass
from controlroom.domain.lint_rules import Squads
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.triage import Blocker

Lints = tuple[Lint, ...]


def lints(
    program: Program, items: Sequence[Item], blockers: Sequence[Blocker], now: dt.datetime | None = None
) -> Lints:
    """Every finding about `items` and `blockers`, items first, in their order.

    What depends on the clock is left out without a `now` (UTC). Asking again about the same parts, before the
    clock changes anything, gives the same object.
    """
    for known in _answers:
        if known.is_about(program, items, blockers) and known.holds_at(now):
            return known.lints
    found = _found(program, items, blockers, now)
    all_ = (
        *chain.from_iterable(found.of_items),
        *chain.from_iterable(found.of_blockers),
        *_circles(program, items, blockers),
    )
    _answers[:] = [_Answer(program, items, blockers, now, found.until, all_), *_answers][:ROOMS]
    return all_


def _found(
    program: Program, items: Sequence[Item], blockers: Sequence[Blocker], now: dt.datetime | None
) -> _Found:
    squads = frozenset(squad.id for squad in program.squads)
    today = None if now is None else _Day(now, program.zone)
    held = {b.item: b for b in blockers if b.item and b.state != "resolved"}
    room = _Room(squads, items, blockers, held, today)
    old = _last[0] if _last else None
    found = _patched(old, room) if old is not None else None
    found = found or _whole(room)
    _last[:] = [found]
    return found


ROOMS = 2
"""Answers that are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What was found of these parts, and from when until when the clock changes nothing of it."""

    program: Program
    items: Sequence[Item]
    blockers: Sequence[Blocker]
    since: dt.datetime | None
    until: dt.datetime | None
    lints: Lints

    def is_about(self, program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> bool:
        return self.program is program and self.items is items and self.blockers is blockers

    def holds_at(self, now: dt.datetime | None) -> bool:
        if now is None or self.since is None:
            return now is self.since
        return self.since <= now and (self.until is None or now <= self.until)


_answers: list[_Answer] = []


class _Day:
    """An instant, and what depends on its date."""

    __slots__ = ("ends", "now", "today", "zone")

    def __init__(self, now: dt.datetime, zone: str) -> None:
        from controlroom.domain.zones import local, midnight

        self.now, self.zone = now, zone
        self.today = local(now, zone).date()
        self.ends = midnight(self.today + dt.timedelta(days=1), zone) - dt.timedelta(microseconds=1)
        """The last instant of this day."""


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    squads: Squads
    items: Sequence[Item]
    blockers: Sequence[Blocker]
    held: dict[str, Blocker]
    """Card → the open blocker that holds it up."""
    day: _Day | None


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What was found of each thing, by its place, and until when that holds if nothing changes."""

    room: _Room
    places: dict[str, int]
    """Card → its first place."""
    of_items: list[Lints]
    of_blockers: list[Lints]
    until: dt.datetime | None
    """The last instant at which the clock has changed nothing; None: it never will."""


_last: list[_Found] = []


def _whole(room: _Room) -> _Found:
    places: dict[str, int] = {}
    for place, item in enumerate(room.items):
        places.setdefault(item.id, place)
    return _Found(
        room,
        places,
        [_item(room, places, place) for place in range(len(room.items))],
        [_blocker(room, places, blocker) for blocker in room.blockers],
        _until(
            room, chain(map(lint_rules.turns_item, room.items), map(lint_rules.turns_blocker, room.blockers))
        ),
    )


def _until(
    room: _Room, turns: Iterable[dt.datetime | None], known: dt.datetime | None = None
) -> dt.datetime | None:
    """The earliest of `turns` that is still to come, of the day's end and of `known`."""
    if room.day is None:
        return None
    now = room.day.now
    return min(
        chain(
            (turn for turn in turns if turn is not None and turn >= now), filter(None, (room.day.ends, known))
        )
    )


def _patched(old: _Found, room: _Room) -> _Found | None:
    """`old` with what changed looked at again; None where that is too much, or the clock moved something."""
    before = old.room
    twins = len(old.places) != len(before.items)
    if twins or before.squads != room.squads or not _same_hours(old, room):
        return None
    cards = _changed(before.items, room.items)
    blockers = _changed(before.blockers, room.blockers)
    if cards is None or blockers is None or any(before.items[n].id != room.items[n].id for n in cards):
        return None
    touched = {before.blockers[n].item for n in blockers} | {room.blockers[n].item for n in blockers}
    again = set(cards) | {
        old.places[id_]
        for id_ in touched
        if id_ in old.places and before.held.get(id_) is not room.held.get(id_)
    }
    of_items, of_blockers = old.of_items.copy(), old.of_blockers.copy()
    for place in again:
        of_items[place] = _item(room, old.places, place)
    for place in blockers:
        of_blockers[place] = _blocker(room, old.places, room.blockers[place])
    turns = chain(
        (lint_rules.turns_item(room.items[n]) for n in cards),
        (lint_rules.turns_blocker(room.blockers[n]) for n in blockers),
    )
    return _Found(room, old.places, of_items, of_blockers, _until(room, turns, old.until))


def _same_hours(old: _Found, room: _Room) -> bool:
    """Whether the clock alone has changed nothing since `old` was found."""
    before, day = old.room.day, room.day
    if before is None or day is None:
        return before is day
    return before.zone == day.zone and before.now <= day.now and (old.until is None or day.now <= old.until)


def _changed(before: Sequence[object], now: Sequence[object]) -> list[int] | None:
    """The places at which something else stands; None where there are more or fewer places."""
    if before is now:
        return []
    if len(before) != len(now):
        return None
    return [place for place, (one, other) in enumerate(zip(before, now, strict=True)) if one is not other]


def _item(room: _Room, places: dict[str, int], place: int) -> Lints:
    item = room.items[place]
    found = list(lint_rules.of_item(room.squads, item, room.held.get(item.id)))
    if room.day is not None:
        found += lint_rules.late_item(item, room.day.now, room.day.today)
    if places[item.id] != place:
        found.append(lint_rules.twice(item, room.items[places[item.id]]))
    return tuple(found)


def _blocker(room: _Room, places: dict[str, int], blocker: Blocker) -> Lints:
    if blocker.state == "resolved":
        return ()
    found = list(lint_rules.of_blocker(room.squads, blocker))
    card = blocker.item
    if room.items and card and card not in places and not card.startswith("step/"):
        found.append(lint_rules.astray(blocker))
    if room.day is not None:
        found += lint_rules.late_blocker(blocker, room.day.now)
    return tuple(found)


def _circles(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> Iterator[Lint]:
    """X014 for squads: each waits on the next, and the last on the first. No card can be named."""
    for cycle in waiting.circles(program, items, blockers):
        text = " → ".join((*cycle, cycle[0]))
        yield Lint(
            "X014", f"squads wait on each other: {text}", "warning", pointer=f"/waiting/{'+'.join(cycle)}"
        )
