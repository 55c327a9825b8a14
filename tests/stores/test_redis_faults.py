"""Whatever a network, a stranger or a server does, a call ends in time and says it in plain words."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.domain.actions import encode
from controlroom.lab import redis_servers, servers
from controlroom.stores.port import Committed
from controlroom.stores.redis_calls import Caller
from controlroom.stores.redis_log import RedisLog
from tests import faults
from tests.conftest import Start
from tests.stores.redis_logs import BRIEF, PATIENT, deed, ids, log_on, refusal, within

SECRET = "oyster-pearl"

LOADED = Caller
"""Imported here, so that no test measures how long loading the client library takes."""

STRANGERS: list[tuple[str, Callable[[], AbstractContextManager[str]], str]] = [
    ("refused", faults.refused, "connection refused"),
    ("black hole", faults.black_hole, "no connection within 0.25 s"),
    ("silent", faults.silent, "connected, but no answer within 0.25 s"),
    ("drip", lambda: faults.scripted(faults.drips(b"+OK\r\n")), "no answer within 0.25 s"),
    ("dripped line", lambda: faults.scripted(faults.drips(b"$9")), "no answer within 0.25 s"),
    ("closes", lambda: faults.scripted(faults.closes), "closed the connection"),
    ("resets", lambda: faults.scripted(faults.resets), "connection reset"),
    ("http", lambda: faults.scripted(faults.says(faults.http(b"hello"))), "answers, but is not Redis"),
    ("greeting", lambda: faults.scripted(faults.greets(b"220 mail.example ESMTP\r\n")), "is not Redis"),
    ("bad length", lambda: faults.scripted(faults.says(b"$x\r\n")), "answers, but is not Redis"),
    ("deep", lambda: faults.scripted(faults.says(b"*1\r\n" * 50_000)), "answers, but is not Redis"),
    ("yes to all", lambda: faults.scripted(faults.says(b"+OK\r\n" * 9, keep=True)), "not as Redis does"),
    (
        "odd words",
        lambda: faults.scripted(faults.says(b"*1\r\n$4\r\nfine\r\n" * 9, keep=True)),
        "not as Redis",
    ),
    ("no words", lambda: faults.scripted(faults.says(b"*0\r\n" * 9, keep=True)), "not as Redis does"),
    ("full", lambda: faults.scripted(faults.says(b"-ERR max number of clients reached\r\n")), "too many"),
    ("bare word", lambda: faults.scripted(faults.says(b"-\x1b]0;x\x07WEIRD\r\n" * 9, keep=True)), "refuses"),
]


@pytest.mark.parametrize(
    ("stranger", "words"), [case[1:] for case in STRANGERS], ids=[c[0] for c in STRANGERS]
)
def test_every_failure_ends_in_time_and_in_words(
    stranger: Callable[[], AbstractContextManager[str]], words: str
) -> None:
    """Reading and writing alike: Unavailable with reason and remedy, within twice the timeout."""
    settings = BRIEF if f"{BRIEF.timeout} s" in words else PATIENT
    with stranger() as address:
        log = RedisLog(f"redis://room:{SECRET}@{address}/0", settings)
        bare = RedisLog(f"redis://{address}/0", settings)
        for call in (
            bare.read,
            lambda: bare.append(deed(1)),
            lambda: next(bare.raw(), None),
            lambda: bare.put(1, encode(deed(1))),
        ):
            with within(2 * settings.timeout):
                refused = refusal(call)
            assert words in refused.reason
            assert refused.reason.isprintable()
        assert SECRET not in str(refusal(log.read))


def test_a_flood_is_cut_off() -> None:
    """An answer without an end is not kept in memory without an end."""
    with faults.scripted(faults.floods(b"$99999999999\r\n")) as address, within(2 * PATIENT.timeout):
        refused = refusal(RedisLog(f"redis://{address}", PATIENT).read)
    assert "answers with more than 256 MiB" in refused.reason


@pytest.mark.parametrize("host", ["no-such.invalid", "no..such", "x" * 70 + ".invalid"])
def test_a_name_that_is_none_is_said(host: str) -> None:
    """The name server's no, and a name that is none."""
    with within(2 * PATIENT.timeout):
        refused = refusal(RedisLog(f"redis://{host}:6379", PATIENT).read)
    assert "host name" in refused.reason or "name server" in refused.reason
    assert "[store].url" in refused.remedy or "network" in refused.remedy


def test_a_socket_is_a_way_in(start: Start) -> None:
    """A Unix socket serves as a port does; one that is not there is named."""
    server = start(lambda folder: servers.redis(folder, "--unixsocket", str(folder / "redis.sock")))
    path = server.folder / "redis.sock"
    log = RedisLog(f"redis+unix://{path}?db=2", PATIENT)
    assert isinstance(log.append(deed(1)), Committed)
    assert ids(log_on(server, tail="/2").read()) == ["a-1"]
    gone = refusal(RedisLog(f"redis+unix://{path}.gone", PATIENT).read)
    assert "no such socket" in gone.reason


