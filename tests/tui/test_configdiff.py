"""The dialog for a change of the configuration: read before it is made, in every size and colour."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from controlroom.config.changes import ConfigEdit
from controlroom.tui.lines import as_text
from controlroom.tui.screens.configdiff import ConfigDiff, show, told

from .looking import Seat, seat
from .rooms import view

DIFF = """--- controlroom.toml
+++ controlroom.toml (changed)
@@ -24,3 +24,5 @@
 squad = "cranes"
-name = "old"
+name = "new"
+url = "http://am.test:9093"
"""
EDIT = ConfigEdit(
    Path("/home/ines/harbour/controlroom.toml"), "0" * 64, "", DIFF, "alerts of am.test:9093 belong to quay"
)


async def seen(at: Seat, said: str) -> None:
    """Wait until the screen says it."""
    end = time.monotonic() + 20
    while said not in at.screen:
        assert time.monotonic() < end, at.screen
        await at.pilot.pause(0.02)


def test_a_diff_is_told_by_its_signs_and_by_colour() -> None:
    """What goes is one colour, what comes another, and each line keeps its sign."""
    styles = {line[0].text[:2]: line[0].style for line in told(EDIT, view())[3:]}
    assert (styles["-n"], styles["+n"], styles["@@"], styles["--"]) == ("down", "ok", "accent", "dim")
    said = as_text(told(EDIT, view()))
    assert "alerts of am.test:9093 belong to quay" in said
    assert "/home/ines/harbour/controlroom.toml" in said


def test_a_shared_screen_shows_neither_hosts_nor_folders() -> None:
    """Redacted: the file's name, and no address in the diff."""
    said = as_text(told(EDIT, view(redact=True)))
    assert "am.test" not in said
    assert "ines" not in said
    assert "controlroom.toml" in said


async def test_it_offers_to_write_to_keep_and_to_leave() -> None:
    """Read-only there is nothing to answer, and Esc leaves; the letters of answers do nothing."""
    async with seat(size=(80, 24)) as at:
        show(at.app, EDIT)
        await at.pilot.pause()
        for part in ("w  write it", "k  keep the diff", '+name = "new"'):
            assert part in at.screen
    async with seat() as at:
        show(at.app, EDIT)
        await at.press("k")
        await seen(at, "the diff was not kept: there is no home folder")
    async with seat(size=(80, 24), read_only=True) as at:
        show(at.app, EDIT)
        await at.pilot.pause()
        assert "write it" not in at.screen
        assert '+name = "new"' in await at.press("w", "k", "enter")
        assert "Change the configuration" not in await at.press("escape")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 50)])
async def test_a_long_diff_is_scrolled_and_its_answers_stand_in_the_edge(size: tuple[int, int]) -> None:
    """The first lines are seen first; page down shows the last; w means writing all the while."""
    long = "".join(f"+line {n} {'x' * 90}\n" for n in range(80))
    async with seat(size=size) as at:
        show(at.app, ConfigEdit(EDIT.path, "", "", DIFF + long, "much"))
        await at.pilot.pause()
        assert "much" in at.screen
        assert "w write" in at.screen
        for _ in range(40):
            await at.press("pagedown")
        assert "+line 79" in at.screen
        assert isinstance(at.app.screen, ConfigDiff)
        await at.press("w")
        assert not isinstance(at.app.screen, ConfigDiff)


async def test_a_change_that_cannot_be_made_says_why() -> None:
    """Where there is nothing to show there is no dialog."""
    from controlroom.config.changes import AssignAlerts
    from controlroom.tui.screens.configdiff import offer

    async with seat() as at:
        offer(at.app, AssignAlerts("am", "job", "disk", "quay"))
        await seen(at, "the configuration stays as it is: there is no configuration file")
        assert not isinstance(at.app.screen, ConfigDiff)


async def test_what_could_not_be_written_is_said() -> None:
    """Nobody may believe that it was written."""
    async with seat() as at:
        show(at.app, EDIT)
        await at.press("enter")
        await seen(at, "controlroom.toml: there is no configuration file")
