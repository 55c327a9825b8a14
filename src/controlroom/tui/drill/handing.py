"""Handing in what people do in a drill, and saying what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from controlroom.domain.actions import Action, Kind
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.drill import Hush
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.acts import handing
from controlroom.tui.acts.arriving import arrived
from controlroom.tui.acts.handing import LONG, UNHURRIED

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


def work(app: RoomApp, story: Coroutine[Any, Any, object]) -> None:
    """Do it beside the keys."""
    app.run_worker(story, group="drill", exit_on_error=False)


def decided(
    app: RoomApp, kind: Kind, item: str, args: Mapping[str, Any], snapshot: Snapshot | None = None
) -> Action | None:
    """The action that it becomes in the room as it is; where it becomes none, why is said."""
    known = app.room.snapshot if snapshot is None else snapshot
    seen = (known.ledger.last(item) if known.ledger is not None else None) or ""
    desk = app.room.desk
    intent = Intent(kind, item, args, desk.by, desk.host, str(uuid.uuid4()), seen)
    action = decide(known, intent, app.room.clock())
    if isinstance(action, Refusal):
        said = f"{action.reason}; {action.remedy}" if action.remedy else action.reason
        app.say(said, "warn", LONG)
        return None
    return action


async def submit(app: RoomApp, action: Action, said: str, *, seen: bool = False) -> bool:
    """Hand it in, and say what became of it; whether it is in the log or will be.

    `seen`: where all is well the screen shows it, and nothing needs to be said.
    """
    (outcome,) = await handing.submit(app, [action], UNHURRIED)
    handing.tell(app, outcome, said, quiet=seen)
    if outcome.status == "conflict":
        await app.room.desk.settle(action.id, "drop")
        app.say(f"not done, somebody was first: {said}", "warn", LONG)
    taken = outcome.status in ("committed", "queued")
    if taken:
        await arrived(app, action)
    return taken


async def expire(app: RoomApp, hush: Hush) -> str:
    """End the silence of a drill; what became of it, in words."""
    now, zone = app.room.clock(), app.room.snapshot.program.zone
    if hush.until is not None and hush.until <= now:
        return "it had run out"
    problem = await app.room.desk.expire(hush.server, hush.id)
    if not problem:
        return "ended with the drill"
    until = present.moment(hush.until, now, zone)
    app.say(f"the silence may still be there: {problem}; it ends by itself at {until}", "warn", LONG)
    return f"not ended ({problem}); it lasts until {until}"
