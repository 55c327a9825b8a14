"""Polls every source on its own cadence and publishes one Snapshot.

Each source has one task: poll, wait until it is due again, poll. So polls of a source never overlap, a
hung one is cancelled at its deadline, and nobody waits for anybody else. What the sources bring is
folded a few times a second at most, however many observations arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from controlroom.domain.snapshot import Failure, Observation, Snapshot
from controlroom.engine.ports import Clock, Source

log = logging.getLogger(__name__)

PUBLISH_EVERY = 0.15
"""Seconds between snapshots while observations arrive: under a blink, and far above a repaint's cost."""

BACK_OFF = (1.0, 1.0, 1.5, 2.0, 3.0)
"""Times the interval after so many consecutive failures; the last stays within the stale threshold."""

Fold = Callable[[Snapshot, Sequence[Observation], datetime], Snapshot]
Listener = Callable[[Snapshot], None]


class Engine:
    """Runs sources until cancelled. `fold` turns a snapshot and new observations into the next one."""

    def __init__(self, snapshot: Snapshot, fold: Fold, clock: Clock) -> None:
        self.snapshot = snapshot
        self._fold = fold
        self._clock = clock
        self._pending: list[Observation] = []
        self._arrived = asyncio.Event()
        self._wake: dict[str, asyncio.Event] = {}
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every new Snapshot, in the engine's event loop."""
        self._listeners.append(listener)

    def poll_now(self, source: str | None = None) -> None:
        """Poll `source` (or all) at once; one that is being polled already is left to it."""
        for id_, wake in self._wake.items():
            if source in (None, id_):
                wake.set()

    async def run(self, sources: Sequence[Source]) -> None:
        """Poll `sources` until cancelled; closes them before returning."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in sources:
                    self._wake[source.id] = asyncio.Event()
                    tasks.create_task(self._repeat(source), name=f"poll {source.id}")
                tasks.create_task(self._publish(), name="publish")
        finally:
            await close(sources)

    async def sweep(self, sources: Sequence[Source], deadline: float) -> Snapshot:
        """Poll each of `sources` once, within `deadline` seconds in all; closes them before returning."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in sources:
                    tasks.create_task(self._poll(source, min(source.deadline, deadline)))
            self._settle()
        finally:
            await close(sources)
        return self.snapshot

    async def _repeat(self, source: Source) -> None:
        loop = asyncio.get_running_loop()
        wake = self._wake[source.id]
        failures = 0
        # Rooms opened by the same cron or terminal session must not all knock at the same moment.
        await asyncio.sleep(random.uniform(0, min(0.2, source.interval / 4)))
        while True:
            started = loop.time()
            ok = await self._poll(source, source.deadline)
            failures = 0 if ok else failures + 1
            pause = source.interval * BACK_OFF[min(failures, len(BACK_OFF) - 1)]
            wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(max(started + pause, loop.time() + 0.05)):
                    await wake.wait()

    async def _poll(self, source: Source, deadline: float) -> bool:
        """One poll; whatever goes wrong becomes a Failure. True when it brought a payload."""
        failed = False

        def emit(seen: Observation) -> None:
            nonlocal failed
            failed = failed or seen.failure is not None
            self._pending.append(seen)
            self._arrived.set()

        try:
            async with asyncio.timeout(deadline):
                await source.poll(emit)
        except TimeoutError:
            emit(self._failure(source, f"no answer within {deadline:g} s"))
        except Exception as error:  # the one border where anything a source raises becomes data
            log.exception("source %s", source.id)
            emit(self._failure(source, f"internal error while reading: {type(error).__name__}"))
        return not failed

    def _failure(self, source: Source, reason: str) -> Observation:
        return Observation(source.id, source.kind, self._clock(), failure=Failure(reason))

    async def _publish(self) -> None:
        while True:
            await self._arrived.wait()
            self._settle()
            await asyncio.sleep(PUBLISH_EVERY)

    def _settle(self) -> None:
        self._arrived.clear()
        seen, self._pending = self._pending, []
        self.snapshot = self._fold(self.snapshot, seen, self._clock())
        for listener in self._listeners:
            listener(self.snapshot)


async def close(sources: Sequence[Source], within: float = 1.0) -> None:
    """Close all `sources`; one that dawdles longer than `within` seconds is left behind."""

    async def let_go(source: Source) -> None:
        await asyncio.wait_for(source.close(), within)

    results = await asyncio.gather(*map(let_go, sources), return_exceptions=True)
    for source, result in zip(sources, results, strict=True):
        if isinstance(result, Exception):
            log.warning("closing %s: %s", source.id, type(result).__name__)
