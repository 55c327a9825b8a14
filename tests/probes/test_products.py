"""Prometheus and Alertmanager: ready, and proven to be what they are said to be."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.probes.web_servers import guarded_alertmanager, guarded_prometheus

BUILD = b'{"status":"success","data":{"version":"2.53.0"}}'
STATUS = (
    b'{"cluster": {"status": "ready", "peers": [{}, {}]}, "versionInfo": {"version": "0.27"},'
    b' "config": {"original": "api_url: https://hooks.example/secret"}}'
)
READY = faults.http(b"Ready.")


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober whose secrets are all `right`."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "right")
    yield made
    made.close()


def site(pages: Mapping[str, bytes]) -> faults.Handler:
    """Serves `pages` by path, 404 for the rest."""

    def handle(plug: socket.socket) -> None:
        while request := plug.recv(65_536):
            path = request.split(b" ")[1].decode()
            plug.sendall(pages.get(path, faults.http(b"not here", "404 Not Found")))

    return handle


PLAIN = faults.http(b"<html>welcome</html>")
STARTING = faults.http(b"Service Unavailable", "503 Service Unavailable")
ELSEWHERE = faults.http(b"", "302 Found", "Location: https://sso.example/")
LOGIN = faults.http(b"", "401 Unauthorized")
PROOF = {"prometheus": "/api/v1/status/buildinfo", "alertmanager": "/api/v2/status"}


async def asked(prober: Prober, kind: str, ready: bytes | None, proof: bytes | None) -> ProbeResult:
    """The result where /-/ready and the proof answer so; None is 404."""
    pages = {"/-/ready": ready, PROOF[kind]: proof}
    with faults.scripted(site({path: page for path, page in pages.items() if page})) as address:
        return await prober(Service("it", kind, url=f"http://{address}"), 2.0)


@pytest.mark.parametrize(
    ("kind", "ready", "proof", "expected"),
    [
        ("prometheus", READY, faults.http(BUILD), ("ready", {"version": "2.53.0"})),
        ("prometheus", None, faults.http(BUILD), ("answers", {"version": "2.53.0"})),
        (
            "alertmanager",
            READY,
            faults.http(STATUS),
            ("ready", {"version": "0.27", "cluster": "ready", "peers": "2"}),
        ),
    ],
)
async def test_what_is_proven_is_up(
    prober: Prober, kind: str, ready: bytes | None, proof: bytes, expected: tuple[str, Mapping[str, str]]
) -> None:
    """Ready, or without a page of readiness, and proven: UP with its version and nothing of its secrets."""
    result = await asked(prober, kind, ready, proof)
    assert (result.health, (result.reason, result.detail)) == (Health.UP, expected)


@pytest.mark.parametrize(
    ("kind", "ready", "proof", "reason"),
    [
        ("prometheus", READY, None, f"answers, but is not Prometheus: HTTP 404 from {PROOF['prometheus']}"),
        ("prometheus", READY, PLAIN, "answers, but is not Prometheus"),
        ("prometheus", READY, faults.http(STATUS), "answers, but is not Prometheus"),
        ("prometheus", ELSEWHERE, None, "HTTP 302: redirects to sso.example, not followed"),
        ("prometheus", LOGIN, None, "HTTP 401: asks for credentials"),
        ("prometheus", READY, LOGIN, "HTTP 401: asks for credentials"),
        ("alertmanager", READY, faults.http(BUILD), "answers, but is not Alertmanager"),
        ("alertmanager", READY, PLAIN, "answers, but is not Alertmanager"),
        ("alertmanager", None, None, "answers, but is not Alertmanager: HTTP 404 from /api/v2/status"),
    ],
)
async def test_what_is_not_proven_is_down(
    prober: Prober, kind: str, ready: bytes | None, proof: bytes | None, reason: str
) -> None:
    """A web server that answers 200 is not enough."""
    result = await asked(prober, kind, ready, proof)
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_not_ready_yet_is_degraded(prober: Prober) -> None:
    """While it reads its log, Prometheus answers 503."""
    result = await asked(prober, "prometheus", STARTING, STARTING)
    assert (result.health, result.reason) == (Health.DEGRADED, "not ready: Service Unavailable")


async def test_the_real_servers_are_not_taken_for_each_other(prober: Prober, start: Start) -> None:
    """A Prometheus is no Alertmanager, nor the other way round; each knows its version."""
    prometheus = start(lambda folder: servers.prometheus(folder, "global: {}\n"))
    alertmanager = start(servers.alertmanager)
    found = {
        (kind, server.name): await prober(Service(f"{kind}-{server.name}", kind, url=server.url + "/"), 2.0)
        for kind in ("prometheus", "alertmanager")
        for server in (prometheus, alertmanager)
    }
    assert found["prometheus", "prometheus"].detail["version"]
    assert found["alertmanager", "alertmanager"].detail["version"]
    assert found["prometheus", "alertmanager"].reason.startswith("answers, but is not Prometheus")
    assert found["alertmanager", "prometheus"].reason.startswith("answers, but is not Alertmanager")


async def test_a_prefix_and_a_pasted_readiness_page_are_understood(prober: Prober, start: Start) -> None:
    """The url may have a path of its own, and may be the page people have open in their browser."""
    pages = {
        "/metrics-home/-/ready": faults.http(b"ok"),
        "/metrics-home/api/v1/status/buildinfo": faults.http(BUILD),
    }
    with faults.scripted(site(pages)) as address:
        for path in ("/metrics-home", "/metrics-home/", "/metrics-home/-/ready"):
            service = Service(path, "prometheus", url=f"http://{address}{path}")
            assert (await prober(service, 2.0)).health is Health.UP


@pytest.mark.parametrize(
    ("kind", "make"),
    [("prometheus", guarded_prometheus), ("alertmanager", guarded_alertmanager)],
    ids=["prometheus", "alertmanager"],
)
async def test_a_password_opens_both_pages(
    prober: Prober, start: Start, kind: str, make: Callable[[Path], servers.Server]
) -> None:
    """Readiness and proof are asked with it; without it the server says what it wants."""
    server = start(make)
    service = Service("it", kind, url=server.url, username="ada", password=SecretRef(env="IT"))
    assert (await prober(service, 2.0)).reason == "ready"
    anonymous = await prober(Service("it", kind, url=server.url), 2.0)
    assert (anonymous.health, anonymous.reason) == (Health.DOWN, "HTTP 401: asks for a password")


async def test_what_it_said_is_kept_and_holds_no_configuration(prober: Prober, start: Start) -> None:
    """The page of readiness can be read; the status of an Alertmanager, with its receivers, cannot."""
    server = start(servers.alertmanager)
    result = await prober(Service("it", "alertmanager", url=server.url), 2.0)
    assert result.raw.startswith("HTTP 200 OK\n")
    assert result.raw.endswith("\n\nOK")
    assert "receiver" not in str(result)
    wrong = await asked(prober, "prometheus", READY, PLAIN)
    assert wrong.raw == "HTTP 200 OK\n\nReady."


async def test_two_requests_share_one_deadline(prober: Prober) -> None:
    """Readiness in time and a proof that never comes is over at the deadline of the whole."""

    def handle(plug: socket.socket) -> None:
        while request := plug.recv(65_536):
            if b"/-/ready" in request:
                plug.sendall(faults.http(b"ok"))

    with faults.scripted(handle) as address:
        result = await prober(Service("it", "prometheus", url=f"http://{address}"), 0.5)
    assert result.health is Health.DOWN
    assert "no answer within" in result.reason
