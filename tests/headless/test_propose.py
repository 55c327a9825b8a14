"""`telemetry propose` on real Prometheus servers with a past, and `telemetry accept` on real files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from controlroom.config.load import from_text, load
from controlroom.config.values import PrometheusServer
from controlroom.domain.secret import SecretRef
from controlroom.domain.survey import Exported, Survey
from controlroom.lab import prometheus as newer
from controlroom.lab import servers
from controlroom.net.survey import survey
from tests.conftest import Start
from tests.net.wire import answer, counting, saying

AT = datetime(2025, 10, 6, 16, 7, tzinfo=UTC)
DAY, HOUR = 86_400, 3_600
KEEP = "--storage.tsdb.retention.time=100y"
QUIET = "global: {scrape_interval: 1s}\n"
TIDE = 'job="tide",instance="a",env="prod"'
LOCK = 'job="locks",instance="b",env="prod"'
WEIR = 'job="weir",instance="w",env="prod"'

CONFIG = """\
[program]
start = 2025-10-04

[[squads]]
id = "tide_watch"
name = "Tide Watch"
aliases = ["tides"]

[[squads.signals]]
metric = "tide_promised"
job = "tide"

[[squads]]
name = "Lock Keepers"

[[services]]
id = "locks"
kind = "tcp"
url = "127.0.0.1:1"
owner = "Lock Keepers"

[documents]
paths = ["docs/*.md"]
"""
CHARTER = """\
# Squad Charter — Tide Watch

## Mission
Know the water.

## Wave Alignment
- **Wave A (Weeks 1–2)** — levels

## Telemetry & Quality Gates
- Metrics: `tide_level_meters` gauge, `tide_lag_seconds{station,source}`, `tide_gusts_total`.
- Also `scrape_duration_seconds`, and `tide:mean_ratio` in Prometheus.
"""
BOARD = """\
# Backlog

| Sprint | Epic | Squad | Tasks | Owner | Status |
| --- | --- | --- | --- | --- | --- |
| Sprint-1 | Gates | Lock Keepers | emit `lock_opened_total` | Ada | 🟧 In Progress |
| Sprint-1 | Fog | | emit `fog_seen_total` | Bo | 🟧 In Progress |
"""


def samples(
    series: str, begin: float, end: float, value: Callable[[int], float] = lambda number: 1, at: datetime = AT
) -> list[str]:
    """OpenMetrics lines of `series`, one in four minutes from `begin` to `end` seconds before `at`."""
    base = int(at.timestamp())
    instants = range(base - int(begin), base - int(end) + 1, 240)
    return [f"{series} {value(number)} {instant}" for number, instant in enumerate(instants)]


def family(name: str, kind: str, *series: Sequence[str]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(line for lines in series for line in lines)]


def blocks(folder: Path, lines: Sequence[str]) -> None:
    """Blocks for a Prometheus in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "history.txt"
    text.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    tool, data = servers.find("promtool"), folder / "prometheus-data"
    command = [tool, "tsdb", "create-blocks-from", "openmetrics", "-q", str(text), str(data)]
    subprocess.run(command, check=True, capture_output=True)


