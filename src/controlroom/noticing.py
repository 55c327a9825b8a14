"""Tells people outside the room what happens in it: from snapshots to notices, from notices to webhooks.

Each notice is kept durably before anything else, claimed among the rooms of a team, sent, confirmed, and
tried again for a day. What a room that dies had kept is told by its next start, or at once by another room
that saw the same: at least once, and twice only where it died between sending and the confirmation, where
the webhook took a text without saying so, or where the store could not say which room tells it. An outage of
the store itself must be told too, so then every room tells it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from controlroom.acting import new_id
from controlroom.config.values import Channel, Config
from controlroom.domain import notice as values
from controlroom.domain import notices as finding
from controlroom.domain.instants import duration
from controlroom.domain.notice import Notice, State, Told
from controlroom.net import notify
from controlroom.net.threads import in_daemon
from controlroom.stores.claims import LEASE
from controlroom.stores.notice_outbox import NoticeOutbox

if TYPE_CHECKING:
    from controlroom.domain.runs import Run
    from controlroom.domain.snapshot import Snapshot
    from controlroom.domain.triage import Blocker
    from controlroom.engine.ports import Clock
    from controlroom.stores.claims import Answer, Claims

log = logging.getLogger(__name__)

FIRST, LONGEST = 2.0, 300.0
"""Seconds between the first two attempts, and at most; twice as long each time."""

GIVE_UP = dt.timedelta(days=1)
"""How long a notice is tried."""

HOUR = dt.timedelta(hours=1)
LOOK = 5.0
"""Seconds between two looks at what another room holds."""

STAND_BY = 0.5
"""Seconds between two looks at whether it is this room's turn to tell."""

REREAD = 30.0
"""Seconds between two looks for what other rooms of this person left, and for a summary that was written."""

SHOWN = 200
"""Notices that nobody was told, kept to be shown."""

MARKS = 20_000
"""What was found last and is not taken for news once more."""

BLOCKERS = 2_000
"""With more of them the text for the chat takes too long to be made while the room waits."""

NO_WEBHOOK = "it has no webhook"


class View(NamedTuple):
    """A channel as the screen shows it."""

    id: str
    kind: str
    events: tuple[str, ...]
    squads: tuple[str, ...]
    sends: str
    """Why nothing is sent there; empty where it is."""
    trouble: str
    """Why the last attempt failed."""


