"""PromQL about metrics that are there: what they hold, whether they grow, for how long they have been there.

Built as in `promql`: names in chunks, `what` says which question an element answers. Values are judged by
comparisons with numbers, which keep the metric's name and pass over native histograms: those have no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from controlroom.domain.evidence import Part
from controlroom.domain.frozen import dataclass
from controlroom.domain.promql import (
    CHUNK,
    EXACT,
    RECENT,
    RECENT_STEP,
    STEP,
    alternatives,
    each,
    named,
    over,
    quoted,
    tagged,
    union,
)
from controlroom.domain.signals import QUIET

MINUTE = 60
"""Seconds: the grid on which growth is looked at for more names than are asked one by one, and on which a
hold time longer than `FINE` is looked back on."""

FINE = 7_200

_VALUES: Mapping[str, str] = {
    "zero": "{} == 0",
    "other": "{} != 0",
    "numbers": "{} >= -Inf",
    "finite": "({} > -Inf) < Inf",
}
"""Of how many series each is true; NaN is unequal to 0 and to nothing else comparable."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about metrics that are there, each name once."""

    values: Sequence[str] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Label → metrics that must have it."""
    growth: Sequence[str] = ()
    natives: Sequence[str] = ()
    """Native histograms that must grow."""
    stamps: Sequence[str] = ()
    topics: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Metric → topics that it must have."""
    quiet: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Metric → the times in seconds that its topics may stand still; each metric of `topics` has some."""


def quality(wanted: Wanted) -> Mapping[Part, str]:
    """One expression for each part there is something to ask for; their union answers all of them.

    `what` is zero, other, numbers, finite (series of that kind by metric and job); ``without LABEL`` (series
    that lack it); grown, new, was (see `growth`); stamped (the least value); and see `topics`.
    """
    parts: dict[Part, str] = {}
    if wanted.values:
        parts["values"] = values(wanted.values)
    if wanted.labels:
        parts["labels"] = union([_without(label, names) for label, names in wanted.labels.items()])
    if wanted.growth or wanted.natives:
        parts["growth"] = growth(wanted.growth, wanted.natives)
    if wanted.stamps:
        least = over(wanted.stamps, lambda s: named(f"min by (__name__, job) ({s})"))
        parts["freshness"] = tagged(least, "what", "stamped")
    if wanted.topics:
        each_metric = [topics(metric, found, wanted.quiet[metric]) for metric, found in wanted.topics.items()]
        parts["topics"] = union(each_metric)
    return parts


def values(names: Sequence[str]) -> str:
    """How many series of each metric and job hold what; not a summary's quantiles, NaN whenever it idles."""

    def counted(comparison: str) -> str:
        return over(
            names, lambda s: named(f"count by (__name__, job) ({comparison.format(s)})"), ',quantile=""'
        )

    return union([tagged(counted(comparison), "what", what) for what, comparison in _VALUES.items()])


def _without(label: str, names: Sequence[str]) -> str:
    lacking = over(names, lambda s: named(f"count by (__name__, job) ({s})"), f',{label}=""')
    return tagged(lacking, "what", f"without {label}")


def growth(names: Sequence[str], natives: Sequence[str]) -> str:
    """By how much counters grew within `QUIET`: `grown` by metric and job; native histograms by observations.

    With it what a counter that appeared meanwhile already counts (`new`), as the first event often makes the
    series; and which were there at the beginning at all (`was`).
    """
    span, every = f"{QUIET:.0f}s", list(dict.fromkeys((*names, *natives)))

    def increase(name: str, form: str = "{}") -> str:
        return each(name, lambda s: f"sum by (job) ({form.format(f'increase({s}[{span}])')})")

    # label_replace makes a plain 0 of a native histogram in 2.42: its count has to be taken before.
    grown = [increase(name, "histogram_count({})") for name in natives]
    if len(names) > EXACT:
        grown.append(over(names, lambda s: f"sum by (metric, job) (increase({named(s)}[{span}:{MINUTE}s]))"))
    else:
        grown += [increase(name) for name in names]
    new = over(every, lambda s: f"sum by (metric, job) ({named(s)} unless {named(f'{s} offset {span}')})")
    was = over(every, lambda s: f"group by (metric, job) ({named(f'{s} offset {span}')})")
    return union(
        [tagged(union(grown), "what", "grown"), tagged(new, "what", "new"), tagged(was, "what", "was")]
    )


