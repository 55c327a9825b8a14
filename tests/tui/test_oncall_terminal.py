"""Ten past two at night, 80×24, on a real terminal: what is down, whom it holds up, and what to do."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .furnished import furnish
from .terminal import HERE, Terminal, program

NIGHT = datetime(2026, 3, 4, 2, 10, tzinfo=ZoneInfo("Europe/Berlin"))
SEQUENCE = re.compile(rb"\x1b\].*?(?:\x07|\x1b\\)", re.DOTALL)
"""What tells the terminal something ends in a bell that does not ring."""


class Watch:
    """The room on its terminal, and the hands of its clock."""

    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self.terminal = terminal
        self.folder = folder

    def at(self, later: timedelta) -> None:
        """Put the clock so much after ten past two."""
        point(self.folder, NIGHT + later)

    @property
    def bells(self) -> int:
        """How often the bell rang so far."""
        return SEQUENCE.sub(b"", self.terminal.raw).count(b"\x07")

    def log(self) -> list[dict[str, Any]]:
        """What is in the log, in order."""
        paths = sorted((self.folder / "harbour" / "log").glob("0*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def logged(self, count: int) -> dict[str, Any]:
        """The last action in the log, once there are so many."""
        self.terminal.wait(lambda _: len(self.log()) >= count)
        return self.log()[-1]


def point(folder: Path, instant: datetime) -> None:
    """Write the instant at once: the room may read it at any moment."""
    written = folder / "clock.new"
    written.write_text(instant.isoformat(), encoding="utf-8")
    written.replace(folder / "clock")


@contextmanager
def on_call(folder: Path, more: str = "", interval: str = "5m") -> Iterator[Watch]:
    """The room on call at ten past two, once Kafka is known to be down; it is asked every `interval`."""
    config = furnish(folder / "harbour", more)
    asked = f'interval = "{interval}"\ndown_after = 1'
    config.write_text(config.read_text("utf-8").replace("interval = 0.3", asked), "utf-8")
    point(folder, NIGHT)
    arguments = [str(HERE / "night.py"), str(folder / "harbour"), "Ines", str(folder / "clock")]
    with program(arguments, size=(80, 24)) as terminal:
        terminal.wait("DOWN")
        yield Watch(terminal, folder)


def test_kafka_refuses_at_ten_past_two(tmp_path: Path) -> None:
    """What is down and since when, whom it holds up, a blocker with its owner, its breach, its escalation."""
    with on_call(tmp_path) as watch:
        terminal = watch.terminal
        watch.at(timedelta(minutes=3))
        terminal.wait(lambda text: re.search(r"kafka\s+DOWN 3m\s.*refused", text) is not None)
        assert terminal.text.splitlines()[0].split()[0] == "on-call"
        terminal.press("\r")
        terminal.wait("open the runbook with o")
        for part in ("affects       Cranes", "unknown → ✖ DOWN", "02:10:00 · 3m ago"):
            terminal.wait(part)
        terminal.press("G")
        terminal.wait("https://runbooks.test/kafka")
        terminal.press("q")
        terminal.wait("6 Services")
        terminal.press("n")
        terminal.wait("from service kafka")
        for part in ("kafka DOWN", "02:10", "observed"):
            terminal.wait(part)
        terminal.press("\n")
        terminal.wait("needs an owner")
        terminal.wait("▎owner")
        assert watch.log() == []
        terminal.press("Ada\n")
        opened = watch.logged(1)
        assert (opened["kind"], opened["actor"]) == ("open", "Ines")
        terminal.press("4")
        terminal.wait("kafka DOWN")
        watch.at(timedelta(hours=4))
        terminal.wait("due soon")
        assert "BREACH" not in terminal.text
        watch.at(timedelta(hours=4, seconds=1))
        terminal.wait("BREACH")
        terminal.press("e\r")
        terminal.wait("needs the time of the next update")
        terminal.press("+2h\r")
        terminal.wait("copied to the clipboard")
        (sent,) = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.raw)
        assert "kafka" in base64.b64decode(sent).decode()
        terminal.press("\r")
        assert watch.logged(2)["kind"] == "escalate"


@pytest.mark.parametrize("bell", [True, False])
def test_the_bell_rings_once_where_it_is_wanted(tmp_path: Path, bell: bool) -> None:
    """For Kafka that goes down; not again while it is found down, and never where nobody asked for it."""
    with on_call(tmp_path, f"\n[ui]\nbell = {str(bell).lower()}\n", "1s") as watch:
        for seconds in (1, 2, 3):
            watch.at(timedelta(seconds=seconds))
            watch.terminal.wait(f"DOWN {seconds}s")
            watch.terminal.wait(f"got 02:10:{seconds:02d}")
        assert watch.bells == (1 if bell else 0)