# Users

NEEDED = [
    *("eval", "evalsha", "type", "xrange", "xrevrange", "xlen", "xadd", "hget", "hset", "hlen", "hexists"),
    *("del", "info", "config|get", "wait", "select"),
]
"""What the module's docstring says a user needs, but for waitaof, which servers before 7.2 do not know."""


def guarded(folder: Path, commands: list[str], keys: str = "{controlroom}:*") -> servers.Server:
    """A Redis with one user, ``room``, who may use `commands` on `keys`."""
    folder.mkdir(parents=True)
    rights = " ".join(f"+{command}" for command in commands)
    (folder / "users.acl").write_text(
        f"user default on >{SECRET}-boss ~* +@all\nuser room on >{SECRET} ~{keys} {rights}\n",
        encoding="utf-8",
    )
    return servers.redis(folder, "--aclfile", str(folder / "users.acl"))


def test_a_user_needs_only_the_rights_that_are_listed(start: Start) -> None:
    """Everything works with them, in another database too, and the server has nothing to complain of."""
    server = start(lambda folder: guarded(folder, NEEDED))
    log = RedisLog(f"redis://room:{SECRET}@{server.address}/3", PATIENT)
    for number in range(1, 4):
        assert isinstance(log.append(deed(number, expect=None)), Committed)
    log.put(4, encode(deed(4)))
    assert ids(log.read()) == ["a-1", "a-2", "a-3", "a-4"]
    assert log.read().durability == "not durable"
    boss = RedisLog(f"redis://:{SECRET}-boss@{server.address}/3", PATIENT)
    with boss._caller().session() as session:
        session.ask([("DEL", "{controlroom}:ids")], time.monotonic() + 5)
        assert isinstance(log.append(deed(2)), Committed)
        (complaints,) = session.ask([("ACL", "LOG")], time.monotonic() + 5)
    assert complaints == []


def test_credentials_of_the_settings_win(start: Start) -> None:
    """The URL may be shared without them."""
    server = start(lambda folder: guarded(folder, NEEDED))
    log = log_on(server, replace(PATIENT, username="room", password=SECRET))
    assert isinstance(log.append(deed(1)), Committed)
    assert SECRET not in log.url + repr(log)


@pytest.mark.parametrize("missing", [name for name in NEEDED if name not in ("config|get", "info", "wait")])
def test_a_missing_right_is_named(start: Start, missing: str) -> None:
    """The command that is not allowed stands in the words; nothing is half-written."""
    server = start(lambda folder: guarded(folder, [name for name in NEEDED if name != missing]))
    log = RedisLog(f"redis://room:{SECRET}@{server.address}/1", PATIENT)
    if missing in ("hexists", "del"):
        assert isinstance(log.append(deed(1)), Committed)
        return
    refused = refusal(lambda: log.append(deed(1)) and log.read())
    assert missing.upper() in refused.reason
    assert f"+{missing}" in refused.remedy
    assert SECRET not in str(refused)


def test_keys_that_are_not_allowed_are_named(start: Start) -> None:
    """The user has other keys."""
    server = start(lambda folder: guarded(folder, NEEDED, keys="{press}:*"))
    log = RedisLog(f"redis://room:{SECRET}@{server.address}", PATIENT)
    assert "keys" in refusal(lambda: log.append(deed(1))).reason
    other = RedisLog(f"redis://room:{SECRET}@{server.address}?prefix=press", PATIENT)
    assert isinstance(other.append(deed(1)), Committed)


def test_without_info_durability_is_unknown(start: Start) -> None:
    """It is said so; the epoch changes only when a connection is lost; the server is asked once."""
    rights = [name for name in NEEDED if name not in ("info", "config|get")]
    server = start(lambda folder: guarded(folder, rights))
    log = RedisLog(f"redis://room:{SECRET}@{server.address}", PATIENT)
    assert isinstance(log.append(deed(1)), Committed)
    page = log.read()
    assert page.durability == "durability unknown"
    assert log.read().epoch == page.epoch != ""
    server.kill()
    assert "refused" in refusal(log.read).reason
    server.restart()
    assert log.read(1).from_start
    assert log.read().epoch != page.epoch


