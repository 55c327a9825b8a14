"""The standup in a working room: what its keys do, for whom, and what is said where they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controlroom.stores.ring import Ring
from controlroom.tui.rows import Subject
from controlroom.tui.screens.detail import DetailScreen

from .at_standup import CONFIG, NOW, Facilitator, furnish
from .working import Worker, working


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def seated(folder: Path, clock: Clock | None = None, **options: Any) -> AsyncIterator[Worker]:
    """Somebody in the room; its clock stands still unless one is given."""
    options.setdefault("write_back", "never")
    async with working(folder, clock=clock or Clock(), **options) as at:
        yield at


async def begun(at: Worker) -> None:
    """The standup is on and in the log."""
    await at.press("S")
    await at.until("1/11 Changes")
    await at.until(lambda: ("begin", "ritual:standup/2025-10-06", "Ines") in at.log())


def bar(at: Worker) -> str:
    return at.screen.splitlines()[1]


def footer(at: Worker) -> str:
    return at.screen.splitlines()[-1]


def kinds(at: Worker) -> list[str]:
    return [kind for kind, _, _ in at.log()]


async def test_the_clock_runs_pauses_and_is_extended(tmp_path: Path) -> None:
    """Time passes in the bar, stands still while it is paused, and a part is given thirty seconds more."""
    clock = Clock()
    async with seated(furnish(tmp_path / "harbour"), clock) as at:
        await begun(at)
        clock.now += timedelta(seconds=41)
        await at.later()
        assert "00:41 of 00:45" in bar(at)
        await at.press("+")
        assert "00:41 of 01:15" in bar(at)
        await at.press("space")
        assert "PAUSED" in bar(at)
        assert "Space go on" in footer(at)
        clock.now += timedelta(seconds=60)
        await at.later()
        assert "00:41 of 01:15" in bar(at)
        await at.press("space")
        clock.now += timedelta(seconds=48)
        await at.later()
        assert "01:29 of 01:15 +00:14" in bar(at)
        assert "1/11 Changes" in bar(at)
        await at.until(lambda: kinds(at) == ["begin", "extend", "pause", "continue"])


async def test_looking_around_and_coming_back(tmp_path: Path) -> None:
    """Esc shows the room as it was, the standup goes on; S shows the part that is on by then."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await at.press("6")
        await begun(at)
        await at.press("n", "n")
        assert "only Cranes" in at.screen
        await at.press("escape")
        assert "3/11" not in at.screen
        assert "only Cranes" not in at.screen
        assert at.app.room_screen.active == "services"
        assert "S standup" in footer(at)
        assert "n next" not in footer(at)
        await at.pilot.pause(0.5)
        assert "3/11" not in at.screen
        await at.press("S")
        assert "3/11 Cranes" in bar(at)
        assert "only Cranes" in at.screen
        await at.press("S")
        assert "3/11" not in at.screen
        assert "finish" not in kinds(at)


async def test_a_skipped_squad_has_not_reported(tmp_path: Path) -> None:
    """k on a squad: passed over, the next has its turn, the minutes say so; on another part it is refused."""
    async with seated(furnish(tmp_path / "harbour"), size=(200, 50)) as at:
        await begun(at)
        await at.press("k")
        assert "only a squad is passed over" in at.screen
        assert "k skip" not in footer(at)
        await at.press("n", "n")
        assert "k skip" in footer(at)
        await at.press("k")
        assert "4/11 Quay & Berths" in bar(at)
        await at.until(lambda: kinds(at)[-2:] == ["skip", "enter"])
        assert "Not reported" in at.screen
        await at.press("p")
        assert "3/11 Cranes" in bar(at)
        assert "Not reported" not in at.screen


