"""The lease on real Redis servers: one leads, whatever dies, stops or is cut off; and another soon after."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.stores.elapsed import elapsed
from controlroom.stores.lease import Held, Lease, open_lease
from controlroom.stores.logs import Settings
from tests.chaos.network import cable
from tests.conftest import Start
from tests.stores.leading import Act, acts_of, await_act, leading, overlaps
from tests.stores.redis_logs import eventually, refusal, within

LEASE = 1.0
KEY = "{controlroom}:lease"

Open = Callable[[str], Lease]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the lease at a URL; all are closed at the end."""
    made: list[Lease] = []

    def go(url: str) -> Lease:
        made.append(open_lease(url, Settings(), LEASE))
        return made[-1]

    yield go
    for lease in made:
        lease.close()


def alone(tmp_path: Path, start: Start) -> str:
    """One server."""
    del tmp_path
    return f"redis://{start(servers.redis).address}/0"


def behind_sentinel(tmp_path: Path, start: Start) -> str:
    """The master that a sentinel names."""
    del tmp_path
    master = start(redis_servers.master)
    sentinel = start(lambda folder: redis_servers.sentinel(folder, master, quorum=1))
    return f"redis+sentinel://{sentinel.address}/{redis_servers.MASTER}"


def in_a_cluster(tmp_path: Path, start: Start) -> str:
    """Three masters; the one that is named does not have the lease."""
    del tmp_path
    nodes = [start(redis_servers.cluster_node) for _ in range(3)]
    redis_servers.join(nodes)
    owner = redis_servers.owner(nodes, KEY)
    return f"redis+cluster://{next(node for node in nodes if node is not owner).address}"


@pytest.fixture(params=[alone, behind_sentinel, in_a_cluster], ids=lambda make: make.__name__)
def url(request: pytest.FixtureRequest, tmp_path: Path, start: Start) -> str:
    """A fresh server, run in each way."""
    make: Callable[[Path, Start], str] = request.param
    return make(tmp_path, start)


@pytest.fixture
def server(start: Start) -> servers.Server:
    """One server."""
    return start(servers.redis)


def taken(lease: Lease, holder: str, patience: float = 3 * LEASE) -> Held:
    """The lease, once `holder` can have it."""
    give_up = time.monotonic() + patience
    while (held := lease.take(holder)) is None:
        assert time.monotonic() < give_up, "the lease cannot be had"
        time.sleep(0.01)  # a lease that ends gives no event to wait for
    return held


def test_one_leads_and_the_next_has_a_higher_term(url: str, opened: Open) -> None:
    """However Redis is run: it is one's until it lets go or says nothing for a lease, then another's."""
    one, other = opened(url), opened(url)
    first = taken(one, "one")
    assert other.take("other") is None
    again = one.take("one")
    assert again is not None
    assert (again.holder, again.term) == ("one", first.term)
    one.release(first)
    second = other.take("other")
    assert second is not None
    assert second.term > first.term
    assert one.renew(first) is None
    one.release(first)
    assert other.renew(second) is not None
    third = taken(one, "one")
    assert third.term > second.term
    assert other.renew(second) is None


def test_it_is_relied_upon_for_less_than_it_lasts(server: servers.Server, opened: Open) -> None:
    """`until` counts from before the request, less a margin, by a clock that goes on in sleep."""
    lease = opened(f"redis://{server.address}")
    taken(lease, "one")
    asked = elapsed()
    held = lease.take("one")
    assert held is not None
    assert asked < held.until <= elapsed() + 0.9 * LEASE
    assert held.until < asked + 0.95 * LEASE
    renewed = lease.renew(held)
    assert renewed is not None
    assert held.until < renewed.until <= elapsed() + 0.9 * LEASE


SLEPT = """
import sys, time
from controlroom.collecting.lead import Lead
from controlroom.sources.shards import Part
from controlroom.domain.services import Service
from controlroom.stores.lease import open_lease
from controlroom.stores.logs import Settings

lease = open_lease(sys.argv[1], Settings(), 2.0)
while (held := lease.take("one")) is None:
    time.sleep(0.01)  # a server that is young gives none yet
lead, part = Lead(), Part("one", [Service("vault", "tcp")], 60.0, 60.0)
lead.take(held)
part.assign(["one"], held.until)
now = time.clock_gettime(time.CLOCK_BOOTTIME)
print(now - time.monotonic() > 90_000, 0 < held.until - now < 2, lead.leads, part.asks("vault"))
lead.take(held._replace(until=now - 1))
part.assign(["one"], now - 1)
print(not lead.leads, not part.asks("vault"))
"""


