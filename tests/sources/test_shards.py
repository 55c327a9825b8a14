"""Collectors that share the asking: each service is asked by one, whoever dies, stops or is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from controlroom import wiring
from controlroom.domain.freshness import STALE_AFTER
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.shards import shares
from controlroom.domain.snapshot import Observation, Snapshot
from controlroom.lab import servers
from controlroom.probes.prober import Prober
from controlroom.sources.services import ServicesSource
from controlroom.sources.shards import HELD_UP, Part
from controlroom.stores.elapsed import elapsed
from controlroom.stores.lease import Held, Lease, open_lease
from controlroom.stores.logs import Settings
from controlroom.stores.shards import open_shards
from tests.chaos.network import cable
from tests.conftest import Start
from tests.sources.sharing import Asked, asked, config_of, helping, now, sharing_of

LASTS = 1.0
INTERVAL = 0.5
PATIENCE = 20.0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def services() -> Iterator[Asked]:
    """Twelve services."""
    with asked(12) as made:
        yield made


@pytest.fixture
def server(start: Start) -> servers.Server:
    """A Redis."""
    return start(servers.redis)


class Leader:
    """The collector ``chief``, which leads here, and what its room showed."""

    def __init__(self, url: str, services: Asked, interval: float = INTERVAL) -> None:
        self.sharing = sharing_of(url, "chief", LASTS)
        self.services = services
        self.snapshot: Snapshot | None = None
        self.wrong: list[str] = []
        """What should not have been shown."""
        self.reasons: set[tuple[str, str]] = set()
        """Services, and what was shown of them."""
        self._shown: set[tuple[str, datetime]] = set()
        self._url, self._interval = url, interval
        self._held: Held | None = None
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def leads(self) -> AsyncIterator[Leader]:
        """Take the lease and keep it, and run a room, until the end."""
        lease = open_lease(self._url, Settings(), LASTS)
        config = config_of(self.services.addresses, self._interval)
        room = wiring.build(config, clock=now, sources={"services"}, environ=os.environ)
        room.around = lambda sources: self.sharing.leading(sources, lambda: self._held)
        room.subscribe(self._see)
        tasks = [asyncio.create_task(self._keep(lease)), asyncio.create_task(room.run())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            lease.close()
            self.sharing.close()
            self._check()

    async def until(self, true: Callable[[], bool], patience: float = PATIENCE) -> float:
        """Wait until `true` of what is shown; the seconds it took."""
        began = time.monotonic()
        async with asyncio.timeout(patience):
            while not true():
                self._changed.clear()
                await self._changed.wait()
        return time.monotonic() - began

    def share(self, *members: str) -> bool:
        """Whether exactly these share."""
        return list(self.sharing.members) == sorted(members)

    def newer(self, at: datetime, ids: Collection[str] = ()) -> bool:
        """Whether every service, or each of `ids`, was asked after `at`, as is shown."""
        states = [
            state
            for state in (self.snapshot.services if self.snapshot else ())
            if not ids or state.service.id in ids
        ]
        return bool(states) and all(s.probed_at is not None and s.probed_at > at for s in states)

    def _check(self) -> None:
        """Nothing was shown as newer than it was: at about that moment it had really been asked."""
        for id_, at in self._shown:
            # A busy machine may notice a connection late.
            first, last = at - timedelta(seconds=1.2), at + timedelta(seconds=1)
            if not self.services.between(id_, first, last):
                self.wrong.append(f"{id_} was not asked at {at}")

    async def _keep(self, lease: Lease) -> None:
        while True:
            with contextlib.suppress(Exception):
                held = self._held
                asking = (lease.take, "chief") if held is None else (lease.renew, held)
                self._held = await asyncio.to_thread(*asking)
            await asyncio.sleep(LASTS / 5)

    def _see(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for state in snapshot.services:
            if state.probed_at is not None:
                self._shown.add((state.service.id, state.probed_at))
                self.reasons.add((state.service.id, state.reason))
                if state.probed_at > now():
                    self.wrong.append(f"{state.service.id} is from the future")
            if state.health not in (Health.UP, Health.UNKNOWN):
                self.wrong.append(f"{state.service.id} is {state.health}: {state.reason}")
        self._changed.set()


def parts(services: Asked, *members: str) -> dict[str, frozenset[str]]:
    """Who asks what."""
    return dict(shares(services.addresses, members))


def rates(services: Asked, first: datetime, last: datetime) -> list[float]:
    """How often each service was asked, by how often it should have been."""
    due = (last - first).total_seconds() / INTERVAL
    return [services.between(id_, first, last) / due for id_ in services.addresses]


async def test_every_service_is_asked_once_whoever_asks(server: servers.Server, services: Asked) -> None:
    """By one collector or by three, its own pace holds; all of it is shown, from whoever it comes."""
    url = f"redis://{server.address}"
    async with Leader(url, services).leads() as leader:
        await leader.until(lambda: leader.share("chief") and leader.newer(LONG_AGO))
        begun = now()
        await leader.until(lambda: now() - begun > timedelta(seconds=3))
        alone = rates(services, begun, now())
        with (
            helping(url, "east", LASTS, INTERVAL, services.addresses),
            helping(url, "west", LASTS, INTERVAL, services.addresses),
        ):
            await leader.until(lambda: leader.share("chief", "east", "west"))
            assert all(parts(services, "chief", "east", "west").values()), "the test's names share badly"
            joined = now()
            await leader.until(lambda: leader.newer(joined))
            begun = now()
            await leader.until(lambda: now() - begun > timedelta(seconds=3))
            together = rates(services, begun, now())
    assert 0.4 < min(alone) <= max(alone) < 1.6, alone
    assert 0.4 < min(together) <= max(together) < 1.6, together
    assert leader.wrong == []


@pytest.mark.parametrize("fault", ["kill", "stop", "partition", "stop in the middle"])
async def test_what_a_silent_member_asked_is_asked_by_others(
    server: servers.Server, services: Asked, fault: str
) -> None:
    """Killed, stopped or cut off, it is gone when it has said nothing for a lease; nothing is shown as newer
    than it is. Back again, it has a part again, and tells nothing that was not so.
    """
    url = f"redis://{server.address}"
    with cable("127.0.0.1", server.port) as line:
        async with Leader(url, services).leads() as leader:
            with (
                helping(
                    f"redis://127.0.0.1:{line.port}", "east", LASTS, INTERVAL, services.addresses
                ) as east,
                helping(url, "west", LASTS, INTERVAL, services.addresses),
            ):
                await leader.until(lambda: leader.share("chief", "east", "west"))
                joined = now()
                await leader.until(lambda: leader.newer(joined))
                silent = now()
                if fault == "kill":
                    east.kill()
                elif fault == "partition":
                    line.pull()
                else:
                    east.send_signal(signal.SIGSTOP)
                if fault != "stop in the middle":
                    gone = await leader.until(lambda: leader.share("chief", "west"))
                    assert gone < 3 * LASTS
                    await leader.until(lambda: leader.newer(silent), STALE_AFTER * INTERVAL + 2 * LASTS)
                    begun = now()
                    await leader.until(lambda: now() - begun > timedelta(seconds=2))
                    assert max(rates(services, begun, now())) < 1.8
                else:
                    await leader.until(lambda: now() - silent > timedelta(seconds=0.7 * LASTS))
                if fault == "kill":
                    return
                east.send_signal(signal.SIGCONT)
                line.put_back()
                await leader.until(lambda: leader.share("chief", "east", "west"))
                back = now()
                await leader.until(lambda: leader.newer(back))
    assert leader.wrong == []


async def test_who_gets_a_part_asks_it_at_once(server: servers.Server, services: Asked) -> None:
    """Not only when its next sweep is due, whether somebody came or went."""
    url, interval = f"redis://{server.address}", 20.0
    async with Leader(url, services, interval).leads() as leader:
        await leader.until(lambda: leader.share("chief") and leader.newer(LONG_AGO))
        begun = now()
        with helping(url, "east", LASTS, interval, services.addresses):
            await leader.until(lambda: leader.share("chief", "east"))
            ids = parts(services, "chief", "east")["east"]
            assert await leader.until(lambda: leader.newer(begun, ids)) < interval / 4
        silent = now()
        assert await leader.until(lambda: leader.newer(silent, ids)) < 3 * LASTS
    assert leader.wrong == []


async def test_a_member_that_hears_nobody_asks_nobody(server: servers.Server, services: Asked) -> None:
    """Cut off from Redis, with no leader that could say so, it has a part for no longer than a lease."""
    url = f"redis://{server.address}"
    with (
        cable("127.0.0.1", server.port) as line,
        helping(f"redis://127.0.0.1:{line.port}", "east", LASTS, INTERVAL, services.addresses),
    ):
        async with Leader(url, services).leads() as leader:
            await leader.until(lambda: leader.share("chief", "east"))
        east = parts(services, "chief", "east")["east"]
        begun = now()
        async with asyncio.timeout(PATIENCE):
            for id_ in east:
                await asyncio.to_thread(services.await_asked, id_, begun)
        line.pull()
        # Until its time is over, and what is under way then.
        await asyncio.sleep(LASTS + INTERVAL)
        begun = now()
        await asyncio.sleep(3 * INTERVAL)
        assert rates(services, begun, now()) == [0.0] * 12


async def test_a_redis_that_starts_anew_and_empty(server: servers.Server, services: Asked) -> None:
    """All find together again by themselves, and nothing is shown as newer than it is meanwhile."""
    url = f"redis://{server.address}"
    async with Leader(url, services).leads() as leader:
        with helping(url, "east", LASTS, INTERVAL, services.addresses):
            await leader.until(lambda: leader.share("chief", "east"))
            server.kill()
            await asyncio.to_thread(server.restart)
            started = now()
            await leader.until(lambda: leader.newer(started))
            await leader.until(lambda: leader.share("chief", "east"))
    assert leader.wrong == []


async def test_a_member_tells_of_its_own_part_and_nothing_old(
    server: servers.Server, services: Asked
) -> None:
    """What is another's, or older than what is known, changes nothing that is shown."""
    url = f"redis://{server.address}"
    east = open_shards(url, Settings(), LASTS, now)
    async with Leader(url, services).leads() as leader:
        await leader.until(lambda: leader.share("chief"))
        of = leader.sharing.mark

        async def tell(*found: ProbeResult) -> None:
            await asyncio.to_thread(east.tell, "east", of, found)

        def reason(id_: str) -> str:
            states = leader.snapshot.services if leader.snapshot else ()
            return next((state.reason for state in states if state.service.id == id_), "")

        await tell()
        await leader.until(lambda: leader.share("chief", "east"))
        begun = now()
        own, another, *_ = sorted(parts(services, "chief", "east")["east"])
        chiefs = min(parts(services, "chief", "east")["chief"])
        services.touch(own)
        services.touch(another)
        await tell(ProbeResult(own, now(), Health.UP, "first"))
        await leader.until(lambda: reason(own) == "first")
        await tell(
            ProbeResult(chiefs, now(), Health.UP, "not mine"),
            ProbeResult(own, begun - timedelta(seconds=2), Health.DOWN, "old"),
        )
        await tell(ProbeResult(another, now(), Health.UP, "last"))
        await leader.until(lambda: reason(another) == "last")
    shown = {reason for _, reason in leader.reasons}
    assert {"first", "last"} <= shown
    assert not shown & {"not mine", "old", "old (1 of 2)"}
    east.close()
    assert leader.wrong == []


