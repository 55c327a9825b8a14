"""Writes the status of the day at its times, once each: also when nobody was there at that minute."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from controlroom.domain.status import NIGHTLY
from controlroom.domain.zones import local, to_utc
from controlroom.net.threads import in_daemon
from controlroom.reporting import CannotWrite, Reporting

if TYPE_CHECKING:
    from pathlib import Path

    from controlroom.collecting.lead import Lead
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import Snapshot
    from controlroom.engine.ports import Clock

LOOK = 5.0
"""Seconds between two looks at the clock, which somebody may set."""

SOON = 0.5
"""Seconds between two looks at a room that is not worth writing yet."""

AGAIN = 60.0
"""Seconds after which a disk that would not have it is tried again."""

PATIENCE = 30.0
"""Seconds for all sources to answer before the room is written without some of them."""


class Nightly:
    """Writes while `lead` lasts. What was written is read off the file: whoever leads next knows it too."""

    def __init__(
        self,
        config: Config,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        lead: Lead,
        say: Callable[[str, str], None],
    ) -> None:
        self.trouble = ""
        """Why the last one could not be written."""
        self._config, self._snapshot, self._clock, self._lead, self._say = config, snapshot, clock, lead, say
        self._reporting = Reporting(lambda: config, snapshot, clock)
        self._began, self._answered_by = clock(), time.monotonic() + PATIENCE
        self._writing: asyncio.Task[Path] | None = None

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        while True:
            pause = await self.look()
            await asyncio.sleep(pause)

    async def look(self) -> float:
        """Write if it is time, and the room is worth writing; seconds until the next look."""
        try:
            if await self._due():
                if not settled(self._snapshot(), self._began) and time.monotonic() < self._answered_by:
                    return SOON
                if self._lead.leads:
                    await self._write()
            self.trouble = ""
        except CannotWrite as problem:
            if not self.trouble:
                self._say("trouble", f"the status cannot be written: {problem}")
            self.trouble = str(problem)
            return AGAIN
        return LOOK

    async def close(self, within: float = 1.0) -> None:
        """Wait for what is being written, for `within` seconds at most."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=within)

    async def _due(self) -> bool:
        """Whether a status is due that nobody has written."""
        due = last_due(self._config.collect.publish, self._clock(), self._config.program.zone)
        return due is not None and not await in_daemon(self._written, due)

    def _written(self, due: dt.datetime) -> bool:
        """Whether the file of that day was made since it was `due`. Raises CannotWrite."""
        from controlroom.stores.status_folder import Unreadable, file_name, read

        day = local(due, self._config.program.zone).date()
        try:
            return read(self._reporting.folder() / file_name(day.isoformat(), NIGHTLY)).as_of >= due
        except Unreadable:  # there is none, or what is there is none: writing says what is wrong with it
            return False

    async def _write(self) -> None:
        # A file is not left half way when the lead ends meanwhile.
        self._writing = asyncio.create_task(self._reporting.status(NIGHTLY), name="write the status")
        path = await asyncio.shield(self._writing)
        self._say("published", str(path))


def last_due(times: Sequence[str], now: dt.datetime, zone: str) -> dt.datetime | None:
    """The last of today's `times` (``23:55``, in `zone`) at or before `now`; None: none was yet."""
    today = local(now, zone).date()
    past = (to_utc(today, dt.time.fromisoformat(time), zone)[0] for time in times)
    return max((instant for instant in past if instant <= now), default=None)


def settled(snapshot: Snapshot, began: dt.datetime) -> bool:
    """Whether every source has answered, or failed to, since `began`."""
    return not snapshot.restored and all(
        source.error is not None or (source.read_at is not None and source.read_at >= began)
        for source in snapshot.sources
    )
