"""Acting in a working room: real keys, a real desk, a real log."""

from __future__ import annotations

import asyncio
import json
from html import unescape
from pathlib import Path

from controlroom.config.folders import state_folder
from tests.net.wire import answer, request, serving

from .furnished import NOW, Person, furnish
from .working import working


def shared(tmp_path: Path) -> Path:
    """A furnished folder."""
    folder = tmp_path / "harbour"
    furnish(folder)
    return folder


async def test_acknowledging_is_one_key(tmp_path: Path) -> None:
    """a: the log has who and when, the footer says the rev, the row what it is now."""
    folder = shared(tmp_path)
    id_ = await Person(folder, "Ada").opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("a")
        assert "r2 acknowledged · Topics missing" in await at.until("r2 ")
        assert at.log()[-1] == ("acknowledge", id_, "Ines")
        assert at.last().at == NOW
        await at.until(lambda: at.working.snapshot.blockers[0].acknowledged_by == "Ines")


async def test_two_quick_keys_do_not_conflict_with_oneself(tmp_path: Path) -> None:
    """What is done before the screen shows the last action follows that action."""
    folder = shared(tmp_path)
    id_ = await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.pilot.press("a", "x", "enter")
        await at.until(lambda: len(at.log()) == 3)
        assert at.log()[1:] == [("acknowledge", id_, "Ines"), ("resolve", id_, "Ines")]
        await at.pilot.pause(0.3)
        assert "Somebody else" not in at.screen


async def test_assigning_asks_for_the_owner(tmp_path: Path) -> None:
    """A: people are suggested, Down takes one, Enter saves."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        screen = await at.press("A")
        assert "now Ada" in screen or "Ada" in screen
        await at.type("Tom")
        await at.press("down", "enter", "enter")
        await at.until("assigned to Tomas")
        assert at.last().args["owner"] == "Tomas"


async def test_saying_who_waits_enforces_the_rule(tmp_path: Path) -> None:
    """b: the same squad on both sides is refused at its field; another one is said and logged."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("b")
        await at.type("cra")
        await at.press("tab")
        await at.type("cra")
        await at.press("ctrl+j")
        screen = await at.until("✖")
        assert "waits on" in screen
        assert len(at.log()) == 1
        await at.type("quay")
        await at.press("ctrl+j")
        await at.until("Cranes waits on Quay & Berths")
        assert dict(at.last().args) == {"owning_squad": "cranes", "blocking_squad": "quay"}


async def test_snoozing_until_a_ritual(tmp_path: Path) -> None:
    """s, its letter, why: the log has the ritual and the instant of its next occurrence."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        screen = await at.press("s")
        assert "s  Daily Standup" in screen
        assert "Daily Standup · Wed 09:00 CET" in await at.press("s")
        await at.press("enter")
        await at.type("waits for quay")
        await at.press("enter")
        await at.until("snoozed until Daily Standup")
        args = at.last().args
        assert (args["ritual"], args["until"], args["why"]) == (
            "standup",
            "2026-03-04T08:00:00Z",
            "waits for quay",
        )


async def test_resolving_and_reopening(tmp_path: Path) -> None:
    """x with what helped, X with why; each only where it makes sense."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        assert "open already" in await at.press("X")
        await at.press("x")
        await at.type("made the topic")
        await at.press("enter")
        await at.until("resolved: made the topic")
        await at.press("z")
        await at.goto("Topics missing")
        await at.until(lambda: at.working.snapshot.blockers[0].state == "resolved")
        assert "resolved already" in await at.press("x")
        await at.press("X", "enter")
        await at.until(lambda: at.log()[-1][0] == "reopen")


async def test_a_note_can_be_pasted_with_several_lines(tmp_path: Path) -> None:
    """What is pasted becomes one clean line."""
    from textual.events import Paste

    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("N")
        at.app.screen.post_message(Paste("first\n  second\x1b[31m\r\n\r\nthird"))
        await at.pilot.pause()
        await at.press("enter")
        await at.until(lambda: at.log()[-1][0] == "note")
        assert at.last().args["text"] == "first second[31m third"
        assert at.last().expect is None


