"""Services that several collectors share: each asks its part, and the leader hears what the others found.

Who belongs to a part follows from who shares (`domain/shards.py`), and who shares the leader says. A member
that stops, dies or is cut off from Redis is gone from there when it has said nothing for as long as a lease
lasts; what it asked is asked by the others from then on, and grows old until it is. It counts by a
clock that goes on while its machine sleeps, and stops asking before that, so that nobody is asked twice over.

One that finds everything out of its reach is cut off itself: it tells nothing of that and takes no part for
a while, so that others find out how the services are. If nobody else is there, the leader tells it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from controlroom import __version__
from controlroom.domain import causes
from controlroom.domain.health import ProbeResult, ServiceState
from controlroom.domain.services import Health, Service
from controlroom.domain.shards import mark, shares
from controlroom.domain.snapshot import Failure, Observation, ServicesSeen, SourceKind
from controlroom.engine.ports import Clock, Emit, Source
from controlroom.net.threads import in_daemon
from controlroom.stores.elapsed import elapsed
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import Fenced

if TYPE_CHECKING:
    from controlroom.stores.lease import Held
    from controlroom.stores.shards import Shards

EVERY = 0.5
"""Seconds between two exchanges of a collector with the others."""

MARGIN = 0.1
"""Part, at its end, of the time a member counts as there in which it asks nobody: clocks run unevenly."""

REST = 60.0
"""Seconds for which one that is cut off takes no part."""

BATCH = 500
"""Results that are told at once."""

WAITING = 20_000
"""Results that may wait to be told; of more the oldest go."""

HELD_UP = 4.0
"""Intervals, and a lease, without a sweep after which a member's probing has come to a standstill, so that it
says no more that it is there."""


@runtime_checkable
class Divisible(Source, Protocol):
    """A source of services that may leave some of them to others."""

    mine: Callable[[str], bool] | None
    """Whether a service, by its id, is asked here."""

    @property
    def services(self) -> Sequence[Service]:
        """All of them."""
        ...


class Sharing:
    """One collector's part in the asking, under its name `holder`, whether it leads or stands by.

    `leading` and `helping` are for `Room.around`: they make of a room's sources those that share.
    """

    def __init__(self, shards: Shards, holder: str, clock: Clock, *, rest: float = REST) -> None:
        """`rest`: seconds for which one that is cut off takes no part."""
        self.members: Sequence[str] = ()
        """Who shares, as last heard; sorted."""
        self.shards, self.holder, self.clock = shards, holder, clock
        self.mark = ""
        """Of what is asked; empty: nothing was asked for yet."""
        self.part: Part | None = None
        """What is asked here; None: nothing was asked for yet."""
        self._rest = rest

    def leading(self, sources: Sequence[Source], held: Callable[[], Held | None]) -> Sequence[Source]:
        """`sources` as a leader polls them: its own part, and what the others tell while it is `held`."""
        return self._divided(sources, lambda part: _Heard(self, part, held))

    def helping(self, sources: Sequence[Source]) -> Sequence[Source]:
        """`sources` as one polls them that stands by: its own part, which it tells the leader."""
        return self._divided(sources, lambda part: _Telling(self, part))

    async def leave(self) -> None:
        """Let the others ask at once. Raises Unavailable."""
        if self.mark:
            await in_daemon(self.shards.leave, self.holder, self.mark)

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        self.shards.close()

    def _divided(
        self, sources: Sequence[Source], other: Callable[[Part], _Heard | _Telling]
    ) -> Sequence[Source]:
        divided: list[Source] = []
        for source in sources:
            if not isinstance(source, Divisible):
                divided.append(source)
                continue
            self.mark = mark(source.services, __version__)
            patience = HELD_UP * source.interval + self.shards.lasts
            part = self.part = Part(self.holder, source.services, self._rest, patience)
            partner = other(part)
            divided += [_Own(source, part, partner), partner]
        return divided


class Part:
    """Which services are asked here, for how long that may be relied upon, and what came of it."""

    def __init__(self, holder: str, services: Sequence[Service], rest: float, patience: float) -> None:
        self.assigned = asyncio.Event()
        """Set while there is something to ask here."""
        self.gained = asyncio.Event()
        """Set when there is something that was not asked here before."""
        self.swept = time.monotonic()
        """When a sweep last got on."""
        self._holder, self._rest, self._patience = holder, rest, patience
        self._services = {service.id: service for service in services}
        self._members: Sequence[str] = ()
        self._parts: Mapping[str, Collection[str]] = {}
        self._until = 0.0
        self._rests_until = 0.0
        self._new: set[str] = set()
        self._found: dict[str, ProbeResult] = {}
        """The last results of what is asked here."""

    @property
    def held_up(self) -> bool:
        """Whether no sweep has got on for too long."""
        return time.monotonic() - self.swept > self._patience

    @property
    def resting(self) -> bool:
        """Whether it was cut off lately."""
        return time.monotonic() < self._rests_until

    def asks(self, service: str) -> bool:
        """Whether `service` is asked here at this moment."""
        return service in self.of(self._holder) and elapsed() < self._until

    def of(self, member: str) -> Collection[str]:
        """What `member` asks."""
        return self._parts.get(member, ())

    def assign(self, members: Sequence[str], until: float) -> None:
        """`members` share, which may be relied upon until `until`, as `elapsed` tells it."""
        self._until = until
        if list(members) != list(self._members):
            before = set(self.of(self._holder))
            self._members = members
            self._parts = shares(self._services, members)
            mine = self.of(self._holder)
            self._new = self._new.union(mine).difference(before - self._new).intersection(mine)
            if self._new:
                self.gained.set()
            self._found = {id_: result for id_, result in self._found.items() if id_ in mine}
        if self.of(self._holder):
            self.assigned.set()
        else:
            self.assigned.clear()

    def news(self) -> Collection[str]:
        """What is asked here since this was last looked at."""
        new, self._new = self._new, set()
        self.gained.clear()
        return new

    def worth_telling(self, results: Sequence[ProbeResult]) -> tuple[ProbeResult, ...]:
        """Those of `results`, found here, that say something about services; none where it is cut off."""
        alone = list(self._members) == [self._holder]
        if self.resting and not alone:
            return ()
        mine = tuple(result for result in results if self.asks(result.service))
        self._found.update((one.service, one) for one in mine if one.health is not Health.UNKNOWN)
        if not alone and causes.blind(map(self._state, self._found.values())):
            self._rests_until = time.monotonic() + self._rest
            self._found.clear()
            return ()
        return mine

    def _state(self, found: ProbeResult) -> ServiceState:
        service = self._services[found.service]
        return ServiceState(service, probed_at=found.at, unreachable=found.unreachable)


class _Own:
    """The source that asks, as far as it asks here; `partner` is given what it found first."""

    def __init__(self, own: Divisible, part: Part, partner: _Heard | _Telling) -> None:
        self.id: str = own.id
        self.kind: SourceKind = own.kind
        self.title: str = own.title
        self.interval: float = own.interval
        self.deadline: float = own.deadline + 2 * own.interval
        self._own, self._part, self._partner = own, part, partner
        own.mine = part.asks

    async def poll(self, emit: Emit) -> None:
        """One sweep over what is asked here, as soon as it is known what that is; and at once over what comes
        to it before the next one is due.
        """
        part, due = self._part, asyncio.get_running_loop().time() + self.interval
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await part.assigned.wait()

        def through(seen: Observation) -> None:
            part.swept = time.monotonic()
            results = seen.payload.results if isinstance(seen.payload, ServicesSeen) else ()
            kept = self._partner.found(part.worth_telling(results))
            emit(Observation(seen.source, seen.kind, seen.at, ServicesSeen(kept), complete=seen.complete))

        part.news()
        await self._own.poll(through)
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(due):
                    await part.gained.wait()
                await self._ask(part.news(), through)

    async def _ask(self, new: Collection[str], through: Emit) -> None:
        """A sweep over `new` alone."""
        self._own.mine = lambda id_: id_ in new and self._part.asks(id_)
        try:
            await self._own.poll(through)
        finally:
            self._own.mine = self._part.asks

    async def close(self) -> None:
        """Give up on everything under way."""
        await self._own.close()


class _Heard:
    """What the others found, for the leader, who says who shares."""

    id = "shards"
    kind: SourceKind = "services"
    title = "other collectors"

    def __init__(self, sharing: Sharing, part: Part, held: Callable[[], Held | None]) -> None:
        self.interval, self.deadline = _pace(sharing)
        self._sharing, self._part, self._held = sharing, part, held
        self._cursor = ""
        self._newest: dict[str, datetime] = {}

    def found(self, results: tuple[ProbeResult, ...]) -> tuple[ProbeResult, ...]:
        """What was found here is shown here."""
        self._newest.update((one.service, one.at) for one in results)
        return results

    async def poll(self, emit: Emit) -> None:
        """Hear what was told since, and say who shares from now on."""
        more = True
        while more and (held := self._held()) is not None:
            try:
                more = await self._once(held, emit)
            except Unavailable as problem:
                failure = Failure(problem.reason, problem.remedy)
                emit(Observation(self.id, self.kind, self._sharing.clock(), failure=failure))
                return
            except Fenced:
                self._part.assign((), 0.0)
                return

    async def close(self) -> None:
        """Ask nobody any more."""
        self._part.assign((), 0.0)

    async def _once(self, held: Held, emit: Emit) -> bool:
        """One exchange; whether there is more to hear."""
        sharing, part = self._sharing, self._part
        hearing = await in_daemon(sharing.shards.hear, held, sharing.mark, self._cursor)
        self._cursor = hearing.cursor
        others = {name for name in hearing.present if name != held.holder}
        here = set() if part.resting and others else {held.holder}
        roster = sorted(others | here)
        if roster != list(hearing.roster):
            await in_daemon(sharing.shards.share, held, sharing.mark, roster)
        part.assign(roster, held.until)
        sharing.members = roster
        for told in hearing.told:  # each on its own: two results of one service are two
            results = self._owned(told.by, told.results)
            if results:
                emit(Observation(self.id, self.kind, sharing.clock(), ServicesSeen(tuple(results))))
        return hearing.more

    def _owned(self, by: str, results: Sequence[ProbeResult]) -> list[ProbeResult]:
        """Those of `results` that are `by`'s to tell, and news."""
        fresh, now = [], self._sharing.clock()
        for one in results:
            known = self._newest.get(one.service)
            # What is known from later than now was known before this machine's clock was set back.
            news = known is None or known > now or one.at > known
            if one.service in self._part.of(by) and news:
                self._newest[one.service] = one.at
                fresh.append(one)
        return fresh


