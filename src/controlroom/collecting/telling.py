"""Tells the room to the screens: what is new, at most so often; and that it is there, when nothing is new."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from controlroom.net.threads import in_daemon
from controlroom.stores.frames import Teller
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import SILENCE, Fenced, Frame

if TYPE_CHECKING:
    from controlroom.collecting.lead import Lead
    from controlroom.domain.snapshot import Snapshot
    from controlroom.engine.ports import Clock
    from controlroom.exporting.cost import Meter
    from controlroom.stores.relay import Publisher

log = logging.getLogger(__name__)

AGAIN = 0.5
"""Seconds after which a server that failed is tried again."""


class Telling:
    """Tells what `see` was shown while `lead` lasts, as `name`, a frame every `every` seconds at most."""

    def __init__(
        self, publisher: Publisher, lead: Lead, name: str, clock: Clock, *, every: float, meter: Meter
    ) -> None:
        self.trouble = ""
        """Why nothing could be told the last time."""
        self.told_at: float | None = None
        """`time.monotonic()` when the last frame had been told."""
        self._publisher, self._lead, self._name, self._clock = publisher, lead, name, clock
        self._every, self._meter = every, meter
        self._teller = Teller()
        self._term = self._seq = 0
        self._newest: Snapshot | None = None
        self._last: Snapshot | None = None
        self._came = asyncio.Event()

    def see(self, snapshot: Snapshot) -> None:
        """Tell `snapshot` in its turn; one that waits gives way to it. Call it in the event loop."""
        self._newest = snapshot
        self._came.set()

    async def run(self) -> None:
        """Tell until the lead is lost, or cancelled."""
        loop = asyncio.get_running_loop()
        due = word = loop.time()
        while self._lead.leads:
            snapshot = None
            if self._newest is not None and loop.time() >= due:
                snapshot, self._newest = self._newest, None
                due = loop.time() + self._every
            try:
                frame = await in_daemon(self._tell, snapshot, loop.time() >= word)
            except Fenced:
                self._meter.refused += 1
                self._lead.end()
                return
            except (Unavailable, TypeError) as problem:
                # Not a word, either, while there is something to tell: nobody is to take the old for the new.
                if not self.trouble:
                    log.warning("the room cannot be told: %s", problem)
                self._meter.untold += 1
                self.trouble = str(problem)
                self._newest = self._newest or snapshot or self._last
                due = loop.time()
                await asyncio.sleep(AGAIN)
                continue
            self.trouble = ""
            self._last = snapshot or self._last
            if frame is not None:
                self.told_at = time.monotonic()
                self._meter.told(frame.full, len(frame.body))
                word = loop.time() + SILENCE
            await self._pause(due, word)

    async def _pause(self, due: float, word: float) -> None:
        """Until there is something to tell, and it is `due`; or until it is time for a `word`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(word):
                while self._newest is None:
                    self._came.clear()
                    await self._came.wait()
                await asyncio.sleep(due - asyncio.get_running_loop().time())

    def _tell(self, snapshot: Snapshot | None, word: bool) -> Frame | None:
        """Tell `snapshot`, or, where a `word` is due, that nothing is new: what was told.

        Raises Fenced, Unavailable, TypeError.
        """
        held = self._lead.held
        if held is None:
            raise Fenced
        if held.term != self._term:
            self._term, self._seq = held.term, 0
            self._teller.again()
        made = None if snapshot is None else self._teller.frame(snapshot)
        if made is None and not (word and self._seq):  # a term begins with the whole room
            return None
        full, body = made or (False, b"")
        # Whether a frame that failed was told is not known: its number is not given again.
        self._seq += made is not None
        frame = Frame(held.term, self._seq, full, self._clock(), self._name, body)
        try:
            self._publisher.tell(frame, held)
        except BaseException:
            self._teller.again()
            raise
        return frame
