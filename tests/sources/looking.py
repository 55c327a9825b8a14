"""Looks at declared signals on a real Prometheus, what such a one scrapes, and history made for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Protocol

from controlroom.config.values import PrometheusServer
from controlroom.domain.secret import SecretRef
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Observation, SignalsSeen
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.lab import servers
from controlroom.sources.metrics import MetricsSource
from tests.probes.web_servers import nginx

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)
KEEP = "--storage.tsdb.retention.time=100y"
QUIET = "global: {scrape_interval: 1s}\n"

Looked = dict[str, SignalReading]
"""Readings of one look, by metric."""


class Prometheus(Protocol):
    """Makes a Prometheus of one version, as `servers.prometheus` does."""

    def __call__(
        self, folder: Path, config: str, *extra: str, name: str = "prometheus"
    ) -> servers.Server: ...


def no_secrets(reference: SecretRef) -> str:
    raise AssertionError(f"nothing asked for {reference}")


def now() -> datetime:
    return datetime.now(UTC)


def source(
    url: str, signals: Sequence[Signal], clock: Callable[[], datetime] = now, timeout: float = 5.0
) -> MetricsSource:
    return MetricsSource(PrometheusServer(url=url, timeout=timeout), signals, clock, no_secrets)


async def poll(metrics: MetricsSource) -> Observation:
    seen: list[Observation] = []
    await metrics.poll(seen.append)
    (observation,) = seen
    assert observation.complete
    assert (observation.payload is None) != (observation.failure is None)
    return observation


async def look(metrics: MetricsSource) -> Looked:
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return {reading.signal.metric: reading for reading in payload.readings}


async def until(metrics: MetricsSource, done: Callable[[Looked], bool], within: float = 30.0) -> list[Looked]:
    """All looks until `done` says of one that it shows what was waited for."""
    looks = []
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        looks.append(await look(metrics))
        if done(looks[-1]):
            return looks
        await asyncio.sleep(0.1)
    raise AssertionError({name: (r.code, r.text) for name, r in looks[-1].items()})


def code(metric: str, *codes: GapCode) -> Callable[[Looked], bool]:
    return lambda found: found[metric].code in codes


# -- one signal of each squad ------------------------------------------------------------------------

ARRIVING = {GapCode.OK, GapCode.TARGET_PENDING}
"""What a signal may read as that is scraped for the first time, or again."""

PATIENCE = 30.0
"""Seconds after which a test gives up waiting."""

Found = Mapping[str, SignalReading]
"""Readings of one look, by squad: each squad promises one signal."""

Done = Callable[[Found], bool]


def squads(**signals: tuple[str, str | None]) -> list[Signal]:
    """Squad → the metric it promises, and its job."""
    return [Signal(metric, job, squad) for squad, (metric, job) in signals.items()]


def by_squad(readings: Iterable[SignalReading]) -> Found:
    return {reading.signal.squad: reading for reading in readings}


async def once(metrics: MetricsSource) -> Found:
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return by_squad(payload.readings)


async def watch(metrics: MetricsSource, done: Done, within: float = PATIENCE) -> list[Found]:
    """Every look until `done` says that one shows what was waited for."""
    looks: list[Found] = []
    try:
        async with asyncio.timeout(within):
            while not looks or not done(looks[-1]):
                looks.append(await once(metrics))
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError({squad: (r.code, r.text) for squad, r in looks[-1].items()}) from None
    return looks


def read(**codes: GapCode) -> Done:
    """Whether these squads' signals read so."""
    return lambda found: all(found[squad].code is code for squad, code in codes.items())


def told(looks: Iterable[Found], *names: str) -> set[GapCode]:
    """What was ever said of these squads' signals."""
    return {found[squad].code for found in looks for squad in names}


# -- history ---------------------------------------------------------------------------------------


def samples(series: str, begin: float, end: float, value: str = "1", step: int = 60) -> Iterator[str]:
    """OpenMetrics lines of `series` from `begin` to `end` seconds before AT."""
    base = int(AT.timestamp())
    return (f"{series} {value} {base - age}" for age in range(int(begin), int(end) - 1, -step))


def history(folder: Path, families: Mapping[str, Sequence[tuple[str, float, float]]]) -> None:
    """Blocks for a Prometheus in `folder`: metric → (labels, seconds before AT it begins, and ends)."""
    lines = []
    for metric, spans in families.items():
        lines.append(f"# TYPE {metric} gauge")
        for labels, begin, end in spans:
            lines += samples(f"{metric}{{{labels}}}", begin, end)
    blocks(folder, lines)


def blocks(folder: Path, lines: Sequence[str]) -> None:
    """Blocks for a Prometheus in `folder`, of OpenMetrics `lines` with their times."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "history.txt"
    text.write_text("\n".join([*lines, "# EOF", ""]))
    command = [servers.find("promtool"), "tsdb", "create-blocks-from", "openmetrics", "-q", str(text)]
    subprocess.run([*command, str(folder / "prometheus-data")], check=True, capture_output=True)


# -- live ------------------------------------------------------------------------------------------


LEVEL = "# TYPE tide_level gauge\ntide_level 1\n"


def exporter(folder: Path, **pages: str) -> servers.Server:
    """A process of its own that can be killed and stopped, and says what `pages` hold, LEVEL at /metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in {"metrics": LEVEL, **pages}.items():
        (folder / path).write_text(text, encoding="utf-8")
    return nginx(folder, f'root {folder}; default_type "text/plain; version=0.0.4";', name="exporter")


class Exporter:
    """A real HTTP server whose /metrics says what `text` is at the moment."""

    def __init__(self) -> None:
        self.text = ""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@contextmanager
def exporting(text: str = "") -> Iterator[Exporter]:
    exporter = Exporter()
    exporter.text = text
    try:
        yield exporter
    finally:
        exporter.server.shutdown()
        exporter.server.server_close()


def scraping(**jobs: Sequence[str]) -> str:
    """A Prometheus configuration that scrapes each job's addresses every second."""
    parts = [
        f"- job_name: {job}\n  static_configs: [{{targets: {json.dumps(list(addresses))}}}]"
        for job, addresses in jobs.items()
    ]
    return "global: {scrape_interval: 1s}\nscrape_configs:\n" + "\n".join(parts) + "\n"
