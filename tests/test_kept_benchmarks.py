"""Benchmarks from the first paint on: declared, kept from an earlier room, and declared otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controlroom import last_known, wiring
from controlroom.config.load import load
from controlroom.config.values import Config
from controlroom.domain.snapshot import Snapshot

CONFIG = """
[program]
id = "press"
start = 2026-03-02
[[squads]]
id = "ink"
[[benchmarks]]
name = "Printing a page"
squad = "ink"
path = "bench/*.json"
value = "/seconds"
unit = "s"
tolerance = 0.2
"""
NOW = datetime(2026, 3, 4, 8, tzinfo=UTC)


def configured(folder: Path, text: str = CONFIG) -> Config:
    (folder / "controlroom.toml").write_text(text)
    return load(str(folder / "controlroom.toml"))


def write(folder: Path, *values: float) -> None:
    (folder / "bench").mkdir(exist_ok=True)
    for age, value in enumerate(reversed(values)):
        day = NOW - timedelta(days=age, hours=6)
        text = json.dumps({"at": day.isoformat(), "seconds": value})
        (folder / "bench" / f"{day:%Y-%m-%d}.json").write_text(text)


async def looked(config: Config) -> Snapshot:
    return await wiring.build(config, clock=lambda: NOW).sweep()


def environ(folder: Path) -> Mapping[str, str]:
    return {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


def test_what_is_declared_is_there_before_anybody_looked(tmp_path: Path) -> None:
    """Unknown, with its rule; its source is named and has not been read."""
    room = wiring.build(configured(tmp_path), clock=lambda: NOW)
    (reading,) = room.snapshot.benchmarks
    assert (reading.id, reading.squad, reading.verdict) == ("printing_a_page", "ink", "unknown")
    assert (reading.text, reading.rule.tolerance) == ("not read yet", 0.2)
    source = room.snapshot.source("benchmarks")
    assert source is not None
    assert source.read_at is None


async def test_the_next_room_begins_with_what_the_last_one_saw(tmp_path: Path) -> None:
    """Through the file it is kept in; of a benchmark that is declared otherwise, nothing is believed."""
    config = configured(tmp_path)
    write(tmp_path, 3.0, 3.0, 3.0, 4.2)
    seen = await looked(config)
    assert seen.benchmarks[0].verdict == "regression"
    last_known.keep(config, seen, environ(tmp_path))
    kept = last_known.recall(config, environ(tmp_path))
    assert kept is not None
    again = wiring.build(config, clock=lambda: NOW, restored=kept).snapshot
    assert again.benchmarks == seen.benchmarks
    for other in (CONFIG.replace("/seconds", "/millis"), CONFIG.replace("0.2", "0.9")):
        changed = wiring.build(configured(tmp_path, other), clock=lambda: NOW, restored=kept).snapshot
        assert [one.text for one in changed.benchmarks] == ["not read yet"]
    gone = CONFIG.partition("[[benchmarks]]")[0]
    assert (
        wiring.build(configured(tmp_path, gone), clock=lambda: NOW, restored=kept).snapshot.benchmarks == ()
    )


async def test_another_configuration_keeps_what_it_still_declares(tmp_path: Path) -> None:
    """While the room is open: the same benchmark stays as it was seen, a new one is not known yet."""
    config = configured(tmp_path)
    write(tmp_path, 3.0, 3.0, 3.0, 4.2)
    room = wiring.build(config, clock=lambda: NOW)
    room.snapshot = await room.sweep()
    more = CONFIG + '[[benchmarks]]\nname = "Binding"\npath = "b/*.xml"\nvalue = "test_bind"\n'
    room.adopt(configured(tmp_path, more))
    assert [one.verdict for one in room.snapshot.benchmarks] == ["regression", "unknown"]
    assert room.snapshot.benchmarks[1].text == "not read yet"
