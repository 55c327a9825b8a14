"""A Redis behind real sentinels: who is the master, who may make another one, and what is broken where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from controlroom.domain.asks import RedisAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health
from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import MASTER, ask
from controlroom.probes.port import REASON_LIMIT, Trouble
from controlroom.probes.prober import Prober
from controlroom.probes.redis_failover import in_failover
from tests import faults
from tests.conftest import Start
from tests.probes.redis_asking import RIGHT, SECRETS, WRONG, asking, look, redis, until


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober of the test's own."""
    async with asking() as made:
        yield made


def at(sentinels: Sequence[servers.Server], *more: str, name: str = MASTER) -> str:
    """The url of the master they watch."""
    return f"redis+sentinel://{','.join([*(one.address for one in sentinels), *more])}/{name}"


def watched(
    start: Start, sentinels: int = 3, *, replicas: int = 1, down_after: int = 400
) -> tuple[servers.Server, list[servers.Server], list[servers.Server]]:
    """A master, its replicas, and sentinels that know one another."""
    master = start(redis_servers.master)
    at_once = ("--repl-diskless-sync-delay", "0")
    followers = [
        start(lambda folder: redis_servers.replica(folder, master, *at_once)) for _ in range(replicas)
    ]
    for follower in followers:
        redis_servers.await_replica(follower)
    quorum = sentinels // 2 + 1
    watching = [
        start(lambda folder: redis_servers.sentinel(folder, master, quorum, down_after))
        for _ in range(sentinels)
    ]
    redis_servers.await_quorum(watching, replicas)
    return master, followers, watching


def up(result: ProbeResult) -> bool:
    """It is UP."""
    return result.health is Health.UP


async def test_a_master_that_is_watched_is_up(prober: Prober, start: Start) -> None:
    """The master's address and the quorum come first; the master itself was asked."""
    master, _, sentinels = watched(start)
    result = await look(prober, at(sentinels), redis=RedisAsks(replicas=1, lag=30))
    assert (result.health, result.reason) == (Health.UP, "PONG")
    assert list(result.detail.items())[:2] == [
        ("master", master.address),
        ("quorum", "2, 3 of 3 sentinels usable"),
    ]
    assert result.detail["replicas"] == "1"
    assert result.detail["version"][0].isdigit()
    assert f"sentinel {sentinels[0].address}: master {master.address}, flags master" in result.raw


async def test_a_dead_and_a_hung_sentinel_hide_nothing(prober: Prober, start: Start) -> None:
    """Each is named with what is wrong with it; the master is found and asked all the same."""
    master, _, sentinels = watched(start, 2)
    with faults.refused() as nobody, faults.silent() as hung:
        dead = await look(prober, at(sentinels, nobody))
        slow = await look(prober, at(sentinels, hung), deadline=1.0)
    for result in (dead, slow):
        assert result.health is Health.DEGRADED
        assert result.detail["master"] == master.address
        assert result.latency is not None
    assert dead.reason == f"sentinel {nobody}: connection refused"
    assert slow.reason == f"sentinel {hung}: no answer within 0.5 s"
    assert slow.latency is not None
    assert slow.latency < 0.5


async def test_no_sentinel_answers(prober: Prober) -> None:
    """It is said of the sentinels, each by name where they differ, and never of the master."""
    with faults.refused() as one, faults.refused() as other, faults.silent() as hung:
        refused = await look(prober, f"redis+sentinel://{one},{other}/{MASTER}")
        mixed = await look(prober, f"redis+sentinel://{one},{hung}/{MASTER}", deadline=0.5)
    with faults.black_hole() as first, faults.black_hole() as second:
        lost = await look(prober, f"redis+sentinel://{first},{second}/{MASTER}", deadline=0.5)
    assert (refused.health, refused.reason) == (Health.DOWN, "no sentinel answers: connection refused")
    assert mixed.reason == (
        f"no sentinel answers: {one} connection refused; {hung} connected, but no answer within 0.5 s"
    )
    assert not refused.unreachable
    assert lost.unreachable


async def test_a_name_that_sentinel_does_not_know(prober: Prober, start: Start) -> None:
    """Whoever mistypes the master's name reads that name, also beside a sentinel that is dead."""
    sentinel = start(redis_servers.sentinel_alone)
    with faults.refused() as nobody:
        for more in ((), (nobody,)):
            result = await look(prober, at([sentinel], *more, name="other"))
            assert (result.health, result.reason) == (Health.DOWN, "Sentinel knows no master other")


async def test_what_is_no_sentinel(prober: Prober, start: Start) -> None:
    """A Redis where a sentinel should be."""
    server = start(servers.redis)
    result = await look(prober, at([server]))
    assert (result.health, result.reason) == (Health.DOWN, "answers, but is no sentinel")


