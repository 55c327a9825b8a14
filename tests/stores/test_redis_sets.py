"""Sentinel and Cluster: the log is where its master is, and what a failover loses is known."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.stores.port import Committed, Missing
from controlroom.stores.redis_log import RedisLog
from tests import faults
from tests.conftest import Start
from tests.stores.redis_logs import BRIEF, KEYS, PATIENT, deed, eventually, ids, refusal, within

LOG = KEYS[0]


def watched(start: Start, *, down_after: int = 400) -> tuple[servers.Server, servers.Server, str]:
    """A master, its replica, and the URL of the three sentinels that watch them."""
    master = start(redis_servers.master)
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    sentinels = [
        start(lambda folder: redis_servers.sentinel(folder, master, down_after=down_after)) for _ in range(3)
    ]
    redis_servers.await_quorum(sentinels)
    hosts = ",".join(one.address for one in sentinels)
    return master, replica, f"redis+sentinel://{hosts}/{redis_servers.MASTER}"


def test_the_log_continues_on_the_new_master(start: Start) -> None:
    """The master is killed: while nobody is master writes wait, then they go on where they were."""
    master, replica, url = watched(start)
    log = RedisLog(url, PATIENT)
    for number in range(1, 6):
        assert isinstance(log.append(deed(number)), Committed)
    before = log.read()
    master.kill()
    with within(2 * PATIENT.timeout):
        refused = refusal(lambda: log.append(deed(6)))
    assert "master that Sentinel names" in refused.reason
    assert "failover" in refused.remedy
    verdict = eventually(lambda: log.append(deed(6)))
    assert isinstance(verdict, Committed)
    page = log.read()
    assert ids(page) == [f"a-{number}" for number in range(1, 7)]
    assert page.entries[:5] == before.entries
    assert page.epoch != before.epoch
    assert "role:master" in ask(replica.port, "INFO", "replication")
    master.restart()  # it comes back as it was, empty, and is made a replica
    assert ids(RedisLog(url, PATIENT).read()) == ids(page)


def test_what_a_failover_loses_is_known(start: Start) -> None:
    """Acknowledged, but never sent to the replica: the log comes anew, shorter, and takes it again by id."""
    master, replica, url = watched(start, down_after=1500)
    log = RedisLog(url, PATIENT)
    assert isinstance(log.append(deed(1)), Committed)
    replica.pause()
    ask(master.port, "CLIENT", "KILL", "TYPE", "replica")  # or the action would wait in its socket
    lost = log.append(deed(2, expect="a-1"))
    assert isinstance(lost, Committed)
    before = log.read()
    master.kill()
    replica.resume()
    eventually(log.read)
    page = log.read(before.head)
    assert page.from_start
    assert ids(page) == ["a-1"]
    assert page.epoch != before.epoch
    assert isinstance(log.append(deed(3, expect="a-2"), resubmitted=True), Missing)
    again = log.append(lost.entry.action, resubmitted=True)
    assert isinstance(again, Committed)
    assert (again.entry, again.replay) == (lost.entry, False)


def test_sentinels_that_are_down_are_passed_over(start: Start) -> None:
    """One that hangs and one that is refused cost their share of the time, not the call."""
    master = start(redis_servers.master)
    sentinel = start(lambda folder: redis_servers.sentinel(folder, master, quorum=1))
    redis_servers.await_quorum([sentinel], replicas=0)
    with faults.black_hole() as hole, faults.refused() as closed:
        url = f"redis+sentinel://{hole},{closed},{sentinel.address}/{redis_servers.MASTER}"
        log = RedisLog(url, replace(PATIENT, timeout=2.0))
        with within(4.0):
            assert isinstance(log.append(deed(1)), Committed)
        with within(0.5):
            assert log.read().head == 1
        nobody = RedisLog(f"redis+sentinel://{hole},{closed}/{redis_servers.MASTER}", BRIEF)
        with within(0.5):
            assert "no sentinel answers" in refusal(nobody.read).reason
    unknown = refusal(RedisLog(f"redis+sentinel://{sentinel.address}/elsewhere", PATIENT).read)
    assert "knows no master elsewhere" in unknown.reason
    plain = refusal(RedisLog(f"redis+sentinel://{master.address}/{redis_servers.MASTER}", PATIENT).read)
    assert "unknown command" in plain.reason.lower()
    master.pause()
    with within(2 * BRIEF.timeout):
        late = refusal(RedisLog(f"redis+sentinel://{sentinel.address}/board", BRIEF).read)
    assert "no answer within" in late.reason


def test_sentinels_get_the_password_when_they_ask_for_it(start: Start) -> None:
    """Not before: one that asks for none is not told it."""
    locked = ("--requirepass", "oyster", "--masterauth", "oyster")
    master = start(lambda folder: servers.redis(folder, *locked))
    sentinel = start(lambda folder: redis_servers.sentinel(folder, master, quorum=1))
    url = f"redis+sentinel://:oyster@{sentinel.address}/{redis_servers.MASTER}"
    assert isinstance(RedisLog(url, PATIENT).append(deed(1)), Committed)
    ask(sentinel.port, "ACL", "SETUSER", "default", ">oyster")
    ask(sentinel.port, "ACL", "SETUSER", "default", "resetpass", ">oyster")
    assert ask(sentinel.port, "PING").startswith("-NOAUTH")
    assert ids(RedisLog(url, PATIENT).read()) == ["a-1"]
    wrong = refusal(RedisLog(url.replace("oyster", "whelk"), PATIENT).read)
    assert "WRONGPASS" in wrong.reason
    assert "whelk" not in str(wrong)


@pytest.fixture
def nodes(start: Start) -> list[servers.Server]:
    """Three masters that share the slots."""
    made = [start(redis_servers.cluster_node) for _ in range(3)]
    redis_servers.join(made)
    return made


def url_of(nodes: list[servers.Server]) -> str:
    return "redis+cluster://" + ",".join(node.address for node in nodes)


def test_any_node_leads_to_the_log(nodes: list[servers.Server]) -> None:
    """Whichever nodes one names, it is the same log; a plain URL says what to write instead."""
    for number, node in enumerate(nodes):
        assert isinstance(RedisLog(url_of([node]), PATIENT).append(deed(number)), Committed)
    assert ids(RedisLog(url_of(nodes), PATIENT).read()) == ["a-0", "a-1", "a-2"]
    owner = redis_servers.owner(nodes, LOG)
    other = next(node for node in nodes if node is not owner)
    refused = refusal(RedisLog(f"redis://{other.address}", PATIENT).read)
    assert "part of a cluster" in refused.reason
    assert "redis+cluster://" in refused.remedy
    assert [sorted(ask(node.port, "DBSIZE").strip() for node in nodes)] == [[":0", ":0", ":3"]]


def test_the_log_moves_with_its_slot(nodes: list[servers.Server]) -> None:
    """While its slot is on the way writes wait; afterwards they go to the new node, and nothing is lost."""
    log = RedisLog(url_of(nodes), PATIENT)
    for number in range(3):
        log.append(deed(number))
    old = redis_servers.owner(nodes, LOG)
    new = next(node for node in nodes if node is not old)
    slot = ask(old.port, "CLUSTER", "KEYSLOT", LOG).strip()[1:]
    name = {node.port: ask(node.port, "CLUSTER", "MYID").split()[1] for node in nodes}
    ask(new.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", name[old.port])
    ask(old.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", name[new.port])
    ask(old.port, "MIGRATE", "127.0.0.1", str(new.port), "", "0", "5000", "KEYS", LOG)
    assert "moving this slot" in refusal(lambda: log.append(deed(3))).reason
    ask(old.port, "MIGRATE", "127.0.0.1", str(new.port), "", "0", "5000", "KEYS", *KEYS[1:])
    assert isinstance(log.append(deed(3)), Committed)  # by ASK
    for node in (new, old, *nodes):
        ask(node.port, "CLUSTER", "SETSLOT", slot, "NODE", name[new.port])
    assert isinstance(log.append(deed(4)), Committed)  # by MOVED
    assert ids(log.read()) == [f"a-{number}" for number in range(5)]
    assert redis_servers.owner(nodes, LOG) is new


def test_a_node_that_is_gone_is_said_in_time(nodes: list[servers.Server]) -> None:
    """Hung or dead: the call ends in time, and works again when the node does."""
    log = RedisLog(url_of(nodes), replace(PATIENT, timeout=1.0))
    log.append(deed(1))
    owner = redis_servers.owner(nodes, LOG)
    owner.pause()
    for _ in range(2):
        with within(2.0):
            assert "within 1 s" in refusal(lambda: log.append(deed(2))).reason
    owner.resume()
    assert isinstance(eventually(lambda: log.append(deed(2))), Committed)
    assert ids(log.read()) == ["a-1", "a-2"]
    owner.kill()
    with within(2.0):
        assert re.search("refused|cluster is down|reset", refusal(log.read).reason)
    for node in nodes:
        node.kill()
    assert "no node of the cluster answers" in refusal(log.read).reason