async def test_captures_say_who_what_until_when_and_are_taken_back(tmp_path: Path) -> None:
    """A, N, P and D are in the log with their part; u in the minutes takes the last one back."""
    async with seated(furnish(tmp_path / "harbour"), size=(200, 50)) as at:
        await begun(at)
        await at.press("n", "n", "A")
        await at.type("Oil the hoist")
        await at.press("enter")
        await at.type("Ada")
        await at.press("enter")
        await at.type("Thursday")
        await at.press("enter")
        await at.until(lambda: kinds(at)[-1] == "task")
        args = {"text": "Oil the hoist", "owner": "Ada", "due": "Thursday", "segment": "squad:cranes"}
        assert dict(at.last().args) == {**args, "squad": "cranes", "about": "sprint-1/load-planner"}
        for key, kind in (("N", "note"), ("P", "park"), ("D", "decision")):
            await at.press(key)
            await at.type("words")
            await at.press("enter")
            await at.until(lambda kind=kind: kinds(at)[-1] == kind)  # type: ignore[misc]
        await at.until("Decisions")
        at.app.room_screen.go("minutes")
        await at.press("u")
        await at.until("took back: decision: words")
        await at.until(lambda: "Decisions" not in at.screen)


async def test_a_decision_needs_words(tmp_path: Path) -> None:
    """An empty one is refused at its field, and nothing is in the log."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await begun(at)
        await at.press("D", "enter")
        assert "there are no words in it" in at.screen
        await at.press("escape")
        assert kinds(at) == ["begin"]


async def test_a_clock_that_is_set_asks_once(tmp_path: Path) -> None:
    """Beginning asks; then neither the standup's keys nor triage in it do; outside it triage asks again."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ada", NOW - timedelta(hours=1)).opens("Topics missing")
    async with seated(folder, clock_set=True) as at:
        await at.until("Topics missing")
        await at.press("S")
        assert "The clock of this room is set" in at.screen
        assert kinds(at) == ["open"]
        await at.press("y")
        await at.until("1/11 Changes")
        await at.press("n")
        assert "2/11" in bar(at)
        await at.press("a")
        await at.until(lambda: kinds(at)[-1] == "acknowledge")
        await at.press("D")
        await at.type("go")
        await at.press("enter")
        await at.until(lambda: kinds(at)[-1] == "decision")
        await at.press("escape", "4", "x", "enter")
        assert "The clock is set" in at.screen


async def test_coming_back_to_it_with_a_clock_that_is_set_asks_once_too(tmp_path: Path) -> None:
    """Whoever resumes after a crash is asked before the first key that writes, and then no more."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ines", NOW).held(NOW, over=False)
    async with seated(folder, clock_set=True) as at:
        await at.until("1/3 Changes")
        await at.press("n")
        assert "The clock is set" in at.screen
        await at.press("y")
        await at.until("2/3 Blockers")
        await at.press("n")
        await at.until("3/3 Buffer")


async def test_a_clock_that_is_set_is_asked_about_once_where_it_is_not_wanted(tmp_path: Path) -> None:
    """Whoever leaves it is told at each key that nothing is written, and asked again once they come back."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ines", NOW).held(NOW, over=False)
    async with seated(folder, clock_set=True, size=(200, 50)) as at:
        await at.until("1/3 Changes")
        await at.press("n")
        assert "The clock is set" in at.screen
        await at.press("n")
        for key in ("n", "space", "+", "F"):
            await at.press(key)
            assert "The clock is set" not in at.screen
        await at.press("escape" if "Finish the standup?" in at.screen else "n")
        await at.until("nothing is written: the clock of this room is set; S and S again asks once more")
        assert "1/3 Changes" in bar(at)
        assert kinds(at) == ["begin"]
        await at.press("S", "S", "n")
        assert "The clock is set" in at.screen
        await at.press("y")
        await at.until("2/3 Blockers")
        await at.press("n")
        await at.until("3/3 Buffer")
        assert "The clock is set" not in at.screen


