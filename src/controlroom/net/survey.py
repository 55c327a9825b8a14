"""Asks a Prometheus what it held over some days, in a bounded number of bounded requests.

How many there are depends on how many metrics there are, never on squads: metrics and labels go in chunks
that fit into a URL, since the agreed client puts every query there (`bounded.py`). A chunk whose answer is
too much is asked for in halves. What cannot be found out is noted, and the rest still told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TypeVar, cast

from controlroom.config.values import PrometheusServer
from controlroom.domain import promql
from controlroom.domain.survey import STEADY, Exported, MetricType, Survey, family, noise, own
from controlroom.domain.text import clean
from controlroom.net.bounded import URL_LIMIT, Client, Refused, TooMuch, url_length
from controlroom.net.fetch import Api, FetchError, Resolve
from controlroom.net.names import NAMES_KEPT, near
from controlroom.net.prometheus import QueryRefused, query
from controlroom.net.threads import in_daemon

PATIENCE = 30.0
"""Seconds for one request at least: looking back over days takes longer than looking at now."""

POINTS = 672
"""Instants at which the past is looked at; of seven days every quarter of an hour."""

LABELS = 120
"""Labels that are looked for on series; more are not."""

FAILURES = 12
"""Requests of one part that may fail before it is given up."""

DAY = 86_400
HALF_HOUR = 1_800
TELLING = ("squad", "team")
"""Labels that say whose a series is, the most telling first."""

_EVERYWHERE = frozenset({"__name__", "job", "instance", "le", "quantile", *TELLING})
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_TYPES: Mapping[str, frozenset[str]] = {}
_TYPES = frozenset({"counter", "gauge", "histogram", "summary"})

Key = tuple[str, str, str]
"""Series name, job, and what the series' labels say of whose it is; empty where there is no such label."""

Rows = list[tuple[Mapping[str, str], float]]
Question = Callable[[Sequence[str]], str]
T = TypeVar("T")


async def survey(
    server: PrometheusServer, resolve: Resolve, named: Collection[str], at: datetime, days: int
) -> Survey:
    """What `server` held over `days` days up to `at`.

    `named` are metrics that somebody has named: they are told of whatever they are, and near names of those
    that are not there.
    """
    api = Api(server, resolve)
    try:
        # A first question through the API that can say what is wrong with a server, or with its address.
        with suppress(QueryRefused):
            await query(api, "vector(1)", at)
        login = await api.authorization()
    except FetchError as problem:
        return Survey(server.id, at, days, error=problem.reason)
    finally:
        await api.close()
    patience = max(PATIENCE, server.timeout)

    def asked() -> Survey:
        url, known = api.address(""), frozenset(named)
        with Client(url, timeout=patience, ca=server.ca, verify=server.verify, authorization=login) as client:
            return _Surveyor(client, known, at, days).survey(server.id)

    try:
        return await in_daemon(asked)
    except FetchError as problem:
        return Survey(server.id, at, days, error=problem.reason)


@dataclass(slots=True)
class _Metric:
    """What was found out of one key."""

    steps: int
    first: float | None = None
    last: float | None = None


@dataclass(slots=True)
class _Aside:
    """What is not listed, only counted."""

    noise: dict[str, int] = field(default_factory=dict)
    recorded: int = 0


