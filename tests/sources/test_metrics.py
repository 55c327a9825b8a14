"""Declared signals against a real Prometheus: history, live targets, faults, and what it costs to ask."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.config.values import PrometheusServer
from controlroom.domain import promql
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import SignalsSeen
from controlroom.domain.telemetry import GapCode
from controlroom.lab import servers
from controlroom.net import prometheus as api
from controlroom.net.fetch import Api
from tests.conftest import Start
from tests.net.wire import answer, counting, request, saying, serving
from tests.sources.looking import (
    AT,
    KEEP,
    QUIET,
    Prometheus,
    blocks,
    code,
    exporting,
    history,
    look,
    no_secrets,
    now,
    poll,
    scraping,
    source,
    until,
)

BOTH = ('job="tide",instance="a"', 7200, 0), ('job="tide",instance="b"', 7200, 0)
PAST: Mapping[str, Sequence[tuple[str, float, float]]] = {
    "up": (*BOTH, ('job="weir",instance="w"', 7200, 0)),
    "tide_level": BOTH,
    "tide_seconds_count": BOTH,
    "tide_gauge": (BOTH[0],),
    "tide_ebb": (('job="tide",instance="a"', 7200, 3660),),
    "tide_lag": (('job="tide",instance="a"', 7200, 120), ('job="tide",instance="b"', 7200, 180)),
    "tide_brief": (('job="tide",instance="a"', 5040, 5040),),
    "lock_level": (('job="weir",instance="w"', 7200, 0),),
}


def tide(metric: str, job: str | None = "tide") -> Signal:
    return Signal(metric, job, "river")


async def test_history_explains_every_signal(start: Start, prometheus: Prometheus) -> None:
    """Present, partial, stale, disappeared, never seen and no target are told apart."""

    def make(folder: Path) -> servers.Server:
        history(folder, PAST)
        return prometheus(folder, QUIET, KEEP)

    signals = [
        tide("tide_level"),
        tide("tide_seconds"),
        tide("tide_gauge"),
        tide("tide_ebb"),
        tide("tide_lag"),
        tide("tide_brief"),
        tide("tide_levels"),
        tide("lock_level"),
        tide("sand_level", "sands"),
        tide("tide_ebb_any", None),
    ]
    metrics = source(start(make).url, signals, lambda: AT)
    observation = await poll(metrics)
    assert isinstance(observation.payload, SignalsSeen)
    found = {reading.signal.metric: reading for reading in observation.payload.readings}
    assert {name: reading.code for name, reading in found.items()} == {
        "tide_level": GapCode.OK,
        "tide_seconds": GapCode.OK,
        "tide_gauge": GapCode.PARTIAL,
        "tide_ebb": GapCode.DISAPPEARED,
        "tide_lag": GapCode.STALE,
        "tide_brief": GapCode.DISAPPEARED,
        "tide_levels": GapCode.NEVER_SEEN,
        "lock_level": GapCode.NEVER_SEEN,
        "sand_level": GapCode.NO_TARGET,
        "tide_ebb_any": GapCode.NEVER_SEEN,
    }
    assert found["tide_level"].sample_age == 0
    assert found["tide_level"].series == 2
    assert found["tide_gauge"].text == "on 1 of 2 up targets; not on b"
    assert found["tide_ebb"].last_seen == AT - timedelta(seconds=3660)
    assert found["tide_brief"].last_seen == AT - timedelta(seconds=5040)
    assert found["tide_lag"].sample_age == 120
    assert found["tide_levels"].hint == "did you mean tide_level?"
    assert "2h 00m of data" in found["tide_levels"].text
    assert found["lock_level"].hint == "it is there in job weir"
    await metrics.close()


async def test_every_query_shown_is_one_prometheus_understands(start: Start, prometheus: Prometheus) -> None:
    """The PromQL beside a reading can be pasted as it is, whatever the names are."""

    def make(folder: Path) -> servers.Server:
        history(folder, PAST)
        return prometheus(folder, QUIET, KEEP)

    server = start(make)
    odd = ["sum", "by", "nan", 'a"b\\', "{x}", "$1", "ä ö", "1st", "a|b", ".*", "x\ny"]
    signals = [
        *map(tide, odd),
        *(tide(name, None) for name in odd),
        *map(tide, PAST),
        tide("x", 'no"such\\job'),
    ]
    metrics = source(server.url, signals, lambda: AT)
    observation = await poll(metrics)
    assert isinstance(observation.payload, SignalsSeen)
    client = Api(PrometheusServer(url=server.url), no_secrets)
    for reading in observation.payload.readings:
        await api.query(client, reading.query, AT)
        assert reading.code is not GapCode.UNKNOWN, reading.text
    partial = next(r for r in observation.payload.readings if r.code is GapCode.PARTIAL)
    ((labels, _),) = (await api.query(client, partial.query, AT)).rows
    assert labels["instance"] == "b"
    await client.close()
    await metrics.close()


@pytest.mark.parametrize("missing", [False, True], ids=["there", "missing"])
async def test_the_number_of_requests_is_constant(
    start: Start, prometheus: Prometheus, missing: bool
) -> None:
    """Six signals and six hundred in fifty jobs cost the same requests, counted on the wire."""

    def make(folder: Path) -> servers.Server:
        history(folder, {f"m{i}_level": ((f'job="j{i % 50}",instance="a"', 600, 0),) for i in range(600)})
        return prometheus(folder, QUIET, KEEP)

    server = start(make)
    name = "m{}_levels" if missing else "m{}_level"
    counts = []
    async with counting(server.address) as (url, counter):
        for number in (6, 600):
            signals = [Signal(name.format(i), f"j{i % 50}", f"s{i % 7}") for i in range(number)]
            before = counter.requests
            metrics = source(url, signals, lambda: AT)
            observation = await poll(metrics)
            await metrics.close()
            assert isinstance(observation.payload, SignalsSeen)
            codes = {reading.code for reading in observation.payload.readings}
            assert codes == {GapCode.NEVER_SEEN if missing else GapCode.OK}
            assert observation.payload.requests == counter.requests - before
            counts.append(counter.requests - before)
    assert counts[0] == counts[1] <= 10


async def test_a_second_look_asks_no_more_of_the_past(start: Start, prometheus: Prometheus) -> None:
    """While the same signals are missing the dear questions are put once a minute, not every look."""

    def make(folder: Path) -> servers.Server:
        history(folder, PAST)
        return prometheus(folder, QUIET, KEEP)

    instant = [AT]
    metrics = source(start(make).url, [tide("tide_ebb"), tide("tide_levels")], lambda: instant[0])
    taken = []
    for seconds in (0, 15, 75):
        instant[0] = AT + timedelta(seconds=seconds)
        payload = (await poll(metrics)).payload
        assert isinstance(payload, SignalsSeen)
        assert payload.readings[0].last_seen == AT - timedelta(seconds=3660)
        assert payload.readings[1].hint == "did you mean tide_level?"
        taken.append(payload.requests)
    assert taken[1] < taken[0]
    assert taken[2] > taken[1]
    await metrics.close()


# -- live ------------------------------------------------------------------------------------------


async def test_a_live_target_from_first_scrape_to_death(start: Start, prometheus: Prometheus) -> None:
    """Pending, then there; then a metric goes away, relabelling drops all, and targets die one by one."""
    one, two = start(servers.node_exporter), start(servers.node_exporter)
    with exporting() as exporter:
        exporter.text = "tide_level 1\n"
        config = scraping(node=[one.address, two.address], tide=[exporter.address], mute=[exporter.address])
        config += '  metric_relabel_configs: [{source_labels: [__name__], regex: ".*", action: drop}]\n'
        server = start(lambda folder: prometheus(folder, config))
        signals = [
            Signal("node_load1", "node", "river"),
            Signal("node_load_1", "node", "river"),
            Signal("tide_level", "tide", "river"),
            Signal("mute_level", "mute", "river"),
            Signal("node_cpu", "nod", "river"),
            Signal("nowhere_total", None, "river"),
        ]
        metrics = source(server.url, signals)
        early = (await until(metrics, code("node_load1", GapCode.OK)))[:-1]
        told = {look[name].code for look in early for name in ("node_load1", "tide_level", "node_load_1")}
        assert told <= {GapCode.TARGET_PENDING, GapCode.OK, GapCode.NEVER_SEEN}
        assert early[0]["node_load1"].code is GapCode.TARGET_PENDING
        assert early[0]["node_cpu"].code is GapCode.UNKNOWN
        assert early[0]["nowhere_total"].code is GapCode.UNKNOWN
        scraped, silent = code("mute_level", GapCode.SCRAPE_EMPTY), code("nowhere_total", GapCode.NEVER_SEEN)
        hint = "did you mean node_load1?"
        settled = await until(metrics, lambda f: scraped(f) and silent(f) and f["node_load_1"].hint == hint)
        hinted = settled[-1]
        assert hinted["node_load_1"].code is GapCode.NEVER_SEEN
        assert hinted["node_cpu"].code is GapCode.NO_TARGET
        assert hinted["node_cpu"].hint == "did you mean job node?"
        assert hinted["tide_level"].code is GapCode.OK

        exporter.text = "tide_height 1\n"
        gone = (await until(metrics, lambda f: f["tide_level"].code is not GapCode.OK))[-1]["tide_level"]
        assert gone.code is GapCode.DISAPPEARED
        assert gone.last_seen is not None
        assert abs((now() - gone.last_seen).total_seconds()) < 10

        two.kill()
        # The first failed scrape may say that the connection broke, the next ones that it is refused.
        looks = await until(metrics, lambda f: "connection refused" in f["node_load1"].text)
        assert {look["node_load1"].code for look in looks} <= {GapCode.OK, GapCode.PARTIAL}
        partial = looks[-1]["node_load1"]
        assert f"{one.address}: up" in partial.targets
        one.kill()
        down = (await until(metrics, code("node_load1", GapCode.TARGET_DOWN)))[-1]["node_load1"]
        assert down.text.startswith("2 of 2 targets down")
        assert down.last_seen is not None
        await metrics.close()


async def test_a_hung_and_a_dead_prometheus_are_failures_in_time(
    start: Start, prometheus: Prometheus
) -> None:
    """SIGSTOP is told within the timeout, SIGKILL at once, both with a remedy; SIGCONT mends it."""
    server = start(lambda folder: prometheus(folder, QUIET))
    metrics = source(server.url, [tide("tide_level")], timeout=0.7)
    assert (await poll(metrics)).failure is None
    server.pause()
    began = time.monotonic()
    failure = (await poll(metrics)).failure
    assert failure is not None
    assert "did not answer within 0.7 s" in failure.reason
    assert failure.remedy
    assert time.monotonic() - began < 1.5
    server.resume()
    assert (await poll(metrics)).failure is None
    server.kill()
    failure = (await poll(metrics)).failure
    assert failure is not None
    assert "refuses connections" in failure.reason
    await metrics.close()


async def test_a_restart_never_reads_as_a_disappearance(start: Start, prometheus: Prometheus) -> None:
    """What was there before a long stop is pending until its first scrape, then there; never gone."""
    with exporting() as exporter:
        exporter.text = "tide_level 1\n"
        stop = now() - timedelta(minutes=10)

        def make(folder: Path) -> servers.Server:
            lines = ["# TYPE up gauge", "# TYPE tide_level gauge", "# TYPE tide_rate gauge"]
            base = int(stop.timestamp())
            for metric in ("up", "tide_level", "tide_rate"):
                own = (
                    'job="derived"' if metric == "tide_rate" else f'job="tide",instance="{exporter.address}"'
                )
                position = lines.index(f"# TYPE {metric} gauge") + 1
                lines[position:position] = [
                    f"{metric}{{{own}}} 1 {base - age}" for age in range(3600, -1, -15)
                ]
            blocks(folder, lines)
            return prometheus(folder, scraping(tide=[exporter.address]))

        # tide_rate stands for a recording rule: no target has its job, it comes back when rules run.
        metrics = source(start(make).url, [tide("tide_level"), tide("tide_rate", "derived")])
        looks = await until(metrics, code("tide_level", GapCode.OK))
        told = [look["tide_level"].code for look in looks]
        assert set(told) == {GapCode.TARGET_PENDING, GapCode.OK}
        assert told[0] is GapCode.TARGET_PENDING
        assert {look["tide_rate"].code for look in looks} == {GapCode.UNKNOWN}
        assert looks[0]["tide_level"].last_seen is not None
        await metrics.close()


async def test_what_died_while_prometheus_was_away_is_never_there_after(
    start: Start, prometheus: Prometheus
) -> None:
    """Samples that a restart has outlived are no proof: pending until the first scrape, then down."""
    with exporting() as exporter:
        address = exporter.address
    stop = int(now().timestamp()) - 15

    def make(folder: Path) -> servers.Server:
        lines = []
        for metric in ("up", "tide_level"):
            lines.append(f"# TYPE {metric} gauge")
            own = f'job="tide",instance="{address}"'
            lines += [f"{metric}{{{own}}} 1 {stop - age}" for age in range(3600, -1, -15)]
        blocks(folder, lines)
        return prometheus(folder, scraping(tide=[address]))

    metrics = source(start(make).url, [tide("tide_level")])
    looks = await until(metrics, code("tide_level", GapCode.TARGET_DOWN))
    assert {look["tide_level"].code for look in looks} == {GapCode.TARGET_PENDING, GapCode.TARGET_DOWN}
    await metrics.close()


async def test_a_prefix_of_the_url_is_kept(start: Start, prometheus: Prometheus) -> None:
    """A Prometheus below a path, as Mimir is, is asked there."""
    server = start(
        lambda folder: prometheus(folder, QUIET, "--web.external-url=/metrics-api", "--web.route-prefix=/")
    )
    metrics = source(server.url + "/", [tide("tide_level")])
    assert (await poll(metrics)).failure is None
    await metrics.close()
    wrong = source(server.url + "/elsewhere", [tide("tide_level")])
    failure = (await poll(wrong)).failure
    assert failure is not None
    assert "404" in failure.reason
    await wrong.close()


# -- servers that are something else ---------------------------------------------------------------

HTML = answer(b"<html>welcome</html>", kind="text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (HTML, "is not Prometheus"),
        (answer(b"[" * 200_000), "is not Prometheus"),
        (answer(b"null"), "is not Prometheus"),
        (answer(b'{"status":"success","data":{"resultType":"vector","result":7}}'), "is not Prometheus"),
        (
            answer(b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'),
            "is not Prometheus",
        ),
        (answer(b'{"status":"success","data":{"resultType":"vector","result":[[]]}}'), "is not Prometheus"),
        (
            answer(
                b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}'
            ),
            "is not Prometheus",
        ),
        (answer(b"Service Unavailable", "503 Service Unavailable", "text/plain"), "is not ready"),
        (answer(b"<html>bad gateway</html>", "502 Bad Gateway", "text/html"), "answers 502"),
        (answer(b"", "302 Found", extra="Location: https://sso.example/login\r\n"), "redirects to"),
        (answer(b"no", "401 Unauthorized"), "refuses the login"),
        (answer(b"\xff\xfe\x00"), "is not Prometheus"),
        (answer(b"1" * 5000), "is not Prometheus"),
    ],
)
async def test_another_kind_of_server_is_a_failure_with_its_reason(said: bytes, reason: str) -> None:
    """A server that answers, but not as Prometheus, is named for what it is; no exception, no absence."""
    async with saying(said) as url:
        metrics = source(url, [tide("tide_level")])
        failure = (await poll(metrics)).failure
        await metrics.close()
    assert failure is not None
    assert reason in failure.reason
    assert failure.remedy


def vector(*rows: tuple[Mapping[str, str], str]) -> bytes:
    result = [{"metric": labels, "value": [1759766400, value]} for labels, value in rows]
    return answer(
        json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    )


ERROR = answer(b'{"status":"error","errorType":"execution","error":"too many samples"}', "422 Unprocessable")
SERIES = {"metric": "tide_level", "job": "tide"}


@pytest.mark.parametrize(
    ("parts", "code", "said"),
    [
        ({"what": ERROR}, GapCode.UNKNOWN, "too many samples"),
        ({"what": vector(), "past": ERROR}, GapCode.UNKNOWN, "too many samples"),
        (
            {"what": vector(({**SERIES, "what": "series"}, "2")), "timestamp": ERROR},
            GapCode.UNKNOWN,
            "too many",
        ),
        (
            {"what": vector(({**SERIES, "what": "series"}, "NaN"))},
            GapCode.UNKNOWN,
            "age of its newest sample",
        ),
    ],
    ids=["present", "past", "newest", "nan"],
)
async def test_a_query_that_fails_takes_only_its_part(
    parts: Mapping[str, bytes], code: GapCode, said: str
) -> None:
    """A refused query makes what it would have told unknown, for Prometheus's own reason."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        if b"past+300" in asked or b"past%20300" in asked:
            writer.write(parts.get("past", vector()))
        elif b"timestamp" in asked:
            writer.write(parts.get("timestamp", vector()))
        elif b"what" in asked:
            writer.write(parts["what"])
        else:
            writer.write(answer(b"404 page not found", "404 Not Found", "text/plain"))

    async with serving(script) as url:
        metrics = source(url, [tide("tide_level")], lambda: datetime.fromtimestamp(1759766400, UTC))
        reading = (await look(metrics))["tide_level"]
        await metrics.close()
    assert reading.code is code
    assert said in reading.text