async def test_what_is_first_written_at_a_standup_is_asked_about_for_all_of_it(tmp_path: Path) -> None:
    """Triage that was agreed to at the standup is the one question: its own keys ask no more."""
    folder = furnish(tmp_path / "harbour")
    ines = Facilitator(folder, "Ines", NOW)
    await ines.opens("Topics missing")
    await ines.held(NOW, over=False)
    async with seated(folder, clock_set=True) as at:
        await at.until("1/3 Changes")
        await at.press("4")
        await at.goto("Topics missing")
        await at.press("a")
        assert "The clock is set" in at.screen
        await at.press("y")
        await at.until(lambda: kinds(at)[-1] == "acknowledge")
        await at.press("n")
        await at.until("2/3 Blockers")


async def test_passing_a_squad_over_with_a_clock_that_is_set_is_one_question(tmp_path: Path) -> None:
    """Once it is agreed to, k does all that it does: the squad is passed over and the next has its turn."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder) as at:
        await begun(at)
        await at.press("n", "n")
        await at.until(lambda: kinds(at) == ["begin", "enter", "enter"])
    async with seated(folder, clock_set=True) as at:
        await at.until("3/11 Cranes")
        await at.press("k", "y")
        await at.until("4/11 Quay & Berths")
        await at.until(lambda: kinds(at)[3:] == ["skip", "enter"])


async def test_a_question_names_the_day_that_is_not_today(tmp_path: Path) -> None:
    """After midnight a ritual of the evening before is asked about with its day; before midnight without."""
    folder = furnish(tmp_path / "harbour")
    path = folder / "controlroom.toml"
    path.write_text(CONFIG.replace("time = 11:00:00\nminutes = 45", "time = 23:30:00\nminutes = 90"))
    clock = Clock(datetime(2025, 10, 7, 6, 45, tzinfo=UTC))
    async with seated(folder, clock, clock_set=True) as at:
        await at.press("8")
        await on_clinic(at)
        await at.press("S")
        assert "Begin Clinic?" in at.screen
        await at.press("n")
        clock.now += timedelta(minutes=30)
        await at.later()
        await on_clinic(at)
        await at.press("S")
        assert "Begin Clinic of Mon Oct 6?" in at.screen
        await at.press("y")
        await at.until(lambda: at.log() == [("begin", "ritual:clinic/2025-10-06", "Ines")])
        await at.until(lambda: any(run.on for run in at.working.snapshot.runs))
        await on_clinic(at)
        await at.press("S")
        assert "End Clinic of Mon Oct 6?" in at.screen


async def test_beginning_at_an_odd_time_is_asked(tmp_path: Path) -> None:
    """Hours early, or when it is over by the calendar, it says so first; n leaves it unbegun."""
    folder = furnish(tmp_path / "harbour")
    clock = Clock(NOW - timedelta(hours=3))
    async with seated(folder, clock) as at:
        await at.press("S")
        assert "in 3h 00m" in at.screen
        await at.press("n")
        assert at.log() == []
        clock.now = NOW + timedelta(hours=2)
        await at.press("S")
        assert "over by the calendar" in at.screen
        await at.press("y")
        await at.until("1/11 Changes")


async def test_what_was_held_is_not_begun_again(tmp_path: Path) -> None:
    """S after today's standup says when it was held and what w does."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ada", NOW).held(NOW)
    async with seated(folder, Clock(NOW + timedelta(minutes=20))) as at:
        await at.press("S")
        assert "held already: 08:59, w writes its minutes again" in at.screen


async def test_its_key_is_offered_first_when_it_is_near_or_on(tmp_path: Path) -> None:
    """Whatever the cursor is on, also at eighty columns; hours before it and once it is held it gives way."""
    folder, now = furnish(tmp_path / "harbour"), Clock()
    async with seated(folder, now, size=(80, 24)) as at:
        await at.press("4")
        await at.until(lambda: footer(at).startswith(" S standup  "))
        now.now = NOW - timedelta(hours=2)
        await at.until(lambda: not footer(at).startswith(" S "))
        now.now = NOW + timedelta(minutes=20)
        await at.until(lambda: "S standup" not in footer(at)[:12])
        elsewhere = Facilitator(folder, "Ada", NOW)
        await elsewhere.held(NOW, over=False)
        await at.until(lambda: footer(at).startswith(" S standup  "))
        assert footer(at).count("S standup") == 1
        now.now = NOW + timedelta(minutes=5)
        await elsewhere.does("finish", "ritual:standup/2025-10-06")
        await at.until(lambda: not footer(at).startswith(" S "))


