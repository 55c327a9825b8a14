"""One exchange with a server that may hang, lie or be something else ends in time, with a reason."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from controlroom.config.values import PrometheusServer
from controlroom.domain.secret import SecretRef
from controlroom.lab import servers
from controlroom.net.fetch import Answer, Api, FetchError, Unreachable, Unusable, shown
from controlroom.net.threads import in_daemon
from tests.conftest import Start
from tests.net.wire import answer, request, saying, serving

PASSWORD = "correct-horse"


def resolve(reference: SecretRef) -> str:
    return {"TOKEN": "abc.def", "PASSWORD": PASSWORD}[reference.env or ""]


@pytest.fixture
def environment() -> Iterator[MutableMapping[str, str]]:
    """The environment of this process, put back afterwards."""
    before = dict(os.environ)
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


async def fetch(server: PrometheusServer, limit: int = 4096) -> Answer:
    api = Api(server, resolve, limit=limit)
    try:
        return await api.get("/x")
    finally:
        await api.close()


def at(url: str, timeout: float = 1.0) -> PrometheusServer:
    return PrometheusServer(url=url, timeout=timeout)


async def test_an_answer_is_its_status_body_and_clock() -> None:
    """What a server says arrives whole, with the server's own clock."""
    said = answer(b"hello", "418 Teapot", "text/plain", "Date: Mon, 06 Oct 2025 16:00:00 GMT\r\n")
    async with saying(said) as url:
        got = await fetch(at(url))
    assert (got.status, got.body, got.content_type) == (418, b"hello", "text/plain")
    assert got.date is not None
    assert got.date.isoformat() == "2025-10-06T16:00:00+00:00"


async def test_a_drip_ends_at_the_deadline() -> None:
    """A server that always sends one more byte is given up when the whole exchange is late."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as url:
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
            await fetch(at(url, 0.3))
        assert time.monotonic() - started < 2


async def test_a_black_hole_ends_at_the_deadline() -> None:
    """A socket that listens and is never accepted is given up in time."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        with pytest.raises(Unreachable, match="did not answer within"):
            await fetch(at(f"http://127.0.0.1:{hole.getsockname()[1]}", 0.3))


