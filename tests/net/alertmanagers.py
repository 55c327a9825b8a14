"""Real Alertmanagers for tests: alerts sent as Prometheus would, pairs, and what they say themselves."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from controlroom.config.values import AlertmanagerServer
from controlroom.domain.secret import SecretRef
from controlroom.domain.silences import Matcher, SilenceDraft
from controlroom.lab import servers
from controlroom.lab.ports import reserved
from controlroom.net.fetch import Api
from tests.conftest import Start

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds until something that must happen has."""

CONFIG = "route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n"


def now() -> datetime:
    return datetime.now(UTC)


def no_secrets(reference: SecretRef) -> str:
    raise AssertionError(f"nothing asked for {reference}")


def api(url: str, timeout: float = 5.0) -> Api:
    return Api(AlertmanagerServer(url=url, timeout=timeout), no_secrets)


def draft(*matchers: Matcher, lasting: timedelta = timedelta(hours=2), comment: str = "work") -> SilenceDraft:
    return SilenceDraft(matchers, now(), now() + lasting, "Ada", comment)


def post(url: str, body: object) -> None:
    """POST JSON to the server as Prometheus or a person would."""
    data = json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5) as said:
        assert said.status == 200


def send(server: servers.Server, *alerts: Mapping[str, object]) -> None:
    """Make `alerts` fire there."""
    post(f"{server.url}/api/v2/alerts", alerts)


def firing(name: str, **labels: str) -> Mapping[str, object]:
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} is here"},
        "startsAt": (now() - timedelta(minutes=3)).isoformat(),
    }


def ask(server: servers.Server, path: str, **query: str | list[str]) -> Any:
    """What the server itself says."""
    asked = urllib.parse.urlencode(query, doseq=True)
    with urllib.request.urlopen(f"{server.url}/api/v2/{path}?{asked}", timeout=5) as said:
        return json.load(said)


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is `good`; gives it."""
    give_up = time.monotonic() + PATIENCE
    while not good(seen := await look()):
        assert time.monotonic() < give_up, seen
        await asyncio.sleep(0.05)
    return seen


@contextmanager
def pair(start: Start) -> Iterator[tuple[servers.Server, servers.Server]]:
    """Two Alertmanagers that are one cluster, once they know each other."""
    with ExitStack() as held:
        ports = [held.enter_context(reserved()) for _ in range(2)]

        def member(n: int) -> Callable[[Path], servers.Server]:
            def arguments(port: int, where: Path) -> list[str]:
                (where / "am.yml").write_text(CONFIG, encoding="utf-8")
                return [
                    f"--config.file={where / 'am.yml'}",
                    f"--storage.path={where / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    f"--cluster.listen-address=127.0.0.1:{ports[n]}",
                    f"--cluster.advertise-address=127.0.0.1:{ports[n]}",
                    f"--cluster.peer=127.0.0.1:{ports[1 - n]}",
                    "--cluster.gossip-interval=50ms",
                    "--cluster.pushpull-interval=1s",
                    "--cluster.reconnect-interval=200ms",
                    "--cluster.settle-timeout=1s",
                ]

            ready = servers.http_ok("/-/ready")
            return lambda folder: servers.launch(
                f"am-{n}", "prometheus-alertmanager", arguments, ready, folder
            )

        one, two = start(member(0)), start(member(1))
        give_up = time.monotonic() + PATIENCE
        while len(ask(one, "status")["cluster"]["peers"]) < 2:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        yield one, two
