"""A room that follows a collector: it shows what another process sees, and asks no service itself.

What is told is never shown as newer than it is. Ages go by the collector's clock; a word of the collector
counts from when it was told, not from when it came; and from the moment nothing can be heard, everything is
old until something can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controlroom import __version__
from controlroom.config.values import Config
from controlroom.desk import Desk
from controlroom.domain.program import Program
from controlroom.domain.relayed import Relayed
from controlroom.domain.snapshot import LogSeen, OutboxSeen, Snapshot
from controlroom.domain.text import clean
from controlroom.net.threads import in_daemon
from controlroom.stores.elapsed import elapsed
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import LOST_AFTER, SOCKET

if TYPE_CHECKING:
    from controlroom.config.changes import Change, ConfigEdit
    from controlroom.domain.actions import Entry
    from controlroom.net.fetch import Api
    from controlroom.remembering import Remembering
    from controlroom.reporting import Reporting
    from controlroom.stores.delivery import Delivery
    from controlroom.stores.frames import Hearer
    from controlroom.stores.port import Page
    from controlroom.stores.relay import Follower, Frame

log = logging.getLogger(__name__)

WAIT = 1.0
"""Seconds that one look waits for something new."""

AGAIN = (0.1, 0.3, 1.0, 2.0)
"""Seconds until the next try, by how many went wrong before it; half of it more or less, or all screens
would knock in the same moment."""

ANEW = 5.0
"""Seconds of silence after which it is asked again who can be heard, on another connection: the server
that answers may no longer be the one that is told to."""

LOOK = 0.2
"""Seconds between two looks at whether the collector has fallen silent."""

DRIFT = 1e-4
"""Seconds by which two clocks part in one: what was found of them once is worth less later."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Aside(NamedTuple):
    """How far this machine's clock is ahead of the collector's, in seconds, as found at an `elapsed`."""

    ahead: float
    uncertain: float
    found: float


def nearer(known: Aside | None, new: Aside) -> Aside:
    """The better of two findings: the surer one, unless they contradict each other: a clock was set then."""
    if known is None:
        return new
    doubt = known.uncertain + DRIFT * max(0.0, new.found - known.found)
    apart = abs(new.ahead - known.ahead) > doubt + new.uncertain
    return new if apart or new.uncertain <= doubt else known


class Brought(NamedTuple):
    """What one look brought."""

    room: Snapshot | None
    """The room as it was told last, whenever that was; None: nobody told it yet."""
    newest: Frame | None
    """The last word that came; None: none did."""
    ahead: float | None
    uncertain: float


class Ear:
    """The side that blocks: asked in a thread, by one at a time."""

    def __init__(self, opener: Callable[[], Follower]) -> None:
        self._opener = opener
        self._follower: Follower | None = None
        self._hearer: Hearer | None = None
        self._cursor: str | None = None
        self._room: Snapshot | None = None

    def listen(self, wait: float) -> Brought:
        """What was told since the last look, waiting up to `wait` seconds for it; at first all there is.

        Raises Unavailable, UnreadableSaved; the next look then begins anew, as it does after a hole.
        """
        from controlroom.stores.frames import Hearer, Missed

        if self._hearer is None:
            self._hearer = Hearer()
        if self._follower is None:
            self._follower = self._opener()
        cursor, self._cursor = self._cursor, None
        heard = self._follower.join() if cursor is None else self._follower.hear(cursor, wait)
        try:
            for frame in heard.frames:
                told = self._hearer.hear(frame)
                self._room = self._room if told is None else told
        except Missed:
            return Brought(self._room, None, heard.ahead, heard.uncertain)
        self._cursor = heard.cursor
        newest = heard.frames[-1] if heard.frames else None
        return Brought(self._room, newest, heard.ahead, heard.uncertain)

    def close(self) -> None:
        """Let go of connections, also of one that waits. Who listens after that begins anew."""
        follower, self._follower, self._cursor = self._follower, None, None
        if follower is not None:
            follower.close()


