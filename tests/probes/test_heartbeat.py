"""Jobs that must report in: in time, late, never, with bad news, from a machine whose clock is wrong."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.domain.asks import HeartbeatAsks
from controlroom.domain.health import Beat, ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.heartbeat import judged
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober

U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN
NOW = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)
HOURLY = HeartbeatAsks(every=3_600, grace=600)


class Reports:
    """Reports by the id of their heartbeat; how often each was asked for is counted."""

    def __init__(self) -> None:
        self.known: dict[str, Beat] = {}
        self.asked: list[str] = []

    async def __call__(self, id_: str) -> Beat | None:
        """The last one; of "away" nothing is known."""
        self.asked.append(id_)
        if id_ == "away":
            raise Trouble("reports cannot be read: 127.0.0.1:6379: connection refused", Health.UNKNOWN)
        return self.known.get(id_)


@pytest.fixture
def reports() -> Reports:
    """None yet."""
    return Reports()


@pytest.fixture
async def prober(reports: Reports, tmp_path: Path) -> AsyncIterator[Prober]:
    """A prober at a fixed instant, whose configuration is in the test's folder."""
    made = Prober(lambda: NOW, lambda ref: "", folder=tmp_path, beats=reports)
    await made.load("heartbeat")
    yield made
    made.close()


async def ask(prober: Prober, asks: HeartbeatAsks = HOURLY, id_: str = "nightly") -> ProbeResult:
    """One look."""
    result = await prober(Service(id_, "heartbeat", heartbeat=asks), 5.0)
    assert 0 < len(result.reason) <= 120
    assert result.reason.isprintable()
    assert not result.unreachable
    return result


def ago(seconds: float, ok: bool = True, message: str = "", host: str = "db-1") -> Beat:
    """A report that is so old."""
    return Beat(NOW - timedelta(seconds=seconds), ok, message, host)


@pytest.mark.parametrize(
    ("beat", "health", "reason"),
    [
        (ago(0), U, "reported in"),
        (ago(3_600), U, "reported in"),
        (ago(60, message="12 tables, 3 GB"), U, "reported in: 12 tables, 3 GB"),
        (ago(3_601), DEG, "late by 1s, due every 1h"),
        (ago(3_840), DEG, "late by 4m, due every 1h"),
        (ago(4_200), DEG, "late by 10m, due every 1h"),
        (ago(4_201), D, "last report 1h 10m ago, due every 1h"),
        (ago(11_520), D, "last report 3h 12m ago, due every 1h"),
        (ago(60, False, "disk full"), D, "reported failure: disk full"),
        (ago(99_999, False, "disk full"), D, "reported failure: disk full"),
        (ago(60, False), D, "reported failure: without a word why"),
        (ago(60, False, "x" * 500), D, "reported failure: xxx"),
        (ago(60, False, "\x1b[31m[bold]token=abcdef123"), D, "reported failure: [31m[bold]token=•••"),
        (ago(-59), U, "reported in"),
        (ago(-61), DEG, "clocks differ: that of db-1, or of the store, is 1m ahead of this machine's"),
        (ago(-7_300, host=""), DEG, "clocks differ: that of the job, or of the store, is 2h 01m ahead"),
        (ago(-7_300, False, "disk full"), D, "reported failure: disk full"),
    ],
)
async def test_how_a_report_stands(
    prober: Prober, reports: Reports, beat: Beat, health: Health, reason: str
) -> None:
    """In time, late within its grace, too late, a failure; a future beyond a minute is a matter of clocks."""
    reports.known["nightly"] = beat
    result = await ask(prober)
    assert result.health is health
    assert result.reason.startswith(reason)


async def test_facts_of_a_report(prober: Prober, reports: Reports) -> None:
    """When, how often it should be, and by whom; it does not change between two reports."""
    reports.known["nightly"] = ago(60, message="12 tables")
    result = await ask(prober)
    assert list(result.detail.items()) == [
        ("last report", "2031-05-06T09:29:00Z"),
        ("due every", "1h"),
        ("by", "db-1"),
    ]
    assert result.raw == "at: 2031-05-06T09:29:00Z\nok: yes\nby: db-1\nmessage: 12 tables"


