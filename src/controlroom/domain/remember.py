"""Results that are kept for as long as what they were made from is the very same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN = (str, int, dt.date, type(None))


def remember(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, a pure one, that answers from its last call when asked with the same objects.

    Big parts are compared by identity (a snapshot reuses what did not change), plain values by value. An
    equal new result gives way to the old one, so whoever compares results by identity sees no change.
    """
    last: list[tuple[tuple[object, ...], R]] = []

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        known = last[0] if last else None
        if known is not None and not kwargs and _same(known[0], args):
            return known[1]
        made = function(*args, **kwargs)
        if known is not None and type(made) is type(known[1]) and made == known[1]:
            made = known[1]
        if not kwargs:
            last[:] = [(args, made)]
        return made

    return answer


def _same(known: tuple[object, ...], given: tuple[object, ...]) -> bool:
    return len(known) == len(given) and all(
        one is other or (isinstance(one, _PLAIN) and type(one) is type(other) and one == other)
        for one, other in zip(known, given, strict=True)
    )
