"""Acting on gaps in a working room: real keys, a real desk, a real log, a real configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading

from .furnished import NOW, Person, furnish
from .working import Worker, working

PROMISES = """
[gate]
hold = "0s"

[[waves]]
id = "one"
name = "Wave One"
start = 2026-03-02
end = 2026-03-16
squads = ["pilots"]

[[squads]]
id = "pilots"
name = "Pilots"
[[squads.signals]]
metric = "pilots_aboard"
job = "harbour"
[[squads.signals]]
metric = "tide_height_metres"
job = "harbour"
[[squads.signals]]
metric = "fog_horn_total"
job = "harbour"
required_for_exit = false
"""

ID = "pilots/tide_height_metres/harbour"
ITEM = f"signal:{ID}"
NEAR = ("tide_height_meters",)


def found(**gap: Any) -> Callable[[Snapshot], Snapshot]:
    """What a look at Prometheus brought an hour ago: one signal is missing, and one that no gate asks for."""
    gap = {"code": GapCode.NEVER_SEEN, "text": "never seen in the last 7d", "near": NEAR} | gap
    looks: dict[str, dict[str, Any]] = {
        "pilots_aboard": {"code": GapCode.OK},
        "tide_height_metres": gap,
        "fog_horn_total": {"code": GapCode.NO_TARGET, "text": "no target has job harbour"},
    }

    def read(reading: SignalReading) -> SignalReading:
        look = looks[reading.signal.metric]
        return replace(reading, since=NOW - timedelta(hours=1), hint=None, **look)

    return lambda known: replace(known, signals=tuple(map(read, known.signals)))


def shared(tmp_path: Path) -> Path:
    """A furnished folder whose squad Pilots has promised three signals."""
    folder = tmp_path / "harbour"
    furnish(folder, PROMISES)
    return folder


async def at_the_gap(at: Worker, metric: str = "tide_height_metres") -> None:
    """Put the cursor on a signal, in a pane that has the whole screen."""
    await at.press("5", "z")
    await at.until("gate")
    for _ in range(20):
        if metric in at.cursor and "gate" not in at.cursor:
            return
        await at.press("down")
    raise AssertionError(f"the cursor does not get to {metric}\n{at.screen}")


async def waived(at: Worker, until: str = "fri 15:00", why: str = "drill first") -> None:
    """Waive what is under the cursor, and wait until the room knows."""
    await at.press("E")
    await at.type(until)
    await at.press("enter")
    await at.type(why)
    await at.press("enter")
    await at.until(lambda: bool(at.working.snapshot.waivers))


async def test_waiving_asks_until_when_and_why(tmp_path: Path) -> None:
    """E: the log has who, why and until; the gate passes with a star, the gap is not counted as one."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        assert "✖ FAIL 50 %" in at.screen
        await at.press("E")
        assert "a time, or a ritual by its letter" in at.screen
        await at.press("escape")
        await waived(at)
        screen = await at.until("PASS*")
        assert "waived until Fri 15:00 by Ines: drill first" in screen
        assert "50 % (1/2, 1 waived) ✓ PASS*" in screen
        assert "Telemetry gaps  1 · 1 waived" in screen
        assert "r1 waived until" in screen
        action = at.last()
        assert (action.kind, action.item, action.expect) == ("waive", ITEM, "")
        assert dict(action.args) == {"until": "2026-03-06T14:00:00Z", "why": "drill first"}


async def test_waiving_needs_a_reason_and_a_time(tmp_path: Path) -> None:
    """Without either it is refused at its field, and nothing is recorded."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        await at.press("E", "ctrl+j")
        assert "▎until" in at.screen
        await at.type("2h")
        await at.press("ctrl+j")
        assert "a waiver needs a reason" in at.screen
        assert "▎why" in at.screen
        assert at.log() == []


async def test_waiving_until_a_ritual(tmp_path: Path) -> None:
    """Its letter: the log has the ritual and the instant."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        await waived(at, until="d")
        assert at.last().args["ritual"] == "drill"
        assert at.last().args["until"] == "2026-03-06T14:00:00Z"


