"""Gaps of a metric that is there: values that say nothing, and what was promised of them and is not so.

Topics that an exporter tells of are judged here as well: by their own series, never by the metric alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from controlroom.domain import promql
from controlroom.domain.evidence import TopicSeen
from controlroom.domain.instants import duration, render
from controlroom.domain.look import BY_HAND, Look, Rule, of_job, series_names
from controlroom.domain.signals import QUIET, Signal
from controlroom.domain.telemetry import GONE_CODES, QUALITY_CODES, GapCode, SignalReading

PARTS_OF_A_FAMILY: Mapping[str, frozenset[str]] = {
    "_total": frozenset({"counter"}),
    "_bucket": frozenset({"histogram", "gaugehistogram"}),
    "_count": frozenset({"histogram", "summary"}),
    "_sum": frozenset({"histogram", "summary"}),
    "_gcount": frozenset({"gaugehistogram"}),
    "_gsum": frozenset({"gaugehistogram"}),
    "_info": frozenset({"info"}),
    "_created": frozenset({"counter", "histogram", "summary"}),
}
"""Suffix → types of the families whose series end in it (OpenMetrics 1.0, Metric Types)."""

_OF_A_FORM = frozenset({"le", "quantile"})
"""Labels that say which part of a histogram or a summary a series is."""
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

_STEADY = QUALITY_CODES | {GapCode.OK}
"""Codes of what is there: since when it is, its presence tells."""


# -- what has to be asked --------------------------------------------------------------------------


def asks_label(signal: Signal) -> tuple[str, ...]:
    """Labels of `signal` that can be asked for; others are written in ways that not every server reads."""
    return tuple(label for label in signal.labels if _LABEL.fullmatch(label))


def grows(signal: Signal, present: Mapping[str, Mapping[str, object]]) -> str:
    """The series that grows with the activity behind `signal`: of a histogram or summary, its ``_count``."""
    names = series_names(signal)
    there = (name for name in reversed(names) if of_job(present.get(name, {}), signal.job))
    return next(there, names[0])


def type_names(metric: str) -> Iterator[tuple[str, frozenset[str] | None, str]]:
    """Under which names somebody may say the type of `metric`: name, the types it may have there, suffix.

    A counter's family is called with ``_total`` in the older text format and without it in OpenMetrics.
    """
    yield metric, None, ""
    for suffix, types in PARTS_OF_A_FAMILY.items():
        base = metric.removesuffix(suffix)
        if base and base != metric:
            yield base, types, suffix


# -- values ----------------------------------------------------------------------------------------


def _nan(look: Look) -> SignalReading | None:
    every = tuple(of_job(look.evidence.values.get(look.name, {}), look.signal.job).values())
    odd, series = sum(v.series - v.numbers for v in every), sum(v.series for v in every)
    if look.signal.topic is not None or odd <= 0:
        return None
    one = _without_quantiles(look)
    return look.reading(
        GapCode.NAN,
        f"{_of(odd, series)} NaN",
        "look for a division by zero where it is measured",
        f"{one} != {one}",
    )


def _inf(look: Look) -> SignalReading | None:
    every = tuple(of_job(look.evidence.values.get(look.name, {}), look.signal.job).values())
    odd, series = sum(v.numbers - v.finite for v in every), sum(v.series for v in every)
    if look.signal.topic is not None or odd <= 0:
        return None
    one = _without_quantiles(look)
    return look.reading(
        GapCode.INF,
        f"{_of(odd, series)} infinite",
        "look for a division by zero where it is measured",
        f"{one} == Inf or {one} == -Inf",
    )


def _without_quantiles(look: Look) -> str:
    """Its series; a summary's quantiles are NaN whenever nothing happens, and are not looked at."""
    quantiles = len(series_names(look.signal)) > 1 and look.name == look.signal.metric
    return promql.selector(look.name, look.signal.job, {"quantile": ""} if quantiles else None)


def _of(some: int, every: int) -> str:
    if every == 1:
        return "its value is"
    return f"{some} of {every} series are" if some > 1 else f"1 of {every} series is"


def _freshness(look: Look) -> SignalReading | None:
    most, oldest = look.signal.max_age, _stamp(look)
    if most is None or oldest is None:
        return None
    age = (look.now - oldest).total_seconds()
    if age <= most:
        return None
    never = oldest.timestamp() == 0
    text = "its time is 0: it has not happened yet" if never else f"its time is {duration(age)} ago"
    one = look.selector()
    reading = look.reading(
        GapCode.FRESHNESS,
        f"{text}, more than {duration(most)}" if not never else text,
        "look at what should have happened since",
        # A value beyond the year 5138 is one in milliseconds.
        f"time() - ({one} < 1e11 or {one} / 1000) > {most:g}",
    )
    return reading if never else replace(reading, since=oldest + timedelta(seconds=most))


