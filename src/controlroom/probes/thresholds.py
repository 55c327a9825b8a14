"""Series of numbers against thresholds: the worst counts, and says so in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from controlroom.domain.asks import PromqlAsks
from controlroom.domain.comparison import Comparison, comparison
from controlroom.domain.services import Health
from controlroom.probes.port import Trouble
from controlroom.probes.series import Found, named
from controlroom.probes.wording import foreign

Weighed = tuple[Health, str, Mapping[str, str]]
"""Health, reason, detail."""


class Threshold(NamedTuple):
    """What a value is for which `when` holds."""

    health: Health
    when: Comparison


def thresholds(asks: PromqlAsks) -> tuple[Threshold, ...]:
    """The thresholds of `asks`, the worst first. Raises Trouble."""
    found = []
    for health, written in ((Health.DOWN, asks.down), (Health.DEGRADED, asks.degraded)):
        if written is None:
            continue
        when = comparison(written)
        if when is None:
            raise Trouble(f"promql.{health.value} is no comparison", Health.UNKNOWN)
        found.append(Threshold(health, when))
    return tuple(found)


def weigh(found: Found, limits: tuple[Threshold, ...], asks: PromqlAsks) -> Weighed:
    """What `found` says: DOWN before DEGRADED before what is no number before UP."""
    if found.text:
        return Health.UNKNOWN, f"the query gives a text, no number: {found.text}", {}
    if not found.series:
        return Health(asks.empty), "no series", {"series": "0"}
    count = f", {len(found.series)} series" if len(found.series) > 1 else ""
    unit = f" {foreign(asks.unit, 12)}" if asks.unit else ""
    for health, when in limits:
        broken = [one for one in found.series if when.holds(one[1])]
        if broken:
            labels, value = max(broken, key=lambda one: when.worse(one[1]))
            shown = number(value, when)
            said = f"{shown}{unit} {when.sign} {number(when.limit)}{unit}"
            return health, _said(said, labels, found, count), _detail(shown + unit, found)
    unknown = [labels for labels, value in found.series if math.isnan(value)]
    if unknown:
        said = "NaN is no number"
        return Health.UNKNOWN, _said(said, unknown[0], found, count), _detail("NaN", found)
    nearest = limits[-1].when if limits else Comparison(">", 0.0)
    labels, value = max(found.series, key=lambda one: nearest.worse(one[1]))
    shown = number(value, *(limit.when for limit in limits)) + unit
    return Health.UP, _said(shown, labels, found, count), _detail(shown, found)


def number(value: float, *limits: Comparison) -> str:
    """`value` in four digits, or as many as it takes to be on its own side of every limit."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    for digits in (4, 7, 10):
        text = f"{value:.{digits}g}"
        if all(limit.holds(float(text)) == limit.holds(value) for limit in limits):
            return text
    return repr(value)


def _said(words: str, labels: Mapping[str, str], found: Found, count: str) -> str:
    name = named(labels, found.series)
    return words + (f" ({name})" if name else "") + count


def _detail(value: str, found: Found) -> Mapping[str, str]:
    return {"value": value, "series": str(len(found.series))}
