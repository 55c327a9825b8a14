"""The Prometheus HTTP API as values: queries, targets, rules and what the server says of itself.

`prometheus_api_client` cannot carry these: it puts the query into the URL even for POST, which a proxy
cuts at a few thousand characters, drops the warnings, and has no limit on time or size. It looks up names
instead (`names.py`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from controlroom.domain import instants, promql
from controlroom.domain.evidence import Target
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.net.fetch import Answer, Api, FetchError, Unusable, shown

WARNINGS_KEPT = 20

TYPES_READ = 20
"""Different descriptions of one metric that are read; each job may have its own."""

_ASKED = re.compile(r'(?:(?:cannot perform request to|Get) "(?:[^"\\]|\\.)*": )+')
_URL = re.compile(r'"[a-z]+://(?:[^"\\]|\\.)*"?')
"""What a scrape's error says of its URL, which may hold a password or a token."""

Labels = Mapping[str, str]

_ADDRESS = re.compile(r"[a-z]+://[^\s\"']+")


class QueryRefused(FetchError):
    """Prometheus understood the request and says why it cannot serve it; other requests may succeed."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant query's result: labels and value of each element. Values may be NaN and infinite.

    That of a native histogram is the number of its observations.
    """

    rows: Sequence[tuple[Labels, float]]
    warnings: tuple[str, ...] = ()
    date: datetime | None = None
    """The server's own clock when it answered."""


Series = Sequence[tuple[datetime, float]]
"""One series of a range query: instants and values, oldest first. Values may be NaN and infinite."""


async def query(api: Api, expression: str, at: datetime) -> Vector:
    """The value of `expression` at the instant `at`. Raises FetchError."""
    form = {
        "query": expression,
        "time": f"{at.timestamp():.3f}",
        "timeout": f"{api.endpoint.timeout:g}s",
    }
    answer = await api.post("/api/v1/query", form)
    data, warnings = _data(api, answer)
    if not isinstance(data, dict) or data.get("resultType") != "vector":
        raise _not_prometheus(api, answer, "its result is no vector")
    rows = data.get("result")
    if not isinstance(rows, list):
        raise _not_prometheus(api, answer, "its result is no list")
    texts: dict[str, str] = {}  # the same few names stand in thousands of rows: each is cleaned once
    return Vector([_row(api, answer, row, texts) for row in rows], warnings, answer.date)


async def query_range(
    api: Api, expression: str, start: datetime, end: datetime, step: float
) -> tuple[Sequence[Series], tuple[str, ...]]:
    """The values of `expression` every `step` seconds from `start` to `end`, and the warnings.

    Points at which there is no value are left out. Raises FetchError.
    """
    form = {
        "query": expression,
        "start": f"{start.timestamp():.3f}",
        "end": f"{end.timestamp():.3f}",
        "step": f"{step:g}",
        "timeout": f"{api.endpoint.timeout:g}s",
    }
    answer = await api.post("/api/v1/query_range", form)
    data, warnings = _data(api, answer)
    if not isinstance(data, dict) or data.get("resultType") != "matrix":
        raise _not_prometheus(api, answer, "its result is no matrix")
    rows = data.get("result")
    if not isinstance(rows, list):
        raise _not_prometheus(api, answer, "its result is no list")
    return [_points(api, answer, row) for row in rows], warnings


