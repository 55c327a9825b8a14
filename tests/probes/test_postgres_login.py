"""Getting into a PostgreSQL: urls, passwords, pg_hba.conf, TLS in every mode, and being turned away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import postgres
from controlroom.probes.port import Trouble
from controlroom.probes.postgres import PostgresProbe
from controlroom.probes.postgres_where import where_is
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.probes import postgres_servers as pretend

SECRETS = {"RIGHT": "correct 'horse'", "WRONG": "battery staple"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober with a right and a wrong password."""
    made = Prober(lambda: datetime.now(UTC), lambda ref: SECRETS[ref.env or ""])
    yield made
    made.close()


async def ask(prober: Prober, url: str, **keys: object) -> ProbeResult:
    """One probe; no password may be in what it says."""
    result = await prober(Service("it", "postgres", url=url, **keys), 2.0)  # type: ignore[arg-type]
    assert not any(secret in str(result) for secret in SECRETS.values())
    return result


def running(start: Start, *settings: str, **keys: object) -> postgres.Postgres:
    """A server with a user `room`, whose password is the right one."""
    users = {"room": SECRETS["RIGHT"]}
    server = start(lambda folder: postgres.postgres(folder, *settings, users=users, **keys))  # type: ignore[arg-type]
    assert isinstance(server, postgres.Postgres)
    return server


async def test_passwords(prober: Prober, start: Start) -> None:
    """None, a wrong one and a right one, of the service or in the url, are three things to tell apart."""
    server = running(start)
    url = f"postgres://room@{server.address}/postgres"
    for keys, health, reason in (
        ({}, Health.DOWN, "asks for a password (28P01)"),
        ({"password": WRONG}, Health.DOWN, "user name or password refused (28P01)"),
        ({"password": RIGHT, "username": "stranger"}, Health.DOWN, "user name or password refused (28P01)"),
        ({"password": RIGHT}, Health.UP, "answers"),
    ):
        result = await ask(prober, url, **keys)
        assert (result.health, result.reason) == (health, reason)
    right = f"postgres://room:correct%20%27horse%27@{server.address}/postgres"
    wrong = f"postgres://room:battery%20staple@{server.address}/postgres"
    assert (await ask(prober, right)).health is Health.UP
    assert (await ask(prober, wrong)).reason == "user name or password refused (28P01)"


async def test_a_refused_password_is_fetched_anew(prober: Prober, start: Start) -> None:
    """A password that was changed is asked for again; one that works is not."""
    server = running(start)
    forgotten: list[SecretRef] = []
    context = replace(prober.context(2.0), forget=forgotten.append)
    probe = PostgresProbe()
    url = f"postgres://room@{server.address}/postgres"
    with pytest.raises(Trouble, match="refused"):
        await probe(Service("it", "postgres", url=url, password=WRONG), context)
    assert forgotten == [WRONG]
    await probe(Service("it", "postgres", url=url, password=RIGHT), context)
    assert forgotten == [WRONG]
    probe.close()


async def test_being_turned_away(prober: Prober, start: Start) -> None:
    """Who, where and what for: each refusal of the server names what is to be mended."""
    lines = [
        "host all unlisted 127.0.0.1/32 reject",
        "host all trusted,stranger 127.0.0.1/32 trust",
    ]
    server = running(start, hba=lines)
    server.sql("CREATE ROLE trusted NOLOGIN")
    server.sql("CREATE DATABASE closed ALLOW_CONNECTIONS false")
    server.sql("CREATE DATABASE private")
    server.sql("REVOKE CONNECT ON DATABASE private FROM PUBLIC")
    for who, where, reason in (
        ("unlisted", "postgres", "pg_hba.conf rejects unlisted at postgres from here without TLS (28000)"),
        ("trusted", "postgres", "user trusted may not log in (28000)"),
        ("stranger", "postgres", "no such user: stranger (28000)"),
        ("postgres", "nowhere", "no such database: nowhere (3D000)"),
        ("postgres", "closed", "database closed takes no connections (55000)"),
    ):
        result = await ask(prober, f"postgres://{who}@{server.address}/{where}")
        assert (result.health, result.reason) == (Health.DOWN, reason)
        assert not result.unreachable
    result = await ask(prober, f"postgres://room@{server.address}/private", password=RIGHT)
    assert result.reason == "user room may not use database private (42501)"
    server.sql("ALTER ROLE room CONNECTION LIMIT 0")
    result = await ask(prober, f"postgres://room@{server.address}/postgres", password=RIGHT)
    assert result.reason == "refuses: too many connections for this user (53300)"


