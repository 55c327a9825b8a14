"""The relay in Redis: who joins has all, who follows misses nothing unnoticed, and only the leader tells."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.stores import relay_redis
from controlroom.stores.lease import open_lease
from controlroom.stores.logs import Settings
from controlroom.stores.relay import (
    BODY,
    LOST_AFTER,
    Fenced,
    Follower,
    Publisher,
    open_follower,
    open_publisher,
)
from tests import faults
from tests.chaos.network import cable
from tests.conftest import Start
from tests.stores.redis_logs import BRIEF, PATIENT, eventually, refusal, within
from tests.stores.relaying import HEAD, LEASE, ROOM, Collector, Screen, lead
from tests.stores.test_redis_sets import url_of, watched
from tests.stores.test_ring import differing


@pytest.fixture
def opened() -> Iterator[Callable[..., tuple[Publisher, Follower]]]:
    """Both sides at a URL; they are closed at the end."""
    with contextlib.ExitStack() as stack:

        def go(url: str, settings: Settings = PATIENT) -> tuple[Publisher, Follower]:
            publisher, follower = open_publisher(url, settings), open_follower(url, settings)
            stack.callback(publisher.close)
            stack.callback(follower.close)
            return publisher, follower

        yield go


Opened = Callable[..., tuple[Publisher, Follower]]


def redis_at(server: servers.Server) -> str:
    return f"redis://{server.address}"


def told(server: servers.Server) -> int:
    """Entries of the stream."""
    return int(ask(server.port, "XLEN", ROOM).strip()[1:])


def test_a_late_joiner_has_the_whole_room(start: Start, opened: Opened) -> None:
    """In full and what came after; then each frame as it is told, at once."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    collector, early, late = Collector(publisher), Screen(follower), Screen(opened(redis_at(server))[1])
    assert early.look().frames == []
    assert early.heard.ahead is None
    for _ in range(3):
        collector.tell()
    early.look(5)
    late.look()
    assert [frame.full for frame in late.heard.frames] == [True, False, False]
    for screen in (early, late):
        assert screen.shown is not None
        assert differing(screen.shown, collector.shown) == []
    threading.Timer(0.2, collector.tell).start()
    with within(0.2):
        assert [frame.seq for frame in late.look(10).frames] == [4]
    assert late.version == 4
    with within(0.1):
        assert late.look(0.1).frames == []


def test_joining_is_one_round_trip(start: Start, opened: Opened) -> None:
    """On a line on which every request takes a while, it takes that while once, however much was told."""
    server = start(servers.redis)
    lead(server.port)
    collector = Collector(opened(redis_at(server))[0])
    for _ in range(20):
        collector.tell()

    def late(plug: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as far:
            threading.Thread(target=pour, args=(far, plug), daemon=True).start()
            while data := plug.recv(65_536):
                time.sleep(0.4)  # the line
                far.sendall(data)

    with faults.scripted(late) as address:
        screen = Screen(opened(f"redis://{address}")[1])
        screen.look()  # connecting has round trips of its own
        screen.cursor = None
        began = time.monotonic()
        assert len(screen.look().frames) == 20
        assert 0.4 <= time.monotonic() - began < 0.75
        assert 0.15 < screen.heard.uncertain < 0.4


def pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)


