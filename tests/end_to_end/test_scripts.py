"""Two mornings on a real terminal, with the real command: mending a finding, and an Integration Day.

(The standup and the night on call have files of their own.)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal, program

BANNER = "HARBOUR: only what was seen"

CONFIG = f"""
[program]
id = "harbour"
title = "Harbour"
start = 2025-10-04
zone = "America/Los_Angeles"
banner = "{BANNER}"

[documents]
paths = ["docs/*.md"]
write_back = "never"

[status]
dir = "status"

[store]
url = "dir:log"

[[squads]]
name = "Quay"
[[squads]]
name = "Cranes"

[[rituals]]
id = "standup"
title = "Standup"
time = 09:00:00
minutes = 15

[[rituals]]
id = "integration"
title = "Integration Day"
days = ["wed"]
all_day = true
checklist = ["Run the smoke suite", "Keep the evidence"]

[evidence]
screens = false
"""

BACKLOG = f"""{BANNER}

# Backlog

| Sprint | Squad | Epic | Key Tasks | Owner | Status | Tags |
| --- | --- | --- | --- | --- | --- | --- |
| Sprint 1 | Quay | Tide table | print it | Ada | In Progress | cross-squad |
| Sprint 1 | Cranes | New rope | buy it | Bo | Not Started | |
"""


class Harbour:
    """A folder with a programme, and whoever works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docs").mkdir(parents=True)
        (folder / "docs" / "backlog.md").write_text(BACKLOG, encoding="utf-8")
        (folder / "controlroom.toml").write_text(CONFIG, encoding="utf-8")
        self.environ = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LOGNAME": "Ines",
            "TZ": "UTC",
        }

    @contextmanager
    def room(self, *arguments: str, size: tuple[int, int] = (160, 45)) -> Iterator[Terminal]:
        config = str(self.folder / "controlroom.toml")
        with program(["-m", "controlroom", "--config", config, *arguments], size, self.environ) as terminal:
            terminal.wait("1 since" if size[0] < 100 else "dir:log r")
            yield terminal

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments],
            cwd=self.folder,
            env={**self.environ, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def codes(self) -> set[str]:
        """Codes of what is wrong with what people wrote."""
        return {one["code"] for one in json.loads(self.call("lint", "--json").stdout)["lints"]}


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path / "harbour")


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_a_finding_is_mended(harbour: Harbour, size: tuple[int, int]) -> None:
    """L shows X001 and X002, Enter goes to the card; equal squads are refused, different ones mend both."""
    assert {"X001", "X002"} <= harbour.codes()
    with harbour.room(size=size) as room:
        room.wait("3 squads" if size[0] < 100 else "Tide table")
        room.press("L")
        room.wait("X002")
        room.press("\r")
        room.wait(lambda text: "Tide table" in text and "Lints" not in text)
        room.press("b")
        room.wait("who waits")
        room.press("\x15Quay\t\x15Quay\r")
        room.wait("X003")
        room.press("\x15Cranes\r")
        room.wait(lambda text: "who waits" not in text)
        room.wait("r1")
        room.press("L")
        room.wait(lambda text: "X001" not in text and "X002" not in text)
    assert not {"X001", "X002", "X003"} & harbour.codes()


def test_an_integration_day(harbour: Harbour) -> None:
    """The header has the day and the standup; a box is ticked with its evidence; a changed byte is named."""
    when = ("--at", "2025-10-08T16:05:00Z")
    with harbour.room(*when) as room:
        room.wait(lambda text: "Integration Day" in text.splitlines()[0] and "NOW" in text.splitlines()[0])
        room.press("8")
        room.wait("Integration Day")
        room.press("c")
        room.wait("Run the smoke suite")
        room.press("\r")
        room.wait("tick it")
        room.press("smoke.xml\r")
        room.wait("The clock of this room is set")
        room.press("y")
        room.wait("r1")
    (ticked,) = json.loads(harbour.call("log", "--json").stdout)["actions"]
    assert (ticked["kind"], ticked["item"]) == ("tick", "box:integration/2025-10-08/run_the_smoke_suite")
    assert ticked["args"] == {"evidence": "smoke.xml"}

    assert harbour.call(*when, "evidence", "capture").returncode == 0
    folder = harbour.folder / "status" / "2025-10-08" / "evidence"
    document = json.loads((folder / "checklist.json").read_text(encoding="utf-8"))
    assert document["_banner"] == BANNER
    boxes = {box["text"]: box["done"] for one in document["checklists"] for box in one["boxes"]}
    assert boxes == {"Run the smoke suite": True, "Keep the evidence": False}
    assert harbour.call("evidence", "verify", "2025-10-08").returncode == 0
    raw = bytearray((folder / "checklist.json").read_bytes())
    raw[-3] ^= 1
    (folder / "checklist.json").write_bytes(raw)
    wrong = harbour.call("evidence", "verify", "2025-10-08")
    assert wrong.returncode == 1
    assert "checklist.json" in wrong.stdout