async def test_an_address_without_an_entry(prober: Prober, start: Start) -> None:
    """The commonest mistake of all is named as such."""
    server = running(start, hba=["local all all trust"])
    (server.data / "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\n", encoding="utf-8")
    server.sql("SELECT pg_reload_conf()")
    asked = f"postgres://room@{server.address}/postgres"
    for _ in range(200):
        result = await ask(prober, asked, password=RIGHT)
        if "no entry" in result.reason:
            break
        await asyncio.sleep(0.05)
    assert result.reason == "pg_hba.conf has no entry for room at postgres from here without TLS (28000)"


async def test_a_server_that_is_shutting_down(prober: Prober, start: Start) -> None:
    """While it waits for its last sessions it lets nobody in: no user can tell that from being down."""
    server = running(start)
    with postgres.occupied(server, 1):
        server.process.terminate()
        for _ in range(200):
            result = await ask(prober, server.address)
            if result.health is not Health.UP:
                break
            await asyncio.sleep(0.02)
        assert (result.health, result.reason) == (Health.DOWN, "shutting down")


@pytest.mark.parametrize(
    ("code", "text", "health", "reason"),
    [
        ("57P03", "the database system is starting up", Health.DEGRADED, "starting up"),
        ("57P03", "the database system is in recovery mode", Health.DEGRADED, "in recovery after a crash"),
        (
            "57P03",
            "the database system is not yet accepting connections",
            Health.DEGRADED,
            "starting up, not yet consistent",
        ),
        ("57P03", "the database system is shutting down", Health.DOWN, "shutting down"),
        ("57P01", "terminating connection due to administrator command", Health.DOWN, "shutting down"),
        ("57P02", "terminating connection because of crash", Health.DEGRADED, "in recovery after a crash"),
        (
            "57P03",
            "das Datenbanksystem startet",
            Health.DEGRADED,
            "57P03 das Datenbanksystem startet",
        ),
        ("53300", "sorry, too many clients already", Health.DOWN, "refuses: too many connections (53300)"),
        ("28000", "something \x1b[31mnew", Health.DOWN, "28000 something "),
        (
            "08P01",
            "unsupported startup parameter: application_name",
            Health.DOWN,
            "refuses the startup parameter application_name: add it to ignore_startup_parameters of",
        ),
        ("08P01", "no more connections allowed (max_client_conn)", Health.DOWN, "refuses: too many connect"),
        ("08P01", "SASL authentication failed", Health.DOWN, "user name or password refused"),
        ("08P01", "query_wait_timeout", Health.DOWN, "PgBouncer has no connection to its server left"),
        ("XX000", "the sky is falling", Health.DOWN, "XX000 the sky is falling"),
        ("22000", "a value of somebody", Health.DOWN, "22000 data"),
    ],
)
async def test_what_else_is_said_instead_of_a_welcome(
    prober: Prober, code: str, text: str, health: Health, reason: str
) -> None:
    """The code decides; words of other languages are repeated, those that may hold values are not."""
    with faults.scripted(faults.says(pretend.error(code, text))) as address:
        result = await ask(prober, address)
    assert result.health is health
    assert result.reason.startswith(reason)
    assert "somebody" not in str(result)
    assert "\x1b" not in str(result)
    assert result.raw.startswith(f"severity: FATAL\ncode: {code}\nmessage: ")


