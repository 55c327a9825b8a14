"""What those who stand by hear: the room as the leader tells it, as any screen does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.net.threads import in_daemon
from controlroom.stores.frames import Hearer, Missed
from controlroom.stores.port import Unavailable
from controlroom.stores.saved import UnreadableSaved

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot
    from controlroom.stores.relay import Follower, Heard

log = logging.getLogger(__name__)

WAIT = 1.0
"""Seconds to wait for a frame at a time."""

AGAIN = 0.5
"""Seconds after which a server that failed is tried again."""


class Hearing:
    """Hears what `follower` brings, and gives every snapshot to `see`."""

    def __init__(self, follower: Follower, see: Callable[[Snapshot], None]) -> None:
        self.collector = ""
        """Name of the one that leads, as far as it was heard."""
        self.heard_at: float | None = None
        """`time.monotonic()` when it was last heard."""
        self.trouble = ""
        """Why nothing can be heard."""
        self._follower, self._see = follower, see
        self._hearer = Hearer()
        self._cursor: str | None = None

    async def run(self) -> None:
        """Join, and hear until cancelled."""
        self._cursor = None
        while True:
            if not await self._once(WAIT):
                await asyncio.sleep(AGAIN)

    async def catch_up(self) -> None:
        """Hear all that was told so far; where it cannot be, what was heard before has to do."""
        self._cursor = None
        await self._once(0.0)

    async def _once(self, wait: float) -> bool:
        """Join, or hear what came since; whether that went well."""
        cursor = self._cursor
        try:
            if cursor is None:
                self._hearer = Hearer()
                heard = await in_daemon(self._follower.join)
            else:
                heard = await in_daemon(self._follower.hear, cursor, wait)
            self._take(heard)
        except Unavailable as problem:
            self._cursor, self.trouble = None, problem.reason
            return False
        except Missed:
            self._cursor, self.trouble = None, "frames were missed"
            return False
        except UnreadableSaved:
            self._cursor, self.trouble = None, "another version of controlroom tells the room"
            return False
        except Exception as error:  # whatever was told: who stands by has to be there when it is its turn
            if not self.trouble:
                log.exception("hearing the leader")
            what = f"what is told cannot be understood: {type(error).__name__}"
            self._cursor, self.trouble = None, what
            return False
        self.trouble = ""
        return True

    def _take(self, heard: Heard) -> None:
        for frame in heard.frames:
            snapshot = self._hearer.hear(frame)
            self.collector, self.heard_at = frame.by, time.monotonic()
            if snapshot is not None:
                self._see(snapshot)
        self._cursor = heard.cursor
