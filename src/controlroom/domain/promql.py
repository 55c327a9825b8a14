"""PromQL for any number of metrics in one expression, as text (the semantics of Prometheus 2.42).

What shapes these expressions: `timestamp()` drops the metric's name, so over several names it fails with
"same labelset", and each name needs an expression of its own, tagged by `label_replace`; `count`, `sum`
and `group by (__name__, …)` and `last_over_time` keep it. A regular expression of plain alternatives is
looked up as a set up to 256 of them, hence names go in chunks of 200. `or` compares every element of one
side with the other, hence unions are balanced trees, not chains; and it ignores the metric's name in that,
hence names go into a label first, or all but the first chunk would be taken for repetitions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

CHUNK = 200
"""Names in one regular expression."""

EXACT = 1_000
"""Names whose newest samples are asked for one by one."""

WINDOW = 7 * 86_400
"""Seconds of the past in which a metric is looked for."""

STEP = 300
"""Seconds: the grid on which the past is looked at, and Prometheus's own look-back."""

RECENT = 3_600
RECENT_STEP = 15
"""Seconds: the last hour is looked at on a finer grid, since that is what people are working on."""

HELD_STEP = 10_800
"""Seconds: the grid on which the whole window is searched for the oldest scrape."""

UP = "max by (job, instance) (up)"
"""Every target there is, for servers whose API lists none."""

SCRAPED = "scrape_samples_scraped"
KEPT = "scrape_samples_post_metric_relabeling"

Declared = tuple[str, str | None]
"""A metric, and the job it is declared for; None is any."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RESERVED = frozenset(
    {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}
    | {
        "start",
        "end",
        "atan2",
        "inf",
        "nan",
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
    }
    | {"topk", "bottomk", "count_values", "quantile"}
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def quoted(text: str) -> str:
    """`text` as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(metric: str, job: str | None = None, labels: Mapping[str, str] | None = None) -> str:
    """The series of `metric` (in `job`, and with `labels`), as a person would write it.

    >>> selector("up", "policy", {"instance": "a:1"})
    'up{job="policy",instance="a:1"}'
    """
    wanted = {} if job is None else {"job": job}
    matchers = [f"{label}={quoted(value)}" for label, value in (wanted | dict(labels or {})).items()]
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


def over(names: Sequence[str], make: Callable[[str], str], extra: str = "") -> str:
    """The union of `make(selector)` over chunks of `names`; `extra` are further matchers, comma first."""
    return union(
        [
            make(f"{{__name__=~{alternatives(names[i : i + CHUNK])}{extra}}}")
            for i in range(0, len(names), CHUNK)
        ]
    )


def named(expression: str) -> str:
    """`expression` with the metric's name in a label that `or` looks at."""
    return f'label_replace({expression},"metric","$1","__name__","(.+)")'


def presence(names: Sequence[str]) -> str:
    """What is there now, by metric and job: `what` = series, instances, sum; targets by job.

    All of it in one expression because one query reads one state of the database: `up` and the metrics of
    the same scrape are both in it or both not.
    """
    sums = f'sum by (__name__, job) ({{__name__=~"up|{SCRAPED}|{KEPT}"}})'
    parts = [tagged("count by (job) (up)", "what", "targets"), tagged(named(sums), "what", "sum")]
    if names:
        series = over(names, lambda s: named(f"count by (__name__, job) ({s})"))
        instances = over(
            names,
            lambda s: named(f"count by (__name__, job) (group by (__name__, job, instance) ({s}))"),
            ',instance!=""',
        )
        parts += [tagged(series, "what", "series"), tagged(instances, "what", "instances")]
    return union(parts)


def newest(names: Sequence[str]) -> str:
    """Instant of the newest sample, by `metric` and job; only of what is there now.

    Exact for as many names as any programme declares; beyond that late by up to a step of five seconds,
    as ten thousand expressions would take Prometheus as many milliseconds.
    """
    if len(names) > EXACT:
        return over(names, lambda s: _last(s, STEP, 5))
    return union([each(name, lambda s: f"max by (job) (timestamp({s}))") for name in names])