async def test_whose_probing_stands_still_is_there_no_more(server: servers.Server, services: Asked) -> None:
    """A member that goes on talking, and asks nobody, gives its part back."""
    url = f"redis://{server.address}"
    sharing, chief = sharing_of(url, "east", LASTS), open_shards(url, Settings(), LASTS, now)
    lease = open_lease(url, Settings(), LASTS)
    interval = 0.1
    config = config_of(services.addresses, interval)
    source = ServicesSource(config.services, Prober(now, lambda ref: ""), now, interval=interval)
    own, telling = sharing.helping([source])
    said: list[Observation] = []
    await telling.poll(said.append)
    begun, there = time.monotonic(), True
    while there:
        await telling.poll(said.append)
        held = lease.take("chief")
        there = held is None or bool(chief.hear(held, sharing.mark, "").present)
        assert time.monotonic() < begun + PATIENCE
    assert time.monotonic() - begun > HELD_UP * interval + 0.5 * LASTS
    await own.poll(said.append)
    await telling.poll(said.append)
    held = lease.take("chief")
    assert held is not None
    assert chief.hear(held, sharing.mark, "").present == ("east",)
    assert [seen for seen in said if seen.failure] == []
    for opened in (sharing, chief, lease):
        opened.close()
    await own.close()


# Who is cut off


