"""A room that works: real configuration, documents, triage log and desk, in a folder of its own.

Run as a program it shows that room on the terminal it is given: arguments are the folder and the name that
acts, then options (``read-only``, ``clock-set``, ``always``, ``webhook=URL``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlroom import acting, wiring
from controlroom.config.load import load
from controlroom.domain.actions import Outcome
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.tui.port import Options

NOW = datetime(2026, 3, 4, 7, 59, 30, tzinfo=UTC)
"""Wed 2026-03-04 08:59:30 in Berlin."""

CONFIG = """
[program]
id = "harbour"
start = 2026-03-02
zone = "Europe/Berlin"

[[squads]]
id = "quay"
name = "Quay & Berths"
aliases = ["Quay"]
owners = ["Tomas"]
[[squads]]
id = "cranes"
name = "Cranes"
owners = ["Ada"]
[[squads]]
id = "customs"
name = "Customs"
owners = ["Ines"]

[[rituals]]
id = "standup"
title = "Daily Standup"
time = 09:00:00
minutes = 15
[[rituals]]
id = "drill"
title = "Storm Drill"
days = ["fri"]
time = 15:00:00

[documents]
paths = ["board.md"]
interval = 0.5
banner_required = false

[[services]]
id = "kafka"
kind = "tcp"
url = "127.0.0.1:1"
squads = ["cranes"]
owner = "quay"
runbook = "https://runbooks.test/kafka"
interval = 0.3

[store]
url = "dir:log"
interval = 0.2

[triage]
channel = "#tide-crew"
"""

BOARD = """# Backlog

| Sprint | Epic | Owner | Status |
| --- | --- | --- | --- |
| Sprint 1 | Berth booking | Tomas | 🟧 In progress |
| Sprint 1 | Load planner | Ada | 🟥 Not started |
| Sprint 1 | Stamp desk | Ines | 🟥 Not started |
"""


def furnish(folder: Path, more: str = "") -> Path:
    """A configuration with its documents in `folder`; gives its path."""
    folder.mkdir(exist_ok=True)
    (folder / "board.md").write_text(BOARD, encoding="utf-8")
    path = folder / "controlroom.toml"
    path.write_text(CONFIG + more, encoding="utf-8")
    return path


def environ_of(folder: Path, by: str) -> dict[str, str]:
    """A home of this person's own beside the shared folder."""
    home = folder.parent / f"home-{by}"
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "LOGNAME": by, "PATH": "/usr/bin:/bin"}


class Person:
    """Somebody who acts on the same log from elsewhere."""

    def __init__(self, folder: Path, by: str, now: datetime = NOW) -> None:
        environ = environ_of(folder, by)
        self.by = by
        self.now = now
        self.config = load(folder / "controlroom.toml", environ=environ)
        self.delivery = acting.make_delivery(self.config, environ)
        self.environ = environ

    async def snapshot(self) -> Any:
        """The room as it is now."""
        room = wiring.build(
            self.config, clock=lambda: self.now, sources=("documents", "store"), environ=self.environ
        )
        return await room.sweep(10)

    async def does(self, kind: Any, item: str = "", **args: Any) -> Outcome:
        """Do something, as the command line does it."""
        intent = Intent(kind, item, args, self.by, "elsewhere", acting.new_id(), None)
        action = decide(await self.snapshot(), intent, self.now)
        assert not isinstance(action, Refusal), action
        return self.delivery.submit(action)

    async def opens(self, summary: str, owner: str = "Ada", **more: Any) -> str:
        """Open a blocker; its id."""
        return (await self.does("open", summary=summary, owner=owner, **more)).action.item


def options_from(words: Mapping[str, str]) -> dict[str, Any]:
    """Options of the room from the words of the command line."""
    return {
        "read_only": "read-only" in words,
        "clock_set": "clock-set" in words,
        "write_back": "always" if "always" in words else "never" if "never" in words else "ask",
        "webhook": "webhook" in words,
    }


def main(folder: str, by: str, *words: str) -> int:
    """Show the room of `folder` to `by` on this terminal."""
    from controlroom.tui.app import run

    environ = environ_of(Path(folder), by)
    config = load(Path(folder) / "controlroom.toml", environ=environ)
    room = wiring.build(config, clock=wiring.clock_set(NOW), environ=environ)
    chosen = options_from(dict.fromkeys(words, ""))
    return run(room, Options(viewer_zone="Asia/Kolkata", channel="#tide-crew", **chosen))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
