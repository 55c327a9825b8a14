"""HTTP as servers really speak it, and as they should not: every answer bounded, described, in time."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Rule, Service
from controlroom.probes.prober import Prober
from controlroom.probes.wire import BODY_LIMIT, HEAD_LIMIT
from tests import faults

U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN
SECRETS = {"TOKEN": "tok-3c0ffee", "PASSWORD": "päss:word", "BROKEN": "two\nlines"}


def resolve(ref: SecretRef) -> str:
    """The tests' own secrets; anything else is not there."""
    if ref.env not in SECRETS:
        raise LookupError(f"the environment variable {ref.env} is not set")
    return SECRETS[ref.env]


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober with the tests' secrets."""
    made = Prober(lambda: datetime.now(UTC), resolve)
    yield made
    made.close()


async def ask(prober: Prober, address: str, path: str = "/health", **keys: object) -> ProbeResult:
    """One probe."""
    return await prober(Service("it", "http", url=f"http://{address}{path}", **keys), 1.0)  # type: ignore[arg-type]


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'6;x=y\r\n{"stat\r\n9\r\nus": "degr\r\n6\r\naded"}\r\n0\r\nTrailer: x\r\n\r\n'
)
CHUNKED = CHUNKED.replace(b'9\r\nus": "degr', b'A\r\nus": "degr')
PLAIN = faults.http(b'{"status": "degraded"}', "200 OK", "Content-Type: application/json")
UNTIL_CLOSE = b'HTTP/1.0 200 OK\r\n\r\n{"status": "degraded"}'
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + PLAIN
GZIP = faults.http(gzip.compress(b'{"status": "degraded"}'), "200 OK", "Content-Encoding: gzip")


@pytest.mark.parametrize(
    "reply",
    [CHUNKED, PLAIN, UNTIL_CLOSE, INTERIM, GZIP],
    ids=["chunked", "length", "close", "interim", "gzip"],
)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
async def test_every_framing_is_read_however_it_is_cut(prober: Prober, reply: bytes, piece: int) -> None:
    """The answer is the same whether it comes byte by byte or at once."""

    def handle(plug: socket.socket) -> None:
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plug.recv(65_536)
        for start in range(0, len(reply), piece):
            plug.sendall(reply[start : start + piece])

    with faults.scripted(handle) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (DEG, "degraded"), result


@pytest.mark.parametrize(
    ("reply", "health", "reason"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", U, "status code only"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nOK", U, "OK"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nOK", U, "OK"),
        (faults.gzip_bomb(), U, "status code only: packed body over 256 KiB not read"),
        (
            faults.http(b"\x1f\x8bxx", "200 OK", "Content-Encoding: gzip"),
            U,
            "status code only: packed body is broken",
        ),
        (
            faults.http(b"abc", "200 OK", "Content-Encoding: br"),
            U,
            "status code only: body packed as br not read",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
            U,
            "status code only: body over 256 KiB not read",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            D,
            "answers, but with a broken Content-Length",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", D, "answers, but with a broken Content-Length"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            D,
            "answers with a broken chunked body",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            D,
            "answers with an unknown transfer encoding: gzip",
        ),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", D, "answers, but with a broken HTTP header"),
        (b"HTTP/1.1 abc what\r\n\r\n", D, "answers, but with broken HTTP: HTTP/1.1 abc what"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
            D,
            "closed the connection in the middle of its answer",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT, D, "answers with more than 32 KiB of headers"),
        (b"\x15\x03\x01\x00\x02\x02\x46", D, "speaks TLS: write https:// instead of http://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", D, "answers, but not HTTP: SSH-2.0-OpenSSH_9.2"),
        (
            faults.http(b"", "302 Found", "Location: https://u:p@login.example/x?token=1"),
            D,
            "HTTP 302: redirects to login.example, not followed",
        ),
        (faults.http(b"no such page", "404 Not Found"), D, "HTTP 404 no such page"),
        (faults.http(b'{"status":"not_ready"}', "503 Service Unavailable"), DEG, "HTTP 503 not_ready"),
    ],
)
async def test_answers(prober: Prober, reply: bytes, health: Health, reason: str) -> None:
    """What a server may say, and what is made of it."""
    with faults.scripted(faults.says(reply)) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (health, reason)