class _Telling:
    """What is found here, told to the leader, by one that stands by."""

    id = "shards"
    kind: SourceKind = "services"
    title = "other collectors"

    def __init__(self, sharing: Sharing, part: Part) -> None:
        self.interval, self.deadline = _pace(sharing)
        self._sharing, self._part = sharing, part
        self._waiting: list[ProbeResult] = []
        self._there = True

    def found(self, results: tuple[ProbeResult, ...]) -> tuple[ProbeResult, ...]:
        """What was found here is shown by the leader."""
        self._waiting = [*self._waiting, *results][-WAITING:]
        return ()

    async def poll(self, emit: Emit) -> None:
        """Say that it is there and what it found, and hear what it has to ask."""
        if self._part.resting or self._part.held_up:
            await self._leave()
            return
        while await self._once(emit) and self._waiting:
            pass

    async def _once(self, emit: Emit) -> bool:
        """One exchange; whether it went well."""
        part, sharing = self._part, self._sharing
        asked = elapsed()
        results, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        try:
            # What was told, perhaps, is not told again: a failure must not count twice.
            roster = await in_daemon(sharing.shards.tell, sharing.holder, sharing.mark, results)
        except Unavailable as problem:
            failure = Failure(problem.reason, problem.remedy)
            emit(Observation(self.id, self.kind, sharing.clock(), failure=failure))
            return False
        self._there = True
        sharing.members = roster
        part.assign(roster, asked + sharing.shards.lasts * (1 - MARGIN))
        return True

    async def close(self) -> None:
        """Ask nobody any more."""
        self._part.assign((), 0.0)

    async def _leave(self) -> None:
        """Let the others ask."""
        self._part.assign((), 0.0)
        self._waiting = []
        if self._there:
            with contextlib.suppress(Unavailable):  # they find out when it has said nothing for long enough
                await self._sharing.leave()
                self._there = False


def _pace(sharing: Sharing) -> tuple[float, float]:
    """Seconds from one exchange to the next, and that one may take."""
    return min(EVERY, sharing.shards.lasts / 8), sharing.shards.lasts
