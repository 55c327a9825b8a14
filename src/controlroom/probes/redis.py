"""kind = "redis": a Redis alone, behind Sentinel, or as a cluster. Values stored in it are never read."""

from __future__ import annotations

import asyncio
from dataclasses import field

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.probes.port import Context, answered
from controlroom.probes.redis_address import Where, parse
from controlroom.probes.redis_cluster import look_at_cluster
from controlroom.probes.redis_links import Case, Links
from controlroom.probes.redis_node import NOTHING_MORE, QUESTION, Seen, judge
from controlroom.probes.redis_sentinel import look_by_sentinel


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept of a service as long as its entry in the configuration stays the same."""

    service: Service
    where: Where
    seen: Seen = field(default_factory=Seen)


class RedisProbe:
    """Keeps one connection to each server of each service."""

    def __init__(self) -> None:
        self._links = Links()
        self._known: dict[str, _Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has role, replicas, memory, clients and version. Raises Trouble."""
        known = self._known.get(service.id)
        if known is None or known.service is not service:
            known = self._known[service.id] = _Known(service, parse(service.url))
        case = Case(service, known.where, context)
        if known.where.kind == "sentinel":
            return await look_by_sentinel(self._links, case, known.seen)
        if known.where.kind == "cluster":
            return await look_at_cluster(self._links, case, known.seen)
        return await self._alone(case, known.seen)

    async def _alone(self, case: Case, seen: Seen) -> ProbeResult:
        service, context = case.service, case.context
        loop = asyncio.get_running_loop()
        asked = loop.time()
        said = await self._links.ask(QUESTION, case.where.places[0], case, context.deadline)
        latency = loop.time() - asked
        verdict = judge(said, service.redis or NOTHING_MORE, seen)
        return answered(
            service,
            context,
            latency,
            verdict.reason,
            detail=verdict.detail,
            health=verdict.health,
            raw=seen.raw(verdict.reason, asked, verdict.info.readable),
        )

    def close(self) -> None:
        """Close every connection."""
        self._links.close()