def test_words_and_old_rooms_do_not_pile_up(start: Start, opened: Opened) -> None:
    """Of the words that nothing is new one is kept, and nothing from before the newest full frame."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    screen.look()
    for _ in range(300):
        collector.word()
    assert told(server) == 2
    assert [(frame.seq, frame.body) for frame in screen.look().frames] == [(1, b"")]
    collector.tell()
    assert told(server) == 2
    collector.teller.again()
    collector.tell()
    assert told(server) == 1
    screen.look()
    assert screen.version == 3


def test_only_the_leader_tells(start: Start, opened: Opened) -> None:
    """Another holder, another term, or no lease at all: nothing is told; with `lease_redis` they agree."""
    server = start(servers.redis)
    publisher, follower = opened(redis_at(server))
    lease = open_lease(redis_at(server), PATIENT, 0.5)
    collector = Collector(publisher)
    with pytest.raises(Fenced):
        collector.tell()
    give_up = time.monotonic() + 10
    while (held := lease.take("press-1")) is None:
        assert time.monotonic() < give_up
        time.sleep(0.05)  # a server that has just begun gives no lease yet
    with pytest.raises(Fenced):
        collector.tell()  # its term is another one
    collector.term = held.term
    collector.tell()
    lease.release(held)
    with pytest.raises(Fenced):
        collector.word()
    lead(server.port, held.term, "press-2")
    with pytest.raises(Fenced):
        collector.tell()
    assert [frame.seq for frame in follower.join().frames] == [3]
    with pytest.raises(ValueError, match="its own term"):
        publisher.tell(collector.frame()._replace(term=1), collector.held)
    lease.close()


def test_what_waits_in_a_server_that_stood_still_is_not_told_in_another_ones_term(
    start: Start, opened: Opened
) -> None:
    """Sent while it stood still, done after the lease was over: who leads no more is not heard."""
    server = start(servers.redis)
    publisher, follower = opened(redis_at(server), BRIEF)
    lead(server.port)
    collector = Collector(publisher)
    collector.tell()
    ask(server.port, "PEXPIRE", LEASE, "500")
    server.pause()
    with within(BRIEF.timeout):
        assert "within" in refusal(collector.tell).reason
    time.sleep(0.5)  # the lease
    server.resume()
    assert [frame.seq for frame in follower.join().frames] == [1]


def test_a_hung_server_is_said_in_time_and_heals(start: Start, opened: Opened) -> None:
    """SIGSTOP: both sides are told within their limits; afterwards the room goes on with a full frame."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server), BRIEF)
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    screen.look()
    server.pause()
    with within(0.3 + BRIEF.timeout):
        refusal(lambda: screen.look(0.3))
    with within(BRIEF.timeout):
        refusal(collector.tell)
    server.resume()
    eventually(collector.tell)
    screen.until(collector.shown)
    assert screen.shown is not None
    assert differing(screen.shown, collector.shown) == []


def test_a_cut_line_is_noticed_at_once_and_heals(start: Start, opened: Opened) -> None:
    """The cable is pulled while a screen waits: it knows then, not when its wait is over."""
    server = start(servers.redis)
    lead(server.port)
    collector = Collector(opened(redis_at(server))[0])
    collector.tell()
    with cable("127.0.0.1", server.port) as line:
        screen = Screen(opened(f"redis://127.0.0.1:{line.port}", BRIEF)[1])
        screen.look()
        threading.Timer(0.2, line.pull).start()
        with within(0.2):
            refusal(lambda: screen.look(30))
        refusal(screen.look)
        collector.tell()
        line.put_back()
        screen.until(collector.shown, 3)


def test_a_server_that_forgot_everything(start: Start, opened: Opened) -> None:
    """Restarted empty: the lease is gone, then the room; what is not full is refused, and screens heal."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    collector, screen = Collector(publisher), Screen(follower)
    for _ in range(3):
        collector.tell()
    screen.look()
    server.restart()
    with pytest.raises(Fenced):
        collector.tell()
    lead(server.port, 8)
    collector.term = 8
    full, delta = collector.frame(), collector.frame()
    assert (full.full, delta.full) == (True, False)
    assert "not there any more" in refusal(lambda: publisher.tell(delta, collector.held)).reason
    collector.teller.again()
    collector.tell()
    screen.until(collector.shown)
    assert screen.shown is not None
    assert differing(screen.shown, collector.shown) == []


@pytest.mark.parametrize("lost", [(ROOM,), (HEAD,), (ROOM, HEAD)], ids=("room", "head", "both"))
def test_nothing_is_told_that_nobody_could_understand(
    start: Start, opened: Opened, lost: tuple[str, ...]
) -> None:
    """Somebody deleted what was told: what builds on it is refused, words too; a full frame is not."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    collector, screen = Collector(publisher), Screen(follower)
    refused = refusal(collector.word)
    assert "anew by itself" in refused.remedy
    collector.tell()
    collector.tell()
    screen.look()
    ask(server.port, "DEL", *lost)
    refusal(collector.word)
    assert "not there any more" in refusal(collector.tell).reason
    collector.tell()
    screen.until(collector.shown)


