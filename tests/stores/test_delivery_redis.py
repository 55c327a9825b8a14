"""Into a real Redis that is stopped, killed, emptied and comes back: delivered once, or listed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.domain.actions import Action, Outcome
from controlroom.lab import servers
from controlroom.stores import delivery as module
from controlroom.stores.delivery import Delivery
from controlroom.stores.logs import Settings
from controlroom.stores.outbox import KEEP, Outbox
from controlroom.stores.port import Page, Unavailable, Verdict
from controlroom.stores.redis_log import RedisLog
from tests.faults import silent
from tests.stores.acting import act, ids

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]

SETTINGS = Settings(timeout=4.0)
"""Long enough for a busy machine: nothing here waits for it."""

IMPATIENT = Settings(timeout=0.4)
"""For servers that do not answer."""


def of(server: servers.Server, home: Path, settings: Settings = SETTINGS) -> Delivery:
    """A person's delivery into the log of `server`."""
    log = RedisLog(f"redis://{server.address}/0", settings)
    return Delivery(log, Outbox(home, log.url))


def durable(folder: Path) -> servers.Server:
    """A Redis that has on disk what it acknowledged."""
    return servers.redis(folder, "--appendonly", "yes", "--appendfsync", "always")


def queued(delivery: Delivery) -> list[str]:
    """Ids of what waits to be delivered."""
    return [outcome.action.id for outcome in delivery.pending().queued]


def conflicts(delivery: Delivery) -> list[str]:
    """Ids of what waits for a decision."""
    return [outcome.action.id for outcome in delivery.pending().conflicts]


def test_killed_and_back_with_its_file(start: Start, tmp_path: Path) -> None:
    """While it is gone actions wait with the reason; when it is back they are there once, in order."""
    server = start(durable)
    ana = of(server, tmp_path / "ana")
    ana.look(0)
    assert ana.submit(act("a", expect="")).status == "committed"
    server.kill()
    gone = ana.submit(act("b", expect="a"))
    assert (gone.status, gone.reason != "") == ("queued", True)
    assert ana.submit(act("c", expect="b")).status == "queued"
    with pytest.raises(Unavailable):
        ana.look(1)
    assert queued(ana) == ["b", "c"]
    server.restart()
    page, seen = ana.look(0)
    assert [entry.action.id for entry in page.entries] == ["a", "b", "c"]
    assert seen.queued == seen.conflicts == ()
    for id_, rev in (("a", 1), ("b", 2), ("c", 3)):
        again = ana.submit(act(id_, expect=""))
        assert (again.status, again.rev) == ("committed", rev)


def test_a_stopped_server_costs_one_timeout_and_nothing_is_done_twice(start: Start, tmp_path: Path) -> None:
    """With twenty actions waiting a call still ends in time; woken, each is there once."""
    server = start(durable)
    server.pause()
    ana = of(server, tmp_path / "ana", IMPATIENT)
    for number in range(20):
        ana.outbox.put(act(f"w{number:02d}", f"b-{number}"))
    began = time.monotonic()
    outcome = ana.submit(act("x", "b-x"))
    assert outcome.status == "queued"
    assert len(ana.drain()) == 21
    assert time.monotonic() - began < 20 * IMPATIENT.timeout
    server.resume()
    later = of(server, tmp_path / "ana")
    later.drain()
    assert ids(later.log) == [*(f"w{n:02d}" for n in range(20)), "x"]
    assert queued(later) == conflicts(later) == []


def test_a_server_that_says_nothing_is_left_in_time(tmp_path: Path) -> None:
    """Connected, and never an answer: queued within the limits of the log."""
    with silent() as address:
        log = RedisLog(f"redis://{address}/0", IMPATIENT)
        ana = Delivery(log, Outbox(tmp_path, log.url))
        began = time.monotonic()
        assert ana.submit(act("a")).status == "queued"
        assert time.monotonic() - began < 10 * IMPATIENT.timeout
        ana.close()


