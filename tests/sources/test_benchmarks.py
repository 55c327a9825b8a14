"""Results of benchmarks: from files as they lie in a folder, and from the history of a real Prometheus."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.config.values import Benchmark, PrometheusServer
from controlroom.domain.benchmarks import BenchmarkReading, Rule
from controlroom.domain.snapshot import BenchmarksSeen, Observation
from controlroom.lab import servers
from controlroom.sources import benchmarks
from controlroom.sources.benchmarks import BenchmarksSource
from tests.conftest import Start
from tests.net.wire import answer, saying
from tests.sources.looking import AT, KEEP, QUIET, Prometheus, blocks, no_secrets

LATER = AT + timedelta(minutes=25)
"""When it is looked: the last whole hour is `AT`."""

DAY = timedelta(days=1)
STEADY = (3.2, 3.1, 3.3, 3.2, 3.2, 3.15, 3.25)


def declared(**keys: Any) -> tuple[Benchmark, BenchmarkReading]:
    """A benchmark, and what the room knows of it before anybody looked."""
    one = Benchmark(id=keys.pop("id", "reads"), name="Reads", squad="river", unit="s", **keys)
    rule = Rule(one.tolerance, one.window, one.least, one.max_age)
    where = one.metric or f"{one.path} at {one.value}"
    return one, BenchmarkReading(one.id, one.name, one.squad, one.unit, rule=rule, where=where)


def source(
    *known: tuple[Benchmark, BenchmarkReading],
    folder: Path = Path(),
    url: str | None = None,
    clock: Callable[[], datetime] = lambda: LATER,
    timeout: float = 5.0,
) -> BenchmarksSource:
    asked = [PrometheusServer(id="prom", url=url, timeout=timeout)] if url else []
    return BenchmarksSource(known, asked, folder, clock, no_secrets, zone="Europe/Berlin")


async def observed(looking: BenchmarksSource) -> list[Observation]:
    seen: list[Observation] = []
    await looking.poll(seen.append)
    assert [one.complete for one in seen] == [False] * (len(seen) - 1) + [True]
    assert all(one.failure is None for one in seen)
    return seen


async def look(looking: BenchmarksSource) -> dict[str, BenchmarkReading]:
    found: dict[str, BenchmarkReading] = {}
    for one in await observed(looking):
        assert isinstance(one.payload, BenchmarksSeen)
        found |= {reading.id: reading for reading in one.payload.readings}
    return found


async def only(looking: BenchmarksSource) -> BenchmarkReading:
    (reading,) = (await look(looking)).values()
    return reading


# -- files -----------------------------------------------------------------------------------------


def write(folder: Path, *values: float, until: datetime = AT) -> None:
    """A file a day, the newest of the day of `until`."""
    (folder / "bench").mkdir(exist_ok=True)
    for age, value in enumerate(reversed(values)):
        at = until - DAY * age
        text = json.dumps({"as_of": at.isoformat(), "replay": {"p95": value}}, indent=1)
        (folder / "bench" / f"{at:%Y-%m-%d}.json").write_text(text)


IN_FILES = declared(path="bench/*.json", value="/replay/p95")


async def test_a_folder_of_files_is_a_history(tmp_path: Path) -> None:
    """A result each, in the order of their times, with file, line and what dates it."""
    write(tmp_path, *STEADY, 4.2)
    found = await only(source(IN_FILES, folder=tmp_path))
    assert found.verdict == "regression"
    assert found.text.startswith("4.2 s, 31 % worse than the median 3.2 s of 7")
    assert [one.value for one in found.results] == [*STEADY, 4.2]
    assert found.results[-1].source == "bench/2025-10-06.json:4 · dated by as_of"
    assert found.since == AT
    assert found.skipped == ()


async def test_a_bad_file_is_named_and_costs_only_itself(tmp_path: Path) -> None:
    """Whatever lies there; the others are read, and it is said what is wrong with which."""
    write(tmp_path, *STEADY, 4.2)
    bench = tmp_path / "bench"
    contents = {
        "broken": b'{"replay":\n {"p95": }}',
        "tab": b'{"replay":\n {"by": "A\tB"}}',
        "empty": b"",
        "latin": b'{"replay": "\xe9"}',
        "none": b'{"replay": {}}',
        "nan": b'{"replay": {"p95": NaN}}',
        "twice": b'{"replay": {"p95": 1, "p95": 2}}',
        "deep": b"[" * 5000 + b"]" * 5000,
        "large": b" " * (benchmarks.SIZE_LIMIT + 1),
    }
    for name, raw in contents.items():
        (bench / f"{name}.json").write_bytes(raw)
    (bench / "folder.json").mkdir()
    os.mkfifo(bench / "pipe.json")
    (bench / "lost.json").symlink_to("nowhere")
    (bench / "\x1b[31mred\u202e.json").write_bytes(b"{}")
    found = await only(source(IN_FILES, folder=tmp_path))
    assert (found.verdict, len(found.results)) == ("regression", 8)
    said = "\n".join(found.skipped)
    for part in (
        "bench/broken.json: line 2: a value is missing or is none, in column 10; write a number",
        "bench/tab.json: line 2: a tab, a line break or another control character stands in a text,"
        " in column 11; write it as \\t, \\n or \\u00XX",
        "bench/empty.json: line 1: empty",
        "bench/latin.json: line 1: not UTF-8",
        "bench/none.json: it has no /replay/p95",
        "bench/nan.json: line 1: NaN is no JSON number",
        "bench/twice.json: line 1: the name",
        "bench/deep.json: line 1: nested deeper",
        "bench/large.json: 4,194,305 bytes, more than 4,194,304",
        "bench/folder.json: is a folder",
        "bench/pipe.json: is no regular file",
        "bench/[31mred.json: it has no /replay/p95",
    ):
        assert part in said
    assert "\x1b" not in said
    assert "\u202e" not in said


async def test_where_nothing_can_be_read_it_is_unknown_and_says_why(tmp_path: Path) -> None:
    """No file, a bad one, several bad ones: three reasons, no number."""
    looking = source(IN_FILES, folder=tmp_path)
    found = await only(looking)
    assert (found.verdict, found.text) == ("unknown", "no file matches bench/*.json")
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "a.json").write_text("{}")
    assert (await only(looking)).text == "bench/a.json: it has no /replay/p95"
    (tmp_path / "bench" / "b.json").write_text("{")
    assert (await only(looking)).text.startswith("2 files, none of which can be read; bench/a.json: ")
    alone = source(declared(path="last.json", value="/p95"), folder=tmp_path)
    assert (await only(alone)).text == "last.json: there is no such file"


async def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    """A file of the same time, size and place has the same result; a new one counts at the next look."""
    write(tmp_path, *STEADY, 4.2)
    last = tmp_path / "bench" / "2025-10-06.json"
    looking = source(IN_FILES, folder=tmp_path, clock=lambda: datetime.now(UTC) + DAY)
    assert (await look(looking))["reads"].results[-1].value == 4.2
    about = last.stat()
    last.write_text(last.read_text().replace("4.2", "9.9"))
    os.utime(last, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (await look(looking))["reads"].results[-1].value == 4.2
    os.utime(last, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    assert (await look(looking))["reads"].results[-1].value == 9.9
    last.unlink()
    assert (await look(looking))["reads"].results[-1].value == STEADY[-1]


async def test_of_very_many_files_the_last_are_read(tmp_path: Path) -> None:
    """Years of nights are one look; how many were left out is said."""
    (tmp_path / "bench").mkdir()
    for number in range(benchmarks.FILES + 20):
        day = AT - DAY * number
        (tmp_path / "bench" / f"{day:%Y-%m-%d}.json").write_text('{"replay": {"p95": 3}}')
    found = await only(source(IN_FILES, folder=tmp_path))
    assert found.skipped == ("20 more files match: the last 500 by name are read",)
    assert found.results[-1].source.startswith("bench/2025-10-06.json:1")
    assert len(found.results) == found.rule.kept


async def test_a_junit_file_gives_the_time_of_a_case(tmp_path: Path) -> None:
    """Three nights of a suite; the night it failed measured nothing."""
    for day, time, inside in ((4, 1.0, ""), (5, 0.1, "<failure/>"), (6, 1.2, "")):
        case = f'<testcase classname="tide" name="test_replay" time="{time}">{inside}</testcase>'
        text = f'<testsuite name="s">{case}</testsuite>'
        (tmp_path / f"junit-2025-10-0{day}.xml").write_text(text)
    found = await only(source(declared(path="junit-*.xml", value="test_replay"), folder=tmp_path))
    assert [one.value for one in found.results] == [1.0, 1.2]
    assert found.verdict == "young"
    assert found.skipped == (
        "junit-2025-10-05.xml: test_replay did not pass (failed): its time says nothing",
    )


async def test_old_results_say_nothing_of_today(tmp_path: Path) -> None:
    """The night that no file came, the clock alone makes it old."""
    write(tmp_path, *STEADY, 3.2)
    times = iter((AT + timedelta(hours=26), AT + timedelta(hours=26, seconds=1)))
    moment = LATER
    looking = source(IN_FILES, folder=tmp_path, clock=lambda: moment)
    moment = next(times)
    assert (await only(looking)).verdict == "ok"
    moment = next(times)
    assert (await only(looking)).verdict == "old"


# -- a Prometheus ----------------------------------------------------------------------------------

RISING = (*STEADY, 3.2, 3.15, 4.2)
"""Ten days, the last of them slow."""


def history(
    folder: Path, values: Sequence[float] = RISING, *, name: str = "replay_seconds", ago: float = 60
) -> list[str]:
    """OpenMetrics lines: a value a day, a minute before the hour of `AT`."""
    base = AT.timestamp() - ago
    days = len(values) - 1
    return [f"# TYPE {name} gauge"] + [
        f'{name}{{host="a"}} {value} {base - (days - number) * 86_400:.0f}'
        for number, value in enumerate(values)
    ]


def holding(prometheus: Prometheus, *lines: str) -> Callable[[Path], servers.Server]:
    def make(folder: Path) -> servers.Server:
        blocks(folder, lines)
        return prometheus(folder, QUIET, KEEP)

    return make


async def test_ten_days_of_a_prometheus_are_ten_results(
    start: Start, prometheus: Prometheus, tmp_path: Path
) -> None:
    """At the same hour of each day, in one request however long the history is; and the same all the hour."""
    server = start(holding(prometheus, *history(tmp_path)))
    known = declared(metric="max(replay_seconds)")
    looking = source(known, url=server.url)
    api = looking._apis["prom"]
    found = await only(looking)
    assert [one.value for one in found.results] == list(RISING)
    assert [one.at for one in found.results] == [AT - DAY * age for age in reversed(range(10))]
    assert found.verdict == "regression"
    assert found.text == "4.2 s, 31 % worse than the median 3.2 s of 7 (usually within 4.7 %)"
    assert found.since == AT
    assert api.requests == 1
    await looking.close()
    again = source(known, url=server.url, clock=lambda: AT + timedelta(minutes=1))
    assert await only(again) == found
    await again.close()


async def test_a_value_that_just_began_is_young(start: Start, prometheus: Prometheus, tmp_path: Path) -> None:
    """Nothing at any whole hour yet: the value now stands alone, and is compared with nothing."""
    fresh = history(tmp_path, (0.0000214,), ago=-1440)
    looking = source(declared(metric="max(replay_seconds)"), url=start(holding(prometheus, *fresh)).url)
    found = await only(looking)
    assert (found.verdict, found.median) == ("young", None)
    assert found.text == "21.4 µs, no results before it, of the 3 that it takes"
    assert [one.at for one in found.results] == [LATER]
    assert looking._apis["prom"].requests == 2
    await looking.close()


async def test_what_is_not_one_number_is_unknown_and_says_why(
    start: Start, prometheus: Prometheus, tmp_path: Path
) -> None:
    """Several series, none, no PromQL, not a number: each costs only itself."""
    lines = [*history(tmp_path), *(f'replay_seconds{{host="b"}} 1 {AT.timestamp() - 60:.0f}',)]
    url = start(holding(prometheus, *lines)).url
    asked = {
        "several": "replay_seconds",
        "none": "replays_seconds",
        "bad": "max(replay_seconds",
        "nan": "max(replay_seconds) * (0 / 0)",
        "good": "max(replay_seconds)",
    }
    looking = source(*(declared(id=id_, metric=metric) for id_, metric in asked.items()), url=url)
    found = await look(looking)
    assert {id_: one.verdict for id_, one in found.items()} == dict.fromkeys(asked, "unknown") | {
        "good": "regression"
    }
    assert found["several"].text == (
        "the query gives 2 series, where one is needed; wrap it in max(…) or sum(…)"
    )
    assert "no value, today or on any day before" in found["none"].text
    assert "last_over_time" in found["none"].text
    assert "parse error" in found["bad"].text
    assert found["nan"].text == "the last result is NaN, which is no number"
    await looking.close()


async def test_a_server_that_is_away_is_no_verdict(tmp_path: Path) -> None:
    """Refused, or not configured at all; the benchmarks in files are read, and first."""
    write(tmp_path, *STEADY, 3.2)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        asked = declared(id="asked", metric="up")
        looking = source(IN_FILES, asked, folder=tmp_path, url=url)
        filed, other = await observed(looking)
        assert isinstance(filed.payload, BenchmarksSeen)
        assert isinstance(other.payload, BenchmarksSeen)
        assert [one.verdict for one in filed.payload.readings] == ["ok"]
        (away,) = other.payload.readings
        assert away.verdict == "unknown"
        assert "refuses connections" in away.text
        await looking.close()
    nobody = await only(source(asked))
    assert nobody.text == "no Prometheus is configured"
    elsewhere = declared(id="asked", metric="up", server="other")
    assert (await only(source(elsewhere, url=url))).text == "no Prometheus is called other"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status": "success", "data": {"resultType": "vector", "result": []}}', "no matrix"),
        (b'{"status": "success", "data": {"resultType": "matrix", "result": 7}}', "no list"),
        (b'{"status": "success", "data": {"resultType": "matrix", "result": [7]}}', "another form"),
        (
            b'{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1]]}]}}',
            "another form",
        ),
        (
            b'{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1, "x"]]}]}}',
            "another form",
        ),
        (b"<html>", "another form"),
        (b'{"status": "error", "error": "\x1b[31mno"}', "another form"),
        (b'{"status": "error", "error": "query timed out"}', "says: query timed out"),
    ],
)
async def test_another_kind_of_server_is_named_as_such(body: bytes, said: str) -> None:
    """Whatever it answers is a reason, never a result."""
    async with saying(answer(body)) as url:
        looking = source(declared(metric="up"), url=url)
        found = await only(looking)
        assert (found.verdict, found.results) == ("unknown", ())
        assert said in found.text
        assert "\x1b" not in found.text
        await looking.close()


async def test_a_hanging_server_is_given_up_in_time() -> None:
    """Its own timeout, said as such, for however many benchmarks wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        known = [declared(id=f"b{number}", metric="up") for number in range(6)]
        looking = source(*known, url=url, timeout=0.2)
        assert looking.deadline == pytest.approx(30 + 2 * 2 * 0.2)
        found = await look(looking)
        assert {one.text.partition(";")[0] for one in found.values()} == {
            f"{url} did not answer within 0.2 s"
        }
        await looking.close()


def test_a_reading_is_declared_as_it_was_or_is_another() -> None:
    """Another query under the same id starts anew."""
    _, reading = declared(metric="up")
    assert replace(reading, text="x", verdict="ok").declared == reading.declared
    assert replace(reading, where="down").declared != reading.declared