async def test_a_new_blocker_from_a_failed_service(tmp_path: Path) -> None:
    """n on it: prefilled, observed; without an owner that field is focused and says why; then it is open."""
    folder = shared(tmp_path)
    async with working(folder) as at:
        await at.press("6")
        await at.until("DOWN")
        screen = await at.press("n")
        assert "kafka DOWN" in screen
        assert "from service kafka" in screen
        assert "https://runbooks.test/kafka" in screen
        await at.press("ctrl+j")
        screen = await at.until("needs an owner")
        assert "▎owner" in screen
        await at.type("Ada")
        await at.press("ctrl+j")
        await at.until("kafka DOWN")
        await at.until(lambda: bool(at.log()))
        action = at.last()
        assert action.kind == "open"
        assert action.expect == ""
        assert action.args["about"] == "service:kafka"
        assert action.args["owning_squad"] == "cranes"
        assert action.args["blocking_squad"] == "quay"
        assert action.args["opened_at"] == "2026-03-04T07:59:30Z"
        assert action.args["links"] == ["https://runbooks.test/kafka"]
        await at.until(lambda: bool(at.working.snapshot.blockers))


async def test_escalating_needs_the_next_update(tmp_path: Path) -> None:
    """e without it is refused at the field; with it the text is copied, kept in a file and shown."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("e", "ctrl+j")
        await at.until("needs the time of the next update")
        assert len(at.log()) == 1
        await at.type("10:30")
        screen = await at.press("ctrl+j")
        screen = await at.until("copied to the clipboard")
        assert "Escalated: text for #tide-crew" in screen
        assert "Topics missing" in screen
        (kept,) = (tmp_path / "home-Ines").rglob("escalations/*.txt")
        assert "Topics missing" in kept.read_text()
        assert "Wed 2026-03-04 10:30 CET" in kept.read_text()
        assert at.last().args["next_update"] == "2026-03-04T09:30:00Z"
        assert "Topics missing" in await at.press("enter")


async def test_posting_an_escalation_is_asked_for(tmp_path: Path) -> None:
    """With a webhook: nothing leaves before p, then exactly the text that was shown, once."""
    arrived: list[bytes] = []

    async def hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await request(reader))
        writer.write(answer(b"ok"))

    async with serving(hook) as url:
        folder = tmp_path / "harbour"
        furnish(folder, 'webhook = { file = "hook" }\n')
        (folder / "hook").write_text(f"{url}/T1/secret")
        await Person(folder, "Ada").opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
        async with working(folder, webhook=True) as at:
            await at.goto("Topics missing")
            await at.press("e")
            await at.type("10:30")
            await at.press("enter")
            await at.until("post exactly this text to #tide-crew")
            (kept,) = (tmp_path / "home-Ines").rglob("escalations/*.txt")
            assert arrived == []
            await at.press("p")
            await at.until("posted to #tide-crew")
            (sent,) = arrived
            text = json.loads(sent.partition(b"\r\n\r\n")[2])["text"]
            assert unescape(text) == kept.read_text()
            assert "secret" not in at.screen


async def test_undo_takes_back_the_last_own_action(tmp_path: Path) -> None:
    """u: says what was taken back; a second u says that nothing is left."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("x", "enter")
        await at.until(lambda: at.working.snapshot.blockers[0].state == "resolved")
        await at.press("z")
        await at.goto("Topics missing")
        await at.press("u")
        await at.until("took back: resolved")
        await at.until(lambda: at.working.snapshot.blockers[0].state == "open")
        assert "left to take back" in await at.press("u")


async def test_moving_a_card_asks_before_it_writes_the_document(tmp_path: Path) -> None:
    """m i: the log has it at once; y changes that one cell and nothing else in the file."""
    folder = shared(tmp_path)
    before = (folder / "board.md").read_bytes()
    async with working(folder) as at:
        await at.press("3")
        at.app.room_screen.pane.scroller.goto("lane:cranes:0")
        await at.press("left", "right")
        assert "t  " in await at.press("m")
        await at.press("i")
        screen = await at.until("Write it into the document?")
        assert "board.md:6" in screen
        assert "Not started" in screen
        assert at.log()[-1] == ("status", "sprint-1/load-planner", "Ines")
        assert (folder / "board.md").read_bytes() == before
        await at.press("y")
        await at.until(lambda: (folder / "board.md").read_bytes() != before)
        after = (folder / "board.md").read_text().splitlines()
        changed = [line for line, old in zip(after, before.decode().splitlines(), strict=True) if line != old]
        assert len(changed) == 1
        assert "Load planner" in changed[0]
        assert "rogress" in changed[0]
        await at.until("now says")


