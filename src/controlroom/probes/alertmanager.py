"""kind = "alertmanager": ready, and really an Alertmanager with API v2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.probes.port import Context
from controlroom.probes.product import ready
from controlroom.probes.web import Web
from controlroom.probes.wording import foreign


class AlertmanagerProbe:
    """Asks whether it is ready, then for its status. The status holds its whole configuration: only its
    version and cluster are looked at."""

    def __init__(self) -> None:
        self._web = Web()

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has version, cluster and peers. Raises Trouble."""
        return await ready(
            self._web,
            service,
            context,
            product="Alertmanager",
            proof="/api/v2/status",
            facts=_facts,
        )

    def close(self) -> None:
        """Close every connection."""
        self._web.close()


def _facts(data: Mapping[str, Any]) -> Mapping[str, str] | None:
    build, cluster = data.get("versionInfo"), data.get("cluster")
    if not isinstance(build, dict) or not isinstance(cluster, dict):
        return None
    version = build.get("version")
    if not isinstance(version, str):
        return None
    peers = cluster.get("peers")
    facts = {"version": foreign(version, 30), "cluster": foreign(cluster.get("status", "?"), 20)}
    return facts | ({"peers": str(len(peers))} if isinstance(peers, list) and peers else {})
