"""One suite for every kind of probe, against real faults: a new kind adds one line to `KINDS_TRIED`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.asks import CommandAsks, DnsAsks, PromqlAsks, TlsAsks
from controlroom.domain.health import Beat, ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import kafka, postgres, redis_servers, servers
from controlroom.lab.servers import Server
from controlroom.lab.temporal import temporal
from controlroom.probes import KINDS
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.grpc_server import crowded, grpc_server
from tests.probes import postgres_servers, web_servers
from tests.probes.tls_servers import openssl

SLACK = 1.0
"""Seconds a busy machine may add to a deadline."""


@dataclass(frozen=True)
class Refusing:
    """A real server that wants credentials, and what it is asked with."""

    server: Server
    wrong: Mapping[str, object]
    """Keys of the service: credentials it refuses."""
    reason: str
    """What the reason must hold."""


@dataclass(frozen=True)
class Tried:
    """A kind, how its url is written, and a real server of it; a new kind adds one to `KINDS_TRIED`."""

    kind: str
    url: str
    server: Callable[[Path], Server]
    tls: str | None = None
    """How its url is written for TLS."""
    speaks: bool = True
    """The server has to say something; where not, connecting alone is the answer."""
    keys: Mapping[str, object] = field(default_factory=dict)
    """Keys of the service besides its url."""
    unreached: Health = Health.DOWN
    """What a service is whose server cannot be asked."""
    before_tls: faults.Handler | None = None
    """What such a server says before TLS begins."""
    refusing: Callable[[Path], Refusing] | None = None
    """Starts a server that refuses wrong credentials."""
    crowded: Callable[[Path], AbstractContextManager[Server]] | None = None
    """A server all of whose connections are taken."""
    full: str = ""
    """What the reason says of that."""
    deadline: float = 0.5
    """Seconds one probe may take."""
    wakes: int = 20
    """Looks after which a server that was stopped, or started anew, is well again."""
    stream: bool = True
    """It is asked over a TCP connection, so what can happen to one happens to it."""
    at: Callable[[str], Mapping[str, object]] | None = None
    """Keys of the service that hold its address, where its url does not."""
    silence: str = "connected, but no answer"
    """How the reason of a server that says nothing begins."""
    farewell: str = "closed the connection without an answer"
    """The reason of a server that hangs up instead."""
    label: str = ""
    """What it is called among others of its kind."""

    @property
    def name(self) -> str:
        """What its tests are called by."""
        return self.label or self.kind


@dataclass(frozen=True)
class Local:
    """A kind that asks nobody over the network; keys of a service that is well, and of one that hangs."""

    kind: str
    well: Mapping[str, object]
    hung: Mapping[str, object]


PROMETHEUS = "global: {scrape_interval: 15s}\n"
WRONG = {"username": "ada", "password": SecretRef(env="WRONG")}


def guarded(start: Callable[[Path], Server]) -> Callable[[Path], Refusing]:
    """A web server that wants a password, and a wrong one."""
    return lambda folder: Refusing(start(folder), WRONG, "HTTP 401: user name or password refused")


def redis_behind(make: Callable[[Path], Server]) -> Callable[[Path], Refusing]:
    """A Redis, or a sentinel, that knows nobody of that name and password."""

    def start(folder: Path) -> Refusing:
        reason = "user name or password refused (WRONGPASS)"
        return Refusing(make(folder), {"username": "nobody"}, reason)

    return start


KINDS_TRIED = (
    Tried(
        "http",
        "http://{}/",
        servers.node_exporter,
        "https://{}/",
        refusing=guarded(web_servers.locked),
        crowded=web_servers.crowded,
        full="HTTP 503 Service Temporarily Unavailable, try again in 7 s",
    ),
    Tried("tcp", "{}", servers.node_exporter, speaks=False),
    Tried(
        "redis",
        "redis://{}",
        servers.redis,
        "rediss://{}",
        refusing=redis_behind(lambda folder: servers.redis(folder, "--requirepass", "right")),
        crowded=redis_servers.crowded,
        full="refuses: too many clients",
    ),
    Tried(
        "redis",
        f"redis+sentinel://{{}}/{redis_servers.MASTER}",
        redis_servers.sentinel_alone,
        f"rediss+sentinel://{{}}/{redis_servers.MASTER}",
        refusing=redis_behind(lambda folder: redis_servers.sentinel_alone(folder, "requirepass right")),
        label="redis by sentinel",
    ),
    Tried(
        "redis",
        "redis+cluster://{}",
        redis_servers.cluster_alone,
        "rediss+cluster://{}",
        refusing=redis_behind(lambda folder: redis_servers.cluster_node(folder, "--requirepass", "right")),
        label="redis cluster",
    ),
    Tried(
        "prometheus",
        "http://{}",
        lambda folder: servers.prometheus(folder, PROMETHEUS),
        "https://{}",
        refusing=guarded(web_servers.guarded_prometheus),
    ),
    Tried(
        "alertmanager",
        "http://{}",
        servers.alertmanager,
        "https://{}",
        refusing=guarded(web_servers.guarded_alertmanager),
    ),
    Tried(
        "pushgateway",
        "http://{}",
        servers.pushgateway,
        "https://{}",
        refusing=guarded(web_servers.guarded_pushgateway),
    ),
    Tried(
        "promql",
        "http://{}",
        lambda folder: servers.prometheus(folder, PROMETHEUS),
        "https://{}",
        keys={"promql": PromqlAsks("vector(1)")},
        unreached=Health.UNKNOWN,
        refusing=guarded(web_servers.guarded_prometheus),
    ),
    Tried(
        "grpc",
        "{}",
        grpc_server,
        "grpcs://{}",
        refusing=lambda folder: Refusing(
            grpc_server(folder, "--token", "right"),
            {"token": SecretRef(env="WRONG")},
            "credentials refused (UNAUTHENTICATED)",
        ),
        crowded=crowded,
        full="overloaded, or a quota is used up (RESOURCE_EXHAUSTED)",
    ),
    Tried("temporal", "{}", temporal, "temporal+tls://{}"),
    Tried(
        "kafka",
        "kafka://{}",
        kafka.kafka,
        "kafka+ssl://{}",
        refusing=lambda folder: Refusing(
            kafka.with_passwords(folder, {"room": "right"}),
            {"username": "room", "password": SecretRef(env="WRONG")},
            "user name or password refused (PLAIN)",
        ),
        crowded=kafka.crowded,
        full="connected, but no answer",
        deadline=1.0,
    ),
    Tried(
        "postgres",
        "postgres://{}",
        postgres.postgres,
        "postgres://{}?sslmode=require",
        before_tls=postgres_servers.agrees,
        refusing=lambda folder: Refusing(
            postgres.postgres(folder, users={"room": "right"}),
            {"username": "room", "password": SecretRef(env="WRONG")},
            "user name or password refused (28P01)",
        ),
        crowded=postgres.crowded,
        full="refuses: too many connections (53300)",
    ),
    Tried(
        "tls",
        "{}",
        openssl,
        keys={"verify": False, "tls": TlsAsks(warn_days=0.5, down_days=0.1)},
        silence="connected, but TLS is not ready",
        farewell="closed the connection during the TLS handshake",
    ),
    Tried(
        "dns",
        "room.test",
        lambda folder: servers.dnsmasq(folder, "--host-record=room.test,10.0.0.1"),
        at=lambda address: {"dns": DnsAsks(server=address)},
        stream=False,
        silence="no answer",
    ),
)
LOCALS_TRIED = (
    Local(
        "command",
        {"command": CommandAsks(("true",))},
        {"command": CommandAsks(("sh", "-c", "sleep 60; sleep 60"))},
    ),
    Local("heartbeat", {"id": "it"}, {"id": "hung"}),
)
EACH = pytest.mark.parametrize("tried", KINDS_TRIED, ids=lambda tried: tried.name)
STREAMING = pytest.mark.parametrize("tried", [t for t in KINDS_TRIED if t.stream], ids=lambda t: t.name)
ANSWERING = pytest.mark.parametrize("tried", [t for t in KINDS_TRIED if t.speaks], ids=lambda t: t.name)
SPEAKING = pytest.mark.parametrize(
    "tried", [t for t in KINDS_TRIED if t.speaks and t.stream], ids=lambda t: t.name
)
TLS = pytest.mark.parametrize("tried", [t for t in KINDS_TRIED if t.tls], ids=lambda t: t.name)


@pytest.fixture
async def prober(tried: Tried) -> AsyncIterator[Prober]:
    """A prober without secrets; the library of the kind that is tried is loaded."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "")
    await made.load(tried.kind)
    yield made
    made.close()


