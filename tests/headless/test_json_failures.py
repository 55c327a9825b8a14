"""Commands that fail with ``--json``: what scripts read on stdout, on stderr and as the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
[program]
id = "press"
start = 2031-05-03
zone = "Europe/Lisbon"
[[waves]]
id = "a"
weeks = [1, 2]
[[rituals]]
id = "standup"
title = "Standup"
time = 09:00:00
[status]
dir = "status"
[store]
url = "{store}"
"""

AWAY = "redis://127.0.0.1:1/0"
"""A store where nobody listens."""

COMMANDS = (
    "snapshot",
    "services",
    "telemetry",
    "gate",
    "waiting",
    "lint",
    "alerts",
    "blockers",
    "log",
    "outbox",
    "outbox drain",
    "outbox drop x",
    "diff",
    "diff none.json",
    "publish --date never",
    "summary --week 1",
    "summary --week 9999",
    "standup report",
    "standup report never",
    "evidence verify never",
    "drill finish",
    "drill report",
    "benchmarks",
    "notify test x",
    "themes check none.toml",
    "documents read none.md",
    "documents set-status none.md x done",
    "calendar never",
    "rituals --days -1",
    "rituals --days x",
    "heartbeat x",
    "store copy redis://127.0.0.1:1 dir:other",
    "blocker acknowledge x",
    "blocker open --summary x",
    "blocker nothing",
    "item set x --status done",
    "config check",
    "init none.md --output made.toml",
    "nothing",
)


def call(folder: Path, command: str, config: str) -> subprocess.CompletedProcess[str]:
    """Run a command with ``--json`` beside `config`."""
    folder.mkdir(exist_ok=True)
    (folder / "status").mkdir(exist_ok=True)
    (folder / "controlroom.toml").write_text(config, encoding="utf-8")
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], "LOGNAME": "ines", "TZ": "UTC"}
    arguments = [sys.executable, "-m", "controlroom", *command.split(), "--json"]
    return subprocess.run(
        arguments, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What went wrong, of stderr; a line is one of those or the remedy of the one before."""
    lines = done.stderr.splitlines()
    assert all(line.startswith(("controlroom: ", "  ")) for line in lines), done.stderr
    assert not lines or not lines[0].startswith("  ")
    return [line for line in lines if line.startswith("controlroom: ")]


@pytest.mark.parametrize("store", ["dir:log", AWAY])
def test_a_failure_is_one_document_or_none_and_is_told_on_stderr(tmp_path: Path, store: str) -> None:
    """stdout is empty or one document, stderr has what and where with its remedy, and no code is made up."""
    for command in COMMANDS:
        done = call(tmp_path / "press", command, CONFIG.format(store=store))
        assert done.returncode in (0, 1, 2, 3, 4, 75), (command, done)
        if done.stdout:
            assert isinstance(json.loads(done.stdout), dict), command
        assert "this is a bug" not in done.stderr, (command, done.stderr)
        reason = said(done)
        assert reason or done.returncode in (0, 1), (command, done)


@pytest.mark.parametrize(
    ("command", "store", "code", "what"),
    [
        ("snapshot", AWAY, 3, "cannot be read: 127.0.0.1:1: connection refused"),
        ("standup report", "dir:log", 1, "there are no minutes: no standup was held so far"),
        ("standup report", AWAY, 3, "whether standup was held so far is not known"),
        ("themes check none.toml", "dir:log", 2, "cannot be read: No such file or directory: none.toml"),
        ("blocker acknowledge x", "dir:log", 4, "no blocker is called x"),
        ("blocker acknowledge x", AWAY, 75, "connection refused"),
    ],
)
def test_what_failed_is_said_and_what_would_mend_it(
    tmp_path: Path, command: str, store: str, code: int, what: str
) -> None:
    """The document of a command that failed does not stand in for the words of stderr."""
    done = call(tmp_path / "press", command, CONFIG.format(store=store))
    assert done.returncode == code, done
    assert any(what in line for line in said(done)), done.stderr
    assert json.loads(done.stdout)


@pytest.mark.parametrize("config", ["[program\nid=", '[program]\nzone = "Nowhere"\n'])
def test_a_wrong_configuration_is_no_document(tmp_path: Path, config: str) -> None:
    """Whatever reads it ends with 2, nothing on stdout, and the file with its line on stderr."""
    for command in ("snapshot", "blockers", "log", "rituals", "standup report", "publish", "outbox"):
        done = call(tmp_path / "press", command, config)
        assert (done.returncode, done.stdout) == (2, ""), (command, done)
        assert any("controlroom.toml" in line for line in said(done)), done.stderr
