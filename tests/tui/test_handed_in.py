"""One action handed in, from a standup or a drill: what is said of it where nothing could be recorded."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from controlroom.config.folders import state_folder

from .furnished import environ_of, furnish
from .terminal import HERE, program

CHAOS = """
[[rituals]]
id = "chaos"
title = "Chaos drill"
days = "daily"
time = 08:55:00
minutes = 30
[[rituals.rotation]]
week = 1
scenario = "Cache goes away"
symptoms = ["bookings fail"]
"""


@pytest.mark.parametrize("held", ["standup", "drill"])
def test_what_was_not_recorded_can_be_copied(tmp_path: Path, held: str) -> None:
    """A key whose action finds no outbox says loudly that nothing was recorded; y copies what it was."""
    folder = tmp_path / "harbour"
    furnish(folder, CHAOS)
    with program([str(HERE / "furnished.py"), str(folder), "Ines"], size=(120, 40)) as terminal:
        terminal.wait("dir:log")
        if held == "standup":
            terminal.press("S")
            terminal.wait("1/")
        else:
            terminal.press("8g")
            terminal.wait(lambda text: text.splitlines()[-1].startswith(" S begin"))
            terminal.press("S")
            terminal.wait("Begin Chaos drill?")
            terminal.press("y")
            terminal.wait("1 ○ bookings fail")
        state = state_folder(environ_of(folder, "Ines"))
        assert state is not None
        terminal.wait(lambda _: len(list((folder / "log").glob("0*.json"))) == 1)
        (state / "outbox").rename(state / "gone")
        (state / "outbox").write_text("a file where a folder should be")
        terminal.press("DBerth 3 first\n" if held == "standup" else "1")
        terminal.wait("NOT RECORDED")
        terminal.press("y")
        terminal.wait(lambda text: "NOT RECORDED" not in text)
        sent = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.raw)
        assert sent
        copied = base64.b64decode(sent[-1]).decode()
        assert ("Berth 3 first" if held == "standup" else "bookings_fail: ticked") in copied