async def test_a_master_that_hangs_is_told_from_its_sentinels(prober: Prober, start: Start) -> None:
    """Sentinels answer and the master does not: that is its fault, named with its address."""
    master, _, sentinels = watched(start, 1, down_after=60_000)
    service = redis(at(sentinels))
    assert up(await prober(service, 2.0))
    master.pause()
    result = await prober(service, 0.5)
    assert result.health is Health.DOWN
    assert result.reason.startswith(f"master {master.address}: connected, but no answer within 0.")
    assert result.detail["master"] == master.address
    assert not result.unreachable


async def test_a_master_that_is_killed_without_a_replica(prober: Prober, start: Start) -> None:
    """Refused is said of the master, and who agrees that it is down; restarted, it is UP."""
    master, _, sentinels = watched(start, 1, replicas=0)
    service = redis(at(sentinels))
    assert up(await prober(service, 2.0))
    master.kill()
    result = await prober(service, 2.0)
    assert result.reason.startswith(f"master {master.address} refuses the connection")
    result = await until(
        prober, service, lambda result: "o_down" in result.reason and result.health is Health.DOWN
    )
    assert result.reason == (
        f"master {master.address} refuses the connection; 1 of 1 sentinels agree that it is down (o_down)"
    )
    master.restart()
    await until(prober, service, up)


async def test_a_failover(prober: Prober, start: Start) -> None:
    """The master is killed: DOWN, then a failover; the lost one is missed as a replica until it is one."""
    master, (replica,), sentinels = watched(start)
    service = redis(at(sentinels))
    assert up(await prober(service, 2.0))
    master.kill()
    first = await prober(service, 2.0)
    assert first.health is Health.DOWN
    assert first.reason.startswith(f"master {master.address} refuses the connection")
    seen: list[ProbeResult] = []

    def moved(result: ProbeResult) -> bool:
        seen.append(result)
        return result.reason == f"1 of 1 replica missing: {master.address}"

    result = await until(prober, service, moved)
    assert result.health is Health.DEGRADED
    assert result.detail["master"] == replica.address
    assert any(
        one.health is Health.DEGRADED and one.reason.startswith("failover in progress") for one in seen
    ), [one.reason for one in seen]
    assert not any(up(one) for one in seen), [one.reason for one in seen]
    master.restart()
    ask(master.port, "REPLICAOF", "127.0.0.1", str(replica.port))
    await until(prober, service, up)


def moving(master: str) -> bytes:
    """What a sentinel says that makes another server the master."""
    host, _, port = master.rpartition(":")
    flags = "s_down,o_down,master,failover_in_progress"
    fields = {"ip": host, "port": port, "flags": flags, "failover-state": "wait_promotion", "quorum": "1"}
    words = [word.encode() for pair in fields.items() for word in pair]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b-NOQUORUM 1 usable Sentinels. Not enough to reach the majority\r\n" % (
        len(words),
        bulks,
    )


async def test_a_failover_is_told_in_whole_words(prober: Prober) -> None:
    """Its reason ends where a clause does, however much there is to say of the master and its sentinels."""
    with faults.silent() as hung, faults.refused() as nobody:
        for master, words in (
            (hung, f"master {hung}: connected, but no answer within 0."),
            (nobody, f"master {nobody} refuses the connection"),
        ):
            with faults.scripted(faults.says(moving(master), keep=True)) as sentinel:
                url = f"redis+sentinel://{sentinel},{nobody}/{MASTER}"
                result = await look(prober, url, deadline=0.5)
            assert result.health is Health.DEGRADED
            assert result.reason.startswith(f"failover in progress: {words}")
            assert "…" not in result.reason


async def test_a_failover_to_a_master_that_answers(prober: Prober, start: Start) -> None:
    """It comes first, then what is wrong with the server that is still called the master."""
    server = start(servers.redis)
    ask(server.port, "REPLICAOF", "127.0.0.1", "1")
    with faults.scripted(faults.says(moving(server.address), keep=True)) as sentinel:
        result = await look(prober, at([], sentinel))
    assert (result.health, result.reason) == (
        Health.DEGRADED,
        "failover in progress (wait promotion); "
        f"master {server.address}: is a replica of 127.0.0.1:1, not a master",
    )


LONG = "redis-node-0.redis-headless.production.svc.cluster.internal.example"
WORDS = "connected, but no answer within 0.25 s"


