"""Evidence captured from the room, while it goes on."""

from __future__ import annotations

import json
from pathlib import Path

from controlroom.stores.evidence_folder import captures, verify

from .working import Worker, working

STATUS = '\n[status]\ndir = "status"\n'
GONE = '\n[[alertmanagers]]\nurl = "http://127.0.0.1:1"\n'


async def from_the_palette(at: Worker) -> None:
    """Ctrl-P, the name of the action, Enter."""
    await at.press("ctrl+p")
    await at.type("evidence")
    await at.until("Capture the evidence of the day")
    await at.press("enter")


async def test_the_palette_captures_what_the_room_shows(tmp_path: Path) -> None:
    """The capture lies under today with pictures of the room; its place and what did not answer are said."""
    folder = tmp_path / "harbour"
    async with working(folder, more=STATUS + GONE) as at:
        await from_the_palette(at)
        seen = await at.until("evidence kept")
        assert "not captured: alertmanager" in seen
        (made,) = captures(folder / "status", "2026-03-04")
        assert verify(made).ok
        picture = (made / "screens" / "room-200x50.svg").read_text(encoding="utf-8")
        assert "Berth" in picture
        manifest = json.loads((made / "manifest.json").read_bytes())
        assert manifest["for_date"] == "2026-03-04"
        assert at.log() == []


async def test_without_a_place_it_is_said_what_to_configure(tmp_path: Path) -> None:
    """Nothing is kept where no status folder is configured, and the remedy is said."""
    async with working(tmp_path / "harbour") as at:
        await from_the_palette(at)
        await at.until("no status folder is configured")


async def test_a_read_only_room_captures_nothing(tmp_path: Path) -> None:
    """The palette does not offer it, and a key that was put on it says why it does nothing."""
    folder = tmp_path / "harbour"
    keys = {"evidence.capture": "f9"}
    async with working(folder, more=STATUS, read_only=True, keys=keys) as at:
        await at.press("ctrl+p")
        await at.type("evidence")
        await at.pilot.pause(0.3)
        assert "Capture the evidence" not in at.screen
        await at.press("escape", "f9")
        await at.until("read-only")
        assert not (folder / "status").exists()
