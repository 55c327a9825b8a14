"""Sentences that name a key name the one that `[keys]` has given to the action."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode
from controlroom.domain.triage import Blocker
from controlroom.tui.detail import describe
from controlroom.tui.keys import resolve
from controlroom.tui.panes.waiting import WaitingPane
from controlroom.tui.rows import Subject

from .at_standup import NOW, Facilitator, furnish
from .looking import seat
from .rooms import NOW as THEN
from .rooms import ROOM, changed, reading, view
from .test_standup_room import Clock, kinds, seated

OTHER = {
    "standup.next": "f2",
    "standup.finish": "f3",
    "standup.hand_over": "f4",
    "ritual.begin": "f5",
    "minutes.write": "f6",
    "blocker.new": "f7",
    "screen.freeze": "f8",
    "view.back": "f9",
    "detail.open": "f10",
    "link.open": "f11",
    "sources.poll": "f12",
    "alert.silence": "ctrl+t",
    "blocker.acknowledge": "ctrl+y",
    "blocker.assign": "ctrl+u",
    "signal.accept": "ctrl+o",
    "signal.waive": "ctrl+w",
    "conflicts.show": "ctrl+x",
}

NEAR = reading("quay", "tide_metres", GapCode.NEVER_SEEN, "never seen in 15d", near=("tide_meters",))
NEW = Blocker("new", "Crane stuck", state="open", last_action="1", opened_at=THEN)


async def test_a_standup_names_the_keys_that_are_bound(tmp_path: Path) -> None:
    """What it says where a key makes no sense is what then does something, by the key that does it now."""
    folder = furnish(tmp_path / "harbour")
    clock = Clock()
    async with seated(folder, clock, keys=OTHER, size=(200, 50)) as at:
        await at.press("f5")
        await at.until("1/11 Changes")
        await at.press("k")
        await at.until("only a squad is passed over: F2 goes to the next part")
        await at.press(*["f2"] * 10)
        await at.until("11/11")
        await at.press("f2")
        await at.until("this is the last part: F3 finishes")
        await at.press("f3")
        await at.until("written to")
        await at.press("escape")
        clock.now += timedelta(minutes=20)
        await at.press("f5")
        await at.until("F6 writes its minutes again")


async def test_a_guest_is_told_the_keys_that_are_bound(tmp_path: Path) -> None:
    """Whoever does not drive is told the key that takes over, and the view that waits the key that begins."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder, keys=OTHER, view="standup", size=(200, 50)) as at:
        await at.until("no standup is on: F5 begins today's")
        await Facilitator(folder, "Ada", NOW).held(NOW, over=False)
        await at.until("1/3 Changes")
        await at.press("f2")
        await at.until("Ada drives: F4 asks to take over")
        assert kinds(at) == ["begin"]


async def test_the_room_names_the_keys_that_are_bound() -> None:
    """A held screen, a filter that hides all, marks, and an action that is nothing for the thing there."""
    async with seat(keys=OTHER) as at:
        await at.press("f8")
        assert "F8 catches up" in await at.later()
        await at.press("f8", "4", "/", "q", "q", "q", "enter")
        assert "F9 shows everything" in at.screen
        await at.press("f9", "v")
        assert "1 marked, F9 clears" in at.screen
        await at.press("f9", "6", "x")
        assert "cannot resolve a service; F7 opens a blocker from it" in at.screen
        await at.press("ctrl+c")
        assert "press q to leave" in at.screen


async def test_an_action_without_keys_is_named_by_the_palette() -> None:
    """Where `[keys]` takes an action's keys away the sentence names what finds it all the same."""
    async with seat(keys={"blocker.new": ""}) as at:
        await at.press("6", "x")
        assert "Ctrl-P opens a blocker from it" in at.screen


@pytest.mark.parametrize(
    ("subject", "room", "said"),
    [
        (Subject("service", "kafka"), ROOM, ("open the runbook with F11", "ask again now with F12")),
        (Subject("service", "kafka"), ROOM, ("Links  (F11 opens)",)),
        (Subject("alert", "f1"), ROOM, ("Ctrl-T silences it", "F7 opens a blocker")),
        (Subject("gate", "one"), ROOM, ("waive it: Ctrl-W on the signal",)),
        (Subject("signal", NEAR.id), changed(signals=(NEAR,)), ("or press Ctrl-O to take",)),
        (Subject("blocker", "new"), changed(blockers=(NEW,)), ("has seen it (Ctrl-Y)", "an owner (Ctrl-U)")),
    ],
)
def test_details_name_the_keys_that_are_bound(
    subject: Subject, room: Snapshot, said: tuple[str, ...]
) -> None:
    """What to do next is said with the key that does it."""
    seen = view(key=resolve(OTHER).text, assigns="Ctrl-U")
    text = describe(room, subject, THEN, seen).plain
    for words in said:
        assert words in text, text


def test_who_waits_on_nobody_is_told_the_key_that_is_bound() -> None:
    """The empty list says how to begin."""
    assert "nobody is known to wait: F7 on a card" in WaitingPane("F7").nothing


async def test_a_question_names_the_key_that_takes_it() -> None:
    """The edge of a question has the key that answers, and the one that closes."""
    async with seat(keys={"detail.open": "f10", "dialog.close": "f2, q"}) as at:
        await at.press("3", "right", "m")
        assert "F10 takes it" in at.screen
        assert "F2 close" in at.screen
