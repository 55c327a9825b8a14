"""PromQL for any number of metrics in one expression, as text (the semantics of Prometheus 2.42).

What shapes these expressions: `timestamp()` drops the metric's name, so over several names it fails with
"same labelset", and each name needs an expression of its own, tagged by `label_replace`; `count`, `sum`
and `group by (__name__, …)` and `last_over_time` keep it. A regular expression of plain alternatives is
looked up as a set up to 256 of them, hence names go in chunks of 200. `or` compares every element of one
side with the other, hence unions are balanced trees, not chains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

CHUNK = 200
"""Names in one regular expression."""

WINDOW = 7 * 86_400
"""Seconds of the past in which a metric is looked for."""

STEP = 300
"""Seconds: the grid on which the past is looked at, and Prometheus's own look-back."""

RECENT = 3_600
RECENT_STEP = 15
"""Seconds: the last hour is looked at on a finer grid, since that is what people are working on."""

SCRAPED = "scrape_samples_scraped"
KEPT = "scrape_samples_post_metric_relabeling"

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RESERVED = frozenset(
    "and or unless by without on ignoring group_left group_right bool offset start end atan2 inf nan sum avg "
    "count min max group stddev stdvar topk bottomk count_values quantile".split()
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def quoted(text: str) -> str:
    """`text` as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(metric: str, job: str | None = None) -> str:
    """The series of `metric` (in `job`), as a person would write it.

    >>> selector("up", "policy")
    'up{job="policy"}'
    """
    matchers = [] if job is None else [f"job={quoted(job)}"]
    if _NAME.fullmatch(metric) and metric.casefold() not in _RESERVED:
        return metric + ("{" + ",".join(matchers) + "}" if matchers else "")
    return "{" + ",".join([f"__name__={quoted(metric)}", *matchers]) + "}"


def alternatives(values: Iterable[str]) -> str:
    """A PromQL string with a regular expression that matches exactly `values`."""
    return quoted("|".join(map(re.escape, values)))


def union(expressions: Sequence[str]) -> str:
    """All elements of all `expressions`; at least one."""
    if len(expressions) == 1:
        return expressions[0]
    half = len(expressions) // 2
    return f"({union(expressions[:half])} or {union(expressions[half:])})"


def tagged(expression: str, label: str, value: str) -> str:
    """`expression` with `label` set to `value` on every element."""
    return f'label_replace({expression},"{label}",{quoted(value.replace("$", "$$"))},"","")'


def _over(names: Sequence[str], make: Callable[[str], str], extra: str = "") -> str:
    """The union of `make(selector)` over chunks of `names`."""
    return union(
        [
            make(f"{{__name__=~{alternatives(names[i : i + CHUNK])}{extra}}}")
            for i in range(0, len(names), CHUNK)
        ]
    )


def presence(names: Sequence[str]) -> str:
    """What is there now, atomically: `what` = series, instances, sum, up (label), by metric and job.

    All of it in one expression because one query reads one state of the database: `up` and the metrics of
    the same scrape are both in it or both not.
    """
    parts = [
        tagged("count by (job) (up)", "what", "targets"),
        tagged(
            f'sum by (__name__, job) ({{__name__=~"up|{SCRAPED}|{KEPT}"}})',
            "what",
            "sum",
        ),
    ]
    if names:
        parts += [
            tagged(_over(names, lambda s: f"count by (__name__, job) ({s})"), "what", "series"),
            tagged(
                _over(
                    names,
                    lambda s: f"count by (__name__, job) (group by (__name__, job, instance) ({s}))",
                    ',instance!=""',
                ),
                "what",
                "instances",
            ),
        ]
    return union(parts)


def newest(names: Sequence[str]) -> str:
    """Instant of the newest sample, by `metric` and job; only of what is there now."""
    return union([_each(name, lambda s: f"max by (job) (timestamp({s}))") for name in names])


def past(names: Sequence[str], window: int = WINDOW) -> str:
    """When anything of `names` was last there, by metric and job, late by up to a step.

    `last_over_time` over a step sees every sample there ever was; an instant vector on the same grid
    would miss a series that came and, marked stale, went between two points of it.
    """

    def grid(span: int, step: int) -> str:
        return _over(
            names,
            lambda s: (
                'max_over_time((group by (metric, job) (label_replace(last_over_time('
                f'{s}[{step}s]),"metric","$1","__name__","(.+)")) * time())[{span}s:{step}s])'
            ),
        )  # fmt: skip

    return union(
        [tagged(grid(window, STEP), "grid", "coarse"), tagged(grid(RECENT, RECENT_STEP), "grid", "fine")]
    )


def exact(names: Sequence[str], window: int = WINDOW) -> str:
    """The newest sample's own instant over the past, by `metric` and job; dearer than `past`."""

    def last(s: str, span: int, step: int) -> str:
        return f"max by (job) (max_over_time(timestamp({s})[{span}s:{step}s]))"

    def each(span: int, step: int) -> str:
        return union([_each(name, lambda s: last(s, span, step)) for name in names])

    return union(
        [tagged(each(window, STEP), "grid", "coarse"), tagged(each(RECENT, RECENT_STEP), "grid", "fine")]
    )


def held(window: int = WINDOW) -> str:
    """The oldest instant at which anything was scraped within `window`, by ever finer grids."""
    grids = ((window, 10_800), (10_800, 300), (300, 15))
    return union(
        [
            tagged(f"min_over_time((group(up) * time())[{span}s:{step}s])", "grid", str(step))
            for span, step in grids
        ]
    )


def stopped(started: float, window: int = WINDOW) -> str:
    """The newest instant before `started` (Unix seconds) at which anything had been scraped."""
    return f"max_over_time((group(last_over_time(up[{STEP}s])) * time())[{window}s:{STEP}s] @ {started:.3f})"


def instances(pairs: Iterable[tuple[str, str]]) -> str:
    """Up targets without the metric, by `metric`, job and instance, for pairs of metric and job."""
    return union(
        [
            tagged(
                f"group by (job, instance) ({missing_instances(metric, job)})",
                "metric",
                metric,
            )
            for metric, job in pairs
        ]
    )


def missing_instances(metric: str, job: str) -> str:
    """Up targets of `job` that do not give `metric`."""
    return f"up{{job={quoted(job)}}} == 1 unless on (job, instance) {selector(metric, job)}"


def _each(name: str, make: Callable[[str], str]) -> str:
    return tagged(make(f"{{__name__={quoted(name)}}}"), "metric", name)


def seconds(duration: str) -> float | None:
    """Seconds of a Go or Prometheus duration such as ``1m30s`` or ``15d``; None when it is none."""
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