async def ask(prober: Prober, tried: Tried, address: str, **keys: object) -> ProbeResult:
    """One probe, held to its deadline and to what every reason must be."""
    there = tried.at(address) if tried.at else {}
    return await probe(prober, tried, tried.url.format(address), **{**there, **keys})


async def probe(prober: Prober, tried: Tried, url: str, **keys: object) -> ProbeResult:
    """One probe at `url`, held to its deadline and to what every reason must be."""
    service = Service("it", tried.kind, url=url, **{**tried.keys, **keys})  # type: ignore[arg-type]
    started = time.monotonic()
    result = await prober(service, tried.deadline)
    assert time.monotonic() - started < tried.deadline + SLACK
    assert result.service == service.id
    assert 0 < len(result.reason) <= 120
    assert result.reason.isprintable()
    assert "Traceback" not in result.reason
    assert "Error" not in result.reason
    return result


def test_every_kind_is_tried() -> None:
    """No kind is in the registry without being in this suite."""
    tried = {each.kind for each in KINDS_TRIED} | {each.kind for each in LOCALS_TRIED}
    assert tried == set(KINDS)


@EACH
async def test_a_real_server_is_up_and_its_latency_known(prober: Prober, tried: Tried, start: Start) -> None:
    """A server of the kind, asked twice, is UP with a latency, the second time over what was kept."""
    server = start(tried.server)
    for _ in range(2):
        result = await ask(prober, tried, server.address)
        assert result.health is Health.UP, result
        assert result.latency is not None
        assert 0 < result.latency < tried.deadline
        assert not result.unreachable