def test_a_cursor_beyond_the_end_joins_again(start: Start, opened: Opened) -> None:
    """On a new master whose clock is behind, what is new does not come after what was heard."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    Collector(publisher).tell()
    assert [frame.full for frame in follower.hear("99999999999999-0", 0.05).frames] == [True]


def test_a_server_that_is_silent_is_left(start: Start, opened: Opened) -> None:
    """One that answers, and to which nobody tells any more, may be the wrong one: it is asked anew."""
    old, new = start(servers.redis), start(servers.redis)
    collector = Collector(opened(redis_at(new))[0])
    lead(new.port)
    ports = [old.port]

    def forwards(plug: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", ports[-1])) as far:
            threading.Thread(target=pour, args=(far, plug), daemon=True).start()
            pour(plug, far)

    with faults.scripted(forwards) as address:
        screen = Screen(opened(f"redis://{address}")[1])
        screen.look()
        ports.append(new.port)
        collector.tell()
        began = time.monotonic()
        screen.until(collector.shown)
        assert LOST_AFTER - 0.1 < time.monotonic() - began < LOST_AFTER + 2


def test_the_room_goes_on_after_a_failover(start: Start, opened: Opened) -> None:
    """The master is killed: both sides say so until there is a new one, then go on there by themselves."""
    master, replica, url = watched(start)
    lead(master.port)
    publisher, follower = opened(url)
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    screen.look()
    ask(master.port, "WAIT", "1", "2000")
    master.kill()
    with within(PATIENT.timeout):
        refusal(collector.tell)
    with within(PATIENT.timeout):
        refusal(screen.look)
    eventually(collector.tell)
    screen.until(collector.shown)
    assert screen.shown is not None
    assert differing(screen.shown, collector.shown) == []
    assert "role:master" in ask(replica.port, "INFO", "replication")


def test_what_a_failover_loses_is_told_anew(start: Start, opened: Opened) -> None:
    """Frames that the new master never got leave no hole: the next one is refused, and then full."""
    master, replica, url = watched(start, down_after=1500)
    lead(master.port)
    publisher, follower = opened(url)
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    ask(master.port, "WAIT", "1", "2000")
    replica.pause()
    ask(master.port, "CLIENT", "KILL", "TYPE", "replica")  # or the frames would wait in its socket
    collector.tell()
    collector.tell()
    screen.look()
    assert screen.version == 3
    master.kill()
    replica.resume()
    delta = collector.frame()
    assert not delta.full
    give_up = time.monotonic() + 15
    while "not there any more" not in refusal(lambda: publisher.tell(delta, collector.held)).reason:
        assert time.monotonic() < give_up
        time.sleep(0.05)  # the failover gives no event to wait for
    collector.teller.again()
    collector.tell()
    screen.until(collector.shown)
    late = Screen(opened(url)[1])
    late.look()
    assert late.version == screen.version == collector.shown.version


def test_a_screen_may_follow_a_replica(start: Start, opened: Opened) -> None:
    """Any number of screens cost the master nothing there; telling to it says what it is."""
    master = start(redis_servers.master)
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    lead(master.port)
    collector = Collector(opened(redis_at(master))[0])
    screen = Screen(opened(redis_at(replica))[1])
    collector.tell()
    screen.until(collector.shown)
    threading.Timer(0.2, collector.tell).start()
    assert [frame.seq for frame in screen.look(5).frames] == [2]
    wrong = Collector(opened(redis_at(replica))[0])
    assert "is a replica" in refusal(wrong.tell).reason


def test_any_node_of_a_cluster_leads_to_the_room(start: Start, opened: Opened) -> None:
    """Also for a screen that waits: what is told on the node that has the slot comes through any other."""
    nodes = [start(redis_servers.cluster_node) for _ in range(3)]
    redis_servers.join(nodes)
    owner = redis_servers.owner(nodes, ROOM)
    lead(owner.port)
    other = next(node for node in nodes if node is not owner)
    publisher, follower = opened(url_of([other]))
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    screen.look()
    threading.Timer(0.2, collector.tell).start()
    assert [frame.seq for frame in screen.look(5).frames] == [2]
    threading.Timer(0.2, follower.close).start()
    with within(0.2):
        refusal(lambda: screen.look(30))


def test_over_tls(start: Start, opened: Opened, tmp_path: Path) -> None:
    """As the log is: with an authority of one's own, and a wait that another thread can end."""
    authority = faults.authority(tmp_path / "ca")
    server = start(lambda folder: redis_servers.over_tls(folder, *authority.server(), authority.path))
    settings = replace(PATIENT, ca=str(authority.path))
    url = f"rediss://{server.address}"
    lease = open_lease(url, settings, 0.4)
    publisher, follower = opened(url, settings)
    give_up = time.monotonic() + 10
    while (held := lease.take("press-1")) is None:
        assert time.monotonic() < give_up
        time.sleep(0.05)  # a server that has just begun gives no lease yet
    collector, screen = Collector(publisher, held.term), Screen(follower)
    collector.tell()
    screen.look()
    assert screen.version == 1
    threading.Timer(0.2, follower.close).start()
    with within(0.2):
        refusal(lambda: screen.look(30))
    lease.close()


