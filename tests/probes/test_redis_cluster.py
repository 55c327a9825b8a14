"""A real Redis cluster that loses nodes, with and without a replica for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from controlroom.domain.asks import RedisAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health
from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start
from tests.probes.redis_asking import RIGHT, SECRETS, asking, look, redis, until


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober of the test's own."""
    async with asking() as made:
        yield made


def at(nodes: Sequence[servers.Server], *before: str) -> str:
    """The url of their cluster."""
    return f"redis+cluster://{','.join([*before, *(node.address for node in nodes)])}"


def cluster(start: Start, *extra: str) -> list[servers.Server]:
    """Three masters."""
    nodes = [start(lambda folder: redis_servers.cluster_node(folder, *extra)) for _ in range(3)]
    redis_servers.join(nodes)
    return nodes


def up(result: ProbeResult) -> bool:
    """It is UP."""
    return result.health is Health.UP


async def test_a_cluster_that_loses_a_node_without_a_replica(prober: Prober, start: Start) -> None:
    """Suspected it is DEGRADED, failed it is DOWN with the slots that are not covered, restarted it is UP."""
    nodes = cluster(start)
    service = redis(at(nodes))
    result = await prober(service, 2.0)
    assert (result.health, result.reason) == (Health.UP, "cluster is ok")
    assert list(result.detail.items())[:2] == [("masters", "3 of 3 nodes"), ("slots", "16384 of 16384")]
    assert "cluster_state: ok" in result.raw
    nodes[2].kill()
    pfail = await until(prober, service, lambda result: not up(result))
    assert pfail.health in (Health.DEGRADED, Health.DOWN)
    assert f"master {nodes[2].address}" in pfail.reason
    result = await until(prober, service, lambda result: result.health is Health.DOWN)
    assert result.reason.startswith("cluster is down: 5460 of 16384 slots not covered; ")
    assert f"master {nodes[2].address} has failed, no replica to take over" in result.reason
    assert result.detail["slots"] == "10924 of 16384"
    nodes[2].restart()
    await until(prober, service, up)


async def test_a_cluster_whose_replica_takes_over(prober: Prober, start: Start) -> None:
    """The killed master is named as long as it is missed; its slots are served again by its replica."""
    nodes = cluster(start)
    spare = start(redis_servers.cluster_node)
    redis_servers.follow(spare, nodes[2])
    asks = RedisAsks(replicas=1)
    wanting = await until(prober, redis(at(nodes), redis=asks), lambda result: "has" in result.reason)
    assert wanting.health is Health.DEGRADED
    assert f"master {nodes[0].address} has 0 of 1 replicas" in wanting.reason
    assert f"master {nodes[2].address} has" not in wanting.reason
    service = redis(at(nodes[:1]))
    assert up(await prober(service, 2.0))
    nodes[2].kill()
    result = await until(
        prober, service, lambda result: result.reason == f"node {nodes[2].address} has failed"
    )
    assert result.health is Health.DEGRADED
    assert result.detail["slots"] == "16384 of 16384"
    nodes[2].restart()
    await until(prober, service, up)


async def test_a_node_in_the_minority_says_so(prober: Prober, start: Start) -> None:
    """One of three masters sees no majority: that is no gap of slots, and is told from one."""
    nodes = cluster(start)
    for node in nodes[1:]:
        node.pause()
    result = await until(
        prober, redis(at(nodes[:1])), lambda result: result.health is Health.DOWN, deadline=1.0
    )
    assert result.reason.startswith("cluster is down: only 1 of 3 masters reachable; master 127.0.0.1:")


async def test_a_node_that_is_cut_off_does_not_speak_for_the_others(prober: Prober, start: Start) -> None:
    """Two clusters in one url: the node that calls its own down is named, the other one's view counts."""
    good = start(redis_servers.cluster_alone)
    lonely = start(redis_servers.cluster_node)
    result = await look(prober, at([lonely, good]))
    assert result.health is Health.DEGRADED
    assert result.reason == f"node {lonely.address} calls the cluster down"
    assert result.detail["asked"] == good.address
    result = await look(prober, at([lonely]))
    assert result.health is Health.DOWN
    assert result.reason.startswith("cluster is down: 16384 of 16384 slots not covered")


