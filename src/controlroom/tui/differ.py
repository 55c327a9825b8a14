"""What came and what went between one tuple of a snapshot and the next, told by identity.

A refresh in which one blocker of ten thousand changed must cost what one blocker costs. Parts of a snapshot
that did not change are the same objects, so nothing has to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

SHIFTED = 8
"""More than one in so many other objects at the same place: things moved, and sets tell better."""


class Difference(NamedTuple, Generic[T]):
    """Objects that are no longer there, and objects that were not there before."""

    gone: Sequence[T]
    come: Sequence[T]


class Differ(Generic[T]):
    """Remembers the last tuple it saw, and keeps its objects alive, so that no identity is another's."""

    def __init__(self) -> None:
        self._before: tuple[T, ...] = ()

    def step(self, now: tuple[T, ...]) -> Difference[T]:
        """What changed since the last call. An object that is there twice may come and go twice."""
        before, self._before = self._before, now
        if before is now:
            return Difference((), ())
        if len(before) == len(now):
            changed = [(one, other) for one, other in zip(before, now, strict=True) if one is not other]
            if len(changed) <= max(1, len(now) // SHIFTED):
                return Difference([one for one, _ in changed], [other for _, other in changed])
        old, new = set(map(id, before)), set(map(id, now))
        if len(old) != len(before) or len(new) != len(now):
            return Difference(before, now)
        return Difference([o for o in before if id(o) not in new], [o for o in now if id(o) not in old])
