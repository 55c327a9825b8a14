"""The status folder as a source: files appear within a poll, half-written ones are never believed.

With it comes what the newest test results captured below it say of the tests that cards name as their proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.domain.snapshot import Failure, Observation, SourceKind, StatusSeen
from controlroom.engine.ports import Clock, Emit

if TYPE_CHECKING:
    from controlroom.domain.junit import JUnit
    from controlroom.stores.captured_tests import CapturedTests


class StatusSource:
    """Looks at the folder every `interval` seconds; only files that changed are read again."""

    kind: SourceKind = "status"

    def __init__(
        self,
        folder: Path,
        interval: float,
        clock: Clock,
        *,
        title: str = "",
        tests: Callable[[], Collection[str]] | None = None,
    ) -> None:
        """`tests` gives the tests that cards name as their proof: asked before each look."""
        self.id = "status"
        self.title = title or folder.name
        self.interval = interval
        self.deadline = max(10.0, interval)
        self._path = folder
        self._clock = clock
        self._tests = tests
        self._captured: CapturedTests | None = None
        self._last: tuple[StatusSeen, StatusSeen] | None = None
        self._looking = asyncio.Lock()

    async def poll(self, emit: Emit) -> None:
        """One look, in a thread: a folder may be on a slow disk and a file may be large."""
        from controlroom.stores.status_folder import StatusFolder

        if not hasattr(self, "_folder"):
            self._folder = StatusFolder(self._path)
        async with self._looking:
            named = tuple(self._tests()) if self._tests is not None else ()
            try:
                seen = await asyncio.to_thread(self._look, named)
            except OSError as problem:
                reason = f"{self._path}: {(problem.strerror or type(problem).__name__).lower()}"
                failure = Failure(reason, "check [status].dir and the rights of the folder")
                emit(Observation(self.id, self.kind, self._clock(), failure=failure))
                return
        as_of = seen.files[-1].as_of if seen.files else None
        emit(Observation(self.id, self.kind, self._clock(), payload=seen, as_of=as_of))

    def _look(self, named: Collection[str]) -> StatusSeen:
        """The folder, and what the tests in `named` came to; the same object while nothing changed."""
        seen = self._folder.look()
        if not named:
            return seen
        if self._captured is None:
            from controlroom.stores.captured_tests import CapturedTests

            self._captured = CapturedTests(self._path, _results)
        results = self._captured.look(named)
        if self._last is None or self._last[0] is not seen or self._last[1].tests is not results:
            self._last = seen, replace(seen, tests=results)
        return self._last[1]

    async def close(self) -> None:
        """Nothing is held open."""


def _results(raw: bytes, name: str) -> JUnit | None:
    from controlroom.documents import junit

    try:
        return junit.read(raw, name)
    except junit.UnreadableJUnit:
        return None  # the capture itself tells of it
