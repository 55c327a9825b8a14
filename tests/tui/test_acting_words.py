"""What is said around an action: all of it, in time, and true at the second that the clock shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controlroom.domain.actions import Action, Outcome
from controlroom.reports import escalation
from controlroom.tui.acts.targets import offers
from controlroom.tui.triage_words import on_this_clock

from .furnished import Person
from .looking import seat
from .rooms import BLOCKERS, NOW, PROGRAM, ROOM, SERVICES, changed
from .still import NoDesk, Still
from .test_acting_room import shared
from .working import working


class SlowDesk(NoDesk):
    """Takes its time, and then records nothing."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    async def submit(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Once it is told to."""
        await self.answered.wait()
        return await super().submit(actions)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 48)])
async def test_why_a_time_is_not_understood_is_read_to_its_end(size: tuple[int, int]) -> None:
    """What does not fit beside a field stands below it, however narrow the screen is."""
    async with seat(size=size) as at:
        await at.press("4", "s")
        screen = await at.type("soon")
        assert "fri 15:00" in screen
        assert "2026-03-04T17:30:00Z" in screen


async def test_a_field_that_was_filled_in_says_where_from() -> None:
    """`observed` stands beside the time it was observed, until somebody types another one."""
    async with seat(size=(120, 40)) as at:
        screen = await at.press("6", "n")
        assert "observed · Wed 08:56 CET" in screen
        await at.press("tab", "tab", "tab", "ctrl+u")
        assert "observed" not in await at.type("9m")


async def test_the_edge_of_a_form_names_keys_that_every_terminal_sends() -> None:
    """Ctrl-J saves; Ctrl-Enter is no key of its own in most terminals. Choices say how they are taken."""
    async with seat() as at:
        screen = await at.press("b")
        assert "Ctrl-J save" in screen
        assert "↓ choose" in await at.press("ctrl+u")
        assert "↓ choose" not in await at.press("escape", "escape", "x")
        await at.press("ctrl+j")
        assert "NOT RECORDED" in at.screen


async def test_an_empty_pane_says_how_to_begin() -> None:
    """Where nothing holds work up the footer offers to open something; marking there says what can be."""
    assert offers(ROOM, None) == ("blocker.new",)
    async with seat(Still(changed(blockers=()))) as at:
        assert "n new" in (await at.press("4")).splitlines()[-1]
        assert "nothing here to mark" in await at.press("v")


async def test_a_slow_log_is_said_to_be_slow() -> None:
    """A key that is not answered soon says that it is on its way."""
    room = Still()
    room.desk = desk = SlowDesk()
    async with seat(room) as at:
        await at.press("a")
        for _ in range(200):
            if "on its way" in at.screen:
                break
            await at.pilot.pause(0.02)
        assert "on its way: the log is slow to answer" in at.screen
        desk.answered.set()
        await at.pilot.pause(0.05)
        assert "NOT RECORDED" in at.screen


async def test_what_was_queued_is_said_to_be_delivered(tmp_path: Path) -> None:
    """The footer offers the outbox while something waits, and no notice says so once it is in the log."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        (folder / "log").rename(folder / "away")
        (folder / "log").write_text("no folder")
        await at.press("a")
        await at.until("queued, will be delivered")
        await at.until("C outbox")
        (folder / "log").unlink()
        (folder / "away").rename(folder / "log")
        screen = await at.until("r2 delivered: acknowledged · Topics missing")
        assert "will be delivered" not in screen


async def test_what_was_queued_and_met_anothers_is_said(tmp_path: Path) -> None:
    """Somebody else was first, and the log was away: told when it is back, with the key that decides."""
    folder = shared(tmp_path)
    ada = Person(folder, "Ada")
    id_ = await ada.opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        # The screen is held: what she does is not seen here.
        await at.press("space")
        await ada.does("assign", id_, owner="Tomas")
        (folder / "log").rename(folder / "away")
        (folder / "log").write_text("no folder")
        await at.press("x", "ctrl+j")
        await at.until("queued, will be delivered")
        (folder / "log").unlink()
        (folder / "away").rename(folder / "log")
        screen = await at.until("met another's: C decides")
        assert "will be delivered" not in screen


async def test_a_warning_is_never_cut_off() -> None:
    """What the footer of a narrow screen cannot say is said over the room, one notice at a time."""
    async with seat(size=(80, 24)) as at:
        await at.press("4")
        long = (
            "not written: docs/a-rather-long-name.md:15: the file has changed since it was read; look at it"
        )
        for number in range(3):
            at.app.say(f"{long} {number}", "warn")
            await at.pilot.pause()
        await at.pilot.pause(0.1)
        said = " ".join(
            line.rpartition("▌")[2].strip(" │┃") for line in at.screen.splitlines() if "▌" in line
        )
        assert f"{long} 2" in " ".join(said.split())
        assert "look at it 1" not in " ".join(said.split())


async def test_a_refusal_about_a_mark_names_the_thing() -> None:
    """The cursor may be elsewhere: what is refused is named."""
    async with seat() as at:
        await at.press("4", "end", "v", "home")
        screen = await at.press("u")
        assert "Old story: " in screen


def test_refusals_tell_the_time_as_the_screen_does() -> None:
    """The domain knows no zone to tell instants in."""
    said = on_this_clock("it is resolved, by Ada at 2026-03-04T07:30:00Z", PROGRAM, NOW)
    assert said == "it is resolved, by Ada at 08:30"


async def test_the_four_hours_end_with_the_second_that_is_shown() -> None:
    """In the second 04:00:00 nothing is a breach yet, whatever fraction of it has passed; one later it is."""
    opened = NOW - timedelta(hours=4)
    blocker = replace(BLOCKERS[0], opened_at=opened, eta=None)
    room = Still(changed(blockers=(blocker,)), NOW + timedelta(microseconds=700_000))
    async with seat(room) as at:
        assert "due soon" in await at.press("4")
        room.now += timedelta(seconds=1)
        assert "BREACH" in await at.later()


def test_a_runbook_is_told_once() -> None:
    """A blocker opened from a service carries its runbook as a link already."""
    link = "https://runbooks.test/kafka"
    blocker = replace(BLOCKERS[0], about="service:kafka", links=(link,))
    assert SERVICES[1].service.runbook == link
    told = escalation.text(blocker, ROOM, NOW)
    assert told.count(link) == 1
    assert escalation.text(replace(blocker, links=()), ROOM, NOW).count(link) == 1