@EACH
async def test_a_port_nobody_listens_on_is_refused(prober: Prober, tried: Tried) -> None:
    """Refused reads refused, and shows that the way to the machine works."""
    with faults.refused() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (tried.unreached, "connection refused")
    assert not result.unreachable
    assert result.latency is None


@STREAMING
async def test_a_black_hole_ends_at_the_deadline(prober: Prober, tried: Tried) -> None:
    """Packets that vanish are told apart from a server that is slow."""
    with faults.black_hole() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (tried.unreached, f"no connection within {tried.deadline:g} s")
    assert result.unreachable


@EACH
async def test_a_name_that_does_not_exist_is_named(prober: Prober, tried: Tried) -> None:
    """The name is in the reason; whether there is no such name or no name server answers is said."""
    result = await ask(prober, tried, "no-such.invalid:8080")
    assert result.health is tried.unreached
    assert "no-such.invalid" in result.reason
    assert "name" in result.reason or "looking up" in result.reason


@EACH
async def test_a_url_without_a_host_is_not_the_services_fault(prober: Prober, tried: Tried) -> None:
    """What cannot be asked is UNKNOWN, never DOWN."""
    result = await probe(prober, tried, "")
    assert result.health is Health.UNKNOWN


def silence(tried: Tried) -> str:
    """The reason of a server that holds the connection and says nothing."""
    return f"{tried.silence} within {tried.deadline:g} s"


