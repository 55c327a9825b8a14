"""PostgreSQL as it really answers: its facts, the configured statement, what the operator must know."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from controlroom.domain.asks import PostgresAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import postgres
from controlroom.lab.servers import Server
from controlroom.probes.postgres_facts import Facts, lag_of
from controlroom.probes.prober import Prober
from tests.conftest import Start

PATIENCE = 15.0
"""Seconds until something that must happen has happened, on a busy machine."""


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober without secrets."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "")
    yield made
    made.close()


Ask = Callable[..., "asyncio.Future[ProbeResult]"]


def running(start: Start, *settings: str, **keys: object) -> postgres.Postgres:
    """A server with `settings`."""
    server = start(lambda folder: postgres.postgres(folder, *settings, **keys))  # type: ignore[arg-type]
    assert isinstance(server, postgres.Postgres)
    return server


def following(start: Start, primary: postgres.Postgres) -> postgres.Postgres:
    """A replica of `primary`."""
    server = start(lambda folder: postgres.replica(folder, primary))
    assert isinstance(server, postgres.Postgres)
    return server


def service(server: Server, user: str = "postgres", password: str = "", **asks: object) -> Service:
    """The server as a service that is asked `asks`."""
    who = f"{user}:{password}" if password else user
    asked = PostgresAsks(**asks)  # type: ignore[arg-type]
    return Service("it", "postgres", url=f"postgres://{who}@{server.address}/postgres", postgres=asked)


async def until(prober: Prober, asked: Service, reason: str) -> ProbeResult:
    """Ask until the reason begins with `reason`."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        result = await prober(asked, 2.0)
        if result.reason.startswith(reason):
            return result
        await asyncio.sleep(0.05)
    raise AssertionError(result)


@asynccontextmanager
async def transaction(server: postgres.Postgres) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that stays open, with a statement in it that is nobody's business."""
    connection = await asyncpg.connect(f"postgres://postgres@{server.address}/postgres", ssl=False)
    try:
        await connection.execute("BEGIN; SELECT 'the secret of somebody'")
        yield connection
    finally:
        connection.terminate()


async def test_facts_of_a_primary(prober: Prober, start: Start) -> None:
    """Role and connections first, then replicas and version; the answer can be read as the server gave it."""
    server = running(start, "max_connections=20")
    result = await prober(service(server), 2.0)
    assert (result.health, result.reason) == (Health.UP, "answers")
    assert list(result.detail) == ["role", "connections", "replicas", "version"]
    assert result.detail["role"] == "primary"
    assert result.detail["connections"] == "1 of 17"
    assert result.detail["replicas"] == "none"
    assert result.detail["version"] == server.sql("SHOW server_version").partition(" ")[0]
    assert "max_connections: 20" in result.raw.splitlines()


@pytest.mark.filterwarnings("error::ResourceWarning")
async def test_one_session_is_kept(prober: Prober, start: Start) -> None:
    """Ten probes leave one session, which says whose it is, and a service that changed leaves no second."""
    server = running(start)
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'controlroom'"
    for asked in (service(server), service(server, lag=5.0)):
        for _ in range(10):
            assert (await prober(asked, 2.0)).health is Health.UP
    await asyncio.gather(*(prober(asked, 2.0) for _ in range(5)))
    gc.collect()  # a session that nobody ended would say so now
    give_up = time.monotonic() + PATIENCE
    while server.sql(count) != "1":
        assert time.monotonic() < give_up
    prober.close()
    while server.sql(count) != "0":
        assert time.monotonic() < give_up


async def test_a_session_that_was_ended_is_no_failure(prober: Prober, start: Start) -> None:
    """An administrator ends it between two looks: the next one opens another, within the same probe."""
    server = running(start)
    asked = service(server)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'controlroom'"
    for _ in range(3):
        assert (await prober(asked, 2.0)).health is Health.UP
        assert server.sql(end) == "t"
    assert (await prober(asked, 2.0)).health is Health.UP


