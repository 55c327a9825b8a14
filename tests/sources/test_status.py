"""The status folder as a source of observations."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from controlroom.domain.snapshot import Observation, StatusSeen
from controlroom.sources.status import StatusSource

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)


def source(folder: Path) -> StatusSource:
    return StatusSource(folder, 5.0, lambda: NOW)


async def poll(looking: StatusSource) -> Observation:
    seen: list[Observation] = []
    await looking.poll(seen.append)
    assert len(seen) == 1
    return seen[0]


def put(folder: Path, day: int) -> None:
    document = {
        "schema": "controlroom.status",
        "version": "1.0",
        "for_date": f"2031-05-0{day}",
        "as_of": f"2031-05-0{day}T01:00:00Z",
    }
    (folder / f"2031-05-0{day}.json").write_text(json.dumps(document), encoding="utf-8")


async def test_a_file_appears_with_the_next_poll(tmp_path: Path) -> None:
    """What is put into the folder is in the next observation, with its own time as that of the data."""
    looking = source(tmp_path)
    first = await poll(looking)
    assert isinstance(first.payload, StatusSeen)
    assert first.payload.files == ()
    assert first.as_of is None
    put(tmp_path, 5)
    second = await poll(looking)
    assert isinstance(second.payload, StatusSeen)
    assert [file.for_date for file in second.payload.files] == ["2031-05-05"]
    assert second.as_of == dt.datetime(2031, 5, 5, 1, tzinfo=dt.UTC)
    assert second.at == NOW


async def test_a_quiet_folder_brings_the_same_payload(tmp_path: Path) -> None:
    """Nothing changed: the reducer sees the same object and does nothing."""
    put(tmp_path, 5)
    looking = source(tmp_path)
    assert (await poll(looking)).payload is (await poll(looking)).payload


async def test_a_folder_that_is_none_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    """A file in place of the folder: the reason names it, and the remedy the key."""
    (tmp_path / "status").write_text("", encoding="utf-8")
    seen = await poll(source(tmp_path / "status"))
    assert seen.payload is None
    assert seen.failure is not None
    assert seen.failure.reason == f"{tmp_path / 'status'}: not a directory"
    assert "[status].dir" in seen.failure.remedy