@SPEAKING
async def test_a_silent_server_is_told_from_a_black_hole(prober: Prober, tried: Tried) -> None:
    """It accepts and says nothing: the reason says both."""
    with faults.silent() as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (tried.unreached, silence(tried))
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
    assert result.health is tried.unreached


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
    assert result.health is tried.unreached
    assert "answers, but" in result.reason
    assert not result.unreachable


@SPEAKING
async def test_a_reset_reads_reset(prober: Prober, tried: Tried) -> None:
    """A TCP reset instead of an answer."""
    with faults.scripted(faults.resets) as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (tried.unreached, "connection reset")


@SPEAKING
async def test_hanging_up_is_no_answer(prober: Prober, tried: Tried) -> None:
    """A polite farewell instead of an answer."""
    with faults.scripted(faults.closes) as address:
        result = await ask(prober, tried, address)
    assert (result.health, result.reason) == (tried.unreached, tried.farewell)


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
        assert (result.health, result.reason) == (tried.unreached, silence(tried))
    server.resume()
    await comes_back(prober, tried, server.address)


@EACH
async def test_a_killed_server_is_refused_and_comes_back(prober: Prober, tried: Tried, start: Start) -> None:
    """A kept connection of a process that died is no excuse: refused while dead, well when restarted."""
    server = start(tried.server)
    assert (await ask(prober, tried, server.address)).health is Health.UP
    server.kill()
    result = await ask(prober, tried, server.address)
    assert (result.health, result.reason) == (tried.unreached, "connection refused")
    server.restart()
    await comes_back(prober, tried, server.address)


async def comes_back(prober: Prober, tried: Tried, address: str) -> None:
    """UP within a few looks: a process that was stopped may need a moment."""
    for _ in range(tried.wakes):
        result = await ask(prober, tried, address)
        if result.health is Health.UP:
            return
    raise AssertionError(result)


@ANSWERING
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
    with faults.scripted(faults.over_tls(files, faults.closes, before=tried.before_tls)) as address:
        result = await probe(prober, tried, tried.tls.format(address), ca=str(ca.path) if known else None)
    assert (result.health, result.reason) == (tried.unreached, reason)
    assert not result.unreachable


@TLS
async def test_tls_is_spoken_with_a_good_certificate(prober: Prober, tried: Tried, tmp_path: Path) -> None:
    """With its CA given, or verification switched off, the handshake succeeds and the protocol is reached."""
    assert tried.tls
    ca = faults.authority(tmp_path)
    with faults.scripted(faults.over_tls(ca.server(), faults.closes, before=tried.before_tls)) as address:
        for keys in ({"ca": str(ca.path)}, {"verify": False}):
            result = await probe(prober, tried, tried.tls.format(address), **keys)
            assert result.reason == "closed the connection without an answer"


