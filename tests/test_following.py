"""A room that follows a collector: real servers, real frames, and never anything old that looks new."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom import following
from controlroom.config.changes import AcceptMetric
from controlroom.config.load import load
from controlroom.config.values import AlertmanagerServer, Config, Store
from controlroom.domain.actions import Action, Outcome
from controlroom.domain.ledger import Ledger
from controlroom.domain.past import Moment
from controlroom.domain.relayed import Relayed
from controlroom.domain.silences import SilenceDraft
from controlroom.domain.snapshot import LogSeen, OutboxSeen, Snapshot
from controlroom.following import Aside, Room, nearer
from controlroom.lab import redis_servers, servers
from controlroom.lab.servers import Server
from controlroom.stores.logs import Settings
from controlroom.stores.redis_log import RedisLog
from controlroom.stores.relay import LOST_AFTER
from tests.conftest import Start
from tests.faults import scripted
from tests.relaying import Collector
from tests.tui.rooms import ROOM

SLACK = 1.0
"""Seconds a busy machine may add."""


def url_of(server: Server) -> str:
    return f"redis://{server.address}/0"


def told(**parts: Any) -> Snapshot:
    """The room as a collector sees it, whose log is empty so far."""
    now = datetime.now(UTC)
    begun = replace(
        ROOM,
        taken_at=now,
        version=1,
        declared_blockers=ROOM.blockers,
        declared_items=ROOM.items,
        ledger=Ledger(),
        log=LogSeen((), 0),
        outbox=OutboxSeen(),
    )
    return replace(begun, **parts)


def noted(room: Snapshot, text: str) -> Snapshot:
    """`room` with another note: another room."""
    program = replace(room.program, note=text)
    return replace(room, program=program, version=room.version + 1, taken_at=datetime.now(UTC))


def note(snapshot: Snapshot) -> str:
    return snapshot.program.note


def relayed(snapshot: Snapshot) -> Relayed:
    assert snapshot.relayed is not None
    return snapshot.relayed


class Watched:
    """A running viewer, and everything it published."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.seen: list[tuple[float, Snapshot]] = []
        self._wake = asyncio.Event()
        room.subscribe(self._see)

    def _see(self, snapshot: Snapshot) -> None:
        self.seen.append((time.monotonic(), snapshot))
        self._wake.set()

    async def until(self, done: Callable[[Snapshot], bool], seconds: float = 20) -> Snapshot:
        """The first snapshot of which `done` is true."""
        async with asyncio.timeout(seconds):
            while not done(self.room.snapshot):
                self._wake.clear()
                await self._wake.wait()
        return self.room.snapshot

    async def lost(self, seconds: float = 20) -> Relayed:
        """How it came, once nothing is heard."""
        return relayed(await self.until(lambda s: relayed(s).lost_since is not None, seconds))

    async def healed(self, text: str = "") -> Relayed:
        """How it came, once it is heard, with that note where one is given."""
        return relayed(
            await self.until(lambda s: not relayed(s).lost and (not text or note(s) == text)),
        )


@asynccontextmanager
async def following_room(
    url: str, folder: Path, config: Config | None = None, **more: Any
) -> AsyncIterator[Watched]:
    """A viewer of `url` with a home of its own, until it is left."""
    environ = {"HOME": str(folder), "LOGNAME": "Ines"}
    own = config or replace(Config(), store=Store(interval=0.1, timeout=1.0))
    watched = Watched(following.build(own, url, environ=environ, **more))
    task = asyncio.create_task(watched.room.run())
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watched.room.close()


# Hearing


async def test_it_waits_and_then_has_the_whole_room(tmp_path: Path, start: Start) -> None:
    """Before the first word nothing is known, and that is said; the first word brings everything."""
    server = start(servers.redis)
    async with following_room(url_of(server), tmp_path) as watched:
        first = watched.room.snapshot
        assert relayed(first).unheard
        assert relayed(first).lost
        assert (first.services, first.items, first.program.squads) == ((), (), ())
        with Collector(url_of(server)).talking(told()):
            heard = await watched.until(lambda s: not relayed(s).lost)
        assert heard.services == ROOM.services
        assert heard.items == ROOM.items
        assert relayed(heard).collector == "quay-1"
        assert relayed(heard).where == f"{url_of(server)}?prefix=controlroom"


