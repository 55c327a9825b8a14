"""A Redis that answers and is not well all the same: replication, memory, disk, scripts, connections."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from controlroom.domain.asks import RedisAsks
from controlroom.domain.services import Health
from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.probes.prober import Prober
from controlroom.probes.redis_address import parse
from controlroom.probes.redis_link import packed
from controlroom.probes.redis_links import Case, Links, Question, Said
from controlroom.probes.redis_node import QUESTION, SECTIONS, Seen, judge
from controlroom.probes.redis_words import Refusal
from tests import faults
from tests.conftest import Start
from tests.probes.redis_asking import asking, look, redis, until


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober of the test's own."""
    async with asking() as made:
        yield made


def pair(start: Start, *extra: str, of: tuple[str, ...] = ()) -> tuple[servers.Server, servers.Server]:
    """A master and a replica in step; `extra` arguments are the replica's."""
    master = start(lambda folder: redis_servers.master(folder, *of))
    replica = start(lambda folder: redis_servers.replica(folder, master, *extra))
    redis_servers.await_replica(replica)
    return master, replica


async def test_a_master_and_its_replica_in_step(prober: Prober, start: Start) -> None:
    """Both are UP, say their role first, and who the other one is."""
    master, replica = pair(start)
    asks = RedisAsks(role="master", replicas=1, lag=30)
    above = await look(prober, master.address, redis=asks)
    below = await look(prober, replica.address, redis=RedisAsks(role="replica", lag=30))
    assert (above.health, above.reason) == (Health.UP, "PONG")
    assert list(above.detail.items())[:2] == [("role", "master"), ("replicas", "1")]
    assert (below.health, below.reason) == (Health.UP, "PONG")
    assert list(below.detail.items())[:2] == [("role", "replica"), ("master", f"{master.address}, link up")]


async def test_another_role_than_asked_for_is_degraded(prober: Prober, start: Start) -> None:
    """A master where a replica should be, and the other way round, are named as what they are."""
    master, replica = pair(start)
    above = await look(prober, master.address, redis=RedisAsks(role="replica"))
    below = await look(prober, replica.address, redis=RedisAsks(role="master"))
    assert (above.health, above.reason) == (Health.DEGRADED, "is a master, not a replica")
    assert below.health is Health.DEGRADED
    assert below.reason == f"is a replica of {master.address}, not a master"


async def test_a_replica_whose_master_was_killed(prober: Prober, start: Start) -> None:
    """The broken link is named with its master, and heals by itself when that is back."""
    master, replica = pair(start)
    service = redis(replica.address)
    assert (await prober(service, 2.0)).health is Health.UP
    master.kill()
    result = await until(prober, service, lambda result: result.health is not Health.UP)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith(f"replica, its link to the master {master.address} is down")
    assert result.detail["master"] == f"{master.address}, link down"
    master.restart()
    await until(prober, service, lambda result: result.health is Health.UP)


async def test_a_replica_whose_master_hangs(prober: Prober, start: Start) -> None:
    """A stopped process holds its connection: the replica gives it up, and then its link is down."""
    master, replica = pair(start, "--repl-timeout", "2")
    master.pause()
    result = await until(prober, redis(replica.address), lambda result: result.health is not Health.UP)
    assert result.reason.startswith(f"replica, its link to the master {master.address} is down")


async def test_a_replica_that_refuses_old_data(prober: Prober, start: Start) -> None:
    """MASTERDOWN is told with the master's address; the connection to a master that never was has no age."""
    with faults.refused() as nobody:
        host, _, port = nobody.partition(":")
        serving = start(lambda folder: servers.redis(folder, "--replicaof", host, port))
        result = await look(prober, serving.address)
        assert (result.health, result.reason) == (
            Health.DEGRADED,
            f"replica, its link to the master {nobody} is down",
        )
        ask(serving.port, "CONFIG", "SET", "replica-serve-stale-data", "no")
        result = await look(prober, serving.address)
    assert result.health is Health.DEGRADED
    assert result.reason == f"replica without its master {nobody}, does not serve old data"


