"""A programme, and people who act on it from the command line, each with a home of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = """\
[program]
id = "quay"
start = 2031-05-03
zone = "Europe/Lisbon"

[documents]
paths = ["*.md"]

[[squads]]
id = "cranes"
name = "Cranes & Rails"
owners = ["Ines"]

[[squads]]
id = "pumps"

[[rituals]]
id = "standup"
title = "Morning round"
time = 09:00:00
minutes = 15
"""

BACKLOG = """\
# Backlog

| Sprint | Epic | Owner | Status |
| --- | --- | --- | --- |
| Sprint-1 — First Ship | Hoist | Fitter (Ines) | 🟧 In Progress |
| | Bollards | Mason (Rui) | 🟥 Not Started |
"""

OPEN = ("blocker", "open", "--summary", "No rope", "--owner", "Ines")
WAITS = ("--owning", "cranes", "--blocking", "pumps")


@dataclass(frozen=True)
class Person:
    """Somebody at a terminal: all share the folder with the programme, nobody shares a home."""

    name: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """A small environment; what is kept for the person lies below their home."""
        home = str(self.folder / "homes" / self.name)
        return {"HOME": home, "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C", "LOGNAME": self.name}

    @property
    def state(self) -> Path:
        """Where the outbox and kept texts are."""
        return self.folder / "homes" / self.name / ".local" / "state" / "controlroom"

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Begin a command; its output is read by the caller."""
        return subprocess.Popen(
            [sys.executable, "-m", "controlroom", *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            **options,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The one document a command prints, with the exit code it must have."""
        done = self.call(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def opened(self, *more: str) -> str:
        """Id of a new blocker."""
        item: str = self.json(*OPEN, *more)["item"]
        return item

    def blocker(self, id_: str) -> Any:
        """The blocker as `blockers` lists it."""
        return next(b for b in self.json("blockers")["blockers"] if b["id"] == id_)

    def log(self) -> list[Any]:
        """Every action of the log."""
        actions: list[Any] = self.json("log")["actions"]
        return actions


@dataclass(frozen=True)
class Team:
    """A programme in a folder."""

    folder: Path

    def person(self, name: str) -> Person:
        """Somebody of the team."""
        return Person(name, self.folder)

    def write(self, name: str, text: str) -> None:
        """A file beside the configuration."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def add(self, text: str) -> None:
        """More configuration."""
        with (self.folder / "controlroom.toml").open("a", encoding="utf-8") as config:
            config.write(text)


def team(folder: Path) -> Team:
    """A programme with a backlog of two cards, and a log in a folder beside it."""
    made = Team(folder)
    made.write("controlroom.toml", CONFIG)
    made.write("backlog.md", BACKLOG)
    return made
