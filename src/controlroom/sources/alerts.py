"""The alerts of one Alertmanager (API v2), each with the squad it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, cast

from controlroom.config.values import AlertmanagerServer
from controlroom.domain import instants
from controlroom.domain.alerts import distinct, owner
from controlroom.domain.snapshot import AlertsSeen, Failure, Observation, SourceKind
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock, Emit
from controlroom.net.fetch import Answer, Api, FetchError, Resolve, Unusable

PATH = "/api/v2/alerts"
STATES = ("active", "suppressed", "unprocessed")


class AlertsSource:
    """One `[[alertmanagers]]`. `squad_of` gives a squad's id for any of its names, None for no squad."""

    kind: SourceKind = "alerts"

    def __init__(
        self,
        server: AlertmanagerServer,
        squad_of: Callable[[str], str | None],
        clock: Clock,
        resolve: Resolve,
    ) -> None:
        self.id = f"alerts:{server.id}"
        self.title = server.id
        self.interval = server.interval
        self.deadline = server.timeout + 6.0
        self._server, self._squad_of, self._clock = server, squad_of, clock
        self._api = Api(server, resolve)

    async def poll(self, emit: Emit) -> None:
        """Fetch all alerts once. Nothing readable is a failure, which is unknown and never "no alerts"."""
        try:
            seen = self._seen(await self._api.get(PATH))
        except FetchError as problem:
            failure = Failure(problem.reason, problem.remedy)
            emit(Observation(self.id, self.kind, self._clock(), failure=failure))
            return
        emit(Observation(self.id, self.kind, self._clock(), payload=seen))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()

    def _seen(self, answer: Answer) -> AlertsSeen:
        if answer.status == 503:
            raise Unusable(f"{self._api.shown} is not ready (503)", "wait until it has started")
        try:
            entries = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            entries = None
        if not isinstance(entries, list):
            kind = answer.content_type.partition(";")[0] or "no content type"
            raise Unusable(
                f"{self._api.shown} answers, but is not Alertmanager with API v2 ({answer.status}, {kind})",
                "set url to an Alertmanager, its path prefix included",
            )
        alerts = [alert for entry in entries if (alert := self._alert(entry)) is not None]
        odd = len(entries) - len(alerts)
        warnings = (f"{odd} of {len(entries)} alerts have another form and are left out",) if odd else ()
        return AlertsSeen(distinct(alerts), warnings)

    def _alert(self, entry: Any) -> Alert | None:
        """One alert, its text cleaned; None when it has no labels to know it by."""
        labels = _texts(entry.get("labels")) if isinstance(entry, dict) else {}
        if not labels:
            return None
        annotations = _texts(entry.get("annotations"))
        status = entry.get("status")
        status = status if isinstance(status, dict) else {}
        state = status.get("state")
        silences = status.get("silencedBy")
        summary = next(
            (annotations[k] for k in ("summary", "message", "description") if k in annotations), ""
        )
        return Alert(
            fingerprint=clean(entry.get("fingerprint") or _fingerprint(labels), 80),
            name=labels.get("alertname") or "alert without a name",
            severity=labels.get("severity", "").casefold(),
            summary=summary,
            state=cast(Literal["active"], state) if state in STATES else "active",
            starts_at=_instant(entry.get("startsAt")),
            squad=owner(labels, self._server.rules, self._squad_of),
            labels=labels,
            annotations=annotations,
            generator=_link(entry.get("generatorURL")),
            server=self._server.id,
            silenced_by=tuple(clean(s, 80) for s in silences) if isinstance(silences, list) else (),
        )


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {clean(k, 200): clean(v, 1_000) for k, v in value.items() if isinstance(v, str)}


def _fingerprint(labels: Mapping[str, str]) -> str:
    """An identity for an alert that comes without one: the same labels, the same identity."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def _instant(text: object) -> datetime | None:
    try:
        return instants.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _link(text: object) -> str:
    """A web address without a login; nothing for anything else."""
    url = clean(text, 2_000) if isinstance(text, str) else ""
    scheme, found, rest = url.partition("://")
    if not found or scheme not in ("http", "https"):
        return ""
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
