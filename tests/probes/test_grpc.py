"""gRPC servers as they really answer: healthy, not, refusing, overloaded, going away, or something else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.domain.asks import GrpcAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.lab.servers import Server
from controlroom.probes.dial import Stage, dial
from controlroom.probes.grpc import GrpcProbe
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.grpc_server import grpc_server
from tests.probes.web_servers import nginx

SECRETS = {"RIGHT": "correct-horse", "WRONG": "battery-staple"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")


async def ask(prober: Prober, url: str, name: str = "", **keys: object) -> ProbeResult:
    """One probe; no token may be in what it says."""
    asks = GrpcAsks(name) if name else None
    result = await prober(Service("it", "grpc", url=url, grpc=asks, **keys), 2.0)  # type: ignore[arg-type]
    assert not any(secret in str(result) for secret in SECRETS.values())
    return result


def serving(*options: str) -> Callable[[Path], Server]:
    return lambda folder: grpc_server(folder, *options)


async def test_a_server_says_how_it_is(prober: Prober, start: Start) -> None:
    """SERVING is UP, with what was said to be read."""
    result = await ask(prober, start(grpc_server).address)
    assert (result.health, result.reason) == (Health.UP, "serving")
    assert (result.detail, result.raw) == ({"status": "SERVING"}, "status: SERVING")


@pytest.mark.parametrize(
    ("state", "health", "reason"),
    [
        ("NOT_SERVING", Health.DOWN, "not serving"),
        ("UNKNOWN", Health.DEGRADED, "does not know how it is (UNKNOWN)"),
        ("SERVICE_UNKNOWN", Health.DOWN, "says nothing of the server as a whole (NOT_FOUND)"),
    ],
)
async def test_a_server_that_is_not_well_says_so(
    prober: Prober, start: Start, state: str, health: Health, reason: str
) -> None:
    """Each state of the health protocol has its own words."""
    result = await ask(prober, start(serving("--state", state)).address)
    assert (result.health, result.reason) == (health, reason)


async def test_a_service_within_the_server_is_judged_by_its_own_state(prober: Prober, start: Start) -> None:
    """`grpc.service` is what counts, and what the words name; one that is not there is named, too."""
    server = start(serving("--service", "shop.Orders", "SERVING", "--service", "shop.Mail", "NOT_SERVING"))
    orders = await ask(prober, server.address, "shop.Orders")
    mail = await ask(prober, server.address, "shop.Mail")
    nobody = await ask(prober, server.address, "shop.Nobody")
    assert (orders.health, orders.reason) == (Health.UP, "shop.Orders is serving")
    assert orders.detail == {"status": "SERVING", "service": "shop.Orders"}
    assert (mail.health, mail.reason) == (Health.DOWN, "shop.Mail is not serving")
    assert (nobody.health, nobody.reason) == (Health.DOWN, "knows no service shop.Nobody")


async def test_a_server_without_the_health_service_is_alive(prober: Prober, start: Start) -> None:
    """It speaks gRPC, which is more than nothing and less than UP."""
    result = await ask(prober, start(serving("--no-health")).address)
    assert (result.health, result.reason) == (Health.DEGRADED, "speaks gRPC, but has no health service")
    assert result.raw.startswith("grpc-status: 12 UNIMPLEMENTED")


@pytest.mark.parametrize(
    ("keys", "health", "reason"),
    [
        ({}, Health.DOWN, "asks for credentials (UNAUTHENTICATED): who is it?"),
        ({"token": WRONG}, Health.DOWN, "credentials refused (UNAUTHENTICATED): who is Bearer"),
        ({"token": RIGHT}, Health.UP, "serving"),
        ({"headers": {"Authorization": "Bearer correct-horse"}}, Health.UP, "serving"),
    ],
    ids=["none", "wrong", "right", "as a header"],
)
async def test_tokens(
    prober: Prober, start: Start, keys: dict[str, object], health: Health, reason: str
) -> None:
    """A missing and a wrong token are two things to mend, and what the server repeats of it is hidden."""
    server = start(serving("--token", SECRETS["RIGHT"]))
    result = await ask(prober, server.address, **keys)  # type: ignore[arg-type]
    assert result.health is health
    assert result.reason.startswith(reason)


async def test_a_token_that_is_refused_is_fetched_anew(prober: Prober, start: Start) -> None:
    """A refusal says that the token may have been changed, and the next look shows the new one."""
    given = iter(["old", "new"])
    forgotten: list[SecretRef] = []

    async def secret(_: SecretRef) -> str:
        return next(given)

    service = Service("it", "grpc", url=start(serving("--token", "new")).address, token=RIGHT)
    context = replace(prober.context(2.0), secret=secret, forget=forgotten.append)
    probe = GrpcProbe()
    with pytest.raises(Trouble, match="credentials refused"):
        await probe(service, context)
    assert forgotten == [RIGHT]
    assert (await probe(service, context)).health is Health.UP
    probe.close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UNAVAILABLE", "unavailable: the database is ünwell, 100%"),
        ("PERMISSION_DENIED", "refuses: not allowed (PERMISSION_DENIED): the database is ünwell, 100%"),
        ("RESOURCE_EXHAUSTED", "overloaded, or a quota is used up (RESOURCE_EXHAUSTED): the database"),
        ("DEADLINE_EXCEEDED", "did not finish in time by its own clock (DEADLINE_EXCEEDED): the database"),
        ("INTERNAL", "answers INTERNAL: the database is ünwell, 100%"),
    ],
)
async def test_a_failing_server_is_quoted(prober: Prober, start: Start, code: str, reason: str) -> None:
    """Status codes in plain words, with the server's own, which travel percent-encoded."""
    result = await ask(prober, start(serving("--fails", code, "the database is ünwell, 100%")).address)
    assert result.health is Health.DOWN
    assert result.reason.startswith(reason)
    assert result.raw.endswith("grpc-message: the database is ünwell, 100%")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"grpc-timeout": "1S"}, "header grpc-timeout is gRPC's own, not to be set"),
        ({"TE": "gzip"}, "header te is gRPC's own, not to be set"),
        ({"x y": "1"}, "not a header name of gRPC: x y"),
        ({"x-name": "grün"}, "the value of header x-name is not plain ASCII"),
        ({"x-name": "a\r\nb: c"}, "the value of header x-name is not plain ASCII"),
    ],
)
async def test_headers_that_cannot_be_sent_are_not_the_services_fault(
    prober: Prober, headers: dict[str, str], reason: str
) -> None:
    """What cannot be asked is UNKNOWN and says which header it is."""
    with faults.silent() as address:
        result = await ask(prober, address, headers=headers)
    assert (result.health, result.reason) == (Health.UNKNOWN, reason)


