"""`snapshot --past`: the room as it was seen, said to be past, asking nobody."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom import last_known
from controlroom.config.load import load
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.triage import Blocker
from controlroom.stores.ring import Ring

PROGRAM = Program("press", "The press", zone="Europe/Lisbon")


def kept(folder: Path, *minutes: float) -> None:
    """A room with a past of moments so many minutes ago, oldest first."""
    file = folder / "controlroom.toml"
    file.write_text('[program]\nid = "press"\nzone = "Europe/Lisbon"\n', encoding="utf-8")
    path = last_known.past_path(load(file), {"HOME": str(folder)})
    assert path is not None
    ring, now = Ring(path, 86_400, 64), datetime.now(UTC)
    for ago in minutes:
        at = now - timedelta(minutes=ago)
        blocker = Blocker("b1", f"No ink since {ago:.0f}", opened_at=at - timedelta(hours=1))
        source = SourceStatus("store", "store", "the log", read_at=at)
        ring.add(replace(Snapshot(PROGRAM, taken_at=at), blockers=(blocker,), sources=(source,)))
    ring.close()


def call(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; it must not have loaded a screen."""
    script = (
        "import sys; from controlroom.cli import main; code = main(sys.argv[1:]);"
        "assert 'textual' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_text_and_the_document_are_of_that_moment(tmp_path: Path) -> None:
    """Ages are those of then; the first line, and a key of its own, say that it is past."""
    kept(tmp_path, 40, 30.05, 29.2)
    code, text, told = call(tmp_path, "snapshot", "--past", "30m")
    assert (code, told) == (1 if "Attention\n  nothing" not in text else 0, "")
    assert text.startswith("PAST: as it was seen 30m ago, ")
    assert "No ink since 30" in text
    assert "1h 00m" in text
    _, document, _ = call(tmp_path, "snapshot", "--past", "30m", "--json")
    said = json.loads(document)
    assert said["blockers"][0]["summary"] == "No ink since 30"
    assert said["taken_at"] == said["past"]["at"]
    assert 1_800 <= said["past"]["age_s"] <= 1_860
    assert said["past"]["before"] < said["past"]["at"] < said["past"]["after"]


def test_what_was_not_kept_is_told(tmp_path: Path) -> None:
    """A time in a gap gives the moment before it, and says of when nothing was kept."""
    kept(tmp_path, 90, 30)
    _, text, told = call(tmp_path, "snapshot", "--past", "50m")
    assert "No ink since 90" in text
    assert re.search(r"controlroom: nothing was kept since .+ until .+", told)
    _, _, told = call(tmp_path, "snapshot", "--past", "5m")
    assert "controlroom: nothing was kept since " in told
    assert " until " not in told


def test_times_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    """Before the oldest, still to come, not understood, beside another clock: each in words."""
    kept(tmp_path, 30)
    for arguments, code, words in (
        (("--past", "3h"), 3, "nothing is kept from then: the oldest is from "),
        (("--past", "+1h"), 2, "that is still to come"),
        (("--past", "whenever"), 2, "'whenever' is not understood"),
        (("--past", "3m", "--at", "2026-03-04T08:00:00Z"), 2, "two clocks at once"),
    ):
        found, text, told = call(tmp_path, "snapshot", *arguments)
        assert (found, text) == (code, ""), arguments
        assert words in told
        assert "Traceback" not in told


def test_looking_back_writes_nothing(tmp_path: Path) -> None:
    """Neither a file nor a folder is made, not even where nothing was ever kept."""
    kept(tmp_path, 30)
    call(tmp_path, "snapshot")
    state = tmp_path / ".local"
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*") if path.is_file()}
    assert call(tmp_path, "snapshot", "--past", "29m")[1]
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*") if path.is_file()} == before
    for path in before:
        path.unlink()
    code, _, told = call(tmp_path, "snapshot", "--past", "30m")
    assert (code, "nothing of the past is kept yet" in told) == (3, True)
    assert [path for path in state.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("which", [("--view", "standup"), ("--follow",)])
def test_a_standup_is_not_held_in_the_past(tmp_path: Path, which: tuple[str, ...]) -> None:
    """Asked for on the command line it is refused with what was asked and what to do, before any screen."""
    kept(tmp_path, 30)
    code, text, told = call(tmp_path, *which, "--past", "20m")
    assert (code, text) == (2, "")
    first, second = told.splitlines()
    assert first == f"controlroom: no standup is held in the past: {' '.join(which)} and --past"
    assert second.startswith("  leave one of them out")