def _stamp(look: Look) -> datetime | None:
    return min(of_job(look.evidence.stamped.get(look.name, {}), look.signal.job).values(), default=None)


def _unread(look: Look) -> SignalReading | None:
    """It is there, and what would tell whether that is worth anything could not be read."""
    unread = look.evidence.unread
    if look.newest() is None:
        reason, query = unread.get("newest", "it is not known"), f"time() - timestamp({look.selector()})"
        return look.reading(
            GapCode.UNKNOWN, f"present, but the age of its newest sample: {reason}", BY_HAND, query
        )
    if look.signal.topic is not None:
        return None
    if "values" in unread and look.name not in look.evidence.values:
        text = f"present, but whether its values are numbers: {unread['values']}"
        return look.reading(GapCode.UNKNOWN, text, BY_HAND)
    if look.signal.max_age is not None and "freshness" in unread and _stamp(look) is None:
        text = f"present, but how old the time in it is: {unread['freshness']}"
        return look.reading(GapCode.UNKNOWN, text, BY_HAND, f"time() - {look.selector()}")
    return None


# -- what was promised of it -----------------------------------------------------------------------


def _claims(look: Look) -> Iterator[tuple[str, frozenset[str]]]:
    """What somebody says it is, and the declared types with which that agrees."""
    for name, types, suffix in type_names(look.signal.metric):
        for said in look.evidence.types.get(name, ()):
            if types is None:
                yield said, frozenset({said, "gauge"} if said in ("info", "stateset") else {said})
            elif said in types:
                part = "gauge" if said in ("info", "gaugehistogram") or suffix == "_created" else "counter"
                yield said, frozenset({said, part})


def _wrong_type(look: Look) -> SignalReading | None:
    declared, claims = look.signal.type, tuple(_claims(look))
    if declared is None or not claims or any(declared in agrees for _, agrees in claims):
        return None
    said = " and ".join(sorted({said for said, _ in claims}))
    hint = f"declare it as {said}, or export it as {declared}"
    return look.reading(GapCode.WRONG_TYPE, f"it is exposed as {said}, not as {declared}", hint)


def _missing_label(look: Look) -> SignalReading | None:
    counts = {label: _lacking(look, label) for label in asks_label(look.signal)}
    lacking = [label for label, count in counts.items() if count]
    if not lacking:
        return None
    first = lacking[0]
    series = sum(p.series for p in look.found.values())
    more = f"; {' and '.join(lacking[1:])} is missing too" if lacking[1:] else ""
    have = "its series has" if series == 1 else f"{min(counts[first], series)} of {series} series have"
    return look.reading(
        GapCode.MISSING_LABEL,
        f"{have} no label {first}{more}",
        f"add the label {first} where it is exported, or strike it from the promise",
        promql.selector(look.name, look.signal.job, {first: ""}),
    )


def _lacking(look: Look, label: str) -> int:
    """Of how many series `label` is missing; what only names a part of a histogram is not, on its count."""
    if label in _OF_A_FORM and look.name != look.signal.metric:
        return 0
    return sum(of_job(look.evidence.unlabelled.get((look.name, label), {}), look.signal.job).values())


def _growth(look: Look) -> tuple[float, ...]:
    """By how much it grew, by job; nothing where that is not known: unread, or too young to say."""
    name = grows(look.signal, look.evidence.present)
    return tuple(of_job(look.evidence.grown.get(name, {}), look.signal.job).values())


def _flat(look: Look) -> SignalReading | None:
    if not look.signal.expect_activity:
        return None
    name, grown = grows(look.signal, look.evidence.present), _growth(look)
    if not grown or any(not amount <= 0 for amount in grown):
        return None
    return look.reading(
        GapCode.FLAT,
        f"it has not grown for {duration(QUIET)}",
        "ask whether anything happens there at all",
        f"sum by (job) (increase({promql.selector(name, look.signal.job)}[{QUIET:.0f}s])) == 0",
    )


def unchecked(look: Look) -> tuple[GapCode, ...]:
    """Gaps in quality that could not be looked for."""
    signal, unread = look.signal, look.evidence.unread
    missing = {
        GapCode.WRONG_TYPE: signal.type is not None and not any(_claims(look)),
        GapCode.MISSING_LABEL: bool(signal.labels and "labels" in unread)
        or len(asks_label(signal)) < len(signal.labels),
        GapCode.FLAT: signal.expect_activity and not _growth(look),
    }
    return tuple(code for code, is_so in missing.items() if is_so)


# -- topics ----------------------------------------------------------------------------------------


def _topic(look: Look) -> TopicSeen | None:
    return look.evidence.topics.get((look.signal.metric, look.signal.topic or ""))


def _topic_selector(look: Look) -> str:
    return promql.selector(look.signal.metric, None, {"topic": look.signal.topic or ""})


