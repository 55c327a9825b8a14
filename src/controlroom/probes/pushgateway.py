"""kind = "pushgateway": ready, really a Pushgateway, and how long ago its groups were pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.instants import duration
from controlroom.domain.services import Health, Service
from controlroom.probes.port import Context, Trouble
from controlroom.probes.product import parsed, ready
from controlroom.probes.web import Web
from controlroom.probes.wording import foreign

COUNTED = 60.0
"""Seconds until the groups are looked at again: their list holds every metric anybody pushed."""


@dataclass(frozen=True, slots=True)
class _Groups:
    service: Service
    until: float
    facts: Mapping[str, str]


class PushgatewayProbe:
    """Asks whether it is ready, then for its build, and now and then for its groups."""

    def __init__(self) -> None:
        self._web = Web()
        self._groups: dict[str, _Groups] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has version, groups and the oldest push. Raises Trouble."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        result = await ready(
            self._web,
            service,
            context,
            product="Pushgateway",
            proof="/api/v1/status",
            facts=_facts,
        )
        if result.health is Health.DOWN or "version" not in result.detail:
            return result
        left = context.deadline - (loop.time() - asked)
        return replace(result, detail={**result.detail, **await self._counted(service, context, left)})

    async def _counted(self, service: Service, context: Context, left: float) -> Mapping[str, str]:
        """What is known of the groups; that they cannot be listed in time is no fault of the gateway."""
        now = asyncio.get_running_loop().time()
        known = self._groups.get(service.id)
        if known is not None and known.service is service and now < known.until:
            return known.facts
        facts: Mapping[str, str] = {}
        try:
            answer = await self._web.ask(
                service, replace(context, deadline=max(left / 2, 0.001)), "/api/v1/metrics"
            )
            if answer.flaw:
                facts = {"groups": "too many to count"}
            elif answer.status == 200:
                facts = pushed(parsed(answer), context.clock())
        except Trouble:
            pass
        self._groups[service.id] = _Groups(service, now + COUNTED, facts)
        return facts

    def close(self) -> None:
        """Close every connection."""
        self._web.close()


def _facts(data: Mapping[str, Any]) -> Mapping[str, str] | None:
    """A Prometheus has no build information in its `status`, an Alertmanager no v1."""
    status = data.get("data")
    build = status.get("build_information") if isinstance(status, dict) else None
    if data.get("status") != "success" or not isinstance(build, dict):
        return None
    version = build.get("version")
    return {"version": foreign(version, 30)} if isinstance(version, str) else None


def pushed(data: Mapping[str, Any], now: datetime) -> Mapping[str, str]:
    """Groups, how many of them had their last push refused, and the oldest push, of ``/api/v1/metrics``.

    Of a group only its `job` and the gateway's own two metrics are read (Pushgateway README, "Query API").
    """
    groups = data.get("data")
    if not isinstance(groups, list):
        return {}
    found = [group for group in groups if isinstance(group, dict)]
    facts = {"groups": str(len(found))}
    refused = [group for group in found if group.get("last_push_successful") is False]
    if refused:
        facts["refused"] = f"last push of {_job(refused[0])}" + (
            f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        )
    oldest = min(_pushes(found), default=None)
    if oldest is not None:
        at, job = oldest
        facts["oldest push"] = f"{duration(max(0.0, now.timestamp() - at))} ago, {job}"
    return facts


def _pushes(groups: list[dict[str, Any]]) -> Iterator[tuple[float, str]]:
    """Unix seconds and job of each group's last push."""
    for group in groups:
        try:
            at = float(group["push_time_seconds"]["metrics"][0]["value"])
        except (KeyError, IndexError, TypeError, ValueError):
            continue
        if at > 0:
            yield at, _job(group)


def _job(group: Mapping[str, Any]) -> str:
    labels = group.get("labels")
    job = labels.get("job") if isinstance(labels, dict) else None
    return f"job {foreign(job, 40)}" if isinstance(job, str) else "a job without a name"
