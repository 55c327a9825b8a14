"""HTTP as servers really speak it, and as they should not: every answer bounded, described, in time."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Rule, Service
from controlroom.probes.prober import Prober
from controlroom.probes.wire import BODY_LIMIT, HEAD_LIMIT
from tests import faults
from tests.conftest import Start
from tests.probes.web_servers import guarded, nginx

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
    assert (result.health, result.reason) == (D, "HTTP 401: token refused")


@pytest.mark.parametrize(
    ("keys", "challenge", "body", "reason"),
    [
        ({"token": SecretRef(env="TOKEN")}, "Bearer", b"expired", "HTTP 401: token refused: expired"),
        ({"username": "ada"}, "Basic realm=x", b"", "HTTP 401: user name or password refused"),
        ({"headers": {"authorization": "Key x"}}, "", b"", "HTTP 401: credentials refused"),
        ({}, "Basic realm=x", b"<html>", "HTTP 401: asks for a password"),
        ({}, "Bearer", b"Unauthorized", "HTTP 401: asks for a token"),
        ({}, "Negotiate", b"", "HTTP 401: asks for credentials"),
    ],
)
async def test_a_refusal_says_what_was_refused(
    prober: Prober, keys: dict[str, object], challenge: str, body: bytes, reason: str
) -> None:
    """401 is about credentials: those that were sent, or those that are missing."""
    reply = faults.http(body, "401 Unauthorized", f"WWW-Authenticate: {challenge}")
    with faults.scripted(faults.says(reply)) as address:
        result = await ask(prober, address, "/", **keys)
    assert (result.health, result.reason) == (D, reason)


async def test_a_busy_server_says_when_to_come_again(prober: Prober) -> None:
    """Retry-After in seconds is repeated, a date or nonsense is not."""
    for wait, said in (("30", ", try again in 30 s"), ("Tue, 07 Oct 2025 12:00:00 GMT", ""), ("9" * 99, "")):
        reply = faults.http(b"", "429 Too Many Requests", f"Retry-After: {wait}")
        with faults.scripted(faults.says(reply)) as address:
            result = await ask(prober, address)
        assert (result.health, result.reason) == (D, f"HTTP 429 Too Many Requests{said}")


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


SHOWN = faults.http(
    b'{"status": "ok",\n\t"password": "hunter2"}',
    "200 OK",
    "Content-Type: application/json",
    "Server: it/1 \x1b[31m",
    "Set-Cookie: session=s3cr3t",
    "Date: Tue, 07 Oct 2025 12:00:00 GMT",
)


async def test_the_answer_is_kept_to_be_read(prober: Prober) -> None:
    """Status, headers that matter and body, cleaned and without secrets; the same answer is the same text."""
    with faults.scripted(faults.says(SHOWN, keep=True)) as address:
        service = Service("it", "http", url=f"http://{address}/")
        first, second = [await prober(service, 1.0) for _ in range(2)]
    head = "HTTP 200 OK\ncontent-type: application/json\nserver: it/1 [31m\n\n"
    assert first.raw == head + '{"status": "ok",\n    "password": "•••"}'
    assert second.raw is first.raw


async def test_a_body_that_changes_is_shown_as_it_is_now(prober: Prober) -> None:
    """Never the text of an older answer beside the words of this one."""
    bodies = iter(f'{{"status": "ok", "at": {n}}}'.encode() for n in range(3))

    def handle(plug: socket.socket) -> None:
        while plug.recv(65_536):
            plug.sendall(faults.http(next(bodies)))

    with faults.scripted(handle) as address:
        service = Service("it", "http", url=f"http://{address}/")
        found = [(await prober(service, 1.0)).raw.rpartition("\n")[2] for _ in range(3)]
    assert found == [f'{{"status": "ok", "at": {n}}}' for n in range(3)]


@pytest.mark.parametrize(
    ("reply", "raw"),
    [
        (
            faults.http(b"", "302 Found", "Location: https://u:p@login.example/x?token=1"),
            "HTTP 302 Found\nlocation: login.example",
        ),
        (faults.http(b"\x89PNG\r\n\0\0"), "HTTP 200 OK\n\n(8 bytes that are no text)"),
        (faults.http(b"x" * 9_000), "HTTP 200 OK\n\n" + "x" * 1_987),
        (
            faults.http(b"abc", "200 OK", "Content-Encoding: br"),
            "HTTP 200 OK\n\n(body packed as br not read)",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\nprotocol\x1b error\r\n", "SSH-2.0-OpenSSH_9.2\nprotocol error"),
        (b"\x00\x01\x02\xff\xfe" * 40, ""),
        (b"HTTP/1.1 abc what\r\nSet-Cookie: a=b\r\n\r\n", "HTTP/1.1 abc what"),
        (
            b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"status": "o',
            'HTTP 200 OK\n\n{"status": "o',
        ),
    ],
    ids=["redirect", "image", "long", "packed", "ssh", "binary", "broken", "half"],
)
async def test_what_is_shown_of_odd_answers(prober: Prober, reply: bytes, raw: str) -> None:
    """Nothing that could hold a secret, nothing that is no text, and never too much."""
    with faults.scripted(faults.says(reply)) as address:
        assert (await ask(prober, address)).raw == raw


async def test_a_drip_shows_what_came(prober: Prober) -> None:
    """Of an answer that is not complete in time, the beginning."""

    def handle(plug: socket.socket) -> None:
        plug.recv(65_536)
        plug.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"status": "o')
        plug.recv(65_536)

    with faults.scripted(handle) as address:
        result = await prober(Service("it", "http", url=f"http://{address}/"), 0.3)
    assert result.reason.startswith("answer not complete within 0.3 s")
    assert result.raw == 'HTTP 200 OK\n\n{"status": "o'


@dataclass(frozen=True)
class Papers:
    """Certificates of a server and of clients: a known one, a stranger's and an expired one."""

    ca: Path
    server: tuple[Path, Path]
    known: Mapping[str, str]
    strange: Mapping[str, str]
    expired: Mapping[str, str]


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    """Two authorities' certificates."""
    own, other = faults.authority(tmp_path / "own"), faults.authority(tmp_path / "other")

    def keys(files: tuple[Path, Path]) -> Mapping[str, str]:
        return {"cert": str(files[0]), "key": str(files[1])}

    return Papers(
        own.path,
        own.server(),
        keys(own.server("client.example")),
        keys(other.server("client.example")),
        keys(own.server("old.example", expired=True)),
    )


