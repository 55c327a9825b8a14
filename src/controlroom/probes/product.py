"""Readiness of Prometheus and its relatives: ready, and proof that it is really that product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.judgement import redirect
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.web import Web
from controlroom.probes.wire import Answer
from controlroom.probes.wording import foreign

Facts = Callable[[Mapping[str, Any]], Mapping[str, str] | None]
"""What the JSON of the proof says, worth showing; None when only another program would say it."""


async def ready(
    web: Web, service: Service, context: Context, *, product: str, proof: str, facts: Facts
) -> ProbeResult:
    """Whether `product` at `service.url` is ready, and at `proof` answers as only it does. Raises Trouble."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    first = await web.ask(service, context, "/-/ready")
    latency = loop.time() - asked
    if first.status == 503:
        words = _words(first)
        return answered(
            service, context, latency, f"not ready: {words}", detail={"status": "503"}, health=Health.DEGRADED
        )
    # Relatives such as Mimir know no /-/ready below their prefix; the proof speaks for them.
    if first.status not in (200, 404):
        raise Trouble(redirect(first) or f"HTTP {first.status} {_words(first)}")
    left = context.deadline - (loop.time() - asked)
    second = await web.ask(service, replace(context, deadline=max(left, 0.001)), proof)
    found = facts(_object(second)) if second.status == 200 else None
    if found is None:
        said = "" if second.status == 200 else f": HTTP {second.status} from {proof}"
        raise Trouble(f"answers, but is not {product}{said}")
    return answered(service, context, latency, "ready" if first.status == 200 else "answers", detail=found)


def _words(answer: Answer) -> str:
    text = answer.body[:200].decode("utf-8", "replace").strip()
    return foreign(answer.phrase if not text or text.startswith(("<", "{")) else text, 60)


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