async def test_dead_and_hung_nodes_are_named_and_the_next_one_is_asked(prober: Prober, start: Start) -> None:
    """The first node that answers is enough, within its share of the time."""
    node = start(redis_servers.cluster_alone)
    with faults.refused() as nobody, faults.silent() as hung:
        result = await look(prober, at([node], nobody, hung), deadline=1.0)
    assert result.health is Health.DEGRADED
    dead, slow = result.reason.split("; ")
    assert dead == f"node {nobody}: connection refused"
    assert re.fullmatch(rf"node {hung}: connected, but no answer within 0\.[2-5]\d? s", slow), slow
    assert result.detail["asked"] == node.address


async def test_no_node_answers(prober: Prober) -> None:
    """All of them are named where they differ."""
    with faults.refused() as one, faults.refused() as other, faults.silent() as hung:
        refused = await look(prober, f"redis+cluster://{one},{other}")
        mixed = await look(prober, f"redis+cluster://{one},{hung}", deadline=0.5)
    assert (refused.health, refused.reason) == (Health.DOWN, "no node answers: connection refused")
    assert mixed.health is Health.DOWN
    assert mixed.reason.startswith(f"no node answers: {one} connection refused; {hung} connected, but no")


async def test_what_is_no_cluster(prober: Prober, start: Start) -> None:
    """A Redis alone has no cluster to speak of; that is said in plain words."""
    server = start(servers.redis)
    result = await look(prober, at([server]))
    assert (result.health, result.reason) == (Health.DOWN, "answers, but is no node of a cluster")


async def test_a_gap_that_the_cluster_tolerates(prober: Prober, start: Start) -> None:
    """Without full coverage required the rest is served: DEGRADED, with the slots that are not."""
    node = start(redis_servers.cluster_alone)
    ask(node.port, "CONFIG", "SET", "cluster-require-full-coverage", "no")
    ask(node.port, "CLUSTER", "DELSLOTS", "1", "2", "3")
    result = await until(prober, redis(at([node])), lambda result: not up(result))
    assert (result.health, result.reason) == (Health.DEGRADED, "3 of 16384 slots not covered")


async def test_passwords_and_rights(prober: Prober, start: Start) -> None:
    """The password is used for every node; a user who may not ask CLUSTER makes it UNKNOWN, not DOWN."""

    def make(folder: Path) -> servers.Server:
        folder.mkdir()
        acl = f"user default on >{SECRETS['RIGHT'].replace(' ', '')} ~* +@all\nuser mute on nopass +ping\n"
        (folder / "users.acl").write_text(acl, encoding="utf-8")
        return redis_servers.cluster_node(folder, "--aclfile", str(folder / "users.acl"))

    node = start(make)
    assert (await look(prober, at([node]))).reason == "asks for a password (NOAUTH)"
    mute = await look(prober, at([node]), username="mute")
    assert mute.health is Health.UNKNOWN
    assert "NOPERM" in mute.reason
    wrong = await look(prober, at([node]), password=RIGHT)
    assert wrong.reason == "user name or password refused (WRONGPASS)"
    right = await look(prober, f"redis+cluster://:correcthorse@{node.address}")
    assert right.reason.startswith("cluster is down: 16384 of 16384 slots")


async def test_hostile_nodes_are_only_words(prober: Prober) -> None:
    """Lists of nodes that are none, and numbers that are none: DOWN, clean, and at once."""
    line = "\x1b[31m x,fail y 0 0 0 connected 0-99999999999999999999 7-3 [5->-z] -9\n"
    state = b"$16\r\ncluster_state:ok\r\n"
    for nodes in (line, "fail", "\n\n\n", "a " * 5000 + "fail"):
        body = nodes.encode()
        said = state + b"$%d\r\n%b\r\n" % (len(body), body) + b"$-1\r\n"
        with faults.scripted(faults.says(said)) as address:
            result = await look(prober, f"redis+cluster://{address}")
        assert result.health is Health.DEGRADED
        assert result.reason.startswith("16384 of 16384 slots not covered")
        assert result.reason.isprintable()