def test_users_with_the_least_rights(start: Start, opened: Opened) -> None:
    """What the module says suffices; a screen's user writes nothing, and what is missing is named."""
    server = start(servers.redis)
    lead(server.port)
    text = relay_redis.__doc__ or ""
    collects, follows = (re.findall(r"\+\w+", part) for part in text.split("; a screen's"))
    ask(server.port, "ACL", "SETUSER", "press", "on", ">oyster", "~{controlroom}:*", *collects)
    ask(server.port, "ACL", "SETUSER", "wall", "on", ">whelk", "%R~{controlroom}:room*", *follows)
    publisher, _ = opened(f"redis://press:oyster@{server.address}")
    intruder, follower = opened(f"redis://wall:whelk@{server.address}")
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    collector.word()
    screen.look()
    collector.tell()
    screen.look(1)
    assert screen.look(0.05).frames == []
    assert screen.version == 2
    assert "wall" not in follower.where
    assert "whelk" not in follower.where
    refused = refusal(Collector(intruder).tell)
    assert "EVAL" in refused.reason.upper()
    for command, call in (("xadd", collector.tell), ("xread", screen.look)):
        user = "press" if command == "xadd" else "wall"
        ask(server.port, "ACL", "SETUSER", user, f"-{command}")
        refused = refusal(call)
        assert command.upper() in refused.reason.upper()
        assert not {"oyster", "whelk"} & set(re.findall(r"\w+", str(refused)))