async def test_what_did_not_change_stays_the_same_object(tmp_path: Path, start: Start) -> None:
    """A pane compares by identity: of a room in which a note changed, services and cards are as they were."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        collector.surely(begun)
        one = await watched.until(lambda s: not relayed(s).lost)
        collector.surely(noted(begun, "later"))
        other = await watched.until(lambda s: note(s) == "later")
    assert other.services is one.services
    assert other.items is one.items


async def test_a_word_counts_from_when_it_was_told(tmp_path: Path, start: Start) -> None:
    """Who joins after the collector died sees its room, stale from the first moment, since it was told."""
    server = start(servers.redis)
    Collector(url_of(server)).surely(told())
    last = datetime.now(UTC)
    await asyncio.sleep(LOST_AFTER + 0.2)
    async with following_room(url_of(server), tmp_path) as watched:
        seen = await watched.until(lambda s: bool(s.services))
        assert all(relayed(snapshot).lost for _, snapshot in watched.seen)
        how = relayed(seen)
        assert how.lost_since is not None
        assert abs((how.lost_since - last).total_seconds()) < SLACK
        assert how.reason == "the collector quay-1 is silent"


async def test_silence_is_noticed_and_heals(tmp_path: Path, start: Start) -> None:
    """Three seconds without a word are too long; the next word heals, and nothing of the room was lost."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        with collector.talking(begun):
            await watched.healed()
            await asyncio.sleep(LOST_AFTER + 0.5)
            assert not relayed(watched.room.snapshot).lost
        silent = time.monotonic()
        how = await watched.lost()
        assert LOST_AFTER - SLACK < time.monotonic() - silent < LOST_AFTER + SLACK
        assert how.heard_at == how.lost_since
        assert watched.room.snapshot.services == ROOM.services
        with collector.talking(noted(begun, "again")):
            assert (await watched.healed("again")).reason == ""


async def test_a_broken_connection_is_stale_at_once(tmp_path: Path, start: Start) -> None:
    """Redis killed: nobody waits for silence. Started again, empty, it heals with what is told."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        with collector.talking(begun):
            await watched.healed()
            server.kill()
            gone = time.monotonic()
            how = await watched.lost()
            assert time.monotonic() - gone < SLACK
            assert how.reason.startswith(server.address)
        server.restart()
        with Collector(url_of(server), "quay-2").talking(noted(begun, "anew")):
            assert (await watched.healed("anew")).collector == "quay-2"


async def test_a_server_that_hangs_is_noticed_and_left_quickly(tmp_path: Path, start: Start) -> None:
    """SIGSTOP on Redis: stale in time, however patient its calls are; leaving does not wait for them."""
    server = start(servers.redis)
    patient = replace(Config(), store=Store(interval=0.1, timeout=20.0))
    async with following_room(url_of(server), tmp_path, patient) as watched:
        with Collector(url_of(server)).talking(told()):
            await watched.healed()
            server.pause()
            stopped = time.monotonic()
            await watched.lost()
            assert time.monotonic() - stopped < LOST_AFTER + SLACK
            leaving = time.monotonic()
    assert time.monotonic() - leaving < 1.0 + SLACK + 1.0  # the collector's own call ends in that time, too
    server.resume()


@asynccontextmanager
async def slow_line(server: Server, delay: float) -> AsyncIterator[str]:
    """The address of a line to `server` on which everything takes `delay` seconds longer, either way."""

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            await asyncio.sleep(delay)
            target.write(data)
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(carry(reader, here), carry(there, writer))
        here.close()
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
    finally:
        listening.close()


async def test_a_slow_line_delays_and_is_not_taken_for_a_loss(tmp_path: Path, start: Start) -> None:
    """What takes most of a second to come is shown later, nothing is STALE, and the clock is in doubt."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    patient = replace(Config(), store=Store(interval=0.1, timeout=5.0))
    async with slow_line(server, 0.4) as url, following_room(url, tmp_path, patient) as watched:
        with collector.talking(begun):
            how = await watched.healed()
            assert how.uncertain > 0.3
            assert how.skewed is None
            until = time.monotonic() + 2 * LOST_AFTER
            while time.monotonic() < until:
                await asyncio.sleep(0.05)
                assert not relayed(watched.room.snapshot).lost
        with collector.talking(noted(begun, "again")):
            await watched.healed("again")