@pytest.mark.parametrize(
    ("query", "health", "reason"),
    [
        ("SELECT count(*) FROM pg_class", Health.UP, "answers"),
        ("select 2 ; ", Health.UP, "answers"),
        ("SELECT 1 FROM x", Health.DOWN, '42P01 relation "x" does not exist'),
        ("SELECT 1/0", Health.DOWN, "22012 division by zero"),
        ("SELECT 'the secret'::int", Health.DOWN, "22P02 invalid text representation"),
        ("SELECT pg_sleep(60)", Health.DOWN, "the query takes too long, 1 s at most (57014)"),
        (
            "DELETE FROM precious",
            Health.UNKNOWN,
            "postgres.query cannot be run: 25006 cannot execute DELETE in a read-only transaction",
        ),
        ("SELEC 1", Health.UNKNOWN, 'postgres.query cannot be run: 42601 syntax error at or near "SELEC"'),
        (
            "COMMIT; DELETE FROM precious",
            Health.UNKNOWN,
            "postgres.query holds more than one statement, or a semicolon",
        ),
        ("COMMIT", Health.UP, "answers"),
        (
            "SELECT repeat('x', 2000000)",
            Health.UNKNOWN,
            "postgres.query answers with more than 1024 KiB: add LIMIT 1",
        ),
    ],
)
async def test_the_configured_statement(
    prober: Prober, start: Start, query: str, health: Health, reason: str
) -> None:
    """It must succeed; what it says of users' rows is not repeated, and it cannot write."""
    server = running(start)
    server.sql("CREATE TABLE precious AS SELECT 42")
    for _ in range(2):
        result = await prober(service(server, query=query), 1.0)
        assert result.health is health, result
        assert result.reason.startswith(reason)
        assert "the secret" not in str(result)
    assert server.sql("SELECT count(*) FROM precious") == "1"
    assert (await prober(service(server), 1.0)).health is Health.UP


async def test_what_a_statement_says_itself_is_not_repeated(prober: Prober, start: Start) -> None:
    """Errors that functions raise may hold anything; their code is enough to look them up."""
    server = running(start)
    server.sql(
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'the secret of a user';END$$"
    )
    result = await prober(service(server, query="SELECT f()"), 2.0)
    assert (result.health, result.reason) == (Health.DOWN, "P0001 raise")
    assert "secret" not in str(result)


async def test_a_statement_that_may_not_be_run_says_so(prober: Prober, start: Start) -> None:
    """Missing rights are told from a missing table."""
    server = running(start, users={"room": "right"})
    server.sql("CREATE TABLE closed ()")
    result = await prober(service(server, "room", "right", query="SELECT FROM closed"), 2.0)
    assert result.health is Health.DOWN
    assert result.reason == "this user may not do that: 42501 permission denied for table closed"


async def test_a_server_that_hides_its_facts_still_answers(prober: Prober, start: Start) -> None:
    """A user without the right to its views is told so; the configured statement counts all the same."""
    server = running(start, users={"room": "right"})
    server.sql("REVOKE SELECT ON pg_stat_replication FROM PUBLIC")
    result = await prober(service(server, "room", "right"), 2.0)
    assert result.health is Health.UP
    assert result.reason.startswith("answers, but its facts are not to be had: 42501 permission denied")
    failed = await prober(service(server, "room", "right", query="SELECT 1/0"), 2.0)
    assert (failed.health, failed.reason) == (Health.DOWN, "22012 division by zero")


async def test_another_role_than_expected_is_degraded(prober: Prober, start: Start) -> None:
    """After a failover nobody announced the role is the first thing to know."""
    primary = running(start)
    replica = following(start, primary)
    assert (await prober(service(primary, role="primary"), 2.0)).health is Health.UP
    assert (await prober(service(replica, role="replica"), 2.0)).health is Health.UP
    swapped = [
        await prober(service(primary, role="replica"), 2.0),
        await prober(service(replica, role="primary"), 2.0),
    ]
    assert {result.health for result in swapped} == {Health.DEGRADED}
    assert [result.reason for result in swapped] == [
        "is a primary, not a replica",
        "is a replica, not a primary",
    ]


