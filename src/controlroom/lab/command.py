"""``controlroom lab``: a room on the real servers found on this machine, gone when it is left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from types import FrameType
from typing import Any

from controlroom.lab import kafka, postgres, servers, temporal
from controlroom.lab.ports import reserved
from controlroom.lab.slow import Slow

PREFIX = "controlroom-lab-"

SCRAPES = """\
global: {{scrape_interval: 2s, scrape_timeout: 1s}}
scrape_configs:
- job_name: prometheus
  static_configs: [{{targets: ['127.0.0.1:{{port}}']}}]
{others}"""

SLOW: Mapping[str, Callable[[Path], servers.Server]] = {
    "kafka": kafka.kafka,
    "postgres": postgres.postgres,
    "temporal": temporal.temporal,
}
"""Service id → what starts its server, which takes seconds."""

OPTIONAL = frozenset({*SLOW, "pushgateway"})
"""Services that a lab leaves out where their server is not on this machine."""

SHARED = {"workflows": "temporal", "scrapes": "prometheus"}
"""Service id → the one whose server it asks, too."""

FIRST_SCRAPES = 8.0
"""Seconds after which every target has been scraped, or will not be."""


@dataclass
class Lab:
    """What was started, by the service ids of the example configuration, and what is not installed."""

    folder: Path
    addresses: dict[str, str] = field(default_factory=dict)
    """Service id → ``host:port``, of missing servers too: nothing listens there."""
    servers: dict[str, servers.Server] = field(default_factory=dict)
    """Service id → the running server."""
    missing: dict[str, str] = field(default_factory=dict)
    """Service id → why its server does not run, with the line that installs it where that helps."""

    @property
    def config(self) -> Path:
        """The generated configuration."""
        return self.folder / "controlroom.toml"


def main(arguments: Sequence[str]) -> int:
    """Start the servers, run ``controlroom ARGUMENTS`` on them, stop them; its exit code."""
    from controlroom.cli import main as run

    with _ending_on_signals(), open_lab() as lab:
        for why in lab.missing.values():
            print(f"controlroom lab: {why}", file=sys.stderr)  # noqa: T201
        publisher = threading.Thread(target=_publish_soon, args=(lab.config,), daemon=True)
        publisher.start()
        return run(["--config", str(lab.config), *arguments])


@contextmanager
def open_lab() -> Iterator[Lab]:
    """A lab in a temporary folder: servers running, configuration written. Everything ends with it."""
    _sweep_abandoned()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_locked(folder))
        lab = Lab(folder)
        _start_all(lab, stack)
        _write_configuration(lab)
        yield lab


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock for as long as this process lives, however it ends."""
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