async def test_a_server_that_went_back_shows_nothing_older(tmp_path: Path, start: Start) -> None:
    """Redis comes back from an older copy of itself, as a lagging replica would: what is shown stays."""
    server = start(lambda folder: servers.redis(folder, "--dbfilename", "kept.rdb"))
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        collector.surely(noted(begun, "older"))
        await watched.healed("older")
        assert redis_servers.ask(server.port, "SAVE").startswith("+OK")
        Collector(url_of(server), "quay-2").surely(noted(begun, "newer"))
        await watched.healed("newer")
        server.restart()
        await watched.until(lambda s: relayed(s).reason == "the collector quay-2 is silent")
        assert note(watched.room.snapshot) == "newer"
        with Collector(url_of(server), "quay-3").talking(noted(begun, "newest")):
            await watched.healed("newest")
    notes = [note(snapshot) for _, snapshot in watched.seen if snapshot.services]
    assert notes == sorted(notes, key=["older", "newer", "newest"].index)


async def test_another_version_of_the_program_is_not_understood(tmp_path: Path, start: Start) -> None:
    """What this version cannot read leaves the room as it was, stale, with the reason; the next one heals."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        collector.surely(begun)
        await watched.healed()
        collector.surely(begun, body=b"in another tongue")
        how = await watched.lost(LOST_AFTER)
        assert "another version of controlroom" in how.reason
        assert watched.room.snapshot.services == ROOM.services
        with collector.talking(noted(begun, "ours")):
            await watched.healed("ours")


# Whose clock


@pytest.mark.parametrize("ahead", [-200.0, 0.0, 4000.0])
async def test_ages_go_by_the_collectors_clock(ahead: float, tmp_path: Path, start: Start) -> None:
    """However the clocks differ, the room is fresh, its clock is the collector's, and the skew is known."""
    server = start(servers.redis)
    collector = Collector(url_of(server), ahead=ahead)
    async with following_room(url_of(server), tmp_path) as watched:
        with collector.talking(told(taken_at=collector.clock())):
            how = await watched.healed()
            assert how.skew is not None
            assert how.skew == pytest.approx(-ahead, abs=0.5)
            assert (how.skewed is None) == (ahead == 0.0)
            off = (watched.room.clock() - collector.clock()).total_seconds()
            assert abs(off) < 0.5
            assert how.heard_at is not None
            assert abs((datetime.now(UTC) - how.heard_at).total_seconds()) < LOST_AFTER
        how = await watched.lost()
        assert how.old_since is not None
        assert abs((watched.room.clock() - how.old_since).total_seconds() - LOST_AFTER) < SLACK


def test_the_surer_finding_of_a_clock_counts() -> None:
    """A worse one changes nothing, a better one does, and one that contradicts it: a clock was set."""
    sure, vague = Aside(5.0, 0.01, 100.0), Aside(5.2, 0.5, 101.0)
    assert nearer(None, vague) == vague
    assert nearer(sure, vague) == sure
    assert nearer(vague, sure) == sure
    assert nearer(sure, Aside(65.0, 0.5, 101.0)).ahead == 65.0
    # Two clocks drift apart: after hours the vaguer one is the better.
    assert nearer(sure, Aside(5.2, 0.5, 10_100.0)).ahead == 5.2


# Acting


def deed(item: str, number: int, kind: Any = "note", expect: str | None = None, **args: Any) -> Action:
    return Action(f"a-{number}", item, kind, args, "Ines", "desk-1", datetime.now(UTC), expect)


def seen_on(snapshot: Snapshot, blocker: str) -> tuple[str | None, tuple[str, ...]]:
    """The last action on a blocker as it is shown, and what waits on it."""
    found = next(one for one in snapshot.blockers if one.id == blocker)
    return found.last_action, tuple(found.pending)


