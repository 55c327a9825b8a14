"""What metrics that are there hold, judged with a real Prometheus: values, labels, growth, types, topics."""

from __future__ import annotations

import asyncio
import struct
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from controlroom.config.values import PrometheusServer
from controlroom.domain.signals import Signal, Topic
from controlroom.domain.snapshot import SignalsSeen
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.lab import servers
from controlroom.net import prometheus as api
from controlroom.net.fetch import Api
from controlroom.sources.metrics import MetricsSource
from tests.conftest import Start
from tests.net.wire import Script, answer, counting, request, serving
from tests.sources.looking import (
    AT,
    KEEP,
    QUIET,
    Prometheus,
    blocks,
    exporting,
    no_secrets,
    now,
    poll,
    samples,
    scraping,
    source,
    until,
)

LONG = 7200
"""Seconds before AT at which most of the history begins."""

Series = tuple[str, float, float, str | Callable[[int], float]]
"""Labels, seconds before AT at which it begins and ends, and its value, or that at an age in seconds."""


def both(value: str | Callable[[int], float], end: float = 0, also: str = "") -> tuple[Series, Series]:
    """A series of each of the two instances of job tide, with further labels `also`, comma first."""
    return one("a", value, end=end, also=also), one("b", value, end=end, also=also)


def one(
    instance: str, value: str | Callable[[int], float], begin: float = LONG, end: float = 0, also: str = ""
) -> Series:
    return f'job="tide",instance="{instance}"{also}', begin, end, value


def topic(name: str, value: str | Callable[[int], float], begin: float = LONG, end: float = 0) -> Series:
    return f'job="kafka",instance="k",partition="0",topic="{name}"', begin, end, value


def growing(age: int) -> float:
    return LONG - age


def then(seconds: float, unit: float = 1) -> str:
    """The Unix time of so many seconds before AT."""
    return repr((AT.timestamp() - seconds) * unit)


HISTORY: Mapping[str, Sequence[Series]] = {
    "up": (*both("1"), ('job="kafka",instance="k"', LONG, 0, "1")),
    "tide_level": both("1"),
    "tide_nan": (one("a", "NaN"), one("b", "1")),
    "tide_inf": (one("a", "+Inf"), one("b", "-Inf")),
    "tide_inf_nan": (one("a", "+Inf"), one("b", "NaN")),
    "tide_zero": both("0"),
    "tide_lag": both("1", end=120),
    "tide_nan_lag": both("NaN", end=120),
    "tide_run_time": both(then(7200)),
    "tide_run_fresh": both(then(60)),
    "tide_run_ms": both(then(7200, 1000)),
    "tide_run_ms_fresh": both(then(60, 1000)),
    "tide_run_never": both("0"),
    "tide_run_lag": both(then(7200), end=120),
    "tide_site": (one("a", "1", also=',site="x"'), one("b", "1")),
    "tide_sites": both("1", also=',site="x"'),
    "tide_still": both("5"),
    "tide_moves": (one("a", growing), one("b", "5")),
    "tide_reset": both(lambda age: 9.0 if age > 900 else 0.0),
    "tide_restarted": both(lambda age: 9.0 if age > 900 else 2.0),
    "tide_young": (one("a", "5", begin=600), one("b", "5", begin=600)),
    "tide_young_idle": (one("a", "0", begin=600), one("b", "0", begin=600)),
    "tide_first": (*both("5"), ('job="tide",instance="a",code="500"', 300, 0, "1")),
    "tide_nan_still": both("NaN"),
    "tide_still_site": both("5"),
    "tide_wait": both("NaN", also=',quantile="0.5"'),
    "tide_wait_count": both(growing),
    "tide_idle": both("NaN", also=',quantile="0.5"'),
    "tide_idle_count": both("7"),
    "kafka_offset": (
        topic("orders", growing),
        topic("returns", "7"),
        topic("gone", "7", end=3600),
        topic("young", "7", begin=300),
        topic("young.moves", growing, begin=300),
        topic("broken", "NaN"),
    ),
}


def written(history: Mapping[str, Sequence[Series]]) -> Iterator[str]:
    for metric, every in history.items():
        yield f"# TYPE {metric} unknown"
        for labels, begin, end, value in every:
            if isinstance(value, str):
                yield from samples(f"{metric}{{{labels}}}", begin, end, value)
                continue
            for age in range(int(begin), int(end) - 1, -60):
                yield f"{metric}{{{labels}}} {value(age)!r} {int(AT.timestamp()) - age}"


