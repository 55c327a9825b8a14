"""kind = "promql": what a Prometheus knows of anything, held against thresholds.

What cannot be known is UNKNOWN: that Prometheus is away, or the question wrong, says nothing of the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from controlroom.domain.asks import PromqlAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.product import parsed, words
from controlroom.probes.refusals import refusal
from controlroom.probes.series import Found, series
from controlroom.probes.shown import shown
from controlroom.probes.thresholds import Threshold, thresholds, weigh
from controlroom.probes.web import Web
from controlroom.probes.wire import Answer
from controlroom.probes.wording import foreign

PATH = "/api/v1/query"

_NOT_PROMETHEUS = "answers, but is not Prometheus"

_STRANGE = frozenset({200, 400, 404, 405})
"""With these it would say more; with others, such as 503 while it starts, or a gateway's, it may not."""

_FAILED = {
    "bad_data": "the query is wrong",
    "execution": "the query fails",
    "timeout": "the query takes too long",
    "canceled": "the query takes too long",
    "too_many_requests": "Prometheus has too many queries",
    "unavailable": "Prometheus is not ready",
}
"""`errorType` of the HTTP API; 422 is `execution`, 503 `timeout` and `canceled`."""


class PromqlProbe:
    """Puts one question to a Prometheus, or to one that speaks its API."""

    def __init__(self) -> None:
        self._web = Web()
        self._asked: dict[str, tuple[Service, bytes, tuple[Threshold, ...]]] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is by the worst of its series; `detail` has value and series. Raises Trouble."""
        asks, form, limits = self._question(service)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            answer = await self._web.ask(service, context, PATH, form)
        except Trouble as trouble:
            raise Trouble(
                trouble.reason, Health.UNKNOWN, unreachable=trouble.unreachable, raw=trouble.raw
            ) from None
        latency = loop.time() - asked
        raw = shown(answer)
        found, warned = _found(service, answer, raw)
        health, reason, detail = weigh(found, limits, asks)
        if warned:
            detail = {**detail, "warning": warned}
            reason = f"{reason}; warned: {warned}"
            # What a warning is about may be what is missing here: no data is never good news.
            health = Health.DEGRADED if health is Health.UP else health
        if health is Health.UNKNOWN:
            raise Trouble(reason, Health.UNKNOWN, raw=raw)
        return answered(service, context, latency, reason, detail=detail, health=health, raw=raw)

    def _question(self, service: Service) -> tuple[PromqlAsks, bytes, tuple[Threshold, ...]]:
        asks = service.promql
        if asks is None or not asks.query.strip():
            raise Trouble("promql.query says no expression", Health.UNKNOWN)
        known = self._asked.get(service.id)
        if known is None or known[0] is not service:
            form = urlencode({"query": asks.query}).encode("ascii")
            known = self._asked[service.id] = service, form, thresholds(asks)
        return asks, known[1], known[2]

    def close(self) -> None:
        """Close every connection."""
        self._web.close()


def _found(service: Service, answer: Answer, raw: str) -> tuple[Found, str]:
    """What came, and what Prometheus warns of. Raises Trouble for what is no answer to a query."""
    if answer.flaw:
        raise Trouble(f"{answer.flaw}: take fewer series, as with max(…)", Health.UNKNOWN, raw=raw)
    if refused := refusal(service, answer):
        raise Trouble(refused, Health.UNKNOWN, raw=raw)
    said = parsed(answer)
    if said.get("status") == "error" and isinstance(said.get("error"), str):
        raise Trouble(_error(said), Health.UNKNOWN, raw=raw)
    data = said.get("data")
    found = series(data) if said.get("status") == "success" and isinstance(data, dict) else None
    if found is None:
        code = f"HTTP {answer.status} {words(answer)}".rstrip()
        if answer.status in _STRANGE:
            code = _NOT_PROMETHEUS + ("" if answer.status == 200 else f": {code}")
        raise Trouble(code, Health.UNKNOWN, raw=raw)
    warnings = said.get("warnings")
    return found, foreign(warnings[0], 60) if isinstance(warnings, list) and warnings else ""


def _error(said: Mapping[str, Any]) -> str:
    """Prometheus's own words; of a parse error the place, and not which parameter was read."""
    error = foreign(said["error"], 110).removeprefix('invalid parameter "query": ')
    return f"{_FAILED.get(str(said.get('errorType')), 'Prometheus fails')}: {error}"