async def targets(api: Api) -> Mapping[str, tuple[Target, ...]]:
    """Active targets by job. Raises FetchError, also where the API has none (Thanos and Mimir may not)."""
    answer = await api.get("/api/v1/targets?state=active")
    data, _ = _data(api, answer)
    active = data.get("activeTargets") if isinstance(data, dict) else None
    if not isinstance(active, list):
        raise _not_prometheus(api, answer, "it lists no targets")
    by_job: dict[str, list[Target]] = {}
    for entry in active:
        labels = entry.get("labels") if isinstance(entry, dict) else None
        if not isinstance(labels, dict):
            raise _not_prometheus(api, answer, "a target has no labels")
        by_job.setdefault(clean(labels.get("job", ""), 200), []).append(_target(entry, labels))
    return {job: tuple(found) for job, found in by_job.items()}


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as the server has it. `expression` is its own text, not cleaned."""

    name: str
    """Of the alert, or of the series it records."""
    alerting: bool
    group: str
    expression: str
    health: Literal["ok", "err", "unknown"]
    error: str = ""
    promql: bool = True
    """Whether its expression is for a Prometheus at all; vmalert has others."""


async def rules(api: Api) -> tuple[Sequence[LoadedRule], tuple[str, ...]]:
    """All rules, and the warnings: with any of them, there may be more. Raises FetchError.

    Recording rules are among them, as an alert may read a metric through what they record.
    """
    # The alerts that fire now may be thousands; servers that do not know the parameter pass it over.
    answer = await api.get("/api/v1/rules?exclude_alerts=true")
    data, warnings = _data(api, answer)
    groups = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(groups, list):
        raise _not_prometheus(api, answer, "it lists no groups of rules")
    if data.get("groupNextToken"):
        warnings = (*warnings, "it lists only some of its groups")
    found = []
    for group in groups:
        listed = group.get("rules") if isinstance(group, dict) else None
        if not isinstance(listed, list) or not all(isinstance(rule, dict) for rule in listed):
            raise _not_prometheus(api, answer, "a group of rules has another form")
        name = clean(group.get("name") or "", 200)
        found += [_rule(rule, name) for rule in listed]
    return found, warnings


async def metadata(api: Api) -> Mapping[str, frozenset[str]]:
    """Metric family → the types that targets expose it with, in their words. Raises FetchError.

    That of an OpenMetrics counter is called without ``_total``. Recording rules have none.
    """
    answer = await api.get(f"/api/v1/metadata?limit_per_metric={TYPES_READ}")
    data, _ = _data(api, answer)
    if not isinstance(data, dict):
        raise _not_prometheus(api, answer, "its metadata has another form")
    found: dict[str, frozenset[str]] = {}
    for name, entries in data.items():
        listed = entries if isinstance(entries, list) else []
        types = [entry.get("type") for entry in listed if isinstance(entry, dict)]
        said = {clean(kind, 40) for kind in types if isinstance(kind, str)}
        if said := said - {"", "unknown", "untyped"}:
            found[name] = frozenset(said)
    return found


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a server says of itself; instants are None where it does not."""

    retention: str = ""
    """How long it keeps data, in its own words."""
    started: datetime | None = None
    configured: datetime | None = None
    """When it last read its configuration."""


async def runtime(api: Api) -> Runtime:
    """Retention, start and configuration time. Raises FetchError."""
    data, _ = _data(api, await api.get("/api/v1/status/runtimeinfo"))
    if not isinstance(data, dict):
        return Runtime()
    started, configured = _moment(data.get("startTime")), _moment(data.get("lastConfigTime"))
    return Runtime(clean(data.get("storageRetention") or "", 80), started, configured)


def _moment(text: object) -> datetime | None:
    try:
        return instants.parse(str(text))
    except ValueError:
        return None


async def configured_jobs(api: Api) -> tuple[str, ...]:
    """Names of the scrape jobs in its configuration, listed as targets or not yet. Raises FetchError."""
    data, _ = _data(api, await api.get("/api/v1/status/config"))
    text = data.get("yaml") if isinstance(data, dict) else None
    found = re.findall(r"^- job_name: (.*)$", text, re.MULTILINE) if isinstance(text, str) else []
    return tuple(clean(name.strip().strip("\"'"), 200) for name in found)


async def version(api: Api) -> str:
    """Its version. Raises FetchError."""
    data, _ = _data(api, await api.get("/api/v1/status/buildinfo"))
    return clean(data.get("version", ""), 80) if isinstance(data, dict) else ""


def instant(value: float) -> datetime | None:
    """The instant a value of Unix seconds stands for; None when it cannot be one."""
    if not math.isfinite(value) or not 0 <= value < 32_503_680_000:
        return None
    return datetime.fromtimestamp(value, UTC)


def whole(value: float) -> int:
    """A count; what cannot be one is 0."""
    return int(value) if math.isfinite(value) and 0 <= value < 1e15 else 0


