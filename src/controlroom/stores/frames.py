"""Frames: the room told to other screens, in full once in a while, in between what differs.

Told as the ring keeps it: a thing is told once for as long as it is shown, and of a service that answers as
before only when it did. Every body says who tells, so that numbers of one teller are never taken for those
of another. Bodies are read as `saved` reads: whatever is odd about one makes it unreadable. What they say is
believed: whoever may write where the room is told decides what screens show.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.stores import ring_parts, saved
from controlroom.stores.relay import BODY, Frame
from controlroom.stores.ring_moment import Change, Told, applied
from controlroom.stores.telling import WINDOW, Making, Pace, Part, differences, pack, renewed, shown, unpack

HEAD = 4096
"""Bytes of the beginning of a full frame that later ones resemble: there are the names of what is told."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""What instants are told from, where the room was not looked at yet."""


class Missed(Exception):
    """Something was told before this that was not heard: join again."""


class Teller:
    """Tells snapshots, one after another, in one thread at a time."""

    def __init__(self) -> None:
        self._name = secrets.token_bytes(8)
        self._parts: dict[str, Part] = {}
        self._things: dict[int, Any] = {}
        """Number → thing without what moves, of those that screens know."""
        self._known: dict[Any, int] = {}
        """The same things, or a hash of what is saved of one that has none itself → number."""
        self._next = 0
        self._pace = Pace()
        self._like = b""
        self._restored = False
        self._full = True

    def again(self) -> None:
        """The next one is told in full."""
        self._full = True

    def frame(self, snapshot: Snapshot) -> tuple[bool, bytes] | None:
        """Whether it is told in full, and the body; None: nothing differs from the one before.

        Raises TypeError where something in the room cannot be told; the next one is told in full then.
        """
        at = snapshot.taken_at or _NEVER
        full = self._full or self._pace.due
        self._full = True  # until all went well
        first = self._next
        after = renewed(snapshot, self._parts, self._number)
        changes = differences(self._parts, after, at, full=full)
        if not full and not changes and snapshot.restored == self._restored:
            self._parts, self._full = after, False
            return None
        told = sorted(shown(after)) if full else range(first, self._next)
        things = tuple(self._things[number] for number in told)
        head = self._name, snapshot.version, snapshot.taken_at, snapshot.restored
        content, raw = pack((*head, changes, _steps(told), things), b"" if full else self._like)
        if len(content) > BODY:
            raise TypeError(f"cannot be told: {len(content) >> 20} MiB are more than a frame may have")
        if full:
            self._like = _like(raw)
            self._things = dict(zip(told, things, strict=True))
            self._known = {named: number for named, number in self._known.items() if number in self._things}
        self._pace.told(len(content), full=full)
        self._parts, self._restored, self._full = after, snapshot.restored, False
        return full, content

    def _number(self, thing: Any) -> int:
        still = ring_parts.still(thing)
        try:
            number = self._known.get(still)
            named = still
        except TypeError:  # it has a table in it
            named = hashlib.blake2b(saved.dump(still), digest_size=16).digest()
            number = self._known.get(named)
        if number is None:
            number = self._known[named] = self._next
            self._things[number] = still
            self._next += 1
        return number


class Hearer:
    """Makes snapshots of frames. What two of them share are the same objects, whoever told them."""

    def __init__(self) -> None:
        self._last: tuple[int, str, int] | None = None
        """Term, collector and number of the frame heard last; None: only a full one can be understood."""
        self._name = b""
        self._found: Told = {}
        self._things: dict[int, Any] = {}
        self._like = b""
        self._making = Making()
        self._shown: dict[str, Any] = {}

    def hear(self, frame: Frame) -> Snapshot | None:
        """The room as `frame` tells it; None: it tells nothing new, or was heard before.

        Raises Missed, and saved.UnreadableSaved for a body that this version of the program cannot read;
        only a full one is understood after that.
        """
        last = self._last
        same = last is not None and last[:2] == (frame.term, frame.by)
        before = last[2] if last is not None and same else 0
        if not frame.full:
            if not same or frame.seq > before + bool(frame.body):
                self._last = None
                raise Missed
            if frame.seq <= before:
                return None
        try:
            snapshot = self._heard(frame, before)
        except BaseException:
            self._last = None
            raise
        if snapshot is not None:
            self._last = frame.term, frame.by, frame.seq
        return snapshot

    def _heard(self, frame: Frame, before: int) -> Snapshot | None:
        if len(frame.body) > BODY:
            raise saved.UnreadableSaved("too large")
        try:
            told, raw = unpack(frame.body, b"" if frame.full else self._like)
            name, version, at, restored, changes, steps, things = told
            if frame.full and name == self._name and frame.seq <= before:
                return None
            if not frame.full and name != self._name:
                raise saved.UnreadableSaved("somebody else told it")
            found = dict(zip(_numbers(steps), things, strict=True))
            if frame.full:
                self._renew(name, changes, at or _NEVER, found)
                self._like = _like(raw)
            else:
                self._things |= found
                applied(self._found, changes, at or _NEVER)
            for part in changes:
                self._shown[part] = self._making.part(part, self._found[part], self._things.__getitem__)
            return Snapshot(**self._shown, version=version, taken_at=at, restored=restored)
        except zlib.error:
            raise saved.UnreadableSaved("damaged") from None
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError):
            raise saved.UnreadableSaved("not told as this version tells") from None

    def _renew(self, name: bytes, changes: Mapping[str, Change], at: datetime, found: dict[int, Any]) -> None:
        """Begin anew with all things there are, but with those that were there before as the same objects."""
        told: Told = {}
        applied(told, changes, at)
        if told.keys() != ring_parts.PARTS.keys():
            raise saved.UnreadableSaved("not told as this version tells")
        if name == self._name:
            found |= {number: self._things[number] for number in found.keys() & self._things.keys()}
        else:
            for part, refs in told.items():
                old = self._found[part].numbers if part in self._found else []
                for number, was in zip(refs.numbers, old, strict=False):
                    if was in self._things and _alike(self._things[was], found[number]):
                        found[number] = self._things[was]
        self._name, self._found, self._things = name, told, found


def _alike(one: Any, other: Any) -> bool:
    if type(one) is Program and type(other) is Program:  # two of them are never equal
        return all(getattr(one, field.name) == getattr(other, field.name) for field in fields(Program))
    return ring_parts.same(one, other)


def _like(raw: bytes) -> bytes:
    """What the frames after a full one resemble: its beginning and its end."""
    return raw[:HEAD] + raw[max(HEAD, len(raw) - WINDOW + HEAD) :]


def _steps(numbers: Sequence[int]) -> bytes:
    """Numbers as their distances."""
    return array("q", (b - a for a, b in zip([0, *numbers], numbers, strict=False))).tobytes()


def _numbers(steps: bytes) -> list[int]:
    distances = array("q")
    distances.frombytes(steps)
    return list(accumulate(distances))
