"""What tests of minutes and summaries share: a programme on disk, and rooms in which its rituals are held.

Everything that is done goes the way of a key: decided in the room as it is, handed in at the desk, committed
to the folder log. The clock alone is the test's.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain import standup
from controlroom.domain.actions import Kind
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.runs import Key, Run, run_of
from controlroom.domain.snapshot import Snapshot
from controlroom.reporting import Reporting, Written

BANNER = "⚠️ Only real ink — *never* <imitate> it."

CONFIG = f"""\
[program]
id = "press"
title = "The Press"
start = 2031-05-03
zone = "Europe/Lisbon"
banner = "{BANNER}"

[documents]
paths = ["*.md"]
banner_required = false

[status]
dir = "status"

[[squads]]
id = "ink"
name = "Ink & Paper"
owners = ["Odile", "Tarik"]

[[squads]]
id = "type"
name = "Type"
owners = ["Ines"]

[[squads]]
id = "binding"
name = "Binding"

[[waves]]
id = "a"
name = "Wave A"
start = 2031-05-03
end = 2031-05-17
squads = ["ink", "type"]

[[milestones]]
id = "first"
text = "First sheet"
date = 2031-05-06

[[milestones]]
id = "proofs"
text = "Proofs read"
date = 2031-05-07
recorded = "met"
recorded_by = "Ines"

[[rituals]]
id = "round"
title = "Morning Standup"
time = 09:00:00
minutes = 15

[[rituals]]
id = "fair"
title = "Fair"
days = ["wed"]
all_day = true
"""

BACKLOG = """\
# Backlog

| Sprint | Epic | Owner | Status |
| --- | --- | --- | --- |
| Sprint-1 — First Sheets | Press | Pressman (Odile) | 🟧 In Progress |
| | Ink Mill | Miller (Tarik) | 🟥 Not Started |
| | Fount \\| Serif | Cutter (Ines) | 🟧 In Progress |

## Risks
- Paper may come late
"""


class Hall:
    """A programme in `folder`, at the instant `now`."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        self.folder, self.now = folder, now
        self.write("controlroom.toml", CONFIG)
        self.write("backlog.md", BACKLOG)
        self._deeds = 0

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def add(self, text: str) -> None:
        """Append to the configuration."""
        with (self.folder / "controlroom.toml").open("a", encoding="utf-8") as config:
            config.write(text)

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C"}

    def room(self) -> wiring.Room:
        """A room that knows documents, status files and the log, as they are now."""
        config = load(str(self.folder / "controlroom.toml"), today=lambda zone: self.now.date())
        return wiring.build(
            config,
            clock=lambda: self.now,
            sources={"documents", "status", "store"},
            environ=self.environ,
        )

    def seen(self) -> Snapshot:
        return asyncio.run(self.room().sweep())

    def run(self, key: Key) -> Run:
        found = run_of(self.seen().runs, key)
        assert found is not None
        return found

    def do(self, kind: Kind, item: str = "", by: str = "Ada", **args: Any) -> str:
        """Do one thing now; the item it was done to."""
        self._deeds += 1

        async def act() -> str:
            room = self.room()
            snapshot = await room.sweep()
            decided = decide(snapshot, Intent(kind, item, args, by, "desk", f"deed-{self._deeds}"), self.now)
            assert not isinstance(decided, Refusal), decided
            (outcome,) = await room.desk.submit([decided])
            assert outcome.status == "committed", outcome
            return decided.item

        return asyncio.run(act())

    def wait(self, **length: float) -> None:
        self.now += dt.timedelta(**length)

    def begin(self, key: Key, by: str = "Ada") -> None:
        """Begin the standup over the squads in the order of waves."""
        program = self.seen().program
        ritual = next(one for one in program.rituals if one.id == key.ritual)
        parts = standup.plan(ritual, standup.squads_in_order(program))
        segments = [
            {"kind": one.kind, "budget": one.budget} | ({"squad": one.squad} if one.squad else {})
            for one in parts
        ]
        self.do("begin", key.run, by, segments=segments)

    async def _reported(self, key: Key) -> Written:
        room = self.room()
        snapshot = await room.sweep()
        return await Reporting(lambda: room.config, lambda: snapshot, lambda: self.now).minutes(key)

    def minutes(self, key: Key) -> Written:
        """Write the minutes as a room that is open does."""
        return asyncio.run(self._reported(key))

    def status(self, slot: str = "nightly") -> Path:
        """Write the status file as a room that is open does."""

        async def write() -> Path:
            room = self.room()
            snapshot = await room.sweep()
            return await Reporting(lambda: room.config, lambda: snapshot, lambda: self.now).status(slot)

        return asyncio.run(write())

    def call(self, *arguments: str, at: bool = True) -> subprocess.CompletedProcess[str]:
        """The real command, at the hall's instant."""
        instant = ("--at", self.now.isoformat().replace("+00:00", "Z")) if at else ()
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments, *instant],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The document a command prints, with the exit code it must have."""
        result = self.call(*arguments, "--json")
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)


def at(text: str) -> dt.datetime:
    """An instant of May 2031 in UTC: ``06 08:00``."""
    return dt.datetime.fromisoformat(f"2031-05-{text}:00+00:00")
