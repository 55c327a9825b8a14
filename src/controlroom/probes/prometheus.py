"""kind = "prometheus": ready, and really a Prometheus or one that speaks its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.probes.port import Context
from controlroom.probes.product import ready
from controlroom.probes.web import Web
from controlroom.probes.wording import foreign


class PrometheusProbe:
    """Asks whether it is ready, then for its build, which only a Prometheus answers."""

    def __init__(self) -> None:
        self._web = Web()

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has its version. Raises Trouble."""
        return await ready(
            self._web,
            service,
            context,
            product="Prometheus",
            proof="/api/v1/status/buildinfo",
            facts=_facts,
        )

    def close(self) -> None:
        """Close every connection."""
        self._web.close()


def _facts(data: Mapping[str, Any]) -> Mapping[str, str] | None:
    build = data.get("data")
    if data.get("status") != "success" or not isinstance(build, dict):
        return None
    version = build.get("version")
    return {"version": foreign(version, 30)} if isinstance(version, str) else None