@pytest.fixture
def held(start: Start, prometheus: Prometheus) -> Callable[[Mapping[str, Sequence[Series]]], servers.Server]:
    """Starts a Prometheus that holds a history."""

    def begin(history: Mapping[str, Sequence[Series]]) -> servers.Server:
        def make(folder: Path) -> servers.Server:
            blocks(folder, [*written(history)])
            return prometheus(folder, QUIET, KEEP)

        return start(make)

    return begin


Held = Callable[[Mapping[str, Sequence[Series]]], servers.Server]


def tide(
    metric: str,
    type_: Literal["counter", "gauge", "histogram", "summary"] | None = None,
    labels: tuple[str, ...] = (),
    grows: bool = False,
    max_age: float | None = None,
) -> Signal:
    return Signal(metric, "tide", "river", type_, labels, expect_activity=grows, max_age=max_age)


def traffic(name: str, quiet: float = 1800.0) -> Signal:
    return Topic(name, "river", metric="kafka_offset", quiet=quiet).signal


WANTED: Sequence[tuple[Signal, GapCode]] = (
    (tide("tide_level"), GapCode.OK),
    (tide("tide_zero"), GapCode.OK),
    (tide("tide_nan"), GapCode.NAN),
    (tide("tide_inf"), GapCode.INF),
    (tide("tide_inf_nan"), GapCode.NAN),
    (tide("tide_lag"), GapCode.STALE),
    (tide("tide_nan_lag"), GapCode.NAN),
    (tide("tide_run_time", max_age=3600), GapCode.FRESHNESS),
    (tide("tide_run_fresh", max_age=3600), GapCode.OK),
    (tide("tide_run_ms", max_age=3600), GapCode.FRESHNESS),
    (tide("tide_run_ms_fresh", max_age=3600), GapCode.OK),
    (tide("tide_run_never", max_age=3600), GapCode.FRESHNESS),
    (tide("tide_run_lag", max_age=3600), GapCode.STALE),
    (tide("tide_site", labels=("instance", "site")), GapCode.MISSING_LABEL),
    (tide("tide_sites", labels=("instance", "site")), GapCode.OK),
    (tide("tide_still", grows=True), GapCode.FLAT),
    (tide("tide_moves", grows=True), GapCode.OK),
    (tide("tide_reset", grows=True), GapCode.FLAT),
    (tide("tide_restarted", grows=True), GapCode.OK),
    (tide("tide_young", grows=True), GapCode.OK),
    (tide("tide_young_idle", grows=True), GapCode.OK),
    (tide("tide_first", grows=True), GapCode.OK),
    (tide("tide_nan_still", grows=True), GapCode.NAN),
    (tide("tide_still_site", labels=("site",), grows=True), GapCode.MISSING_LABEL),
    (tide("tide_wait", "summary", grows=True), GapCode.OK),
    (tide("tide_idle", "summary", grows=True), GapCode.FLAT),
    (traffic("orders"), GapCode.OK),
    (traffic("returns"), GapCode.TOPIC_SILENT),
    (traffic("gone"), GapCode.DISAPPEARED),
    (traffic("nowhere"), GapCode.NEVER_SEEN),
    (traffic("young"), GapCode.UNKNOWN),
    (traffic("young.moves"), GapCode.OK),
    (traffic("broken"), GapCode.NAN),
)


async def found(metrics: MetricsSource) -> dict[str, SignalReading]:
    """Readings of one look, by what people call the signals."""
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return {reading.signal.title: reading for reading in payload.readings}