@dataclass(eq=False)
class Room:
    """A room that is told. Its person acts on the log where it is followed, or on the configured one."""

    config: Config
    """This screen's own: how it looks, who acts, and where the log is; what is watched is the collector's."""
    url: str
    snapshot: Snapshot
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    past_path: Path | None = None
    """Where what the room shows is kept; None: nowhere."""
    logged: bool = True
    """Whether there is a log to act on."""
    noticing: None = None
    """It is the collector that tells people outside the room."""

    def __post_init__(self) -> None:
        assert self.snapshot.relayed is not None
        self._where = self.snapshot.relayed.where
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._ear = Ear(self._opened)
        self._told: Snapshot | None = None
        """The room as it was told; `snapshot` is that with what is known here beside it."""
        self._order = (0, 0)
        """Term and number of the frame that is shown."""
        self._word: float | None = None
        """When the collector last said something, as `elapsed` tells it."""
        self._heard_at: datetime | None = None
        self._collector = ""
        self._aside: Aside | None = None
        self._trouble = ""
        self._lost_since: datetime | None = None
        self._beyond: tuple[Entry, ...] = ()
        """What the log holds beyond what was told, as far as it was looked at."""
        self._page: Page | None = None
        self._outbox = OutboxSeen()
        self._woken: asyncio.Event | None = None
        self._hurried: asyncio.Event | None = None
        self._delivery: Delivery | None = None
        self._desk: FollowingDesk | None = None
        self._remembering: Remembering | None = None
        self._reporting: Reporting | None = None

    # What a room is asked for

    def clock(self) -> datetime:
        """The present instant by the collector's clock, as far as that is known; UTC."""
        return utc_now() - timedelta(seconds=self._aside.ahead if self._aside is not None else 0.0)

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with every new Snapshot, in the event loop that runs the room."""
        self._listeners.append(listener)

    def poll_now(self, source: str | None = None) -> None:
        """Look at the log at once; without a `source` try at once to hear again. No service is asked."""
        if self._woken is not None:
            self._woken.set()
        if self._hurried is not None and source is None:
            self._hurried.set()

    @property
    def delivery(self) -> Delivery:
        """Where actions go."""
        if self._delivery is None:
            from controlroom.acting import make_delivery

            self._delivery = make_delivery(self.config, self.environ)
        return self._delivery

    @property
    def desk(self) -> Desk:
        """Where actions are handed in."""
        if self._desk is None:
            self._desk = FollowingDesk(
                lambda: self.config,
                lambda: self.delivery,
                lambda: self.snapshot,
                self.clock,
                self.poll_now,
                self._adopt,
                self.environ,
            )
        return self._desk

    @property
    def past(self) -> Remembering | None:
        """What was kept of what this screen showed."""
        if self._remembering is None and self.past_path is not None:
            from controlroom.remembering import Remembering

            self._remembering = Remembering(self.past_path, lambda: self.config.past)
        return self._remembering

    @property
    def reports(self) -> Reporting:
        """What writes minutes, status files, evidence and reports, in this screen's own folders."""
        if self._reporting is None:
            from controlroom.reporting import Reporting

            self._reporting = Reporting(lambda: self.config, lambda: self.snapshot, self.clock)
        return self._reporting

    async def run(self) -> None:
        """Follow until cancelled."""
        self._woken, self._hurried = asyncio.Event(), asyncio.Event()
        past = self.past
        if past is not None:
            self.subscribe(lambda seen: None if seen.relayed is None or seen.relayed.lost else past.see(seen))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(), name="follow the collector")
                tasks.create_task(self._watch(), name="look whether the collector is silent")
                if self.logged:
                    tasks.create_task(self._keep_up(), name="deliver what is done here")
        finally:
            await self._let_go()
            if past is not None:
                await past.close()

    async def close(self) -> None:
        """Let go of everything. `run` closes its connections itself, when it ends."""
        self._listeners.clear()

    # Hearing

    async def _follow(self) -> None:
        assert self._hurried is not None
        failures = 0
        renewed = elapsed()
        while True:
            self._hurried.clear()
            if await self._heard_well():
                failures = 0
                silent = self._word is None or elapsed() - self._word > LOST_AFTER
                if silent and elapsed() - renewed > ANEW:
                    renewed = elapsed()
                    await in_daemon(self._ear.close)
                continue
            await in_daemon(self._ear.close)
            pause = AGAIN[min(failures, len(AGAIN) - 1)] * random.uniform(0.5, 1.5)
            failures += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hurried.wait()

    async def _heard_well(self) -> bool:
        """One look; False where nothing could be heard. Why is said at once."""
        from controlroom.stores.saved import UnreadableSaved

        try:
            brought = await in_daemon(self._ear.listen, WAIT)
        except Unavailable as problem:
            self._lose(clean(problem.reason, 200))
        except UnreadableSaved:
            self._lose(f"it is told by another version of controlroom than this one, {__version__}")
        except Exception as error:  # whatever was told: a room that is not heard says so
            log.exception("following %s", self._where)
            self._lose(f"what is told cannot be understood: {type(error).__name__}")
        else:
            self._take(brought)
            return True
        return False

    def _opened(self) -> Follower:
        from controlroom.acting import open_follower

        return open_follower(self.config, self.url)

    async def _let_go(self) -> None:
        await in_daemon(self._ear.close)
        if self._delivery is not None:
            await in_daemon(self._delivery.close)

    def _take(self, brought: Brought) -> None:
        """Weigh what came. What is older than what is shown changes nothing of it."""
        now, at = utc_now(), elapsed()
        self._trouble = ""
        if brought.ahead is not None:
            self._aside = nearer(self._aside, Aside(brought.ahead, brought.uncertain, at))
        newest, aside = brought.newest, self._aside
        if newest is not None and aside is not None:
            age = max(0.0, (now - newest.at).total_seconds() - aside.ahead)
            order = newest.term, newest.seq
            # After a server lost its memory terms begin anew: then only when it was told says what is newer.
            later = self._word is None or at - age > self._word + aside.uncertain
            if later or order > self._order:
                self._order, self._word = order, max(at - age, self._word or at - age)
                self._heard_at, self._collector = now - timedelta(seconds=at - self._word), clean(newest.by)
                if brought.room is not None and brought.room is not self._told:
                    self._told = brought.room
                    self._show()
                    return
        self._settle()

    def _lose(self, reason: str) -> None:
        self._trouble = reason
        self._settle()

    async def _watch(self) -> None:
        """Silence makes no noise: look for it."""
        while True:
            await asyncio.sleep(LOOK)
            self._settle()

    # Showing

    def _relayed(self) -> Relayed:
        """How it came here, as of now."""
        silent = self._word is not None and elapsed() - self._word > LOST_AFTER
        reason = self._trouble or (f"the collector {self._collector} is silent" if silent else "")
        if not reason:
            self._lost_since = None
        elif self._lost_since is None:
            self._lost_since = self._heard_at or utc_now()
        aside = self._aside
        return Relayed(
            self._where,
            self._collector,
            self._heard_at,
            self._lost_since,
            reason,
            None if aside is None else aside.ahead,
            0.0 if aside is None else aside.uncertain,
        )

    def _settle(self) -> None:
        """Publish where something of how it comes here is another thing than what is shown."""
        shown, found = self.snapshot.relayed, self._relayed()
        if shown is None or _said(shown) != _said(found):
            self._publish(replace(self.snapshot, relayed=found))
        elif shown != found:
            self.snapshot = replace(self.snapshot, relayed=found)

    def _show(self) -> None:
        """Publish what was told, with what is known here beside it."""
        if self._told is None:
            shown = replace(self.snapshot, outbox=self._outbox)
        else:
            shown = self._overlaid(self._told)
        self._publish(replace(shown, relayed=self._relayed()))

    def _overlaid(self, told: Snapshot) -> Snapshot:
        rev = told.ledger.rev if told.ledger is not None else None
        self._beyond = tuple(entry for entry in self._beyond if rev is not None and entry.rev > rev)
        seen = None
        if self._beyond and rev is not None and self._page is not None and self._beyond[0].rev == rev + 1:
            page = self._page
            seen = LogSeen(self._beyond, self._beyond[-1].rev, page.durability, page.trouble)
        if seen is None and self._outbox == told.outbox:
            return told
        from controlroom.domain import reduce as folding

        return folding.overlaid(told, seen, self._outbox, self.clock())

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for listener in self._listeners:
            listener(snapshot)

    # Acting

    async def _keep_up(self) -> None:
        """Deliver what waits in the outbox, and see in the log what was not told yet.

        The log is looked at where somebody here has just acted, and while nothing can be heard: what people
        do goes on without a collector. Otherwise nothing is asked: the collector tells.
        """
        assert self._woken is not None
        reading = True
        while True:
            await self._look(reading)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.config.store.interval):
                    await self._woken.wait()
            relayed = self.snapshot.relayed
            reading = self._woken.is_set() or relayed is None or relayed.lost
            self._woken.clear()

    async def _look(self, reading: bool) -> None:
        ledger = self._told.ledger if self._told is not None else None
        rev = None if ledger is None else max([ledger.rev, *(entry.rev for entry in self._beyond[-1:])])
        page, outbox = await in_daemon(self._looked, rev, reading)
        fresh = () if page is None or page.from_start else page.entries
        if not fresh and outbox == self._outbox:
            return
        self._page = page or self._page
        last = self._beyond[-1].rev if self._beyond else 0
        self._beyond = (*self._beyond, *(entry for entry in fresh if entry.rev > last))
        self._outbox = outbox
        self._show()

    def _looked(self, rev: int | None, reading: bool) -> tuple[Page | None, OutboxSeen]:
        """What the log holds behind `rev`, and what is not there. Blocks; without a `rev` only delivers."""
        delivery = self.delivery
        waiting = delivery.pending()
        if not waiting.queued and not (reading and rev is not None):
            return None, waiting
        try:
            if rev is not None:
                return delivery.look(rev)
            delivery.drain()
        except Unavailable:
            pass
        return None, delivery.pending()

    def _adopt(self, config: Config) -> None:
        """What is watched is the collector's to say."""


