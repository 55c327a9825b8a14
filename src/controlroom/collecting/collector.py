"""The collector itself: stands by, leads, hands over.

What only the leader does: it polls, tells the screens, tells the channels of `[[notify]]`, writes the status
of the day. Those that stand by ask nobody: warm sources would take over a second sooner, and would cost every
service that is watched another room. They hear the leader instead, so that they know the room to the last
frame, and have found every notice that it found: what was not told yet is told by whoever leads next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from controlroom import acting, exporting, last_known, wiring
from controlroom.collecting.hearing import Hearing
from controlroom.collecting.lead import Alone, Lead
from controlroom.collecting.measured import measured
from controlroom.collecting.nightly import Nightly
from controlroom.collecting.telling import Telling
from controlroom.domain.freshness import STALE_AFTER
from controlroom.domain.instants import duration
from controlroom.domain.snapshot import OutboxSeen
from controlroom.exporting.cost import Meter
from controlroom.net.endpoint import Endpoint, Page
from controlroom.net.supervised import Supervisor
from controlroom.net.threads import in_daemon
from controlroom.stores.elapsed import elapsed
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import LOST_AFTER, open_follower, open_publisher

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import Snapshot, SourceKind
    from controlroom.engine.ports import Clock, Source
    from controlroom.noticing import Noticing
    from controlroom.sources.shards import Sharing
    from controlroom.stores.lease import Held, Lease
    from controlroom.stores.relay import Follower, Publisher

T = TypeVar("T")

PART = 4
"""The lease is renewed, and asked for, so many times while it lasts …"""

PULSE = 5.0
"""… and so many seconds after the last time at the latest: a service manager waits to hear that it lives."""

LIVES = 10.0
"""Seconds without a turn of its loop, beside what a slow store takes, after which it is called dead."""

RECENT = timedelta(hours=1)
"""How old a room that was told may be for its next leader to go on from as if nothing had been missed."""

ALONE = "the store is a folder, which no screen can follow: name a Redis in [store].url"


@dataclass(eq=False)
class Collector:
    """One of the collectors of a configuration, from `run` until it is told to stop."""

    config: Config
    clock: Clock
    environ: Mapping[str, str]
    say: Callable[[str, str], None]
    """Told what happens: a word, and a line of text."""
    name: str = field(default_factory=lambda: f"{acting.host()}-{os.getpid()}-{acting.new_id()[:8]}")
    """Unique among all that ever run."""

    def __post_init__(self) -> None:
        self.snapshot: Snapshot = wiring.build(self.config, clock=self.clock, environ=self.environ).snapshot
        self.lead = Lead()
        self.meter = Meter()
        self._supervisor = Supervisor(self.environ)
        self.endpoint = Endpoint(
            {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}
        )
        self._known = False
        """Whether `snapshot` was seen, or heard, since this process began."""
        self._lease: Lease = Alone()
        self._publisher: Publisher | None = None
        self._follower: Follower | None = None
        self._hearing: Hearing | None = None
        self._sharing: Sharing | None = None
        self._telling: Telling | None = None
        self._nightly: Nightly | None = None
        self._noticing: Noticing | None = None
        self._turned = time.monotonic()
        """`time.monotonic()` when the lease was last asked for."""
        self._trouble = ""
        """Why it could not be."""
        self._others: Sequence[str] = ()
        """Who is there, as far as the lease knows; this one among them."""
        self._attending: asyncio.Task[None] | None = None

    @property
    def alone(self) -> bool:
        """Whether the store is a folder: nobody follows it, and no other collector shares it."""
        return self.config.store.url.startswith("dir:")

    @property
    def _pause(self) -> float:
        """Seconds from one time that the lease is asked for to the next."""
        return min(self.config.collect.lease / PART, PULSE)

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop` is set; then hand the lead over. Raises OSError, Unavailable."""
        if self.config.collect.listen:
            await self.endpoint.listen(self.config.collect.listen)
        try:
            self._open()
            self._say_beginning()
            self._begin_noticing()
            stopping = asyncio.create_task(stop.wait(), name="wait for the end")
            try:
                held = await self._ask(self._lease.take, self.name)
                while not stop.is_set():
                    held = held or await self._standing_by(stopping)
                    if held is not None:
                        await self._leading(held, stopping)
                        held = None
            finally:
                stopping.cancel()
        finally:
            await self._close()

    def _open(self) -> None:
        """The lease and the relay; neither connects before it is asked. Raises Unavailable."""
        if self.alone:
            return
        from controlroom.stores.lease import open_lease

        url, lasts = self.config.store.url, self.config.collect.lease
        settings = acting.store_settings(self.config)
        try:
            self._lease = open_lease(url, settings, lasts)
            self._publisher = open_publisher(url, settings)
            self._follower = open_follower(url, settings)
        except ValueError as problem:
            raise Unavailable(f"[store].url: {problem}", "correct it") from None
        self._hearing = Hearing(self._follower, self._see)
        if self.config.collect.shards:
            from controlroom.sources.shards import Sharing
            from controlroom.stores.shards import open_shards

            self._sharing = Sharing(open_shards(url, settings, lasts, self.clock), self.name, self.clock)

    def _say_beginning(self) -> None:
        self.say("collects", f"as {self.name}")
        if self.endpoint.address:
            self.say("listens", f"http://{self.endpoint.address}/readyz")
            missing = exporting.missing()
            if missing:
                self.say("no metrics", missing)
        if self.alone:
            self.say("alone", ALONE)
        self._supervisor.tell("READY=1")

    def _became(self, word: str, text: str) -> None:
        """Say what it is doing from now on."""
        self.say(word, text)
        self._supervisor.tell(f"STATUS={word}: {text}")

    def _begin_noticing(self) -> None:
        if self.config.notify:
            from controlroom.noticing import Noticing

            self._noticing = Noticing(
                lambda: self.config,
                lambda: self.snapshot,
                self.clock,
                self.environ,
                may_tell=lambda: self.lead.leads,
            )
            self._noticing.begin()

    def _see(self, snapshot: Snapshot) -> None:
        """The room as it is now, polled here or heard."""
        self.snapshot, self._known = snapshot, True
        if self._noticing is not None:
            self._noticing.see(snapshot)

    async def _close(self) -> None:
        self._supervisor.tell("STOPPING=1")
        self.lead.end()
        if self._noticing is not None:
            await self._noticing.close()
        if self._attending is not None:  # else it would be there again after it has left
            await asyncio.gather(self._attending, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await in_daemon(self._lease.leave, self.name)
        if self._sharing is not None:
            with contextlib.suppress(Unavailable):
                await self._sharing.leave()
        await self.endpoint.close()
        for opened in (self._lease, self._publisher, self._follower, self._sharing):
            if opened is not None:
                opened.close()

    # Standing by

    async def _standing_by(self, stopping: asyncio.Task[Any]) -> Held | None:
        """Hear the leader until the lease can be had, which is asked for again and again; None: the end."""
        tasks = [asyncio.create_task(one) for one in self._standby_work()]
        said = None
        try:
            while True:
                why = self._trouble or "until it can have the lead"
                if why != said:
                    self._became("stands by", why)
                    said = why
                done, _ = await asyncio.wait(
                    {stopping, *tasks},
                    timeout=self._pause,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done - {stopping}:
                    await task
                if stopping.done():
                    return None
                held = await self._ask(self._lease.take, self.name)
                if held is not None:
                    return held
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _standby_work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What one does that does not lead: it hears the leader, and asks its part of the services."""
        work = []
        if self._hearing is not None:
            work.append(self._hearing.run())
        if self._sharing is not None:
            kinds: Collection[SourceKind] = {"services"}
            room = wiring.build(self.config, clock=self.clock, sources=kinds, environ=self.environ)
            room.around = self._helping
            work.append(room.run())
        return work

    def _helping(self, sources: Sequence[Source]) -> Sequence[Source]:
        """`sources` as one polls them that stands by."""
        counted = measured(sources, self.meter)
        return counted if self._sharing is None else self._sharing.helping(counted)

    async def _ask(self, call: Callable[[T], Held | None], about: T) -> Held | None:
        """What the lease says; None also where it cannot be asked."""
        self._turned = time.monotonic()
        self._supervisor.tell("WATCHDOG=1")
        try:
            held = await in_daemon(call, about)
        except Unavailable as problem:
            self._trouble = problem.reason
            return None
        self._trouble = ""
        if self._attending is None or self._attending.done():
            self._attending = asyncio.create_task(self._attend(), name="say that it is there")
        return held

    async def _attend(self) -> None:
        """Say that it is there, and hear who is; nothing that the lead depends on waits for that."""
        with contextlib.suppress(Unavailable):
            self._others = await in_daemon(self._lease.attend, self.name)

    # Leading

    async def _leading(self, held: Held, stopping: asyncio.Task[Any]) -> None:
        """Lead until the lease is lost, or the end. Raises what ends the room."""
        self.lead.take(held)
        lost = asyncio.create_task(self.lead.lost.wait(), name="wait until the lead is lost")
        tasks = [asyncio.create_task(self._renewed(), name="renew the lease")]
        room = None
        try:
            room = await self._resumed()
            self._became("leads", f"term {held.term}")
            tasks += [asyncio.create_task(one) for one in self._work(room)]
            await asyncio.wait({stopping, lost, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and not lost.done():
                    await task
        finally:
            lost.cancel()
            await self._handed_over(tasks, stopping.done())
            if room is not None:
                await in_daemon(last_known.keep, self.config, room.snapshot, self.environ)

    def _work(self, room: wiring.Room) -> Sequence[Coroutine[Any, Any, None]]:
        """What a leader does: it polls, tells the screens, writes the status of the day."""
        collect = self.config.collect
        room.subscribe(self._see)
        nightly = self._nightly = Nightly(self.config, lambda: room.snapshot, self.clock, self.lead, self.say)
        work = [room.run(), nightly.run()]
        if self._publisher is not None:
            telling = self._telling = Telling(
                self._publisher, self.lead, self.name, self.clock, every=collect.every, meter=self.meter
            )
            telling.see(room.snapshot)
            room.subscribe(telling.see)
            work.append(telling.run())
        return work

    async def _handed_over(self, tasks: Sequence[asyncio.Task[None]], stopping: bool) -> None:
        """Stop acting, then let another one lead, then wait for what takes its time to end."""
        lost, held = not self.lead.leads, self.lead.end()
        if not stopping:
            self._became("leads no more", "the lease is lost" if lost else "something in it failed")
        for task in tasks:
            task.cancel()
        if self._nightly is not None:
            await self._nightly.close()
        if stopping and self._noticing is not None:
            await self._noticing.close()
            self._noticing = None
        if held is not None:
            with contextlib.suppress(Unavailable):  # where it is lost already, this changes nothing
                await in_daemon(self._lease.release, held)
        if stopping:
            self._became("leads no more", "handed over")
        await asyncio.gather(*tasks, return_exceptions=True)
        self._nightly = self._telling = None

    async def _renewed(self) -> None:
        """Keep the lease while it can be kept."""
        while (held := self.lead.held) is not None:
            pause = min(self._pause, held.until - elapsed())
            await asyncio.sleep(max(pause, 0.01))
            asked = asyncio.create_task(self._ask(self._lease.renew, held), name="renew the lease")
            done, _ = await asyncio.wait({asked}, timeout=max(0.0, held.until - elapsed()))
            if not done:
                asked.cancel()
            elif (again := asked.result()) is not None:
                self.lead.renew(again)
            elif not self._trouble:
                self.lead.end()  # it is another's
        self.lead.lost.set()

    async def _resumed(self) -> wiring.Room:
        """A room that goes on from what the last leader told, or from what was kept on this machine."""
        if self._hearing is not None:
            await self._hearing.catch_up()
        config, environ = self.config, self.environ
        told = self.snapshot if self._known else None
        recent = told is not None and told.taken_at is not None and self.clock() - told.taken_at < RECENT
        kept = told or await in_daemon(last_known.recall, config, environ)
        room = wiring.build(
            config,
            clock=self.clock,
            restored=None if recent else kept,
            environ=environ,
            journal=last_known.journal_path(config, environ),
            past=last_known.past_path(config, environ),
        )
        room.around = self._polled
        if told is not None and recent:
            room.snapshot = replace(told, outbox=OutboxSeen(), relayed=None)
            room.adopt(config)
        return room

    def _polled(self, sources: Sequence[Source]) -> Sequence[Source]:
        """`sources` as a leader polls them."""
        counted = measured(sources, self.meter)
        return counted if self._sharing is None else self._sharing.leading(counted, lambda: self.lead.held)

    # For whoever asks how it is

    async def _healthz(self) -> Page:
        """Whether the process lives; asked over its own loop, which has to run for that."""
        silent = time.monotonic() - self._turned
        if silent > LIVES + PULSE + self.config.store.timeout:
            text = f"no turn for {duration(silent)}\n"
            return Page(text.encode(), HTTPStatus.SERVICE_UNAVAILABLE)
        return Page(b"alive\n")

    async def _readyz(self) -> Page:
        """Whether it does its part, as JSON: it leads and all is fresh, or stands by and could lead."""
        problems = self.problems()
        held = self.lead.held
        told = {
            "ready": not problems,
            "role": "leads" if held is not None else "stands by",
            "collector": self.name,
            "term": None if held is None or self.alone else held.term,
            "leader": self.name if held is not None else self._hearing.collector if self._hearing else "",
            "collectors": list(self._others),
            "problems": problems,
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return Page(f"{json.dumps(told, ensure_ascii=False)}\n".encode(), status, "application/json")

    def problems(self) -> list[str]:
        """What is in the way of its part; empty where nothing is."""
        found = [f"the lease cannot be asked for: {self._trouble}"] if self._trouble else []
        if not self.lead.leads:
            return [*found, *self._not_hearing()]
        snapshot = self.snapshot
        log = snapshot.source("store")
        if log is not None and (log.error or log.read_at is None):
            found.append(f"the triage log cannot be read: {log.error or 'not read yet'}")
        if snapshot.log is not None and snapshot.log.trouble:
            found.append(f"the triage log is read-only: {snapshot.log.trouble}")
        if snapshot.taken_at is None or snapshot.restored:
            found.append("no source has answered yet")
        else:
            found += self._stale(snapshot)
        if self._telling is not None:
            if self._telling.trouble:
                found.append(f"the room cannot be told: {self._telling.trouble}")
            elif self._telling.told_at is None:
                found.append("the room has not been told yet")
        if self._nightly is not None and self._nightly.trouble:
            found.append(f"the status cannot be written: {self._nightly.trouble}")
        return found

    def _stale(self, snapshot: Snapshot) -> list[str]:
        """What was not looked at in time, and nobody says why: then it is this process that is to blame."""
        now = self.clock()
        ages = ((s, (now - s.read_at).total_seconds()) for s in snapshot.sources if s.read_at and not s.error)
        return [
            f"{source.title or source.id} was read {duration(age)} ago"
            for source, age in ages
            if age > max(STALE_AFTER * source.interval, LOST_AFTER)
        ]

    def _not_hearing(self) -> list[str]:
        """What keeps one that stands by from taking over where the last leader ends."""
        hearing = self._hearing
        if hearing is None:
            return ["it does not lead"]
        if hearing.trouble:
            return [f"the leader cannot be heard: {hearing.trouble}"]
        if hearing.heard_at is None or time.monotonic() - hearing.heard_at > LOST_AFTER:
            return ["nobody tells the room"]
        return []

    async def _metrics(self) -> Page:
        """The room, where this one leads, and what it costs, for Prometheus."""
        missing = exporting.missing()
        if missing:
            return Page(f"{missing}\n".encode(), HTTPStatus.NOT_IMPLEMENTED)
        held = self.lead.held
        cost = self.meter.cost(
            leads=None if self.alone else held is not None,
            term=None if self.alone or held is None else held.term,
            collectors=None if self.alone else len(self._others) or None,
        )
        snapshot = self.snapshot if held is not None else None
        kind, body = await in_daemon(exporting.page, snapshot, self.clock(), cost)
        return Page(body, kind=kind)