@pytest.mark.parametrize(
    ("host", "trouble", "reason"),
    [
        ("h", "connection refused", "failover in progress: master h:6379 refuses the connection; more"),
        ("::1", WORDS, f"failover in progress: master [::1]:6379: {WORDS}; more"),
        (LONG[:40], WORDS, f"failover in progress: master {LONG[:40]}:6379: {WORDS}; more"),
        (LONG, WORDS, f"failover in progress: master {LONG[:45]}…:6379: {WORDS}"),
        (
            LONG,
            "connection refused",
            f"failover in progress: master {LONG[:59]}…:6379 refuses the connection",
        ),
        (
            LONG[:55],
            f"no such host name: {LONG[:55]}",
            f"failover in progress: no such host name: {LONG[:55]}; more",
        ),
    ],
)
def test_a_failover_of_a_master_with_a_long_name(host: str, trouble: str, reason: str) -> None:
    """What is wrong with it stays whole; what is less telling is left out, and the name is cut at last."""
    assert in_failover((host, 6379), Trouble(trouble), ["more", "and more " * 10]) == reason
    assert len(reason) <= REASON_LIMIT


async def test_a_set_without_a_quorum(prober: Prober, start: Start) -> None:
    """Sentinels that are too few to agree are a danger while the master is well; both dead ones are named."""
    _, _, sentinels = watched(start)
    for sentinel in sentinels[1:]:
        sentinel.kill()
    alone = redis(at(sentinels[:1]))
    result = await until(prober, alone, lambda result: "quorum" in result.reason)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith("no quorum: 1 usable Sentinels")
    result = await look(prober, at(sentinels))
    assert result.reason.startswith("no quorum: ")
    assert "sentinel 127.0.0.1:" in result.reason


async def test_a_sentinel_that_only_the_others_know(prober: Prober, start: Start) -> None:
    """One that is not in the url and died is missed by those that are."""
    _, _, sentinels = watched(start)
    service = redis(at(sentinels[:2]))
    assert up(await prober(service, 2.0))
    sentinels[2].kill()
    result = await until(prober, service, lambda result: not up(result))
    assert (result.health, result.reason) == (Health.DEGRADED, "1 of 3 sentinels not usable")


async def test_passwords_of_masters_and_of_sentinels(prober: Prober, start: Start) -> None:
    """The password is the master's; a sentinel that wants one, too, is told it as well, and only then."""
    right = SECRETS["RIGHT"]
    master = start(lambda folder: redis_servers.master(folder, "--requirepass", right))
    trust = f'sentinel auth-pass {MASTER} "{right}"'
    free = start(lambda folder: redis_servers.sentinel(folder, master, 1, 30_000, trust))
    closed = start(
        lambda folder: redis_servers.sentinel(folder, master, 1, 30_000, trust, f'requirepass "{right}"')
    )
    for sentinel in (free, closed):
        service = redis(at([sentinel]), password=RIGHT)
        for _ in range(2):
            assert up(await prober(service, 2.0))
    missing = await look(prober, at([free]))
    assert (missing.health, missing.reason) == (
        Health.DOWN,
        f"master {master.address}: asks for a password (NOAUTH)",
    )
    wrong = await look(prober, at([closed]), password=WRONG)
    assert (wrong.health, wrong.reason) == (Health.DOWN, "user name or password refused (WRONGPASS)")


async def test_the_masters_own_troubles_are_told_as_such(prober: Prober, start: Start) -> None:
    """What is judged of a Redis alone is judged of the master, too, and named as its own."""
    sentinel = start(redis_servers.sentinel_alone)
    url = at([sentinel])
    port = int((await look(prober, url)).detail["master"].rpartition(":")[2])
    result = await look(prober, url, redis=RedisAsks(replicas=1))
    assert (result.health, result.reason) == (
        Health.DEGRADED,
        f"master 127.0.0.1:{port}: 0 of 1 replicas in step",
    )
    ask(port, "REPLICAOF", "127.0.0.1", "1")
    result = await look(prober, url)
    assert result.health is Health.DEGRADED
    assert result.reason.startswith(f"master 127.0.0.1:{port}: is a replica of 127.0.0.1:1, not a master")


async def test_hostile_sentinels_are_only_words(prober: Prober) -> None:
    """Broken lists, other lists and endless lists: a plain reason each time."""
    for said in (
        b"*0\r\n+OK\r\n",
        b"*1\r\n$2\r\nip\r\n+OK\r\n",
        b"$-1\r\n+OK\r\n",
        b"*4\r\n$2\r\nip\r\n$1\r\nx\r\n$4\r\nport\r\n$6\r\n\x1b[31mx\r\n+OK\r\n",
        b":1\r\n:2\r\n",
        b"*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n:1\r\n",
    ):
        with faults.scripted(faults.says(said)) as address:
            result = await look(prober, f"redis+sentinel://{address}/{MASTER}")
        assert (result.health, result.reason) == (Health.DOWN, "answers, but is no sentinel")
