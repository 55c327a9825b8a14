"""What a room saw of its services outlives it: transitions are kept as they happen, and taken up again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from controlroom.domain.causes import explain
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.watched import resumed
from controlroom.engine.ports import Clock
from controlroom.net.threads import in_daemon
from controlroom.stores.health_journal import Journal

log = logging.getLogger(__name__)

KEPT = 100_000
"""Bytes that wait for a disk that fails."""


class Watching:
    """Keeps what a room sees in the journal at `path`. A disk that fails costs the memory, never the room."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._journal = Journal(path)
        self._clock = clock
        self._waiting = bytearray()
        self._writing: asyncio.Task[None] | None = None
        self._usable = False

    async def resume(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with what earlier rooms saw of its services."""
        try:
            watched = await in_daemon(self._journal.open)
        except OSError as problem:
            log.warning("transitions are not kept: %s", problem)
            return snapshot
        self._usable = True
        if not watched.transitions:
            return snapshot
        states = tuple(resumed(state, watched) for state in snapshot.services)
        return replace(snapshot, services=explain(states))

    def see(self, snapshot: Snapshot) -> None:
        """Keep what is new in `snapshot`; the disk is waited for elsewhere. Call it in the event loop."""
        if not self._usable or snapshot.restored:
            return
        news = self._journal.news(snapshot.services, self._clock())
        self._waiting += news
        if news and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write(), name="keep transitions")

    async def close(self, within: float = 0.5) -> None:
        """Write what waits, for `within` seconds at most, and let another room keep the journal."""
        try:
            async with asyncio.timeout(within):
                if self._writing is not None:
                    await asyncio.shield(self._writing)
                await self._write()
        except TimeoutError:
            log.warning("transitions are not kept: the disk does not answer")
        finally:
            self._usable = False
            self._journal.close()

    async def _write(self) -> None:
        while self._waiting:
            lines = bytes(self._waiting)
            self._waiting.clear()
            try:
                await in_daemon(self._journal.append, lines)
            except OSError as problem:
                log.warning("transitions are not kept: %s", problem)
                if len(lines) <= KEPT:
                    self._waiting[:0] = lines  # written with what comes next, when there may be room
                return