async def test_one_connection_is_kept(prober: Prober, start: Start) -> None:
    """Ten looks leave one connection open here, whatever the server does with its own."""
    service = Service("it", "grpc", url=start(grpc_server).address)
    await prober(service, 2.0)
    before = sockets()
    for _ in range(10):
        assert (await prober(service, 2.0)).health is Health.UP
    assert sockets() == before


async def test_looks_at_the_same_time_do_not_disturb_one_another(prober: Prober, start: Start) -> None:
    """Ten looks at once at one service are ten answers, and leave one connection."""
    service = Service("it", "grpc", url=start(grpc_server).address)
    await prober(service, 2.0)
    before = sockets()
    results = await asyncio.gather(*(prober(service, 2.0) for _ in range(10)))
    assert {result.health for result in results} == {Health.UP}
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sockets() == before


async def test_a_service_whose_address_changed_is_asked_at_the_new_one(prober: Prober, start: Start) -> None:
    """The kept connection belongs to the configuration it was made for."""
    first, second = start(grpc_server), start(serving("--state", "NOT_SERVING"))
    assert (await ask(prober, first.address)).health is Health.UP
    assert (await ask(prober, second.address)).health is Health.DOWN


async def test_a_server_that_sends_connections_away_is_simply_up(prober: Prober, start: Start) -> None:
    """A connection that ends by GOAWAY, as behind many a load balancer, is made anew within the look."""
    service = Service("it", "grpc", url=start(serving("--age", "50")).address)
    for _ in range(40):
        result = await prober(service, 2.0)
        assert (result.health, result.reason) == (Health.UP, "serving")
        await asyncio.sleep(0.02)


async def test_a_graceful_stop_reads_refused_and_a_new_server_is_up(prober: Prober, start: Start) -> None:
    """SIGTERM says farewell on the kept connection; the next look finds the port closed, then open."""
    server = start(grpc_server)
    assert (await ask(prober, server.address)).health is Health.UP
    server.process.terminate()
    server.process.wait(10)
    result = await ask(prober, server.address)
    assert (result.health, result.reason) == (Health.DOWN, "connection refused")
    server.restart()
    assert (await ask(prober, server.address)).health is Health.UP