NOWHERE = (
    Service("vault", "tcp", url="192.0.2.1:80"),
    Service("ledger", "tcp", url="198.51.100.1:80"),
    Service("press", "tcp", url="203.0.113.1:80"),
)
IDS = [service.id for service in NOWHERE]


def part_of(holder: str, members: Sequence[str], rest: float = 60.0) -> Part:
    """A part in asking them, that may be relied upon."""
    part = Part(holder, NOWHERE, rest, 60.0)
    part.assign(members, elapsed() + 60)
    return part


def results(*ids: str, unreachable: bool) -> list[ProbeResult]:
    """What probes of these brought."""
    health = Health.DOWN if unreachable else Health.UP
    return [ProbeResult(id_, now(), health, unreachable=unreachable) for id_ in ids]


def mine(holder: str, *members: str) -> list[str]:
    """What is asked by `holder`; at least two."""
    found = sorted(shares(IDS, members)[holder])
    assert len(found) > 1, "the test's names share badly"
    return found


def pair() -> tuple[str, str]:
    """Names of two of which the first has two services or more."""
    for number in range(100):
        one = f"east-{number}"
        if len(shares(IDS, [one, "other"])[one]) > 1:
            return one, "other"
    raise AssertionError


def test_who_is_cut_off_tells_nothing_of_it() -> None:
    """All out of reach while others are there: nothing is told, and it takes no part for a while."""
    one, other = pair()
    part, ids = part_of(one, [one, other], rest=0.05), mine(one, one, other)
    assert [r.service for r in part.worth_telling(results(*ids, unreachable=False))] == ids
    assert not part.resting
    assert len(part.worth_telling(results(ids[0], unreachable=True))) == 1
    assert part.worth_telling(results(*ids[1:], unreachable=True)) == ()
    assert part.resting
    assert part.worth_telling(results(*ids, unreachable=False)) == ()
    end = time.monotonic() + 5
    while part.resting:
        assert time.monotonic() < end
    assert len(part.worth_telling(results(*ids, unreachable=False))) == len(ids)


