"""What else may be at PostgreSQL's port, what strangers do to its protocol, and leaving in the middle."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from controlroom.domain.asks import PostgresAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import postgres
from controlroom.probes.postgres_facts import Facts
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.probes import postgres_servers as pretend
from tests.probes.postgres_servers import WELCOME, message

STRANGER = "answers, but is not PostgreSQL"


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober without secrets; the library is loaded."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: "")
    await made.load("postgres")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is written to a log in any of this: it would end up on the terminal."""
    with caplog.at_level(logging.WARNING):
        yield
    assert not caplog.records


async def ask(prober: Prober, address: str, query: str = "", keys: str = "") -> ProbeResult:
    """One probe with half a second, which it keeps to."""
    asks = PostgresAsks(query) if query else None
    service = Service("it", "postgres", url=f"postgres://postgres@{address}/{keys}", postgres=asks)
    started = time.monotonic()
    result = await prober(service, 0.5)
    assert time.monotonic() - started < 1.5
    return result


def replies(*turns: bytes) -> faults.Handler:
    """Answers each thing that is said with the next of `turns`, then listens."""

    def handle(plug: socket.socket) -> None:
        for turn in turns:
            if not plug.recv(65_536):
                return
            plug.sendall(turn)
        while plug.recv(65_536):
            pass

    return handle


def asks_for(kind: int, body: bytes = b"") -> bytes:
    """A request for authentication."""
    return message(b"R", struct.pack("!i", kind) + body)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([b"Ecould not fork new process\n\0"], STRANGER),
        ([b"R\0\0\0\2"], STRANGER),
        ([b"R\x7f\xff\xff\xff"], STRANGER),
        ([b"N"], STRANGER),
        ([message(b"R", b"\0\0\0\0") + message(b"Z", b"I")], STRANGER),
        (
            [message(b"R", b"\0\0\0\0") + pretend.status("server_version", "?") + message(b"Z", b"I")],
            STRANGER,
        ),
        ([asks_for(7)], "asks for an unknown authentication: GSSAPI"),
        ([asks_for(99)], STRANGER),
        ([asks_for(12, b"v=x"), WELCOME], STRANGER),
        ([asks_for(0) + WELCOME], STRANGER),
        ([asks_for(10, b"MAGIC\0\0")], "asks for an unknown authentication: MAGIC"),
        ([asks_for(10, b"SCRAM-SHA-256\0\0"), asks_for(11, b"r=x,s=eA==,i=4096")], "logging in fails: "),
        (
            [asks_for(10, b"SCRAM-SHA-256\0\0"), asks_for(11, b"r=x,s=eA==,i=1999999999")],
            "asks for too much arithmetic before it lets anybody in (SCRAM)",
        ),
        ([WELCOME, b"garbage that is none of the protocol"], STRANGER),
        ([WELCOME, b"\0\0\0\0\0\0\0\0"], STRANGER),
        ([WELCOME, b"1\0\0\0\0Z\0\0\0\3"], STRANGER),
        ([WELCOME, message(b"Z", b"I")], ""),
        ([WELCOME, message(b"T", b"\xff\xff"), message(b"Z", b"I")], STRANGER),
        ([WELCOME, pretend.error("57P01", "terminating", "FATAL")], ""),
        ([message(b"E", b"Codd\0\0")], STRANGER),
        ([WELCOME, pretend.error("XX000", "odd", "ERROR") + message(b"Z", b"I")], "XX000 odd"),
        (
            [WELCOME, b"D" + struct.pack("!i", 2_000_000) + b"x" * 1_200_000],
            "answers with more than 1024 KiB",
        ),
    ],
)
async def test_strange_answers(prober: Prober, turns: list[bytes], reason: str) -> None:
    """Whatever is said in the greeting, the login or the answer: DOWN in plain words, in time."""
    with faults.scripted(replies(*turns)) as address:
        result = await ask(prober, address)
    assert result.health is Health.DOWN, result
    assert result.reason.startswith(reason)
    assert "Error" not in result.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"N", "answers, but does not speak TLS"),
        (b"SX", "answers, but does not speak TLS"),
        (pretend.error("28000", "lies of a stranger"), "refuses before TLS begins"),
        (b"", "closed the connection without an answer"),
    ],
)
async def test_strange_answers_to_the_request_for_tls(prober: Prober, answer: bytes, reason: str) -> None:
    """Nothing that comes before TLS is believed or repeated, least of all what is slipped in behind it."""
    with faults.scripted(faults.says(answer)) as address:
        result = await ask(prober, address, keys="?sslmode=require")
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_a_row_of_other_types_is_no_answer(prober: Prober) -> None:
    """Every column is there, well-formed, and text: asyncpg is content, the probe is not."""
    names = Facts._fields
    columns = b"".join(name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0) for name in names)
    count = struct.pack("!h", len(names))
    described = message(b"1", b"") + message(b"t", b"\0\0") + message(b"T", count + columns)
    row = message(b"2", b"") + message(b"D", count + len(names) * (struct.pack("!i", 1) + b"t"))
    ended = row + message(b"C", b"SELECT 1\0") + message(b"Z", b"I")
    with faults.scripted(replies(WELCOME, described, ended)) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.DOWN, STRANGER)