async def test_what_only_looks_is_offered_to_join_but_not_to_begin(tmp_path: Path) -> None:
    """A room that changes nothing offers the key while a standup is on, not when one is near."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder, read_only=True) as at:
        assert not footer(at).startswith(" S ")
        await Facilitator(folder, "Ines", NOW).held(NOW, over=False)
        await at.until(lambda: footer(at).startswith(" S standup  "))


async def test_another_ritual_under_the_cursor_is_offered_by_no_name_of_a_standup(tmp_path: Path) -> None:
    """On the clinic, a few minutes before it, the key begins it, and the footer says so."""
    async with seated(furnish(tmp_path / "harbour"), Clock(NOW + timedelta(hours=1, minutes=50))) as at:
        await at.press("8")
        await on_clinic(at)
        await at.until(lambda: footer(at).startswith(" S begin  "))


async def test_what_was_held_before_its_time_names_the_next_day(tmp_path: Path) -> None:
    """S after a standup that was over before nine says when the next one is, not that it is today at nine."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ada", NOW).held(NOW - timedelta(minutes=6))
    async with seated(folder) as at:
        await at.press("S")
        assert "held already" in at.screen
        assert "next Tue" in at.screen


async def test_over_a_detail_the_keys_of_the_footer_mean_the_same(tmp_path: Path) -> None:
    """n goes on from an open detail, which closes, and opens no blocker; D asks for the decision there."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await begun(at)
        await at.press("n")
        await at.press("n")
        await at.until("3/11")
        await at.press("home")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, DetailScreen))
        assert " n new" not in at.screen
        await at.press("n")
        await at.until("4/11")
        assert at.app.screen is at.app.room_screen
        await at.press("home")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, DetailScreen))
        await at.press("D")
        await at.until("Decision · ")
        await at.type("go")
        await at.press("enter")
        await at.until(lambda: kinds(at)[-1] == "decision")


async def test_read_only_follows_and_changes_nothing(tmp_path: Path) -> None:
    """S joins what is on and begins nothing; not even who drives elsewhere moves it on from here."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder, read_only=True) as at:
        await at.press("S")
        assert "read-only" in at.screen
        assert at.log() == []
        elsewhere = Facilitator(folder, "Ines", NOW)
        await elsewhere.held(NOW, over=False)
        await at.until(lambda: bool(at.working.snapshot.runs))
        await at.press("S")
        await at.until("1/3 Changes")
        assert "Ines drives" in bar(at)
        assert footer(at).split("  ")[0].strip() == "S look around"
        for key in ("n", "D", "A", "F", "k", "+", "space", "H", "B", "u"):
            await at.press(key)
            assert "1/3 Changes" in bar(at)
        assert kinds(at) == ["begin"]
        await elsewhere.does("enter", "ritual:standup/2025-10-06", to="blockers")
        await at.until("2/3 Blockers")


async def test_a_guest_captures_but_does_not_drive(tmp_path: Path) -> None:
    """The footer of who does not drive: captures and taking over; n says who drives; D is recorded."""
    folder = furnish(tmp_path / "harbour")
    await Facilitator(folder, "Ada", NOW).held(NOW, over=False)
    async with seated(folder) as at:
        await at.until(lambda: bool(at.working.snapshot.runs))
        await at.press("S")
        await at.until("Ada drives")
        assert "H take over" in footer(at)
        assert "n next" not in footer(at)
        await at.press("n")
        assert "Ada drives: H asks to take over" in at.screen
        await at.press("D")
        await at.type("go")
        await at.press("enter")
        await at.until(lambda: at.log()[-1][::2] == ("decision", "Ines"))