async def test_a_master_whose_replica_hangs(prober: Prober, start: Start) -> None:
    """A replica further behind than allowed is named with its seconds; without a limit it is none."""
    master, replica = pair(start)
    strict, mild = redis(master.address, redis=RedisAsks(lag=1.5)), redis(master.address, redis=RedisAsks())
    replica.pause()
    result = await until(prober, strict, lambda result: result.health is not Health.UP)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith(f"replica {replica.address} is ")
    assert result.reason.endswith(" s behind")
    assert (await prober(mild, 2.0)).health is Health.UP
    asks = RedisAsks(lag=1.5, replicas=1)
    result = await look(prober, master.address, redis=asks)
    assert result.reason.startswith(f"0 of 1 replicas in step; replica {replica.address} is ")


async def test_too_few_replicas(prober: Prober, start: Start) -> None:
    """A replica that died is missed where a number was asked for."""
    master, replica = pair(start)
    service = redis(master.address, redis=RedisAsks(replicas=1))
    assert (await prober(service, 2.0)).health is Health.UP
    replica.kill()
    result = await until(prober, service, lambda result: result.health is not Health.UP)
    assert (result.health, result.reason) == (Health.DEGRADED, "0 of 1 replicas in step")


async def test_a_replica_that_still_copies_is_named_on_both_sides(prober: Prober, start: Start) -> None:
    """While the master sends its data, the replica is not in step, and says so itself."""
    master = start(lambda folder: redis_servers.master(folder, "--rdb-key-save-delay", "20000"))
    for number in range(1000):
        ask(master.port, "SET", f"key{number}", "x")
    replica = start(lambda folder: redis_servers.replica(folder, master))
    copies = await until(
        prober, redis(replica.address), lambda result: "its link to the master" not in result.reason
    )
    assert copies.health is Health.DEGRADED
    assert copies.reason.startswith("replica, copies the data of its master")
    above = await look(prober, master.address, redis=RedisAsks(replicas=1))
    assert above.health is Health.DEGRADED
    assert above.reason.startswith(f"0 of 1 replicas in step; replica {replica.address} is not in step yet (")


async def test_a_master_that_misses_replicas_refuses_writes(prober: Prober, start: Start) -> None:
    """`min-replicas-to-write` without a replica in step: nothing can be written, and that is said."""
    server = start(lambda folder: servers.redis(folder, "--min-replicas-to-write", "1"))
    result = await look(prober, server.address)
    assert result.health is Health.DEGRADED
    assert result.reason == "refuses writes: too few replicas in step (min-replicas-to-write)"


def fill(server: servers.Server) -> None:
    """Write until nothing more goes in, or something was thrown out."""
    for number in range(1000):
        if ask(server.port, "SET", f"key{number}", "x" * 50_000).startswith("-OOM"):
            return
        if "evicted_keys:0" not in ask(server.port, "INFO", "stats"):
            return
    raise AssertionError("it never was full")


