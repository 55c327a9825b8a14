"""Alerts of a real Alertmanager: whose they are, once each, and never "none" where they are unknown."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from controlroom.config.values import AlertmanagerServer, LabelRule
from controlroom.domain.alerts import distinct, families, watchdog_trouble
from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.reduce import Setup, reduce
from controlroom.domain.silences import Matcher, expiring, once, silence_of
from controlroom.domain.snapshot import AlertsSeen, Observation, Snapshot, SourceStatus
from controlroom.lab import servers
from controlroom.net import alertmanager
from controlroom.sources.alerts import AlertsSource
from tests.conftest import Start
from tests.net.alertmanagers import api, draft, firing, no_secrets, now, pair, post, send, until
from tests.net.wire import answer, request, saying, serving

PROGRAM = Program(squads=(Squad("river", "River & Weir", ("Weir",)), Squad("sea", "Sea")))
RULES = (LabelRule("service", "locks", "river"),)


def squad_of(name: str) -> str | None:
    squad = PROGRAM.squad(name)
    return squad.id if squad else None


def source(
    url: str, timeout: float = 5.0, *, id_: str = "am", watchdog: str | None = "Watchdog"
) -> AlertsSource:
    server = AlertmanagerServer(id=id_, url=url, timeout=timeout, rules=RULES, watchdog=watchdog)
    return AlertsSource(server, squad_of, now, no_secrets)


async def poll(alerts: AlertsSource) -> Observation:
    seen: list[Observation] = []
    await alerts.poll(seen.append)
    (observation,) = seen
    return observation


async def look(url: str) -> AlertsSeen:
    alerts = source(url, watchdog=None)
    seen = await read(alerts)
    await alerts.close()
    return seen


async def read(alerts: AlertsSource) -> AlertsSeen:
    payload = (await poll(alerts)).payload
    assert isinstance(payload, AlertsSeen)
    return payload


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


async def both(alerts: object, silences: object) -> AlertsSeen:
    """What is read where a server says these two things."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        said = silences if b"/api/v2/silences" in asked else alerts
        writer.write(said if isinstance(said, bytes) else answer(json.dumps(said).encode()))

    async with serving(script) as url:
        return await look(url)


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
    seen = await both(body, [])
    ebb, nameless = seen.alerts
    assert (ebb.name, ebb.state, ebb.starts_at, ebb.generator) == ("Ebb", "active", None, "")
    assert (nameless.name, nameless.state, nameless.silenced_by) == ("alert without a name", "active", ())
    assert ebb.fingerprint
    assert ebb.fingerprint != nameless.fingerprint
    assert seen.warnings == ("2 of 4 alerts have another form and are left out",)