def week() -> list[str]:
    """A week in which metrics are steady, come and go, go, come, grow and stand still."""
    whole = 8 * DAY
    nights = [
        line
        for day in range(1, 8)
        for line in samples(f"tide_night{{{TIDE}}}", day * DAY, day * DAY - 14.6 * HOUR)
    ]
    return [
        *family("up", "gauge", *(samples(f"up{{{labels}}}", whole, 0) for labels in (TIDE, LOCK, WEIR))),
        *family(
            "tide_level_meters",
            "gauge",
            samples(f'tide_level_meters{{{TIDE},station="n",basin="1"}}', whole, 0),
            samples(f'tide_level_meters{{{TIDE},station="s"}}', whole, 0),
        ),
        *family("tide_lags_seconds", "gauge", samples(f"tide_lags_seconds{{{WEIR}}}", whole, 0)),
        *family("tide_promised", "gauge", samples(f"tide_promised{{{TIDE}}}", whole, 0)),
        *family("tide_night", "gauge", nights),
        *family("lock_opened", "counter", samples(f"lock_opened_total{{{LOCK}}}", whole, 0, float)),
        *family(
            "lock_stuck",
            "counter",
            samples(f"lock_stuck_total{{{LOCK}}}", whole, 0, lambda number: number // 20),
        ),
        *family("lock_lost", "counter", samples(f"lock_lost_total{{{LOCK}}}", whole, 0, lambda number: 3)),
        *family("weir_new", "gauge", samples(f"weir_new{{{WEIR}}}", DAY, 0)),
        *family("weir_gone", "gauge", samples(f"weir_gone{{{WEIR}}}", whole, 3 * DAY)),
        *family("weir_mine", "gauge", samples(f'weir_mine{{{WEIR},team="tides"}}', whole, 0)),
        *family(
            "weir_flow_seconds",
            "histogram",
            *(
                samples(f"weir_flow_seconds_{series}", HOUR, 0)
                for series in (f'bucket{{{WEIR},le="+Inf"}}', f"count{{{WEIR}}}", f"sum{{{WEIR}}}")
            ),
        ),
        *family("go_threads", "gauge", samples(f"go_threads{{{WEIR}}}", HOUR, 0)),
        *family("process_cpu_seconds", "counter", samples(f"process_cpu_seconds_total{{{WEIR}}}", HOUR, 0)),
        *family("tide:mean_ratio", "gauge", samples('tide:mean_ratio{job="rules"}', whole, 0)),
        *family("weir:sum", "gauge", samples("weir:sum", whole, 0)),
        *(
            line
            for name in ("scrape_samples_scraped", "scrape_duration_seconds")
            for line in family(name, "gauge", samples(f"{name}{{{TIDE}}}", whole, 0))
        ),
    ]


Make = Callable[[Path], servers.Server]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The folder with that week, which is written once, when it is first asked for."""
    folder = tmp_path_factory.mktemp("week")

    def write() -> Path:
        if not (folder / "history.txt").exists():
            blocks(folder, week())
        return folder

    return write


@pytest.fixture
def with_a_week(written: Callable[[], Path]) -> Make:
    """Starts a Prometheus that has that week."""

    def make(folder: Path) -> servers.Server:
        shutil.copytree(written(), folder)
        return servers.prometheus(folder, QUIET, KEEP)

    return make


@pytest.fixture(params=["packaged", "newer"])
def any_with_a_week(request: pytest.FixtureRequest, written: Callable[[], Path]) -> Make:
    """As `with_a_week`, once with the package's Prometheus, a 2 on Debian 12, and once with a 3."""

    def make(folder: Path) -> servers.Server:
        program = str(newer.program()) if request.param == "newer" else "prometheus"
        shutil.copytree(written(), folder)
        return servers.prometheus(folder, QUIET, KEEP, program=program)

    return make


def programme(folder: Path, *urls: str) -> Path:
    """A configuration with documents beside it, and the Prometheus servers at `urls`."""
    (folder / "docs").mkdir()
    (folder / "docs" / "tide_watch.md").write_text(CHARTER, encoding="utf-8")
    (folder / "docs" / "board.md").write_text(BOARD, encoding="utf-8")
    path = folder / "controlroom.toml"
    tables = [f"\n[[prometheus]]\nid = 'p{number}'\nurl = '{url}'\n" for number, url in enumerate(urls)]
    path.write_text(CONFIG + "".join(tables), encoding="utf-8")
    return path


def controlroom(config: Path, *arguments: str, at: datetime | None = AT) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    when = [f"--at={at.isoformat()}"] if at else []
    command = [sys.executable, "-m", "controlroom", "--config", str(config), *when, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


def propose(config: Path, *arguments: str, code: int = 0, at: datetime | None = AT) -> str:
    done = controlroom(config, "telemetry", "propose", *arguments, at=at)
    assert done.returncode == code, done.stderr
    return done.stdout


def signals(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Squad → metric → its keys."""
    return {
        squad["id"]: {signal["metric"]: signal for signal in squad.get("signals", ())}
        for squad in tomllib.loads(text).get("squads", ())
    }


def before(text: str, metric: str) -> list[str]:
    """The remarks right above a proposed metric."""
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if re.match(rf'(?:# )?metric = "{metric}"', line))
    above = lines[:at][::-1]
    return [line for line in above[: above.index("")] if line.startswith("# ") and "[[" not in line][::-1]


# -- what is proposed -------------------------------------------------------------------------------


def test_a_week_of_prometheus_and_a_charter_become_proposals(
    start: Start, any_with_a_week: Make, tmp_path: Path
) -> None:
    """Each squad gets what its documents, labels and jobs say is its own, with what is to be known of it."""
    text = propose(programme(tmp_path, start(any_with_a_week).url))
    found = signals(text)
    assert set(found) == {"tide_watch", "lock_keepers"}
    tides, locks = found["tide_watch"], found["lock_keepers"]
    named = {"tide_level_meters", "tide:mean_ratio", "scrape_duration_seconds"}
    assert set(tides) == {*named, "weir_mine"}
    level = {"metric": "tide_level_meters", "job": "tide", "type": "gauge", "labels": ["station"]}
    assert tides["tide_level_meters"] == {**level, "required_for_exit": True}
    assert before(text, "weir_mine") == ["# its series say tides"]
    assert set(locks) == {"lock_opened_total", "lock_stuck_total", "lock_lost_total"}
    assert before(text, "lock_opened_total") == ["# named in docs/board.md"]
    assert before(text, "lock_lost_total") == ["# job locks is called as its service is"]
    assert "tide_promised" not in text


def test_what_a_charter_names_and_nobody_exports_is_commented_out(
    start: Start, with_a_week: Make, tmp_path: Path
) -> None:
    """A misspelt name comes with its near ones, an unknown one without, both with how long was looked."""
    text = propose(programme(tmp_path, start(with_a_week).url))
    assert before(text, "tide_lag_seconds") == [
        "# named in docs/tide_watch.md",
        "# never seen in 7 d; did you mean tide_lags_seconds?",
    ]
    assert before(text, "tide_gusts_total")[-1] == "# never seen in 7 d"
    assert '# metric = "tide_lag_seconds"' in text
    assert "fog_seen_total" in text.partition("# Nobody's")[2]


def test_what_comes_and_goes_is_flaky_and_not_required(
    start: Start, any_with_a_week: Make, tmp_path: Path
) -> None:
    """The share of the week and the last time are told; what only came later is new, and steady."""
    config = programme(tmp_path, start(any_with_a_week).url)
    config.write_text(
        config.read_text().replace('aliases = ["tides"]', 'aliases = ["tides", "tide", "weir"]')
    )
    text = propose(config)
    tides = signals(text)["tide_watch"]
    said = before(text, "tide_night")[-1]
    assert re.fullmatch(r"# flaky: there 6[01] % of 7 d; last seen 2025-10-06T0[67]:\d\d:00Z", said)
    assert before(text, "weir_gone")[-1] == "# flaky: there 57 % of 7 d; last seen 2025-10-03T16:00:00Z"
    assert before(text, "weir_new")[-1] == "# new: there since 2025-10-05T16:15:00Z"
    for metric, required in (("tide_night", False), ("weir_gone", False), ("weir_new", True)):
        assert tides[metric]["required_for_exit"] is required
    assert text.count("# required_for_exit = true") == 2


def test_only_a_counter_that_grew_is_expected_to(start: Start, any_with_a_week: Make, tmp_path: Path) -> None:
    """One that grew in every half hour is; one that did now and then, or never, has a remark instead."""
    text = propose(programme(tmp_path, start(any_with_a_week).url), "--squad", "Lock Keepers")
    locks = signals(text)["lock_keepers"]
    assert locks["lock_opened_total"]["expect_activity"] is True
    assert "expect_activity" not in locks["lock_stuck_total"]
    assert "expect_activity" not in locks["lock_lost_total"]
    assert re.search(r"# expect_activity = true +# grew in \d\d % of the last day's half hours", text)
    assert re.search(r"# expect_activity = true +# did not grow on the last day", text)


def test_what_nobody_owns_comes_last_and_noise_is_only_counted(
    start: Start, with_a_week: Make, tmp_path: Path
) -> None:
    """Nobody's metrics are a line each, commented; runtimes, recording rules and Prometheus' own are not."""
    config = programme(tmp_path, start(with_a_week).url)
    text = propose(config)
    nobodys = text.partition("# Nobody's")[2]
    assert '# { metric = "weir_flow_seconds", job = "weir", type = "histogram" }' in nobodys
    assert '"weir_gone"' in nobodys
    assert "# Left out, as every program has them: go_* (1), process_* (1), 1 that" in nobodys
    for name in ("weir:sum", "scrape_samples", "go_threads", "_bucket", "_sum", '"up"'):
        assert name not in text
    assert "weir_flow" not in propose(config, "--squad", "tides")


def test_what_is_proposed_loads_alone_and_in_the_configuration(
    start: Start, with_a_week: Make, tmp_path: Path
) -> None:
    """The whole draft is a configuration; each squad's part fits below the squad it is for."""
    config = programme(tmp_path, start(with_a_week).url)
    text = propose(config)
    alone = from_text(text, tmp_path / "x.toml").program
    assert {squad.id: len(squad.signals) for squad in alone.squads} == {"tide_watch": 4, "lock_keepers": 3}
    whole = config.read_text()
    for squad, place in (("tide_watch", '[[squads]]\nname = "Lock'), ("lock_keepers", "[[services]]")):
        part = text.partition(f'[[squads]]\nid = "{squad}"\n')[2].partition("\n[[squads]]\n")[0]
        whole = whole.replace(place, f"{part}\n{place}", 1)
    pasted = from_text(whole, config).program
    assert [len(squad.signals) for squad in pasted.squads] == [5, 3]
    assert pasted.squads[0].signals[0].metric == "tide_promised"


def test_json_has_its_shape(start: Start, with_a_week: Make, tmp_path: Path) -> None:
    """Every proposal says whose, what, how much of the time, from where, and what it may have meant."""
    document = json.loads(propose(programme(tmp_path, start(with_a_week).url), "--json"))
    by_metric = {one["metric"]: one for one in document["proposals"]}
    keys = {"squad", "metric", "job", "type", "labels", "presence_pct", "flaky", "last_seen", "from", "near"}
    assert all(keys <= one.keys() for one in document["proposals"])
    lag = by_metric["tide_lag_seconds"]
    assert (lag["squad"], lag["from"], lag["state"]) == ("tide_watch", "charter", "never")
    assert (lag["near"], lag["presence_pct"]) == (["tide_lags_seconds"], None)
    level = by_metric["tide_level_meters"]
    assert (level["from"], level["presence_pct"], level["flaky"]) == ("charter", 100.0, False)
    gone = by_metric["weir_gone"]
    assert (gone["squad"], gone["from"], gone["flaky"]) == (None, "prometheus", True)
    assert 57 <= gone["presence_pct"] < 58
    assert document["left_out"] == {"go_": 1, "process_": 1, "recorded": 1}


def test_a_promise_for_any_job_covers_every_job(start: Start, with_a_week: Make, tmp_path: Path) -> None:
    """What some squad promised already is proposed to none again, also where a document names it."""
    config = programme(tmp_path, start(with_a_week).url)
    mine = 'name = "Lock Keepers"\nsignals = ["tide_level_meters", "weir_flow_seconds_count", "weir_new"]\n'
    config.write_text(config.read_text().replace('name = "Lock Keepers"\n', mine))
    text = propose(config)
    for metric in ("tide_level_meters", "weir_flow_seconds", "weir_new"):
        assert metric not in text


# -- where it comes from, and where it goes ---------------------------------------------------------


class Exporter:
    """A real HTTP server whose /metrics says `text`."""

    def __init__(self, text: str) -> None:
        exporter = self
        self.text = text

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(exporter.text.encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def exporting(text: str) -> Iterator[Exporter]:
    exporter = Exporter(text)
    thread = Thread(target=exporter.server.serve_forever, daemon=True)
    thread.start()
    yield exporter
    exporter.server.shutdown()
    exporter.server.server_close()
    thread.join()


def test_types_are_those_the_targets_expose(start: Start, tmp_path: Path) -> None:
    """A counter without a telling name is one, and grows; where the charter says otherwise, that is told."""
    text = (
        "# TYPE tide_level_meters counter\ntide_level_meters 5000\n"
        "# TYPE tide_wave_seconds summary\ntide_wave_seconds_count 1\ntide_wave_seconds_sum 1\n"
    )
    with exporting(text) as exporter:
        now = datetime.now(UTC)
        labels = f'job="tides",instance="{exporter.address}"'

        def make(folder: Path) -> servers.Server:
            history = samples(f"tide_level_meters{{{labels}}}", 2 * DAY, 120, float, now)
            up = samples(f"up{{{labels}}}", 2 * DAY, 120, at=now)
            blocks(folder, [*family("up", "gauge", up), *family("tide_level_meters", "gauge", history)])
            target = f"{{job_name: tides, static_configs: [{{targets: ['{exporter.address}']}}]}}"
            return servers.prometheus(folder, f"{QUIET}scrape_configs: [{target}]", KEEP)

        server = start(make)
        config = programme(tmp_path, server.url)
        found: dict[str, Any] = {}
        for _ in range(100):  # until its first scrape has been read
            draft = propose(config, "--squad", "tides", at=None)
            found = signals(draft)["tide_watch"]
            if "tide_wave_seconds" in found and "type" in found["tide_level_meters"]:
                break
        assert found["tide_level_meters"]["type"] == "counter"
        assert found["tide_level_meters"]["expect_activity"] is True
        assert found["tide_wave_seconds"]["type"] == "summary"
        assert "# the document says gauge" in before(draft, "tide_level_meters")
        assert "never seen in 2d" in draft


def test_without_prometheus_the_documents_still_tell(start: Start, with_a_week: Make, tmp_path: Path) -> None:
    """Exit code 3, the reason on stderr, and what the charter names as far as it goes."""
    server = start(with_a_week)
    config = programme(tmp_path, server.url)
    server.kill()
    done = controlroom(config, "telemetry", "propose")
    assert done.returncode == 3
    assert "could not be asked" in done.stderr
    assert "only what the documents name" in done.stderr
    level = signals(done.stdout)["tide_watch"]["tide_level_meters"]
    assert level == {"metric": "tide_level_meters", "type": "gauge", "required_for_exit": True}
    assert "never seen" not in done.stdout
    assert "not looked up" in done.stdout
    from_text(done.stdout, tmp_path / "x.toml")


def test_of_two_servers_the_one_that_answers_is_told(start: Start, with_a_week: Make, tmp_path: Path) -> None:
    """Its metrics carry its id; the other is named with its reason, and the exit code stays 3."""
    server = start(with_a_week)
    config = programme(tmp_path, "http://127.0.0.1:1", server.url)
    done = controlroom(config, "telemetry", "propose")
    assert done.returncode == 3
    assert "p0 could not be asked" in done.stderr
    assert signals(done.stdout)["tide_watch"]["weir_mine"]["server"] == "p1"
    alone = controlroom(config, "telemetry", "propose", "--server", "p1")
    assert alone.returncode == 0
    assert "p0" not in alone.stderr + alone.stdout


async def test_what_is_no_prometheus_is_said_to_be_none(tmp_path: Path) -> None:
    """Any web server's page is a reason, not an empty draft."""
    async with saying(answer(b"<html>welcome</html>", kind="text/html")) as url:
        asked = await survey(PrometheusServer(url=url), no_secrets, [], AT, 7)
    assert "is not Prometheus" in asked.error


def test_a_draft_is_written_only_where_nothing_is(start: Start, with_a_week: Make, tmp_path: Path) -> None:
    """An existing file needs --force, and the configuration is never overwritten at all."""
    config = programme(tmp_path, start(with_a_week).url)
    said = config.read_bytes()
    target = tmp_path / "draft.toml"
    assert "tide_watch 4 there, 2 not to be found" in propose(config, "--output", str(target))
    assert "tide_level_meters" in target.read_text()
    target.write_text("mine")
    assert propose(config, "--output", str(target), code=4) == ""
    assert target.read_text() == "mine"
    propose(config, "--output", str(target), "--force")
    assert target.read_text() != "mine"
    propose(config, "--output", str(config), "--force", code=4)
    assert config.read_bytes() == said


@pytest.mark.parametrize(
    "arguments", [["--squad", "tide_wach"], ["--server", "p9"], ["--days", "0"], ["--days", "x"]]
)
def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 2 before anybody is asked."""
    assert propose(programme(tmp_path, "http://127.0.0.1:1"), *arguments, code=2) == ""


# -- what it costs ----------------------------------------------------------------------------------


def no_secrets(reference: SecretRef) -> str:
    raise AssertionError(f"nothing asked for {reference}")


async def look(url: str, named: Sequence[str] = (), days: int = 1) -> Survey:
    found = await survey(PrometheusServer(url=url), no_secrets, named, AT, days)
    assert found.error == ""
    return found


async def test_requests_are_the_same_for_any_number_of_names_in_documents(
    start: Start, with_a_week: Make
) -> None:
    """Counted on the wire: squads and what they named cost nothing more."""
    server = start(with_a_week)
    counts = []
    async with counting(server.address) as (url, counter):
        for number in (6, 600):
            asked = counter.requests
            found = await look(url, [f"metric_{n}_total" for n in range(number)], 7)
            counts.append(counter.requests - asked)
            assert found.requests == counts[-1]
            assert len(found.exported) == 11
    assert counts[0] == counts[1] <= 10


async def test_ten_thousand_metrics_are_asked_for_in_bounded_pieces(start: Start) -> None:
    """Every one is told of, no URL is longer than any proxy takes, and requests grow with chunks only."""
    number = 10_000

    def make(folder: Path) -> servers.Server:
        base = int(AT.timestamp())
        lines = [
            line
            for n in range(number)
            for line in (
                f"# TYPE programme_metric_number_{n} gauge",
                *(f'programme_metric_number_{n}{{job="j{n % 40}"}} 1 {base - age}' for age in (600, 300, 0)),
            )
        ]
        blocks(folder, lines)
        return servers.prometheus(folder, QUIET, KEEP)

    server = start(make)
    async with counting(server.address) as (url, counter):
        found = await look(url)
        longest = max(len(line) for line in bytes(counter.bodies).split(b"\r\n") if line.startswith(b"GET"))
    assert {one.metric for one in found.exported} == {f"programme_metric_number_{n}" for n in range(number)}
    assert {one.job for one in found.exported} == {f"j{n}" for n in range(40)}
    assert found.notes == ()
    assert longest < 4_200
    assert found.requests < 400, found.requests


async def test_what_is_too_much_at_once_is_asked_for_in_halves(start: Start) -> None:
    """A server that refuses a long answer still tells all of it, piece by piece."""
    names = [f"m{n}_level" for n in range(60)]

    def make(folder: Path) -> servers.Server:
        lines = [line for m in names for line in family(m, "gauge", samples(f'{m}{{job="j"}}', DAY, 0))]
        blocks(folder, lines)
        return servers.prometheus(folder, QUIET, KEEP, "--query.max-samples=8000")

    found = await look(start(make).url)
    assert {one.metric for one in found.exported} == set(names)
    assert all(one.presence == 100.0 for one in found.exported)


async def test_what_could_not_be_asked_is_not_told_to_be_missing(start: Start) -> None:
    """A server that refuses every question about the past leaves names unread, never 'never seen'."""

    def make(folder: Path) -> servers.Server:
        blocks(folder, family("tide_level", "gauge", samples('tide_level{job="j"}', DAY, 0)))
        return servers.prometheus(folder, QUIET, KEEP, "--query.max-samples=2")

    found = await look(start(make).url, ["tide_level"])
    assert found.exported == ()
    assert found.unread == {"tide_level"}
    assert found.fleeting == frozenset()
    assert any("too many samples" in note for note in found.notes)


async def test_a_stop_of_prometheus_itself_makes_nothing_flaky(start: Start) -> None:
    """What was there whenever the server was is steady; what stopped for longer is not."""

    def make(folder: Path) -> servers.Server:
        def pieces(series: str, *spans: tuple[float, float]) -> list[str]:
            return [line for begin, end in spans for line in samples(series, begin * HOUR, end * HOUR)]

        stopped = (24, 18), (12, 0)
        blocks(
            folder,
            [
                *family("up", "gauge", pieces('up{job="j"}', *stopped)),
                *family("steady", "gauge", pieces('steady{job="j"}', *stopped)),
                *family("shaky", "gauge", pieces('shaky{job="j"}', (24, 18), (8, 0))),
                *family("early", "gauge", pieces('early{job="j"}', (22, 18), (12, 0))),
                *family("later", "gauge", pieces('later{job="j"}', (9, 0))),
            ],
        )
        return servers.prometheus(folder, QUIET, KEEP)

    found = {one.metric: one for one in (await look(start(make).url)).exported}
    assert judged(found["steady"]) == (False, False, 100.0)
    assert judged(found["shaky"])[:2] == (True, False)
    assert judged(found["early"])[:2] == (False, True)
    assert judged(found["later"])[:2] == (False, True)


def judged(one: Exported) -> tuple[bool, bool, float]:
    return one.flaky, one.new, one.presence


# -- another name -----------------------------------------------------------------------------------

PROMISED = '[[squads]]\nname = "Tide Watch" # ours\nsignals = ["tide_levle"]\n'


def accept(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return controlroom(path, "telemetry", "accept", "tide_watch", "tide_levle", "tide_level", *arguments)


def test_accepting_shows_the_difference_and_writes_only_when_told(tmp_path: Path) -> None:
    """Without --write nothing is written; with it exactly what was shown is, with who and when."""
    path = tmp_path / "controlroom.toml"
    path.write_text(PROMISED)
    shown = accept(path, "--by", "Ada")
    new = '+signals = ["tide_level"]  # was tide_levle; accepted 2025-10-06 by Ada'
    assert shown.returncode == 0
    assert new in shown.stdout.splitlines()
    assert path.read_text() == PROMISED
    written = accept(path, "--by", "Ada", "--write")
    assert written.returncode == 0
    assert path.read_text() == PROMISED.replace(PROMISED.splitlines()[2], new[1:])
    assert load(path, environ={}).program.squads[0].signals[0].metric == "tide_level"
    again = accept(path, "--write")
    assert again.returncode == 2
    assert "promises no tide_levle" in again.stderr


def test_accepting_as_json_says_whether_it_is_written(tmp_path: Path) -> None:
    """One document with path, summary and diff."""
    path = tmp_path / "controlroom.toml"
    path.write_text(PROMISED)
    document = json.loads(accept(path, "--json").stdout)
    assert document["written"] is False
    assert document["summary"] == "Tide Watch promises tide_level instead of tide_levle"
    assert json.loads(accept(path, "--json", "--write").stdout)["written"] is True


def test_of_several_jobs_one_is_to_be_named(tmp_path: Path) -> None:
    """A name that is promised for two jobs is not changed for a guess."""
    path = tmp_path / "controlroom.toml"
    tables = "".join(f"[[squads.signals]]\nmetric = 'tide_levle'\njob = '{job}'\n" for job in "ab")
    path.write_text("[[squads]]\nname = 'Tide Watch'\n" + tables)
    refused = accept(path, "--write")
    assert refused.returncode == 2
    assert "add --job, one of a, b" in refused.stderr
    assert accept(path, "--write", "--job", "b").returncode == 0
    assert [s.metric for s in load(path, environ={}).program.squads[0].signals] == [
        "tide_levle",
        "tide_level",
    ]


def test_a_read_only_configuration_is_refused(tmp_path: Path) -> None:
    """Exit code 4, and the file stays."""
    path = tmp_path / "controlroom.toml"
    path.write_text(PROMISED)
    path.chmod(0o444)
    done = accept(path, "--write")
    assert done.returncode == 4
    assert "read-only" in done.stderr
    assert path.read_text() == PROMISED
    assert controlroom(path, "--read-only", "telemetry", "accept", "a", "b", "c", "--write").returncode == 4


def test_plain_telemetry_is_what_it_was(tmp_path: Path) -> None:
    """Without a word after it, it tells of the promised signals."""
    path = tmp_path / "controlroom.toml"
    path.write_text(PROMISED)
    done = controlroom(path, "telemetry", "--json")
    assert [one["metric"] for one in json.loads(done.stdout)["signals"]] == ["tide_levle"]