async def test_what_is_done_here_is_seen_before_anybody_tells_it(tmp_path: Path, start: Start) -> None:
    """Committed to the log where the room is followed, shown at once, and the same once it is told."""
    server = start(servers.redis)
    collector, begun = Collector(url_of(server)), told()
    async with following_room(url_of(server), tmp_path) as watched:
        collector.surely(begun)
        await watched.healed()
        (outcome,) = await watched.room.desk.submit([deed("b1", 1, "acknowledge", "")])
        assert (outcome.status, outcome.rev) == ("committed", 1)
        shown = await watched.until(lambda s: seen_on(s, "b1")[0] == "a-1")
        assert shown.log is not None
        assert shown.log.head == 1
        before = shown.taken_at
        collector.surely(noted(begun, "not read by the collector yet"))
        behind = await watched.healed("not read by the collector yet")
        assert behind.collector
        assert seen_on(watched.room.snapshot, "b1")[0] == "a-1"
        assert before is not None
    assert [entry.action.id for entry in RedisLog(url_of(server), Settings()).read().entries] == ["a-1"]


async def test_an_action_carries_what_was_seen(tmp_path: Path, start: Start) -> None:
    """Who saw less than the log holds, and acts on it, meets the other's action and overwrites nothing."""
    server = start(servers.redis)
    log = RedisLog(url_of(server), Settings())
    async with following_room(url_of(server), tmp_path) as watched:
        with Collector(url_of(server)).talking(told()):
            await watched.healed()
            log.append(deed("b1", 1, "assign", "", owner="Rui"))
            (outcome,) = await watched.room.desk.submit([deed("b1", 2, "assign", "", owner="Ada")])
            assert outcome.status == "conflict"
            assert outcome.current is not None
            assert outcome.current.action.id == "a-1"
            shown = await watched.until(lambda s: seen_on(s, "b1")[0] == "a-1" and bool(s.outbox.conflicts))
            assert [o.action.id for o in shown.outbox.conflicts] == ["a-2"]


async def test_triage_goes_on_without_a_collector(tmp_path: Path, start: Start) -> None:
    """While nobody tells, what others do is read from the log: stale is what is watched, not what is done."""
    server = start(servers.redis)
    async with following_room(url_of(server), tmp_path) as watched:
        Collector(url_of(server)).surely(told())
        await watched.lost()
        RedisLog(url_of(server), Settings()).append(deed("b2", 1, "assign", "", owner="Rui"))
        shown = await watched.until(lambda s: seen_on(s, "b2")[0] == "a-1")
        assert relayed(shown).lost


async def test_what_waits_is_this_persons_and_is_delivered(tmp_path: Path, start: Start) -> None:
    """Redis away: queued and shown here, delivered later; the collector's own outbox is never shown."""
    server = start(servers.redis)
    elsewhere = OutboxSeen((Outcome("queued", deed("b1", 7, "acknowledge")),))
    begun = told(outbox=elsewhere)
    async with following_room(url_of(server), tmp_path) as watched:
        Collector(url_of(server)).surely(begun)
        await watched.healed()
        assert watched.room.snapshot.outbox == OutboxSeen()
        assert seen_on(watched.room.snapshot, "b1")[1] == ()
        server.kill()
        (outcome,) = await watched.room.desk.submit([deed("b2", 1, "acknowledge", "")])
        assert outcome.status == "queued"
        await watched.until(lambda s: bool(s.outbox.queued) and bool(seen_on(s, "b2")[1]))
        server.restart()
        await watched.until(lambda s: not s.outbox.queued and seen_on(s, "b2") == ("a-1", ()))


async def test_no_service_is_asked(tmp_path: Path, start: Start) -> None:
    """Three viewers whose own configuration names a service never knock at it."""
    server = start(servers.redis)
    knocks: list[float] = []
    with scripted(lambda plug: knocks.append(time.monotonic())) as address:
        path = tmp_path / "controlroom.toml"
        path.write_text(f'[[services]]\nid = "quay"\nkind = "tcp"\nurl = "{address}"\ninterval = 0.2\n')
        own = load(path, environ={"HOME": str(tmp_path)})
        with Collector(url_of(server)).talking(told()):
            async with (
                following_room(url_of(server), tmp_path / "1", own) as one,
                following_room(url_of(server), tmp_path / "2", own) as two,
                following_room(url_of(server), tmp_path / "3", own) as three,
            ):
                for watched in (one, two, three):
                    await watched.healed()
                    watched.room.poll_now()
                await asyncio.sleep(1.0)
                assert one.room.snapshot.services == ROOM.services
    assert knocks == []