@dataclass(eq=False)
class Noticing:
    """Tells the channels of `config`. `see` and `told` are called in the event loop, as `begin` is."""

    config: Callable[[], Config]
    snapshot: Callable[[], Snapshot]
    clock: Clock
    environ: Mapping[str, str]
    silent: str = ""
    """Why this room only shows what it would tell: it is read-only, its clock is set."""
    lease: float = LEASE
    reread: float = REREAD
    may_tell: Callable[[], bool] = lambda: True
    """Whether this room is the one to tell; while it is not, what it finds waits."""

    def __post_init__(self) -> None:
        self._room = new_id()
        self._known: Snapshot | None = None
        self._marks: dict[str, dict[dt.datetime, int]] = {}
        self._all: dict[str, Told] = {}
        self._shown: deque[Told] = deque(maxlen=SHOWN)
        self._untold: set[tuple[str, str]] = set()
        self._begun: set[str] = set()
        """Names of notices that this room or another one has begun to tell: they are not called back."""
        self._incoming: list[Told] = []
        self._wakes: dict[str, asyncio.Event] = {}
        self._pause: dict[str, tuple[int, dt.datetime, str]] = {}
        self._summaries: dict[str, str] | None = None
        """Weeks with a summary, each with what tells its versions apart; None before the first look."""
        self._outbox: NoticeOutbox | None = None
        self._claims: Claims | None = None
        self._came = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Future[None]] = set()
        self.ready = asyncio.Event()
        """Set once it is known what is no news: what was left waiting, and what was written before."""
        self.trouble = ""
        """Why notices are not kept on this machine."""

    # What is seen

    def see(self, snapshot: Snapshot) -> None:
        """Find what is news in `snapshot`; it is told elsewhere, nothing waits here."""
        if not self.config().notify:
            return
        if self._known is None:
            self._known = finding.unknowing(snapshot)
        now, before = self.clock(), self._known
        wording = finding.Wording(self._escalation, self._chat)
        try:
            self._known = finding.known(before, snapshot, now)
            news = finding.notices(before, snapshot, now, wording)
        except Exception:  # telling fails, the room does not
            log.exception("what is news cannot be found")
            return
        for notice in news:
            self.tell(notice)

    def tell(self, notice: Notice) -> None:
        """Put `notice` into every channel that wants it."""
        marked = self._first_time(notice)
        for channel in self.config().notify if marked is not None else ():
            if marked is not None:
                self._put(channel, marked)

    def _first_time(self, notice: Notice) -> Notice | None:
        """`notice`, under marks of its own where it happens anew; None where it was found before."""
        mark = (notice.marks or (notice.id,))[0]
        seen = self._marks.setdefault(mark, {})
        if notice.at in seen or (seen and len(notice.marks) < 2):
            return None
        seen[notice.at] = len(seen)
        if len(self._marks) > MARKS:
            del self._marks[next(iter(self._marks))]
        if len(seen) == 1:
            return notice
        # The same room never sees one event twice: this is another one within the same span.
        marks = tuple(f"{one}#{len(seen)}" for one in notice.marks)
        return replace(notice, id=marks[0], marks=marks)

    def _put(self, channel: Channel, notice: Notice) -> None:
        now = self.clock()
        told = Told(channel.id, notice, now)
        unwanted = self._unwanted(channel, notice)
        if unwanted:
            self._shown.append(replace(told, state="not_told", why=unwanted, ended_at=now))
            return
        if notice.hold:
            due = now + dt.timedelta(seconds=notice.hold)
            told = replace(told, due=due, why="waits to see whether it is over, or explained")
        self._incoming.append(told)
        self._came.set()

    def _unwanted(self, channel: Channel, notice: Notice) -> str:
        """Why `channel` is not told; empty where it is."""
        if channel.events and notice.kind not in channel.events:
            return "not chosen in its events"
        if channel.squads and notice.squads and not set(channel.squads) & set(notice.squads):
            return "not of its squads"
        return self.silence(channel)

    def silence(self, channel: Channel) -> str:
        """Why nothing at all is sent to `channel`; empty where it is."""
        return self.silent or (NO_WEBHOOK if channel.webhook is None else "")

    def _escalation(self, blocker: Blocker, snapshot: Snapshot, now: dt.datetime) -> str:
        from controlroom.reports import escalation

        return escalation.text(blocker, snapshot, now, self.config().triage.channel)

    def _chat(self, run: Run, snapshot: Snapshot, now: dt.datetime) -> str:
        if len(snapshot.blockers) > BLOCKERS:
            return ""
        from controlroom.reports import minutes

        try:
            return minutes.chat(minutes.document(snapshot, run, now))
        except Exception:  # then what was written down is told as it is
            log.exception("the text for the chat cannot be made")
            return ""

    # For whoever shows it

    def told(self) -> tuple[Told, ...]:
        """What was, will be and was not told, newest first."""
        everything = (*self._all.values(), *self._incoming, *self._shown)
        return tuple(sorted(everything, key=lambda told: told.put_at, reverse=True))

    def channels(self) -> tuple[View, ...]:
        """The channels as configured, with what is wrong with each."""
        return tuple(
            View(
                one.id,
                one.kind,
                one.events,
                one.squads,
                self.silence(one),
                self._pause[one.id][2] if one.id in self._pause else "",
            )
            for one in self.config().notify
        )

    def preview(self, told: Told, redact: bool = False) -> str:
        """Exactly what is sent, as text."""
        made = notify.shown(self._channel(told.channel), told.notice, self.config().program)
        return values.hidden(made, told.notice) if redact else made

    # Telling

    def begin(self) -> None:
        """Tell from now on, until `close`. Call it in the event loop."""
        self._tasks.add(asyncio.create_task(self._run(), name="tell what happens"))

    async def _run(self) -> None:
        if not self.silent:
            await in_daemon(self._load)
        reread = asyncio.create_task(self._look_around(), name="look for other notices")
        self._tasks.add(reread)
        while True:
            self._workers()
            await self._came.wait()
            self._came.clear()
            await self._keep_incoming()

    async def close(self, within: float = 0.5) -> None:
        """Keep what came last, for `within` seconds at most; what waits is told the next time."""
        if self._sending:  # what is on its way would be told again
            await asyncio.wait(self._sending, timeout=within)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._keep_incoming()
        if self._claims is not None:
            self._claims.close()

    def _load(self) -> None:
        """What an earlier room left."""
        place = outbox_of(self.config(), self.environ)
        if place is None:
            self.trouble = "there is no home folder to keep notices in"
            return
        self._outbox = place
        try:
            place.prune(self.clock())
        except OSError as problem:
            self.trouble = _said(place, problem)
        self._all.update((told.name, told) for told in place.read())
        self._begun.update(told.name for told in self._all.values() if told.attempts)
        self.trouble = self.trouble or place.trouble

    def _workers(self) -> None:
        """One task for each channel, so that a slow one delays no other."""
        if self.silent:
            return
        ids = {one.id for one in self.config().notify if one.webhook is not None}
        for id_ in ids | {told.channel for told in self._all.values() if told.state == "waiting"}:
            if id_ not in self._wakes:
                self._wakes[id_] = asyncio.Event()
                task = asyncio.create_task(self._serve(id_), name=f"tell {id_}")
                self._tasks.add(task)

    async def _keep_incoming(self) -> None:
        """What came, on the disk before anything is sent; where that fails it is told all the same."""
        while self._incoming:
            told = self._incoming[0]
            fresh = told.name not in self._all
            if fresh and self._outbox is not None:
                try:
                    await in_daemon(self._outbox.put, told)
                    self.trouble = ""
                except OSError as problem:
                    self.trouble = _said(self._outbox, problem)
            self._incoming.remove(told)
            if fresh:
                self._all[told.name] = told
                self._workers()
                if told.channel in self._wakes:
                    self._wakes[told.channel].set()

    def _waiting(self, channel: str) -> list[Told]:
        return [told for told in self._all.values() if told.channel == channel and told.state == "waiting"]

    async def _serve(self, channel: str) -> None:
        """Tell one channel, one notice after another."""
        wake = self._wakes[channel]
        while True:
            wake.clear()
            try:
                wait = await self._turn(channel)
            except Exception:  # a channel's task ends with the room: the others and the room go on
                log.exception("telling a channel failed")
                wait = REREAD
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, wait)):
                    await wake.wait()

    async def _turn(self, channel_id: str) -> float:
        """Tell what is due; seconds until there may be more to do."""
        while True:
            now, may_tell = self.clock(), self.may_tell()
            for told in self._waiting(channel_id):
                if now - told.put_at > GIVE_UP and may_tell:
                    await self._end(told, "given_up", f"given up after a day: {told.why}")
                elif now - told.put_at > GIVE_UP:
                    await self._end(told, "not_told", "for a day it was another room's to tell")
            if not may_tell:
                return STAND_BY
            channel = self._channel(channel_id)
            if channel is not None:
                await self._tell_of_counted(channel, now)
            waiting = [told for told in self._waiting(channel_id) if now - told.put_at <= GIVE_UP]
            paused = self._paused(channel_id, now)
            if paused > 0 and waiting:
                return min(paused, REREAD)
            ready = [told for told in waiting if told.due is None or told.due <= now]
            if not ready:
                soonest = min((told.due for told in waiting if told.due is not None), default=None)
                return REREAD if soonest is None else min(REREAD, (soonest - now).total_seconds())
            await self._try(channel, min(ready, key=_order), now)

    def _paused(self, channel: str, now: dt.datetime) -> float:
        known = self._pause.get(channel)
        left = (known[1] - now).total_seconds() if known is not None else 0.0
        return left if left <= HOUR.total_seconds() else 0.0  # a clock that was set back must not silence it

    async def _try(self, channel: Channel | None, told: Told, now: dt.datetime) -> None:
        """One notice that is due: why it is not told, or an attempt to."""
        if channel is None or channel.webhook is None:
            why = "the channel is not configured any more" if channel is None else NO_WEBHOOK
            await self._end(told, "not_told", why)
            return
        pointless = await self._pointless(told, now)
        if pointless:
            await self._end(told, "not_told", pointless)
            return
        quiet = self._quiet_until(channel, told, now)
        if quiet is not None and not told.attempts:
            await self._update(replace(told, due=quiet, why=f"told less than {duration(channel.quiet)} ago"))
            return
        if (
            not told.attempts
            and told.notice.kind != "more"
            and self._recent(channel.id, now) >= channel.at_most
        ):
            await self._end(told, "counted", f"more than {channel.at_most} in an hour")
            return
        alone = ""
        try:
            answer = await self._claim(told)
        except Exception as problem:  # whatever is wrong with the store, people are told
            answer, alone = "mine", f"the store could not say who tells it: {problem}"
        if answer == "told":
            await self._end(told, "elsewhere", "another room told it")
        elif answer == "held":
            self._begun.add(told.name)
            due = now + dt.timedelta(seconds=min(LOOK, self.lease / 4))
            await self._update(replace(told, due=due, why="another room is telling it"))
        elif self.may_tell():
            await self._send(channel, told, alone)

    async def _pointless(self, told: Told, now: dt.datetime) -> str:
        """Why nobody need be told (any more); empty where people are to be."""
        if self._outbox is not None and await in_daemon(self._outbox.sent, told):
            return "another room of yours told it"
        subject = (told.channel, told.notice.subject)
        if told.notice.severity == "good":
            for one in self._waiting(told.channel):
                begun = one.notice.subject == told.notice.subject and one.notice.severity != "good"
                if begun and one.name not in self._begun and one.put_at <= told.put_at:
                    self._untold.add(subject)
                    await self._end(one, "not_told", "over before it was told")
            if subject in self._untold:
                self._untold.discard(subject)
                return "nobody was told that it had begun"
        stands = finding.standing(told.notice, self.snapshot(), now)
        begun = told.name in self._begun
        if stands == "so" or (stands == "over" and (told.due is None or begun)):
            if told.notice.severity != "good":
                self._untold.discard(subject)
            return ""
        if told.notice.severity != "good" and not begun:
            self._untold.add(subject)
        if stands == "over":
            return "over before it was told"
        return "something else explains it" if stands == "explained" else "this machine itself was cut off"

    def _quiet_until(self, channel: Channel, told: Told, now: dt.datetime) -> dt.datetime | None:
        """Until when the same thing is not told again; None where it may be."""
        last = max(
            (
                one.ended_at
                for one in self._all.values()
                if one.channel == channel.id
                and one.state in ("sent", "elsewhere")
                and one.ended_at is not None
                and one.notice.thing == told.notice.thing
            ),
            default=None,
        )
        if last is None:
            return None
        until = last + dt.timedelta(seconds=channel.quiet)
        return until if now < until and now >= last else None

    def _recent(self, channel: str, now: dt.datetime) -> int:
        """How many notices the channel got in the last hour, whoever told them."""
        return sum(
            one.channel == channel
            and one.state in ("sent", "elsewhere")
            and one.ended_at is not None
            and now - one.ended_at < HOUR
            for one in self._all.values()
        )

    async def _tell_of_counted(self, channel: Channel, now: dt.datetime) -> None:
        """One notice for all that went beyond what the channel takes in an hour, once it takes more again."""
        counted = [one for one in self._all.values() if one.channel == channel.id and one.state == "counted"]
        if not counted or self._recent(channel.id, now) >= channel.at_most:
            return
        notice = finding.many_more(channel.id, [one.notice for one in counted], now)
        told = Told(channel.id, notice, now)
        if told.name in self._all:
            return  # one was told in the same span of time: these are for the next
        if self._outbox is not None:
            with contextlib.suppress(OSError):
                await in_daemon(self._outbox.put, told)
        self._all[told.name] = told
        for one in counted:
            await self._end(one, "not_told", f"one of {notice.title}")

    async def _claim(self, told: Told) -> Answer:
        from controlroom.acting import open_claims

        def ask() -> Answer:
            if self._claims is None:
                self._claims = open_claims(self.config(), self.lease)
            return self._claims.claim(_keys(told), self._room)

        return await in_daemon(ask)

    async def _send(self, channel: Channel, told: Told, alone: str) -> None:
        self._begun.add(told.name)
        on_its_way = replace(told, attempts=told.attempts + 1, why="on its way; it may have arrived")
        await self._update(on_its_way)
        ended = asyncio.get_running_loop().create_future()
        self._sending.add(ended)
        try:
            await notify.deliver(channel, told.notice, self.config())
            self._pause.pop(channel.id, None)
            await self._end(on_its_way, "sent", alone or await self._confirm(told))
        except notify.Undelivered as problem:
            await self._failed(channel, on_its_way, problem)
        finally:
            self._sending.discard(ended)
            ended.set_result(None)

    async def _confirm(self, told: Told) -> str:
        """Let the other rooms know that it is told; why they could not be."""
        if self._claims is not None:
            try:
                await in_daemon(self._claims.confirm, _keys(told), self._room)
            except Exception as problem:  # whatever is wrong with the store, it is told
                return f"the store could not be told so: {problem}"
        return ""

    async def _failed(self, channel: Channel, told: Told, problem: notify.Undelivered) -> None:
        """Wait, longer each time: the notice that was refused, or the channel that cannot be reached."""
        now = self.clock()
        if problem.refused:
            due = now + dt.timedelta(seconds=LONGEST)
            await self._update(replace(told, due=due, why=str(problem)))
            return
        before = self._pause.get(channel.id, (0, now, ""))[0]
        wait = min(LONGEST, FIRST * 2 ** min(before, 10))
        due = now + dt.timedelta(seconds=max(wait, min(problem.later or 0.0, HOUR.total_seconds())))
        self._pause[channel.id] = before + 1, due, str(problem)
        await self._update(replace(told, due=due, why=str(problem)))

    async def _update(self, told: Told) -> None:
        self._all[told.name] = told
        if self._outbox is not None:
            try:
                await in_daemon(self._outbox.update, told)
            except OSError as problem:
                self.trouble = _said(self._outbox, problem)

    async def _end(self, told: Told, state: State, why: str) -> None:
        ended = replace(told, state=state, why=why, due=None, ended_at=self.clock())
        self._all[told.name] = ended
        if self._outbox is not None:
            try:
                await in_daemon(self._outbox.end, ended)
            except OSError as problem:
                self.trouble = _said(self._outbox, problem)

    def _channel(self, id_: str) -> Channel | None:
        return next((one for one in self.config().notify if one.id == id_), None)

    # What comes without a snapshot

    async def _look_around(self) -> None:
        """Now and then: what other rooms of this person left, what is too old, a summary that was written."""
        while True:
            try:
                for notice in await in_daemon(self._written_summaries):
                    self.tell(notice)
                if self._outbox is not None:
                    await self._reread(self._outbox)
            except Exception:  # the same: it is looked for again, and nothing that waits is lost
                log.exception("looking for other notices failed")
            self.ready.set()
            await asyncio.sleep(self.reread)

    async def _reread(self, outbox: NoticeOutbox) -> None:
        now = self.clock()
        kept = await in_daemon(outbox.read)
        for told in kept:
            mine = self._all.get(told.name)
            if mine is None or (mine.state == "waiting" and told.state == "sent"):
                self._all[told.name] = told
        for told in [t for t in self._all.values() if t.ended_at is not None and now - t.ended_at > GIVE_UP]:
            del self._all[told.name]
            self._begun.discard(told.name)
        with contextlib.suppress(OSError):
            await in_daemon(outbox.prune, now)
        self._came.set()

    def _written_summaries(self) -> list[Notice]:
        """Summaries of weeks that were written since the last look; those of the first look are no news."""
        from controlroom.reports import summary_text

        config, before = self.config(), self._summaries
        if config.status.dir is None:
            return []
        path = config.folder / config.status.dir / summary_text.FILE
        try:
            found = summary_text.digests(path.read_bytes())
        except FileNotFoundError:
            found = {}
        except OSError:
            return []
        self._summaries = found
        shown = f"{config.status.dir}/{summary_text.FILE}"
        return [
            finding.summary_written(week, digest, shown, self.clock())
            for week, digest in found.items()
            if before is not None and before.get(week) != digest
        ]


def outbox_of(config: Config, environ: Mapping[str, str]) -> NoticeOutbox | None:
    """Where this person's notices of that configuration are kept; None where there is no place."""
    from controlroom.config.folders import state_folder

    folder = state_folder(environ)
    if folder is None or config.path is None:
        return None
    named = sha256(str(config.path.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return NoticeOutbox(folder / "notices" / named)


def _order(told: Told) -> tuple[bool, dt.datetime]:
    """In the order in which it came; what says how much more there was, before what came after that."""
    return told.notice.kind != "more", told.put_at


def _keys(told: Told) -> list[str]:
    """What the notice is claimed by, for its channel."""
    return [values.key(told.channel, mark) for mark in told.notice.marks or (told.notice.id,)]


def _said(outbox: NoticeOutbox, problem: OSError) -> str:
    return f"notices are not kept: {outbox.folder}: {(problem.strerror or type(problem).__name__).lower()}"
