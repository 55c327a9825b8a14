"""The alerts of one Alertmanager (API v2), each with the squad it belongs to, its silences, its watchdog."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from controlroom.config.values import AlertmanagerServer
from controlroom.domain import instants
from controlroom.domain.alerts import Watchdog, distinct, owned
from controlroom.domain.silences import Matcher, Silence
from controlroom.domain.snapshot import AlertsSeen, Failure, Observation, SourceKind
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock, Emit
from controlroom.net.alertmanager import ALERTS, SILENCES, listed
from controlroom.net.fetch import Api, FetchError, Resolve
from controlroom.net.notes import outcome

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
        self._watchdog_seen: datetime | None = None

    async def poll(self, emit: Emit) -> None:
        """Fetch all alerts and silences once.

        No readable alerts are a failure, which is unknown and never "no alerts". Silences that cannot be read
        cost only themselves, and are a warning.
        """
        found, silences = await asyncio.gather(
            outcome(listed(self._api, ALERTS)), outcome(listed(self._api, SILENCES))
        )
        at = self._clock()
        if isinstance(found, FetchError):
            failure = Failure(found.reason, found.remedy)
            emit(Observation(self.id, self.kind, at, failure=failure))
        else:
            emit(Observation(self.id, self.kind, at, payload=self._seen(found, silences, at)))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()

    def _seen(self, found: Sequence[Any], said: Sequence[Any] | FetchError, at: datetime) -> AlertsSeen:
        alerts = [alert for entry in found if (alert := self._alert(entry)) is not None]
        warnings = _left_out(len(found) - len(alerts), len(found), "alerts")
        silences: list[Silence] = []
        if isinstance(said, FetchError):
            warnings += (f"its silences cannot be read: {said.reason}",)
        else:
            read = [self._silence(entry) for entry in said]
            silences = [silence for silence in read if silence is not None and silence.state != "expired"]
            warnings += _left_out(read.count(None), len(read), "silences")
        watching = [alert for alert in alerts if self._watches(alert)]
        return AlertsSeen(
            distinct(alert for alert in alerts if not self._watches(alert)),
            warnings,
            tuple(sorted(silences, key=_ending)),
            self._watchdog(watching, at),
        )

    def _watches(self, alert: Alert) -> bool:
        """Whether `alert` is the dead-man's switch: that it fires is no trouble."""
        return self._server.watchdog is not None and alert.labels.get("alertname") == self._server.watchdog

    def _watchdog(self, firing: Sequence[Alert], at: datetime) -> Watchdog | None:
        if self._server.watchdog is None:
            return None
        if firing:
            self._watchdog_seen = at
        begun = [alert.starts_at for alert in firing if alert.starts_at is not None]
        return Watchdog(
            server=self._server.id,
            name=self._server.watchdog,
            firing=bool(firing),
            since=min(begun, default=None),
            seen_at=self._watchdog_seen,
            silenced=bool(firing) and all(alert.state == "suppressed" for alert in firing),
            labels=firing[0].labels if firing else {},
        )

    def _silence(self, entry: Any) -> Silence | None:
        """One silence, its text cleaned; None where it has another form."""
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            return None
        matchers = entry.get("matchers")
        read = [_matcher(one) for one in matchers] if isinstance(matchers, list) else []
        status = entry.get("status")
        state = status.get("state") if isinstance(status, dict) else None
        ends_at = _instant(entry.get("endsAt"))
        whole = [one for one in read if one is not None]
        if not whole or len(whole) < len(read) or ends_at is None:
            return None
        return Silence(
            id=clean(entry["id"], 80),
            matchers=tuple(whole),
            starts_at=_instant(entry.get("startsAt")),
            ends_at=ends_at,
            by=_text(entry.get("createdBy"), 200),
            comment=_text(entry.get("comment"), 1_000),
            state=cast(Literal["active"], state) if state in ("pending", "expired") else "active",
            server=self._server.id,
        )

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
        squad, because = owned(labels, self._server.rules, self._squad_of)
        return Alert(
            fingerprint=clean(entry.get("fingerprint") or _fingerprint(labels), 80),
            name=labels.get("alertname") or "alert without a name",
            severity=labels.get("severity", "").casefold(),
            summary=summary,
            state=cast(Literal["active"], state) if state in STATES else "active",
            starts_at=_instant(entry.get("startsAt")),
            squad=squad,
            labels=labels,
            annotations=annotations,
            generator=_link(entry.get("generatorURL")),
            server=self._server.id,
            silenced_by=tuple(clean(s, 80) for s in silences) if isinstance(silences, list) else (),
            because=because,
        )


def _left_out(odd: int, of: int, what: str) -> tuple[str, ...]:
    return (f"{odd} of {of} {what} have another form and are left out",) if odd else ()


def _ending(silence: Silence) -> tuple[datetime, str]:
    return cast(datetime, silence.ends_at), silence.id


def _matcher(entry: Any) -> Matcher | None:
    """One condition of a silence; a server too old to say whether it is turned round has none that are."""
    if not isinstance(entry, dict):
        return None
    name, value, regex = entry.get("name"), entry.get("value"), entry.get("isRegex")
    equal = entry.get("isEqual", True)
    if not (isinstance(name, str) and isinstance(value, str) and isinstance(equal, bool)):
        return None
    return Matcher(clean(name, 200), clean(value, 1_000), regex is True, equal)


def _text(value: object, limit: int) -> str:
    return clean(value, limit) if isinstance(value, str) else ""


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
