"""The exit gate as a build asks it: the real command on a real Prometheus, a real log, and real outages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.instants import render
from controlroom.lab import servers
from tests.conftest import Start
from tests.sources.looking import AT, KEEP, QUIET, history

CONFIG = """\
[program]
id = "harbour"
start = 2025-10-04

[[waves]]
id = "a"
name = "Wave A"
weeks = [1, 2]
squads = ["River"]

[[squads]]
id = "river"
name = "River"

[[squads.signals]]
metric = "tide_level"
job = "tide"

[[squads.signals]]
metric = "tide_ebb"
job = "tide"

[[prometheus]]
url = "{}"
timeout = 5
"""

TARGET = 'job="tide",instance="a"'
LONG = (TARGET, 7200, -300)
EBBED = (TARGET, 7200, 1800)
"""Gone for half an hour."""
NEW = (TARGET, 240, -300)
"""There for four minutes."""


class Build:
    """A folder with a configuration, in which a build calls the command."""

    def __init__(self, folder: Path, url: str, more: str = "") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "controlroom.toml").write_text(CONFIG.format(url) + more, encoding="utf-8")

    def call(self, *arguments: str, at: datetime | None = AT) -> subprocess.CompletedProcess[str]:
        set_to = ["--at", render(at)] if at is not None else []
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments, *set_to],
            cwd=self.folder,
            env={"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "LANG": "C", "USER": "ci"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def gate(self, code: int, at: datetime = AT) -> dict[str, Any]:
        """The one gate as JSON, which comes with this exit code."""
        done = self.call("gate", "--wave", "Wave A", "--json", at=at)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        (gate,) = json.loads(done.stdout)["gates"]
        return dict(gate)


@pytest.fixture
def build(start: Start, tmp_path: Path) -> Callable[..., tuple[Build, servers.Server]]:
    """Makes a build whose Prometheus has that history of the second signal; the first was always there."""

    def make(*ebb: tuple[str, float, float], more: str = "") -> tuple[Build, servers.Server]:
        def prometheus(folder: Path) -> servers.Server:
            history(folder, {"up": (LONG,), "tide_level": (LONG,), "tide_ebb": ebb})
            return servers.prometheus(folder, QUIET, KEEP)

        server = start(prometheus)
        return Build(tmp_path / "build", server.url, more), server

    return make


def test_a_build_passes_on_what_has_been_there_long_enough(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """Every signal there for the hold time: exit 0, in one call, from what Prometheus has stored."""
    desk, _ = build(LONG)
    gate = desk.gate(0)
    assert (gate["verdict"], gate["ok"], gate["required"], gate["pct"]) == ("PASS", 2, 2, 100)


def test_a_build_waits_for_what_has_only_just_come(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """There for four minutes of ten: exit 3, all of it there, and no PASS; with a shorter hold it passes."""
    desk, server = build(NEW)
    gate = desk.gate(3)
    assert (gate["verdict"], gate["ok"], gate["holding"]) == ("UNKNOWN", 2, 1)
    assert "holding: 1 signal passes in" in desk.call("gate").stdout
    quick = Build(desk.folder, server.url, '[gate]\nhold = "3m"\n')
    assert quick.gate(0)["verdict"] == "PASS"


def test_a_build_stops_on_a_gap_and_passes_once_it_has_been_waived(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """Exit 1 with the reason; a waiver with reason and end, held for ten minutes: PASS*, still 50 %."""
    desk, _ = build(EBBED)
    assert desk.gate(1)["verdict"] == "FAIL"
    text = desk.call("gate").stdout
    assert "DISAPPEARED tide_ebb (job tide) · last seen 2025-10-06T15:30:00Z" in text
    before = AT - timedelta(minutes=9)
    until = render(AT + timedelta(days=3))
    given = desk.call(
        "gate", "waive", "River", "tide_ebb", "--why", "rebuilt this week", "--until", until,
        "--by", "Ada", at=before,
    )  # fmt: skip
    assert given.returncode == 0, given.stderr
    held = desk.gate(3)
    assert (held["verdict"], held["waived"], held["holding"]) == ("UNKNOWN", 1, 1)
    later = AT + timedelta(minutes=1)
    assert "a PASS* 1/2 50%" in desk.call("gate", at=later).stdout
    assert desk.gate(0, later)["waived"] == 1
    assert desk.call("gate", "unwaive", "River", "tide_ebb", at=later).returncode == 0
    assert desk.gate(1, later)["verdict"] == "FAIL"
    kinds = [one["kind"] for one in json.loads(desk.call("log", "--json").stdout)["actions"]]
    assert kinds == ["waive", "unwaive"]


def test_a_promise_for_any_job_is_waived_as_a_star(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """Promised twice, for a job and for any: each is waived by itself, the other keeps failing."""
    desk, _ = build(EBBED, more='[[squads.signals]]\nmetric = "tide_ebb"\n')
    why = ("--why", "x", "--until", render(AT + timedelta(days=1)))
    unclear = desk.call("gate", "waive", "river", "tide_ebb", *why)
    assert unclear.returncode == 2
    assert "one of tide, *" in unclear.stderr
    given = desk.call("gate", "waive", "river", "tide_ebb", "--job", "*", *why)
    assert "signal:river/tide_ebb/*" in given.stdout
    assert desk.gate(1)["waived"] == 1
    taken = desk.call("telemetry", "accept", "river", "tide_ebb", "tide_level", "--job", "*")
    assert '+metric = "tide_level"' in taken.stdout
    assert (
        desk.call("telemetry", "accept", "river", "tide_ebb", "tide_level", "--job", "tide").returncode == 2
    )


def test_a_waiver_is_over_at_its_end(build: Callable[..., tuple[Build, servers.Server]]) -> None:
    """What was excused until noon fails at noon, without anybody doing anything."""
    desk, _ = build(EBBED)
    before, end = AT - timedelta(hours=1), AT + timedelta(minutes=2)
    desk.call("gate", "waive", "river", "tide_ebb", "--why", "x", "--until", render(end), at=before)
    assert desk.gate(0, end - timedelta(seconds=1))["verdict"] == "PASS"
    assert desk.gate(1, end)["verdict"] == "FAIL"


def test_a_build_never_passes_on_a_prometheus_it_cannot_see(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """Stopped in its tracks, killed, and back: exit 3 and unknown in between, waived or not; then 0."""
    desk, server = build(LONG)
    desk.call("gate", "waive", "river", "tide_ebb", "--why", "x", "--until", "2031-01-01T00:00:00Z")
    server.pause()
    frozen = desk.gate(3)
    assert (frozen["verdict"], frozen["unknown"], frozen["waived"]) == ("UNKNOWN", 2, 0)
    server.resume()
    server.kill()
    assert desk.gate(3)["verdict"] == "UNKNOWN"
    assert "SOURCE_DOWN" in desk.call("gate").stdout
    server.restart()
    assert desk.gate(0)["verdict"] == "PASS"


def test_a_time_at_which_nothing_was_scraped_is_unknown(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """After the last scrape nobody can say what was missing: 3, never 1."""
    desk, _ = build(EBBED)
    later = AT + timedelta(hours=6)
    assert desk.gate(3, later)["unknown"] == 2
    assert "scraped nothing at that time" in desk.call("gate", at=later).stdout


def test_the_log_that_cannot_be_read_excuses_nobody(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """A waiver nobody can read does not count: the gate fails, and says that the log could not be read."""
    desk, _ = build(EBBED, more='[store]\nurl = "redis://127.0.0.1:1/0"\ntimeout = 0.5\n')
    done = desk.call("gate")
    assert done.returncode == 1
    assert "redis://127.0.0.1:1/0" in done.stderr


def test_a_wave_nobody_knows_is_a_mistake_not_a_pass(
    build: Callable[..., tuple[Build, servers.Server]],
) -> None:
    """A misspelt wave exits 2 and names the near one; a programme without gates exits 1."""
    desk, server = build(LONG)
    wrong = desk.call("gate", "--wave", "Wave B")
    assert wrong.returncode == 2
    assert "no such wave" in wrong.stderr
    (desk.folder / "controlroom.toml").write_text(f'[program]\n[[prometheus]]\nurl = "{server.url}"\n')
    assert desk.call("gate").returncode == 1
