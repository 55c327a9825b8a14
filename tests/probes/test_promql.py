"""PromQL: questions to a real Prometheus, weighed against thresholds; what cannot be known is UNKNOWN."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.asks import PromqlAsks
from controlroom.domain.comparison import Comparison
from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.probes.prober import Prober
from controlroom.probes.thresholds import number
from tests import faults
from tests.conftest import Start
from tests.probes.test_http import Recorder
from tests.probes.web_servers import guarded_prometheus

U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN


def of(*values: tuple[str, str]) -> str:
    """An expression that gives these (instance, value)."""
    return " or ".join(f'label_replace(vector({value}),"instance","{name}","","")' for name, value in values)


THREE = of(("a", "0.93"), ("b", "0.5"), ("c", "0.1"))
CASES = (
    (PromqlAsks(THREE, degraded="> 0.8", unit="s"), DEG, "0.93 s > 0.8 s (instance=a), 3 series"),
    (PromqlAsks(THREE, degraded="> 0.8", down="> 0.9"), D, "0.93 > 0.9 (instance=a), 3 series"),
    (PromqlAsks(THREE, degraded="> 0.9", down="< 0.2"), D, "0.1 < 0.2 (instance=c), 3 series"),
    (PromqlAsks(THREE, down="> 2"), U, "0.93 (instance=a), 3 series"),
    (PromqlAsks(THREE, down="< 0.01"), U, "0.1 (instance=c), 3 series"),
    (PromqlAsks(THREE), U, "0.93 (instance=a), 3 series"),
    (PromqlAsks("vector(0.80001)", degraded="> 0.8"), DEG, "0.80001 > 0.8"),
    (PromqlAsks("vector(NaN)", down="!= 1"), N, "NaN is no number"),
    (
        PromqlAsks(of(("a", "NaN"), ("b", "0.5")), down="> 1"),
        N,
        "NaN is no number (instance=a), 2 series",
    ),
    (PromqlAsks(of(("a", "NaN"), ("b", "2")), down="> 1"), D, "2 > 1 (instance=b), 2 series"),
    (PromqlAsks("1/0", down="> 5"), D, "+Inf > 5"),
    (PromqlAsks("scalar(vector(3))", degraded=">= 3", unit="%"), DEG, "3 % >= 3 %"),
    (PromqlAsks('"well"'), N, "the query gives a text, no number: well"),
    (PromqlAsks("vector(7)[5m:1m]", down="== 7"), D, "7 == 7"),
    (PromqlAsks('up{job="no"}'), N, "no series"),
    (PromqlAsks('up{job="no"}', empty="up"), U, "no series"),
    (PromqlAsks('up{job="no"}', empty="degraded"), DEG, "no series"),
    (PromqlAsks('up{job="no"}', empty="down"), D, "no series"),
    (
        PromqlAsks("sum(rate(x[5m]"),
        N,
        "the query is wrong: 1:15: parse error: unclosed left parenthesis",
    ),
    (
        PromqlAsks("vector(1)[300d:10s]"),
        N,
        "body over 256 KiB not read: take fewer series, as with max(…)",
    ),
    (PromqlAsks(" "), N, "promql.query says no expression"),
    (PromqlAsks("vector(1)", down="0.8"), N, "promql.down is no comparison"),
)


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober whose secrets are all `right`."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "right")
    yield made
    made.close()


async def ask(prober: Prober, url: str, asks: PromqlAsks, **keys: object) -> ProbeResult:
    """One probe."""
    return await prober(Service("it", "promql", url=url, promql=asks, **keys), 5.0)  # type: ignore[arg-type]


async def test_a_real_prometheus_is_asked(prober: Prober, start: Start) -> None:
    """Every kind of result and every kind of threshold: the worst series counts, by its name."""
    server = start(lambda folder: servers.prometheus(folder, "global: {}\n"))
    for asks, health, reason in CASES:
        result = await ask(prober, server.url, asks)
        assert (result.health, result.reason) == (health, reason), asks
    result = await ask(prober, server.url, PromqlAsks(THREE, unit="s"))
    assert result.detail == {"value": "0.93 s", "series": "3"}
    assert '"instance":"a"' in result.raw
    assert result.latency is not None
    wrong = await ask(prober, server.url, PromqlAsks(f"({THREE}) * on() ({THREE})"))
    assert wrong.health is N
    assert wrong.reason.startswith("the query fails: found duplicate series for the match group")


async def test_a_prometheus_behind_a_password_is_asked_with_it(prober: Prober, start: Start) -> None:
    """User and password go along with the question."""
    server = start(guarded_prometheus)
    password = SecretRef(env="IT")
    result = await ask(prober, server.url, PromqlAsks("vector(1)"), username="ada", password=password)
    assert (result.health, result.reason) == (U, "1")
    assert (await ask(prober, server.url, PromqlAsks("vector(1)"))).reason == "HTTP 401: asks for a password"


async def test_another_of_its_family_is_no_prometheus(prober: Prober, start: Start) -> None:
    """A Pushgateway answers too, and knows nothing of queries."""
    server = start(servers.pushgateway)
    result = await ask(prober, server.url, PromqlAsks("up"))
    assert result.health is N
    assert result.reason == "answers, but is not Prometheus: HTTP 404 page not found"


def said(**keys: object) -> bytes:
    """An HTTP answer of the API with one series, and `keys` beside it."""
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [0, "0.5"]}]}
    return faults.http(json.dumps({"status": "success", "data": data, **keys}).encode())


@pytest.mark.parametrize(
    ("reply", "asks", "health", "reason"),
    [
        (said(warnings=["2 stores gone"]), PromqlAsks("x"), DEG, "0.5; warned: 2 stores gone"),
        (said(warnings=["gone"]), PromqlAsks("x", down="> 0"), D, "0.5 > 0; warned: gone"),
        (said(infos=["a counter?"], warnings=[]), PromqlAsks("x"), U, "0.5"),
        (said(data={"resultType": "vector", "result": [{}]}), PromqlAsks("x"), N, None),
        (said(data={"resultType": "vector", "result": "x"}), PromqlAsks("x"), N, None),
        (said(data=[1]), PromqlAsks("x"), N, None),
        (
            said(data={"resultType": "vector", "result": [{"metric": {}, "histogram": [0, {}]}]}),
            PromqlAsks("x"),
            N,
            "NaN is no number",
        ),
        (faults.http(b"<html>"), PromqlAsks("x"), N, None),
        (faults.http(b"[" * 9_999), PromqlAsks("x"), N, None),
        (
            faults.http(
                b'{"status":"error","errorType":"timeout","error":"query timed out"}',
                "503 Service Unavailable",
            ),
            PromqlAsks("x"),
            N,
            "the query takes too long: query timed out",
        ),
        (
            faults.http(b"Service Unavailable", "503 Service Unavailable"),
            PromqlAsks("x"),
            N,
            "HTTP 503 Service Unavailable",
        ),
        (
            faults.http(b"", "302 Found", "Location: https://sso/"),
            PromqlAsks("x"),
            N,
            "HTTP 302: redirects to sso, not followed",
        ),
    ],
)
async def test_odd_answers(
    prober: Prober, reply: bytes, asks: PromqlAsks, health: Health, reason: str | None
) -> None:
    """A warning is named and never good news; what is no answer to a query is UNKNOWN."""
    with faults.scripted(faults.says(reply)) as address:
        result = await ask(prober, f"http://{address}", asks)
    assert (result.health, result.reason) == (health, reason or "answers, but is not Prometheus")


async def test_labels_tell_the_series_apart(prober: Prober) -> None:
    """Only labels in which the series differ are shown, three at most, and none of them as markup."""
    series = [
        {"metric": {"__name__": "lag", "job": "x", "a": n, "b": n, "c": n, "d": n}, "value": [0, v]}
        for n, v in (("1", "1"), ("[red]\x1b[2J", "9"))
    ]
    reply = said(data={"resultType": "vector", "result": series})
    with faults.scripted(faults.says(reply)) as address:
        result = await ask(prober, f"http://{address}", PromqlAsks("lag", down="> 5"))
    assert result.reason == "9 > 5 (a=[red][2J, b=[red][2J, c=[red][2J), 2 series"


async def test_a_question_of_any_length_is_posted(prober: Prober) -> None:
    """It goes in the body, below the path of the url, on a connection that is kept."""
    recorder = Recorder(said())
    query = "x + " * 3_000 + "1"
    with faults.scripted(recorder) as address:
        service = Service("it", "promql", url=f"http://{address}/base", promql=PromqlAsks(query))
        for _ in range(2):
            assert (await prober(service, 5.0)).health is U
    head, _, body = b"".join(recorder.requests).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /base/api/v1/query HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in head
    assert body.startswith(b"query=x+%2B+x")
    assert recorder.connections == 1


@given(
    st.floats(-1e300, 1e300) | st.sampled_from([math.inf, -math.inf]),
    st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_number_is_shown_on_its_own_side_of_the_limit(value: float, sign: str, limit: float) -> None:
    """Rounding never makes a reason look untrue."""
    comparison = Comparison(sign, limit)
    shown = float(number(value, comparison).replace("Inf", "inf"))
    assert comparison.holds(shown) == comparison.holds(value)
    assert math.isclose(shown, value, rel_tol=1e-3)