async def test_a_flood_after_the_welcome_is_cut_off(prober: Prober) -> None:
    """Notices without end cost neither memory nor more than the deadline."""
    notice = pretend.error("00000", "x" * 10_000, "NOTICE").replace(b"E", b"N", 1)
    with faults.scripted(faults.floods(WELCOME, notice * 6)) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.DOWN, "answers with more than 1024 KiB")


async def test_a_conversation_with_any_byte_changed(prober: Prober, start: Start) -> None:
    """What a real server says, each time with a byte of it changed: always a result, never an exception."""
    server = start(postgres.postgres)
    seed = random.randrange(2**32)
    chance = random.Random(seed)

    def passes_on(plug: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", server.port), 5) as behind:
            while asked := plug.recv(65_536):
                behind.sendall(asked)
                said = bytearray(behind.recv(65_536))
                if not said:
                    return
                if chance.random() < 0.7:
                    said[chance.randrange(len(said))] = chance.randrange(256)
                plug.sendall(said)

    with faults.scripted(passes_on) as address:
        services = [Service(str(n), "postgres", url=f"postgres://postgres@{address}") for n in range(6)]
        for _ in range(12):
            for result in await asyncio.gather(*(prober(service, 0.3) for service in services)):
                assert "the probe failed" not in result.reason, (seed, result)
                assert result.reason.isprintable()


async def test_leaving_in_the_middle_of_a_statement(prober: Prober, start: Start) -> None:
    """Whoever quits neither waits nor leaves a task behind, and the server stops what it was doing."""
    server = start(postgres.postgres)
    assert isinstance(server, postgres.Postgres)
    url = f"postgres://postgres@{server.address}/postgres"
    asked = Service("it", "postgres", url=url, postgres=PostgresAsks("SELECT pg_sleep(60)"))
    before = asyncio.all_tasks()
    task = asyncio.create_task(prober(asked, 60.0))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    give_up = time.monotonic() + 15
    while await asyncio.to_thread(server.sql, sleeping) != "1" and time.monotonic() < give_up:
        pass
    task.cancel()
    started = time.monotonic()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert time.monotonic() - started < 0.5
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_hung_server_leaves_no_task_behind(prober: Prober, start: Start) -> None:
    """With the server stopped in the middle of a session, the deadline ends all of it."""
    server = start(postgres.postgres)
    asked = Service("it", "postgres", url=f"postgres://postgres@{server.address}/postgres")
    for _ in range(3):
        assert (await prober(asked, 2.0)).health is Health.UP
    before = asyncio.all_tasks()
    server.pause()
    result = await prober(asked, 0.3)
    assert (result.health, result.reason) == (Health.DOWN, "connected, but no answer within 0.3 s")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_restarted_after_many_looks_it_is_simply_up(prober: Prober, start: Start) -> None:
    """Even a question that was prepared for good is found to be gone and asked anew, within one probe."""
    server = start(postgres.postgres)
    asked = Service("it", "postgres", url=f"postgres://postgres@{server.address}/postgres")
    for _ in range(3):
        for _ in range(4):
            assert (await prober(asked, 2.0)).health is Health.UP
        server.restart()
    assert (await prober(asked, 2.0)).health is Health.UP


async def test_a_statement_the_server_forgot_is_prepared_anew(prober: Prober, start: Start) -> None:
    """Something between us and the server may discard what was prepared: that is no failure."""
    server = start(postgres.postgres)
    asked = Service(
        "it",
        "postgres",
        url=f"postgres://postgres@{server.address}/postgres",
        postgres=PostgresAsks("DEALLOCATE ALL"),
    )
    for _ in range(6):
        result = await prober(asked, 2.0)
        assert (result.health, result.reason) == (Health.UP, "answers")
