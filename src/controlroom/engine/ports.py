"""What the engine asks of a source, and of whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from controlroom.domain.snapshot import Observation, SourceKind

Clock = Callable[[], datetime]
"""Gives the present instant, UTC and timezone-aware."""

Emit = Callable[[Observation], None]

REASSURE = 5.0
"""Seconds after which a source that looks more often tells that nothing is new, so that it stays fresh."""


class Source(Protocol):
    """Turns a part of the world into Observations; a failure is an Observation too."""

    id: str
    kind: SourceKind
    title: str
    interval: float
    """Seconds from the start of one poll to the start of the next."""
    deadline: float
    """Seconds after which the engine cancels a poll and reports that it hung."""

    async def poll(self, emit: Emit) -> None:
        """Look once; emit one or more Observations, the last of them with `complete` True."""

    async def close(self) -> None:
        """Let go of connections; idempotent, quick."""
