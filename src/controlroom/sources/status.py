"""The status folder as a source: files appear within a poll, half-written ones are never believed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from controlroom.domain.snapshot import Failure, Observation, SourceKind
from controlroom.engine.ports import Clock, Emit


class StatusSource:
    """Looks at the folder every `interval` seconds; only files that changed are read again."""

    kind: SourceKind = "status"

    def __init__(self, folder: Path, interval: float, clock: Clock, *, title: str = "") -> None:
        self.id = "status"
        self.title = title or folder.name
        self.interval = interval
        self.deadline = max(10.0, interval)
        self._path = folder
        self._clock = clock
        self._looking = asyncio.Lock()

    async def poll(self, emit: Emit) -> None:
        """One look, in a thread: a folder may be on a slow disk and a file may be large."""
        from controlroom.stores.status_folder import StatusFolder

        if not hasattr(self, "_folder"):
            self._folder = StatusFolder(self._path)
        async with self._looking:
            try:
                seen = await asyncio.to_thread(self._folder.look)
            except OSError as problem:
                reason = f"{self._path}: {(problem.strerror or type(problem).__name__).lower()}"
                failure = Failure(reason, "check [status].dir and the rights of the folder")
                emit(Observation(self.id, self.kind, self._clock(), failure=failure))
                return
        as_of = seen.files[-1].as_of if seen.files else None
        emit(Observation(self.id, self.kind, self._clock(), payload=seen, as_of=as_of))

    async def close(self) -> None:
        """Nothing is held open."""
