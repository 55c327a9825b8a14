"""Evidence from the room: everything that is to be seen now is kept, while the room goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from controlroom.tui.acts.acting import READ_ONLY
from controlroom.tui.acts.handing import LONG

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot
    from controlroom.tui.app import RoomApp

GROUP = "evidence"
LINES = 6
"""Of what is to be looked at and could not be captured, as many are said at once."""


def capture(app: RoomApp) -> None:
    """Capture the evidence of today in the background; one at a time."""
    if app.options.read_only:
        app.say(READ_ONLY, "warn")
    elif any(worker.group == GROUP and worker.is_running for worker in app.workers):
        app.say("the evidence is being captured: one at a time", "warn")
    else:
        app.say("capturing the evidence of today", seconds=LONG)
        app.run_worker(_captured(app), group=GROUP, exit_on_error=False)


async def _captured(app: RoomApp) -> None:
    # Not needed to show a room, and known only where something can be written.
    from controlroom.tui import pictures

    async def drawn(snapshot: Snapshot, now: datetime) -> Mapping[str, bytes]:
        return await pictures.draw(snapshot, now, app.options._replace(ascii=app.plain))

    try:
        written = await app.room.reports.evidence(pictures=drawn)
    except Exception as problem:
        if not hasattr(problem, "remedy"):  # what the port does not promise
            app.note_failure("capturing evidence", problem)
        app.say(f"no evidence was kept: {str(problem) or type(problem).__name__}", "down", LONG)
        return
    first, *rest = written.text.splitlines()
    more = [f"and {len(rest) - LINES} more, in manifest.json"] if len(rest) > LINES else []
    wrong = any(not line.startswith("tests:") for line in rest)
    said = "\n".join((f"evidence kept: {first}", *rest[:LINES], *more))
    app.say(said if wrong else said.replace("\n", " · "), "warn" if wrong else "text", LONG)
