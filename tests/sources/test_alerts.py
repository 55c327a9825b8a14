"""Alerts of a real Alertmanager: whose they are, once each, and never "none" where they are unknown."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.config.values import AlertmanagerServer, LabelRule
from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.secret import SecretRef
from controlroom.domain.snapshot import AlertsSeen, Observation
from controlroom.lab import servers
from controlroom.sources.alerts import AlertsSource
from tests.conftest import Start
from tests.net.wire import answer, saying

PROGRAM = Program(squads=(Squad("river", "River & Weir", ("Weir",)), Squad("sea", "Sea")))
RULES = (LabelRule("service", "locks", "river"),)


def squad_of(name: str) -> str | None:
    squad = PROGRAM.squad(name)
    return squad.id if squad else None


def no_secrets(reference: SecretRef) -> str:
    raise AssertionError(f"nothing asked for {reference}")


def now() -> datetime:
    return datetime.now(UTC)


def source(url: str, timeout: float = 5.0) -> AlertsSource:
    server = AlertmanagerServer(id="am", url=url, timeout=timeout, rules=RULES)
    return AlertsSource(server, squad_of, now, no_secrets)


async def poll(alerts: AlertsSource) -> Observation:
    seen: list[Observation] = []
    await alerts.poll(seen.append)
    (observation,) = seen
    return observation


async def look(url: str) -> AlertsSeen:
    alerts = source(url)
    payload = (await poll(alerts)).payload
    await alerts.close()
    assert isinstance(payload, AlertsSeen)
    return payload


def post(url: str, body: object) -> None:
    """POST JSON to the server as Prometheus or a person would."""
    data = json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5) as said:
        assert said.status == 200


def alert(name: str, **labels: str) -> Mapping[str, object]:
    begun = (now() - timedelta(minutes=3)).isoformat()
    return {
        "labels": {"alertname": name, "severity": "Critical", **labels},
        "annotations": {"summary": f"{name} \x1b[31mis\u202e here", "runbook": "https://wiki/ebb"},
        "startsAt": begun,
        "generatorURL": "http://ada:pw@prometheus/graph?g0.expr=up",
    }


async def test_alerts_come_with_their_squad_once_each(start: Start) -> None:
    """Labels and rules give the squad, what nobody owns is unowned, a repeated alert is one."""
    server = start(servers.alertmanager)
    sent = [
        alert("Ebb", team="Weir"),
        alert("Flood", squad="sea"),
        alert("Jam", service="locks"),
        alert("Stray", squad="nobody"),
    ]
    post(f"{server.url}/api/v2/alerts", sent)
    post(f"{server.url}/api/v2/alerts", sent[:1])
    found = {found.name: found for found in (await look(server.url)).alerts}
    assert {name: a.squad for name, a in found.items()} == {
        "Ebb": "river",
        "Flood": "sea",
        "Jam": "river",
        "Stray": None,
    }
    ebb = found["Ebb"]
    assert (ebb.severity, ebb.state, ebb.server) == ("critical", "active", "am")
    assert ebb.summary == "Ebb [31mis here"
    assert ebb.generator == "http://prometheus/graph?g0.expr=up"
    assert ebb.starts_at is not None
    assert 170 < (now() - ebb.starts_at).total_seconds() < 200
    assert len({a.fingerprint for a in found.values()}) == 4


async def test_a_silenced_alert_says_so(start: Start) -> None:
    """A silence leaves the alert in the list, suppressed, with the silence's id."""
    server = start(servers.alertmanager)
    post(f"{server.url}/api/v2/alerts", [alert("Ebb", squad="river")])
    post(
        f"{server.url}/api/v2/silences",
        {
            "matchers": [{"name": "alertname", "value": "Ebb", "isRegex": False, "isEqual": True}],
            "startsAt": now().isoformat(),
            "endsAt": (now() + timedelta(hours=1)).isoformat(),
            "createdBy": "ada",
            "comment": "low water",
        },
    )
    (found,) = (await look(server.url)).alerts
    assert found.state == "suppressed"
    assert len(found.silenced_by) == 1


async def test_an_alertmanager_without_alerts_is_quiet(start: Start) -> None:
    """No alerts is an answer of its own: an empty payload and no failure."""
    assert await look(start(servers.alertmanager).url) == AlertsSeen(())


async def test_a_hung_or_dead_alertmanager_is_unknown_in_time(start: Start) -> None:
    """SIGSTOP and SIGKILL are failures with a reason within the timeout, never "no alerts"."""
    server = start(servers.alertmanager)
    alerts = source(server.url, 0.5)
    assert (await poll(alerts)).failure is None
    server.pause()
    began = time.monotonic()
    hung = await poll(alerts)
    assert time.monotonic() - began < 1.5
    assert hung.payload is None
    assert hung.failure is not None
    assert "did not answer" in hung.failure.reason
    server.resume()
    assert (await poll(alerts)).failure is None
    server.kill()
    dead = await poll(alerts)
    assert dead.payload is None
    assert dead.failure is not None
    assert "refuses connections" in dead.failure.reason
    server.restart()
    assert (await poll(alerts)).failure is None
    await alerts.close()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(b"<html></html>", kind="text/html"), "is not Alertmanager"),
        (answer(b"[" * 100_000), "is not Alertmanager"),
        (answer(b'{"status":"success"}'), "is not Alertmanager"),
        (answer(b"null"), "is not Alertmanager"),
        (answer(b"[]", "404 Not Found"), "is not Alertmanager"),
        (answer(b"", "503 Service Unavailable"), "is not ready"),
        (answer(b"", "307 Temporary Redirect", extra="Location: https://sso/\r\n"), "redirects to"),
    ],
)
async def test_another_kind_of_server_is_a_failure(said: bytes, reason: str) -> None:
    """What answers but is no Alertmanager is named for what it is."""
    async with saying(said) as url:
        alerts = source(url)
        failure = (await poll(alerts)).failure
        await alerts.close()
    assert failure is not None
    assert reason in failure.reason
    assert failure.remedy


async def test_odd_alerts_are_counted_and_the_others_kept() -> None:
    """An entry that is no alert costs only itself and is a warning; odd fields have harmless values."""
    body = [
        7,
        {"labels": {}},
        {
            "labels": {"alertname": "Ebb", "n": 5},
            "startsAt": "soon",
            "status": "x",
            "generatorURL": "javascript:x",
        },
        {"labels": {"job": "locks"}, "status": {"state": "strange", "silencedBy": "x"}, "annotations": []},
    ]
    async with saying(answer(json.dumps(body).encode())) as url:
        seen = await look(url)
    ebb, nameless = seen.alerts
    assert (ebb.name, ebb.state, ebb.starts_at, ebb.generator) == ("Ebb", "active", None, "")
    assert (nameless.name, nameless.state, nameless.silenced_by) == ("alert without a name", "active", ())
    assert ebb.fingerprint
    assert ebb.fingerprint != nameless.fingerprint
    assert seen.warnings == ("2 of 4 alerts have another form and are left out",)
