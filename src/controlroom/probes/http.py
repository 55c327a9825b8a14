"""kind = "http": a GET (or another method), judged by status, body, rules and latency."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.probes.judgement import Verdict, judge
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.presets import PRESETS, Preset
from controlroom.probes.readings import READINGS
from controlroom.probes.shown import shown
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
    raw: str


class HttpProbe:
    """Asks over HTTP/1.1 and judges the answer."""

    def __init__(self) -> None:
        self._web = Web()
        self._known: dict[str, _Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `raw` is its answer. Raises Trouble where there is no HTTP answer."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        answer = await self.answer(service, context)
        latency = loop.time() - asked
        known = self._judged(service, answer)
        verdict = known.verdict
        return answered(
            service,
            context,
            latency,
            verdict.reason,
            detail=known.detail,
            health=verdict.health,
            raw=known.raw,
        )

    async def answer(self, service: Service, context: Context) -> Answer:
        """What `service` says, as it says it. Raises Trouble where there is no HTTP answer."""
        path = "" if service.http is None else _path(service)
        return await self._web.ask(service, context, path)

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
        preset = service.http.preset if service.http else None
        verdict = judge(
            service, answer, READINGS.get(preset or ""), product=PRESETS[preset].product if preset else ""
        )
        detail = {**verdict.facts, "status": str(answer.status)}
        if verdict.version:
            detail["version"] = verdict.version
        known = _Known(service, answer.status, answer.body, verdict, detail, shown(answer))
        if len(answer.body) <= REMEMBERED and not answer.flaw:
            self._known[service.id] = known
        return known

    def close(self) -> None:
        """Close every connection."""
        self._web.close()


def address(service: Service) -> str:
    """The URL that is asked, with whatever secrets stand in it. Raises Trouble for a preset there is not."""
    path = _path(service)
    return service.url.rstrip("/") + path if path else service.url


def _path(service: Service) -> str:
    """What a preset adds to a url that is only a base. Raises Trouble for one there is not."""
    name = service.http.preset if service.http else None
    if name is None:
        return ""
    preset: Preset | None = PRESETS.get(name)
    if preset is None:
        raise Trouble(f"there is no preset {clean(name, 40)}", Health.UNKNOWN)
    try:
        where = urlsplit(service.url)
    except ValueError:
        return ""  # whoever builds the request says what is wrong with it
    return "" if where.query or where.path not in ("", "/") else preset.path