@pytest.mark.parametrize(
    "said",
    [
        answer(b"no", "500 Internal Server Error"),
        answer(b"{}"),
        answer(b"", "503 Service Unavailable"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[",
    ],
)
async def test_silences_that_cannot_be_read_cost_only_themselves(said: bytes) -> None:
    """The alerts are there, no silence is, and a warning says why."""
    seen = await both([firing("Ebb")], said)
    assert [one.name for one in seen.alerts] == ["Ebb"]
    assert seen.silences == ()
    (warning,) = seen.warnings
    assert warning.startswith("its silences cannot be read: ")


async def test_odd_silences_are_counted_and_the_others_kept() -> None:
    """One of another form is left out, text is cleaned, an old server's matchers are not turned round."""
    whole = {
        "id": "s1",
        "matchers": [{"name": "job", "value": "lo\x1bcks", "isRegex": False}],
        "startsAt": "2025-10-06T16:00:00Z",
        "endsAt": "2099-10-06T16:00:00Z",
        "createdBy": "Ada\u202e",
        "comment": 7,
        "status": "x",
    }
    odd = [
        7,
        {**whole, "matchers": []},
        {**whole, "endsAt": "soon"},
        {**whole, "matchers": [{"name": "a", "value": 1}]},
    ]
    seen = await both([], [*odd, whole, {**whole, "id": "s2", "status": {"state": "expired"}}])
    (silence,) = seen.silences
    assert (silence.matchers, silence.by, silence.comment) == ((Matcher("job", "locks"),), "Ada", "")
    assert (silence.state, silence.server) == ("active", "am")
    assert seen.warnings == ("4 of 6 silences have another form and are left out",)


async def test_a_silence_is_seen_until_it_ends(start: Start) -> None:
    """Set, it is seen with the alert it silences and among those that end soon; ended, neither is."""
    server = start(servers.alertmanager)
    send(server, firing("Ebb", squad="river"), firing("Flood", squad="river"))
    alerts = source(server.url)
    asked = draft(Matcher("alertname", "E.+", regex=True), lasting=timedelta(minutes=10), comment="low water")
    id_ = await alertmanager.silence(api(server.url), asked)
    seen = await read(alerts)
    (silence,) = seen.silences
    assert (silence.id, silence.matchers, silence.by, silence.comment) == (
        id_,
        asked.matchers,
        "Ada",
        "low water",
    )
    assert expiring(seen.silences, now()) == (silence,)
    assert expiring(seen.silences, now(), within=60) == ()
    (family_of_ebb,) = (one for one in families(seen.alerts) if one.name == "Ebb")
    assert (family_of_ebb.active, family_of_ebb.silenced) == (0, 1)
    assert silence_of(family_of_ebb.alerts[0], seen.silences) == (silence,)
    await alertmanager.expire(api(server.url), id_)
    seen = await until(lambda: read(alerts), lambda seen: not seen.silences)
    assert {one.state for one in seen.alerts} == {"active"}
    await alerts.close()


async def test_silences_outlive_a_restart(start: Start) -> None:
    """A restarted Alertmanager is read again, with the silences it kept."""
    server = start(servers.alertmanager)
    id_ = await alertmanager.silence(api(server.url), draft(Matcher("alertname", "Ebb")))
    alerts = source(server.url)
    server.process.terminate()
    server.process.wait()
    assert (await poll(alerts)).failure is not None
    server.restart()
    assert [one.id for one in (await read(alerts)).silences] == [id_]
    await alerts.close()


async def test_a_dead_mans_switch_of_a_real_prometheus(start: Start) -> None:
    """It fires while Prometheus lives, is missed once it has died, and fires again; it is no alert itself."""
    manager = start(servers.alertmanager)

    def prometheus(folder: Path) -> servers.Server:
        folder.mkdir()
        rules = "groups: [{name: dog, interval: 1s, rules: [{alert: Watchdog, expr: vector(1)}]}]\n"
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        config = (
            "global: {evaluation_interval: 1s}\n"
            f"rule_files: ['{folder}/rules.yml']\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{manager.address}']}}]}}]}}\n"
        )
        return servers.prometheus(folder, config)

    alerts = source(manager.url)
    seen = await read(alerts)
    assert seen.watchdog is not None
    assert (seen.watchdog.firing, seen.watchdog.seen_at) == (False, None)
    server = start(prometheus)
    seen = await until(lambda: read(alerts), fires)
    assert seen.alerts == ()
    assert seen.watchdog is not None
    assert seen.watchdog.since is not None
    assert seen.watchdog.labels["alertname"] == "Watchdog"
    server.kill()
    last = seen.watchdog.seen_at
    seen = await until(lambda: read(alerts), lambda seen: not fires(seen))
    assert seen.watchdog is not None
    assert last is not None
    assert seen.watchdog.since is None
    assert seen.watchdog.seen_at is not None
    assert seen.watchdog.seen_at >= last
    server.restart()
    await until(lambda: read(alerts), fires)
    await alerts.close()


def fires(seen: AlertsSeen) -> bool:
    return seen.watchdog is not None and seen.watchdog.firing


async def test_a_silenced_switch_fires_and_is_said_to_be_silenced(start: Start) -> None:
    """Whoever waits for it hears nothing, although all is well."""
    server = start(servers.alertmanager)
    send(server, firing("Watchdog"), firing("Ebb"))
    await alertmanager.silence(api(server.url), draft(Matcher("alertname", "Watchdog")))
    alerts = source(server.url)
    seen = await until(lambda: read(alerts), lambda seen: bool(seen.watchdog and seen.watchdog.silenced))
    assert fires(seen)
    assert [one.name for one in seen.alerts] == ["Ebb"]
    await alerts.close()
    (other,) = [one for one in (await look(server.url)).alerts if one.name == "Watchdog"]
    assert other.state == "suppressed"


async def test_one_of_two_alertmanagers_is_killed_or_hangs(start: Start) -> None:
    """It is unknown, what it knew is kept, its switch is no alarm, and the other goes on telling."""
    one, two = start(servers.alertmanager), start(servers.alertmanager)
    send(one, firing("Ebb"), firing("Watchdog"))
    send(two, firing("Flood"))
    asked = [source(one.url, 0.5, id_="one"), source(two.url, id_="two")]
    room = Snapshot(PROGRAM, sources=tuple(SourceStatus(each.id, "alerts", each.title) for each in asked))

    async def sweep(room: Snapshot) -> Snapshot:
        for each in asked:
            room = reduce(Setup(PROGRAM, {}), room, await poll(each))
        return room

    room = await sweep(room)
    assert {alert.name for alert in room.alerts} == {"Ebb", "Flood"}
    assert [dog.server for dog, _ in watchdog_trouble(room)] == ["two"]
    one.pause()
    send(two, firing("Jam"), firing("Watchdog"))
    room = await sweep(room)
    assert {alert.name for alert in room.alerts} == {"Ebb", "Flood", "Jam"}
    assert [status.error is None for status in room.sources] == [False, True]
    assert watchdog_trouble(room) == ()
    one.resume()
    one.kill()
    room = await sweep(room)
    assert "refuses connections" in (room.sources[0].error or "")
    assert {alert.name for alert in room.alerts} == {"Ebb", "Flood", "Jam"}
    one.restart()  # it has forgotten what Prometheus will send it again
    room = await sweep(room)
    assert room.sources[0].error is None
    assert [dog.server for dog, _ in watchdog_trouble(room)] == ["one"]
    assert {alert.name for alert in room.alerts} == {"Flood", "Jam"}
    for each in asked:
        await each.close()


async def test_a_cluster_shows_each_alert_and_each_silence_once(start: Start) -> None:
    """Both members hear of an alert, one of a silence: there is one of each, and both say it is silenced."""
    with pair(start) as (one, two):
        for member in (one, two):
            send(member, firing("Ebb", squad="river"), firing("Ebb", squad="sea"))
        id_ = await alertmanager.silence(api(one.url), draft(Matcher("squad", "sea")))
        asked = source(one.url, id_="one"), source(two.url, id_="two")
        first = await read(asked[0])
        second = await until(lambda: read(asked[1]), lambda seen: quiet(seen) == ["sea"])
        assert quiet(first) == ["sea"]
        assert len(distinct((*first.alerts, *second.alerts))) == 2
        assert [one.active + one.silenced for one in families((*first.alerts, *second.alerts))] == [1, 1]
        assert [silence.id for silence in once((*first.silences, *second.silences))] == [id_]
        for each in asked:
            await each.close()


def quiet(seen: AlertsSeen) -> list[str | None]:
    return [alert.squad for alert in seen.alerts if alert.state == "suppressed"]