async def test_an_endless_body_is_cut_at_the_limit(prober: Prober) -> None:
    """A stream without an end is known by its status, well before the deadline."""
    with faults.scripted(faults.floods(b"HTTP/1.1 200 OK\r\n\r\n")) as address:
        result = await asyncio.wait_for(prober(Service("it", "http", url=f"http://{address}/"), 30.0), 5)
    assert (result.health, result.reason) == (
        U,
        f"status code only: body over {BODY_LIMIT // 1024} KiB not read",
    )


async def test_a_drip_says_how_far_it_came(prober: Prober) -> None:
    """An answer that never ends is not the same as none."""
    with faults.scripted(faults.drips(b"HTTP/1.1 200 OK\r\n")) as address:
        result = await ask(prober, address)
    assert result.health is D
    assert result.reason.startswith("answer not complete within 1 s (")


async def test_slow_is_degraded(prober: Prober) -> None:
    """`latency_ms` is a limit; what is otherwise wrong matters more."""
    with faults.scripted(faults.says(faults.http(b"OK"))) as address:
        slow = await ask(prober, address, latency_ms=0.000_1)
        fine = await ask(prober, address, latency_ms=900)
    assert slow.health is DEG
    assert slow.reason.startswith("slow: ")
    assert fine.health is U


async def test_the_body_of_a_rule_is_fetched_each_time(prober: Prober) -> None:
    """A changed body is judged anew, an unchanged one the same."""
    bodies = iter([b'{"lag": 1}', b'{"lag": 1}', b'{"lag": 500}'])

    def handle(plug: socket.socket) -> None:
        while plug.recv(65_536):
            plug.sendall(faults.http(next(bodies)))

    service_rules = (Rule("lag", below=100),)
    with faults.scripted(handle) as address:
        service = Service("it", "http", url=f"http://{address}/", rules=service_rules)
        found = [(await prober(service, 1.0)).health for _ in range(3)]
    assert found == [U, U, D]


