"""What the documents declared is remembered, and never wrongly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.config.declared import look, recall, remember
from controlroom.config.load import load
from controlroom.config.values import Config
from controlroom.domain.program import Program

TEXT = '[program]\nid = "loom"\nstart = 2031-05-03\n[documents]\npaths = ["*.md", "notes/plan.txt"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "controlroom.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.md").write_text("# Warp", encoding="utf-8")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/plan.txt").write_text("# Weft", encoding="utf-8")
    return load(tmp_path / "controlroom.toml", environ={"HOME": str(tmp_path)})


def kept(config: Config, home: Path) -> Program | None:
    return recall(config, look(config), {"HOME": str(home)})


def test_a_programme_is_remembered_while_nothing_changes(config: Config, tmp_path: Path) -> None:
    """The very same files and configuration give back the programme they made."""
    assert kept(config, tmp_path) is None
    remember(config, look(config), Program("loom", "From the documents"), {"HOME": str(tmp_path)})
    found = kept(config, tmp_path)
    assert found is not None
    assert (found.id, found.title) == ("loom", "From the documents")


@pytest.mark.parametrize("change", ["content", "new file", "gone", "start"])
def test_any_change_is_a_reason_to_read_again(config: Config, tmp_path: Path, change: str) -> None:
    """Another content, one more file, one fewer, another programme: nothing is remembered of these."""
    remember(config, look(config), Program("loom"), {"HOME": str(tmp_path)})
    match change:
        case "content":
            (tmp_path / "notes/plan.txt").write_text("# Waft", encoding="utf-8")
        case "new file":
            (tmp_path / "b.md").write_text("# More", encoding="utf-8")
        case "gone":
            (tmp_path / "notes/plan.txt").unlink()
        case "start":
            config = replace(config, program=replace(config.program, start=None))
    assert kept(config, tmp_path) is None


def test_what_changed_while_it_was_read_is_not_remembered(config: Config, tmp_path: Path) -> None:
    """A programme is kept for the bytes it was made of, or not at all."""
    before = look(config)
    (tmp_path / "a.md").write_text("# Changed meanwhile", encoding="utf-8")
    remember(config, before, Program("loom"), {"HOME": str(tmp_path)})
    assert recall(config, before, {"HOME": str(tmp_path)}) is None


def test_a_memory_that_cannot_be_used_is_done_without(config: Config, tmp_path: Path) -> None:
    """Garbage in its place is nothing remembered; a cache that cannot be written is no error."""
    remember(config, look(config), Program("loom"), {"HOME": str(tmp_path)})
    (memory,) = (tmp_path / ".cache/controlroom/programmes").iterdir()
    memory.write_bytes(b"garbage")
    assert kept(config, tmp_path) is None
    remember(config, look(config), Program("loom"), {"HOME": str(tmp_path / "a.md")})
    assert kept(config, tmp_path / "a.md") is None