class FollowingDesk(Desk):
    """The desk of a screen that follows: what is watched is configured elsewhere."""

    async def edit_config(self, change: Change) -> ConfigEdit | str:
        """Why it cannot be changed from here."""
        return "this screen follows a collector: change the configuration there"

    async def _alertmanager(self, server: str, ask: Callable[[Api], Awaitable[None]]) -> str:
        """As every desk, where this screen has a way of its own to that Alertmanager."""
        if not any(one.id == server for one in self.config().alertmanagers):
            return f"this screen has no way to {server}: add it to its own [[alertmanagers]]"
        return await super()._alertmanager(server, ask)


def _said(relayed: Relayed) -> tuple[object, ...]:
    """What a screen says of it: another one is worth a new picture."""
    skew = relayed.skewed
    return (
        relayed.unheard,
        relayed.lost_since,
        relayed.reason,
        relayed.collector,
        None if skew is None else round(skew),
    )


def build(
    config: Config,
    url: str,
    *,
    store: str | None = None,
    environ: Mapping[str, str] = os.environ,
    past: Path | None = None,
) -> Room:
    """A room that follows the collector which tells at `url`, waiting for its first word.

    `store` is the log to act on; None: the one at `url`, where that is a Redis, else the configured one, if
    there is a configuration. Opens nothing yet.
    """
    from controlroom.stores.logs import shown

    local = url.startswith(SOCKET)
    named = store or (None if local else url)
    logged = named is not None or config.path is not None
    if named is not None:
        config = replace(config, store=replace(config.store, url=named))
    program = config.program
    # What is watched is for the collector to say: of this screen's own configuration only the title counts.
    bare = Program(program.id if config.path is not None else "", program.title, zone=program.zone)
    snapshot = Snapshot(bare, relayed=Relayed(clean(url) if local else shown(url)))
    return Room(config, url, snapshot, environ, past, logged)
