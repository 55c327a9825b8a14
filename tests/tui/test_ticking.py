"""Boxes of a ritual's checklist in the room: looked at, ticked, taken back, left to the next time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from controlroom.domain.actions import Outcome
from controlroom.domain.runs import key_of

from .furnished import NOW, Person, furnish
from .working import Worker, working

DAY = """
[[rituals]]
id = "tide"
title = "Tide Day"
days = ["wed"]
all_day = true
checklist = ["Open the sluice", "Read `kafka` aloud"]
gates = [{ text = "The pilot is there" }]
"""

REPORT = """# Harbour Status - 2026-03-01

## Tide Day Checklist (Mar 4)
- [x] Charts are printed
- [ ] Buoys are lit
"""

BOX = "box:tide/2026-03-04/open_the_sluice"


def tide(folder: Path) -> Path:
    """A harbour whose Wednesdays have a checklist, part of it in a status report."""
    furnish(folder, DAY)
    (folder / "report.md").write_text(REPORT, encoding="utf-8")
    config = folder / "controlroom.toml"
    text = config.read_text(encoding="utf-8").replace('["board.md"]', '["board.md", "report.md"]')
    config.write_text(text, encoding="utf-8")
    return folder


async def open_tide(at: Worker) -> str:
    """The ritual's detail, from its pane."""
    await at.press("8")
    await at.goto("Tide Day")
    await at.press("enter")
    return await at.until("Checklist of")


async def test_the_detail_of_a_ritual_lists_its_boxes(tmp_path: Path) -> None:
    """Declared boxes and those of the dated report stand together, with who says that they are done."""
    async with working(tide(tmp_path / "harbour")) as at:
        seen = await open_tide(at)
        assert "Checklist of Wed Mar 4: 1 of 4 done" in seen
        assert "○ Open the sluice" in seen
        assert "✓ Charts are printed · ticked in report.md:4" in seen
        assert "○ Buoys are lit" in seen


async def test_what_a_box_names_is_shown_beside_it_and_ticks_nothing(tmp_path: Path) -> None:
    """A service in back-ticks says what the room sees of it; the box stays as people left it."""
    async with working(tide(tmp_path / "harbour")) as at:
        await open_tide(at)
        seen = await at.until("✖ kafka")
        assert "not observed since" in seen
        assert "○ Read `kafka` aloud" in seen


async def test_a_box_is_ticked_with_its_evidence_and_taken_back(tmp_path: Path) -> None:
    """`c` on a box asks for evidence and puts it into the log; on a ticked one it takes the tick back."""
    async with working(tide(tmp_path / "harbour")) as at:
        await open_tide(at)
        await at.goto("Open the sluice")
        assert "evidence" in await at.press("c")
        await at.type("photos/sluice.png")
        await at.press("ctrl+enter")
        await at.until("✓ Open the sluice")
        assert "Ines 08:59: photos/sluice.png" in at.screen
        assert at.log() == [("tick", BOX, "Ines")]
        await at.press("c")
        await at.until("Take the tick back")
        await at.type("wrong sluice")
        await at.press("ctrl+enter")
        await at.until("○ Open the sluice")
        assert "Ines took the tick back: wrong sluice" in at.screen
        assert [kind for kind, *_ in at.log()] == ["tick", "untick"]


async def test_the_pane_offers_a_choice_of_boxes(tmp_path: Path) -> None:
    """`c` on the ritual itself lists its boxes, and the gates that a person ticks; choosing one ticks it."""
    async with working(tide(tmp_path / "harbour")) as at:
        await at.press("8")
        await at.goto("Tide Day")
        seen = await at.press("c")
        assert "○ Open the sluice" in seen
        assert "○ The pilot is there  gate" in seen
        await at.press("end", "enter")
        await at.until("evidence")
        await at.press("ctrl+enter")
        await at.until(lambda: bool(at.log()))
        assert at.log() == [("tick", "box:tide/2026-03-04/the_pilot_is_there", "Ines")]


async def test_what_was_left_at_the_last_holding_comes_first(tmp_path: Path) -> None:
    """A week later the boxes that were not ticked at the last one stand first, with the day."""
    folder = tide(tmp_path / "harbour")
    before = Person(folder, "Ada")
    assert (await before.does("tick", BOX)).status == "committed"
    later = NOW + timedelta(days=7)
    async with working(folder, clock=lambda: later) as at:
        seen = await open_tide(at)
        lines = [line for line in seen.splitlines() if "○" in line]
        assert "Read `kafka` aloud · left since Wed Mar 4" in lines[0]
        assert "Buoys are lit · left since Wed Mar 4" in lines[1]
        assert "Open the sluice" in lines[2]
        assert "Charts" not in seen


async def test_what_stands_twice_in_a_detail_keeps_the_cursor_where_it_is(tmp_path: Path) -> None:
    """A gate that says the same as a box of the checklist is that box: its two lines are two places."""
    folder = tide(tmp_path / "harbour")
    config = folder / "controlroom.toml"
    text = config.read_text(encoding="utf-8").replace("The pilot is there", "Open the sluice")
    config.write_text(text, encoding="utf-8")
    async with working(folder) as at:
        assert "○ Open the sluice" in await open_tide(at)
        await at.goto("✖ missing Open the sluice")
        await at.pilot.resize_terminal(104, 48)
        await at.pilot.pause()
        assert "✖ missing Open the sluice" in at.cursor


async def test_another_s_tick_in_between_is_a_conflict(tmp_path: Path) -> None:
    """Who ticks what another has just ticked is told so, and nothing is written twice."""
    folder = tide(tmp_path / "harbour")
    async with working(folder) as at:
        await open_tide(at)
        await at.goto("Open the sluice")
        await at.press("c")
        other = Person(folder, "Ada")
        outcome: Outcome = await other.does("tick", BOX, evidence="seen it")
        assert outcome.status == "committed"
        await at.press("ctrl+enter")
        await at.until("Somebody else was first")
        assert "ticked: seen it" in at.screen
        assert [actor for *_, actor in at.log()] == ["Ada"]


async def test_a_read_only_room_ticks_nothing(tmp_path: Path) -> None:
    """Boxes are shown to who may not change anything, and `c` says why it does nothing."""
    async with working(tide(tmp_path / "harbour"), read_only=True) as at:
        await open_tide(at)
        await at.goto("Open the sluice")
        await at.press("c")
        await at.until("read-only")
        assert at.log() == []


def test_long_words_that_begin_alike_are_boxes_of_their_own() -> None:
    """The name of a box tells apart what differs only behind its eightieth character."""
    key = key_of(BOX)
    assert key is not None
    same = "validate that every one of the topics that the squads promised to fill carries live traffic on "
    assert key.box(same + "staging") != key.box(same + "production")
    assert key_of(key.box(same + "staging")) == key
    assert len(key.box(same * 3).rpartition("/")[2]) <= 80
