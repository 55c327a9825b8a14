"""One look at the room without a screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from controlroom.config.values import Config
from controlroom.domain.snapshot import Snapshot, SourceKind

T = TypeVar("T")

WITHIN = 15.0
"""Seconds for one sweep of everything."""


def sweep(
    config: Config,
    clock: Callable[[], datetime],
    kinds: Collection[SourceKind] | None = None,
    journal: Path | None = None,
) -> Snapshot:
    """The room as it is now. `kinds` limits it to some sources; None asks them all.

    `journal` is where a room that is open keeps transitions of services: it knows since when.
    """
    return run(_sweep(config, clock, kinds, journal))


async def _sweep(
    config: Config,
    clock: Callable[[], datetime],
    kinds: Collection[SourceKind] | None,
    journal: Path | None,
) -> Snapshot:
    from controlroom import wiring

    room = wiring.build(config, clock=clock, sources=kinds, journal=journal)
    return await room.sweep(WITHIN)


def run(work: Coroutine[Any, Any, T]) -> T:
    """`work` in an event loop of its own; libraries' log lines do not reach the terminal."""
    import asyncio
    import logging

    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(work)