@pytest.mark.parametrize(
    ("every", "shown"), [(60, "1m"), (5_400, "1h 30m"), (86_400, "1d"), (90_000, "1d 01h"), (45, "45s")]
)
def test_round_lengths_read_round(every: float, shown: str) -> None:
    """Nobody plans "every 1h 00m"."""
    health, reason = judged(ago(10 * every), HeartbeatAsks(every=every, grace=0), NOW)
    assert health is D
    assert reason.endswith(f"due every {shown}")


async def test_without_a_grace_it_is_late_at_once(prober: Prober, reports: Reports) -> None:
    """`grace = 0`."""
    reports.known["nightly"] = ago(3_601)
    assert (await ask(prober, HeartbeatAsks(every=3_600, grace=0))).health is D


async def test_never_is_unknown(prober: Prober, reports: Reports) -> None:
    """A job nobody has heard of is not said to be down; the store is asked by the service's id."""
    result = await ask(prober)
    assert (result.health, result.reason) == (N, "never reported in")
    assert reports.asked == ["nightly"]


async def test_a_store_that_is_away_says_nothing_of_the_job(prober: Prober) -> None:
    """UNKNOWN with the store's own reason."""
    result = await ask(prober, id_="away")
    assert result.health is N
    assert result.reason == "reports cannot be read: 127.0.0.1:6379: connection refused"


async def test_a_heartbeat_without_its_table_is_due_every_day(prober: Prober, reports: Reports) -> None:
    """The defaults are a day and ten minutes."""
    reports.known["it"] = ago(86_400 + 601)
    result = await prober(Service("it", "heartbeat"), 5.0)
    assert (result.health, result.reason) == (D, "last report 1d 00h ago, due every 1d")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (60, (U, "reported in")),
        (3_900, (DEG, "late by 5m, due every 1h")),
        (11_520, (D, "last report 3h 12m ago, due every 1h")),
        (-300, (DEG, "clocks differ: that of out/done is 5m ahead of this machine's")),
    ],
)
async def test_the_age_of_a_file_counts(
    prober: Prober, reports: Reports, tmp_path: Path, seconds: float, expected: tuple[Health, str]
) -> None:
    """A file beside the configuration, by when it was written last; the store is not asked."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "done").write_text("", encoding="utf-8")
    then = NOW.timestamp() - seconds
    os.utime(tmp_path / "out" / "done", (then, then))
    result = await ask(prober, HeartbeatAsks(3_600, 600, "out/done"))
    assert (result.health, result.reason) == expected
    assert reports.asked == []
    assert (await ask(prober, HeartbeatAsks(3_600, 600, str(tmp_path / "out" / "done")))).health is expected[
        0
    ]


@pytest.mark.parametrize("file", ["none", "none/below", "a\0b"])
async def test_a_file_that_is_not_there_was_never_written(prober: Prober, file: str) -> None:
    """UNKNOWN, and the file is named."""
    result = await ask(prober, HeartbeatAsks(file=file))
    assert result.health is N
    assert result.reason.startswith("never reported in: there is no ")


async def test_a_path_that_cannot_be_followed_says_why(prober: Prober, tmp_path: Path) -> None:
    """A file in the place of a folder, a link in a circle: UNKNOWN, in the system's words."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    blocked = await ask(prober, HeartbeatAsks(file="file/done"))
    assert (blocked.health, blocked.reason) == (N, "file/done: not a directory")
    circle = await ask(prober, HeartbeatAsks(file="loop"))
    assert (circle.health, circle.reason) == (N, "loop: too many levels of symbolic links")


async def test_looking_at_files_leaves_no_thread(prober: Prober, tmp_path: Path) -> None:
    """A hundred looks, some cancelled: nothing stays."""
    (tmp_path / "done").write_text("", encoding="utf-8")
    for number in range(100):
        task = asyncio.create_task(ask(prober, HeartbeatAsks(file="done")))
        if number % 10 == 0:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for _ in range(250):
        if not any(t.name.startswith("controlroom-blocking") for t in threading.enumerate()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(threading.enumerate())