async def test_every_gap_of_what_is_there_is_named_and_no_other(held: Held) -> None:
    """Values, times, labels, growth and topics: each has its own code, the worse one where there are two."""
    metrics = source(held(HISTORY).url, [signal for signal, _ in WANTED], lambda: AT)
    readings = await found(metrics)
    await metrics.close()
    codes = {title: reading.code for title, reading in readings.items()}
    assert codes == {signal.title: wanted for signal, wanted in WANTED}
    text = {title: reading.text for title, reading in readings.items()}
    assert text["tide_nan"] == "1 of 2 series is NaN"
    assert text["tide_inf"] == "2 of 2 series are infinite"
    assert text["tide_run_time"] == "its time is 2h 00m ago, more than 1h 00m"
    assert text["tide_run_ms"] == text["tide_run_time"]
    assert readings["tide_run_time"].since == AT - timedelta(hours=1)
    assert "it has not happened yet" in text["tide_run_never"]
    assert text["tide_site"] == "1 of 2 series have no label site"
    assert readings["tide_still_site"].also == (GapCode.FLAT,)
    assert text["topic orders"] == "about 1,800 messages in 30m"
    assert text["topic returns"] == "no message for 30m"
    gone = readings["topic gone"].last_seen
    assert gone is not None
    assert abs((gone - (AT - timedelta(hours=1))).total_seconds()) <= 300
    assert readings["topic nowhere"].series == 0
    # Nobody says the types of what is not scraped any more, nor whether what has just begun is idle.
    unchecked = {title: reading.unchecked for title, reading in readings.items() if reading.unchecked}
    untyped = dict.fromkeys(("tide_wait", "tide_idle"), (GapCode.WRONG_TYPE,))
    assert unchecked == {**untyped, "tide_young_idle": (GapCode.FLAT,)}


async def test_every_query_shown_shows_the_gap(held: Held) -> None:
    """What stands beside a gap finds in Prometheus exactly what is wrong."""
    server = held(HISTORY)
    metrics = source(server.url, [signal for signal, _ in WANTED], lambda: AT)
    readings = await found(metrics)
    client = Api(PrometheusServer(url=server.url), no_secrets)
    shown = {title: (await api.query(client, reading.query, AT)).rows for title, reading in readings.items()}
    await client.close()
    await metrics.close()
    instances = {title: sorted(row.get("instance", "") for row, _ in rows) for title, rows in shown.items()}
    assert instances["tide_nan"] == ["a"]
    assert instances["tide_inf"] == ["a", "b"]
    assert instances["tide_run_time"] == instances["tide_run_ms"] == ["a", "b"]
    assert instances["tide_site"] == ["b"]
    assert [value for _, value in shown["tide_still"]] == [0.0]
    assert [value for _, value in shown["topic returns"]] == [0.0]
    assert shown["topic nowhere"] == shown["topic gone"] == []
    assert all(value == 120 for _, value in shown["tide_lag"])
    assert all(reading.hint for reading in readings.values() if reading.code is not GapCode.OK)


async def test_topics_may_each_be_quiet_for_a_time_of_their_own(held: Held) -> None:
    """The same topic is silent for a squad that waits an hour, and fine for one that waits three."""
    stopped = {"kafka_offset": (topic("orders", lambda age: float(max(0, LONG - max(age, 5400)))),)}
    patient = Topic("orders", "delta", metric="kafka_offset", quiet=6000.0).signal
    metrics = source(held({**stopped, "up": HISTORY["up"]}).url, [traffic("orders"), patient], lambda: AT)
    payload = (await poll(metrics)).payload
    await metrics.close()
    assert isinstance(payload, SignalsSeen)
    assert [r.code for r in payload.readings] == [GapCode.TOPIC_SILENT, GapCode.OK]


async def test_a_topic_whose_exporter_is_down_has_that_as_its_reason(held: Held) -> None:
    """Of two clusters' exporters one is down: its topic says so, that of the other is untouched."""
    history = {
        "up": (
            ('job="kafka",instance="k"', LONG, 0, "1"),
            ('job="kafka",instance="l"', LONG, 0, lambda age: float(age > 1000)),
        ),
        "kafka_offset": (
            topic("orders", growing),
            ('job="kafka",instance="l",topic="returns"', LONG, 1000, growing),
        ),
    }
    metrics = source(held(history).url, [traffic("orders"), traffic("returns")], lambda: AT)
    readings = await found(metrics)
    await metrics.close()
    assert readings["topic orders"].code is GapCode.OK
    assert readings["topic returns"].code is GapCode.TARGET_DOWN
    assert "l is down" in readings["topic returns"].text


# -- since when ------------------------------------------------------------------------------------


