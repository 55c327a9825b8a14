"""One moment of the room told after another: what is new in it, what differs, and how it is put together.

The ring keeps what is told in a file; frames carry it to other screens.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from controlroom.domain.snapshot import Snapshot
from controlroom.stores import ring_parts, saved
from controlroom.stores.ring_moment import Change, Refs, entire, place

STRETCH = 60
"""Moments from one that is told in full to the next: at least so many …"""

LONGEST = 600
"""… and at most so many; in between, once the differences take as much room as the full one did."""

LARGEST = 1 << 28
"""Bytes of what is read at once, unpacked."""

WINDOW = 32_768
"""Bytes that what is packed may resemble; zlib looks back no farther."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """An instant as microseconds since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    """The instant that `micros` made `at` of. Raises OverflowError."""
    return _EPOCH + timedelta(microseconds=at)


def pack(value: object, known: bytes = b"") -> tuple[bytes, bytes]:
    """`value` as bytes to be kept or sent, and as they are unpacked. `known`: what it much resembles."""
    raw = saved.dump(value)
    packer = zlib.compressobj(6, zdict=known[-WINDOW:]) if known else zlib.compressobj(6)
    return packer.compress(raw) + packer.flush(), raw


def unpack(content: bytes, known: bytes = b"") -> tuple[Any, bytes]:
    """The value `pack` made `content` of, and its bytes. Raises saved.UnreadableSaved, zlib.error."""
    unpacker = zlib.decompressobj(zdict=known[-WINDOW:]) if known else zlib.decompressobj()
    raw = unpacker.decompress(content, LARGEST)
    if not unpacker.eof:
        raise saved.UnreadableSaved("too large, or cut off")
    return saved.load(raw, saved.ROOM), raw


class Part(NamedTuple):
    """A part of the room as it was told last."""

    value: object
    things: Sequence[Any]
    refs: Refs


Parts = Mapping[str, Part]

Number = Callable[[Any], int]
"""The number of a thing, which it gets where it has none yet."""


def renewed(snapshot: Snapshot, before: Parts, number: Number) -> dict[str, Part]:
    """Every part of the room as it is now; one that is the same object as `before` is that of `before`."""
    after: dict[str, Part] = {}
    for name in ring_parts.PARTS:
        value = getattr(snapshot, name)
        was = before.get(name)
        if was is not None and was.value is value:
            after[name] = was
            continue
        things = ring_parts.parts(name, value)
        after[name] = Part(value, things, _referred(things, was, number))
    return after


def _referred(things: Sequence[Any], before: Part | None, number: Number) -> Refs:
    refs = Refs([], [], [])
    old, known = ((), None) if before is None else (before.things, before.refs)
    places = {id(thing): at for at, thing in enumerate(old)}
    for at, thing in enumerate(things):
        was = places.get(id(thing))
        if was is not None and known is not None:
            refs.numbers.append(known.numbers[was])
            refs.quick.append(known.quick[was])
            refs.aside.append(known.aside[was])
            continue
        # At the same place there most often is the same thing as before, which saves looking closer.
        beside = known is not None and at < len(old) and ring_parts.same(old[at], thing)
        refs.numbers.append(known.numbers[at] if beside and known else number(thing))
        refs.quick.append(ring_parts.quick(thing))
        refs.aside.append(ring_parts.aside(thing))
    return refs


def differences(before: Parts, after: Parts, at: datetime, *, full: bool) -> dict[str, Change]:
    """What is to be told of the moment `at`: all of it, or what differs from the moment before."""
    if full:
        return {name: entire(part.refs, at) for name, part in after.items()}
    changes: dict[str, Change] = {}
    for name, part in after.items():
        was = before.get(name)
        if part is not was:
            change = _difference(was, part, at)
            if change:
                changes[name] = change
    return changes


def _difference(before: Part | None, after: Part, at: datetime) -> Change:
    """What differs from the moment before: places, or all of it where there are other things."""
    if before is None or len(before.things) != len(after.things):
        return entire(after.refs, at)
    pairs = enumerate(zip(before.things, after.things, strict=True))
    others = [(number, one, other) for number, (one, other) in pairs if one is not other]
    if any(type(one) is not type(other) for _, one, other in others):
        return entire(after.refs, at)
    places = (place(number, before.refs, after.refs, at) for number, _, _ in others)
    return tuple(one for one in places if one is not None)


def shown(parts: Parts) -> set[int]:
    """The numbers of all things in `parts`."""
    return {number for part in parts.values() for number in part.refs.numbers}


class Pace:
    """When a moment is told in full again."""

    def __init__(self) -> None:
        self._full = 0
        self._since = 0
        self._count = 0

    @property
    def due(self) -> bool:
        """Whether the next one is to be told in full."""
        return self._count >= STRETCH and (self._since >= self._full or self._count >= LONGEST)

    def told(self, size: int, *, full: bool) -> None:
        """One was told, in so many bytes."""
        if full:
            self._full, self._since, self._count = size, 0, 0
        self._since += 0 if full else size
        self._count += 1


class Making:
    """Parts of the room, made of what was told; what is unchanged is the same object as the last time."""

    def __init__(self) -> None:
        self._things: dict[tuple[str, int], tuple[Any, Any, Any, Any]] = {}
        """Part and place → the thing without what moves, what moved, what may, and it as it was shown."""
        self._parts: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def part(self, name: str, refs: Refs, found: Callable[[int], Any]) -> Any:
        """The part `name`; `found` gives the thing with a number, without what moves of it."""
        before, joined = self._parts.get(name, ((), None))
        told = zip(refs.numbers, refs.quick, refs.aside, strict=True)
        made = tuple(self._thing(name, at, found(number), *moved) for at, (number, *moved) in enumerate(told))
        unchanged = len(made) == len(before) and all(a is b for a, b in zip(made, before, strict=True))
        if name in self._parts and unchanged:
            return joined
        joined = ring_parts.joined(name, made)
        self._parts[name] = made, joined
        return joined

    def _thing(self, name: str, at: int, still: Any, quick: Any, aside: Any) -> Any:
        before = self._things.get((name, at))
        if before is not None and before[0] is still and before[1:3] == (quick, aside):
            return before[3]
        thing = ring_parts.whole(still, quick, aside)
        self._things[name, at] = (still, quick, aside, thing)
        return thing
