"""How a moment is told: each part as a whole, or only the places in it that differ from the moment before."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

from controlroom.stores.ring_parts import packed, unpacked


class Refs(NamedTuple):
    """One part of the room at a moment: the numbers of its things, and what moved of each."""

    numbers: list[int]
    quick: list[Any]
    aside: list[Any]


Told = dict[str, Refs]
"""The room at a moment, by part."""

Place = tuple[int, int | None, Any, Any]
"""Which thing of a part, and what is new of it: its number, what moves, what may move; None: as before."""

Change = tuple[bytes, Sequence[Any], Sequence[Any]] | tuple[Place, ...]


def entire(refs: Refs, at: datetime) -> Change:
    """A part as a whole. Numbers are told by their distances: those of things that came together are one."""
    steps = [b - a for a, b in zip([0, *refs.numbers], refs.numbers, strict=False)]
    quick = tuple(None if moved is None else packed(moved, at) for moved in refs.quick)
    return array("q", steps).tobytes(), _brief(quick), _brief(refs.aside)


def place(number: int, before: Refs, after: Refs, at: datetime) -> Place | None:
    """What differs in one place of a part; None where nothing does."""
    ref = after.numbers[number] if after.numbers[number] != before.numbers[number] else None
    moved, besides = after.quick[number], after.aside[number]
    quick = None if moved is None or moved == before.quick[number] else packed(moved, at)
    aside = None if besides is None or besides == before.aside[number] else besides
    return None if ref is None and quick is None and aside is None else (number, ref, quick, aside)


def applied(found: Told, changes: Mapping[str, Change], at: datetime) -> None:
    """Turn `found`, the moment before, into the one at `at`."""
    for name, change in changes.items():
        if change and isinstance(change[0], bytes):
            found[name] = _whole(change, at)
            continue
        refs = found[name]
        for number, ref, quick, aside in change:
            if ref is not None:
                refs.numbers[number] = ref
            if quick is not None:
                refs.quick[number] = unpacked(quick, at)
            if aside is not None:
                refs.aside[number] = aside


def _whole(change: tuple[bytes, Sequence[Any], Sequence[Any]], at: datetime) -> Refs:
    steps = array("q")
    steps.frombytes(change[0])
    numbers = list(accumulate(steps))
    quick = [None if moved is None else unpacked(moved, at) for moved in _full(change[1], len(numbers))]
    return Refs(numbers, quick, list(_full(change[2], len(numbers))))


def _brief(values: Sequence[Any]) -> Sequence[Any]:
    return tuple(values) if any(value is not None for value in values) else ()


def _full(values: Sequence[Any], length: int) -> Sequence[Any]:
    return values if len(values) == length else (None,) * length