async def test_what_is_stored_tells_since_when_it_is_there(held: Held) -> None:
    """An unbroken hold time, a hole, a late beginning and a target that was down each date what is there."""
    history = {
        "up": (
            *both("1"),
            ('job="weir",instance="w"', LONG, 0, lambda age: float(not 300 <= age <= 900)),
            ('job="kafka",instance="k"', LONG, 0, "1"),
        ),
        "tide_level": both("1"),
        "tide_back": (
            one("a", "1", end=1200),
            one("a", "1", begin=600),
            one("b", "1", end=1200),
            one("b", "1", begin=600),
        ),
        "tide_late": (one("a", "1", begin=300), one("b", "1", begin=300)),
        "tide_just": (one("a", "1", begin=-4, end=-4), one("b", "1", begin=-4, end=-4)),
        "tide_gone": both("1", end=1800),
        "tide_lag": both("1", end=120),
        "weir_level": (('job="weir",instance="w"', LONG, 0, "1"),),
        "kafka_offset": (topic("orders", growing), topic("late", growing, begin=300)),
    }
    signals = [
        *map(tide, ("tide_level", "tide_back", "tide_late", "tide_just", "tide_gone", "tide_lag", "tide_no")),
        Signal("weir_level", "weir", "river"),
        traffic("orders"),
        traffic("late"),
    ]
    at = AT + timedelta(seconds=7, milliseconds=340)
    server = PrometheusServer(url=held(history).url)
    metrics = MetricsSource(server, signals, lambda: at, no_secrets, hold=1800.0)
    readings = await found(metrics)
    await metrics.close()
    codes = {title: reading.code for title, reading in readings.items() if reading.code is not GapCode.OK}
    assert codes == {"tide_gone": "DISAPPEARED", "tide_lag": "STALE", "tide_no": "NEVER_SEEN"}

    def age(title: str) -> float:
        since = readings[title].since
        assert since is not None, title
        return (AT - since).total_seconds()

    full = 1800 - 7.34
    assert age("tide_level") == age("topic orders") == pytest.approx(full)
    for title, began in (("tide_back", 600), ("tide_late", 300), ("topic late", 300), ("weir_level", 240)):
        assert began - 15 <= age(title) <= began, title
    assert age("tide_just") == pytest.approx(-7.34)
    assert abs(age("tide_gone") - 1800) <= 15
    assert age("tide_lag") == 120
    assert readings["tide_no"].since is None


# -- types -----------------------------------------------------------------------------------------

TYPED = """# TYPE tide_level gauge
tide_level 1
# TYPE tide_level_total counter
tide_level_total 1
# TYPE tide_wait histogram
tide_wait_bucket{le="1"} 1
tide_wait_bucket{le="+Inf"} 1
tide_wait_sum 1
tide_wait_count 1
# TYPE tide_rest summary
tide_rest{quantile="0.5"} NaN
tide_rest_sum 0
tide_rest_count 0
tide_plain 1
"""


async def test_a_type_is_wrong_only_where_another_one_is_said(start: Start, prometheus: Prometheus) -> None:
    """What targets expose decides, in the older text format and in OpenMetrics; silence is unchecked."""
    with exporting(TYPED) as exporter:
        config = scraping(tide=[exporter.address], own=["127.0.0.1:{port}"])
        url = start(lambda folder: prometheus(folder, config)).url
        wanted = [
            (tide("tide_level", "gauge"), GapCode.OK),
            (tide("tide_level_total", "counter"), GapCode.OK),
            (tide("tide_wait", "histogram"), GapCode.OK),
            (tide("tide_wait_count", "counter"), GapCode.OK),
            (tide("tide_wait_bucket", "histogram"), GapCode.OK),
            (tide("tide_rest", "summary"), GapCode.OK),
            (tide("tide_plain", "counter"), GapCode.OK),
            (Signal("tide_level", "tide", "delta", "counter"), GapCode.WRONG_TYPE),
            (Signal("tide_level_total", "tide", "delta", "gauge"), GapCode.WRONG_TYPE),
            (Signal("tide_wait", "tide", "delta", "summary"), GapCode.WRONG_TYPE),
            (Signal("tide_rest", "tide", "delta", "histogram"), GapCode.WRONG_TYPE),
            (Signal("tide_wait_count", "tide", "delta", "gauge"), GapCode.WRONG_TYPE),
            # Prometheus tells its own metrics as OpenMetrics, whose counters are families without _total.
            (Signal("prometheus_http_requests_total", "own", "river", "counter"), GapCode.OK),
            (Signal("prometheus_http_requests_total", "own", "delta", "gauge"), GapCode.WRONG_TYPE),
        ]
        waiting = source(url, [tide("tide_level"), Signal("prometheus_http_requests_total", "own", "river")])
        await until(waiting, lambda f: all(reading.code is GapCode.OK for reading in f.values()))
        await waiting.close()
        metrics = source(url, [signal for signal, _ in wanted])
        payload = (await poll(metrics)).payload
        again = (await poll(metrics)).payload
        await metrics.close()
    assert isinstance(payload, SignalsSeen)
    assert isinstance(again, SignalsSeen)
    assert [(r.id, r.code) for r in payload.readings] == [
        (reading.id, wanted_code) for reading, (_, wanted_code) in zip(payload.readings, wanted, strict=True)
    ]
    unchecked = [r.signal.metric for r in payload.readings if GapCode.WRONG_TYPE in r.unchecked]
    assert unchecked == ["tide_plain"]
    wrong = payload.readings[7]
    assert wrong.text == "it is exposed as gauge, not as counter"
    # The version and the types are not asked for again.
    assert again.requests == payload.requests - 2