# What it is made of


def test_which_log_is_acted_on(tmp_path: Path) -> None:
    """The one that is followed; the one named; the configured one for a socket, or none at all."""
    path = tmp_path / "controlroom.toml"
    path.write_text(
        '[program]\nid = "harbour"\ntitle = "Harbour"\n[store]\nurl = "dir:log"\ninterval = 3.0\n'
    )
    own = load(path, environ={"HOME": str(tmp_path)})
    redis, socket = "redis://cache:6379/0", "unix-relay:/run/relay"
    followed = following.build(own, redis)
    assert (followed.config.store.url, followed.config.store.interval) == (redis, 3.0)
    assert following.build(own, redis, store="dir:other").config.store.url == "dir:other"
    assert following.build(own, socket).config.store.url == "dir:log"
    assert following.build(own, socket).logged
    assert not following.build(Config(), socket).logged
    assert followed.snapshot.program.title == "Harbour"
    assert followed.snapshot.services == ()
    secret = following.build(Config(), "redis://room:pearl@cache")
    assert "pearl" not in relayed(secret.snapshot).where


FIRST_PAINT = """
import asyncio, sys
from controlroom import following
from controlroom.config.values import Config
from controlroom.tui.app import RoomApp
from controlroom.tui.port import Options

class Watched(RoomApp):
    painted = ()

    def _begin(self):
        Watched.painted = sorted(sys.modules)
        super()._begin()

async def main():
    app = Watched(following.build(Config(), "redis://127.0.0.1:1/0", environ={}), Options())
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause()

asyncio.run(main())
print("\\n".join(Watched.painted))
"""


def test_it_is_seen_before_anything_is_loaded_that_hears(tmp_path: Path) -> None:
    """Neither Redis' client nor what reads frames, folds or polls delays the first paint."""
    result = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seen = set(result.stdout.splitlines())
    assert "controlroom.tui.screens.room" in seen, result.stderr
    late = ("stores.frames", "stores.relay_redis", "domain.reduce", "wiring", "engine.engine", "stores.ring")
    assert seen & {"redis", "httpx", "sqlite3", *(f"controlroom.{name}" for name in late)} == set()


async def test_what_is_watched_is_changed_elsewhere(tmp_path: Path) -> None:
    """No change of the configuration from here, and no silence through a server this screen cannot reach."""
    room = following.build(Config(), "redis://127.0.0.1:1/0", environ={"HOME": str(tmp_path)})
    change = AcceptMetric("quay", "tide_total", "harbour", "tides_total")
    assert "follows a collector" in str(await room.desk.edit_config(change))
    now = datetime.now(UTC)
    draft = SilenceDraft((), now, now + timedelta(hours=1), "Ines", "drill")
    assert "no way to main" in await room.desk.silence("main", draft)
    known = replace(Config(), alertmanagers=(AlertmanagerServer("main", "http://127.0.0.1:1"),))
    room = following.build(known, "redis://127.0.0.1:1/0", environ={"HOME": str(tmp_path)})
    assert "refuses connections" in await room.desk.silence("main", draft)


async def test_what_was_heard_is_kept(tmp_path: Path, start: Start) -> None:
    """A viewer can look back at what it showed, at the collector's instants."""
    server = start(servers.redis)
    collector = Collector(url_of(server), ahead=-500.0)
    path = tmp_path / "past.sqlite"
    async with following_room(url_of(server), tmp_path, past=path) as watched:
        begun = told(taken_at=collector.clock())
        with collector.talking(begun):
            await watched.healed()
            assert watched.room.past is not None
            found: Moment | str = ""
            async with asyncio.timeout(10):
                while not isinstance(found, Moment):
                    found = await watched.room.past.at(watched.room.clock())
            assert found.at == begun.taken_at
            assert found.snapshot.services == ROOM.services
            assert found.snapshot.relayed is None
