"""Pages of /metrics to look at: a room with a little of everything, and a page read back as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from controlroom import exporting
from controlroom.domain.alerts import Watchdog
from controlroom.domain.benchmarks import BenchmarkReading, Result
from controlroom.domain.health import ServiceState
from controlroom.domain.ledger import Ledger
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.exporting.cost import Cost, Meter
from tests.tui import rooms
from tests.tui.rooms import NOW, ago, service

Series = Mapping[tuple[tuple[str, str], ...], float]
"""Labels, sorted by name → the value."""

Page = Mapping[str, Series]
"""Name → its series."""


def metered() -> Cost:
    """What a leader has spent after a few polls and frames."""
    meter = Meter()
    meter.polled("services", "services", 0.03, failed=False)
    meter.polled("services", "services", 61.0, failed=True)
    meter.probed(12)
    meter.told(full=True, size=40_000)
    meter.told(full=False, size=300)
    meter.told(full=False, size=0)
    return meter.cost(leads=True, term=4, collectors=2)


ROOM = replace(
    rooms.ROOM,
    sources=(
        *rooms.SOURCES,
        SourceStatus("log", "store", "log", 5, NOW - timedelta(seconds=1)),
        SourceStatus("self", "self", "this machine", 10, NOW - timedelta(seconds=1)),
    ),
    services=(
        *rooms.SERVICES,
        service("ferry", Health.UNKNOWN, "never asked", flaps=0),
        replace(service("lock", Health.DOWN, "no answer"), verified=False),
        replace(service("buoy", Health.UP), probed_at=ago(30)),
    ),
    ledger=Ledger(17),
    watchdogs=(Watchdog("am", "Watchdog", firing=True, since=ago(9000), seen_at=ago(1)),),
    self_checks=(Check("clock", True, "runs evenly"), Check("dns", None, "nothing to ask")),
    benchmarks=(
        BenchmarkReading(
            "booking",
            "Booking a berth",
            "quay",
            "s",
            results=(Result(3.2, ago(2000)), Result(4.2, ago(30))),
            verdict="regression",
            median=3.2,
            change=0.3125,
        ),
        BenchmarkReading(
            "lifting",
            "Lifting",
            "cranes",
            "ms",
            results=(Result(12.0, ago(90_000)),),
            verdict="old",
            median=11.0,
        ),
        BenchmarkReading("stamping", "Stamping", "customs", error="cannot be read"),
    ),
)
"""All sources are fresh at `NOW`; of the services three are unknown, each for another reason."""


def text(snapshot: Snapshot | None = ROOM, now: datetime = NOW, cost: Cost | None = None) -> str:
    """The page as it is sent."""
    return exporting.page(snapshot, now, cost or metered())[1].decode("utf-8")


def read(snapshot: Snapshot | None = ROOM, now: datetime = NOW, cost: Cost | None = None) -> Page:
    """The page as whoever scrapes it has it, by the library's own reader; no series is there twice."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text(snapshot, now, cost)):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            series = found.setdefault(sample.name, {})
            assert labels not in series, f"{sample.name}{labels} is there twice"
            series[labels] = sample.value
    return found


def of(page: Page, name: str, **labels: str) -> Mapping[str, float] | Mapping[tuple[str, ...], float]:
    """The series of `name` with these labels, by the values of their other labels."""
    asked = labels.items()
    found = {
        tuple(value for label, value in series if label not in labels): value
        for series, value in page.get(name, {}).items()
        if asked <= dict(series).items()
    }
    return {key[0]: value for key, value in found.items()} if all(len(k) == 1 for k in found) else found


def value(page: Page, name: str, **labels: str) -> float | None:
    """The value of one series; None where it is not there."""
    return page.get(name, {}).get(tuple(sorted(labels.items())))


def unprobed(state: ServiceState) -> ServiceState:
    """The service before anybody asked it."""
    return ServiceState(state.service)