def test_what_strangers_write_there_is_told_apart(start: Start, opened: Opened) -> None:
    """An entry that no collector told, and a key of another type, say what to do about them."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    Collector(publisher).tell()
    for fields in (("a", "b"), ("term", "x"), ("by", "press\x1b[2J-1")):
        known = {"term": "7", "seq": "2", "full": "0", "at": "0", "by": "press-1", "told": "0", "body": ""}
        if fields[0] in known:
            pairs = [part for pair in (known | dict([fields])).items() for part in pair]
        else:
            pairs = list(fields)
        ask(server.port, "XADD", ROOM, "*", *pairs)
        assert "no collector told" in refusal(follower.join).reason
        ask(server.port, "DEL", ROOM)
    ask(server.port, "SET", ROOM, "x")
    assert refusal(follower.join).reason
    assert refusal(Collector(publisher).tell).reason


def test_a_room_that_is_too_large_is_not_sent(start: Start, opened: Opened) -> None:
    """It is said before anything is."""
    server = start(servers.redis)
    publisher, _ = opened(redis_at(server))
    collector = Collector(publisher)
    frame = collector.frame()._replace(body=bytes(BODY + 1))
    assert "MiB" in refusal(lambda: publisher.tell(frame, collector.held)).reason


def test_the_collectors_clock_is_known(start: Start, opened: Opened) -> None:
    """However wrong it goes, by way of the server's; a frame that was late on its way does not blur it."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    for slow in (0.0, 90.0, -90.0):
        collector, screen = Collector(publisher, by=f"press{slow}", slow=slow), Screen(follower)
        lead(server.port, by=collector.by)
        collector.tell()
        screen.look()
        assert screen.heard.ahead is not None
        assert abs(screen.heard.ahead - slow) < 0.5
        assert screen.heard.uncertain < 0.5
        late = collector.frame()
        time.sleep(0.6)  # its way to the server
        publisher.tell(late, collector.held)
        screen.look(1)
        assert abs(screen.heard.ahead - slow) < 0.5
        assert screen.look(0.05).frames == []
        assert screen.heard.ahead is not None
        assert abs(screen.heard.ahead - slow) < 0.5


def test_closing_ends_a_wait(start: Start, opened: Opened) -> None:
    """From another thread, at once; whoever asks again is told, and closing twice is nothing."""
    server = start(servers.redis)
    _, follower = opened(redis_at(server))
    screen = Screen(follower)
    screen.look()
    threading.Timer(0.2, follower.close).start()
    with within(0.2):
        refusal(lambda: screen.look(30))
    follower.close()
    assert "not followed any more" in refusal(screen.look).reason


KILLED = """
import sys
from controlroom.stores.logs import Settings
from controlroom.stores.relay import open_publisher
from tests.stores.relaying import Collector
collector = Collector(open_publisher(sys.argv[1], Settings()))
while True:
    if collector.seq % 5 == 4:
        collector.teller.again()
    collector.tell()
    print(collector.seq, flush=True)
"""


def test_a_collector_that_is_killed_while_it_tells(start: Start, opened: Opened) -> None:
    """Whenever it dies, what is there is whole: the last room it told, or the one it was about to."""
    server = start(servers.redis)
    lead(server.port)
    _, follower = opened(redis_at(server))
    chance = random.Random(11)
    root = Path(__file__).parents[2]
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, redis_at(server)],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(10, 60)):
                last = int(process.stdout.readline())
            time.sleep(chance.random() / 50)
            process.kill()
            rest = process.stdout.read().split("\n")[:-1]
        screen = Screen(follower)
        screen.look()
        assert screen.cursor is not None, "a hole"
        assert screen.version in {(last := int(rest[-1]) if rest else last), last + 1}


def test_half_a_frame_is_none(start: Start, opened: Opened) -> None:
    """The collector dies with its request half sent: nothing of it is told."""
    server = start(servers.redis)
    lead(server.port)
    publisher, follower = opened(redis_at(server))
    collector, screen = Collector(publisher), Screen(follower)
    collector.tell()
    with cable("127.0.0.1", server.port) as line:
        with socket.create_connection(("127.0.0.1", line.port)) as plug:
            body = b"x" * 100_000
            given = [b"XADD", ROOM.encode(), b"*", b"body", body]
            request = b"".join([b"*%d\r\n" % len(given), *(b"$%d\r\n%s\r\n" % (len(a), a) for a in given)])
            plug.sendall(request[:60_000])
            line.pull()
        line.put_back()
    screen.look()
    assert told(server) == 1
    assert screen.version == 1