async def test_tls_with_a_client_certificate(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A server that wants a certificate gets the configured one, and is UP only with it."""
    ca = faults.authority(tmp_path)
    certificate, key = ca.server()
    mine, my_key = ca.server("client.test")
    server = start(serving("--tls", str(certificate), str(key), "--client-ca", str(ca.path)))
    url = f"grpcs://{server.address}"
    shown = await ask(prober, url, ca=str(ca.path), cert=str(mine), key=str(my_key))
    hidden = await ask(prober, url, ca=str(ca.path))
    assert (shown.health, shown.reason) == (Health.UP, "serving")
    assert hidden.health is Health.DOWN
    assert hidden.reason in ("asks for a client certificate", "closed the connection without an answer")


async def test_tls_spoken_to_without_it(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A TLS port asked in plain text is no riddle where it answers with TLS' own alarm."""
    files = faults.authority(tmp_path).server()
    server = start(lambda folder: tls_nginx(folder, files, ""))
    result = await ask(prober, server.address)
    assert result.health is Health.DOWN
    assert result.reason.startswith("answers, but not HTTP/2: HTTP/1.1 400 Bad Request")
    with faults.scripted(faults.says(b"\x15\x03\x03\x00\x02\x02\x46")) as address:
        assert (await ask(prober, address)).reason == "speaks TLS: write grpcs://"


async def test_a_web_server_is_recognised(prober: Prober, start: Start) -> None:
    """HTTP/1 at the port is named by its own first line."""
    result = await ask(prober, start(servers.node_exporter).address)
    assert result.health is Health.DOWN
    assert result.reason.startswith("answers, but not HTTP/2: HTTP/1.1 ")


def tls_nginx(folder: Path, files: tuple[Path, Path], listen: str, inside: str = "return 404;") -> Server:
    """nginx that speaks TLS with certificate and key `files`."""
    certificate, key = files
    tls = f"ssl_certificate {certificate}; ssl_certificate_key {key}; location / {{ {inside} }}"
    return nginx(folder, tls, listen=f" ssl{listen}")


async def test_http2_that_is_not_grpc_is_named(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A web server that speaks HTTP/2 is not mistaken for one that refuses."""
    ca = faults.authority(tmp_path)
    server = start(lambda folder: tls_nginx(folder, ca.server(), " http2"))
    result = await ask(prober, f"grpcs://{server.address}", ca=str(ca.path))
    assert (result.health, result.reason) == (
        Health.DOWN,
        "answers HTTP 404 (text/html), which is not gRPC",
    )


async def test_tls_without_http2_is_named(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A TLS server that cannot agree on HTTP/2 says so in the handshake."""
    ca = faults.authority(tmp_path)
    server = start(lambda folder: tls_nginx(folder, ca.server(), ""))
    result = await ask(prober, f"grpcs://{server.address}", ca=str(ca.path))
    assert (result.health, result.reason) == (Health.DOWN, "speaks TLS, but not HTTP/2")


async def test_a_proxy_without_its_server_is_told_apart(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Behind nginx, a server that is there is UP; one that is gone is the proxy's 502."""
    ca = faults.authority(tmp_path)
    behind = start(grpc_server)
    server = start(
        lambda folder: tls_nginx(folder, ca.server(), " http2", f"grpc_pass grpc://{behind.address};")
    )
    url = f"grpcs://{server.address}"
    assert (await ask(prober, url, ca=str(ca.path))).health is Health.UP
    behind.kill()
    result = await ask(prober, url, ca=str(ca.path))
    assert result.reason == "answers HTTP 502 (text/html), which is not gRPC"


async def test_small_writes_are_not_held_back(prober: Prober, start: Start) -> None:
    """Nagle's algorithm is off on what `dial` opens: two writes in a row would cost 40 ms."""
    host, _, port = start(grpc_server).address.partition(":")
    context = prober.context(2.0)
    transport, _ = await dial(
        asyncio.Protocol, host, int(port), names=context.names, stage=Stage(), within=2.0
    )
    assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.abort()


def sockets() -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except OSError:
            continue
    return found