@TLS
async def test_a_port_without_tls_says_so(prober: Prober, tried: Tried) -> None:
    """TLS spoken to a plain text server."""
    assert tried.tls
    with faults.scripted(faults.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        result = await probe(prober, tried, tried.tls.format(address))
    assert (result.health, result.reason) == (tried.unreached, "answers, but does not speak TLS")


@TLS
async def test_a_handshake_that_never_ends_ends_at_the_deadline(prober: Prober, tried: Tried) -> None:
    """A silent TLS server is told from one that cannot be connected to."""
    assert tried.tls
    with faults.silent() as address:
        result = await probe(prober, tried, tried.tls.format(address))
    assert (result.health, result.reason) == (
        tried.unreached,
        f"connected, but TLS is not ready within {tried.deadline:g} s",
    )


@TLS
async def test_a_missing_ca_file_is_not_the_services_fault(
    prober: Prober, tried: Tried, tmp_path: Path
) -> None:
    """A configuration that cannot work is UNKNOWN and names the file."""
    assert tried.tls
    with faults.silent() as address:
        url = tried.tls.format(address)
        result = await probe(prober, tried, url, ca=str(tmp_path / "no.crt"))
    assert result.health is Health.UNKNOWN
    assert "no.crt" in result.reason or "CA" in result.reason


REFUSING = pytest.mark.parametrize(
    "tried", [t for t in KINDS_TRIED if t.refusing], ids=lambda tried: tried.name
)
CROWDED = pytest.mark.parametrize(
    "tried", [t for t in KINDS_TRIED if t.crowded], ids=lambda tried: tried.name
)


@REFUSING
async def test_bad_credentials_are_called_that(prober: Prober, tried: Tried, start: Start) -> None:
    """A server that refuses who asks is told from one that is broken."""
    found: list[Refusing] = []

    def make(folder: Path) -> Server:
        assert tried.refusing
        found.append(tried.refusing(folder))
        return found[0].server

    server = start(make)
    result = await ask(prober, tried, server.address, **found[0].wrong)
    assert result.health is tried.unreached
    assert found[0].reason in result.reason
    assert not result.unreachable


@CROWDED
async def test_a_server_without_a_free_connection_says_so(prober: Prober, tried: Tried, start: Start) -> None:
    """Too many connections are named, not mistaken for a server that is gone."""
    with contextlib.ExitStack() as stack:

        def make(folder: Path) -> Server:
            assert tried.crowded
            return stack.enter_context(tried.crowded(folder))

        result = await ask(prober, tried, start(make).address)
    assert result.health is tried.unreached
    assert tried.full in result.reason
    assert not result.unreachable


@STREAMING
async def test_cancelling_leaves_at_once(prober: Prober, tried: Tried) -> None:
    """Whoever quits does not wait for a server that hangs."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(faults.silent() if tried.speaks else faults.black_hole())
        service = Service("it", tried.kind, url=tried.url.format(address), **tried.keys)  # type: ignore[arg-type]
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


LOCAL = pytest.mark.parametrize("local", LOCALS_TRIED, ids=lambda local: local.kind)


@pytest.fixture
async def here(local: Local) -> AsyncIterator[Prober]:
    """A prober whose store has a report of "it", and never answers for "hung"."""

    async def beats(id_: str) -> Beat | None:
        if id_ == "hung":
            await asyncio.get_running_loop().create_future()
        return Beat(datetime.now(UTC))

    made = Prober(lambda: datetime.now(UTC), lambda ref: "", beats=beats)
    await made.load(local.kind)
    yield made
    made.close()


def service_of(local: Local, keys: Mapping[str, object]) -> Service:
    """A service of the kind."""
    return Service(**{"id": "it", "kind": local.kind, **keys})  # type: ignore[arg-type]


@LOCAL
async def test_what_needs_no_network_is_up_and_its_latency_known(here: Prober, local: Local) -> None:
    """Asked twice, it is UP with a latency, without an address."""
    for _ in range(2):
        result = await here(service_of(local, local.well), 5.0)
        assert result.health is Health.UP, result
        assert result.latency is not None


@LOCAL
async def test_what_hangs_here_ends_at_the_deadline(here: Prober, local: Local) -> None:
    """Whatever is waited for, the deadline holds, and nothing of it stays open."""
    service = service_of(local, local.hung)
    await here(service, 0.2)
    before = _descriptors()
    started = time.monotonic()
    for _ in range(3):
        result = await here(service, 0.2)
        assert result.health is not Health.UP
        assert "within 0.2 s" in result.reason
    assert time.monotonic() - started < 0.6 + SLACK
    for _ in range(250):  # a process that was killed gives its last sign in a thread
        if _descriptors() <= before:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{_descriptors()} descriptors, {before} before")


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@LOCAL
async def test_cancelling_what_hangs_here_leaves_at_once(here: Prober, local: Local) -> None:
    """Whoever quits does not wait for it."""
    task = asyncio.create_task(here(service_of(local, local.hung), 30.0))
    await asyncio.sleep(0.3)
    task.cancel()
    started = time.monotonic()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert time.monotonic() - started < 0.2