def at(server: postgres.Postgres, mode: str) -> str:
    """The address of the server with an `sslmode`."""
    return f"postgres://postgres@{server.address}/postgres" + (f"?sslmode={mode}" if mode else "")


async def test_each_mode_of_tls_on_a_good_server(prober: Prober, start: Start, tmp_path: Path) -> None:
    """With its CA known every mode works, twice over one session, and only `disable` is in plain text."""
    ca = faults.authority(tmp_path / "ca")
    server = running(start, tls=ca.server())
    encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND {}"
    encrypted = encrypted.format("application_name = 'controlroom'")
    for mode in ("disable", "require", "verify-ca", "verify-full", ""):
        asked = Service("it", "postgres", url=at(server, mode), ca=str(ca.path))
        for _ in range(2):
            result = await prober(asked, 2.0)
            assert (result.health, result.reason) == (Health.UP, "answers"), (mode, result)
        for _ in range(200):  # the session of the mode before has to be gone
            if server.sql(encrypted) == ("0" if mode == "disable" else "1"):
                break
            await asyncio.sleep(0.02)
        assert server.sql(encrypted) == ("0" if mode == "disable" else "1")


async def test_without_a_ca_and_a_mode_nothing_is_encrypted(prober: Prober, start: Start) -> None:
    """A server without TLS is UP where nobody asked for it, and DOWN where somebody did."""
    server = running(start)
    assert (await ask(prober, at(server, ""))).health is Health.UP
    result = await ask(prober, at(server, "require"))
    assert (result.health, result.reason) == (Health.DOWN, "answers, but does not speak TLS")