def test_restarted_empty_everybody_brings_back_what_was_his(start: Start, tmp_path: Path) -> None:
    """What was acknowledged comes back at its rev, each expecting what it did; meanwhile it is listed."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    ana.look(0)
    bo.look(0)
    ana.submit(act("a", expect=""))
    bo.submit(act("b", expect="a", who="bo"))
    ana.submit(act("c", kind="note", text="on it"))
    bo.submit(act("d", expect="c", who="bo"))
    server.kill()
    server.restart()
    page, seen = bo.look(4)
    assert (page.head, page.from_start) == (0, True)
    assert [o.action.id for o in seen.queued] == ["b", "d"]
    assert all("lost" in o.reason for o in seen.queued)
    assert conflicts(bo) == []
    later = of(server, tmp_path / "ana")  # the one that wrote them is gone; whoever comes next brings them
    assert [o.status for o in later.drain()] == ["committed", "queued"]
    for delivery in (bo, later, bo):
        delivery.drain()
    assert ids(bo.log) == ["a", "b", "c", "d"]
    for delivery in (ana, bo, later):
        delivery.look(0)
        assert queued(delivery) == conflicts(delivery) == []


def test_what_was_put_while_the_server_was_away_follows_what_it_lost(start: Start, tmp_path: Path) -> None:
    """Acknowledged earlier means earlier in the log, also where the loss is noticed only afterwards."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    ana.look(0)
    bo.look(0)
    ana.submit(act("a", expect=""))
    bo.submit(act("b", expect="a", who="bo"))
    ana.submit(act("c", kind="note", text="on it"))
    server.kill()
    assert ana.submit(act("d", kind="resolve", mitigation="restarted")).status == "queued"
    server.restart()
    later = of(server, tmp_path / "ana")
    assert [o.status for o in later.drain()] == ["committed", "queued", "queued"]
    assert ["lost" in o.reason for o in later.pending().queued] == [True, True]
    for delivery in (bo, later):
        delivery.drain()
    assert ids(bo.log) == ["a", "b", "c", "d"]
    assert queued(later) == conflicts(bo) == []


def test_what_nobody_brings_back_holds_up_only_what_followed_it(start: Start, tmp_path: Path) -> None:
    """Its author is away: what expected it waits, is listed, can be given up; the rest goes on."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    ana.look(0)
    bo.look(0)
    ana.submit(act("a", expect=""))
    bo.submit(act("b", expect="a", who="bo"))
    bo.submit(act("x", "b-2", "", who="bo"))
    server.kill()
    server.restart()
    bo.look(0)
    patience_ends(bo)
    page, seen = bo.look(0)
    assert [entry.action.id for entry in page.entries] == ["x"]
    assert [o.action.id for o in seen.queued] == ["b"]
    assert "action a" in seen.queued[0].reason
    assert bo.submit(act("y", "b-3", "", who="bo")).status == "committed"
    dropped = bo.drop("b")
    assert dropped is not None
    assert dropped.reason == "dropped"
    assert bo.look(0)[1].queued == ()
    assert bo.drop("x") is None


def patience_ends(delivery: Delivery) -> None:
    """Make what was lost look as if it had been noticed a while ago."""
    assert delivery.outbox.folder is not None
    then = time.time() - module.RESTORED_WITHIN - 5
    for path in (delivery.outbox.folder / "lost").iterdir():
        os.utime(path, (then, then))


def test_what_never_comes_back_is_to_be_decided_after_a_day(start: Start, tmp_path: Path) -> None:
    """Nobody keeps it longer than that: what expected it becomes a conflict, and can be handed in again."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    bo.look(0)
    ana.submit(act("a", expect=""))
    bo.submit(act("b", expect="a", who="bo"))
    server.kill()
    server.restart()
    bo.look(0)
    assert bo.outbox.folder is not None
    then = time.time() - KEEP - 5
    for path in (bo.outbox.folder / "lost").iterdir():
        os.utime(path, (then, then))
    bo.look(0)
    assert (queued(bo), conflicts(bo)) == ([], ["b"])
    outcome = bo.again("b", act("b").at, "b2", "bo", "quay")
    assert outcome is not None
    assert (outcome.status, ids(bo.log)) == ("committed", ["b2"])