class Recorder:
    """Answers 200 and keeps every request and the number of connections."""

    def __init__(self, reply: bytes = faults.http(b"OK")) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.reply = reply
        self._lock = threading.Lock()

    def __call__(self, plug: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        while data := plug.recv(65_536):
            self.requests.append(data)
            plug.sendall(self.reply)


async def test_connections_are_kept(prober: Prober) -> None:
    """The second probe uses the connection of the first."""
    recorder = Recorder()
    with faults.scripted(recorder) as address:
        for _ in range(3):
            assert (await ask(prober, address)).health is U
    assert (recorder.connections, len(recorder.requests)) == (1, 3)


@pytest.mark.parametrize(
    "reply",
    [
        faults.http(b"OK", "200 OK", "Connection: close"),
        faults.http(b"OK") + b"unasked for",
        faults.http(b"OK").replace(b"1.1", b"1.0"),
    ],
    ids=["close", "rest", "1.0"],
)
async def test_connections_that_cannot_be_kept_are_not(prober: Prober, reply: bytes) -> None:
    """A connection in doubt is closed: the next answer must not be the rest of the last."""
    recorder = Recorder(reply)
    with faults.scripted(recorder) as address:
        for _ in range(2):
            assert (await ask(prober, address)).reason == "OK"
            await asyncio.sleep(0.02)  # the rest may arrive after the answer
    assert recorder.connections == 2


async def test_credentials_are_sent_and_never_shown(prober: Prober) -> None:
    """Basic, bearer and header secrets reach the server; what it echoes is hidden."""
    import base64

    recorder = Recorder()
    with faults.scripted(recorder) as address:
        await ask(prober, address, username="ada", password=SecretRef(env="PASSWORD"))
        await ask(prober, address, token=SecretRef(env="TOKEN"))
        await ask(prober, address, headers={"X-Api-Key": SecretRef(env="TOKEN"), "Accept": "text/plain"})
        await prober(Service("it", "http", url=f"http://bob:s%40crt@{address}/"), 1.0)
    basic, bearer, header, url = recorder.requests
    assert base64.b64encode("ada:päss:word".encode()) in basic
    assert b"Authorization: Bearer tok-3c0ffee\r\n" in bearer
    assert b"X-Api-Key: tok-3c0ffee\r\n" in header
    assert b"Accept: text/plain\r\n" in header
    assert header.count(b"\r\nAccept:") == 1
    assert base64.b64encode(b"bob:s@crt") in url
    assert b"bob" not in url.split(b"Authorization")[0]


async def test_a_server_that_echoes_secrets_is_censored(prober: Prober) -> None:
    """Its own words are shown without what was sent to it."""
    body = b'{"status": "error", "message": "no such key tok-3c0ffee", "version": "tok-3c0ffee"}'
    with faults.scripted(faults.says(faults.http(body))) as address:
        result = await ask(prober, address, token=SecretRef(env="TOKEN"))
    assert result.health is D
    assert "tok-3c0ffee" not in str(result)
    assert "no such key" in result.reason


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"token": SecretRef(env="MISSING")}, "MISSING is not set"),
        ({"token": SecretRef(env="BROKEN")}, "Authorization has a line break"),
        ({"headers": {"X-Bad": "a\r\nHost: b"}}, "X-Bad has a line break"),
        ({"headers": {"Bad Name": "a"}}, "not a header name"),
        ({"method": "GET /x"}, "not an HTTP method"),
    ],
)
async def test_what_cannot_be_sent_is_not_the_services_fault(
    prober: Prober, keys: dict[str, object], said: str
) -> None:
    """UNKNOWN with the key to mend; nothing is sent."""
    recorder = Recorder()
    with faults.scripted(recorder) as address:
        result = await ask(prober, address, "/", **keys)
    assert result.health is N
    assert said in result.reason
    assert "two" not in result.reason
    assert not recorder.requests


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[", "http://host:99999/", "http://:80/"])
async def test_urls_that_cannot_be_asked(prober: Prober, url: str) -> None:
    """UNKNOWN, in words that name no secret."""
    assert (await prober(Service("it", "http", url=url), 1.0)).health is N


async def test_the_url_is_asked_as_written(prober: Prober) -> None:
    """Path, query and non-ASCII letters reach the server; the fragment and the credentials do not."""
    recorder = Recorder()
    with faults.scripted(recorder) as address:
        await ask(prober, address, "/ä b/%2F?q=ü&x[]=1#frag")
        await ask(prober, address, "", method="HEAD")
    assert recorder.requests[0].startswith(b"GET /%C3%A4%20b/%2F?q=%C3%BC&x[]=1 HTTP/1.1\r\n")
    assert f"\r\nHost: {address}\r\n".encode() in recorder.requests[0]
    assert recorder.requests[1].startswith(b"HEAD / HTTP/1.1\r\n")


async def test_a_refused_secret_is_fetched_anew(prober: Prober) -> None:
    """After 401 the next probe makes its request anew."""
    recorder = Recorder(faults.http(b"", "401 Unauthorized"))
    with faults.scripted(recorder) as address:
        result = await ask(prober, address, token=SecretRef(env="TOKEN"))
    assert (result.health, result.reason) == (D, "HTTP 401 Unauthorized")


async def test_a_post_is_not_sent_twice(prober: Prober) -> None:
    """Only what may be repeated is asked again when a kept connection turns out to be closed."""
    answers = iter([faults.http(b"OK")])
    requests: list[bytes] = []

    def handle(plug: socket.socket) -> None:
        while data := plug.recv(65_536):
            requests.append(data)
            reply = next(answers, None)
            if reply is None:
                return
            plug.sendall(reply)

    with faults.scripted(handle) as address:
        service = Service("it", "http", url=f"http://{address}/", method="POST")
        assert (await prober(service, 1.0)).health is U
        assert (await prober(service, 1.0)).reason == "closed the connection without an answer"
    assert len(requests) == 2