async def test_a_certificate_for_another_host(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Only `verify-ca` does not look at the name; the others are not weakened by it."""
    ca = faults.authority(tmp_path / "ca")
    server = running(start, tls=ca.server("elsewhere.example"))
    for mode in ("verify-ca", "verify-full", "require", "", "verify-ca"):
        result = await ask(prober, at(server, mode), ca=str(ca.path))
        if mode == "verify-ca":
            assert result.health is Health.UP
        else:
            assert (result.health, result.reason) == (Health.DOWN, "certificate is not for 127.0.0.1")
    assert (await ask(prober, at(server, "require"), verify=False)).health is Health.UP


async def test_an_expired_certificate(prober: Prober, start: Start, tmp_path: Path) -> None:
    """Every mode that verifies refuses it."""
    ca = faults.authority(tmp_path / "ca")
    server = running(start, tls=ca.server(expired=True))
    for mode in ("require", "verify-ca", "verify-full"):
        result = await ask(prober, at(server, mode), ca=str(ca.path))
        assert (result.health, result.reason) == (Health.DOWN, "certificate has expired")


async def test_a_certificate_of_an_unknown_ca(prober: Prober, start: Start, tmp_path: Path) -> None:
    """`require` verifies, too: only `verify = false` says that nobody cares."""
    server = running(start, tls=faults.authority(tmp_path / "ca").server())
    for mode in ("require", "verify-ca", "verify-full"):
        result = await ask(prober, at(server, mode))
        assert (result.health, result.reason) == (Health.DOWN, "certificate of an unknown CA")
    assert (await ask(prober, at(server, "require"), verify=False)).health is Health.UP


async def test_client_certificates(prober: Prober, start: Start, tmp_path: Path) -> None:
    """The right one lets in; none, and one for somebody else, are told apart."""
    ca = faults.authority(tmp_path / "ca")
    server = running(start, tls=ca.server(), ca=ca.path, hba=["hostssl all room 127.0.0.1/32 cert"])
    url = f"postgres://room@{server.address}/postgres?sslmode="
    none = await ask(prober, url + "verify-full", ca=str(ca.path))
    assert (none.health, none.reason) == (Health.DOWN, "asks for a client certificate (28000)")
    for name, reason in (
        ("room", "answers"),
        ("other", "the client certificate is not one for room (28000)"),
    ):
        cert, key = ca.server(name)
        for mode in ("verify-full", "verify-ca"):
            result = await ask(prober, url + mode, ca=str(ca.path), cert=str(cert), key=str(key))
            assert result.reason == reason
    stranger, key = faults.authority(tmp_path / "other-ca").server("room")
    result = await ask(prober, url + "verify-full", ca=str(ca.path), cert=str(stranger), key=str(key))
    assert result.health is Health.DOWN
    # A server that resets the connection may take its reason with it.
    assert result.reason == "client certificate of a CA it does not know" or "reset" in result.reason


@pytest.mark.parametrize(
    ("url", "keys", "reason"),
    [
        ("h?sslmode=prefer", {}, "sslmode=prefer verifies nothing: write verify-full, or disable"),
        ("h?sslmode=allow", {}, "sslmode=allow verifies nothing: write verify-full, or disable"),
        ("h?sslmode=verify", {}, "sslmode=verify is not known: write disable, require, verify-ca or"),
        (
            "h?sslmode=verify-full",
            {"verify": False},
            "sslmode=verify-full and verify = false: write sslmode=",
        ),
        ("h?sslrootcert=/ca.crt", {}, "sslrootcert does not belong in the url: write ca = …"),
        ("h?options=-csearch_path%3Dx", {}, "the url has a parameter that is not known: options"),
        ("h:x", {}, "the url's port is no port"),
        ("h/a%00b", {}, "the url holds a zero byte"),
        ("", {}, "the url names no host"),
    ],
)
async def test_urls_that_cannot_be_asked(
    prober: Prober, url: str, keys: dict[str, object], reason: str
) -> None:
    """UNKNOWN, with what to write instead: nothing is wrong with the service."""
    result = await ask(prober, f"postgres://{url}", **keys)
    assert result.health is Health.UNKNOWN
    assert result.reason.startswith(reason)


async def test_files_that_are_not_there(prober: Prober, tmp_path: Path) -> None:
    """The mode that makes a context of its own names missing files like every other."""
    with faults.silent() as address:
        url = f"postgres://{address}?sslmode=verify-ca"
        result = await ask(prober, url, ca=str(tmp_path / "no.crt"))
    assert result.health is Health.UNKNOWN
    assert "no.crt" in result.reason


@pytest.mark.parametrize(
    ("url", "keys", "expected"),
    [
        ("h", {}, ("postgres", "postgres", 5432, "none")),
        ("postgresql://room@h:1/app", {}, ("room", "app", 1, "none")),
        ("postgres://room@h", {}, ("room", "room", 5432, "none")),
        ("postgres://room@h/app", {"username": "other"}, ("other", "app", 5432, "none")),
        ("postgres://r%40om@h/a%20b?application_name=x", {}, ("r@om", "a b", 5432, "none")),
        ("h", {"ca": "ca.crt"}, ("postgres", "postgres", 5432, "host")),
        ("h", {"cert": "own.crt"}, ("postgres", "postgres", 5432, "host")),
        ("h?sslmode=disable", {"ca": "ca.crt"}, ("postgres", "postgres", 5432, "none")),
        ("h?sslmode=verify-ca", {}, ("postgres", "postgres", 5432, "chain")),
        ("h?sslmode=require", {"verify": False}, ("postgres", "postgres", 5432, "host")),
    ],
)
def test_what_a_url_means(url: str, keys: dict[str, object], expected: tuple[object, ...]) -> None:
    """Who asks, for which database, and how it is spoken to, where the url says nothing, too."""
    where = where_is(Service("it", "postgres", url=url, **keys))  # type: ignore[arg-type]
    assert (where.host, where.user, where.database, where.port, where.tls) == ("h", *expected)
