"""What a room saw outlives it, also when it is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controlroom.domain import instants
from controlroom.domain.services import Health
from controlroom.lab import servers
from controlroom.lab.servers import Server
from controlroom.stores.health_journal import read
from tests.conftest import Start
from tests.tui.terminal import Terminal, program

CONFIG = """
[program]
id = "harbour"
[[services]]
id = "cache"
name = "Cache"
kind = "redis"
url = "redis://{}"
interval = 0.5
timeout = 0.4
"""


def cache(word: str) -> Callable[[str], bool]:
    """Whether a screen shows the service in that state."""
    return lambda text: re.search(f"Cache +{word}", text) is not None


@contextmanager
def room(folder: Path, server: Server) -> Iterator[Terminal]:
    """The room in a terminal, with a home of its own."""
    path = folder / "controlroom.toml"
    path.write_text(CONFIG.format(server.address), encoding="utf-8")
    home = {"HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    arguments = ["-m", "controlroom", "--config", str(path)]
    with program(arguments, size=(140, 40), environ=home) as terminal:
        terminal.wait(cache("up"))
        yield terminal


def test_a_killed_room_remembers_what_it_saw(tmp_path: Path, start: Start) -> None:
    """kill -9: the next room shows the transitions with their reasons, and the gap as unknown."""
    server = start(servers.redis)
    with room(tmp_path, server) as terminal:
        server.kill()
        terminal.wait(cache("DOWN"))
        server.restart()
        terminal.wait(cache("up"))
        terminal.signal(signal.SIGKILL)
    (journal,) = (tmp_path / "state").rglob("*.jsonl")
    kept = [change.after for change in read(journal).transitions["cache"]]
    assert kept == [Health.UP, Health.DOWN, Health.UP]
    with room(tmp_path, server) as terminal:
        terminal.press("6\r")
        terminal.wait("connection refused")
        terminal.wait("History")
        assert "DOWN" in terminal.text
    again = read(journal).transitions["cache"]
    assert [change.after for change in again[:3]] == kept
    assert all(change.after in (Health.UNKNOWN, Health.UP) for change in again[3:])


def test_a_command_knows_since_when_from_the_room_that_watches(tmp_path: Path, start: Start) -> None:
    """`services` beside an open room says the room's `since`; at another time it says only what it saw."""
    server = start(servers.redis)
    with room(tmp_path, server) as terminal:
        server.kill()
        terminal.wait(cache("DOWN"))
        (journal,) = (tmp_path / "state").rglob("*.jsonl")
        terminal.wait(lambda _: len(read(journal).transitions["cache"]) == 2)
        down = read(journal).transitions["cache"][-1].at
        home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}
        command = [sys.executable, "-m", "controlroom", "--config", str(tmp_path / "controlroom.toml")]
        done = subprocess.run(
            [*command, "services", "--json"],
            env={**os.environ, **home},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        (service,) = json.loads(done.stdout)["services"]
    assert (service["state"], service["since"]) == ("down", instants.render(down))
    assert [change["to"] for change in service["transitions"]] == ["up", "down"]