# -- native histograms -----------------------------------------------------------------------------


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: float | bytes) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3) + varint(value)


def pushed(url: str, labels: Mapping[str, str], *observations: tuple[datetime, int, float]) -> None:
    """Write a native histogram by the remote-write protocol 1.0: instants, their counts and sums."""
    series = b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items())
    )
    for at, count, total in observations:
        span = field(11, field(1, 0) + field(2, 1))
        stamp = field(15, int(at.timestamp() * 1000))
        deltas = field(12, varint(2 * count))
        series += field(4, field(1, count) + field(3, total) + span + deltas + stamp)
    body = field(1, series)
    # Snappy: the length, then one literal with a length of two bytes.
    block = varint(len(body)) + bytes([61 << 2]) + struct.pack("<H", len(body) - 1) + body
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/write", block, headers), timeout=5).close()


async def test_a_native_histogram_is_no_missing_number(start: Start, prometheus: Prometheus) -> None:
    """It has no value of its own: neither NaN nor infinite, and what it counts tells whether it grows."""
    flags = ("--web.enable-remote-write-receiver", "--enable-feature=native-histograms")
    server = start(lambda folder: prometheus(folder, QUIET, *flags))
    at = now()
    old, new = (2000, 1700, 900, 600, 300, 0), (300, 240, 180, 120, 60, 0)
    for name, ages, counts in (
        ("tide_wait", old, (3, 5)),
        ("tide_idle", old, (3, 3)),
        ("tide_new", new, (0, 4)),
    ):
        told = [(at - timedelta(seconds=a), counts[a < 1000], counts[a < 1000] * 1.5) for a in ages]
        pushed(server.url, {"__name__": name, "job": "tide"}, *told)
    signals = [tide(name, "histogram", grows=True) for name in ("tide_wait", "tide_idle", "tide_new")]
    metrics = source(server.url, signals, lambda: at)
    observation = await poll(metrics)
    await metrics.close()
    assert isinstance(observation.payload, SignalsSeen), observation.failure
    moving, idle, young = observation.payload.readings
    assert (moving.code, moving.series) == (GapCode.OK, 1), moving.text
    assert idle.code is GapCode.FLAT, idle.text
    assert young.code is GapCode.OK, young.text
    assert not observation.payload.warnings


# -- what it costs, and what fails -----------------------------------------------------------------


async def test_the_questions_about_values_are_as_many_for_six_squads_as_for_six_hundred(held: Held) -> None:
    """Six thousand metrics with everything promised of them are asked about in the requests of sixty."""
    names = [f"m{i}_value" for i in range(6000)]
    here: Sequence[Series] = (('job="j",instance="a",site="x"', 2400, 0, "5"),)
    up: Sequence[Series] = (('job="j",instance="a"', 2400, 0, "1"),)
    server = held({"up": up, **dict.fromkeys(names, here)})
    counts = []
    async with counting(server.address) as (url, counter):
        for squads in (6, 600):
            signals = [
                Signal(
                    name, "j", f"s{i // 10}", "gauge", ("site", "gate"), expect_activity=True, max_age=60.0
                )
                for i, name in enumerate(names[: squads * 10])
            ]
            before = counter.requests
            metrics = source(url, signals, lambda: AT, timeout=60.0)
            payload = (await poll(metrics)).payload
            await metrics.close()
            assert isinstance(payload, SignalsSeen)
            assert {reading.code for reading in payload.readings} == {GapCode.FRESHNESS}
            assert not payload.warnings
            counts.append(counter.requests - before)
    assert counts[0] == counts[1] <= 14