async def test_a_replica_lags_only_while_something_is_left_to_replay(prober: Prober, start: Start) -> None:
    """An idle primary is no lag, however long ago its last transaction was; a paused replay is."""
    primary = running(start)
    replica = following(start, primary)
    asked = service(replica, lag=0.3)
    primary.sql("CREATE TABLE one ()")
    postgres.await_replay(replica, primary.sql("SELECT pg_current_wal_lsn()"))
    await asyncio.sleep(0.5)
    idle = await prober(asked, 2.0)
    assert (idle.health, idle.reason) == (Health.UP, "answers"), idle
    assert list(idle.detail)[:2] == ["role", "lag"]
    assert idle.detail["lag"] == "0s"

    replica.sql("SELECT pg_wal_replay_pause()")
    primary.sql("CREATE TABLE two ()")
    late = await until(prober, asked, "replica, 0s behind its primary, its replay is paused")
    assert late.health is Health.DEGRADED
    assert late.detail["replay"] == "paused"
    assert (await prober(service(replica, lag=None), 2.0)).health is Health.UP

    replica.sql("SELECT pg_wal_replay_resume()")
    await until(prober, asked, "answers")


async def test_lag_begins_when_the_replica_was_last_in_step(prober: Prober, start: Start) -> None:
    """The first write after an idle hour is not an hour late."""
    primary = running(start)
    replica = following(start, primary)
    primary.sql("CREATE TABLE one ()")
    postgres.await_replay(replica, primary.sql("SELECT pg_current_wal_lsn()"))
    await asyncio.sleep(1.2)  # the idle hour
    asked = service(replica, lag=1.0)
    assert (await prober(asked, 2.0)).health is Health.UP
    replica.sql("SELECT pg_wal_replay_pause()")
    primary.sql("CREATE TABLE two ()")
    early = await prober(asked, 2.0)
    assert early.health is Health.UP
    assert early.detail["lag"] == "0s"


async def test_a_killed_primary_is_seen_by_its_replica(prober: Prober, start: Start) -> None:
    """The replica still answers, but its stream is broken; when the primary is back it is well."""
    primary = running(start)
    replica = following(start, primary)
    asked = service(replica)
    assert (await prober(asked, 2.0)).detail["stream"] == "streaming"
    primary.kill()
    broken = await until(prober, asked, "replica, its stream from the primary is broken")
    assert broken.health is Health.DEGRADED
    assert broken.detail["stream"] == "none"
    primary.restart()
    assert (await until(prober, asked, "answers")).health is Health.UP


async def test_replicas_of_a_primary_are_counted(prober: Prober, start: Start) -> None:
    """Fewer than expected is DEGRADED; one that died is missing."""
    primary = running(start)
    replica = following(start, primary)
    one, two = service(primary, replicas=1), service(primary, replicas=2)
    assert (await prober(one, 2.0)).detail["replicas"] == "1 streaming"
    short = await prober(two, 2.0)
    assert (short.health, short.reason) == (Health.DEGRADED, "1 of 2 replicas streaming")
    replica.kill()
    assert (await until(prober, one, "0 of 1 replicas streaming")).health is Health.DEGRADED


async def test_what_a_user_may_not_see_is_not_invented(prober: Prober, start: Start) -> None:
    """Without pg_monitor, replicas and others' transactions are there, but their state is not visible."""
    primary = running(start, users={"room": "right"})
    following(start, primary)
    one = await prober(service(primary, "room", "right", replicas=1, transaction=0.001), 2.0)
    assert (one.health, one.reason) == (Health.UP, "answers")
    assert one.detail["replicas"] == "1, their state is not visible: GRANT pg_monitor"
    assert "transactions" not in one.detail
    two = await prober(service(primary, "room", "right", replicas=2), 2.0)
    assert (two.health, two.reason) == (Health.DEGRADED, "1 of 2 replicas connected")
    async with transaction(primary):
        blind = await prober(service(primary, "room", "right", transaction=0.001), 2.0)
        assert (blind.health, blind.reason) == (Health.UP, "answers")
        assert blind.detail["transactions"] == "those of others are not visible: GRANT pg_monitor"
        primary.sql("GRANT pg_monitor TO room")
        seeing = await prober(service(primary, "room", "right", transaction=0.001), 2.0)
        assert seeing.health is Health.DEGRADED
        assert seeing.detail["replicas"] == "1 streaming"


async def test_connections_run_out(prober: Prober, start: Start) -> None:
    """Those kept for superusers do not count as free; the warning comes before the last is gone."""
    server = running(start, "max_connections=9", "superuser_reserved_connections=2")
    asked = service(server, connections_left=3)
    with postgres.occupied(server, 3):
        plenty = await prober(asked, 2.0)
        assert (plenty.health, plenty.detail["connections"]) == (Health.UP, "4 of 7")
        with postgres.occupied(server, 1):
            few = await prober(asked, 2.0)
            assert (few.health, few.reason) == (Health.DEGRADED, "2 of 7 connections left")


