"""Pushgateway: ready, proven, and who pushed to it."""

from __future__ import annotations

import contextlib
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.lab.servers import Server
from controlroom.probes.prober import Prober
from controlroom.probes.pushgateway import pushed
from tests import faults
from tests.conftest import Start

STATUS = b'{"status":"success","data":{"build_information":{"version":"1.5.1"},"flags":{}}}'
PAGES = {"/-/ready": faults.http(b"OK"), "/api/v1/status": faults.http(STATUS)}


async def ask(prober: Prober, url: str, name: str = "it") -> ProbeResult:
    """One probe."""
    return await prober(Service(name, "pushgateway", url=url), 2.0)


def push(server: Server, job: str, text: str) -> None:
    """What a job does when it is done; the gateway may refuse it."""
    request = urllib.request.Request(f"{server.url}/metrics/job/{job}", text.encode(), method="PUT")
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=5).close()


async def test_a_real_gateway_tells_who_pushed(prober: Prober, start: Start) -> None:
    """Version, groups, the oldest push, and that a push was refused."""
    server = start(servers.pushgateway)
    result = await ask(prober, server.url, "empty")
    assert (result.health, result.reason) == (Health.UP, "ready")
    assert list(result.detail) == ["version", "groups"]
    assert result.detail["groups"] == "0"
    push(server, "backup", "rows 987654\n")
    push(server, "report", "rows 1\n")
    push(server, "report", "rows 1\nrows 2\n")
    result = await ask(prober, server.url, "pushed")
    assert result.detail["groups"] == "2"
    assert result.detail["refused"] == "last push of job report"
    assert result.detail["oldest push"].endswith("s ago, job backup")
    assert "987654" not in str(result)


async def test_it_is_not_taken_for_its_relatives(prober: Prober, start: Start) -> None:
    """A Prometheus is no Pushgateway, nor the other way round."""
    gateway = start(servers.pushgateway)
    prometheus = start(lambda folder: servers.prometheus(folder, "global: {}\n"))
    wrong = await ask(prober, prometheus.url)
    assert (wrong.health, wrong.reason) == (
        Health.DOWN,
        "answers, but is not Pushgateway: HTTP 404 from /api/v1/status",
    )
    other = await prober(Service("other", "prometheus", url=gateway.url), 2.0)
    assert other.reason.startswith("answers, but is not Prometheus")


async def test_a_gateway_full_of_metrics_is_up(prober: Prober, start: Start) -> None:
    """A list too long to be read is not read, and no fault."""
    server = start(servers.pushgateway)
    push(server, "large", "".join(f'rows{{n="{n}"}} {n}\n' for n in range(9_000)))
    result = await ask(prober, server.url)
    assert (result.health, result.detail["groups"]) == (Health.UP, "too many to count")


async def test_a_list_that_never_comes_is_no_fault(prober: Prober) -> None:
    """It is ready and proven; the groups are looked at again after a while, not with every probe."""
    asked: list[str] = []

    def handle(plug: socket.socket) -> None:
        while request := plug.recv(65_536):
            asked.append(request.split(b" ")[1].decode())
            if asked[-1] in PAGES:
                plug.sendall(PAGES[asked[-1]])

    with faults.scripted(handle) as address:
        service = Service("it", "pushgateway", url=f"http://{address}")
        for _ in range(3):
            assert (await prober(service, 1.0)).health is Health.UP
    assert asked.count("/api/v1/metrics") == 1


def times() -> Iterator[object]:
    """What may stand where a time should."""
    yield from ({}, {"metrics": []}, {"metrics": [{}]}, {"metrics": [{"value": "x"}]}, [], None, 3)


def test_odd_groups_are_counted_all_the_same() -> None:
    """Whatever a group lacks, the others are shown."""
    now = datetime(2025, 10, 7, 12, tzinfo=UTC)
    at = (now - timedelta(hours=3)).timestamp()
    good = {"labels": {"job": "backup"}, "push_time_seconds": {"metrics": [{"value": str(at)}]}}
    groups = [good, {"labels": None}, *({"push_time_seconds": time} for time in times())]
    found = pushed({"status": "success", "data": groups}, now)
    assert found == {"groups": "9", "oldest push": "3h 00m ago, job backup"}
    assert pushed({"data": "x"}, now) == {}
    assert pushed({}, now) == {}
