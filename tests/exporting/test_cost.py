"""What a collector spends is counted as it is, and told at /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import controlroom
from controlroom.domain.services import Service
from controlroom.domain.snapshot import Observation, ServicesSeen
from controlroom.exporting import missing
from controlroom.exporting.cost import LIMITS, Cost, Meter, Polls
from controlroom.lab import servers
from controlroom.probes.prober import Prober
from controlroom.sources.services import ServicesSource
from tests.conftest import Start
from tests.exporting.pages import metered, of, read, value
from tests.sources.looking import source as metrics
from tests.telling import free_port
from tests.tui.rooms import NOW


def clock() -> datetime:
    """The machine's."""
    return datetime.now(UTC)


def only(meter: Meter) -> Polls:
    """What was counted of the one source."""
    (polls,) = meter.cost().polls
    return polls


def test_polls_are_counted_by_how_long_they_took() -> None:
    """Each limit has those that took no longer, as Prometheus has it, and the sum has them all."""
    meter = Meter()
    for seconds in (0.005, 0.0051, 0.3, 31.0):
        meter.polled("services", "services", seconds, failed=False)
    page = read(None, NOW, meter.cost())
    within = of(page, "controlroom_poll_duration_seconds_bucket", source="services", kind="services")
    assert within == {
        **{f"{limit:g}": 2.0 for limit in LIMITS},
        "0.005": 1.0,
        "+Inf": 4.0,
        **dict.fromkeys(("0.5", "1", "2.5", "5", "10", "30"), 3.0),
    }
    assert value(page, "controlroom_poll_duration_seconds_count", source="services", kind="services") == 4
    total = value(page, "controlroom_poll_duration_seconds_sum", source="services", kind="services")
    assert total == pytest.approx(31.3101)


def test_frames_are_counted_by_their_kind() -> None:
    """In full, what differs, and that nothing is new; with the bytes they took."""
    page = read(None, NOW, metered())
    assert of(page, "controlroom_frames_told_total") == {"full": 1, "delta": 1, "quiet": 1}
    assert of(page, "controlroom_frames_told_bytes_total") == {"full": 40_000, "delta": 300, "quiet": 0}


def test_what_is_not_known_of_a_collector_is_not_told() -> None:
    """Without a lease it neither leads nor stands by, and is not one of several."""
    names = ("collector_leads", "collector_term", "collectors")
    assert not {f"controlroom_{name}" for name in names} & set(read(None, NOW, Cost()))
    page = read(None, NOW, Meter().cost(leads=False, collectors=3))
    assert value(page, "controlroom_collector_leads") == 0
    assert value(page, "controlroom_collectors") == 3


async def test_every_answer_of_a_service_is_counted(start: Start) -> None:
    """One that answers and one that refuses make two, each time they are asked, and nothing is held back."""
    redis = start(servers.redis)
    services = (
        Service("redis", "redis", url=f"redis://{redis.address}"),
        Service("nobody", "tcp", url=f"127.0.0.1:{free_port()}"),
    )
    meter = Meter()
    seen: list[Observation] = []
    (watched,) = meter.watched([ServicesSource(services, Prober(clock, str), clock)])
    try:
        await watched.poll(seen.append)
        await watched.poll(seen.append)
    finally:
        await watched.close()
    results = [r for one in seen if isinstance(one.payload, ServicesSeen) for r in one.payload.results]
    assert meter.cost().probe_results == len(results) == 4
    assert (sum(only(meter).counts), only(meter).failed, only(meter).kind) == (2, 0, "services")
    assert only(meter).seconds > 0


async def test_a_poll_that_brings_a_failure_or_is_given_up_has_failed(start: Start) -> None:
    """A Prometheus that answers, that refuses, and that hangs until the poll is cancelled."""
    server = start(lambda folder: servers.prometheus(folder, "global: {}\n"))
    meter = Meter()
    (watched,) = meter.watched([metrics(server.url, [], timeout=30.0)])
    assert (watched.id, watched.kind) == ("metrics:prometheus", "metrics")
    seen: list[Observation] = []
    try:
        await watched.poll(seen.append)
        assert (sum(only(meter).counts), only(meter).failed) == (1, 0)
        server.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await watched.poll(seen.append)
        assert (sum(only(meter).counts), only(meter).failed) == (2, 1)
        assert only(meter).seconds >= 0.29
        server.kill()
        await watched.poll(seen.append)
        assert (sum(only(meter).counts), only(meter).failed) == (3, 2)
    finally:
        await watched.close()
    assert seen[-1].failure is not None


def test_the_process_tells_what_it_takes() -> None:
    """Processor and memory are those of the process that serves the page, as the kernel has them."""
    page = read(None)
    cpu = value(page, "process_cpu_seconds_total")
    times = os.times()
    assert cpu is not None
    assert 0 < cpu <= times.user + times.system + 0.05
    rss = value(page, "process_resident_memory_bytes")
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    assert rss == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.2)


def test_without_the_library_it_says_what_to_install() -> None:
    """A Python that has no installed packages names the library and the line that installs it."""
    assert missing() == ""
    told = subprocess.run(
        [sys.executable, "-S", "-c", "from controlroom.exporting import missing; print(missing())"],
        env={"PYTHONPATH": str(Path(controlroom.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert told.stdout == "prometheus_client is missing: pip install 'controlroom[collect]'\n"


def test_counting_imports_no_library() -> None:
    """A collector without /metrics counts, too: only the page needs the library."""
    code = (
        "import sys; from controlroom.exporting.cost import Meter; Meter().cost();"
        "print('prometheus_client' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert told.stdout == "False\n"
