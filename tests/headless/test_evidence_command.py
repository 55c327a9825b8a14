"""`controlroom evidence`: the real command, and the worked script of an Integration Day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from controlroom.lab import servers
from tests.conftest import Start
from tests.faults import refused

CONFIG = """
[program]
id = "soma"
title = "Soma"
start = 2025-10-04
zone = "America/Los_Angeles"
banner = "⚠️ WE DO NOT MOCK"
[documents]
paths = ["docs/*.md"]
banner_required = false
[status]
dir = "status"
[store]
url = "dir:log"
[[rituals]]
id = "standup"
title = "Standup"
time = "09:00"
minutes = 15
[[rituals]]
id = "integration"
title = "Integration Day"
days = ["wed"]
all_day = true
checklist = ["Capture the evidence"]
[[services]]
id = "redis"
kind = "redis"
url = "{redis}"
{more}
"""
REPORT = """# Wave Status - 2025-10-04

## Integration Day Checklist (Oct 8)
- [ ] `redis` is reached from staging
- [x] Dashboards are linked
"""
GREEN = '<testsuite name="smoke"><testcase name="opens" time="0.5"/></testsuite>'
RED = '<testsuite name="smoke"><testcase name="opens"><failure message="no"/></testcase></testsuite>'
AT = "2025-10-08T16:05:00Z"
"""09:05 in Los Angeles, an Integration Day."""


class Staging:
    """A folder with a configuration in which somebody calls the command."""

    def __init__(self, folder: Path, redis: str, more: str = "") -> None:
        self.folder = folder
        (folder / "docs").mkdir(parents=True)
        (folder / "docs" / "status.md").write_text(REPORT, encoding="utf-8")
        config = CONFIG.replace("{redis}", f"redis://{redis}").replace("{more}", more)
        (folder / "controlroom.toml").write_text(config, encoding="utf-8")
        (folder / "green.xml").write_text(GREEN, encoding="utf-8")
        (folder / "red.xml").write_text(RED, encoding="utf-8")

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "TZ": "UTC", "LOGNAME": "ada"}
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def capture(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.call("--at", AT, "evidence", "capture", *arguments)

    def document(self, name: str, capture: str = "evidence") -> Any:
        return json.loads((self.folder / "status" / "2025-10-08" / capture / name).read_bytes())


@pytest.fixture
def staging(tmp_path: Path, start: Start) -> Staging:
    """Somebody's staging with a Redis that runs; no pictures, which take their time."""
    return Staging(tmp_path / "here", start(servers.redis).address, "[evidence]\nscreens = false\n")


