"""One suite for every kind of probe, against real faults: a new kind adds one line to `KINDS_TRIED`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.lab.servers import Server
from controlroom.probes import KINDS
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start

DEADLINE = 0.5
SLACK = 1.0
"""Seconds a busy machine may add to a deadline."""


@dataclass(frozen=True)
class Tried:
    """A kind, how its url is written, and a real server of it. `speaks`: connecting alone says nothing."""

    kind: str
    url: str
    server: Callable[[Path], Server]
    tls: str | None = None
    speaks: bool = True


PROMETHEUS = "global: {scrape_interval: 15s}\n"
KINDS_TRIED = (
    Tried("http", "http://{}/", servers.node_exporter, "https://{}/"),
    Tried("tcp", "{}", servers.node_exporter, speaks=False),
    Tried("redis", "redis://{}", servers.redis, "rediss://{}"),
    Tried("prometheus", "http://{}", lambda folder: servers.prometheus(folder, PROMETHEUS), "https://{}"),
    Tried("alertmanager", "http://{}", servers.alertmanager, "https://{}"),
)
EACH = pytest.mark.parametrize("tried", KINDS_TRIED, ids=lambda tried: tried.kind)
SPEAKING = pytest.mark.parametrize("tried", [t for t in KINDS_TRIED if t.speaks], ids=lambda t: t.kind)
TLS = pytest.mark.parametrize("tried", [t for t in KINDS_TRIED if t.tls], ids=lambda t: t.kind)


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober without secrets, its libraries loaded."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "")
    for kind in KINDS:
        await made.load(kind)
    yield made
    made.close()


async def ask(prober: Prober, tried: Tried, address: str, **keys: object) -> ProbeResult:
    """One probe, held to its deadline and to what every reason must be."""
    service = Service("it", tried.kind, url=tried.url.format(address), **keys)  # type: ignore[arg-type]
    return await probe(prober, service)


async def probe(prober: Prober, service: Service) -> ProbeResult:
    """One probe of `service`, held to its deadline and to what every reason must be."""
    started = time.monotonic()
    result = await prober(service, DEADLINE)
    assert time.monotonic() - started < DEADLINE + SLACK
    assert result.service == service.id
    assert 0 < len(result.reason) <= 120
    assert result.reason.isprintable()
    assert "Traceback" not in result.reason
    assert "Error" not in result.reason
    return result


def test_every_kind_is_tried() -> None:
    """No kind is in the registry without being in this suite."""
    assert {tried.kind for tried in KINDS_TRIED} == set(KINDS)


@EACH
async def test_a_real_server_is_up_and_its_latency_known(prober: Prober, tried: Tried, start: Start) -> None:
    """A server of the kind, asked twice, is UP with a latency, the second time over what was kept."""
    server = start(tried.server)
    for _ in range(2):
        result = await ask(prober, tried, server.address)
        assert result.health is Health.UP, result
        assert result.latency is not None
        assert 0 < result.latency < DEADLINE
        assert not result.unreachable


@EACH
async def test_a_port_nobody_listens_on_is_refused(prober: Prober, tried: Tried) -> None:
    """Refused reads refused, and shows that the way to the machine works."""
    with faults.refused() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (Health.DOWN, "connection refused")
    assert not result.unreachable
    assert result.latency is None


@EACH
async def test_a_black_hole_ends_at_the_deadline(prober: Prober, tried: Tried) -> None:
    """Packets that vanish are told apart from a server that is slow."""
    with faults.black_hole() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (Health.DOWN, "no connection within 0.5 s")
    assert result.unreachable


@EACH
async def test_a_name_that_does_not_exist_is_named(prober: Prober, tried: Tried) -> None:
    """The name is in the reason; whether there is no such name or no name server answers is said."""
    result = await ask(prober, tried, "no-such.invalid:8080")
    assert result.health is Health.DOWN
    assert "no-such.invalid" in result.reason
    assert "name" in result.reason or "looking up" in result.reason


@EACH
async def test_a_url_without_a_host_is_not_the_services_fault(prober: Prober, tried: Tried) -> None:
    """What cannot be asked is UNKNOWN, never DOWN."""
    result = await probe(prober, Service("it", tried.kind, url=""))
    assert result.health is Health.UNKNOWN


@SPEAKING
async def test_a_silent_server_is_told_from_a_black_hole(prober: Prober, tried: Tried) -> None:
    """It accepts and says nothing: the reason says both."""
    with faults.silent() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (Health.DOWN, "connected, but no answer within 0.5 s")
    assert not result.unreachable


@SPEAKING
@pytest.mark.parametrize(
    "handler",
    [
        faults.drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100),
        faults.drips(b"+PONG-that-never-ends"),
    ],
    ids=["http", "redis"],
)
async def test_a_drip_does_not_outlive_the_deadline(
    prober: Prober, tried: Tried, handler: faults.Handler
) -> None:
    """A server that keeps every single wait short still has only the whole deadline."""
    with faults.scripted(handler) as address:
        result = await ask(prober, tried, address)
    assert result.health is Health.DOWN


@SPEAKING
@pytest.mark.parametrize(
    "greeting",
    [b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"\x00\x01\x02\xff\xfe\x1b[31m" * 20, b"220 mail ESMTP\r\n"],
    ids=["ssh", "binary", "smtp"],
)
async def test_another_protocol_is_recognised_as_such(prober: Prober, tried: Tried, greeting: bytes) -> None:
    """Something answers, but not what the kind expects: DOWN, in clean words."""
    with faults.scripted(faults.greets(greeting)) as address:
        result = await ask(prober, tried, address)
    assert result.health is Health.DOWN
    assert "answers, but" in result.reason
    assert not result.unreachable


@SPEAKING
async def test_a_reset_reads_reset(prober: Prober, tried: Tried) -> None:
    """A TCP reset instead of an answer."""
    with faults.scripted(faults.resets) as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (Health.DOWN, "connection reset")


@SPEAKING
async def test_hanging_up_is_no_answer(prober: Prober, tried: Tried) -> None:
    """A polite farewell instead of an answer."""
    with faults.scripted(faults.closes) as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (Health.DOWN, "closed the connection without an answer")


@SPEAKING
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"$99999999999\r\n",
        b"+",
        b"",
    ],
    ids=["body", "headers", "chunks", "bulk", "line", "anything"],
)
async def test_a_flood_costs_neither_memory_nor_time(prober: Prober, tried: Tried, head: bytes) -> None:
    """A server that never stops talking is cut off."""
    with faults.scripted(faults.floods(head)) as address:
        await ask(prober, tried, address)


@EACH
async def test_a_stopped_server_hangs_and_comes_back(prober: Prober, tried: Tried, start: Start) -> None:
    """SIGSTOP: silence on the kept connection; SIGCONT: well again at the next look."""
    server = start(tried.server)
    assert (await ask(prober, tried, server.address)).health is Health.UP
    server.pause()
    result = await ask(prober, tried, server.address)
    if tried.speaks:
        assert (result.health, result.reason) == (Health.DOWN, "connected, but no answer within 0.5 s")
    server.resume()
    await comes_back(prober, tried, server.address)


@EACH
async def test_a_killed_server_is_refused_and_comes_back(prober: Prober, tried: Tried, start: Start) -> None:
    """A kept connection of a process that died is no excuse: refused while dead, well when restarted."""
    server = start(tried.server)
    assert (await ask(prober, tried, server.address)).health is Health.UP
    server.kill()
    result = await ask(prober, tried, server.address)
    assert (result.health, result.reason) == (Health.DOWN, "connection refused")
    server.restart()
    await comes_back(prober, tried, server.address)


async def comes_back(prober: Prober, tried: Tried, address: str) -> None:
    """UP within a few looks: a process that was stopped may need a moment."""
    for _ in range(20):
        result = await ask(prober, tried, address)
        if result.health is Health.UP:
            return
    raise AssertionError(result)


@SPEAKING
async def test_a_server_restarted_between_two_looks_is_simply_up(
    prober: Prober, tried: Tried, start: Start
) -> None:
    """That the kept connection is gone is found out and mended within one probe."""
    server = start(tried.server)
    assert (await ask(prober, tried, server.address)).health is Health.UP
    server.restart()
    assert (await ask(prober, tried, server.address)).health is Health.UP


@TLS
@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        (("elsewhere.example", False, True), "certificate is not for 127.0.0.1"),
        (("127.0.0.1", True, True), "certificate has expired"),
        (("127.0.0.1", False, False), "certificate of an unknown CA"),
    ],
    ids=["wrong host", "expired", "unknown CA"],
)
async def test_a_bad_certificate_is_described(
    prober: Prober, tried: Tried, tmp_path: Path, flaw: tuple[str, bool, bool], reason: str
) -> None:
    """Each flaw of a certificate has its own plain words."""
    assert tried.tls
    host, expired, known = flaw
    ca = faults.authority(tmp_path)
    files = ca.server(host, expired=expired)
    with faults.scripted(faults.over_tls(files, faults.closes)) as address:
        url = tried.tls.format(address)
        result = await probe(prober, Service("it", tried.kind, url=url, ca=str(ca.path) if known else None))
    assert (result.health, result.reason) == (Health.DOWN, reason)
    assert not result.unreachable


@TLS
async def test_tls_is_spoken_with_a_good_certificate(prober: Prober, tried: Tried, tmp_path: Path) -> None:
    """With its CA given, or verification switched off, the handshake succeeds and the protocol is reached."""
    assert tried.tls
    ca = faults.authority(tmp_path)
    with faults.scripted(faults.over_tls(ca.server(), faults.closes)) as address:
        for keys in ({"ca": str(ca.path)}, {"verify": False}):
            service = Service("it", tried.kind, url=tried.tls.format(address), **keys)
            assert (await probe(prober, service)).reason == "closed the connection without an answer"


@TLS
async def test_a_port_without_tls_says_so(prober: Prober, tried: Tried) -> None:
    """TLS spoken to a plain text server."""
    assert tried.tls
    with faults.scripted(faults.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        result = await probe(prober, Service("it", tried.kind, url=tried.tls.format(address)))
    assert (result.health, result.reason) == (Health.DOWN, "answers, but does not speak TLS")


@TLS
async def test_a_handshake_that_never_ends_ends_at_the_deadline(prober: Prober, tried: Tried) -> None:
    """A silent TLS server is told from one that cannot be connected to."""
    assert tried.tls
    with faults.silent() as address:
        result = await probe(prober, Service("it", tried.kind, url=tried.tls.format(address)))
    assert (result.health, result.reason) == (Health.DOWN, "connected, but TLS is not ready within 0.5 s")


@TLS
async def test_a_missing_ca_file_is_not_the_services_fault(
    prober: Prober, tried: Tried, tmp_path: Path
) -> None:
    """A configuration that cannot work is UNKNOWN and names the file."""
    assert tried.tls
    with faults.silent() as address:
        url = tried.tls.format(address)
        result = await probe(prober, Service("it", tried.kind, url=url, ca=str(tmp_path / "no.crt")))
    assert result.health is Health.UNKNOWN
    assert "no.crt" in result.reason or "CA" in result.reason


@EACH
async def test_cancelling_leaves_at_once(prober: Prober, tried: Tried) -> None:
    """Whoever quits does not wait for a server that hangs."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(faults.silent() if tried.speaks else faults.black_hole())
        service = Service("it", tried.kind, url=tried.url.format(address))
        task = asyncio.create_task(prober(service, 30.0))
        await asyncio.sleep(0.4)
        task.cancel()
        started = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert time.monotonic() - started < 0.2


def _sockets() -> int:
    return sum(1 for link in Path("/proc/self/fd").iterdir() if _is_socket(link))


def _is_socket(link: Path) -> bool:
    with contextlib.suppress(OSError):
        return str(link.readlink()).startswith("socket:")
    return False


@EACH
@pytest.mark.parametrize(
    "fault", [faults.refused, faults.black_hole, faults.silent], ids=lambda f: f.__name__
)
async def test_failures_leave_no_socket_behind(
    prober: Prober, tried: Tried, fault: Callable[[], AbstractContextManager[str]]
) -> None:
    """A service that is down for a week costs no file descriptor."""
    with fault() as address:
        await ask(prober, tried, address)
        await asyncio.sleep(0)
        before = _sockets()
        await asyncio.gather(*(ask(prober, tried, address) for _ in range(5)))
        await asyncio.sleep(0.05)
        assert _sockets() <= before
