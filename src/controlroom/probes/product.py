"""Readiness of Prometheus and its relatives: ready, and proof that it is really that product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.refusals import refusal
from controlroom.probes.shown import shown
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
    raw = shown(first)
    if first.status == 503:
        health, reason = Health.DEGRADED, f"not ready: {words(first)}"
        return answered(service, context, latency, reason, detail={"status": "503"}, health=health, raw=raw)
    # Relatives such as Mimir know no /-/ready below their prefix; the proof speaks for them.
    if first.status not in (200, 404):
        raise Trouble(refusal(service, first) or f"HTTP {first.status} {words(first)}", raw=raw)
    left = context.deadline - (loop.time() - asked)
    second = await web.ask(service, replace(context, deadline=max(left, 0.001)), proof)
    found = facts(parsed(second)) if second.status == 200 else None
    if found is None:
        said = "" if second.status == 200 else f": HTTP {second.status} from {proof}"
        raise Trouble(refusal(service, second) or f"answers, but is not {product}{said}", raw=raw)
    reason = "ready" if first.status == 200 else "answers"
    return answered(service, context, latency, reason, detail=found, raw=raw if first.status == 200 else "")


def words(answer: Answer) -> str:
    """What `answer` says beside its status: a line of plain text, else the phrase."""
    text = answer.body[:200].decode("utf-8", "replace").strip().removeprefix(f"{answer.status} ")
    return foreign(answer.phrase if not text or text.startswith(("<", "{")) else text, 60)


def parsed(answer: Answer) -> Mapping[str, Any]:
    """The JSON object in `answer`; empty where there is none."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