ERROR = answer(b'{"status":"error","errorType":"execution","error":"too many samples"}', "422 Unprocessable")


def refusing(said: bytes, server: servers.Server) -> Script:
    """What passes requests on to `server`, but refuses those with `said` in them."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await request(reader)
        if said in asked:
            writer.write(ERROR)
            return
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        back.write(asked.replace(b"Connection: keep-alive", b"Connection: close"))
        writer.write(await there.read())
        back.close()

    return script


@pytest.mark.parametrize(
    ("said", "signal", "code_", "unchecked"),
    [
        (b"-Inf", tide("tide_level"), GapCode.UNKNOWN, ()),
        (b"-Inf", tide("tide_lag"), GapCode.STALE, ()),
        (b"-Inf", tide("tide_run_time", max_age=60), GapCode.FRESHNESS, ()),
        (b"min+by+%28__name__", tide("tide_run_fresh", max_age=3600), GapCode.UNKNOWN, ()),
        (b"min+by+%28__name__", tide("tide_nan", max_age=3600), GapCode.NAN, ()),
        (b"increase", tide("tide_still", grows=True), GapCode.OK, (GapCode.FLAT,)),
        (
            b"increase",
            tide("tide_site", labels=("site",), grows=True),
            GapCode.MISSING_LABEL,
            (GapCode.FLAT,),
        ),
        (b"site%3D%22%22", tide("tide_site", labels=("site",)), GapCode.OK, (GapCode.MISSING_LABEL,)),
        (b"api/v1/metadata", tide("tide_level", "gauge"), GapCode.OK, (GapCode.WRONG_TYPE,)),
        (b"topic+series", traffic("orders"), GapCode.UNKNOWN, ()),
        (b"topic+past", traffic("nowhere"), GapCode.UNKNOWN, ()),
        (b"topic+past", traffic("returns"), GapCode.TOPIC_SILENT, ()),
    ],
)
async def test_a_part_that_is_refused_takes_away_only_what_it_would_show(
    held: Held, said: bytes, signal: Signal, code_: GapCode, unchecked: tuple[GapCode, ...]
) -> None:
    """Whatever asks with `said` is refused: nothing else is unknown, and nothing unknown reads as well."""
    server = held(HISTORY)
    others = [replace(signal, squad="delta") for signal, _ in WANTED]

    async with serving(refusing(said, server)) as url:
        metrics = source(url, [signal, *others], lambda: AT)
        payload = (await poll(metrics)).payload
        await metrics.close()
    assert isinstance(payload, SignalsSeen)
    reading, *rest = payload.readings
    assert (reading.code, reading.unchecked) == (code_, unchecked), reading.text
    for other, (_, wanted) in zip(rest, WANTED, strict=True):
        worse = {GapCode.NAN: GapCode.STALE, GapCode.MISSING_LABEL: GapCode.FLAT}.get(wanted)
        assert other.code in (wanted, GapCode.UNKNOWN, worse) or wanted in other.unchecked, other
    for unknown in (one for one in payload.readings if one.code is GapCode.UNKNOWN):
        assert "too many samples" in unknown.text or unknown.signal.topic == "young"
    assert any("too many samples" in warning for warning in payload.warnings)


async def test_without_a_look_back_nobody_says_since_when(held: Held) -> None:
    """Where the past cannot be looked back on, what is there is there since nobody knows when."""
    server = held(HISTORY)

    async with serving(refusing(b"begun", server)) as url:
        metrics = source(url, [tide("tide_level"), traffic("orders")], lambda: AT)
        readings = await found(metrics)
        await metrics.close()
    assert {reading.code for reading in readings.values()} == {GapCode.OK}
    assert {reading.since for reading in readings.values()} == {None}