async def test_memory_that_is_really_full(prober: Prober, start: Start) -> None:
    """Full without evicting is DEGRADED. A cache that evicts is full by design: DEGRADED only when asked."""
    server = start(lambda folder: servers.redis(folder, "--maxmemory", "4mb"))
    before = await look(prober, server.address)
    assert (before.health, before.reason) == (Health.UP, "PONG")
    assert before.detail["memory"].endswith(" of 4.0 MB")
    fill(server)
    full = await look(prober, server.address)
    assert full.health is Health.DEGRADED
    assert full.reason.startswith("memory ")
    assert " % of 4.0 MB, noeviction: " in full.reason
    assert full.reason.endswith(" refused")
    ask(server.port, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    cache = await look(prober, server.address)
    assert (cache.health, cache.reason) == (Health.UP, "PONG")
    strict = await look(prober, server.address, redis=RedisAsks(memory=0.9))
    assert strict.health is Health.DEGRADED
    assert strict.reason.endswith(" % of 4.0 MB, then allkeys-lru evicts keys")
    content = await look(prober, server.address, redis=RedisAsks(memory=1))
    assert (content.health, content.reason) == (Health.UP, "PONG")


def without_folder(start: Start, *extra: str) -> servers.Server:
    """A Redis whose folder for its data is gone."""

    def make(folder: Path) -> servers.Server:
        (folder / "data").mkdir(parents=True)
        return servers.redis(folder, "--dir", str(folder / "data"), *extra)

    server = start(make)
    shutil.rmtree(server.folder / "data")
    return server


async def test_a_snapshot_that_failed(prober: Prober, start: Start) -> None:
    """BGSAVE into a folder that is gone: DEGRADED in plain words, UP again after one that succeeded."""
    server = without_folder(start)
    service = redis(server.address)
    assert (await prober(service, 2.0)).health is Health.UP
    ask(server.port, "BGSAVE")
    result = await until(prober, service, lambda result: result.health is not Health.UP)
    assert (result.health, result.reason) == (Health.DEGRADED, "the last snapshot to disk failed")
    assert "rdb_last_bgsave_status: err" in result.raw


async def test_a_failed_snapshot_that_stops_writes(prober: Prober, start: Start) -> None:
    """With snapshots configured Redis answers MISCONF, even to PING: it refuses writes."""
    server = without_folder(start, "--save", "3600 1")
    ask(server.port, "BGSAVE")
    result = await until(prober, redis(server.address), lambda result: result.health is not Health.UP)
    assert result.health is Health.DEGRADED
    assert result.reason == "refuses writes: the last snapshot to disk failed"


async def test_a_rewrite_that_failed(prober: Prober, start: Start) -> None:
    """The append-only file could not be written anew."""
    server = without_folder(start, "--appendonly", "yes")
    ask(server.port, "BGREWRITEAOF")
    result = await until(prober, redis(server.address), lambda result: result.health is not Health.UP)
    assert result.health is Health.DEGRADED
    assert result.reason == "the last rewrite of the append-only file failed"


async def test_loading_is_degraded_and_says_how_far_it_is(prober: Prober, start: Start) -> None:
    """A Redis that was started anew and reads its data gives its progress; then it is UP."""
    slow = ("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    server = start(lambda folder: servers.redis(folder, *slow))
    for number in range(1000):
        ask(server.port, "SET", f"key{number}", "x" * 20)
    ask(server.port, "SAVE")
    server.ready = lambda port: _says(port, "-LOADING", "+PONG")
    server.restart()
    service = redis(server.address)
    result = await until(prober, service, lambda result: " %" in result.reason or result.health is Health.UP)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith("loading its data into memory, ")
    assert result.detail["ready in"].endswith(" s")
    await until(prober, service, lambda result: result.health is Health.UP)


def _says(port: int, *beginnings: str) -> bool:
    with suppress(OSError):
        return ask(port, "PING").startswith(beginnings)
    return False


async def test_a_script_that_does_not_end(prober: Prober, start: Start) -> None:
    """BUSY: nobody is served, so it is DOWN, in words; UP again when the script was killed."""
    server = start(lambda folder: servers.redis(folder, "--busy-reply-threshold", "10"))
    service = redis(server.address)
    assert (await prober(service, 2.0)).health is Health.UP
    with socket.create_connection(("127.0.0.1", server.port)) as endless:
        endless.sendall(b'EVAL "while true do end" 0\r\n')
        result = await until(prober, service, lambda result: result.health is not Health.UP)
        assert result.health is Health.DOWN
        assert result.reason == "blocked by a long script: everything else is refused (BUSY)"
        ask(server.port, "SCRIPT", "KILL")
        await until(prober, service, lambda result: result.health is Health.UP)


async def test_connections_that_are_rejected_between_two_looks(prober: Prober, start: Start) -> None:
    """Somebody was turned away since the last look: DEGRADED once; the number stays in the detail."""
    server = start(lambda folder: servers.redis(folder, "--maxclients", "2"))
    service = redis(server.address)
    await until(prober, service, lambda result: result.detail.get("clients") == "1")
    with socket.create_connection(("127.0.0.1", server.port), 5) as occupant:
        occupant.sendall(b"PING\r\n")
        assert occupant.recv(64).startswith(b"+PONG")
        before = int((await prober(service, 2.0)).detail.get("rejected", "0"))
        assert "max number of clients" in ask(server.port, "PING")
        result = await prober(service, 2.0)
        full = "no client more gets in: 2 of 2 connected"
        assert (result.health, result.reason) == (
            Health.DEGRADED,
            f"{full}; 1 connection rejected since the last look",
        )
        assert result.detail["rejected"] == str(before + 1)
        again = await prober(service, 2.0)
        assert (again.reason, again.detail["rejected"]) == (full, str(before + 1))
    after = await until(prober, service, lambda result: "no client" not in result.reason)
    assert (after.health, after.detail["rejected"]) == (Health.UP, str(before + 1))


async def test_a_server_that_is_full_is_so_in_every_look(prober: Prober, start: Start) -> None:
    """The room has the last place: DEGRADED steadily, whether or not somebody was turned away meanwhile."""
    server = start(servers.redis)
    service = redis(server.address)
    assert (await prober(service, 2.0)).health is Health.UP
    assert ask(server.port, "CONFIG", "SET", "maxclients", "1").startswith("+OK")
    full = "no client more gets in: 1 of 1 connected"
    await until(prober, service, lambda result: result.reason == full)
    for turned_away in (True, False, True, False):
        words = full
        if turned_away:
            assert "max number of clients" in ask(server.port, "PING")
            words = f"{full}; 1 connection rejected since the last look"
        result = await prober(service, 2.0)
        assert (result.health, result.reason) == (Health.DEGRADED, words)


async def test_a_connection_made_anew_takes_the_place_of_the_old_one(start: Start, prober: Prober) -> None:
    """On a server that is full nobody is turned away because the room holds two places for a moment."""
    service = redis(start(servers.redis).address)
    case = Case(service, parse(service.url), prober.context(2.0))
    place, links = case.where.places[0], Links(kept_for=0.0)
    limit = Question(packed("CONFIG", "SET", "maxclients", "1"), 1)
    assert (await links.ask(limit, place, case, 2.0)).replies == [b"OK"]
    pongs = [(await links.ask(QUESTION, place, case, 2.0)).replies[0] for _ in range(10)]
    links.close()
    assert pongs == [b"PONG"] * 10


async def test_what_was_asked_for_and_may_not_be_known(prober: Prober, start: Start) -> None:
    """A user without INFO is enough for PING; that a role asked for cannot be told then is said."""

    def make(folder: Path) -> servers.Server:
        folder.mkdir()
        (folder / "users.acl").write_text("user default on nopass +ping\n", encoding="utf-8")
        return servers.redis(folder, "--aclfile", str(folder / "users.acl"))

    server = start(make)
    assert (await look(prober, server.address)).health is Health.UP
    result = await look(prober, server.address, redis=RedisAsks(role="master"))
    assert result.health is Health.DEGRADED
    assert "may not ask for INFO" in result.reason


async def test_the_raw_answer_is_made_when_there_is_something_new(prober: Prober, start: Start) -> None:
    """Lines of INFO come with the first look and with another reason; nothing stored is among them."""
    server = start(servers.redis)
    ask(server.port, "SET", "a-name-of-a-key", "its-value")
    service = redis(server.address)
    first, second = await prober(service, 2.0), await prober(service, 2.0)
    assert {"redis_mode: standalone", "role: master"} <= set(first.raw.splitlines())
    assert second.raw == ""
    assert "db0" not in first.raw
    assert str(server.folder) not in str(first)


HEALTHY = "role:master\r\nrejected_connections:{}\r\n{}\r\n"


@pytest.mark.parametrize(
    ("info", "asks", "reason"),
    [
        ("connected_clients:9\r\nmaxclients:10", RedisAsks(), "PONG"),
        ("connected_clients:10\r\nmaxclients:10", RedisAsks(), "no client more gets in: 10 of 10 connected"),
        ("connected_clients:12\r\nmaxclients:10", RedisAsks(), "no client more gets in: 12 of 10 connected"),
        (
            "connected_clients:7\r\nmaxclients:10\r\ncluster_connections:2\r\nconnected_slaves:1",
            RedisAsks(),
            "no client more gets in: 10 of 10 connected",
        ),
        ("connected_clients:10", RedisAsks(), "PONG"),
        ("connected_clients:1\r\nmaxclients:0", RedisAsks(), "PONG"),
        ("connected_clients:x\r\nmaxclients:1", RedisAsks(), "PONG"),
        ("aof_last_write_status:err", RedisAsks(), "the append-only file cannot be written"),
        ("master_failover_state:failover-in-progress", RedisAsks(), "failover in progress"),
        (
            "maxmemory:100\r\nused_memory:95\r\nmaxmemory_policy:noeviction",
            RedisAsks(),
            "memory 95 % of 100 B",
        ),
        ("maxmemory:100\r\nused_memory:90\r\nmaxmemory_policy:noeviction", RedisAsks(), "PONG"),
        ("maxmemory:100\r\nused_memory:60", RedisAsks(memory=0.5), "memory 60 % of 100 B"),
        ("maxmemory:100\r\nused_memory:100\r\nmaxmemory_policy:allkeys-lru", RedisAsks(), "PONG"),
        ("maxmemory:100\r\nused_memory:100\r\nmaxmemory_policy:volatile-ttl", RedisAsks(), "PONG"),
        (
            "maxmemory:100\r\nused_memory:95\r\nmaxmemory_policy:allkeys-lru",
            RedisAsks(memory=0.9),
            "memory 95 % of 100 B, then allkeys-lru evicts keys",
        ),
        ("maxmemory:9\r\nused_memory:10\r\nmaxmemory_policy:allkeys-lru", RedisAsks(memory=1), "PONG"),
        ("maxmemory:9\r\nused_memory:10\r\nmaxmemory_policy:noeviction", RedisAsks(memory=1), "memory 111 %"),
        ("maxmemory:0\r\nused_memory:99999999999", RedisAsks(), "PONG"),
        ("maxmemory:x\r\nused_memory:-1", RedisAsks(), "PONG"),
        (
            "connected_slaves:99999999\r\nslave0:ip=\x1b[31m,port=1,state=odd",
            RedisAsks(),
            "replica [31m:1 is not",
        ),
        ("connected_slaves:1\r\nslave0:,,=", RedisAsks(), "replica : is not in step yet"),
    ],
)
def test_what_cannot_be_staged_is_judged_from_its_words(info: str, asks: RedisAsks, reason: str) -> None:
    """Fields as servers write them, broken ones included, and what each of them means."""
    said = Said([b"PONG", HEALTHY.format(0, info).encode()], None)
    verdict = judge(said, asks, Seen())
    assert verdict.reason.startswith(reason)
    assert verdict.health is (Health.UP if reason == "PONG" else Health.DEGRADED)


@pytest.mark.parametrize(("silence", "healthy"), [(9, True), (10, True), (11, False)])
def test_a_master_that_has_nothing_to_say_is_silent_for_ten_seconds(silence: int, healthy: bool) -> None:
    """A shorter limit than the pause between two pings would blame replicas of every idle master."""
    info = f"role:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:{silence}\r\n"
    verdict = judge(Said([b"PONG", info.encode()], None), RedisAsks(lag=1), Seen())
    assert (verdict.health is Health.UP) is healthy
    assert judge(Said([b"PONG", info.encode()], None), RedisAsks(), Seen()).health is Health.UP


def test_a_counter_that_began_anew_has_grown_by_what_it_shows() -> None:
    """After a restart the smaller number is what was rejected since; the first look says nothing of it."""
    seen = Seen()
    reasons = [
        judge(Said([b"PONG", HEALTHY.format(count, "").encode()], None), RedisAsks(), seen).reason
        for count in (7, 7, 9, 3, 0)
    ]
    assert reasons == [
        "PONG",
        "PONG",
        "2 connections rejected since the last look",
        "3 connections rejected since the last look",
        "PONG",
    ]


def test_the_age_of_a_link_that_never_was_is_not_shown() -> None:
    """Before 7.0 such a link is down since 1970."""
    for since, end in ((1_700_000_000, "is down"), (12, "is down for 12 s"), (-1, "is down")):
        info = (
            "role:slave\r\nmaster_host:h\r\nmaster_port:1\r\nmaster_link_status:down\r\n"
            f"master_link_down_since_seconds:{since}\r\n"
        )
        verdict = judge(Said([b"PONG", info.encode()], None), RedisAsks(), Seen())
        assert verdict.reason == f"replica, its link to the master h:1 {end}"


def test_every_section_that_is_refused_leaves_an_answer() -> None:
    """PING alone is enough to be UP."""
    refusals = [Refusal("NOPERM this user has no permissions")] * len(SECTIONS)
    verdict = judge(Said([b"PONG", *refusals], None), RedisAsks(), Seen())
    assert (verdict.health, verdict.reason, verdict.detail) == (Health.UP, "PONG", {})


async def test_looks_that_overlap_leave_one_connection(prober: Prober, start: Start) -> None:
    """Ten looks at once need ten connections; one of them is kept."""
    server = start(servers.redis)
    service = redis(server.address)
    found = await asyncio.gather(*(prober(service, 2.0) for _ in range(10)))
    assert {result.health for result in found} == {Health.UP}
    await until(prober, service, lambda result: result.detail["clients"] == "1")