async def test_a_waiver_ends_in_front_of_the_eyes(tmp_path: Path) -> None:
    """By the clock alone: nobody presses a key, nothing is read."""
    now = [NOW]

    def clock() -> datetime:
        return now[0]

    async with working(shared(tmp_path), clock=clock, seen=found()) as at:
        await at_the_gap(at)
        await waived(at, until="2h")
        await at.until("PASS*")
        now[0] = NOW + timedelta(hours=2)
        await at.later()
        assert "waived until" not in at.cursor
        assert "✖ NEVER_SEEN" in at.cursor
        await at.until("✖ FAIL 50 %")


async def test_ending_a_waiver_shows_whose_it_is(tmp_path: Path) -> None:
    """E again: who, why, until; Enter leaves it, e ends it, and the log has that after the waiver."""
    folder = shared(tmp_path)
    async with working(folder, by="Ada", seen=found()) as at:
        await at_the_gap(at)
        await waived(at)
    async with working(folder, seen=found()) as at:
        await at_the_gap(at)
        await at.until("waived until")
        screen = await at.press("E")
        for part in (
            "It is waived",
            "waived by  Ada",
            "why        drill first",
            "until      Fri Mar 6 15:00",
        ):
            assert part in screen
        await at.press("enter")
        assert len(at.log()) == 1
        await at.press("E", "e")
        assert "End the waiver" in at.screen
        await at.type("it is there")
        await at.press("enter")
        await at.until("✖ FAIL 50 %")
        assert at.log() == [("waive", ITEM, "Ada"), ("unwaive", ITEM, "Ines")]
        assert at.last().args == {"why": "it is there"}
        assert at.last().expect == at.working.delivery.log.read(0).entries[0].action.id


async def test_what_was_done_to_a_waiver_can_be_taken_back(tmp_path: Path) -> None:
    """u takes back the end of a waiver, then the waiver itself; also right after one another."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        await waived(at)
        await at.press("E", "e", "enter")
        await at.until("no longer waived")
        await at.until(lambda: not at.working.snapshot.waivers)
        await at.press("u")
        await at.until(lambda: bool(at.working.snapshot.waivers))
        await at.until("PASS*")
        await at.press("u")
        await at.until("✖ FAIL 50 %")
        assert [kind for kind, _, _ in at.log()] == ["waive", "unwaive", "undo", "undo"]
        assert "nothing that Ines did here is left" in await at.press("u")


async def test_two_people_at_one_gap_meet(tmp_path: Path) -> None:
    """Who did not see the other's waiver is asked what becomes of their own."""
    folder = shared(tmp_path)
    async with working(folder, seen=found()) as at:
        await at_the_gap(at)
        await at.press("E")
        await at.type("2h")
        await at.press("enter")
        await at.type("mine")
        other = Person(folder, "Tomas")
        await other.does("waive", ITEM, until="2026-03-07T08:00:00Z", why="theirs")
        await at.press("enter")
        screen = await at.until("Somebody else was first")
        assert "tide_height_metres" in screen
        assert "Tomas" in screen
        assert "theirs" in screen
        await at.press("l")
        await at.until("by Tomas until")
        assert [actor for _, _, actor in at.log()] == ["Tomas"]


async def test_from_the_detail_a_gap_is_waived_too(tmp_path: Path) -> None:
    """The key is offered there, and what was done is told there."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        assert "E waive" in await at.press("enter")
        await waived(at)
        screen = await at.until("waived        by Ines until Fri Mar 6 15:00")
        assert "History" in screen


async def test_several_marked_gaps_are_waived_at_once(tmp_path: Path) -> None:
    """Exactly what will happen is shown; what no gate asks for is not done, with the reason."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        await at.press("v")
        await at_the_gap(at, "fog_horn_total")
        await at.press("v", "E")
        await at.type("2h")
        await at.press("enter")
        await at.type("drill")
        screen = await at.press("ctrl+j")
        assert "This will happen" in screen
        assert "no gate asks for it" in screen
        await at.press("y")
        await at.until("1 waived")
        assert at.log() == [("waive", ITEM, "Ines")]


