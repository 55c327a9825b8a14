"""`benchmarks` and what else tells of them without a screen: the real command on real files and servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.benchmarks import BenchmarkReading, Result, judge
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.headless import benchmarks
from controlroom.headless.attention import attention, exit_code
from controlroom.headless.watch import as_line, events
from controlroom.lab import servers
from tests.conftest import Start
from tests.sources.looking import KEEP, QUIET, blocks

NOW = datetime(2026, 3, 4, 8, tzinfo=UTC)
AT = ("--at", "2026-03-04T08:00:00Z")
STEADY = (3.2, 3.1, 3.3, 3.2, 3.2, 3.15, 3.25)

CONFIG = """
[program]
id = "press"
start = 2026-03-02
zone = "Europe/Lisbon"
[[squads]]
id = "ink"
[[benchmarks]]
name = "Printing a page"
squad = "ink"
path = "bench/*.json"
value = "/seconds"
unit = "s"
[status]
dir = "status"
"""

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Runs a command in a folder with a programme that measures one thing."""
    (tmp_path / "controlroom.toml").write_text(CONFIG)
    environ = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "controlroom", *arguments],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


def write(folder: Path, *values: float) -> None:
    """One file a night, the newest of tonight."""
    (folder / "bench").mkdir(exist_ok=True)
    for age, value in enumerate(reversed(values)):
        day = NOW - timedelta(days=age, hours=6)
        text = json.dumps({"at": day.isoformat(), "seconds": value})
        (folder / "bench" / f"{day:%Y-%m-%d}.json").write_text(text)


def test_a_regression_is_exit_code_1_with_its_numbers(call: Call, tmp_path: Path) -> None:
    """Text says value, median, spread, since when, the rule and the file; JSON has each by itself."""
    write(tmp_path, *STEADY, 4.2)
    said = call("benchmarks", *AT)
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        "regression Printing a page (ink): 4.2 s, 31 % worse than the median 3.2 s of 7 "
        "(usually within 4.7 %), since 2026-03-04T02:00:00Z",
        "  a regression is higher than the median of the 7 results before it by more than 10 %, "
        "and by more than three times their median deviation; it takes 3 of them",
        "  bench/2026-03-04.json:1 · dated by at",
    ]
    document = call("benchmarks", "--json", *AT)
    assert document.returncode == 1
    (entry,) = json.loads(document.stdout)["benchmarks"]
    assert (
        entry.items()
        >= {
            "id": "printing_a_page",
            "squad": "ink",
            "verdict": "regression",
            "value": 4.2,
            "at": "2026-03-04T02:00:00Z",
            "median": 3.2,
            "since": "2026-03-04T02:00:00Z",
            "where": "bench/*.json at /seconds",
            "error": None,
        }.items()
    )
    assert entry["change"] == pytest.approx(0.3125)
    assert entry["rule"] == {"tolerance": 0.1, "window": 7, "least": 3, "max_age_s": 93600.0}
    assert [one["value"] for one in entry["results"]] == [*STEADY, 4.2]


def test_exit_codes_tell_well_from_unreadable_and_too_old(call: Call, tmp_path: Path) -> None:
    """0 when it is as it was, and while it is young; 3 where nothing can be said of today."""
    assert call("benchmarks", *AT).returncode == 3
    write(tmp_path, *STEADY[:2])
    young = call("benchmarks", *AT)
    assert (young.returncode, young.stdout.split()[0]) == (0, "young")
    write(tmp_path, *STEADY, 3.2)
    assert call("benchmarks", *AT).returncode == 0
    late = call("benchmarks", "--at", "2026-03-05T08:00:00Z")
    assert (late.returncode, late.stdout.split()[0]) == (3, "old")
    assert "nothing new for more than 1d 02h" in late.stdout


def test_the_snapshot_tells_of_it_in_every_form(call: Call, tmp_path: Path) -> None:
    """Its own key, an entry of attention, a section of the text, and the status file."""
    write(tmp_path, *STEADY, 4.2)
    whole = call("snapshot", "--json", *AT)
    assert whole.returncode == 1
    document = json.loads(whole.stdout)
    assert [one["verdict"] for one in document["benchmarks"]] == ["regression"]
    (wrong,) = document["attention"]
    assert (wrong["kind"], wrong["id"], wrong["severity"]) == ("benchmark", "printing_a_page", "error")
    assert "4.2 s, 31 % worse" in wrong["text"]
    plain = call("snapshot", "--plain", *AT).stdout
    assert "\nBenchmarks\n  regression Printing a page (ink): 4.2 s, 31 % worse" in plain
    assert call("publish", *AT).returncode in (0, 1)
    (entry,) = json.loads((tmp_path / "status" / "2026-03-04.json").read_text())["benchmarks"]
    assert (entry["verdict"], entry["value"], entry["since"]) == (
        "regression",
        4.2,
        "2026-03-04T02:00:00Z",
    )