async def test_somebody_else_began_in_the_same_moment(tmp_path: Path) -> None:
    """Two begin at once: the second follows the first, and nothing is left to decide."""
    folder = furnish(tmp_path / "harbour")
    text = (folder / "controlroom.toml").read_text()
    (folder / "controlroom.toml").write_text(text.replace("interval = 0.2", "interval = 60"))
    async with seated(folder) as at:
        await Facilitator(folder, "Ada", NOW).held(NOW, over=False)
        await at.press("S")
        await at.until("Ada drives")
        assert "Ada began it a moment before" in at.screen
        await at.until(lambda: not at.working.snapshot.outbox.conflicts)
        assert kinds(at) == ["begin"]


async def test_offline_it_goes_on_and_is_delivered(tmp_path: Path) -> None:
    """With the log out of reach the standup goes on, says what waits, and all of it arrives in order."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder) as at:
        await begun(at)
        (folder / "log").rename(folder / "away")
        (folder / "log").write_text("in the way")
        await at.press("n", "n")
        await at.until(lambda: "⧗ 2 queued" in bar(at))
        assert "3/11 Cranes" in bar(at)
        (folder / "log").unlink()
        (folder / "away").rename(folder / "log")
        await at.until(lambda: kinds(at) == ["begin", "enter", "enter"], 30)
        await at.until(lambda: "queued" not in bar(at))


async def test_without_a_status_folder_it_is_held_all_the_same(tmp_path: Path) -> None:
    """What cannot be written is said with its remedy; the standup begins and ends in the log."""
    folder = furnish(tmp_path / "harbour")
    (folder / "controlroom.toml").write_text(CONFIG.replace('[status]\ndir = "status"\ninterval = 0.5\n', ""))
    async with seated(folder) as at:
        await at.press("S")
        await at.until("1/11 Changes")
        assert "no status folder is configured" in at.screen
        await at.press("F", "y")
        await at.until("the minutes are not written")
        await at.until(lambda: kinds(at) == ["begin", "finish"])


async def test_the_minutes_are_written_again(tmp_path: Path) -> None:
    """w after the end writes them anew, with what was added since, and shows them."""
    folder = furnish(tmp_path / "harbour")
    ada = Facilitator(folder, "Ada", NOW)
    await ada.held(NOW)
    await ada.does("decision", "minutes:standup/2025-10-06", text="Berth 3 first")
    async with seated(folder, Clock(NOW + timedelta(minutes=20))) as at:
        await at.until(lambda: bool(at.working.snapshot.runs))
        await at.press("w")
        await at.until("written to")
        text = (folder / "status" / "2025-10-06" / "standup.md").read_text()
        assert "Berth 3 first" in text


async def on_clinic(at: Worker) -> None:
    """Put the cursor of the ritual pane on the clinic."""
    await at.press("home")
    while at.app.room_screen.subject != Subject("ritual", "clinic"):
        await at.press("down")


async def test_another_ritual_is_begun_and_ended_plainly(tmp_path: Path) -> None:
    """S on another ritual's row begins its run, without parts; S there again, as offered, ends it."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder, Clock(NOW + timedelta(hours=2))) as at:
        await at.press("8")
        await on_clinic(at)
        await at.press("S")
        await at.until(lambda: at.log() == [("begin", "ritual:clinic/2025-10-06", "Ines")])
        await at.until(lambda: any(run.on for run in at.working.snapshot.runs))
        assert "1/" not in bar(at)
        await on_clinic(at)
        await at.until(lambda: footer(at).startswith(" S end  "))
        await at.press("S")
        assert "End Clinic?" in at.screen
        await at.press("y")
        await at.until(lambda: kinds(at) == ["begin", "finish"])