def _last(series: str, span: int, step: int) -> str:
    there = named(f"last_over_time({series}[{step}s])")
    return f"max_over_time((group by (metric, job) ({there}) * time())[{span}s:{step}s])"


def past(missing: Sequence[Declared], window: int, started: float | None = None) -> str:
    """When anything `missing` was last there (`what` = past), by metric and job, late by up to a step.

    With it: the oldest instant at which anything was scraped (`held`), on ever finer grids, and the newest
    such instant before `started` in Unix seconds (`stopped`). `last_over_time` over a step sees every
    sample there ever was; an instant vector on the same grid would miss a series that came and, marked
    stale, went between two points of it.
    """
    parts = [tagged(_grid(missing, span, step), "what", f"past {step}") for span, step in _grids(window)]
    parts += [
        tagged(f"min_over_time((group(up) * time())[{span}s:{step}s])", "what", f"held {step}")
        for span, step in ((window, HELD_STEP), (HELD_STEP, STEP), (STEP, 5))
    ]
    # A server that has just begun has nothing at any point of a grid yet.
    parts.append(tagged("min(timestamp(up))", "what", "held 0"))
    if started is not None:
        scraped = f"(group(last_over_time(up[{STEP}s])) * time())[{window}s:{STEP}s] @ {started:.3f}"
        parts.append(tagged(f"max_over_time({scraped})", "what", "stopped"))
    return union(parts)


def _grids(window: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (window, STEP), (RECENT, RECENT_STEP)


def _grid(missing: Sequence[Declared], span: int, step: int) -> str:
    def last(series: str) -> str:
        return _last(series, span, step)

    # Only the declared jobs are searched where they are known: elsewhere the same name may be a giant.
    anywhere = list(dict.fromkeys(metric for metric, job in missing if job is None))
    within = list(dict.fromkeys(metric for metric, job in missing if job is not None))
    jobs = dict.fromkeys(job for _, job in missing if job is not None)
    parts = [over(anywhere, last)] if anywhere else []
    return union([*parts, over(within, last, f",job=~{alternatives(jobs)}")] if within else parts)


def detail(
    gone: Sequence[Declared], partial: Sequence[tuple[str, str]], near: Sequence[str], window: int
) -> str | None:
    """What is asked once it is known what is wrong; None when nothing is.

    `exact`: the instants of the last samples of the metrics `gone`. `absent`: up targets that do not give
    one of the (metric, job) pairs `partial`. `near`: in which jobs the metrics `near` are.
    """
    parts = []
    for span, step in _grids(window) if gone else ():

        def last(series: str, span: int = span, step: int = step) -> str:
            return f"max by (job) (max_over_time(timestamp({series})[{span}s:{step}s]))"

        exact = union([each(metric, last, job) for metric, job in gone])
        parts.append(tagged(exact, "what", f"exact {step}"))
    if partial:
        absent = [
            tagged(f"group by (job, instance) ({missing_instances(metric, job)})", "metric", metric)
            for metric, job in partial
        ]
        parts.append(tagged(union(absent), "what", "absent"))
    if near:
        parts.append(tagged(over(near, lambda s: named(f"group by (__name__, job) ({s})")), "what", "near"))
    return union(parts) if parts else None


def missing_instances(metric: str, job: str) -> str:
    """Up targets of `job` that do not give `metric`."""
    return f"up{{job={quoted(job)}}} == 1 unless on (job, instance) {selector(metric, job)}"


def each(name: str, make: Callable[[str], str], job: str | None = None) -> str:
    """`make(selector)` of one name, tagged with it: for functions that drop it."""
    own = "" if job is None else f",job={quoted(job)}"
    return tagged(make(f"{{__name__={quoted(name)}{own}}}"), "metric", name)


def seconds(duration: str) -> float | None:
    """Seconds of a Go or Prometheus duration such as ``1m30s`` or ``15d``; None when it is none."""
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