def _data(api: Api, answer: Answer) -> tuple[Any, tuple[str, ...]]:
    """`data` and the warnings of an answer. Raises QueryRefused or Unusable."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and said.get("status") == "error":
        problem = clean(said.get("error", ""), 300) or clean(said.get("errorType", "no reason given"), 80)
        raise QueryRefused(f"{api.shown} says: {problem}")
    if answer.status == 503:
        raise Unusable(f"{api.shown} is not ready (503)", "wait until it has started, or look at its log")
    if answer.status != 200:
        raise Unusable(
            f"{api.shown} answers {answer.status}", "see whether url is right, its prefix included"
        )
    if not isinstance(said, dict) or said.get("status") != "success" or "data" not in said:
        raise _not_prometheus(api, answer, "its answer has another form")
    raw = said.get("warnings")
    found = [clean(warning, 300) for warning in raw[:WARNINGS_KEPT]] if isinstance(raw, list) else []
    if said.get("isPartial") is True:  # a cluster of VictoriaMetrics says it so
        found.append("its answer is partial: not all of its storage was heard")
    # Prometheus 2.48 to 2.54 gives remarks on the question among the warnings: that a name does not end in
    # _total, or that histograms were passed over.
    return said["data"], tuple(warning for warning in found if not warning.startswith("PromQL info: "))


def _not_prometheus(api: Api, answer: Answer, why: str) -> Unusable:
    kind = answer.content_type.partition(";")[0] or "no content type"
    return Unusable(
        f"{api.shown} answers, but is not Prometheus: {why} ({answer.status}, {kind})",
        "set url to a Prometheus-compatible API, its path prefix included",
    )


def _row(api: Api, answer: Answer, row: Any, texts: dict[str, str]) -> tuple[Labels, float]:
    try:
        labels = row["metric"]
        if "value" in row:
            _, value = row["value"]
        else:
            value = row["histogram"][1]["count"]
        return {_once(k, texts): _once(v, texts) for k, v in labels.items()}, float(value)
    except (TypeError, KeyError, ValueError, AttributeError, IndexError):
        raise _not_prometheus(api, answer, "an element of its result has another form") from None


def _points(api: Api, answer: Answer, row: Any) -> Series:
    try:
        points = [(instant(float(at)), float(value)) for at, value in row.get("values", ())]
    except (TypeError, ValueError, AttributeError):
        raise _not_prometheus(api, answer, "an element of its result has another form") from None
    return [(at, value) for at, value in points if at is not None]


def _once(text: Any, texts: dict[str, str]) -> str:
    known = texts.get(text)
    if known is None:
        known = texts[text] = clean(text, 500)
    return known


def _target(entry: Mapping[str, Any], labels: Mapping[str, Any]) -> Target:
    """One active target. VictoriaMetrics calls down what it has not scraped yet, and tells its interval only
    among the labels it was discovered with."""
    health, error = entry.get("health"), clean(entry.get("lastError") or "", 1000)
    scraped = _moment(entry.get("lastScrape"))
    if health == "down" and not error and scraped is not None and scraped.timestamp() <= 0:
        health = "unknown"
    discovered = entry.get("discoveredLabels")
    hidden = discovered.get("__scrape_interval__", "") if isinstance(discovered, dict) else ""
    return Target(
        clean(labels.get("instance", "") or "a target without a name", 200),
        "up" if health == "up" else "down" if health == "down" else "unknown",
        clean(_URL.sub("its address", _ASKED.sub("", error)), 300),
        promql.seconds(str(entry.get("scrapeInterval") or hidden)),
    )


def _rule(entry: Mapping[str, Any], group: str) -> LoadedRule:
    health, kind = entry.get("health"), entry.get("type")
    error = clean(entry.get("lastError") or "", 1000)
    return LoadedRule(
        clean(entry.get("name") or "", 200),
        # Who does not say it lists what only alerting rules have.
        kind == "alerting" if isinstance(kind, str) else "state" in entry,
        group,
        str(entry.get("query") or ""),
        "ok" if health == "ok" else "err" if health in ("err", "error") else "unknown",
        clean(_ADDRESS.sub(lambda found: shown(found[0]), error), 300),
        entry.get("datasourceType") in (None, "", "prometheus"),
    )
