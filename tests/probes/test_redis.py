"""Redis as it really answers: roles, passwords, loading, replicas, Redis over TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.lab.ports import reserved
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start

SECRETS = {"RIGHT": "correct horse", "WRONG": "battery staple"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober with a right and a wrong password."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: SECRETS[ref.env or ""])
    yield made
    made.close()


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


async def test_one_connection_is_kept(prober: Prober, start: Start) -> None:
    """Ten probes leave one client, and the room does not appear as more."""
    server = start(servers.redis)
    service = Service("it", "redis", url=server.address)
    for _ in range(10):
        result = await prober(service, 2.0)
    assert result.detail["clients"] == "1"


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
    """Redis refuses AUTH when it has no password; the reason says which side to mend."""
    server = start(servers.redis)
    result = await ask(prober, server.address, password=RIGHT)
    assert (result.health, result.reason) == (Health.DOWN, "has no password, but one was sent")


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


async def test_a_replica_without_its_master_is_degraded(prober: Prober, start: Start) -> None:
    """The role and the broken link are named; a replica that refuses old data says so."""
    with faults.refused() as nobody:
        host, _, port = nobody.partition(":")
        serving = start(lambda folder: servers.redis(folder, "--replicaof", host, port))
        result = await ask(prober, serving.address)
        assert (result.health, result.reason) == (Health.DEGRADED, "replica, its link to the master is down")
        assert result.detail["role"] == "replica"


async def test_loading_is_degraded_not_down(prober: Prober) -> None:
    """While Redis reads its data it answers LOADING to everything."""
    loading = b"-LOADING Redis is loading the dataset in memory\r\n" * 5
    with faults.scripted(faults.says(loading)) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.DEGRADED, "loading its data into memory")


@pytest.mark.parametrize(
    ("reply", "health", "reason"),
    [
        (b"-MASTERDOWN Link with MASTER is down\r\n", Health.DEGRADED, "replica without its master"),
        (b"-ERR max number of clients reached\r\n", Health.DOWN, "refuses: too many clients"),
        (b"-DENIED Redis is running in protected mode\r\n", Health.DOWN, "refuses: protected mode"),
        (b"-ERR something \x1b[31mnew\r\n", Health.DOWN, "refuses: "),
        (b"+OK\r\n", Health.DOWN, "answers, but is not Redis"),
        (b":1\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"$-1\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"$abc\r\n", Health.DOWN, "answers, but is not Redis"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Health.DOWN, "answers, but is not Redis"),
    ],
)
async def test_other_replies(prober: Prober, reply: bytes, health: Health, reason: str) -> None:
    """What else may be at the port, and what Redis says when it will not serve."""
    with faults.scripted(faults.says(reply * 5)) as address:
        result = await ask(prober, address)
    assert result.health is health
    assert result.reason.startswith(reason)
    assert "\x1b" not in result.reason


@pytest.mark.parametrize("url", ["redis://h/first", "http://h:1", "redis://h:x", "redis://"])
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


async def test_many_at_once_share_the_loading_of_the_library(prober: Prober, start: Start) -> None:
    """The first probes of a kind wait for its library together."""
    server = start(servers.redis)
    found = await asyncio.gather(
        *(prober(Service(str(n), "redis", url=server.address), 2.0) for n in range(20))
    )
    assert {result.health for result in found} == {Health.UP}