def test_it_is_over_while_its_machine_sleeps(server: servers.Server) -> None:
    """Time in which the machine slept counts; where it slept long before, the lease holds all the same."""
    command = ["unshare", "--time", "--boottime", "100000", sys.executable, "-c", SLEPT]
    done = subprocess.run(
        [*command, f"redis://{server.address}"], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("another clock cannot be had here: it takes root, and Linux")
    assert done.stdout.split() == ["True"] * 6, done.stderr


def test_the_key_is_as_it_is_written_down(server: servers.Server, opened: Open) -> None:
    """Whoever writes in a leader's name finds term and holder in the key, which expires."""
    held = taken(opened(f"redis://{server.address}"), "häuptling 1")
    assert f"{held.term} häuptling 1" in ask(server.port, "GET", KEY)
    assert 0 < int(ask(server.port, "PTTL", KEY)[1:]) <= 1000 * LEASE
    assert f"{held.term}" in ask(server.port, "GET", f"{KEY}:term")


def test_who_renews_keeps_it(server: servers.Server, opened: Open) -> None:
    """For longer than the lease, while another one asks for it all the time."""
    one, other = opened(f"redis://{server.address}"), opened(f"redis://{server.address}")
    held: Held | None = taken(one, "one")
    end = time.monotonic() + 3 * LEASE
    while time.monotonic() < end:
        assert held is not None
        held = one.renew(held)
        assert other.take("other") is None
        time.sleep(LEASE / 5)
    assert held is not None


def test_of_many_at_once_one_gets_it(server: servers.Server, opened: Open) -> None:
    """Twelve ask at the same moment that it is let go of."""
    before = taken(opened(f"redis://{server.address}"), "before")
    leases = [opened(f"redis://{server.address}") for _ in range(12)]
    leases[0].release(before)
    answers: list[Held | None] = []
    barrier = threading.Barrier(len(leases))

    def take(number: int) -> None:
        barrier.wait()
        answers.append(leases[number].take(f"room-{number}"))

    threads = [threading.Thread(target=take, args=(n,)) for n in range(len(leases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(leases)
    assert sum(answer is not None for answer in answers) == 1


def test_who_is_there(server: servers.Server, opened: Open) -> None:
    """Sorted, until they leave or say nothing for a lease; what something else wrote is no collector."""
    one, other = opened(f"redis://{server.address}"), opened(f"redis://{server.address}")
    assert one.attend("one") == ["one"]
    assert other.attend("another") == ["another", "one"]
    ask(server.port, "ZADD", f"{KEY}:members", "9999999999999", "\x1b[31mred")
    ask(server.port, "ZADD", f"{KEY}:members", "9999999999999", "x" * 300)
    assert one.attend("one") == ["another", "one"]
    other.leave("another")
    assert one.attend("one") == ["one"]
    other.attend("another")
    give_up = time.monotonic() + 3 * LEASE
    while one.attend("one") != ["one"]:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    with pytest.raises(ValueError, match="one clean line"):
        one.attend("two\nlines")


# No two leaders act


class Three:
    """Three processes that want to lead, each with a cable of its own, and what they did."""

    def __init__(self, acts: Path) -> None:
        self.path = acts

    def leader(self, but: Act | None = None) -> Act:
        """An act of whoever leads, later than `but` and under another term."""
        return await_act(self.path, lambda act: but is None or (act.at > but.at and act.term > but.term))

    def last(self) -> Act:
        """The newest act."""
        return acts_of(self.path)[-1]


@pytest.mark.parametrize("fault", ["kill", "stop", "partition"])
def test_another_takes_over_within_three_lease_times(
    server: servers.Server, tmp_path: Path, fault: str
) -> None:
    """The leader is killed, stopped, cut off: another one acts soon, the old one never again in between.

    Stopped and cut off it comes back: it does nothing under its old term once another one has acted.
    """
    three = Three(tmp_path / "acts")
    names = ("east", "north", "west")
    with (
        cable("127.0.0.1", server.port) as east,
        cable("127.0.0.1", server.port) as north,
        cable("127.0.0.1", server.port) as west,
    ):
        cables = dict(zip(names, (east, north, west), strict=True))
        url = "redis://127.0.0.1:{}"
        with (
            leading(url.format(east.port), "east", LEASE, three.path) as one,
            leading(url.format(north.port), "north", LEASE, three.path) as two,
            leading(url.format(west.port), "west", LEASE, three.path) as third,
        ):
            processes = dict(zip(names, (one, two, third), strict=True))
            act = three.leader()
            for _ in range(2 if fault == "kill" else 3):
                at = time.monotonic()
                if fault == "kill":
                    processes[act.by].kill()
                elif fault == "stop":
                    processes[act.by].send_signal(signal.SIGSTOP)
                else:
                    cables[act.by].pull()
                after = three.leader(three.last())
                assert after.by != act.by
                assert after.at - at < 3 * LEASE
                if fault == "stop":
                    processes[act.by].send_signal(signal.SIGCONT)
                elif fault == "partition":
                    cables[act.by].put_back()
                act = after
            await_act(three.path, lambda one: one.at > act.at + LEASE)
    assert overlaps(acts_of(three.path)) == []


def test_no_two_act_while_the_server_stops_and_starts_anew(server: servers.Server, tmp_path: Path) -> None:
    """Stopped for longer than the lease, then killed and started with nothing left: one acts at a time."""
    three = Three(tmp_path / "acts")
    url = f"redis://{server.address}"
    with (
        leading(url, "east", LEASE, three.path),
        leading(url, "north", LEASE, three.path),
        leading(url, "west", LEASE, three.path),
    ):
        three.leader()
        server.pause()
        time.sleep(1.5 * LEASE)
        server.resume()
        act = three.leader(three.last())
        server.restart()
        began = time.monotonic()
        after = three.leader(act)
        assert after.at - began < 3 * LEASE
        await_act(three.path, lambda one: one.at > after.at + LEASE)
    assert overlaps(acts_of(three.path)) == []


# What a server may lose


def test_a_server_that_lost_all_gives_none_while_the_old_one_may_last(
    server: servers.Server, opened: Open
) -> None:
    """Started anew and empty it does not know who leads: it waits as long as a lease lasts."""
    one, other = opened(f"redis://{server.address}"), opened(f"redis://{server.address}")
    held = taken(one, "one")
    server.restart()
    eventually(lambda: one.attend("one"))
    second = taken(other, "other")
    assert time.monotonic() > held.until
    assert second.term > held.term
    assert one.renew(held) is None


def test_a_replica_that_missed_the_lease_gives_none_while_it_may_last(start: Start, opened: Open) -> None:
    """Made master after the last writes were lost, it waits for a lease, and its term is higher still."""
    master = start(redis_servers.master)
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    one, other = opened(f"redis://{master.address}"), opened(f"redis://{replica.address}")
    before = taken(one, "before")
    one.release(before)
    ask(master.port, "WAIT", "1", "5000")
    replica.pause()
    held = one.take("one")
    assert held is not None
    master.kill()
    replica.resume()
    ask(replica.port, "REPLICAOF", "NO", "ONE")
    second = taken(other, "other")
    assert time.monotonic() > held.until
    assert second.term > held.term


def test_a_master_that_is_cut_off_renews_nothing(start: Start, opened: Open) -> None:
    """Where it has to have a replica, as is written down: its leader finds out, and stops in time."""
    master = start(
        lambda folder: redis_servers.master(
            folder, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"
        )
    )
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    lease = opened(f"redis://{master.address}")
    held = taken(lease, "one")
    replica.pause()

    def renew_for_long() -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert lease.renew(held) is not None
            time.sleep(0.05)

    assert "too few replicas" in refusal(renew_for_long).reason


# What goes wrong with a server


def test_a_server_that_hangs_is_given_up_while_the_lease_lasts(server: servers.Server, opened: Open) -> None:
    """A call ends within a third of the lease, so that another one can be tried."""
    lease = opened(f"redis://{server.address}")
    held = taken(lease, "one")
    server.pause()
    began = time.monotonic()
    assert "no answer" in refusal(lambda: lease.renew(held)).reason
    assert time.monotonic() - began < 0.5 * LEASE
    server.resume()
    assert lease.renew(held) is not None


def test_the_rights_that_are_written_down_are_enough_and_needed(server: servers.Server) -> None:
    """A user with them can do all; without one of them it is said which."""
    rights = (
        *("+eval", "+evalsha", "+info", "+time", "+get", "+set", "+del", "+hmget", "+hset"),
        *("+zadd", "+zrem", "+zrange", "+zremrangebyscore"),
    )
    ask(server.port, "ACL", "SETUSER", "lead", "on", ">pearl", "~{controlroom}:*", *rights)
    url = f"redis://{server.address}"
    lease = open_lease(url, Settings(username="lead", password="pearl"), LEASE)
    held = taken(lease, "one")
    assert lease.renew(held) is not None
    assert lease.attend("one") == ["one"]
    lease.leave("one")
    lease.release(held)
    ask(server.port, "ACL", "SETUSER", "lead", "-info")
    assert "INFO" in refusal(lambda: lease.take("one")).reason
    lease.close()


def test_a_key_of_another_kind_and_a_server_that_is_away(server: servers.Server, opened: Open) -> None:
    """Why it cannot be had, in plain words, soon."""
    lease = opened(f"redis://{server.address}")
    taken(lease, "one")
    ask(server.port, "DEL", KEY)
    ask(server.port, "LPUSH", KEY, "x")
    assert "WRONGTYPE" in refusal(lambda: lease.take("one")).reason
    server.kill()
    with within(LEASE / 3):
        assert "refused" in refusal(lambda: lease.take("one")).reason
    with pytest.raises(ValueError, match="a Redis url begins with"):
        opened("ftp://x")
