"""A session that is kept has its end: what a PostgreSQL does to newcomers is noticed, and it may stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import postgres
from controlroom.probes.port import Context, Trouble
from controlroom.probes.postgres import PostgresProbe
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start

PATIENCE = 15.0
"""Seconds until something that must happen has happened, on a busy machine."""

KEPT_FOR = 0.5
"""Seconds a session is kept here, twice as long at most."""

PASSWORD = SecretRef(env="IT")


@pytest.fixture
async def context() -> AsyncIterator[Context]:
    """What a probe may use for two seconds; the password is the first one."""
    prober = Prober(lambda: datetime.now(UTC), lambda ref: "first")
    yield prober.context(2.0)
    prober.close()


@pytest.fixture
async def probe() -> AsyncIterator[PostgresProbe]:
    """A probe whose sessions are soon over."""
    made = PostgresProbe(KEPT_FOR)
    yield made
    made.close()


def running(start: Start, tls: tuple[Path, Path] | None = None) -> postgres.Postgres:
    """A server with a user `room`."""
    server = start(lambda folder: postgres.postgres(folder, users={"room": "first"}, tls=tls))
    assert isinstance(server, postgres.Postgres)
    return server


def service(server: postgres.Postgres) -> Service:
    """The server as a service that `room` asks."""
    return Service("it", "postgres", url=f"postgres://room@{server.address}/postgres", password=PASSWORD)


async def refusal(probe: PostgresProbe, asked: Service, context: Context) -> Trouble:
    """Ask until it fails."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        try:
            await probe(asked, context)
        except Trouble as trouble:
            return trouble
        await asyncio.sleep(0.05)
    raise AssertionError("it is UP for ever")


async def until(true: Callable[[], bool]) -> None:
    """Return when something is true; nobody asks the server anything meanwhile."""
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)


async def test_a_server_that_waits_for_its_sessions_is_down(
    probe: PostgresProbe, start: Start, context: Context
) -> None:
    """A session from before the shutdown is still answered; that newcomers are refused is what counts."""
    server = running(start)
    asked = service(server)
    with postgres.occupied(server, 1):
        await probe(asked, context)
        server.process.terminate()
        trouble = await refusal(probe, asked, context)
        assert (trouble.health, trouble.reason) == (Health.DOWN, "shutting down")
        assert server.process.poll() is None


async def test_a_shutdown_does_not_wait_for_us(probe: PostgresProbe, start: Start, context: Context) -> None:
    """The session ends in time, even without another look: nothing else keeps the server running."""
    server = running(start)
    await probe(service(server), context)
    server.process.terminate()
    await until(lambda: server.process.poll() is not None)


async def test_a_shutdown_between_many_looks_comes_to_its_end(
    probe: PostgresProbe, start: Start, context: Context
) -> None:
    """Looks that follow each other closely hold a session no longer than those that do not."""
    server = running(start)
    asked = service(server)
    await probe(asked, context)
    server.process.terminate()
    trouble = await refusal(probe, asked, context)
    assert trouble.health is Health.DOWN
    await until(lambda: server.process.poll() is not None)


async def test_a_changed_password_is_noticed(probe: PostgresProbe, start: Start, context: Context) -> None:
    """Whoever logs in anew is refused, so it is said, and the new one is asked for and then used."""
    server = running(start)
    asked = service(server)
    words, forgotten = ["first"], list[SecretRef]()

    async def secret(ref: SecretRef) -> str:
        return words[-1]

    context = replace(context, secret=secret, forget=forgotten.append)
    await probe(asked, context)
    server.sql("ALTER ROLE room PASSWORD 'second'")
    trouble = await refusal(probe, asked, context)
    assert trouble.reason == "user name or password refused (28P01)"
    assert forgotten == [PASSWORD]
    words.append("second")
    assert (await probe(asked, context)).health is Health.UP


async def test_a_session_in_use_is_not_ended(start: Start, context: Context) -> None:
    """Its time may be over before its answer is there: the answer counts, and it is the last."""
    server = running(start)
    probe = PostgresProbe(0.0)
    for _ in range(3):
        assert (await probe(service(server), context)).health is Health.UP
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'controlroom'"
    await until(lambda: server.sql(sessions) == "0")
    probe.close()


async def test_an_expired_certificate_is_noticed(
    probe: PostgresProbe, start: Start, context: Context, tmp_path: Path
) -> None:
    """The session from before is encrypted all the same; whoever connects is shown what is over."""
    ca = faults.authority(tmp_path / "ca")
    server = running(start, tls=ca.server())
    asked = replace(service(server), ca=str(ca.path))
    await probe(asked, context)
    for file, source in zip(("server.crt", "server.key"), ca.server(expired=True), strict=True):
        (server.data / file).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    server.sql("SELECT pg_reload_conf()")
    trouble = await refusal(probe, asked, context)
    assert (trouble.health, trouble.reason) == (Health.DOWN, "certificate has expired")


async def test_a_server_that_greets_nobody_is_noticed(
    probe: PostgresProbe, start: Start, context: Context
) -> None:
    """Only its postmaster hangs: the sessions it has are served, and nobody gets another."""
    server = running(start)
    asked = service(server)
    await probe(asked, context)
    server.process.send_signal(signal.SIGSTOP)
    trouble = await refusal(probe, asked, context)
    assert (trouble.health, trouble.reason) == (Health.DOWN, "connected, but no answer within 2 s")
