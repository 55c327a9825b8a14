"""What metrics that are there hold: asked for in two queries and, where a type is promised, one list.

The first query answers several parts at once. Where Prometheus refuses it, each part is asked for by itself,
so that what it cannot answer takes nothing else away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controlroom.domain import promql, promql_quality, quality
from controlroom.domain.evidence import Evidence, Part
from controlroom.domain.frozen import dataclass
from controlroom.domain.look import of_job, series_names
from controlroom.domain.signals import Signal
from controlroom.net import prometheus, rows
from controlroom.net.fetch import Api, FetchError
from controlroom.net.notes import Notes, nothing, outcome
from controlroom.net.prometheus import QueryRefused, Vector

KEPT = 60.0
"""Seconds for which the types of metrics hold."""

_SHOWN: Mapping[Part, str] = {
    "values": "values",
    "labels": "missing labels",
    "growth": "growth",
    "freshness": "times in values",
    "topics": "topics",
    "steady": "for how long it has been there",
    "types": "types",
}


@dataclass(frozen=True, slots=True)
class _Types:
    """What was said of types, and when."""

    names: frozenset[str]
    at: datetime
    found: Mapping[str, frozenset[str]]


class Quality:
    """Asks one server what its metrics hold. `hold` is in seconds: how far presence is looked back on."""

    def __init__(self, api: Api, hold: float) -> None:
        self._api, self._hold = api, hold
        self._types: _Types | None = None

    async def examine(
        self, signals: Sequence[Signal], evidence: Evidence, at: datetime, notes: Notes
    ) -> Evidence:
        """`evidence`, which says what is there, with what of it can be told."""
        wanted = _wanted(signals, evidence)
        parts = promql_quality.quality(wanted)
        steady = self._steady(evidence, wanted.topics, at)
        told, lasting, types = await asyncio.gather(
            self._ask(parts, at, notes),
            outcome(prometheus.query(self._api, steady, at)) if steady else nothing(),
            self._typed(signals, at, notes),
        )
        found = rows.quality(evidence, told)
        if "topics" not in notes.unread:
            found = replace(found, topics=rows.topics(told, wanted.topics))
        since = notes.rows("steady", lasting)
        if steady and "steady" not in notes.unread:
            found = rows.steady(found, since, self._hold, at)
        for part, reason in notes.unread.items():
            if part in _SHOWN:
                notes.warn(f"{_SHOWN[part]} could not be read: {reason}")
        return replace(found, types=types)

    async def topics_past(self, evidence: Evidence, at: datetime, notes: Notes) -> Evidence:
        """`evidence` with when topics that are not there now last were."""
        missing: dict[str, list[str]] = {}
        for (metric, topic), seen in evidence.topics.items():
            if not seen.series:
                missing.setdefault(metric, []).append(topic)
        if not missing:
            return evidence
        question = promql_quality.topics_past(missing, int(evidence.window))
        answer = await outcome(prometheus.query(self._api, question, at))
        past = rows.topics_past(notes.rows("topics", answer))
        if isinstance(answer, FetchError):
            notes.warn(f"the past of topics could not be read: {answer.reason}")
        topics = {key: replace(seen, last=past.get(key)) for key, seen in evidence.topics.items()}
        return replace(evidence, topics=topics)

    def _steady(self, evidence: Evidence, topics: Mapping[str, Sequence[str]], at: datetime) -> str | None:
        if self._hold <= 0 or not evidence.present:
            return None
        return promql_quality.steady(list(evidence.present), topics, self._hold, at.timestamp())

    async def _ask(self, parts: Mapping[Part, str], at: datetime, notes: Notes) -> rows.Rows:
        if not parts:
            return ()
        answer = await outcome(prometheus.query(self._api, promql.union(list(parts.values())), at))
        if isinstance(answer, QueryRefused) and len(parts) > 1:
            each = [outcome(prometheus.query(self._api, question, at)) for question in parts.values()]
            answers: Sequence[Vector | FetchError] = await asyncio.gather(*each)
            told = [notes.rows(part, one) for part, one in zip(parts, answers, strict=True)]
            return [row for one in told for row in one]
        if isinstance(answer, FetchError):
            notes.unread.update(dict.fromkeys(parts, answer.reason))
            return ()
        notes.warn(*answer.warnings)
        return answer.rows

    async def _typed(
        self, signals: Sequence[Signal], at: datetime, notes: Notes
    ) -> Mapping[str, frozenset[str]]:
        """Under each name that may tell the type of a signal, the types that are told."""
        metrics = {signal.metric for signal in signals if signal.type is not None}
        names = frozenset(name for metric in metrics for name, _, _ in quality.type_names(metric))
        kept = self._types
        if not names:
            return {}
        if kept is not None and kept.names == names and 0 <= (at - kept.at).total_seconds() <= KEPT:
            return kept.found
        answer = await outcome(prometheus.metadata(self._api))
        if isinstance(answer, FetchError):
            notes.unread["types"] = answer.reason
            return {}
        found = {name: answer[name] for name in names & answer.keys()}
        self._types = _Types(names, at, found)
        return found


def _wanted(signals: Sequence[Signal], evidence: Evidence) -> promql_quality.Wanted:
    """What is asked about `signals`, as far as they are there."""
    present = evidence.present
    values: dict[str, None] = {}
    labels: dict[str, dict[str, None]] = {}
    growth: dict[str, None] = {}
    natives: dict[str, None] = {}
    stamps: dict[str, None] = {}
    topics: dict[str, dict[str, None]] = {}
    quiet: dict[str, dict[int, None]] = {}
    for signal in signals:
        there = [name for name in series_names(signal) if of_job(present.get(name, {}), signal.job)]
        if not there:
            continue
        if signal.topic is not None:
            topics.setdefault(signal.metric, {})[signal.topic] = None
            quiet.setdefault(signal.metric, {})[round(signal.quiet)] = None
            continue
        values[there[0]] = None
        for label in quality.asks_label(signal):
            labels.setdefault(label, {})[there[0]] = None
        if signal.expect_activity:
            name = quality.grows(signal, present)
            # A histogram of several series has none of its bare name.
            native = signal.type == "histogram" and name == signal.metric and len(series_names(signal)) > 1
            (natives if native else growth)[name] = None
        if signal.max_age is not None:
            stamps[there[0]] = None
    return promql_quality.Wanted(
        list(values),
        {label: list(names) for label, names in labels.items()},
        [name for name in growth if name not in natives],
        list(natives),
        list(stamps),
        {metric: list(names) for metric, names in topics.items()},
        {metric: list(spans) for metric, spans in quiet.items()},
    )