def test_what_cannot_be_read_is_unknown_not_wrong(call: Call, tmp_path: Path) -> None:
    """No exit code 1 for it; listed among the unknowns, with the reason."""
    whole = call("snapshot", "--json", *AT)
    assert whole.returncode == 3
    document = json.loads(whole.stdout)
    (one,) = document["attention"]
    assert (one["kind"], one["severity"]) == ("source", "warning")
    unknown = {"kind": "benchmark", "id": "printing_a_page", "text": "no file matches bench/*.json"}
    assert unknown in document["unknowns"]


def test_a_new_regression_is_a_change_since_the_last_status(call: Call, tmp_path: Path) -> None:
    """And its end too; what became known is none."""
    call("publish", *AT)
    write(tmp_path, *STEADY, 3.2)
    next_day = ("--at", "2026-03-05T08:00:00Z")
    changes = json.loads(call("diff", "--json", *AT).stdout)["changes"]
    assert [one for one in changes if one["category"].startswith("benchmark")] == []
    call("publish", *AT, "--force")
    later = NOW + timedelta(hours=18)
    (tmp_path / "bench" / "2026-03-05.json").write_text(json.dumps({"at": later.isoformat(), "seconds": 4.2}))
    (change,) = (
        one
        for one in json.loads(call("diff", "--json", *next_day).stdout)["changes"]
        if one["category"].startswith("benchmark")
    )
    assert change["category"] == "benchmark_regressed"
    assert change["text"].startswith("Printing a page (ink): 4.2 s, 31 % worse than the median 3.2 s")
    assert (change["from"], change["to"]) == ("ok", "regression")


def test_the_history_of_a_prometheus_is_judged_from_the_command_line(
    call: Call, tmp_path: Path, start: Start
) -> None:
    """Ten days that promtool made: the last is worse, in one look."""
    base = NOW.timestamp() - 60
    lines = ["# TYPE press_seconds gauge"] + [
        f"press_seconds {value} {base - (9 - number) * 86_400:.0f}"
        for number, value in enumerate((*STEADY, 3.2, 3.15, 4.2))
    ]

    def make(folder: Path) -> servers.Server:
        blocks(folder, lines)
        return servers.prometheus(folder, QUIET, KEEP)

    server = start(make)
    text = CONFIG.replace('path = "bench/*.json"\nvalue = "/seconds"', 'metric = "max(press_seconds)"')
    (tmp_path / "controlroom.toml").write_text(f'{text}\n[[prometheus]]\nid = "prom"\nurl = "{server.url}"\n')
    said = call("benchmarks", "--at", "2026-03-04T08:20:00Z")
    assert said.returncode == 1, said.stdout + said.stderr
    assert "4.2 s, 31 % worse than the median 3.2 s of 7" in said.stdout
    assert said.stdout.splitlines()[-1] == "  max(press_seconds)"


# Values


def reading(*values: float, **more: Any) -> BenchmarkReading:
    results = tuple(
        Result(value, NOW - timedelta(days=len(values) - number)) for number, value in enumerate(values, 1)
    )
    return judge(BenchmarkReading("page", "Printing", "ink", "s", results=results, **more), NOW)


def room(*known: BenchmarkReading, read: datetime | None = NOW, error: str | None = None) -> Snapshot:
    status = SourceStatus("benchmarks", "benchmarks", "benchmarks", read_at=read, error=error)
    return Snapshot(Program(), sources=(status,), benchmarks=known)


def test_what_was_left_out_is_said_below_it() -> None:
    """And where nothing is declared, the key to add."""
    said = benchmarks.as_text(room(replace(reading(*STEADY, 4.2), skipped=("a.json: broken",))))
    assert "  left out: a.json: broken\n" in said
    assert benchmarks.as_text(room()) == "none declared: add [[benchmarks]]\n"


def test_attention_is_for_regressions_and_unknown_is_not_fine() -> None:
    """Exit codes of the snapshot: 1, 3, 0; before the first look nothing is said twice."""
    rooms = [room(reading(*values)) for values in ((*STEADY, 4.2), (), (*STEADY, 3.2))]
    assert [exit_code(one, attention(one, NOW)) for one in rooms] == [1, 3, 0]
    unread = room(reading(), read=None)
    assert [one.id for one in attention(unread, NOW)] == ["benchmarks"]
    assert benchmarks.exit_code(unread) == 3
    assert benchmarks.exit_code(room(reading(*STEADY, 3.2), error="hung")) == 3


def test_watch_has_a_line_when_a_verdict_changes() -> None:
    """With both verdicts and the numbers; another number of the same verdict is no line."""
    before, after = room(reading(*STEADY, 3.2)), room(reading(*STEADY, 4.2))
    (line,) = (as_line(event) for event in events(before, after, NOW))
    assert line == (
        "2026-03-04T08:00:00Z benchmark page ok → regression: Printing: "
        "4.2 s, 31 % worse than the median 3.2 s of 7 (usually within 4.7 %)"
    )
    assert events(after, room(reading(*STEADY, 4.3)), NOW) == ()
