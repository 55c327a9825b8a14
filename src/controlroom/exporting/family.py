"""What a family of series is, before any library writes it down."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from controlroom.domain.text import clean

T = TypeVar("T")

Sample = tuple[Sequence[str | None], float | None]
"""Values of the labels, and the value; None: it is not known, and there is no such series."""

LABEL_LIMIT = 200
"""Characters of the value of a label; more are nobody's name."""

NOBODY = "(none)"
"""Squad of what belongs to no squad; no squad has such an id."""


class Family(NamedTuple, Generic[T]):
    """Series of one name. A name that ends in ``_total`` is a counter, any other one a gauge."""

    name: str
    labels: tuple[str, ...]
    text: str
    """What the value means, for people."""
    samples: Callable[[T], Iterable[Sample]]


def one_of(
    labels: Sequence[str], found: str, every: Iterable[str], unsure: Collection[str] = ("unknown",)
) -> Iterator[Sample]:
    """1 for what it is, 0 for all that it is not. Of what is not known there is only that, as whoever asks
    whether it is down must not hear no."""
    for one in (found,) if found in unsure else every:
        yield (*labels, one), float(one == found)


def labelled(samples: Iterable[Sample]) -> Iterator[tuple[tuple[str, ...], float]]:
    """What there is of `samples`, each label one clean line, each series once, as two of the same would make
    Prometheus refuse them."""
    before = set[tuple[str, ...]]()
    for labels, value in samples:
        if value is not None:
            named = tuple(clean(label or "", LABEL_LIMIT) for label in labels)
            if named not in before:
                before.add(named)
                yield named, value