def test_what_was_lost_and_overtaken_is_a_conflict(start: Start, tmp_path: Path) -> None:
    """Somebody acted on the item before the lost action came back: its author decides."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    ana.look(0)
    ana.submit(act("a", expect=""))
    server.kill()
    server.restart()
    bo.submit(act("other", expect="", who="bo"))
    _, seen = ana.look(1)
    assert [o.action.id for o in seen.conflicts] == ["a"]
    current = seen.conflicts[0].current
    assert current is not None
    assert current.action.id == "other"
    assert ids(ana.log) == ["other"]


def test_a_log_that_grew_again_replaces_what_was_known(start: Start, tmp_path: Path) -> None:
    """As long again as it was before the loss, and in another order: a look brings all of it."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    room = of(server, tmp_path / "ana")
    reader = of(server, tmp_path / "reader")
    ana.look(0)
    ana.submit(act("a", "b-1", ""))
    bo.submit(act("b", "b-2", "", who="bo"))
    for one in (room, reader):
        assert [entry.action.id for entry in one.look(0)[0].entries] == ["a", "b"]
    server.kill()
    server.restart()
    bo.submit(act("new", "b-3", "", who="bo"))
    ana.drain()  # one process of hers mends it, another one shows it
    for one in (room, reader, ana):
        page = one.look(2)[0]
        assert page.from_start
        assert [entry.action.id for entry in page.entries] == ["new", "a"]
        assert one.look(2)[0].entries == ()
        assert not one.look(2)[0].from_start


def test_emptied_under_way_it_is_noticed(start: Start, tmp_path: Path) -> None:
    """The same server, and yet it holds less than it did: handed in again as after a restart."""
    server = start(servers.redis)
    ana = of(server, tmp_path / "ana")
    ana.look(0)
    ana.submit(act("a", expect=""))
    ana.submit(act("b", expect="a"))
    other = of(server, tmp_path / "ana")
    empty(server)
    ana.look(2)
    assert ids(ana.log) == ["a", "b"]
    empty(server)
    other.look(0)  # a process that had not looked before knows it from what was sent
    assert ids(other.log) == ["a", "b"]
    assert queued(other) == conflicts(other) == []


def empty(server: servers.Server) -> None:
    """FLUSHALL."""
    import redis

    with redis.Redis("127.0.0.1", server.port) as client:
        client.flushall()


def test_without_a_loss_nothing_is_handed_in_again(start: Start, tmp_path: Path) -> None:
    """A restart that kept everything: what was sent is found there, and nothing is written anew."""
    server = start(durable)
    ana = of(server, tmp_path / "ana")
    ana.look(0)
    for number in range(20):
        ana.submit(act(f"a{number}", f"b-{number}", ""))
    server.kill()
    server.restart()
    page, seen = ana.look(0)
    assert [entry.rev for entry in page.entries] == list(range(1, 21))
    assert seen.queued == ()
    assert len(ana.outbox.listed("sent")) == 20


def test_the_first_look_at_a_shared_log_is_no_loss(start: Start, tmp_path: Path) -> None:
    """A person who comes to a log that others fill has lost nothing, and so has the next process."""
    server = start(servers.redis)
    of(server, tmp_path / "bo").submit(act("b", who="bo"))
    for _ in range(2):
        ana = of(server, tmp_path / "ana")
        ana.look(0)
        assert ana.submit(act("a", "b-2", "")).status == "committed"
        era = ana.outbox.era()
        assert era is not None
        assert era.losses == 0


class Interrupted(RedisLog):
    """A Redis log between whose answer and what is made of it something happens, once."""

    appended: Callable[[], object] | None = None
    read_all: Callable[[], object] | None = None

    def append(self, action: Action, *, resubmitted: bool = False) -> Verdict:
        """As the log does it; then what is to happen."""
        verdict = super().append(action, resubmitted=resubmitted)
        happens, self.appended = self.appended, None
        if happens is not None:
            happens()
        return verdict

    def read(self, after: int = 0) -> Page:
        """As the log does it; what is to happen comes before everything is read."""
        happens = self.read_all if after == 0 else None
        if happens is not None:
            self.read_all = None
            happens()
        return super().read(after)


