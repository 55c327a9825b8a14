"""The log in Redis: what strangers do to its keys is noticed, and what a server loses is known."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.domain.actions import encode
from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.stores.port import Committed, Log, Moved, ReadOnly, Unavailable, Verdict
from controlroom.stores.redis_log import BATCH
from tests.conftest import Start
from tests.stores.redis_logs import KEYS, PATIENT, deed, eventually, ids, log_on, refusal, within

LOG, HEADS, IDS = KEYS


def with_aof(folder: Path) -> servers.Server:
    """A Redis whose every write is on disk before it answers."""
    return servers.redis(folder, "--appendonly", "yes", "--appendfsync", "always")


def fill(log: Log, count: int) -> None:
    """Append `count` actions, on three items."""
    for number in range(1, count + 1):
        log.append(deed(number, f"item-{number % 3}"))


def test_programmes_share_a_server(start: Start) -> None:
    """Another prefix, or another database, is another log."""
    server = start(servers.redis)
    logs = [log_on(server, tail=tail) for tail in ("/0", "/1", "/0?prefix=press", "/0?prefix=pre")]
    for number, log in enumerate(logs):
        assert isinstance(log.append(deed(number, expect="")), Committed)
    assert [ids(log.read()) for log in logs] == [[f"a-{number}"] for number in range(4)]
    assert len({log.url for log in logs}) == 4


def test_a_long_log_comes_whole(start: Start) -> None:
    """More than a page: every action in order, from wherever one asks, and as raw bytes."""
    log = log_on(start(servers.redis))
    count = 2 * BATCH + 7
    fill(log, count)
    page = log.read()
    assert [entry.rev for entry in page.entries] == list(range(1, count + 1))
    assert [rev for rev, _ in log.raw(BATCH)] == list(range(BATCH + 1, count + 1))
    assert log.read(BATCH).entries == page.entries[BATCH:]
    assert log.read(count).entries == ()


def test_the_script_is_brought_when_the_server_has_forgotten_it(start: Start) -> None:
    """SCRIPT FLUSH, or a restart, between two writes is nothing to notice."""
    server = start(servers.redis)
    log = log_on(server)
    log.append(deed(1))
    ask(server.port, "SCRIPT", "FLUSH")
    assert isinstance(log.append(deed(2)), Committed)


def test_a_connection_that_was_closed_while_idle_is_no_failure(start: Start) -> None:
    """A server that drops idle clients, or was restarted in between, is simply connected to again."""
    server = start(with_aof)
    log = log_on(server)
    log.append(deed(1))
    ask(server.port, "CLIENT", "KILL", "TYPE", "normal")
    assert log.read().head == 1
    server.restart()
    assert isinstance(log.append(deed(2)), Committed)


def test_a_server_that_comes_back_is_used_again(start: Start) -> None:
    """While it is down every call fails; the first one after its return works."""
    server = start(with_aof)
    log = log_on(server)
    log.append(deed(1))
    server.kill()
    assert "connection refused" in refusal(log.read).reason
    server.restart()
    assert ids(log.read()) == ["a-1"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_another_type_is_left_alone(start: Start, key: str) -> None:
    """Somebody's own key under our name: named, not written to, not deleted."""
    server = start(servers.redis)
    ask(server.port, "SET", key, "theirs")
    log = log_on(server)
    with pytest.raises(ReadOnly, match=re.escape(f"{key} is a string")):
        log.append(deed(1))
    if key == LOG:
        with pytest.raises(ReadOnly):
            log.read()
    else:
        assert key in log.read().trouble
    assert ask(server.port, "GET", key) == "$6\r\ntheirs\r\n"
    assert ask(server.port, "DBSIZE") == ":1\r\n"