async def test_a_long_transaction_is_named(prober: Prober, start: Start) -> None:
    """Its age, process and state are said, never what it does; a short one is nobody's business."""
    server = running(start)
    async with transaction(server) as connection:
        assert (await prober(service(server, transaction=3600.0), 2.0)).health is Health.UP
        assert (await prober(service(server), 2.0)).health is Health.UP
        result = await prober(service(server, transaction=0.001), 2.0)
        assert result.health is Health.DEGRADED
        pid = connection.get_server_pid()
        assert result.reason == f"a transaction is open for 0s (pid {pid}, idle in transaction)"
        assert "secret" not in str(result)


async def test_several_problems_are_said_together(prober: Prober, start: Start) -> None:
    """The worst stands first."""
    server = running(start, "max_connections=9")
    asked = service(server, role="replica", replicas=1, connections_left=9)
    result = await prober(asked, 2.0)
    assert result.reason == "is a primary, not a replica; 0 of 1 replicas streaming; 5 of 6 connections left"


async def test_a_read_only_default_is_shown(prober: Prober, start: Start) -> None:
    """A primary on which transactions are read-only unless they say otherwise is worth knowing."""
    server = running(start, "default_transaction_read_only=on")
    result = await prober(service(server), 2.0)
    assert (result.health, result.detail["transactions"]) == (Health.UP, "read-only")


async def test_too_slow_an_answer_is_degraded(prober: Prober, start: Start) -> None:
    """The latency is that of the whole probe, the configured statement included."""
    server = running(start)
    asked = replace(service(server, query="SELECT pg_sleep(0.2)"), latency_ms=150.0)
    result = await prober(asked, 5.0)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith("slow: ")


async def test_a_pooler_in_between(prober: Prober, start: Start) -> None:
    """Whatever session PgBouncer lends will do: a new one, and one that it lent to somebody else like us."""
    server = running(start)
    pooler = start(lambda folder: postgres.bouncer(folder, server))
    asked = service(pooler, query="SELECT count(*) FROM pg_class")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'controlroom'"
    for _ in range(3):
        for asking in (asked, replace(asked, id="other")) * 3:
            result = await prober(asking, 2.0)
            assert (result.health, result.reason) == (Health.UP, "answers"), result
        assert server.sql(end) == "t"
        await asyncio.to_thread(_wait_for_none, server)


def _wait_for_none(server: postgres.Postgres) -> None:
    give_up = time.monotonic() + PATIENCE
    while server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'controlroom'") != "0":
        assert time.monotonic() < give_up


async def test_a_pooler_without_its_server(prober: Prober, start: Start, tmp_path: Path) -> None:
    """PgBouncer answers, the database behind it does not: DOWN, and the reason says which of the two."""
    server = running(start)
    pooler = start(lambda folder: postgres.bouncer(folder, server, "server_login_retry = 0.1"))
    nowhere = replace(service(pooler), url=f"postgres://postgres@{pooler.address}/nowhere")
    result = await prober(nowhere, 2.0)
    assert (result.health, result.reason) == (Health.DOWN, "no such database: nowhere")
    server.kill()
    result = await until(prober, service(pooler), "PgBouncer cannot")
    assert result.health is Health.DOWN


def facts(**keys: object) -> Facts:
    """What a replica in step says, but for `keys`."""
    usual = {
        "replica": True,
        "pid": 1,
        "limit_all": 100,
        "stream": "streaming",
        "streamed": True,
        "age": 3600.0,
    }
    values: dict[str, object] = {**dict.fromkeys(Facts._fields, 0), **usual, **keys}
    return Facts(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "in_step", "lag"),
    [
        (facts(), None, 0.0),
        (facts(replica=False, behind=True), None, 0.0),
        (facts(behind=True), None, 3600.0),
        (facts(behind=True), 5.0, 5.0),
        (facts(behind=True, age=2.0), 5.0, 2.0),
        (facts(behind=True, age=None), None, None),
        (facts(stream=None), None, 3600.0),
        (facts(stream=None), 7.0, 7.0),
    ],
)
def test_how_far_a_replica_is_behind(found: Facts, in_step: float | None, lag: float | None) -> None:
    """No longer than since it was last in step, and never because the primary was idle."""
    assert lag_of(found, in_step) == lag