async def test_what_no_gate_asks_for_needs_no_waiver(tmp_path: Path) -> None:
    """Refused at once, without a form; nothing else can be waived at all."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at, "fog_horn_total")
        assert "no gate asks for it" in await at.press("E")
        await at.press("escape", "escape", "3")
        assert "cannot waive a squad" in await at.press("E")
        assert "cannot take another name for a squad" in await at.press("=")
        assert at.log() == []


async def test_read_only_changes_nothing(tmp_path: Path) -> None:
    """The keys are not offered, and say so."""
    async with working(shared(tmp_path), seen=found(), read_only=True) as at:
        await at_the_gap(at)
        assert "waive" not in at.screen.splitlines()[-1]
        assert "read-only" in await at.press("E")
        assert "read-only" in await at.press("=")
        assert "waive" not in (await at.press("enter")).splitlines()[-1]


async def test_a_name_that_was_meant_is_taken_into_the_contract(tmp_path: Path) -> None:
    """= shows what would be written; written, the promise has the exported name, and why is beside it."""
    folder = shared(tmp_path)
    async with working(folder, seen=found()) as at:
        await at_the_gap(at)
        await at.press("=")
        screen = await at.until("Change the configuration")
        assert "tide_height_meters" in screen
        assert 'metric = "tide_height_metres"' in (folder / "controlroom.toml").read_text()
        await at.press("w")
        await at.until(lambda: 'metric = "tide_height_meters"' in (folder / "controlroom.toml").read_text())
        await at.until("written to controlroom.toml")


async def test_one_of_several_names_is_chosen_first(tmp_path: Path) -> None:
    """A list of the exported ones, the nearest first."""
    names = ("tide_height_meters", "tide_height_feet")
    folder = shared(tmp_path)
    async with working(folder, seen=found(near=names)) as at:
        await at_the_gap(at)
        screen = await at.press("=")
        assert "Instead of tide_height_metres" in screen
        await at.press("down", "enter")
        assert "tide_height_feet" in await at.until("Change the configuration")


async def test_without_a_name_like_it_it_says_why_none_is_offered(tmp_path: Path) -> None:
    """Per reason; the configuration is not touched."""
    folder = shared(tmp_path)
    before = (folder / "controlroom.toml").read_bytes()
    for gap, why in (
        ({"near": ()}, "nothing exported by job harbour is called almost like tide_height_metres"),
        ({"code": GapCode.SOURCE_DOWN, "text": "refused"}, "nothing is known of what is exported: refused"),
        ({"code": GapCode.NO_TARGET, "near": ()}, "nothing is scraped under job harbour"),
    ):
        async with working(folder, seen=found(**gap)) as at:
            await at_the_gap(at)
            assert why in await at.press("=")
    assert (folder / "controlroom.toml").read_bytes() == before


async def test_a_blocker_from_a_gap_carries_its_facts(tmp_path: Path) -> None:
    """n on it: filled in, and opened about it; the gap's row says so."""
    async with working(shared(tmp_path), seen=found()) as at:
        await at_the_gap(at)
        screen = await at.press("n")
        assert "tide_height_metres NEVER_SEEN: never seen in the last 7d" in screen
        assert "Pilots" in screen
        await at.type("Ada")
        await at.press("ctrl+j")
        await at.until("say whose delivery it waits on")
        await at.type("quay")
        await at.press("ctrl+j")
        await at.until("■ blocker")
        args = at.last().args
        assert (args["about"], args["owning_squad"], args["blocking_squad"]) == (ITEM, "pilots", "quay")


async def test_a_waiver_that_cannot_be_recorded_waits_and_is_marked(tmp_path: Path) -> None:
    """Queued: no gate counts it, the row says that it waits."""
    folder = shared(tmp_path)
    await Person(folder, "Tomas").opens("Something else")
    log, hidden = folder / "log", folder / "away"
    async with working(folder, seen=found()) as at:
        await at_the_gap(at)
        log.rename(hidden)
        log.write_text("not a folder")
        await at.press("E")
        await at.type("2h")
        await at.press("enter")
        await at.type("drill")
        await at.press("enter")
        screen = await at.until("⧗ waive queued")
        assert "PASS*" not in screen
        assert "✖ NEVER_SEEN" in at.cursor
        log.unlink()
        hidden.rename(log)
        await at.until("PASS*")
