"""People who act through the real command line, each with a home of their own, and what they remember of it.

Nothing here knows how the program keeps anything: it calls, it reads the answers, it keeps them.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlroom.lab import servers

SOURCE = os.environ.get("CONTROLROOM_CHAOS_SOURCE", "")
"""Folder of the package under test; empty: the installed one. So a changed copy can be put to the test."""

SQUADS = ("quay", "cranes", "customs")

CONFIG = """\
[program]
id = "harbour"
title = "Harbour programme"
start = 2026-03-02
zone = "Europe/Berlin"

[documents]
paths = ["backlog.md"]
banner_required = false

[store]
url = "{store}"
timeout = 1.0
"""

BACKLOG = """\
# Backlog

## Sprint grid

| Sprint | Squad | Epic | Tasks | Owner | Status |
| --- | --- | --- | --- | --- | --- |
| Sprint-1 | Quay | Berth booking | Take orders | Quay Lead (Ines) | In Progress |
| Sprint-1 | Cranes | Load plan | Draw it | Cranes Lead (Bo) | Not Started |
"""

PATIENCE = 60.0
"""Seconds after which a call is called stuck; the calls themselves promise far less."""


@dataclass(frozen=True)
class Call:
    """One call of the command line, and how it ended. `answer` is its JSON document, None without one."""

    person: str
    arguments: tuple[str, ...]
    id: str
    code: int
    answer: dict[str, Any] | None
    stderr: str
    started: float
    ended: float

    @property
    def status(self) -> str:
        """``committed``, ``conflict``, ``queued``, ``not_recorded``, ``refused``; ``killed``: no answer."""
        return str(self.answer["status"]) if self.answer and "status" in self.answer else "killed"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


@dataclass
class Team:
    """A programme's folder with its store, the people who work on it, and every writing call they made."""

    folder: Path
    store: str = "dir:log"
    calls: list[Call] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        squads = "".join(f'\n[[squads]]\nid = "{squad}"\nname = "{squad.title()}"\n' for squad in SQUADS)
        self.config.write_text(CONFIG.format(store=self.store) + squads, encoding="utf-8")
        (self.folder / "backlog.md").write_text(BACKLOG, encoding="utf-8")

    @property
    def config(self) -> Path:
        """The configuration everybody uses."""
        return self.folder / "controlroom.toml"

    def person(self, name: str, *, home: Path | None = None) -> Person:
        """Somebody with a home of their own, or with the `home` given."""
        return Person(name, self, home or self.folder / "homes" / name)

    def new_id(self) -> str:
        """An id nobody used before."""
        return f"id-{next(self._numbers):05d}"


@dataclass(frozen=True)
class Fault:
    """What happens to a call at its `when`-th system call `call`: a signal, or an error number."""

    call: str
    when: int
    what: str
    """Such as ``signal=SIGKILL`` or ``error=ENOSPC``."""

    def around(self, command: Sequence[str], trace: Path) -> list[str]:
        """`command` with the fault waiting in it."""
        inject = f"inject={self.call}:{self.what}:when={self.when}"
        return [
            servers.find("strace"),
            *("-f", "-qq", "-o", str(trace), "-e", f"trace={self.call}", "-e", inject),
            *command,
        ]


@dataclass(frozen=True)
class Person:
    """Somebody who acts."""

    name: str
    team: Team
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """As a login shell would have it."""
        self.home.mkdir(parents=True, exist_ok=True)
        environment = {
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "CONTROLROOM_CONFIG": str(self.team.config),
        }
        return environment | ({"PYTHONPATH": SOURCE} if SOURCE else {})

    def command(self, *arguments: str) -> list[str]:
        """The command line of a call."""
        return [sys.executable, "-m", "controlroom", *arguments]

    def act(self, *arguments: str, fault: Fault | None = None, id_: str | None = None) -> Call:
        """A writing call with an id of its own; remembered."""
        made = id_ or self.team.new_id()
        given = (*arguments, "--by", self.name, "--id", made, "--json")
        call = self._call(given, made, fault)
        self.team.calls.append(call)
        return call

    def ask(self, *arguments: str) -> dict[str, Any]:
        """A reading call's document."""
        call = self._call((*arguments, "--json"), "", None)
        assert call.answer is not None, f"{arguments} gave no document: exit {call.code}\n{call.stderr}"
        return call.answer

    def run(self, *arguments: str) -> Call:
        """Any call."""
        return self._call(arguments, "", None)

    def raw_log(self) -> list[bytes]:
        """The stored bytes of every action, as ``log --raw`` gives them."""
        done = subprocess.run(
            self.command("log", "--raw"),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout.split(b"\n")[:-1]

    def start(self, *arguments: str, id_: str) -> subprocess.Popen[bytes]:
        """A writing call that goes on by itself; hand it to `finish`."""
        return subprocess.Popen(
            self.command(*arguments, "--by", self.name, "--id", id_, "--json"),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _call(self, arguments: Sequence[str], id_: str, fault: Fault | None) -> Call:
        command = self.command(*arguments)
        if fault is not None:
            self.home.mkdir(parents=True, exist_ok=True)
            command = fault.around(command, self.home / f"trace-{self.team.new_id()}")
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"stuck: {arguments}\n{err.decode(errors='replace')}") from None
        return Call(
            self.name,
            tuple(arguments),
            id_,
            process.returncode,
            _document(out),
            err.decode(errors="replace"),
            started,
            time.monotonic(),
        )


def _document(out: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(out)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def opened(person: Person, summary: str, **more: str) -> Call:
    """A blocker opened in the usual way."""
    options = {"owner": person.name, "owning": "quay", "blocking": "cranes"} | more
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return person.act("blocker", "open", "--summary", summary, *given)


def together(jobs: Sequence[Any]) -> list[Any]:
    """The results of calling every job at the same moment."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]
