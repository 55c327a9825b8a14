"""A room with 1,000 services of mixed kinds, a third of them hanging, against the idle room.

    python -m benchmarks mixed [--quick]

The servers are real: those the lab starts, an HTTP origin of its own for each HTTP service, and a server that
accepts every connection and never says a word for those that hang. What is not on this machine is left out,
its share taken over by HTTP services, and named.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.room import Figure, Trial, above, configuration, idle, keys, ratio, services
from benchmarks.terminal import percentile
from controlroom.lab import kafka, postgres, servers, temporal

TOTAL = 1000
HANGING = TOTAL // 3
SERVICES = b"6z"
"""The keys that show every service in a row of its own."""

SHARES: Mapping[str, int] = {
    "redis": 160,
    "tcp": 60,
    "postgres": 40,
    "temporal": 20,
    "grpc": 20,
    "kafka": 12,
    "prometheus": 12,
    "alertmanager": 12,
    "pushgateway": 12,
    "promql": 12,
    "dns": 10,
    "heartbeat": 10,
    "command": 6,
}
"""Kind → healthy services of it; the rest of the healthy ones are HTTP."""

HANGING_SHARES: Mapping[str, int] = {"redis": 80, "postgres": 30, "kafka": 20, "grpc": 20, "temporal": 20}
"""Kind → hanging services of it; the rest of the hanging ones are HTTP."""

URLS: Mapping[str, str] = {
    "http": "http://{}/health",
    "redis": "redis://{}",
    "kafka": "kafka://{}",
    "postgres": "postgres://postgres@{}/postgres",
    "temporal": "temporal://{}",
    "grpc": "grpc://{}",
    "tcp": "tcp://{}",
    "prometheus": "http://{}",
    "alertmanager": "http://{}",
    "pushgateway": "http://{}",
    "promql": "http://{}",
}
EXTRA: Mapping[str, str] = {
    "promql": 'promql.query = "sum(up)"\n',
    "dns": 'url = "localhost"\n',
    "command": 'command.run = ["true"]\n',
    "heartbeat": 'heartbeat.every = "1h"\nheartbeat.file = "controlroom.toml"\n',
}
PROMETHEUS = """\
global: {scrape_interval: 5s}
scrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:{port}']}]}]
"""


def started(folder: Path, stack: ExitStack) -> dict[str, Sequence[str]]:
    """Kind → addresses of real servers of it, as far as they are on this machine."""
    makers: Mapping[str, tuple[int, Callable[[Path], servers.Server]]] = {
        "redis": (3, servers.redis),
        "kafka": (1, kafka.kafka),
        "postgres": (1, postgres.postgres),
        "temporal": (1, temporal.temporal),
        "prometheus": (1, lambda where: servers.prometheus(where, PROMETHEUS)),
        "alertmanager": (1, servers.alertmanager),
        "pushgateway": (1, servers.pushgateway),
    }
    found: dict[str, Sequence[str]] = {}
    for kind, (count, make) in makers.items():
        try:
            running = [make(folder / f"{kind}-{number}") for number in range(count)]
        except servers.NotInstalled as missing:
            print(f"left out: {missing}", file=sys.stderr)
            continue
        for server in running:
            stack.callback(server.stop)
        found[kind] = [server.address for server in running]
    for kind, as_kind in (("grpc", "temporal"), ("promql", "prometheus"), ("tcp", "redis")):
        if as_kind in found:
            found[kind] = found[as_kind]
    return found


@contextmanager
def silence() -> Iterator[str]:
    """A real server that accepts every connection and never answers; its address."""
    command = [sys.executable, "-m", "benchmarks.origins", "1", "--silent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def tables(found: Mapping[str, Sequence[str]], ports: Sequence[int], hung: str) -> Iterator[tuple[str, str]]:
    """Kind and `[[services]]` table of all the services, in the order of the file."""
    number = 0

    def table(kind: str, address: str) -> tuple[str, str]:
        nonlocal number
        number += 1
        url = f'url = "{URLS[kind].format(address)}"\n' if kind in URLS else ""
        group = f'group = "g{number % 20}"\n'
        return kind, f'[[services]]\nid = "s{number}"\nkind = "{kind}"\n{group}{url}{EXTRA.get(kind, "")}'

    healthy = {k: n for k, n in SHARES.items() if k in found or k in ("dns", "command", "heartbeat")}
    for kind, count in healthy.items():
        places = found.get(kind, ("",))
        yield from (table(kind, places[n % len(places)]) for n in range(count))
    web = TOTAL - HANGING - sum(healthy.values())
    yield from (table("http", f"127.0.0.1:{port}") for port in ports[:web])
    for kind, count in HANGING_SHARES.items():
        yield from (table(kind, hung) for _ in range(count))
    yield from (table("http", hung) for _ in range(HANGING - sum(HANGING_SHARES.values())))


def run(*, quick: bool = False) -> Iterator[Figure]:
    """The figures of the mixed room."""
    presses, still = (60, 10.0) if quick else (250, 30.0)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        found = started(folder / "servers", stack)
        ports = stack.enter_context(services(TOTAL))
        hung = stack.enter_context(silence())
        for part in ("few", "mixed"):
            (folder / part).mkdir()
        few = Trial(_room(configuration(folder / "few", ports[:20])), folder / "few-home")
        path = configuration(folder / "mixed", ())
        kinds, texts = zip(*tables(found, ports, hung), strict=True)
        path.write_text(path.read_text(encoding="utf-8") + "\n" + "\n".join(texts), encoding="utf-8")
        mixed = Trial(_room(path), folder / "mixed-home")
        print(f"{len(kinds)} services, {HANGING} hanging: {dict(Counter(kinds))}", file=sys.stderr)
        calm, busy = keys(few, presses, 8, SERVICES), keys(mixed, presses, 30, SERVICES)
        floor, value = percentile(calm, 50) * 1e3, percentile(busy, 50) * 1e3
        yield Figure("key to paint p50, 1,000 mixed services", floor, value, "ms", "(for comparison)", True)
        floor, value = percentile(calm, 99) * 1e3, percentile(busy, 99) * 1e3
        yield ratio("key to paint p99, 1,000 mixed services", floor, value, "ms", 2)
        yield above("the same, above the idle room", floor, value, "ms", 16.7)
        calm_cpu, _, calm_rss = idle(few, still, 8)
        busy_cpu, _, busy_rss = idle(mixed, still, 40)
        yield above("CPU, 1,000 mixed services", calm_cpu, busy_cpu, "%", 5.0)
        yield Figure("resident memory, the same", calm_rss, busy_rss, "MB", "(for comparison)", True)


def _room(config: Path) -> Sequence[str]:
    return (sys.executable, "-m", "controlroom", "--config", str(config))