@pytest.mark.parametrize(
    ("harm", "words", "left"),
    [
        (("XTRIM", LOG, "MAXLEN", "4"), "holes: 2 of 6 actions are gone, it begins at 3-0", [3, 4, 5, 6]),
        (("XDEL", LOG, "4-0"), "holes: 1 of 6", [1, 2, 3, 5, 6]),
        (("XDEL", LOG, "6-0"), "lost its end: it holds 5 actions", [1, 2, 3, 4, 5]),
        (("DEL", LOG), "lost its end: it holds 0 actions", []),
        (("XADD", LOG, "*", "a", "theirs"), "something else added: 1", [1, 2, 3, 4, 5, 6]),
        (("XADD", LOG, "6-1", "a", "theirs"), "something else added: 6-1", [1, 2, 3, 4, 5, 6]),
        (("XADD", LOG, "7-0", "a", "theirs"), "rev 7 is no action: not JSON", [1, 2, 3, 4, 5, 6]),
        (
            ("XADD", LOG, "7-0", "b", "theirs"),
            "rev 7 is no action: something else added it",
            [1, 2, 3, 4, 5, 6],
        ),
        (("HSET", HEADS, "", "6 3 2"), "newer controlroom (form 2", [1, 2, 3, 4, 5, 6]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_log_that_strangers_changed_is_only_read(
    start: Start, harm: tuple[str, ...], words: str, left: list[int]
) -> None:
    """Trimmed, cut, added to: said in words, what is left is read, nothing more is written."""
    server = start(servers.redis)
    writer = log_on(server)
    fill(writer, 6)
    ask(server.port, *harm)
    before = ask(server.port, "XRANGE", LOG, "-", "+")
    for log in (writer, log_on(server)):
        page = log.read()
        assert words in page.trouble
        assert [entry.rev for entry in page.entries] == left
        assert log.read(page.head).trouble == page.trouble
        with pytest.raises(ReadOnly) as raised:
            log.append(deed("new"))
        assert raised.value.remedy
        with pytest.raises(ReadOnly):
            log.put(7, encode(deed("new")))
    assert ask(server.port, "XRANGE", LOG, "-", "+") == before


def test_a_repetition_is_acknowledged_though_the_log_is_damaged(start: Start) -> None:
    """What is still there was committed, whatever happened to the rest."""
    server = start(servers.redis)
    log = log_on(server)
    fill(log, 3)
    ask(server.port, "XDEL", LOG, "1-0")
    verdict = log.append(deed(2, "item-2"))
    assert isinstance(verdict, Committed)
    assert (verdict.entry.rev, verdict.replay) == (2, True)
    with pytest.raises(ReadOnly):
        log.append(deed(1, "item-1"))


@pytest.mark.parametrize(
    "harm",
    [
        ("DEL", HEADS),
        ("DEL", IDS),
        ("DEL", HEADS, IDS),
        ("HDEL", HEADS, "item-1"),
        ("HDEL", HEADS, ""),
        ("HDEL", IDS, "a-2"),
        ("HSET", HEADS, "", "garbage"),
        ("XADD", LOG, "7-0", "a", encode(deed(7, "item-1"))),
    ],
    ids=lambda harm: " ".join(str(part) for part in harm[:3]),
)
def test_ids_and_heads_are_made_anew_from_the_stream(start: Start, harm: tuple[str | bytes, ...]) -> None:
    """However they were lost: no action twice, and no conflict overlooked."""
    server = start(servers.redis)
    log = log_on(server)
    fill(log, 6)
    ask(server.port, *harm)
    last = 7 if harm[0] == "XADD" else 4
    assert not log.read().trouble
    moved = log.append(deed("new", "item-1", expect="a-1"))
    assert isinstance(moved, Moved)
    assert moved.current is not None
    assert moved.current.action.id == f"a-{last}"
    for number in range(1, 7):
        verdict = log.append(deed(number, f"item-{number % 3}"))
        assert isinstance(verdict, Committed)
        assert (verdict.entry.rev, verdict.replay) == (number, True)
    assert isinstance(log.append(deed("new", "item-1", expect=f"a-{last}")), Committed)


def test_an_id_that_stands_in_the_stream_twice_stops_the_writing(start: Start) -> None:
    """Somebody added a copy of an action: nothing can be said of its rev any more."""
    server = start(servers.redis)
    log = log_on(server)
    fill(log, 2)
    ask(server.port, "XADD", LOG, "3-0", "a", encode(deed(1, "item-1")))
    with pytest.raises(ReadOnly, match="rev 3 has an id that was there before"):
        log.append(deed("new"))


def test_a_copied_log_is_as_durable_as_a_written_one(start: Start) -> None:
    """Bytes that were put are there at the next look, and a bad rev or a used id changes nothing."""
    server = start(with_aof)
    log = log_on(server)
    for number in range(1, 4):
        log.put(number, encode(deed(number)))
    assert ids(log.read()) == ["a-1", "a-2", "a-3"]
    with pytest.raises(ValueError, match="rev 9 is not the next one, which is 4"):
        log.put(9, encode(deed(9)))
    with pytest.raises(ValueError, match="at rev 2"):
        log.put(4, encode(deed(2)))
    server.restart()
    assert ids(log_on(server).read()) == ["a-1", "a-2", "a-3"]


def test_one_client_serves_many_threads(start: Start) -> None:
    """Sixteen threads on one client, two clients racing for one item: revs 1…N, one winner a round."""
    server = start(servers.redis)
    logs = [log_on(server), log_on(server)]
    gate = threading.Barrier(16)

    def race(number: int) -> list[Verdict]:
        verdicts = []
        base = ""
        for round_ in range(5):
            gate.wait()
            verdicts.append(logs[number % 2].append(deed(f"{number}-{round_}", expect=base)))
            gate.wait()
            base = logs[0].read().entries[-1].action.id
        return verdicts

    with ThreadPoolExecutor(16) as pool:
        verdicts = [verdict for many in pool.map(race, range(16)) for verdict in many]
    page = logs[1].read()
    assert [entry.rev for entry in page.entries] == [1, 2, 3, 4, 5]
    assert sum(isinstance(verdict, Committed) for verdict in verdicts) == 5
    assert sum(isinstance(verdict, Moved) for verdict in verdicts) == 75


# Durability and history


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "not durable"),
        (("--save", "3600 1"), "not durable (snapshots only)"),
        (("--appendonly", "yes", "--appendfsync", "everysec"), "durable within 1 s"),
        (("--appendonly", "yes", "--appendfsync", "always"), "durable"),
        (("--appendonly", "yes", "--appendfsync", "no"), "not durable at once (appendfsync no)"),
        (("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"), "not durable (keys may be evicted)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_durability_is_said_as_it_is(start: Start, options: tuple[str, ...], words: str) -> None:
    """What this server's settings promise; a server before 7.2 cannot confirm more than that."""
    server = start(lambda folder: servers.redis(folder, *options))
    version = re.search(r"redis_version:(\d+)\.(\d+)", ask(server.port, "INFO", "server"))
    assert version is not None
    if (int(version[1]), int(version[2])) >= (7, 2) and words == "durable within 1 s":
        words = "durable"  # confirmed by WAITAOF
    log = log_on(server)
    assert isinstance(log.append(deed(1)), Committed)
    assert log.read().durability == words


def test_a_server_with_a_file_keeps_everything(start: Start) -> None:
    """kill -9 and a restart: every action at its rev, and another epoch."""
    server = start(with_aof)
    log = log_on(server)
    fill(log, 5)
    before = log.read()
    server.kill()
    server.restart()
    after = log.read(5)
    assert log.read().entries == before.entries
    assert not after.from_start
    assert after.epoch != before.epoch
    assert isinstance(log.append(deed(3, "item-0")), Committed)


def test_a_server_that_restarts_empty_is_noticed(start: Start) -> None:
    """What is left, nothing, comes as the whole log; then the log begins anew."""
    server = start(servers.redis)
    log = log_on(server)
    fill(log, 3)
    before = log.read()
    server.kill()
    server.restart()
    page = log.read(3)
    assert (page.entries, page.head, page.from_start, page.trouble) == ((), 0, True, "")
    assert page.epoch != before.epoch
    again = [log.append(entry.action, resubmitted=True) for entry in before.entries]
    assert [verdict.entry.rev for verdict in again if isinstance(verdict, Committed)] == [1, 2, 3]


def test_the_epoch_stays_while_nothing_happens(start: Start) -> None:
    """For every client and thread: the server's history has one name."""
    server = start(servers.redis)
    logs = [log_on(server) for _ in range(3)]
    logs[0].append(deed(1))
    assert len({log.read().epoch for log in logs for _ in range(3)}) == 1


def test_a_hung_server_costs_no_action(start: Start) -> None:
    """SIGSTOP in the middle: Unavailable in time; repeated by id afterwards it is there exactly once."""
    server = start(with_aof)
    log = log_on(server, replace(PATIENT, timeout=0.5))
    log.append(deed(1))
    server.pause()
    with within(1.0):
        assert "no answer within 0.5 s" in refusal(lambda: log.append(deed(2))).reason
    server.resume()
    verdict = eventually(lambda: log.append(deed(2)))
    assert isinstance(verdict, Committed)
    assert ids(log.read()) == ["a-1", "a-2"]


def test_a_killed_server_costs_no_acknowledged_action(start: Start) -> None:
    """kill -9 under fire: what was acknowledged stands at its rev, what was repeated stands once."""
    server = start(with_aof)
    acknowledged: dict[str, int] = {}
    under_way, killed = threading.Event(), threading.Event()

    def write(name: int) -> int:
        log = log_on(server)
        number = 0
        while not (killed.is_set() and number >= 5):
            action = deed(f"{name}-{number}", f"item-{name}")
            verdict = eventually(lambda action=action: log.append(action))  # type: ignore[misc]
            assert isinstance(verdict, Committed)
            acknowledged[action.id] = verdict.entry.rev
            number += 1
            if len(acknowledged) > 40:
                under_way.set()
        return number

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, name) for name in range(4)]
        assert under_way.wait(30)
        server.kill()
        server.restart()
        killed.set()
        counts = [writer.result() for writer in writers]
    entries = log_on(server).read().entries
    assert {entry.action.id: entry.rev for entry in entries} == acknowledged
    assert [entry.rev for entry in entries] == list(range(1, sum(counts) + 1))


# States of a server that takes no writes


def test_a_full_memory_leaves_the_log_as_it_was(start: Start) -> None:
    """maxmemory reached: refused in words, nothing half-written, and fine again with more memory."""
    server = start(lambda folder: servers.redis(folder, "--maxmemory-policy", "noeviction"))
    log = log_on(server)
    log.append(deed(1))
    ask(server.port, "CONFIG", "SET", "maxmemory", "1")
    refused = refusal(lambda: log.append(deed(2)))
    assert "no memory left" in refused.reason
    assert "maxmemory" in refused.remedy
    assert ids(log.read()) == ["a-1"]
    ask(server.port, "CONFIG", "SET", "maxmemory", "0")
    assert isinstance(log.append(deed(2)), Committed)


def test_a_full_disk_leaves_the_log_as_it_was(start: Start) -> None:
    """A server that cannot save takes no writes; the words say it is its disk."""
    server = start(lambda folder: servers.redis(folder, "--save", "3600 1"))
    log = log_on(server)
    log.append(deed(1))
    (server.folder / "dump.rdb").mkdir()  # it cannot be replaced by a file: as good as a full disk
    save(server, "err")
    refused = refusal(lambda: log.append(deed(2)))
    assert "cannot write to its disk" in refused.reason
    assert ids(log.read()) == ["a-1"]
    (server.folder / "dump.rdb").rmdir()
    save(server, "ok")
    assert isinstance(log.append(deed(2)), Committed)


def save(server: servers.Server, outcome: str) -> None:
    """Save in the background, and wait for that outcome."""
    ask(server.port, "BGSAVE")
    while f"rdb_last_bgsave_status:{outcome}" not in ask(server.port, "INFO", "persistence"):
        pass


def test_a_replica_is_read_and_not_written(start: Start) -> None:
    """Its log is there, with the reason why nothing can be added."""
    master = start(redis_servers.master)
    log_on(master).append(deed(1))
    follower = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(follower)
    log = log_on(follower)
    page = log.read()
    assert ids(page) == ["a-1"]
    assert "replica" in page.trouble
    refused = refusal(lambda: log.append(deed(2)))
    assert not isinstance(refused, ReadOnly)
    assert "replica" in refused.reason
    assert "replica" in refusal(lambda: log.append(deed(1))).reason


def test_too_few_replicas_are_named(start: Start) -> None:
    """min-replicas-to-write not met."""
    server = start(lambda folder: servers.redis(folder, "--min-replicas-to-write", "1"))
    assert "too few replicas" in refusal(lambda: log_on(server).append(deed(1))).reason


def test_a_hung_replica_holds_no_write_up_for_long(start: Start) -> None:
    """The write is committed after the time a replica is given."""
    master = start(redis_servers.master)
    follower = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(follower)
    log = log_on(master)
    assert isinstance(log.append(deed(1)), Committed)
    follower.pause()
    with within(1.0):
        assert isinstance(log.append(deed(2)), Committed)
    follower.resume()


def test_a_server_that_loads_its_data_is_waited_for(start: Start) -> None:
    """LOADING is said as what it is; nothing is read or written meanwhile."""
    saved = start(lambda folder: servers.redis(folder, name="saved"))
    log_on(saved).append(deed(1))
    for number in range(60):
        ask(saved.port, "SET", f"k{number}", "x" * 200)
    ask(saved.port, "SAVE")
    saved.kill()
    slow = ("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
    loading = start(
        lambda _: servers.launch(
            "loading",
            "redis-server",
            lambda port, where: ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(where), *slow],
            lambda port: "LOADING" in (said(port) or "LOADING"),
            saved.folder,
        )
    )
    log = log_on(loading)
    refused = eventually_loading(log)
    assert "loading its data" in refused.reason
    assert isinstance(eventually(lambda: log.append(deed(2))), Committed)
    assert ids(log.read()) == ["a-1", "a-2"]


def said(port: int) -> str | None:
    """The answer to PING, None where nobody listens."""
    try:
        return ask(port, "PING")
    except OSError:
        return None


def eventually_loading(log: Log) -> Unavailable:
    """The refusal once the server listens."""
    while True:
        refused = refusal(log.read)
        if "connection refused" not in refused.reason:
            return refused


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Making a log, and its URL, connects to nothing and imports no client library."""
    script = """
import sys
from controlroom.stores.logs import Settings
from controlroom.stores.redis_log import RedisLog
log = RedisLog("redis://127.0.0.1:1", Settings())
log.close()
print(log.url, "redis" in sys.modules, "ssl" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["redis://127.0.0.1:1/0?prefix=controlroom", "False", "False"]