async def test_a_refusal_says_so() -> None:
    """A port nobody listens on reads as refused, with the address and a remedy."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(Unreachable) as raised:
            await fetch(at(address))
    assert raised.value.reason == f"{address} refuses connections"
    assert raised.value.remedy


async def test_an_unknown_name_says_so() -> None:
    """A name that does not resolve is told from a server that does not answer."""
    with pytest.raises(Unreachable, match=r"the name in http://no-such\.invalid:9 is not known"):
        await fetch(at("http://no-such.invalid:9", 10))


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/", "http://", "127.0.0.1:9090", "http://[::1", "http://a b/"]
)
async def test_a_url_that_is_none_is_a_failure_not_a_crash(url: str) -> None:
    """Whatever stands in `url`, there is a reason and never another exception."""
    with pytest.raises(FetchError):
        await fetch(at(url))


async def test_garbage_is_not_http() -> None:
    """A server of another protocol is told from one that is down."""
    async with saying(b"-ERR unknown command\r\n") as url:
        with pytest.raises(Unreachable, match="does not speak HTTP"):
            await fetch(at(url))


async def test_a_redirect_is_reported_and_not_followed() -> None:
    """The other address is never asked, as it would be given the login."""
    asked = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request(reader))

    async with serving(other) as elsewhere:
        target = elsewhere.replace("http://", "http://user:pw@") + "/new?key=1"
        async with saying(answer(b"", "302 Found", extra=f"Location: {target}\r\n")) as url:
            with pytest.raises(Unusable, match="redirects to") as raised:
                await fetch(replace(at(url), token=SecretRef(env="TOKEN")))
    assert asked == []
    assert f"redirects to {elsewhere}/new" in raised.value.reason
    assert "pw" not in raised.value.reason + raised.value.remedy


async def test_a_body_has_a_cap_as_sent_and_as_inflated() -> None:
    """Neither a long body nor a small one that grows is taken whole."""
    bomb = answer(gzip.compress(b"0" * 1_000_000), extra="Content-Encoding: gzip\r\n")
    async with saying(answer(b"0" * 5000), bomb) as url:
        for _ in range(2):
            with pytest.raises(Unusable, match="more than"):
                await fetch(at(url))


async def test_compression_that_was_not_asked_for_is_understood() -> None:
    """A proxy that compresses all the same does no harm, broken compression is a reason."""
    good = answer(gzip.compress(b"hello"), extra="Content-Encoding: gzip\r\n")
    odd = answer(b"hello", extra="Content-Encoding: br\r\n")
    broken = answer(b"hello", extra="Content-Encoding: gzip\r\n")
    async with saying(good, odd, broken) as url:
        assert (await fetch(at(url))).body == b"hello"
        with pytest.raises(Unusable, match="encoding br"):
            await fetch(at(url))
        with pytest.raises(Unusable, match="broken gzip"):
            await fetch(at(url))


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (PrometheusServer(token=SecretRef(env="TOKEN")), b"Authorization: Bearer abc.def"),
        (
            PrometheusServer(username="ada", password=SecretRef(env="PASSWORD")),
            b"Authorization: Basic YWRhOmNvcnJlY3QtaG9yc2U=",
        ),
    ],
)
async def test_the_login_is_sent_and_nothing_from_the_environment(
    server: PrometheusServer, expected: bytes, environment: MutableMapping[str, str]
) -> None:
    """The resolved secret goes into the header; proxies of the environment are not used."""
    environment["HTTP_PROXY"] = "http://127.0.0.1:1"
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await request(reader))
        writer.write(answer(b""))

    async with serving(script) as url:
        await fetch(replace(server, url=url))
    assert expected.lower() in heard[0].lower()
    assert b"accept-encoding: identity" in heard[0].lower()


async def test_a_refused_login_fetches_the_secret_again() -> None:
    """A replaced secret is used from the next exchange on, and is never part of the reason."""
    secrets = iter(["old-secret", "new-secret"])
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await request(reader))
        writer.write(answer(b"", "401 No" if b"old-secret" in heard[-1] else "200 OK"))

    async with serving(script) as url:
        api = Api(replace(at(url), token=SecretRef(env="TOKEN")), lambda _: next(secrets))
        with pytest.raises(Unusable, match="refuses the login") as raised:
            await api.get("/")
        assert "old-secret" not in raised.value.reason
        assert (await api.get("/")).status == 200
        await api.close()


async def test_a_secret_that_cannot_be_had_is_a_reason() -> None:
    """Nothing is sent without the login that was configured."""

    def nothing(_: SecretRef) -> str:
        raise LookupError("the environment variable TOKEN is not set")

    async with saying(answer(b"")) as url:
        api = Api(replace(at(url), token=SecretRef(env="TOKEN")), nothing)
        with pytest.raises(Unusable, match="TOKEN is not set"):
            await api.get("/")
        assert api.requests == 1


async def test_a_url_with_a_password_works_and_never_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    """Neither messages nor logs carry what stands before the @."""
    caplog.set_level(logging.INFO)
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await request(reader))
        writer.write(answer(b"", "301 Moved", extra="Location: /\r\n"))

    async with serving(script) as url:
        with pytest.raises(FetchError) as raised:
            await fetch(at(url.replace("//", f"//ada:{PASSWORD}@")))
    assert b"Authorization: Basic" in heard[0] or b"authorization: Basic" in heard[0]
    assert PASSWORD not in raised.value.reason + raised.value.remedy + caplog.text


async def test_a_restarted_server_is_asked_again_at_once(start: Start) -> None:
    """A connection kept from before a restart costs nothing but a second try."""
    alertmanager = start(servers.alertmanager)
    api = Api(at(alertmanager.url, 5), resolve)
    assert (await api.get("/-/ready")).status == 200
    alertmanager.restart()
    assert (await api.get("/-/ready")).status == 200
    await api.close()


async def test_a_hung_server_recovers_with_the_same_client(start: Start) -> None:
    """SIGSTOP costs one timeout, SIGCONT brings the next answer."""
    alertmanager = start(servers.alertmanager)
    api = Api(at(alertmanager.url, 0.4), resolve)
    assert (await api.get("/-/ready")).status == 200
    alertmanager.pause()
    with pytest.raises(Unreachable, match="did not answer"):
        await api.get("/-/ready")
    alertmanager.resume()
    assert (await api.get("/-/ready")).status == 200
    await api.close()


async def test_cancelling_is_never_swallowed() -> None:
    """Whoever cancels a fetch gets a cancelled task, not a failure."""
    listening = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening.set()
        await reader.read()

    async with serving(silent) as url:
        task = asyncio.create_task(fetch(at(url, 30)))
        await listening.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate for `host`, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begun = datetime.now(UTC) - timedelta(days=1)
    alternative: x509.GeneralName = x509.DNSName(host)
    with suppress(ValueError):
        alternative = x509.IPAddress(ip_address(host))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


async def test_certificates_are_verified_against_the_own_authority(tmp_path: Path) -> None:
    """With `ca` a private server is trusted, without it refused, and never for another host's name."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer(b"hello"))

    own, other = certificate(tmp_path, "127.0.0.1"), certificate(tmp_path, "elsewhere.example")
    tls, wrong = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    tls.load_cert_chain(own)
    wrong.load_cert_chain(other)
    async with serving(script, tls) as url, serving(script, wrong) as wrong_url:
        assert (await fetch(replace(at(url, 5), ca=str(own)))).body == b"hello"
        assert (await fetch(replace(at(url, 5), verify=False))).body == b"hello"
        with pytest.raises(Unreachable, match=r"the certificate of .* is refused"):
            await fetch(at(url, 5))
        with pytest.raises(Unreachable, match=r"the certificate of .* is refused"):
            await fetch(replace(at(wrong_url, 5), ca=str(other)))
        with pytest.raises(Unusable, match="cannot be read"):
            await fetch(replace(at(url, 5), ca=str(tmp_path / "missing.pem")))
        with pytest.raises(Unreachable):
            await fetch(at(url.replace("https", "http"), 5))


def test_a_thread_that_hangs_does_not_hold_up_the_end() -> None:
    """A process whose blocking call never comes back ends when it is done, not when the call is."""
    program = (
        "import asyncio, time\n"
        "from controlroom.net.threads import in_daemon\n"
        "async def main():\n"
        "    assert await in_daemon(sum, [1, 2]) == 3\n"
        "    task = asyncio.create_task(in_daemon(time.sleep, 60))\n"
        "    await asyncio.sleep(0.05)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)


async def test_what_a_thread_raises_is_raised_where_it_is_awaited() -> None:
    """An exception in the thread reaches whoever waits for its result."""
    with pytest.raises(ZeroDivisionError):
        await in_daemon(divmod, 1, 0)


def test_an_address_is_shown_without_login_and_query() -> None:
    """What is shown of a URL is scheme, host, port and path."""
    assert shown("https://u:p@h:9/a/?q=1#f") == "https://h:9/a"
    assert shown("http://[::1") == "an unreadable url"