async def test_always_and_never(tmp_path: Path) -> None:
    """always writes without asking and says so; never leaves the document alone."""
    folder = shared(tmp_path)
    async with working(folder, write_back="never") as at:
        await at.press("3")
        at.app.room_screen.pane.scroller.goto("lane:cranes:0")
        before = (folder / "board.md").read_bytes()
        await at.press("left", "right", "m", "i")
        await at.until(lambda: len(at.log()) == 1)
        await at.pilot.pause(0.2)
        assert at.app.screen is at.app.room_screen
        assert (folder / "board.md").read_bytes() == before
    async with working(folder, write_back="always") as at:
        await at.press("3")
        await at.until(lambda: at.working.snapshot.items[1].status == "in_progress")
        at.app.room_screen.pane.scroller.goto("lane:cranes:0")
        await at.press("left", "right", "m", "d")
        await at.until("board.md:6 now says")
        assert at.app.screen is at.app.room_screen
        assert "one" in (folder / "board.md").read_text().splitlines()[5]


async def test_a_conflict_names_what_the_other_did_and_asks(tmp_path: Path) -> None:
    """Held still, Ines acts on what she sees, after Ada: who, what, when; "anyway" is another action."""
    folder = shared(tmp_path)
    ada = Person(folder, "Ada")
    id_ = await ada.opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("space")
        await ada.does("assign", id_, owner="Tomas")
        await at.press("x")
        await at.type("made the topic")
        await at.press("enter")
        screen = await at.until("Somebody else was first")
        assert "Ada on elsewhere: assigned to Tomas" in screen
        assert "r2" in screen
        assert "resolved: made the topic" in screen
        await at.press("a")
        await at.until(lambda: len(at.log()) == 3)
        assert at.last().kind == "resolve"
        assert at.last().args["supersedes"]
        assert at.last().args["mitigation"] == "made the topic"


async def test_a_conflict_waits_in_the_outbox_until_it_is_decided(tmp_path: Path) -> None:
    """Left undecided it is shown by C, with theirs and yours; d asks and drops it for good."""
    folder = shared(tmp_path)
    ada = Person(folder, "Ada")
    id_ = await ada.opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("space")
        await ada.does("assign", id_, owner="Tomas")
        await at.press("x", "enter")
        await at.until("Somebody else was first")
        await at.press("escape", "space")
        await at.until(lambda: bool(at.working.snapshot.outbox.conflicts))
        screen = await at.press("C")
        assert "1 in conflict" in screen
        assert "theirs" in screen
        assert "yours" in screen
        assert "Drop yours?" in await at.press("d")
        await at.press("y")
        await at.until("Everything you did is in the log.")
        assert len(at.log()) == 2
        assert at.working.snapshot.outbox.conflicts == ()


async def test_marks_act_once_on_all(tmp_path: Path) -> None:
    """v v, x: one form, a list of exactly what will happen, y does it; what is refused stays marked."""
    folder = shared(tmp_path)
    ada = Person(folder, "Ada")
    first, second = await ada.opens("Topics missing"), await ada.opens("Fog on the quay")
    third = await ada.opens("Old rope")
    await ada.does("resolve", third)
    async with working(folder) as at:
        await at.press("z")
        for title in ("Topics missing", "Fog on the quay", "Old rope"):
            await at.goto(title)
            await at.press("v")
        assert "3 marked" in at.screen
        assert at.screen.count("◆") >= 3
        await at.press("x")
        await at.type("sun came out")
        screen = await at.press("enter")
        assert "This will happen" in screen
        assert screen.count("resolved: sun came out") == 2
        assert "not done" in screen
        assert len(at.log()) == 4
        await at.press("y")
        await at.until(lambda: len(at.log()) == 6)
        await at.until("2 resolved · 1 not done")
        assert {item for _, item, _ in at.log()[4:]} == {first, second}
        assert len(at.app.room_screen.marks) == 1
        await at.press("escape")
        assert not at.app.room_screen.marks