def topics(metric: str, names: Sequence[str], quiet: Sequence[int]) -> str:
    """What there is of topics of `metric`, by topic: `what` = topic series; ``topic grown SECONDS`` and
    ``topic was SECONDS`` for each of `quiet`."""
    parts = [tagged(_topics(metric, names, lambda s: f"count by (topic) ({s})"), "what", "topic series")]
    for seconds in dict.fromkeys(quiet):
        span = f"{seconds}s"

        def grown(series: str, span: str = span) -> str:
            return f"sum by (topic) (increase({series}[{span}]))"

        def was(series: str, span: str = span) -> str:
            return f"group by (topic) ({series} offset {span})"

        parts += [
            tagged(_topics(metric, names, grown), "what", f"topic grown {seconds}"),
            tagged(_topics(metric, names, was), "what", f"topic was {seconds}"),
        ]
    return tagged(union(parts), "metric", metric)


def topics_past(missing: Mapping[str, Sequence[str]], window: int) -> str:
    """When missing topics (by metric) last had a series: ``topic past STEP``, late by up to a step."""
    parts = []
    for span, step in ((window, STEP), (RECENT, RECENT_STEP)):

        def last(series: str, span: int = span, step: int = step) -> str:
            there = f"group by (topic) (last_over_time({series}[{step}s]))"
            return f"max_over_time(({there} * time())[{span}s:{step}s])"

        found = [tagged(_topics(metric, names, last), "metric", metric) for metric, names in missing.items()]
        parts.append(tagged(union(found), "what", f"topic past {step}"))
    return union(parts)


def _topics(metric: str, names: Sequence[str], make: Callable[[str], str]) -> str:
    name = f"__name__={quoted(metric)}"
    return union(
        [make(f"{{{name},topic=~{alternatives(names[i : i + CHUNK])}}}") for i in range(0, len(names), CHUNK)]
    )


def steady(names: Sequence[str], topics: Mapping[str, Sequence[str]], hold: float, at: float) -> str:
    """When what is there now began to be there without a hole; no element where all of `hold` has none.

    `at` is the instant of the question, in Unix seconds. `what` = begun by metric and job; up by job, for all
    targets of the job being up; topic by metric and topic. Each once on the grid, and once (``begun now``)
    for what has come since its last point: the later one counts.
    """
    step = RECENT_STEP if hold <= FINE else MINUTE
    since = round(at * 1000) % (step * 1000)

    def begun(what: str, there: Callable[[str], str]) -> list[str]:
        came = f"({there('')} unless {there(f' offset {step}s')}) * time()"
        parts = [tagged(f"max_over_time(({came})[{hold:.0f}s:{step}s])", "what", what)]
        if since:
            now = f"({there('')} unless {there(f' offset {since}ms')}) * time()"
            parts.append(tagged(now, "what", f"{what} now"))
        return parts

    parts = begun("up", lambda offset: f"(min by (job) (up{offset}) == 1)")
    for i in range(0, len(names), CHUNK):
        series = f"{{__name__=~{alternatives(names[i : i + CHUNK])}}}"

        def metrics(offset: str, series: str = series) -> str:
            return f"group by (metric, job) ({named(series + offset)})"

        parts += begun("begun", metrics)
    for metric, found in topics.items():
        for i in range(0, len(found), CHUNK):
            series = f"{{__name__={quoted(metric)},topic=~{alternatives(found[i : i + CHUNK])}}}"

            def topic(offset: str, series: str = series) -> str:
                return f"group by (topic) ({series}{offset})"

            parts += [tagged(part, "metric", metric) for part in begun("topic", topic)]
    return union(parts)