def _topic_absent(look: Look) -> SignalReading | None:
    """The metric is there, and none of its series is of the topic."""
    topic, seen = look.signal.topic, _topic(look)
    if topic is None or (seen is not None and seen.series):
        return None
    query = _topic_selector(look)
    unread = look.evidence.unread.get("topics")
    if seen is None:
        text = f"whether topic {topic} has traffic: {unread or 'it is not known'}"
        return _without_age(look.reading(GapCode.UNKNOWN, text, BY_HAND, query), None)
    down = [target for target in look.targets() if target.health == "down"]
    if down:
        text = (
            f"no series of topic {topic}; {down[0].instance} is down: {down[0].error or 'it does not answer'}"
        )
        hint = f"start {down[0].instance} or mend how it is scraped"
        return _without_age(look.reading(GapCode.TARGET_DOWN, text, hint, query), seen)
    if seen.last is not None:
        text = f"{look.signal.metric} had a series of it until {render(seen.last)}"
        found = look.reading(
            GapCode.DISAPPEARED, text, "ask who deleted the topic, or what its exporter leaves out", query
        )
        return _without_age(found, seen)
    if unread is not None:
        text = f"no series of topic {topic} now; whether there ever was: {unread}"
        return _without_age(look.reading(GapCode.UNKNOWN, text, BY_HAND, query), seen)
    text, hint = (
        f"no series of {look.signal.metric} is of topic {topic}",
        "create the topic, or correct its name",
    )
    return _without_age(look.reading(GapCode.NEVER_SEEN, text, hint, query), seen)


def _without_age(reading: SignalReading, seen: TopicSeen | None) -> SignalReading:
    """`reading` of a topic: what is known of its metric's series as a whole says nothing of it."""
    last = seen.last if seen is not None else None
    return replace(reading, last_seen=last, sample_age=None, series=seen.series if seen is not None else None)


def _topic_silent(look: Look) -> SignalReading | None:
    seen = _topic(look)
    if look.signal.topic is None or seen is None:
        return None
    grown, quiet = seen.grown.get(round(look.signal.quiet)), look.signal.quiet
    query = f"sum(increase({_topic_selector(look)}[{quiet:.0f}s]))"
    if grown is None:
        text = f"no message yet; its series are younger than {duration(quiet)}"
        found = look.reading(GapCode.UNKNOWN, text, "wait until it has been there that long", query)
    elif math.isnan(grown):
        found = look.reading(GapCode.NAN, "its count is NaN", "look at its exporter", query)
    elif grown <= 0:
        text = f"no message for {duration(quiet)}"
        found = look.reading(GapCode.TOPIC_SILENT, text, "ask whoever writes to it", query)
        found = replace(found, since=look.now - timedelta(seconds=quiet))
    else:
        return None
    return replace(found, series=seen.series)


def fine(look: Look) -> SignalReading:
    """What is said of a signal that nothing is wrong with."""
    seen, signal = _topic(look), look.signal
    if signal.topic is None or seen is None:
        count = sum(p.series for p in look.found.values())
        return look.reading(GapCode.OK, f"{count} series" if count != 1 else "1 series")
    grown, span = seen.grown.get(round(signal.quiet), 0.0), duration(signal.quiet)
    text = f"about {grown:,.0f} messages in {span}" if grown >= 1.5 else f"a message within {span}"
    query = f"sum(increase({_topic_selector(look)}[{signal.quiet:.0f}s]))"
    return replace(look.reading(GapCode.OK, text, None, query), series=seen.series)


# -- since when ------------------------------------------------------------------------------------


def dated(look: Look, reading: SignalReading) -> SignalReading:
    """`reading` with since when it is so, as far as what is stored tells."""
    if reading.since is not None:
        return reading
    if reading.code in _STEADY:
        seconds = _steady(look)
        return reading if seconds is None else replace(reading, since=look.now - timedelta(seconds=seconds))
    return replace(reading, since=reading.last_seen) if reading.code in GONE_CODES else reading


def _steady(look: Look) -> float | None:
    """Seconds for which it has been there without a hole, wherever it is; None: not known."""
    seen = _topic(look)
    if look.signal.topic is not None:
        return seen.steady if seen is not None else None
    by_job = look.evidence.steady.get(look.name, {})
    if not look.found or not by_job.keys() >= look.found.keys():
        return None
    return min(by_job[job] for job in look.found)


TOPICS: Sequence[Rule] = (_topic_absent,)
"""A topic that is not there, though what should count it is."""

BEFORE_AGE: Sequence[Rule] = (_nan, _inf)
"""What is worse than an old sample."""

# What is not known comes after every gap that fails a gate, and before those that only warn of something.
RULES: Sequence[Rule] = (_freshness, _topic_silent, _unread, _wrong_type, _missing_label, _flat)
"""What is less than an old sample, worst first."""