def _taken(lease: Lease) -> Held:
    """The lease, once ``chief`` can have it."""
    give_up = time.monotonic() + PATIENCE
    while (held := lease.take("chief")) is None:
        assert time.monotonic() < give_up
        time.sleep(0.01)  # a lease that ends gives no event to wait for
    return held


async def test_a_leader_that_is_cut_off_leaves_it_to_the_others(server: servers.Server) -> None:
    """While others are there they ask all; when nobody is, it asks again itself."""
    url = f"redis://{server.address}"
    sharing, east = sharing_of(url, "chief", LASTS), open_shards(url, Settings(), LASTS, now)
    lease = open_lease(url, Settings(), LASTS)
    taken = await asyncio.to_thread(_taken, lease)
    held = taken._replace(until=elapsed() + 60)
    source = ServicesSource(NOWHERE, Prober(now, lambda ref: ""), now)
    own, heard = sharing.leading([source], lambda: held)
    other = next(name for name in map(str, range(100)) if len(shares(IDS, ["chief", name])["chief"]) > 1)

    said: list[Observation] = []

    async def roster() -> Sequence[str]:
        lease.take("chief")
        await heard.poll(said.append)
        return sharing.members

    east.tell(other, sharing.mark, ())
    assert await roster() == [other, "chief"]
    assert sharing.part is not None
    sharing.part.worth_telling(results(*mine("chief", "chief", other), unreachable=True))
    assert await roster() == [other]
    assert not any(map(sharing.part.asks, IDS))
    east.leave(other, sharing.mark)
    assert await roster() == ["chief"]
    assert all(map(sharing.part.asks, IDS))
    await own.close()
    for opened in (sharing, east, lease):
        opened.close()


def test_who_is_alone_tells_all() -> None:
    """Nobody else could find out: the room says that it may be cut off itself."""
    part = part_of("east", ["east"])
    ids = IDS
    assert len(part.worth_telling(results(*ids, unreachable=True))) == 3
    assert not part.resting


def test_what_is_not_asked_here_is_not_told_here() -> None:
    """What was under way when it was given to another, or when the time was over, is dropped."""
    one, other = pair()
    part, ids = part_of(one, [one, other]), mine(one, one, other)
    part.assign([other], elapsed() + 60)
    assert part.worth_telling(results(*ids, unreachable=False)) == ()
    part.assign([one, other], elapsed() - 1)
    assert not part.asks(ids[0])
    assert part.worth_telling(results(*ids, unreachable=False)) == ()


def test_a_part_is_known_by_its_event() -> None:
    """Whoever waits for something to ask is woken by it, and waits again when there is nothing."""
    part = part_of("east", [])
    assert not part.assigned.is_set()
    part.assign(["east"], elapsed() + 60)
    assert part.assigned.is_set()
    part.assign(["west"], elapsed() + 60)
    assert not part.assigned.is_set()


def test_what_is_new_stays_new_until_it_is_looked_at() -> None:
    """Also when who shares changes again before; what was given away meanwhile is new no more."""
    part = part_of("east", ["west"])
    assert list(part.news()) == []
    part.assign(["east"], elapsed() + 60)
    part.assign(["east", "other"], elapsed() + 60)
    assert part.gained.is_set()
    assert sorted(part.news()) == sorted(shares(IDS, ["east", "other"])["east"])
    assert not part.gained.is_set()
    part.assign(["east"], elapsed() + 60)
    assert sorted(part.news()) == sorted(shares(IDS, ["east", "other"])["other"])