def _sweep_abandoned() -> None:
    """Remove folders of labs that were killed: nobody holds their lock any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP leave through every `finally`, so that the servers are stopped."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_all(lab: Lab, stack: ExitStack) -> None:
    """Start everything; what takes long starts while the rest does."""
    with Slow(stack) as slow:
        for id_, make in SLOW.items():
            slow.start(id_, partial(make, lab.folder / id_))
        _start_quick(lab, stack)
    for id_, outcome in slow.outcomes.items():
        _note(lab, id_, outcome)


def _start_quick(lab: Lab, stack: ExitStack) -> None:
    def start(id_: str, make: Callable[[Path], servers.Server]) -> None:
        try:
            server = make(lab.folder / id_)
        except servers.NotInstalled as missing:
            _note(lab, id_, missing)
            if id_ not in OPTIONAL:
                lab.addresses[id_] = f"127.0.0.1:{stack.enter_context(reserved())}"
        else:
            stack.callback(server.stop)
            _note(lab, id_, server)

    start("redis", servers.redis)
    start("node-exporter", servers.node_exporter)
    start("redis-exporter", lambda folder: servers.redis_exporter(folder, lab.addresses["redis"]))
    start("alertmanager", servers.alertmanager)
    start("pushgateway", servers.pushgateway)
    jobs = {
        "node": "node-exporter",
        "redis": "redis-exporter",
        "alertmanager": "alertmanager",
        "pushgateway": "pushgateway",
    }
    others = "".join(
        f"- job_name: {job}\n  static_configs: [{{targets: ['{lab.addresses[id_]}']}}]\n"
        for job, id_ in jobs.items()
        if id_ not in lab.missing
    )
    start("prometheus", lambda folder: servers.prometheus(folder, SCRAPES.format(others=others)))


def _note(lab: Lab, id_: str, outcome: servers.Server | Exception) -> None:
    if isinstance(outcome, servers.Server):
        lab.servers[id_] = outcome
        lab.addresses[id_] = outcome.address
    elif isinstance(outcome, servers.NotInstalled):
        lab.missing[id_] = f"{id_} is not installed: {outcome.remedy}"
    elif id_ in OPTIONAL:
        lab.missing[id_] = f"{id_} does not start: {outcome}"
    else:
        raise outcome


def _write_configuration(lab: Lab) -> None:
    """The example configuration with this lab's addresses in place of the default ones."""
    import tomlkit

    from controlroom.config import example

    config = tomlkit.parse(example.text())
    kept = [service for service in config["services"] if _here(lab, service)]
    for service in kept:
        address = lab.addresses.get(SHARED.get(service["id"], service["id"]))
        if address is not None:
            scheme, separator, rest = str(service["url"]).rpartition("://")
            user, at, place = rest.rpartition("@")
            path = place.partition("/")[2]
            service["url"] = f"{scheme}{separator}{user}{at}{address}" + (f"/{path}" if path else "")
        if service["id"] in lab.missing:
            service["runbook"] = lab.missing[service["id"]]
    here = {service["id"] for service in kept}
    _keep(config, "services", lambda service: service["id"] in here)
    _keep(config, "maintenance", lambda window: here.issuperset(window["services"]))
    for dependency in config["dependencies"]:
        dependency["services"] = [id_ for id_ in dependency["services"] if id_ in here]
    # Nobody here writes results into files night by night.
    _keep(config, "benchmarks", lambda benchmark: "metric" in benchmark)
    config["prometheus"][0]["url"] = f"http://{lab.addresses['prometheus']}"
    config["prometheus"][0]["interval"] = 5
    config["alertmanagers"][0]["url"] = f"http://{lab.addresses['alertmanager']}"
    config["documents"]["paths"] = ["Backlog.md"]
    config["status"]["dir"] = "status"
    lab.config.write_text(tomlkit.dumps(config), encoding="utf-8")
    (lab.folder / "status").mkdir()
    backlog = resources.files("controlroom.lab").joinpath("backlog.md").read_text(encoding="utf-8")
    (lab.folder / "Backlog.md").write_text(backlog, encoding="utf-8")


def _here(lab: Lab, service: Mapping[str, Any]) -> bool:
    """Whether the lab has what the service asks; some need no server at all."""
    id_ = SHARED.get(service["id"], service["id"])
    return id_ in lab.addresses or service["kind"] in ("command", "heartbeat", "dns")


def _keep(config: Any, section: str, wanted: Callable[[Any], bool]) -> None:
    """Only the `wanted` tables of a list of tables."""
    tables = config[section]
    for number in reversed(range(len(tables))):
        if not wanted(tables[number]):
            del tables[number]


def _publish_soon(config: Path) -> None:
    """Report the nightly job, and publish, for comparison, once every target was scraped."""
    _run(config, "heartbeat", "nightly")
    time.sleep(FIRST_SCRAPES)
    publish(config)


def publish(config: Path) -> None:
    """Write the status JSON of the room that `config` describes, as the nightly job would."""
    _run(config, "publish")


def _run(config: Path, *arguments: str) -> None:
    with contextlib.suppress(OSError):
        subprocess.run(
            [sys.executable, "-m", "controlroom", "--config", str(config), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
