"""What a look at the signals of many squads asks of a real Prometheus, counted by that Prometheus itself."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import SignalsSeen
from controlroom.domain.telemetry import GapCode
from controlroom.lab.servers import Server
from controlroom.sources.metrics import MetricsSource
from tests.conftest import Start
from tests.sources.looking import Prometheus, exporter, poll, source

JOBS = 60
SQUADS = 600
EACH = 10
"""Signals of one squad, every other of which is missing."""

MOST = 14
"""Requests one look may take, whatever is declared and however much of it is missing.

It is eleven here: six queries, targets, metadata, names, and two about the server; and nine from the second
look on. Alerting rules, and a server that has just been configured, cost one more each.
"""


def signals(squads: int) -> list[Signal]:
    """Those of the first squads: one job after another, half of each squad's not there."""
    return [
        Signal(metric(s, i), f"job{s % JOBS}", f"squad{s}", type="counter", labels=("instance",))
        for s in range(squads)
        for i in range(EACH)
    ]


def metric(squad: int, number: int) -> str:
    return f"squad{squad}_metric{number}_total"


def pages() -> dict[str, str]:
    """What each job's target says."""
    lines: dict[str, list[str]] = {f"job{job}": [] for job in range(JOBS)}
    for squad in range(SQUADS):
        for number in range(0, EACH, 2):
            name = metric(squad, number)
            lines[f"job{squad % JOBS}"] += [f"# TYPE {name} counter", f"{name} 1"]
    return {job: "\n".join([*own, ""]) for job, own in lines.items()}


def config(address: str, log: Path) -> str:
    jobs = "".join(
        f"- job_name: job{job}\n  metrics_path: /job{job}\n  static_configs: [{{targets: ['{address}']}}]\n"
        for job in range(JOBS)
    )
    return f"global: {{scrape_interval: 2s, query_log_file: {log}}}\nscrape_configs:\n{jobs}"


def counted(server: Server) -> Counter[str]:
    """Requests it has had so far, by the part of its API."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for labels, value in re.findall(r"^prometheus_http_requests_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        handler = re.search(r'handler="([^"]*)"', labels)
        if handler and handler[1].startswith("/api/"):
            found[handler[1]] += int(float(value))
    return found


def queries(log: Path) -> Sequence[Mapping[str, Any]]:
    """What stands in its log of queries."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def half(number: int) -> Counter[GapCode]:
    """Half of so many signals there, and half of them not."""
    return Counter({GapCode.OK: number // 2, GapCode.NEVER_SEEN: number // 2})


async def readings(metrics: MetricsSource) -> tuple[Counter[GapCode], int]:
    """How often each code was read in a look, and the requests it says it took."""
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return Counter(reading.code for reading in payload.readings), payload.requests


async def test_six_squads_and_six_hundred_cost_the_same(
    tmp_path: Path, start: Start, prometheus: Prometheus
) -> None:
    """The same few requests for 60 signals and for 6000 in 60 jobs; queries are POST, about one instant."""
    target, log = start(lambda folder: exporter(folder, **pages())), tmp_path / "queries.json"
    server = start(lambda folder: prometheus(folder, config(target.address, log)))
    metrics = source(server.url, signals(SQUADS), timeout=30)
    found = half(0)
    async with asyncio.timeout(60):
        while found != half(SQUADS * EACH):
            found, _ = await readings(metrics)
    await metrics.close()
    asked: list[list[Counter[str]]] = []
    for number in (6, SQUADS):
        metrics = source(server.url, signals(number), timeout=30)
        asked.append([])
        for _ in range(2):
            before, said = counted(server), len(queries(log))
            codes, requests = await readings(metrics)
            asked[-1].append(counted(server) - before)
            assert codes == half(number * EACH)
            assert requests == asked[-1][-1].total()
            told = queries(log)[said:]
            assert len(told) == asked[-1][-1]["/api/v1/query"]
            assert {query["httpRequest"]["method"] for query in told} == {"POST"}
            assert len({query["params"]["start"] for query in told}) == 1
            assert all(query["params"]["start"] == query["params"]["end"] for query in told)
        await metrics.close()
    few, many = asked
    assert few == many
    assert few[0].total() <= MOST
    assert few[1].total() < few[0].total()
    assert few[0]["/api/v1/targets"] == few[0]["/api/v1/label/:name/values"] == 1
