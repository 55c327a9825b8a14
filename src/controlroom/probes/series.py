"""Numbers in an answer of Prometheus's HTTP API ("Expression query result formats"), with their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlroom.domain.frozen import dataclass
from controlroom.probes.wording import foreign

LABELS = 3
"""Labels that name one series among others."""

_LABEL = 30
_HIDDEN = "__name__"


@dataclass(frozen=True, slots=True)
class Found:
    """What a query gave: (labels, value) of each series; `text` where it is no number at all."""

    series: Sequence[tuple[Mapping[str, str], float]] = ()
    text: str = ""


def series(data: Mapping[str, Any]) -> Found | None:
    """The series in `data`; None where no Prometheus would say so.

    Of a range vector the newest value of each series counts; a native histogram has no single value and
    is NaN.
    """
    kind, result = data.get("resultType"), data.get("result")
    if kind not in ("vector", "matrix", "scalar", "string") or not isinstance(result, list):
        return None
    try:
        if kind == "string":
            return Found(text=foreign(result[1], 40) or "nothing")
        if kind == "scalar":
            return Found([({}, float(result[1]))])
        return Found(list(_each(result)))
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _each(result: list[Any]) -> Iterator[tuple[Mapping[str, str], float]]:
    for one in result:
        point = one["values"][-1] if one.get("values") else one.get("value")
        labels = one["metric"]
        if not isinstance(labels, dict):
            raise TypeError(labels)
        yield labels, float(point[1]) if point is not None else float("nan")


def named(labels: Mapping[str, str], among: Sequence[tuple[Mapping[str, str], float]]) -> str:
    """``instance=a, job=b``: what tells one series from the others; of the only one, its first labels."""
    keys = [key for key in labels if key != _HIDDEN]
    telling = [key for key in keys if any(other.get(key) != labels[key] for other, _ in among)]
    shown = sorted(telling or keys)[:LABELS]
    return ", ".join(f"{foreign(key, _LABEL)}={foreign(labels[key], _LABEL)}" for key in shown)