def interrupted(server: servers.Server, home: Path) -> tuple[Interrupted, Delivery]:
    """A person's log in which something can happen, and the delivery into it."""
    log = Interrupted(f"redis://{server.address}/0", SETTINGS)
    return log, Delivery(log, Outbox(home, log.url))


def test_lost_between_the_answer_and_the_note_of_it(start: Start, tmp_path: Path) -> None:
    """The server loses it right after it said yes, while a room of the same person has looked through
    what was sent but not yet through what waits: it is not called committed, and it is brought back."""
    server = start(servers.redis)
    seeing, room = interrupted(server, tmp_path / "ana")
    writing, command = interrupted(server, tmp_path / "ana")
    room.look(0)
    command.look(0)
    room.submit(act("a", expect=""))
    looked, noted = threading.Event(), threading.Event()

    def halfway() -> None:
        looked.set()
        noted.wait(20)

    watching = threading.Thread(target=room.look, args=(1,))

    def restart() -> None:
        server.kill()
        server.restart()
        seeing.read_all = halfway
        watching.start()
        looked.wait(20)

    writing.appended = restart
    outcome = command.submit(act("b", expect="a"))
    noted.set()
    watching.join()
    assert outcome.status == "queued"
    for _ in range(2):
        room.look(0)
    assert ids(room.log) == ["a", "b"]
    assert queued(room) == conflicts(room) == []


def test_overtaken_because_the_store_lost_its_end(start: Start, tmp_path: Path) -> None:
    """What an action expects was lost before anybody noticed: it waits for it instead of blaming somebody."""
    server = start(servers.redis)
    ana, bo = of(server, tmp_path / "ana"), of(server, tmp_path / "bo")
    ana.look(0)
    bo.look(0)
    bo.submit(act("b", expect="", who="bo"))
    ana.look(0)
    server.kill()
    server.restart()
    assert ana.submit(act("a", expect="b")).status == "queued"
    bo.look(0)
    ana.look(0)
    assert ids(ana.log) == ["b", "a"]
    assert queued(ana) == conflicts(ana) == []


def test_rooms_of_one_person_do_not_quarrel_about_a_loss(start: Start, tmp_path: Path) -> None:
    """Several look at once when the server comes back empty: each thing is there once, then all is quiet."""
    server = start(servers.redis)
    rooms = [of(server, tmp_path / "ana") for _ in range(4)]
    for room in rooms:
        room.look(0)
    for number in range(12):
        rooms[number % 4].submit(act(f"a{number:02d}", f"b-{number % 3}", kind="note"))
    server.kill()
    server.restart()
    for _ in range(3):
        threads = [threading.Thread(target=room.look, args=(0,)) for room in rooms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ids(rooms[0].log) == [f"a{number:02d}" for number in range(12)]
    for room in rooms:
        room.look(0)
        assert queued(room) == conflicts(room) == []
    settled = rooms[0].outbox.era()
    for room in rooms:
        room.look(0)
    assert rooms[0].outbox.era() == settled


def test_killed_again_and_again_while_people_write(start: Start, tmp_path: Path) -> None:
    """Three write while the server dies and comes back: the log holds each deed once, revs without holes."""
    server = start(durable)
    people = [of(server, tmp_path / name) for name in ("ana", "bo", "cy")]
    said: list[Outcome] = []

    def write(number: int) -> None:
        for count in range(12):
            item = f"b-{count % 2}"
            said.append(people[number].submit(act(f"{number}-{count:02d}", item, who=str(number))))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        server.kill()
        server.restart()
    for thread in threads:
        thread.join()
    for person in people:
        person.drain()
        person.drain()
    log = people[0].log.read()
    assert [entry.rev for entry in log.entries] == list(range(1, 37))
    at = {entry.action.id: entry.rev for entry in log.entries}
    assert len(at) == 36
    assert all(at[o.action.id] == o.rev for o in said if o.status == "committed")
    assert {o.status for o in said} <= {"committed", "queued"}
