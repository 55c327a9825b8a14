"""kind = "http": a GET (or another method), judged by status, body, rules and latency."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.probes.judgement import Verdict, judge
from controlroom.probes.port import Context, answered
from controlroom.probes.web import Web
from controlroom.probes.wire import Answer

REMEMBERED = 4096
"""Bytes of a body that is kept to be recognised: most services say the same thing every time."""


@dataclass(frozen=True, slots=True)
class _Known:
    service: Service
    status: int
    body: bytes
    verdict: Verdict
    detail: dict[str, str]


class HttpProbe:
    """Asks over HTTP/1.1 and judges the answer."""

    def __init__(self) -> None:
        self._web = Web()
        self._known: dict[str, _Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is. Raises Trouble where there is no HTTP answer."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        answer = await self._web.ask(service, context)
        latency = loop.time() - asked
        known = self._judged(service, answer)
        verdict = known.verdict
        return answered(service, context, latency, verdict.reason, detail=known.detail, health=verdict.health)

    def _judged(self, service: Service, answer: Answer) -> _Known:
        known = self._known.get(service.id)
        if (
            known is not None
            and known.service is service
            and known.status == answer.status
            and known.body == answer.body
            and not (answer.flaw or 300 <= answer.status < 400)
        ):
            return known
        verdict = judge(service, answer)
        detail = {"status": str(answer.status)}
        if verdict.version:
            detail["version"] = verdict.version
        known = _Known(service, answer.status, answer.body, verdict, detail)
        if len(answer.body) <= REMEMBERED and not answer.flaw:
            self._known[service.id] = known
        return known

    def close(self) -> None:
        """Close every connection."""
        self._web.close()