async def ask_tls(prober: Prober, address: str, papers: Papers, keys: Mapping[str, str]) -> ProbeResult:
    """One probe over TLS with these keys of the service."""
    url = f"https://{address}/"
    return await prober(Service("it", "http", url=url, ca=str(papers.ca), **keys), 2.0)  # type: ignore[arg-type]


async def test_nginx_checks_client_certificates(prober: Prober, papers: Papers, start: Start) -> None:
    """None, a stranger's and an expired one are told apart from the right one, which opens."""
    files = f"ssl_certificate {papers.server[0]}; ssl_certificate_key {papers.server[1]};"
    checks = f"ssl_client_certificate {papers.ca}; ssl_verify_client on; location / {{ return 200 ok; }}"
    server = start(lambda folder: nginx(folder, f"{files} {checks}", listen=" ssl"))
    refused = "HTTP 400: client certificate not accepted"
    for keys, health, reason in (
        ({}, D, "HTTP 400: asks for a client certificate"),
        (papers.strange, D, refused),
        (papers.expired, D, refused),
        (papers.known, U, "ok"),
    ):
        for _ in range(2):  # the second goes over the connection that was kept, if it was
            result = await ask_tls(prober, server.address, papers, keys)
            assert (result.health, result.reason) == (health, reason)
    plain = await ask(prober, server.address, "/")
    assert (plain.health, plain.reason) == (D, "speaks TLS: write https:// instead of http://")


async def test_go_refuses_client_certificates_with_an_alert(
    prober: Prober, papers: Papers, start: Start
) -> None:
    """In TLS 1.3 the refusal comes with the first read, unless the reset that follows overtakes it."""
    crt, key = papers.server
    options = f"cert_file: {crt}, key_file: {key}, client_ca_file: {papers.ca}"
    more = f"tls_server_config: {{{options}, client_auth_type: RequireAndVerifyClientCert}}\n"
    server = start(lambda folder: guarded("prometheus-node-exporter", folder, more=more))
    for keys in ({}, papers.strange):
        found = {(await ask_tls(prober, server.address, papers, keys)).reason for _ in range(10)}
        assert found - {"connection reset"} == {"asks for another client certificate, or for one"}
    assert (await ask_tls(prober, server.address, papers, papers.known)).health is U
    plain = await ask(prober, server.address, "/")
    assert (plain.health, plain.reason) == (D, "speaks TLS: write https:// instead of http://")


async def test_openssl_says_what_is_wrong_with_a_client_certificate(prober: Prober, papers: Papers) -> None:
    """Each alert has its plain words, in TLS 1.2 and 1.3."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=papers.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(*papers.server)

        def handle(plug: socket.socket, context: ssl.SSLContext = context) -> None:
            with context.wrap_socket(plug, server_side=True, do_handshake_on_connect=False) as wrapped:
                try:
                    wrapped.do_handshake()
                except ssl.SSLError:
                    while socket.socket.recv(wrapped, 4096):
                        pass  # or a reset would overtake the alert
                faults.says(faults.http(b"OK"))(wrapped)

        missing = "asks for a client certificate"
        if version is ssl.TLSVersion.TLSv1_2:
            missing = "refuses the TLS handshake"
        with faults.scripted(handle) as address:
            for keys, reason in (
                ({}, missing),
                (papers.strange, "client certificate of a CA it does not know"),
                (papers.expired, "client certificate has expired"),
                (papers.known, "OK"),
            ):
                assert (await ask_tls(prober, address, papers, keys)).reason == reason, (version, keys)


async def test_client_certificates_that_cannot_be_used_are_not_the_services_fault(papers: Papers) -> None:
    """UNKNOWN, and which file it is about; the server is not even asked."""
    here = Prober(lambda: datetime.now(UTC), resolve, folder=papers.ca.parent)
    for cert, key, reason in (
        (
            "client.example.crt",
            "../other/client.example.key",
            "the client certificate and its key do not fit together: client.example.crt",
        ),
        ("no.crt", None, "no client certificate at no.crt, or no key"),
    ):
        with faults.refused() as address:
            service = Service("it", "http", url=f"https://{address}/", ca="ca.crt", cert=cert, key=key)
            result = await here(service, 1.0)
        assert (result.health, result.reason) == (N, reason)
    here.close()
