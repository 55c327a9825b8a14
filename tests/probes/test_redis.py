"""Redis as it really answers: roles, passwords, loading, replicas, Redis over TLS."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import redis_servers, servers
from controlroom.lab.ports import reserved
from controlroom.probes.prober import Prober
from controlroom.probes.redis_node import SECTIONS
from tests import faults
from tests.conftest import Start

SECRETS = {"RIGHT": "correct horse", "WRONG": "battery staple"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")


async def ask(prober: Prober, url: str, **keys: object) -> ProbeResult:
    """One probe; no password may be in what it says."""
    result = await prober(Service("it", "redis", url=url, **keys), 2.0)  # type: ignore[arg-type]
    assert not any(secret in str(result) for secret in SECRETS.values())
    return result


async def test_facts_of_a_master(prober: Prober, start: Start) -> None:
    """Role, version, clients and memory, and nothing of what is stored."""
    server = start(servers.redis)
    result = await ask(prober, server.address)
    assert (result.health, result.reason) == (Health.UP, "PONG")
    assert result.detail["role"] == "master"
    assert result.detail["version"][0].isdigit()
    assert set(result.detail) <= {"role", "version", "clients", "memory", "replicas"}
    assert list(result.detail)[:2] == ["role", "memory"]


async def test_one_connection_is_kept(prober: Prober, start: Start) -> None:
    """Ten probes leave one client, and the room does not appear as more."""
    server = start(servers.redis)
    service = Service("it", "redis", url=server.address)
    for _ in range(10):
        result = await prober(service, 2.0)
    assert result.detail["clients"] == "1"


async def test_a_connection_that_ends_while_it_is_asked(prober: Prober) -> None:
    """A server may give up an idle connection just then: another one is opened, and nobody is told."""
    connections: list[socket.socket] = []

    def answers_once(plug: socket.socket) -> None:
        connections.append(plug)
        plug.recv(65_536)
        plug.sendall(b"+PONG\r\n" + b"$-1\r\n" * 6)
        plug.recv(65_536)

    with faults.scripted(answers_once) as address:
        service = Service("it", "redis", url=address)
        for count in (1, 2, 3):
            result = await prober(service, 2.0)
            assert (result.health, result.reason, len(connections)) == (Health.UP, "PONG", count)


@pytest.mark.parametrize(
    ("keys", "health", "reason"),
    [
        ({}, Health.DOWN, "asks for a password (NOAUTH)"),
        ({"password": WRONG}, Health.DOWN, "user name or password refused (WRONGPASS)"),
        ({"password": RIGHT, "username": "nobody"}, Health.DOWN, "user name or password refused (WRONGPASS)"),
        ({"password": RIGHT}, Health.UP, "PONG"),
    ],
)
async def test_passwords(
    prober: Prober, start: Start, keys: dict[str, object], health: Health, reason: str
) -> None:
    """A missing and a wrong password are two different things to mend."""
    server = start(lambda folder: servers.redis(folder, "--requirepass", SECRETS["RIGHT"]))
    result = await ask(prober, f"redis://{server.address}/0", **keys)
    assert (result.health, result.reason) == (health, reason)


async def test_a_password_in_the_url_works_and_is_not_shown(prober: Prober, start: Start) -> None:
    """Credentials of the url are used, decoded."""
    server = start(lambda folder: servers.redis(folder, "--requirepass", SECRETS["RIGHT"]))
    right = await ask(prober, f"redis://:correct%20horse@{server.address}")
    wrong = await ask(prober, f"redis://:battery%20staple@{server.address}")
    assert right.health is Health.UP
    assert (wrong.health, wrong.reason) == (Health.DOWN, "user name or password refused (WRONGPASS)")


async def test_a_password_nobody_asked_for(prober: Prober, start: Start) -> None:
    """Redis refuses AUTH when it has no password: UNKNOWN, for it is this side that is to be mended."""
    server = start(servers.redis)
    result = await ask(prober, server.address, password=RIGHT)
    assert (result.health, result.reason) == (Health.UNKNOWN, "has no password, but one was sent")


async def test_a_user_with_few_rights_is_enough(prober: Prober, start: Start) -> None:
    """PING alone says UP; without INFO there are just no facts. Even PING may be forbidden."""

    def make(folder: Path) -> servers.Server:
        folder.mkdir()
        (folder / "users.acl").write_text(
            "user default off\nuser pinger on nopass +ping\nuser mute on nopass -@all\n", encoding="utf-8"
        )
        return servers.redis(folder, "--aclfile", str(folder / "users.acl"))

    server = start(make)
    pinger = await ask(prober, f"redis://pinger:x@{server.address}")
    mute = await ask(prober, f"redis://mute:x@{server.address}")
    assert (pinger.health, pinger.reason, pinger.detail) == (Health.UP, "PONG", {})
    assert (mute.health, mute.reason) == (Health.UP, "answers, but this user may not PING")


@pytest.mark.parametrize(
    ("reply", "health", "reason"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", Health.DEGRADED, "loading its data"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", Health.DEGRADED, "replica without its master"),
        (b"-ERR max number of clients reached\r\n", Health.DOWN, "refuses: too many clients"),
        (b"-DENIED Redis is running in protected mode\r\n", Health.DOWN, "refuses: protected mode"),
        (b"-ERR operation not permitted\r\n", Health.DOWN, "asks for a password (NOAUTH)"),
        (b"-ERR something \x1b[31mnew\r\n", Health.DOWN, "refuses: "),
        (b"+OK\r\n", Health.DOWN, "answers, but is not Redis"),
        (b":1\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"$-1\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"*1\r\n" * 9000 + b":1\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"*0\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"$3\r\nPON", Health.DOWN, "answers, but is not Redis"),
        (b"\x15\x03\x03\x00\x02\x02\x50", Health.DOWN, "speaks TLS: write rediss:// instead"),
        (b"+PONG\r\n$9999999\r\n", Health.DOWN, "answers with more than 1024 KiB"),
        (b"$abc\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"+PONG\n", Health.DOWN, "answers, but is not Redis"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Health.DOWN, "answers, but is not Redis"),
    ],
)
async def test_other_replies(prober: Prober, reply: bytes, health: Health, reason: str) -> None:
    """What else may be at the port, and what Redis says when it will not serve."""
    with faults.scripted(faults.says(reply * 9)) as address:
        result = await ask(prober, address)
    assert result.health is health
    assert result.reason.startswith(reason)
    assert "\x1b" not in result.reason


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"+PONG\r\n", "answers, but is not Redis"),
        (b"*1\r\n" * 9000 + b":1\r\n", "answers, but is not Redis"),
        (b"$abc\r\n", "answers, but is not Redis"),
        (b"+OK\r\n$9999999\r\n", "answers with more than 1024 KiB"),
        (b"+OK\r\n-ERR DB index is out of range\r\n", "refuses: DB index is out of range"),
        (b"-ERR max number of clients reached\r\n", "refuses: too many clients"),
        (b"+O", "closed the connection in the middle of its answer"),
        (b"", "closed the connection without an answer"),
    ],
)
async def test_other_replies_to_a_login(prober: Prober, reply: bytes, reason: str) -> None:
    """What a stranger says to AUTH and SELECT is no wrong password, and no crash either."""
    with faults.scripted(faults.says(reply)) as address:
        result = await ask(prober, f"redis://{address}/7", password=RIGHT)
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_only_what_is_needed_is_sent(prober: Prober, start: Start) -> None:
    """A new connection logs in and chooses its database; what follows is PING and INFO, and nothing else."""
    server = start(servers.redis)
    redis_servers.ask(server.port, "CONFIG", "RESETSTAT")
    service = Service("it", "redis", url=f"redis://default:any@{server.address}/7")
    for _ in range(3):
        assert (await prober(service, 2.0)).health is Health.UP
    said = redis_servers.ask(server.port, "INFO", "commandstats")
    calls = {name: int(count) for name, count in re.findall(r"cmdstat_(\S+?):calls=(\d+)", said)}
    assert calls == {"config|resetstat": 1, "auth": 1, "select": 1, "ping": 3, "info": 3 * len(SECTIONS) + 1}
    assert "errorstat_" not in redis_servers.ask(server.port, "INFO", "errorstats")


@pytest.mark.parametrize(
    "url",
    [
        *("redis://h/first", "http://h:1", "redis://h:x", "redis://", "redis://a,b", "redis://h/1/2"),
        *("redis+sentinel://h", "redis+sentinel://h:1,/board", "redis+cluster://a,b:x"),
    ],
)
async def test_urls_that_cannot_be_asked(prober: Prober, url: str) -> None:
    """UNKNOWN: nothing is wrong with the service."""
    assert (await ask(prober, url)).health is Health.UNKNOWN


async def test_a_real_redis_over_tls(prober: Prober, start: Start, tmp_path: Path) -> None:
    """`rediss://` with the right CA is UP, twice over one connection; with another CA it is described."""
    ca = faults.authority(tmp_path / "ca")
    certificate, key = ca.server()
    with reserved() as port:
        options = {
            "--tls-port": str(port),
            "--tls-cert-file": str(certificate),
            "--tls-key-file": str(key),
            "--tls-ca-cert-file": str(ca.path),
            "--tls-auth-clients": "no",
        }
        start(lambda folder: servers.redis(folder, *(word for pair in options.items() for word in pair)))
        url = f"rediss://127.0.0.1:{port}"
        good = Service("it", "redis", url=url, ca=str(ca.path))
        for _ in range(2):
            assert (await prober(good, 2.0)).health is Health.UP
        bad = await ask(prober, url)
        assert (bad.health, bad.reason) == (Health.DOWN, "certificate of an unknown CA")


async def test_a_redis_that_wants_a_certificate(prober: Prober, start: Start, tmp_path: Path) -> None:
    """With one it is UP. Without, TLS 1.3 tells it after the handshake, and the reset may be quicker."""
    ca = faults.authority(tmp_path / "ca")
    certificate, key = ca.server()
    strict = ("--tls-auth-clients", "yes")
    server = start(lambda folder: redis_servers.over_tls(folder, certificate, key, ca.path, *strict))
    url = f"rediss://{server.address}"
    without = await ask(prober, url, ca=str(ca.path))
    shown = await ask(prober, url, ca=str(ca.path), cert=str(certificate), key=str(key))
    assert without.health is Health.DOWN
    assert without.reason in ("asks for a client certificate", "connection reset")
    assert (shown.health, shown.reason) == (Health.UP, "PONG")
    assert not without.unreachable


async def test_many_at_once_share_the_loading_of_the_library(prober: Prober, start: Start) -> None:
    """The first probes of a kind wait for its library together."""
    server = start(servers.redis)
    found = await asyncio.gather(
        *(prober(Service(str(n), "redis", url=server.address), 2.0) for n in range(20))
    )
    assert {result.health for result in found} == {Health.UP}
