"""Cards whose proof is a test are judged by the newest results that were captured, and by nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
from pathlib import Path

from controlroom import capturing, wiring
from controlroom.config.load import load
from controlroom.config.values import Config
from controlroom.documents import junit
from controlroom.domain.claims import Claim, claims
from controlroom.domain.snapshot import Snapshot
from controlroom.stores.captured_tests import CAPTURES, CapturedTests

NOW = dt.datetime(2025, 10, 8, 12, tzinfo=dt.UTC)
MONDAY, WEDNESDAY = dt.date(2025, 10, 6), dt.date(2025, 10, 8)
BACKLOG = """\
# Backlog

## Sprint 1

| ID | Epic | Status | Proof |
| --- | --- | --- | --- |
| horn | Fog horn | Done | `tests/test_horn.py::test_loud` |
| lamp | Lamp | Done | `test_bright` |
| bell | Bell | Done | `test_rings` |
| buoy | Buoy | Done | `test_floats` |
| crane | Crane | In progress | `test_bright` |
"""
CONFIG = """\
[program]
id = "harbour"
start = 2025-10-04
[documents]
paths = ["backlog.md"]
[status]
dir = "status"
"""
RESULTS = """\
<testsuite name="smoke" timestamp="2025-10-08T09:00:00+00:00">
<testcase classname="tests.test_horn" name="test_loud[near]"/>
<testcase classname="tests.test_horn" name="test_loud[far]"/>
<testcase classname="tests.test_horn" name="test_louder"><failure message="hoarse"/></testcase>
<testcase classname="tests.test_lamp" name="test_bright"><failure message="it is dark"/></testcase>
<testcase classname="tests.test_bell" name="test_rings"><skipped/></testcase>
</testsuite>
"""


def harbour(folder: Path) -> Config:
    """A programme whose cards name tests."""
    (folder / "backlog.md").write_text(BACKLOG, encoding="utf-8")
    (folder / "controlroom.toml").write_text(CONFIG, encoding="utf-8")
    return load(folder / "controlroom.toml", environ={"HOME": str(folder)})


async def seen(config: Config) -> Snapshot:
    """One look at the room."""
    environ = {"HOME": str(config.folder)}
    return await wiring.build(config, clock=lambda: NOW, environ=environ).sweep()


async def captured(config: Config, results: str, date: dt.date) -> Path:
    """The folder of a capture with these results."""
    path = config.folder / "smoke.xml"
    path.write_text(results, encoding="utf-8")
    wanted = capturing.Wanted(date, junit=(str(path),))
    room = await seen(config)
    done = await capturing.capture(config, room, lambda: NOW, config.folder / "status", wanted)
    return done.folder


async def judged(config: Config) -> dict[str, Claim]:
    """Card → what one look says of its proof."""
    return {claim.item: claim for claim in claims(await seen(config), NOW)}


async def test_captured_results_judge_what_cards_claim(tmp_path: Path) -> None:
    """One that passed with every set of parameters is observed, one that failed is not, each with the age and
    the file of its results; one that was skipped or is not in them is unknown."""
    config = harbour(tmp_path)
    await captured(config, RESULTS, WEDNESDAY)
    room = await seen(config)
    found = {claim.item: claim for claim in claims(room, NOW)}
    file = "2025-10-08/evidence/junit/01-smoke.xml"
    nine = dt.datetime(2025, 10, 8, 9, tzinfo=dt.UTC)
    assert (found["horn"].state, found["horn"].since) == ("observed", nine)
    assert found["horn"].why == f"2 passed in the results of 2025-10-08T09:00:00Z ({file})"
    failed = f"failed in the results of 2025-10-08T09:00:00Z ({file})"
    assert (found["lamp"].text, found["lamp"].refuted) == (f"claimed done, {failed}", True)
    assert found["lamp"].why == f"{failed}: tests.test_lamp::test_bright: it is dark"
    assert (found["crane"].text, found["crane"].refuted) == (failed, False)
    assert (found["bell"].state, found["bell"].text[:7]) == ("unknown", "skipped")
    assert found["buoy"].text == "not in the test results captured 2025-10-08T12:00:00Z (2025-10-08/evidence)"
    assert [(lint.subject, lint.message) for lint in room.lints if lint.code == "X018"] == [
        ("lamp", f"Lamp is claimed done: test_bright {failed}")
    ]


async def test_where_some_were_skipped_nothing_is_observed(tmp_path: Path) -> None:
    """One set of parameters that passed does not speak for those that were skipped."""
    config = harbour(tmp_path)
    far = '<testcase classname="tests.test_horn" name="test_loud[far]"/>'
    await captured(config, RESULTS.replace(far, far.replace("/>", "><skipped/></testcase>")), WEDNESDAY)
    horn = (await judged(config))["horn"]
    assert (horn.state, horn.text[:19]) == ("unknown", "1 passed, 1 skipped")


async def test_the_newest_results_count(tmp_path: Path) -> None:
    """A later capture has the last word, one without results leaves it to the one before; a file that does
    not say when its tests ran is dated by its capture."""
    config = harbour(tmp_path)
    assert (await judged(config))["lamp"].text.startswith("no test results were captured yet")
    await captured(config, RESULTS, MONDAY)
    assert (await judged(config))["lamp"].state == "not observed"
    mended = '<testsuite><testcase classname="tests.test_lamp" name="test_bright"/></testsuite>'
    await captured(config, mended, WEDNESDAY)
    room = await seen(config)
    wanted = capturing.Wanted(WEDNESDAY)
    await capturing.capture(config, room, lambda: NOW, config.folder / "status", wanted)
    lamp = (await judged(config))["lamp"]
    assert (lamp.state, lamp.since, lamp.or_before) == ("observed", NOW, True)


async def test_changed_evidence_judges_nothing(tmp_path: Path) -> None:
    """A byte of the results, of the manifest or of its seal that is not as it was captured: nothing is
    observed and nothing is refuted, not even by older results; put right again, it counts."""
    config = harbour(tmp_path)
    await captured(config, RESULTS, MONDAY)
    folder = await captured(config, RESULTS, WEDNESDAY)
    for name, why in (
        ("junit/01-smoke.xml", "junit/01-smoke.xml was changed after it was captured"),
        ("manifest.json", "manifest.json was changed"),
        ("manifest.sha256", "manifest.json was changed"),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before.replace(b"f", b"e"))
        found = await judged(config)
        assert {claim.state for claim in found.values()} == {"unknown"}
        assert f"in 2025-10-08/evidence cannot be used: {why}" in found["horn"].text
        (folder / name).write_bytes(before)
        assert (await judged(config))["horn"].state == "observed"


async def test_results_behind_too_many_captures_without_any_are_not_denied(tmp_path: Path) -> None:
    """How far back was looked is told, not that there are none."""
    config = harbour(tmp_path)
    await captured(config, RESULTS, MONDAY)
    wanted = capturing.Wanted(WEDNESDAY)
    bare = await capturing.capture(config, await seen(config), lambda: NOW, config.folder / "status", wanted)
    for number in range(2, CAPTURES):
        shutil.copytree(bare.folder, bare.folder.with_name(f"evidence-{number}"))
    assert (await judged(config))["horn"].state == "observed"
    shutil.copytree(bare.folder, bare.folder.with_name(f"evidence-{CAPTURES}"))
    horn = (await judged(config))["horn"]
    assert (horn.state, horn.text[:44]) == ("unknown", "the newest 60 captures have no test results;")


async def test_results_that_were_lost_and_came_back_count_again(tmp_path: Path) -> None:
    """A file that is gone makes everything unknown, for as long as it is gone."""
    config = harbour(tmp_path)
    folder = await captured(config, RESULTS, WEDNESDAY)
    file, away = folder / "junit" / "01-smoke.xml", tmp_path / "01-smoke.xml"
    tests = CapturedTests(tmp_path / "status", junit.read)
    file.rename(away)
    # Only what has not changed for a while is not read again.
    while not tests._known or not tests._known[folder].settled:
        lost = tests.look(["test_bright"])
        await asyncio.sleep(0.1)
    assert lost is not None
    assert "junit/01-smoke.xml is missing" in lost.trouble
    away.rename(file)
    found = tests.look(["test_bright"])
    assert found is not None
    assert not found.trouble


async def test_results_are_looked_at_again_only_when_they_change(tmp_path: Path) -> None:
    """The same object while nothing changed; a change that keeps size and time of the file is noticed."""
    config = harbour(tmp_path)
    folder = await captured(config, RESULTS, WEDNESDAY)
    tests = CapturedTests(tmp_path / "status", junit.read)
    first = tests.look(["test_bright"])
    assert first is not None
    assert tests.look(["test_bright"]) is first
    path = folder / "junit" / "01-smoke.xml"
    about = path.stat()
    path.write_bytes(path.read_bytes().replace(b"dark", b"lit."))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    again = tests.look(["test_bright"])
    assert again is not None
    assert again.trouble
    assert tests.look([]) is None