async def test_marks_stay_on_their_rows(tmp_path: Path) -> None:
    """A worse blocker comes in above: the mark is where it was put; it goes with its row."""
    folder = shared(tmp_path)
    ada = Person(folder, "Ada")
    await ada.opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        await at.press("v")
        await ada.opens("Quay flooded", opened_at="2026-03-04T01:00:00Z")
        await at.until("Quay flooded")
        (line,) = [line for line in at.screen.splitlines() if "◆" in line and "Topics missing" in line]
        assert "Quay flooded" not in line
        assert "mark blockers, cards and signals" in await at.press("6", "v")


async def test_the_clock_that_was_set_is_asked_about(tmp_path: Path) -> None:
    """With --at nothing is written before the time that will stand there was shown; Esc writes nothing."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder, clock_set=True) as at:
        await at.goto("Topics missing")
        screen = await at.press("a")
        assert "2026-03-04T07:59:30Z" in screen
        assert "Wed 2026-03-04 08:59 CET" in screen
        await at.press("escape")
        await at.press("x")
        await at.type("typed")
        await at.press("enter", "escape")
        assert "typed" in at.screen
        await at.press("enter", "y")
        await at.until(lambda: len(at.log()) == 2)
        assert at.log()[-1][0] == "resolve"


async def test_read_only_offers_and_does_nothing(tmp_path: Path) -> None:
    """Not in the footer, the help or the palette; keys say read-only; every fact is there."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder, read_only=True) as at:
        await at.goto("Topics missing")
        footer = at.screen.splitlines()[-1]
        assert "resolve" not in footer
        for key in "naAbesxXNmuvC":
            assert "read-only" in await at.press(key)
        screen = await at.press("?", "end")
        assert "blocker.resolve" not in screen
        await at.press("escape", "ctrl+p")
        await at.type("put it off until")
        await at.pilot.pause(0.4)
        assert "until a time or a ritual" not in at.screen
        assert len(at.log()) == 1


async def test_acting_in_a_detail(tmp_path: Path) -> None:
    """The keys of the row work in its detail too, which shows what became of it."""
    folder = shared(tmp_path)
    id_ = await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        screen = await at.press("enter")
        assert "a ack" in screen
        await at.press("a")
        await at.until(lambda: at.log()[-1] == ("acknowledge", id_, "Ines"))
        await at.press("s")
        await at.type("17:30")
        await at.press("ctrl+j")
        await at.until(lambda: at.log()[-1][0] == "snooze")


async def test_an_outbox_that_cannot_be_written_is_loud(tmp_path: Path) -> None:
    """Not recorded: said until it is seen, with the text to copy, and the form as it was to try again."""
    folder = shared(tmp_path)
    await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        state = state_folder(at.working.environ)
        assert state is not None
        for place in state.glob("outbox"):
            place.rename(place.with_name("gone"))
        state.mkdir(parents=True, exist_ok=True)
        (state / "outbox").write_text("a file where a folder should be")
        await at.press("x")
        await at.type("made the topic")
        await at.press("enter")
        screen = await at.until("NOT RECORDED")
        assert "resolved: made the topic" in screen
        await at.press("e")
        assert "made the topic" in await at.until("what helped")


async def test_a_store_that_is_away_queues(tmp_path: Path) -> None:
    """The action is kept, said to be queued, and why; C lists it; it is delivered once the store is back."""
    folder = shared(tmp_path)
    id_ = await Person(folder, "Ada").opens("Topics missing")
    async with working(folder) as at:
        await at.goto("Topics missing")
        (folder / "log").rename(folder / "away")
        (folder / "log").write_text("no folder")
        await at.press("a")
        screen = await at.until("queued, will be delivered")
        await at.until(lambda: bool(at.working.snapshot.outbox.queued))
        screen = await at.press("C")
        assert "1 waiting" in screen
        assert "acknowledged" in screen
        (folder / "log").unlink()
        (folder / "away").rename(folder / "log")
        await at.until("Everything you did is in the log.")
        assert at.log()[-1] == ("acknowledge", id_, "Ines")
