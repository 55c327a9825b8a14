"""Waiting until the room itself knows of what was just done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controlroom.domain.actions import Action
from controlroom.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

PATIENCE = 4.0
"""Seconds to wait for the room to show what was just done."""


async def arrived(app: RoomApp, *actions: Action) -> bool:
    """Wait until the room shows all of `actions`, in the log or in the outbox; False: not soon."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not all(_knows(app.room_screen.latest, action) for action in actions):
                await app.arrived.wait()
    except TimeoutError:
        return False
    return True


def _knows(snapshot: Snapshot, action: Action) -> bool:
    history = snapshot.ledger.of(action.item) if snapshot.ledger is not None else ()
    queued = any(outcome.action.id == action.id for outcome in snapshot.outbox.queued)
    return queued or any(entry.action.id == action.id for entry in history)