async def test_without_a_target_list_up_tells_of_targets() -> None:
    """Where the API lists no targets, as with Thanos and Mimir, `up` says which are down, with a warning."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        if b"max+by+%28job%2C+instance%29" in asked:
            writer.write(vector(({"job": "tide", "instance": "a"}, "0")))
        elif b"/query" in asked:
            writer.write(vector(({"job": "tide", "what": "targets"}, "1")))
        else:
            writer.write(answer(b"404 page not found", "404 Not Found", "text/plain"))

    async with serving(script) as url:
        metrics = source(url, [tide("tide_level"), tide("sand_level", "sands")])
        observation = await poll(metrics)
        await metrics.close()
    assert isinstance(observation.payload, SignalsSeen)
    down, nowhere = observation.payload.readings
    assert (down.code, down.targets) == (GapCode.TARGET_DOWN, ("a: down",))
    assert nowhere.code is GapCode.NO_TARGET
    assert any("targets are read from up" in warning for warning in observation.payload.warnings)


async def test_text_from_outside_is_cleaned_and_shown() -> None:
    """Escape sequences in errors and warnings do not survive; the warning itself does."""
    body = {
        "status": "success",
        "data": {"resultType": "vector", "result": []},
        "warnings": ["store \x1b[31mred\u202e is away"],
    }
    targets = {
        "status": "success",
        "data": {
            "activeTargets": [
                {
                    "labels": {"job": "tide", "instance": "a"},
                    "health": "down",
                    "lastError": 'Get "http://user:hunter2@a/metrics?token=xyz": \x1b]0;gone\x07 away',
                }
            ]
        },
    }

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        writer.write(answer(json.dumps(targets if b"/targets" in asked else body).encode()))

    async with serving(script) as url:
        metrics = source(url, [tide("tide_level")])
        observation = await poll(metrics)
        await metrics.close()
    assert isinstance(observation.payload, SignalsSeen)
    said = repr(observation)
    assert "store [31mred is away" in said
    assert observation.payload.readings[0].code is GapCode.TARGET_DOWN
    for hidden in ("\\x1b", "\\u202e", "hunter2", "xyz"):
        assert hidden not in said


async def test_a_clock_that_differs_is_allowed_for(start: Start, prometheus: Prometheus) -> None:
    """A server whose clock is off is asked at its own time, and the difference is a warning."""
    with exporting() as exporter:
        exporter.text = "tide_level 1\n"
        server = start(lambda folder: prometheus(folder, scraping(tide=[exporter.address])))
        metrics = source(server.url, [tide("tide_level")], lambda: now() - timedelta(seconds=40))
        looks = await until(metrics, code("tide_level", GapCode.OK))
        observation = await poll(metrics)
        await metrics.close()
    assert isinstance(observation.payload, SignalsSeen)
    age = looks[-1]["tide_level"].sample_age
    assert age is not None
    assert age < 20  # far from the 40 s the clocks differ by
    (warning,) = observation.payload.warnings
    assert re.fullmatch("its clock is about (3[05]|4[05]) s ahead", warning)


async def test_a_lookup_that_hangs_holds_nobody_up(start: Start) -> None:
    """Names like a missing one are a hint: a server that is slow with them costs a timeout and a warning."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        if b"/label/" in asked:
            await reader.read()
        writer.write(vector() if b"/query" in asked else answer(b"", "404 Not Found"))

    async with serving(script) as url:
        metrics = source(url, [tide("tide_level", None)], timeout=0.5)
        began = time.monotonic()
        payload = (await poll(metrics)).payload
        assert time.monotonic() - began < 2.5
        await metrics.close()
    assert isinstance(payload, SignalsSeen)
    assert payload.readings[0].code is GapCode.NEVER_SEEN
    assert any("names like the missing ones" in warning for warning in payload.warnings)


async def test_no_signals_are_still_a_look_at_the_server(start: Start, prometheus: Prometheus) -> None:
    """With nothing declared the source says whether the server answers, and reads nothing."""
    server = start(lambda folder: prometheus(folder, QUIET))
    metrics = source(server.url, [])
    payload = (await poll(metrics)).payload
    assert payload == SignalsSeen((), (), payload.requests if isinstance(payload, SignalsSeen) else 0)
    await metrics.close()
    assert promql.presence([])