async def test_a_frozen_screen_catches_up_with_a_standup(tmp_path: Path) -> None:
    """A standup is never shown as it was a while ago."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await at.press("space")
        assert "FROZEN" in at.screen
        await begun(at)
        assert "FROZEN" not in at.screen


async def test_escalating_is_a_decision(tmp_path: Path) -> None:
    """e at a blocker that cannot be passed asks for the next update; with it n goes on."""
    folder = furnish(tmp_path / "harbour")
    ada = Facilitator(folder, "Ada", NOW - timedelta(days=3))
    id_ = await ada.opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    await ada.held(NOW - timedelta(days=2))
    await ada.held(NOW - timedelta(days=1))
    async with seated(folder) as at:
        await begun(at)
        await at.press("n", "n")
        assert "It stands here again" in at.screen
        await at.press("e")
        await at.type("+2h")
        await at.press("enter")
        await at.until(lambda: ("escalate", id_, "Ines") in at.log())
        await at.until("Escalated")
        await at.press("escape", "n")
        assert "3/11 Cranes" in bar(at)


async def test_another_view_is_looked_at_meanwhile(tmp_path: Path) -> None:
    """Choosing on-call leaves the standup on; choosing the standup's own view shows its part again."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await begun(at)
        await at.press("n")
        at.app.room_screen.enter("oncall")
        await at.pilot.pause(0.4)
        assert "2/11" not in at.screen
        at.app.room_screen.enter("standup")
        await at.until("2/11 Blockers")


async def test_the_view_waits_for_a_standup(tmp_path: Path) -> None:
    """Opened in the view with none on it says so, and shows one as soon as it begins."""
    folder = furnish(tmp_path / "harbour")
    async with seated(folder, view="standup", size=(200, 50)) as at:
        await at.until("no standup is on: S begins today's")
        await Facilitator(folder, "Ada", NOW).held(NOW, over=False)
        await at.until("1/3 Changes")
        assert "Ada drives" in bar(at)


async def test_what_is_typed_into_a_filter_stays_in_its_pane(tmp_path: Path) -> None:
    """A part that comes on while somebody types a filter is arranged once they are done with it."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await begun(at)
        room = at.app.room_screen
        await at.press("8", "/")
        await at.type("cl")
        room.standup.press("next")
        await at.until("2/11 Blockers")
        await at.type("in")
        assert (room.active, room.pane.filter) == ("ritual", "clin")
        await at.press("enter")
        await at.later()
        assert room.active == "blockers"
        assert room.panes["blockers"].filter == ""
        assert room.panes["ritual"].filter == "clin"


async def test_a_standup_begins_with_all_blockers(tmp_path: Path) -> None:
    """Whoever looked at what changed of the blockers is shown all of them, and all of them afterwards."""
    folder = furnish(tmp_path / "harbour")
    ada = Facilitator(folder, "Ada", NOW - timedelta(days=3))
    await ada.opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    async with seated(folder) as at:
        await at.until("Topics missing")
        await at.press("4", "d")
        assert "Blockers: changed" in at.screen
        await begun(at)
        await at.press("n")
        assert "Blockers: changed" not in at.screen
        assert "Topics missing" in at.screen
        await at.press("escape")
        assert "Blockers: changed" not in at.screen


async def test_a_view_chosen_in_the_past_stays_there(tmp_path: Path) -> None:
    """The standup's own view shows what is on once one comes back to now, and not in the past."""
    async with seated(furnish(tmp_path / "harbour")) as at:
        await begun(at)
        at.working.past_path = tmp_path / "past.sqlite"
        ring = Ring(at.working.past_path, 86_400, 64)
        assert ring.add(replace(at.working.snapshot, taken_at=NOW - timedelta(seconds=20), restored=False))
        ring.close()
        await at.press("escape", "[")
        await at.until(" PAST ")
        at.app.room_screen.enter("standup")
        await at.later()
        assert " PAST " in at.screen
        assert "1/11 Changes" not in at.screen
        await at.press("escape")
        await at.until("1/11 Changes")
        assert " PAST " not in at.screen
