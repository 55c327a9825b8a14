"""The triage log as a source of observations: what others did, and what of one's own still waits."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

from controlroom.domain.snapshot import LogSeen, Observation, OutboxSeen
from controlroom.lab import servers
from controlroom.sources.log import LogSource
from controlroom.stores.delivery import Delivery
from controlroom.stores.logs import Settings
from controlroom.stores.outbox import Outbox
from controlroom.stores.redis_log import RedisLog
from tests.faults import refused, silent
from tests.stores.acting import act, folder_delivery

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)


def source(delivery: Delivery | Callable[[], Delivery], reassure: float = 0.0) -> LogSource:
    """A source that tells of every look, unless asked to be quieter."""
    return LogSource(delivery, 1.0, lambda: NOW, "dir:log", timeout=0.5, reassure=reassure)


async def poll(looking: LogSource) -> tuple[OutboxSeen, Observation]:
    """What a poll said of the outbox, and of the store."""
    seen: list[Observation] = []
    await looking.poll(seen.append)
    outbox, store = seen
    assert (outbox.source, outbox.kind, outbox.complete, outbox.at) == ("outbox", "store", False, NOW)
    assert (store.source, store.kind, store.complete, store.at) == ("store", "store", True, NOW)
    assert store.as_of is None
    assert isinstance(outbox.payload, OutboxSeen)
    return outbox.payload, store


async def test_each_poll_brings_what_is_new(tmp_path: Path) -> None:
    """Entries come once, in order, whoever committed them; the outbox is reported before the log."""
    ana, bo = folder_delivery(tmp_path), folder_delivery(tmp_path, "bo")
    looking = source(ana)
    assert (looking.id, looking.kind, looking.title) == ("store", "store", "dir:log")
    bo.submit(act("b", who="bo"))
    ana.outbox.put(act("a"))
    _, first = await poll(looking)
    assert isinstance(first.payload, LogSeen)
    assert [(e.rev, e.action.id) for e in first.payload.entries] == [(1, "b"), (2, "a")]
    assert (first.payload.head, first.payload.durability) == (2, "durable")
    bo.submit(act("c", who="bo"))
    _, second = await poll(looking)
    assert isinstance(second.payload, LogSeen)
    assert [e.action.id for e in second.payload.entries] == ["c"]


async def test_a_quiet_store_brings_the_same_values(tmp_path: Path) -> None:
    """Nothing new: the very same objects, so nothing is done about them."""
    ana = folder_delivery(tmp_path)
    ana.submit(act("a"))
    looking = source(ana)
    await poll(looking)
    outbox, store = await poll(looking)
    again, unchanged = await poll(looking)
    assert again is outbox
    assert unchanged.payload is store.payload


async def test_a_look_that_found_nothing_new_is_told_now_and_then(tmp_path: Path) -> None:
    """Whoever shows it has nothing to do meanwhile; what is new is told at once."""
    ana, bo = folder_delivery(tmp_path), folder_delivery(tmp_path, "bo")
    looking = source(ana, reassure=3600.0)
    seen: list[Observation] = []
    await looking.poll(seen.append)
    assert [observation.source for observation in seen] == ["outbox", "store"]
    await looking.poll(seen.append)
    assert len(seen) == 2
    bo.submit(act("b", who="bo"))
    await looking.poll(seen.append)
    assert [observation.source for observation in seen[2:]] == ["store"]


async def test_the_outbox_is_reported_when_the_store_is_not_reached(start: Start, tmp_path: Path) -> None:
    """Unreachable is a failure with a reason, and what waits is listed with it; then it is delivered."""
    server = start(servers.redis)
    log = RedisLog(f"redis://{server.address}/0", Settings(timeout=4.0))
    ana = Delivery(log, Outbox(tmp_path / "ana", log.url))
    looking = source(lambda: ana)
    await poll(looking)
    server.kill()
    ana.submit(act("a", expect=""))
    waits, failed = await poll(looking)
    assert [o.action.id for o in waits.queued] == ["a"]
    assert waits.queued[0].reason
    assert failed.payload is None
    assert failed.failure is not None
    assert failed.failure.reason
    server.restart()
    waits, store = await poll(looking)
    assert waits.queued == ()
    assert isinstance(store.payload, LogSeen)
    assert [e.action.id for e in store.payload.entries] == ["a"]


async def test_a_store_without_its_end_replaces_what_was_known(start: Start, tmp_path: Path) -> None:
    """Restarted empty: the next observation says that it is all there is."""
    server = start(servers.redis)
    log = RedisLog(f"redis://{server.address}/0", Settings(timeout=4.0))
    bo = Delivery(log, Outbox(tmp_path / "bo", log.url))
    bo.submit(act("b"))
    ana = Delivery(RedisLog(f"redis://{server.address}/0", Settings(timeout=4.0)), Outbox(None, log.url))
    looking = source(ana)
    await poll(looking)
    server.kill()
    server.restart()
    _, store = await poll(looking)
    assert isinstance(store.payload, LogSeen)
    assert (store.payload.entries, store.payload.head, store.payload.from_start) == ((), 0, True)
    bo.look(0)
    _, store = await poll(looking)
    assert isinstance(store.payload, LogSeen)
    assert [e.action.id for e in store.payload.entries] == ["b"]


async def test_a_cancelled_poll_loses_no_entries(tmp_path: Path) -> None:
    """Whatever a poll had read when it was cancelled, the next one brings the whole log."""
    ana = folder_delivery(tmp_path)
    looking = source(ana)
    for number in range(3):
        ana.submit(act(f"a{number}"))
    await poll(looking)
    ana.submit(act("a3"))
    task = asyncio.create_task(looking.poll(lambda seen: None))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    _, store = await poll(looking)
    assert isinstance(store.payload, LogSeen)
    assert [entry.rev for entry in store.payload.entries] == [1, 2, 3, 4]
    assert store.payload.from_start
    _, store = await poll(looking)
    assert isinstance(store.payload, LogSeen)
    assert (store.payload.entries, store.payload.from_start) == ((), False)


async def test_acting_while_it_looks_is_fine(tmp_path: Path) -> None:
    """Keys and polls at once: every action is committed once, and seen once."""
    ana = folder_delivery(tmp_path)
    looking = source(ana)
    seen: list[int] = []

    def note(observation: Observation) -> None:
        if isinstance(observation.payload, LogSeen):
            seen.extend(entry.rev for entry in observation.payload.entries)

    async def act_often() -> None:
        for number in range(20):
            outcome = await asyncio.to_thread(ana.submit, act(f"a{number}"))
            assert outcome.status == "committed"

    acting = asyncio.create_task(act_often())
    while not acting.done():
        await looking.poll(note)
    await acting
    await looking.poll(note)
    assert seen == list(range(1, 21))


async def test_what_is_made_is_made_once_and_late(tmp_path: Path) -> None:
    """Nothing is opened before the first poll; a bad address is a failure that names the key."""
    made: list[Delivery] = []

    def make() -> Delivery:
        made.append(folder_delivery(tmp_path))
        return made[-1]

    looking = source(make)
    await looking.close()
    assert made == []
    await poll(looking)
    await poll(looking)
    assert len(made) == 1

    def broken() -> Delivery:
        raise ValueError("its kind is not known")

    seen: list[Observation] = []
    await source(broken).poll(seen.append)
    assert [(o.source, o.failure is not None) for o in seen] == [("store", True)]
    assert seen[0].failure is not None
    assert "[store].url" in seen[0].failure.remedy


async def test_it_reports_before_the_engine_gives_up(tmp_path: Path) -> None:
    """Refused or silent: the failure is the log's own, well within the deadline, and closing is quick."""
    for fault in (refused, silent):
        with fault() as address:
            log = RedisLog(f"redis://{address}/0", Settings(timeout=0.5))
            ana = Delivery(log, Outbox(tmp_path / fault.__name__, log.url))
            ana.outbox.put(act("a"))
            looking = source(ana)
            began = time.monotonic()
            waits, failed = await poll(looking)
            assert time.monotonic() - began < looking.deadline / 2
            assert failed.failure is not None
            assert [o.reason for o in waits.queued] == [failed.failure.reason]
            began = time.monotonic()
            await looking.close()
            await looking.close()
            assert time.monotonic() - began < 1
