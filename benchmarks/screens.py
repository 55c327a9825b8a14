"""Many screens on one machine: what viewers cost the collector, and what services cost a sweep.

    python -m benchmarks screens [--quick]

A real Redis, `controlroom collect` as a process of its own, and viewers as real terminals that follow it. The
services count how often they are asked: twenty viewers have to cost them what one costs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.room import Figure, configuration, ratio, services
from benchmarks.terminal import Terminal, median
from controlroom.lab import servers

LISTENS = re.compile(r"listens: http://([0-9.:]+)/")

SWEPT = re.compile(
    r'^controlroom_poll_duration_seconds_(sum|count){.*kind="services".*} (\S+)$', re.MULTILINE
)


class Collector:
    """`controlroom collect` on a configuration; what it has cost so far."""

    def __init__(self, config: Path, home: Path) -> None:
        xdg = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "STATE", "CONFIG")}
        command = [sys.executable, "-m", "controlroom", "--config", str(config), "collect"]
        self.log = (home.parent / f"{home.name}.log").open("w+b")
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**os.environ, "HOME": str(home), **xdg}
        )
        self.address = self._said(LISTENS)
        while self._get("/readyz") != 200:
            time.sleep(0.1)

    def _said(self, pattern: re.Pattern[str]) -> str:
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            self.log.seek(0)
            found = pattern.search(self.log.read().decode())
            if found:
                return found[1]
            time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError(self.log.read().decode())

    def _get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            return 0

    def cpu(self) -> float:
        """CPU seconds of the process and all its threads so far."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def swept(self) -> tuple[float, float]:
        """Seconds that polls of the services took so far, and how many there were, as it tells itself."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=5) as answer:
            found = dict(SWEPT.findall(answer.read().decode()))
        return float(found["sum"]), float(found["count"])

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


@contextmanager
def collecting(folder: Path, ports: Sequence[int], cards: int = 0) -> Iterator[tuple[Collector, str]]:
    """A collector of services on `ports`, and the URL that its viewers follow."""
    folder.mkdir()
    redis = servers.redis(folder / "redis")
    try:
        url = f"redis://127.0.0.1:{redis.port}/0"
        config = configuration(folder, ports, cards)
        with config.open("a") as file:
            file.write(f'[store]\nurl = "{url}"\n[collect]\nlisten = "127.0.0.1:0"\n')
        collector = Collector(config, folder / "home")
        try:
            yield collector, url
        finally:
            collector.close()
    finally:
        redis.stop()


def viewer(url: str, home: Path) -> Terminal:
    """A terminal that follows `url`, without a configuration of its own."""
    xdg = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "STATE", "CONFIG")}
    command = [sys.executable, "-m", "controlroom", "--follow", url]
    return Terminal(command, env={"HOME": str(home), **xdg})


def asked(port: int) -> int:
    """How often all the services were asked so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/asked", timeout=5) as answer:
        return int(answer.read())


def spent(
    collector: Collector, port: int, viewers: Sequence[Terminal], seconds: float
) -> tuple[float, float]:
    """CPU seconds of the collector, and probes, in each second while nobody does anything."""
    cpu, probes, began = collector.cpu(), asked(port), time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        for one in viewers:
            one.run_for(0)
        time.sleep(min(0.05, left))
    took = time.monotonic() - began
    return (collector.cpu() - cpu) / took, (asked(port) - probes) / took


def shown(terminal: Terminal, words: str, within: float) -> float:
    """Seconds from exec until the screen shows `words`."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        terminal.run_for(0.02)
        if any(words in line for line in terminal.screen()):
            return terminal.chunks[-1].at - terminal.started
    raise RuntimeError("\n".join(terminal.screen()))


def viewers(folder: Path, count: int, rounds: int, seconds: float) -> Iterator[Figure]:
    """What one more viewer costs the collector, and the services."""
    with services(count) as ports, collecting(folder / "viewers", ports) as (collector, url):
        time.sleep(12)  # two sweeps: connections are open, and what is imported late is imported
        alone, one, many, joins, by_one, by_many = [], [], [], [], [], []
        for _ in range(rounds):
            alone.append(spent(collector, ports[0], [], seconds)[0])
            with ExitStack() as stack:
                open_ = [stack.enter_context(viewer(url, folder / "home-1"))]
                joins.append(shown(open_[0], f"● {count} up", 30))
                cpu, probes = spent(collector, ports[0], open_, seconds)
                one.append(cpu)
                by_one.append(probes)
                open_ += [stack.enter_context(viewer(url, folder / f"home-{n}")) for n in range(2, 21)]
                for terminal in open_[1:]:
                    shown(terminal, f"● {count} up", 60)
                cpu, probes = spent(collector, ports[0], open_, seconds)
                many.append(cpu)
                by_many.append(probes)
        sweep = 5 * median(alone)
        each = 5 * (median(many) - median(one)) / 19
        yield ratio(
            f"{count} services, a viewer more: collector CPU a sweep",
            sweep * 1000,
            max(each, 0) * 1000,
            "ms",
            0.01,
        )
        what = "probes a second with 1 and with 20 viewers"
        yield ratio(what, median(by_one), median(by_many), "", 1.02)
        yield Figure("a viewer that joins: exec to the whole room", 0, median(joins), "s", "", met=True)


def sweeps(folder: Path, counts: Sequence[int], seconds: float) -> Iterator[Figure]:
    """What services cost a collector: the curve of its CPU."""
    floor = 0.0
    for count in counts:
        with services(count) as ports, collecting(folder / f"sweep-{count}", ports) as (collector, _):
            time.sleep(12)
            took, times = collector.swept()
            cpu, probes = spent(collector, ports[0], [], seconds)
            more, now = collector.swept()
        percent = 100 * cpu
        floor = floor or percent
        yield Figure(f"a sweep of {count:,} services", 0, (more - took) / (now - times), "s", "", met=True)
        yield Figure(
            f"collector CPU, {count:,} services, {probes:.0f} probes/s", floor, percent, "%", "", met=True
        )


def run(*, quick: bool = False) -> Iterator[Figure]:
    """All figures of many screens. `quick` takes fewer samples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from viewers(folder, 1000, 1 if quick else 3, 10.0 if quick else 20.0)
        yield from sweeps(folder, (10, 1000) if quick else (10, 100, 1000, 3000), 10.0 if quick else 20.0)