class _Surveyor:
    def __init__(self, client: Client, named: frozenset[str], at: datetime, days: int) -> None:
        self._client, self._named, self._at, self._days = client, named, at, days
        self._window = days * DAY
        self._step = max(promql.STEP, self._window // POINTS)
        # A subquery looks at instants that are whole multiples of its step.
        self._newest = int(at.timestamp()) // self._step * self._step
        self._notes: dict[str, None] = {}
        self._unread: set[str] = set()
        """Names whose presence could not be asked for."""

    def survey(self, server: str) -> Survey:
        names = self._names()
        types = self._optional("types of metrics", self._client.types, _NO_TYPES)
        aside = _Aside()
        wanted = self._wanted(names, aside)
        found = self._presence(list(wanted))
        self._just_come(found, list(wanted))
        held = self._held(found)
        self._edges(found, held)
        kinds = {series: _type(metric, names, types) for series, metric in wanted.items()}
        labels = self._labels(found)
        lively = self._lively(sorted({key[0] for key in found if _counts(key[0], kinds[key[0]])}))
        exported = []
        for key, metric in sorted(found.items()):
            one = self._exported(wanted[key[0]], key, metric, held)
            told = labels.get(key[:2], ()), lively.get(key[:2])
            exported.append(replace(one, type=kinds[key[0]], labels=told[0], lively=told[1]))
        seen = {key[0] for key in found} | self._unread
        return Survey(
            server,
            self._at,
            self._days,
            self._over(held),
            tuple(exported),
            near=self._near(names),
            fleeting=frozenset(wanted[name] for name in wanted if name not in seen) & self._named,
            unread=frozenset(wanted[name] for name in self._unread),
            noise=aside.noise,
            recorded=aside.recorded,
            notes=tuple(self._notes),
            requests=self._client.requests + 1,
        )

    # -- which metrics there are --------------------------------------------------------------------

    def _names(self) -> frozenset[str]:
        found = self._client.label_values("__name__", self._span(), "the list of names")
        if len(found) > NAMES_KEPT:
            self._notes[f"it has {len(found)} metrics: only {NAMES_KEPT} were looked at"] = None
        # A name that is not what it is shown as could not be asked for.
        return frozenset(name for name in found[:NAMES_KEPT] if clean(name, 200) == name)

    def _span(self) -> dict[str, str]:
        since = self._at - timedelta(seconds=self._window)
        return {"start": f"{since.timestamp():.3f}", "end": f"{self._at.timestamp():.3f}"}

    def _wanted(self, names: frozenset[str], aside: _Aside) -> dict[str, str]:
        """Series name → the metric it stands for; what nobody asked for is only counted."""
        wanted: dict[str, str] = {}
        for name in sorted(names):
            beginning, metric = noise(name), family(name, names)
            if name in self._named:
                wanted[name] = name
            elif metric is not None and metric in self._named:
                wanted[name] = metric
            elif beginning is not None:
                aside.noise[beginning] = aside.noise.get(beginning, 0) + 1
            elif ":" in name:
                aside.recorded += 1
            elif metric is not None and not own(name):
                wanted[name] = metric
        return wanted

    def _near(self, names: frozenset[str]) -> dict[str, tuple[str, ...]]:
        known = {found for name in names if (found := family(name, names)) is not None}
        choices = sorted(name for name in known if noise(name) is None and not own(name))
        return {name: near(name, choices) for name in sorted(self._named - names - known)}

    # -- when they were there -----------------------------------------------------------------------

    def _presence(self, names: Sequence[str]) -> dict[Key, _Metric]:
        """At how many of the instants each was there."""
        rows = self._chunks(
            names,
            lambda chunk: f"count_over_time({_grouped(chunk)}[{self._window}s:{self._step}s])",
            "how much of the time metrics were there",
            self._unread,
        )
        return {_key(labels): _Metric(round(steps)) for labels, steps in rows}

    def _just_come(self, found: dict[Key, _Metric], names: Sequence[str]) -> None:
        """Add those that are there now, but were at none of the instants of the past."""
        seen = {key[0] for key in found} | self._unread
        rows = self._chunks([name for name in names if name not in seen], _grouped, "what has just come")
        now = self._at.timestamp()
        found |= {_key(labels): _Metric(1, now, now) for labels, _ in rows}

    def _held(self, found: Mapping[Key, _Metric]) -> _Metric:
        """At how many instants the server itself was there: what it scrapes says so."""
        parts = [
            promql.tagged(f"{function}((group(up) * time())[{self._window}s:{self._step}s])", "what", name)
            for name, function in (("steps", "count_over_time"), ("first", "min_over_time"))
        ]
        rows = self._optional(
            "how long the server was there",
            lambda what: self._client.query(promql.union(parts), self._at, what),
            list[tuple[Mapping[str, str], float]](),
        )
        said = {labels.get("what"): value for labels, value in rows}
        # Without `up`, what was there most of the time is the best that can be told.
        steps = max([round(said.get("steps", 0)), *(metric.steps for metric in found.values())])
        return _Metric(steps, said.get("first"))

    def _over(self, held: _Metric) -> float:
        """Seconds there is anything to tell about."""
        return float(self._window) if held.first is None else self._at.timestamp() - held.first + self._step

    def _edges(self, found: Mapping[Key, _Metric], held: _Metric) -> None:
        """When those that were not there all the time came first, and were there last."""
        gaps = sorted(
            {key[0] for key, metric in found.items() if metric.steps < held.steps and metric.first is None}
        )

        def edges(chunk: Sequence[str]) -> str:
            times = f"({_grouped(chunk)} * time())[{self._window}s:{self._step}s]"
            return promql.union(
                [
                    promql.tagged(f"min_over_time({times})", "what", "first"),
                    promql.tagged(f"max_over_time({times})", "what", "last"),
                ]
            )

        for labels, value in self._chunks(gaps, edges, "when metrics came and went"):
            metric = found.get(_key(labels))
            if metric is None:
                continue
            if labels.get("what") == "first":
                metric.first = value
            else:
                metric.last = value

    def _exported(self, name: str, key: Key, metric: _Metric, held: _Metric) -> Exported:
        first, last = metric.first, metric.last
        whole = metric.steps >= held.steps
        if whole:
            first, last = held.first, float(self._newest)
        lost = self._expected(held.first) - held.steps if held.first is not None else 0
        expected = self._expected(first) - max(0, lost) if first is not None else held.steps
        steady = metric.steps >= STEADY * expected
        gone = last is not None and last < self._newest
        came_later = first is not None and held.first is not None and first - held.first > 2 * self._step
        return Exported(
            name,
            key[1] or None,
            key[2] or None,
            presence=100.0 if whole else min(99.9, int(1000 * metric.steps / max(held.steps, 1)) / 10),
            flaky=not whole and (gone or not steady),
            new=not whole and steady and not gone and came_later,
            first_seen=_instant(first),
            last_seen=_instant(last),
        )

    def _expected(self, first: float) -> int:
        return round((self._newest - first) / self._step) + 1

    # -- what they are ------------------------------------------------------------------------------

    def _labels(self, found: Collection[Key]) -> dict[tuple[str, str], tuple[str, ...]]:
        """(series name, job) → labels that all its series carry now, and not every series of the job."""
        if not found:
            return {}
        what = "which labels there are"
        listed = self._optional(what, lambda said: self._client.label_names(self._span(), said), list[str]())
        labels = sorted(label for label in set(listed) - _EVERYWHERE if _LABEL.fullmatch(label))
        if len(labels) > LABELS:
            self._notes[f"there are {len(labels)} labels: only {LABELS} were looked for"] = None
        counted: dict[tuple[str, str], dict[str, float]] = {}

        def carried(chunk: Sequence[str]) -> str:
            # The empty name stands for all series.
            return promql.union(
                [
                    promql.tagged(
                        promql.named(f'count by (__name__, job) ({{{label or "__name__"}!=""}})'),
                        "label",
                        label or "__name__",
                    )
                    for label in chunk
                ]
            )

        for row, count in self._chunks(["", *labels[:LABELS]], carried, "which series carry which labels"):
            key = row.get("metric", ""), row.get("job", "")
            counted.setdefault(key, {})[row.get("label", "")] = count
        wanted = {(key[0], key[1]) for key in found}
        return {key: _carried(key, counted) for key in wanted if key in counted}

    def _lively(self, counters: Sequence[str]) -> dict[tuple[str, str], float]:
        """(series name, job) → share of the last day's half hours in which it grew."""
        span = min(self._window, DAY)

        def share(chunk: Sequence[str]) -> str:
            summed = promql.named(f"sum by (__name__, job) ({_series(chunk)})")
            over = f"{summed}[{span}s:{HALF_HOUR}s]"
            return f"(changes({over}) - resets({over})) / (count_over_time({over}) - 1)"

        rows = self._chunks(counters, share, "which counters grow")
        return {(row.get("metric", ""), row.get("job", "")): value for row, value in rows if isfinite(value)}

    # -- asking -------------------------------------------------------------------------------------

    def _optional(self, what: str, ask: Callable[[str], T], otherwise: T) -> T:
        try:
            return ask(what)
        except FetchError as problem:
            self._notes[problem.reason] = None
            return otherwise

    def _chunks(
        self, names: Sequence[str], question: Question, what: str, missed: set[str] | None = None
    ) -> Rows:
        """The answers to `question` about all of `names`; those that got none are added to `missed`.

        Raises FetchError where nothing can be asked any more, unless it is only for the details.
        """
        waiting = list(_fitting(names, question))
        rows: Rows = []
        failures = 0
        while waiting:
            chunk = waiting.pop(0)
            try:
                rows += self._client.query(question(chunk), self._at, what)
                continue
            except (Refused, TooMuch) as problem:
                reason, split = problem.reason, len(chunk) > 1
            except FetchError as problem:
                if missed is not None:
                    raise
                reason, split, failures = problem.reason, False, FAILURES
            failures += 1
            if split and failures < FAILURES:
                half = len(chunk) // 2
                waiting[:0] = [chunk[:half], chunk[half:]]
                continue
            lost = [chunk, *waiting] if failures >= FAILURES else [chunk]
            self._notes[f"{reason} ({sum(map(len, lost))} of {len(names)})"] = None
            if missed is not None:
                missed.update(name for chunk in lost for name in chunk)
            if failures >= FAILURES:
                break
        return rows


def _fitting(names: Sequence[str], question: Question) -> Iterator[Sequence[str]]:
    """`names` in chunks whose question fits into a URL."""
    if len(names) > 1 and url_length(question(names)) > URL_LIMIT:
        half = len(names) // 2
        yield from _fitting(names[:half], question)
        yield from _fitting(names[half:], question)
    elif names:
        yield names


def _series(names: Iterable[str]) -> str:
    return f"{{__name__=~{promql.alternatives(names)}}}"


def _grouped(names: Iterable[str]) -> str:
    return promql.named(f"group by (__name__, job, {', '.join(TELLING)}) ({_series(names)})")


def _key(labels: Mapping[str, str]) -> Key:
    owner = next((labels[label] for label in TELLING if labels.get(label)), "")
    return labels.get("metric", ""), labels.get("job", ""), owner


def _type(metric: str, names: frozenset[str], types: Mapping[str, frozenset[str]]) -> MetricType | None:
    """What the targets say, all of them; a name with buckets is a histogram whoever says so."""
    said = types.get(metric) or types.get(metric.removesuffix("_total"), frozenset())
    if len(said) == 1 and said <= _TYPES:
        return cast(MetricType, next(iter(said)))
    return "histogram" if not said and f"{metric}_bucket" in names else None


def _counts(series: str, kind: MetricType | None) -> bool:
    """Whether a series is expected to grow, by its type, else by its name."""
    return kind == "counter" or (kind is None and series.endswith("_total"))


def _carried(key: tuple[str, str], counted: Mapping[tuple[str, str], Mapping[str, float]]) -> tuple[str, ...]:
    """Labels on all series of `key`, but for those that every target of the job puts on all it has."""
    own, targets = counted[key], counted.get(("up", key[1]), {})
    whole, every = own.get("__name__", 0), targets.get("__name__", 0)
    return tuple(
        label
        for label, count in sorted(own.items())
        if label != "__name__" and count == whole and not (every and targets.get(label) == every)
    )


def _instant(value: float | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)
