"""Thresholds as people write them: ``> 0.8``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_WRITTEN = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*")

_MEANS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class Comparison(NamedTuple):
    """An operator and a number."""

    sign: str
    limit: float

    def holds(self, value: float) -> bool:
        """Whether it holds for `value`; for NaN, which is no number, it never does."""
        return not math.isnan(value) and _MEANS[self.sign](value, self.limit)

    def worse(self, value: float) -> float:
        """The larger, the deeper `value` is in what it holds for, or the nearer to it."""
        if self.sign in ("==", "!="):
            return 1.0 if self.holds(value) else 0.0
        return -value if "<" in self.sign else value


def comparison(text: str) -> Comparison | None:
    """`text` as a comparison; None where it is none.

    >>> comparison("> 0.8")
    Comparison(sign='>', limit=0.8)
    """
    written = _WRITTEN.fullmatch(text)
    return Comparison(written[1], float(written[2])) if written else None
