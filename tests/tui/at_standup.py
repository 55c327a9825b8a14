"""A programme with a standup about to begin: six squads, two waves, a log, a status folder.

Run as a program it shows that room on the terminal it is given: the folder and the name that acts, then
options (``follow``, ``standup``, ``clock-set``, ``later=SECONDS``).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controlroom import wiring
from controlroom.config.load import load
from controlroom.tui.port import Options

if __package__:
    from .furnished import Person, environ_of
else:
    from furnished import Person, environ_of  # type: ignore[import-not-found,no-redef]

NOW = datetime(2025, 10, 6, 15, 59, 30, tzinfo=UTC)
"""Mon 2025-10-06 08:59:30 in Los Angeles, half a minute before the standup."""

BANNER = "HARBOUR: INTERNAL"

CONFIG = f"""
[program]
id = "harbour"
start = 2025-10-04
zone = "America/Los_Angeles"
banner = "{BANNER}"

[[waves]]
id = "a"
name = "Wave A"
start = 2025-10-04
end = 2025-10-18
squads = ["cranes", "quay"]
[[waves]]
id = "b"
name = "Wave B"
start = 2025-10-11
end = 2025-10-25
squads = ["customs", "pilots", "tugs", "depot"]

[[squads]]
id = "quay"
name = "Quay & Berths"
[[squads]]
id = "cranes"
name = "Cranes"
owners = ["Ada"]
[[squads]]
id = "customs"
name = "Customs"
[[squads]]
id = "pilots"
name = "Pilots"
[[squads]]
id = "tugs"
name = "Tugs"
[[squads]]
id = "depot"
name = "Depot"

[[rituals]]
id = "standup"
title = "Standup"
time = 09:00:00
minutes = 15
[[rituals]]
id = "clinic"
title = "Clinic"
time = 11:00:00
minutes = 45

[documents]
paths = ["board.md"]
interval = 0.5
banner_required = false

[status]
dir = "status"
interval = 0.5

[store]
url = "dir:log"
interval = 0.2
"""

BOARD = """# Backlog

| Sprint | Epic | Owner | Status |
| --- | --- | --- | --- |
| Sprint 1 | Load planner | Ada | 🟥 Not started |
| Sprint 1 | Hoist brake | Ada | 🟧 In progress |
"""


def furnish(folder: Path) -> Path:
    """The programme in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "board.md").write_text(BOARD, encoding="utf-8")
    (folder / "status").mkdir(exist_ok=True)
    (folder / "controlroom.toml").write_text(CONFIG, encoding="utf-8")
    return folder


class Facilitator(Person):
    """Somebody who holds standups on other days, from elsewhere."""

    async def held(self, at: datetime, *, over: bool = True) -> None:
        """Hold the standup of that day: begun, and finished a minute later."""
        day = (at - timedelta(hours=8)).date().isoformat()
        self.now = at
        parts = [{"kind": kind, "budget": 60} for kind in ("changes", "blockers", "buffer")]
        await self.does("begin", f"ritual:standup/{day}", segments=parts)
        if over:
            self.now = at + timedelta(minutes=1)
            await self.does("finish", f"ritual:standup/{day}")


def main(folder: str, by: str, *given: str) -> int:
    """Show the room of `folder` to `by` on this terminal."""
    from controlroom.tui.app import run

    options = dict(word.partition("=")[::2] for word in given)
    environ = environ_of(Path(folder), by)
    config = load(Path(folder) / "controlroom.toml", environ=environ)
    clock = wiring.clock_set(NOW + timedelta(seconds=float(options.get("later", 0))))
    room = wiring.build(config, clock=clock, environ=environ)
    follow = "follow" in options
    chosen: dict[str, Any] = {"view": "standup" if follow or "standup" in options else "room"}
    seen_as = Options(
        viewer_zone="Asia/Kolkata",
        write_back="never",
        follow=follow,
        read_only=follow,
        clock_set="clock-set" in options,
        state_folder=Path(environ["HOME"]),
        **chosen,
    )
    return run(room, seen_as)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