def test_an_integration_day(tmp_path: Path, start: Start) -> None:
    """The day and the standup in progress, the checklist, a capture that writes files, a verification that
    passes, and one changed byte that makes it fail and is named."""
    staging = Staging(tmp_path / "here", start(servers.redis).address)
    on = json.loads(staging.call("--at", AT, "--json", "rituals").stdout)["in_progress"]
    assert [one["title"] for one in on] == ["Integration Day", "Standup"]

    done = staging.capture("--junit", "green.xml", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads(done.stdout)
    folder = staging.folder / "status" / "2025-10-08" / "evidence"
    assert made["path"] == str(folder)
    assert made["_banner"] == "⚠️ WE DO NOT MOCK"
    assert made["tests"]["passed"] == 1
    assert (folder / "screens" / "room-80x24.svg").is_file()
    (integration,) = (
        one for one in staging.document("checklist.json")["checklists"] if one["ritual"] == "integration"
    )
    assert [(box["text"], box["done"]) for box in integration["boxes"]] == [
        ("Capture the evidence", False),
        ("`redis` is reached from staging", False),
        ("Dashboards are linked", True),
    ]
    assert integration["boxes"][1]["observed"][0]["state"] == "observed"

    fine = staging.call("evidence", "verify", "2025-10-08")
    assert fine.returncode == 0
    assert "files are as they were captured" in fine.stdout

    raw = bytearray((folder / "services.json").read_bytes())
    raw[-3] ^= 1
    (folder / "services.json").write_bytes(raw)
    wrong = staging.call("evidence", "verify", "2025-10-08")
    assert wrong.returncode == 1
    assert "changed: services.json" in wrong.stdout


def test_a_test_that_failed_is_attention(staging: Staging) -> None:
    """Exit 1, the test is named, and the file lies in the evidence."""
    done = staging.capture("--junit", "red.xml", "--junit", "green.xml")
    assert done.returncode == 1, done.stdout
    assert "attention: red.xml: 1 of 1 did not pass: opens" in done.stdout
    assert staging.document("junit.json")["total"]["tests"] == 2


def test_what_cannot_be_reached_is_said_by_the_exit_code(tmp_path: Path, start: Start) -> None:
    """Exit 3 where a source did not answer and nothing else is wrong; the capture is there all the same."""
    with refused() as nobody:
        more = f'[[alertmanagers]]\nurl = "http://{nobody}"\n[evidence]\nscreens = false\n'
        here = Staging(tmp_path / "here", start(servers.redis).address, more)
        done = here.capture("--date", "2025-10-08")
        assert done.returncode == 3, done.stdout
        assert "not captured: alertmanager: " in done.stdout
        assert here.call("evidence", "verify").returncode == 0
        assert here.capture("--junit", "red.xml").returncode == 1


def test_a_second_capture_keeps_the_first(staging: Staging) -> None:
    """Captures of one day lie beside each other, and both verify."""
    first = staging.capture("--ritual", "integration")
    second = staging.capture("--ritual", "standup")
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    assert staging.document("manifest.json")["ritual"] == "integration"
    assert staging.document("checklist.json", "evidence-2")["checklists"][0]["ritual"] == "standup"
    both = json.loads(staging.call("--json", "evidence", "verify", "2025-10-08").stdout)
    assert both["ok"]
    assert [Path(one["folder"]).name for one in both["captures"]] == ["evidence", "evidence-2"]


def test_a_gate_that_nobody_could_look_at_counts_nothing(tmp_path: Path, start: Start) -> None:
    """A wave that fails for a squad without signals, while another's are not known, reads ``?/1``."""
    more = """
[[squads]]
name = "Mill"
[[squads.signals]]
metric = "mill_turns_total"
required_for_exit = true
[[squads]]
name = "Press"
[[waves]]
name = "A"
start = 2025-10-04
end = 2025-10-18
squads = ["Mill", "Press"]
[evidence]
screens = false
"""
    done = Staging(tmp_path / "here", start(servers.redis).address, more).capture()
    assert done.returncode == 1, done.stdout
    assert "attention: gate a FAIL: ?/1 signals\n" in done.stdout


def test_a_folder_that_cannot_be_looked_into_is_not_empty(staging: Staging) -> None:
    """Where nobody can say whether there is evidence the exit code is 3, and the system's words are told."""
    (staging.folder / "status").write_text("no folder", encoding="utf-8")
    result = staging.call("evidence", "verify")
    assert result.returncode == 3
    assert "the evidence cannot be read" in result.stderr
    assert "Not a directory" in result.stderr
    assert staging.call("evidence", "verify", "a" * 300).returncode == 3


def test_what_makes_no_sense_is_refused_with_its_remedy(staging: Staging) -> None:
    """An unknown ritual, no date, a day without evidence, a folder that holds none, no status folder."""
    unknown = staging.capture("--ritual", "integratoin")
    assert unknown.returncode == 2
    assert "no ritual is called so: --ritual integratoin" in unknown.stderr
    assert staging.capture("--date", "tomorrow").returncode == 2
    nothing = staging.call("evidence", "verify", "2025-10-09")
    assert nothing.returncode == 2
    assert "there is no evidence of that day" in nothing.stderr
    assert staging.call("evidence", "verify").returncode == 2
    assert staging.call("evidence", "verify", "docs").returncode == 2
    assert not (staging.folder / "status").exists()
    config = staging.folder / "controlroom.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace('[status]\ndir = "status"', ""), encoding="utf-8"
    )
    assert "no status folder is configured" in staging.capture().stderr
