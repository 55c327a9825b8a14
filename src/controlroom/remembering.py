"""What the room shows is kept as it goes, so that it can be looked at later: the room's past."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.config import values
from controlroom.domain.past import Moment, NoPast
from controlroom.domain.snapshot import Snapshot
from controlroom.net.threads import in_daemon

if TYPE_CHECKING:
    from controlroom.stores.ring import Ring
    from controlroom.stores.ring_past import Past

log = logging.getLogger(__name__)

AGAIN = 30.0
"""Seconds after which a disk that would not have it is tried again."""


class Remembering:
    """Keeps snapshots in the ring at `path`, in a thread of its own, and shows those that were kept.

    A room that is quicker than the disk loses moments, never time: of what waits only the newest is kept. A
    disk that fails costs the past and not the room. While another room writes the ring, this one only reads.
    """

    def __init__(self, path: Path, settings: Callable[[], values.Past]) -> None:
        self.path = path
        self.trouble = ""
        """Why nothing is kept at present, or what became of what had been; to be said once."""
        self._settings = settings
        self._waiting: Snapshot | None = None
        self._changed = threading.Condition()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._past: Past | None = None

    def see(self, snapshot: Snapshot) -> None:
        """Keep `snapshot` when its turn comes. Costs the caller nothing; from any thread."""
        if snapshot.restored or snapshot.taken_at is None or not self._settings().keep:
            return
        with self._changed:
            self._waiting = snapshot
            if self._thread is None and not self._ending:
                self._thread = threading.Thread(target=self._keep, name="keep the past", daemon=True)
                self._thread.start()
            self._changed.notify()

    async def close(self, within: float = 0.7) -> None:
        """Keep what waits, for `within` seconds at most, and let another room keep the ring."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            await in_daemon(self._thread.join, within)
            if self._thread.is_alive():
                log.warning("the past is not kept to the end: the disk does not answer")
        if self._past is not None:
            self._past.close()

    # Looking back

    async def at(self, asked: datetime) -> Moment | str:
        """The newest moment at or before `asked`, or why there is none."""
        return await self._look(lambda past: past.at(asked))

    async def toward(self, shown: datetime, asked: datetime) -> Moment | str:
        """From the moment at `shown` the one nearest to `asked`: another one, or why there is none."""
        return await self._look(lambda past: past.toward(shown, asked))

    async def _look(self, find: Callable[[Past], Moment]) -> Moment | str:
        if not self._settings().keep:
            return "nothing of the past is kept here: [past].keep is 0"
        return await in_daemon(self._found, find)

    def _found(self, find: Callable[[Past], Moment]) -> Moment | str:
        from controlroom.stores.ring_past import Past

        if self._past is None:
            self._past = Past(self.path)
        try:
            return find(self._past)
        except NoPast as problem:
            return str(problem)

    # In the thread

    def _keep(self) -> None:
        from controlroom.stores.ring import Ring

        settings = self._settings()
        ring = Ring(self.path, settings.keep, settings.megabytes)
        pause = 0.0
        while (snapshot := self._next(pause)) is not None:
            settings = self._settings()
            ring.keep, ring.megabytes = settings.keep, settings.megabytes
            pause = self._kept(ring, snapshot, settings.every)
        ring.close()

    def _kept(self, ring: Ring, snapshot: Snapshot, every: float) -> float:
        """Keep it; seconds until the next one may be kept."""
        try:
            ring.add(snapshot)
            self.trouble = ring.notice
        except NoPast as problem:
            if not self.trouble:
                log.warning("the past is not kept: %s", problem)
            self.trouble = f"the past is not kept: {problem}"
            return max(every, AGAIN)
        except Exception as error:  # the past may fail, the room goes on; whatever is wrong is told
            log.exception("keeping the past")
            self.trouble = f"the past is not kept: {type(error).__name__}"
            return max(every, AGAIN)
        return every

    def _next(self, pause: float) -> Snapshot | None:
        """The newest snapshot, `pause` seconds after the last one at the soonest; None: it is over."""
        due = time.monotonic() + pause
        with self._changed:
            while not self._ending and (left := due - time.monotonic()) > 0:
                self._changed.wait(left)
            while not self._ending and self._waiting is None:
                self._changed.wait()
            snapshot, self._waiting = self._waiting, None
            return snapshot