def test_who_only_looks_needs_no_right_to_write(start: Start) -> None:
    """A reader reads; that it cannot write is said when it tries."""
    looks = ["eval", "evalsha", "type", "xrange", "xrevrange", "xlen", "hget", "hlen", "info"]
    server = start(lambda folder: guarded(folder, looks))
    RedisLog(f"redis://:{SECRET}-boss@{server.address}", PATIENT).append(deed(1))
    log = RedisLog(f"redis://room:{SECRET}@{server.address}", PATIENT)
    assert ids(log.read()) == ["a-1"]
    assert "may not" in refusal(lambda: log.append(deed(2))).reason


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ("", "asks for a password (NOAUTH)"),
        (f"room:{SECRET}-wrong@", "refuses user name or password (WRONGPASS)"),
        (f":{SECRET}-wrong@", "refuses user name or password (WRONGPASS)"),
    ],
)
def test_a_wrong_password_is_said_and_not_shown(start: Start, credentials: str, words: str) -> None:
    """And it stays in no message."""
    server = start(lambda folder: guarded(folder, NEEDED))
    refused = refusal(RedisLog(f"redis://{credentials}{server.address}", PATIENT).read)
    assert words in refused.reason
    assert SECRET not in str(refused) + refused.remedy


def test_a_password_nobody_asked_for_is_named(start: Start) -> None:
    """The server has none."""
    server = start(servers.redis)
    refused = refusal(RedisLog(f"redis://:{SECRET}@{server.address}", PATIENT).read)
    assert "has no password, but one was sent" in refused.reason


# TLS


def secured(start: Start, folder: Path, *extra: str) -> tuple[servers.Server, Path]:
    """A Redis behind TLS with a certificate for 127.0.0.1, and the authority's file."""
    authority = faults.authority(folder / "ca")
    files = authority.server()
    server = start(lambda where: redis_servers.over_tls(where, *files, authority.path, *extra))
    return server, authority.path


def test_tls_with_an_authority_of_ones_own(start: Start, tmp_path: Path) -> None:
    """Works with that authority, and with no other; and TLS is not left out unseen."""
    server, ca = secured(start, tmp_path)
    log = RedisLog(f"rediss://{server.address}", replace(PATIENT, ca=str(ca)))
    assert isinstance(log.append(deed(1)), Committed)
    assert ids(log.read()) == ["a-1"]
    unknown = refusal(RedisLog(f"rediss://{server.address}", PATIENT).read)
    assert "certificate is of an unknown CA" in unknown.reason
    assert "[store].ca" in unknown.remedy
    other = faults.authority(tmp_path / "other").path
    assert (
        "unknown CA"
        in refusal(RedisLog(f"rediss://{server.address}", replace(PATIENT, ca=str(other))).read).reason
    )
    with within(2 * BRIEF.timeout):
        refusal(log_on(server, BRIEF).read)


def test_a_certificate_for_another_name_is_refused(start: Start, tmp_path: Path) -> None:
    """It is for 127.0.0.1, and localhost was asked for."""
    server, ca = secured(start, tmp_path)
    refused = refusal(RedisLog(f"rediss://localhost:{server.port}", replace(PATIENT, ca=str(ca))).read)
    assert "certificate is for another name" in refused.reason


def test_a_client_certificate_is_shown_when_asked_for(start: Start, tmp_path: Path) -> None:
    """Without one the words say so; with one it works; a file that is none is named."""
    authority = faults.authority(tmp_path / "ca")
    files = authority.server()
    server = start(
        lambda where: redis_servers.over_tls(where, *files, authority.path, "--tls-auth-clients", "yes")
    )
    url = f"rediss://{server.address}"
    cert, key = map(str, files)
    shown = RedisLog(url, replace(PATIENT, ca=str(authority.path), cert=cert, key=key))
    assert isinstance(shown.append(deed(1)), Committed)
    refused = refusal(RedisLog(url, replace(PATIENT, ca=str(authority.path))).read)
    assert "client certificate" in refused.reason + refused.remedy
    bad = refusal(RedisLog(url, replace(PATIENT, ca=str(authority.path), cert=key, key=key)).read)
    assert "[store].cert" in bad.remedy
    assert "[store].ca" in refusal(RedisLog(url, replace(PATIENT, ca=str(tmp_path / "no"))).read).remedy


def test_tls_to_a_server_that_speaks_none(start: Start) -> None:
    """Said as what it is, in time."""
    server = start(servers.redis)
    with within(0.5):  # it waits for the end of what it takes for a command
        late = refusal(RedisLog(f"rediss://{server.address}", BRIEF).read)
    assert "TLS is not ready within" in late.reason
    assert "redis://" in late.remedy
    with faults.scripted(faults.says(faults.http(b"hello"))) as address:
        assert "does not speak TLS" in refusal(RedisLog(f"rediss://{address}", PATIENT).read).reason


def test_a_password_never_leaves_in_a_word_of_the_server() -> None:
    """A server that repeats what it was told does not get it on the screen."""
    said = f"-ERR unknown command 'AUTH' with args beginning with: '{SECRET}'\r\n".encode()
    with faults.scripted(faults.says(said)) as address:
        refused = refusal(RedisLog(f"redis://:{SECRET}@{address}", PATIENT).read)
    assert SECRET not in str(refused)
    assert "unknown command" in refused.reason
