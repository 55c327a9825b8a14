"""Views: what each shows and leaves out, a ritual's own panes, pages, and the bell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import Key, Run
from controlroom.domain.services import Health
from controlroom.tui.bell import heard
from controlroom.tui.keys import PANES
from controlroom.tui.layout import ROOM as WHOLE
from controlroom.tui.layout import STRIP, arrange
from controlroom.tui.nearing import near
from controlroom.tui.panes import numbers, worst
from controlroom.tui.rows import DrawContext
from controlroom.tui.views import VIEWS, plan_for, showing

from .looking import seat
from .rooms import EMPTY, NOW, PROGRAM, ROOM, changed, drawn, service, view
from .still import Still

IDS = tuple(key.pane for key in PANES)
STANDUP = Ritual(
    "standup", "Daily Standup", time=time(9), minutes=15, layout=("blockers", "squads", "telemetry")
)
NEAR = replace(PROGRAM, rituals=(STANDUP, *PROGRAM.rituals[1:]))
START = NOW + timedelta(seconds=30)


def held(*, over: bool) -> Run:
    """Today's standup, begun on time."""
    ended = START + timedelta(minutes=5) if over else None
    return Run(Key("standup", date(2026, 3, 4)), "Ada", START, finished_at=ended)


@given(
    layout=st.lists(st.sampled_from(IDS), max_size=9),
    active=st.sampled_from(IDS),
    width=st.integers(100, 300),
    height=st.integers(22, 90),
)
def test_every_layout_stands_somewhere_with_the_cursor_s_pane(
    layout: list[str], active: str, width: int, height: int
) -> None:
    """Any panes in any order, at any size: each of them is shown once, and the cursor's one always."""
    plan = showing(plan_for(layout), active)
    shown = arrange(width, height, dict.fromkeys(IDS, 9), active, plan=plan)
    wanted = {*layout, active} if set(layout) - {STRIP} else set(IDS)
    assert wanted <= {*shown.panes, *([shown.strip] if shown.strip else [])}
    cells = [
        (x, y)
        for box in shown.panes.values()
        for x in range(box.x, box.x + box.width)
        for y in range(box.y, box.y + box.height)
    ]
    assert len(cells) == len(set(cells))


def test_the_first_pane_of_a_layout_weighs_most() -> None:
    """It has the widest column, and that one alone."""
    shown = arrange(200, 50, dict.fromkeys(IDS, 9), "squads", plan=plan_for(STANDUP.layout)).panes
    assert set(shown) == set(STANDUP.layout)
    assert shown["blockers"].width > max(shown["squads"].width, shown["telemetry"].width)
    assert shown["blockers"].height == 48
    assert plan_for(()) is WHOLE


def test_a_ritual_is_near_from_its_time_before_to_its_end() -> None:
    """Not before, not after; a run that was ended ends it, one that goes on keeps it."""
    far = START - timedelta(seconds=STANDUP.near)
    end = START + timedelta(minutes=15)
    for now, there in (
        (far - timedelta(seconds=1), False),
        (far, True),
        (START, True),
        (end - timedelta(seconds=1), True),
        (end, False),
    ):
        assert (near(NEAR, (), now) is not None) is there, now
    assert near(NEAR, (held(over=True),), START + timedelta(minutes=6)) is None
    late = near(NEAR, (held(over=False),), end + timedelta(minutes=9))
    assert late is not None
    assert late.start == START
    assert near(PROGRAM, (), START) is None


def titles(screen: str) -> set[str]:
    """Which panes are seen."""
    names = {
        "waves": "2 Waves",
        "squads": "3 Squads",
        "blockers": "4 Blockers",
        "telemetry": "5 Telemetry",
        "services": "6 Services",
        "alerts": "7 Alerts",
        "ritual": "8 N",
    }
    return {name for name, title in names.items() if title in screen}


async def test_the_room_makes_ready_for_a_ritual_and_says_so() -> None:
    """Its panes come near its start, the footer says it once, and all panes are back after its end."""
    async with seat(Still(changed(program=NEAR)), size=(160, 48)) as at:
        at.room.now = START - timedelta(hours=1)
        assert len(titles(await at.later())) == 7
        at.room.now = START - timedelta(minutes=5)
        screen = await at.later()
        assert titles(screen) == set(STANDUP.layout)
        assert "arranged for Daily Standup" in screen
        at.room.now = START - timedelta(minutes=4)
        assert "arranged for" not in await at.later()
        at.room.now = START + timedelta(minutes=15)
        assert len(titles(await at.later())) == 7


async def test_esc_takes_a_ritual_s_panes_back_for_this_time() -> None:
    """All panes stay for the rest of it, and tomorrow it is asked for again."""
    async with seat(Still(changed(program=NEAR)), size=(160, 48)) as at:
        assert titles(await at.later()) == set(STANDUP.layout)
        assert len(titles(await at.press("escape"))) == 7
        at.room.now = START + timedelta(minutes=3)
        assert len(titles(await at.later())) == 7
        at.room.now = START + timedelta(days=1)
        assert titles(await at.later()) == set(STANDUP.layout)


@pytest.mark.parametrize("busy", [("z",), ("slash", "k", "enter"), ("v",), ("space",), ("question_mark",)])
async def test_nothing_moves_under_anybody_s_hands(busy: tuple[str, ...]) -> None:
    """Zoomed, filtered, marked, held or with something over it, the room waits until that is over."""
    async with seat(Still(changed(program=NEAR)), size=(160, 48)) as at:
        await at.press(*busy)
        await at.later()
        assert at.app.room_screen.plan is WHOLE
        await at.press("space" if busy == ("space",) else "escape")
        await at.later()
        assert at.app.room_screen.plan is not WHOLE


async def test_the_cursor_s_pane_stays_in_sight() -> None:
    """One that the ritual does not name is shown beside its own, for as long as the cursor is there."""
    async with seat(Still(changed(program=NEAR)), size=(160, 48)) as at:
        await at.press("6")
        assert titles(await at.later()) == {*STANDUP.layout, "services"}
        assert "kafka" in at.cursor
        assert titles(await at.press("4")) == set(STANDUP.layout)


async def test_a_chosen_view_is_not_rearranged() -> None:
    """On-call stays on-call, whatever is near."""
    async with seat(Still(changed(program=NEAR)), size=(160, 48), view="oncall") as at:
        assert titles(await at.later()) == set(VIEWS["oncall"].panes)


@pytest.mark.parametrize("size", [(200, 50), (120, 35), (100, 30)])
async def test_on_call_shows_five_panes_and_nothing_else(size: tuple[int, int]) -> None:
    """Services first and large, with the cursor; the header names the view."""
    async with seat(size=size, view="oncall") as at:
        assert titles(at.screen) == {"services", "telemetry", "alerts", "blockers", "ritual"}
        assert "Since" not in at.screen
        assert at.screen.splitlines()[0].split()[0] == "on-call"
        boxes = {name: pane.box for name, pane in at.app.room_screen.panes.items() if pane.box is not None}
        assert boxes["services"].x == 0
        assert boxes["services"].y == 1
        assert boxes["services"].width == max(box.width for box in boxes.values())
        assert "kafka" in at.cursor


async def test_on_call_on_eighty_columns_goes_through_its_panes() -> None:
    """The tabs are the view's, services first, each by its own number; another pane is still a key away."""
    async with seat(size=(80, 24), view="oncall") as at:
        tabs = at.screen.splitlines()[1].split()
        assert tabs[:2] == ["6", "services"]
        assert "waves" not in tabs
        assert "kafka   DOWN 3m" in at.screen
        for key, title in (("tab", "5 Telemetry gaps"), ("right", "7 Alerts"), ("shift+tab", "5 Telemetry")):
            assert title in await at.press(key)
        assert "2 Waves" in await at.press("2")
        assert "6 Services" in await at.press("tab")


async def test_until_somebody_is_there_the_worst_stays_under_the_cursor() -> None:
    """A room opened while one service after another goes down begins at the top; a key later it stays put."""
    calm = tuple(service(name, Health.UP) for name in ("a", "b", "c"))
    async with seat(Still(changed(services=calm)), size=(80, 24), view="oncall") as at:
        assert "a " in at.cursor
        at.room.show(changed(services=(*calm[:2], service("c", Health.DOWN, "refused"))))
        await at.later()
        assert "c DOWN" in " ".join(at.cursor.split())
        await at.press("down")
        assert "a " in at.cursor
        at.room.show(changed(services=(calm[0], *(service(n, Health.DOWN, "refused") for n in "bc"))))
        await at.later()
        assert "a " in at.cursor


async def test_a_view_is_chosen_live_and_left_again() -> None:
    """From the palette's list; the cursor stays in its pane where the view has it."""
    async with seat(size=(160, 48)) as at:
        await at.press("6")
        at.app.act("view.choose")
        await at.pilot.pause()
        assert "services, gaps, alerts, blockers, the next ritual" in at.screen
        assert "on-call" in await at.press("down", "enter")
        assert at.app.room_screen.active == "services"
        at.app.room_screen.enter("wall")
        await at.pilot.pause()
        assert "Worst first" in at.screen
        at.app.room_screen.enter("room")
        await at.pilot.pause()
        assert len(titles(at.screen)) == 7
        assert "Worst first" not in at.screen


async def test_choosing_a_view_closes_what_lies_over_the_room() -> None:
    """No form that was opened before stays over a wall, where it could still be saved."""
    async with seat(size=(160, 48)) as at:
        assert "New blocker" in await at.press("n")
        at.app.act("view.choose")
        await at.pilot.pause()
        assert "New blocker" not in await at.press("down", "down", "down", "enter")
        assert at.app.room_screen.setting.id == "wall"
        assert at.app.screen is at.app.room_screen


async def test_from_the_wall_nothing_can_be_changed() -> None:
    """No action is offered or done there; in the room it is offered again, unless that is read-only too."""
    async with seat(size=(160, 48), view="wall") as at:
        assert at.app.options.read_only
        assert "read-only" in await at.press("a")
        assert not [action for action in at.app.room_actions if action.group == "Triage"]
        at.app.room_screen.enter("room")
        assert not at.app.options.read_only
        assert [action for action in at.app.room_actions if action.group == "Triage"]
    async with seat(size=(160, 48), view="wall", read_only=True) as at:
        at.app.room_screen.enter("room")
        assert at.app.options.read_only


async def test_a_wall_turns_its_pages_by_itself_where_that_is_wanted() -> None:
    """After so many seconds the next page with its number, after the last one the first; by hand too."""
    async with seat(size=(120, 35), view="wall", page=4) as at:
        first = at.screen
        assert "page 1/3" in await at.later()
        at.room.now = NOW + timedelta(seconds=3)
        assert "page 1/3" in await at.later()
        at.room.now = NOW + timedelta(seconds=4)
        second = await at.later()
        assert "page 2/3" in second
        assert "DOWN  kafka" in first
        assert "DOWN  kafka" not in second
        assert "page 3/3" in await at.press("pagedown")
        at.room.now = NOW + timedelta(seconds=7)
        assert "page 3/3" in await at.later()
        at.room.now = NOW + timedelta(seconds=8)
        assert "page 1/3" in await at.later()
    async with seat(size=(120, 35), view="wall") as at:
        await at.later()
        at.room.now = NOW + timedelta(hours=1)
        assert "page 1/" in await at.later()


def seen(width: int = 118, height: int = 0, page: int = 0) -> str:
    """The wall's list."""
    return drawn(worst.PANE, seen=replace(view(width, height), page=page))


def test_the_worst_is_first_and_what_is_fine_takes_one_line() -> None:
    """Down, breach, critical alert, gaps, what is caused by something; what is up is one line at the end."""
    said = seen()
    order = [
        said.index(part)
        for part in ("DOWN  kafka", "BREACH  Topics missing", "KafkaAway", "1 signal missing", "gateway")
    ]
    assert order == sorted(order)
    assert said.splitlines()[-1].strip() == "● 10 of 12 services up · 1 of 3 signals delivered"
    assert said.count("berth-") == 0


def test_pages_of_the_wall_together_show_everything_once() -> None:
    """No entry is on two pages or on none."""
    whole = [row.key for row in worst.PANE.rows(ROOM, view())]
    paged: list[str] = []
    for page in range(4):
        paged += [row.key for row in worst.PANE.rows(ROOM, replace(view(118, 13), page=page))]
    assert paged == whole
    ctx = DrawContext(ROOM, replace(view(118, 13), page=5), NOW, 118, 13)
    assert worst.PANE.heading(ctx).count == "11, page 2/4"


def test_a_narrow_wall_keeps_its_words() -> None:
    """Without large digits the age stands beside the title."""
    assert "✖ DOWN  kafka  3m" in seen(60)


def test_the_numbers_of_the_wall_are_known_or_question_marks() -> None:
    """A room in which nobody has answered yet counts nothing as none."""
    counted = {one.label: one.value for one in numbers.numbers(ROOM, NOW)}
    assert counted == {"down": 1, "degraded": 1, "breach": 1, "blockers": 4, "gaps": 2, "alerts": 2}
    unknown = {one.value for one in numbers.numbers(EMPTY, NOW)}
    assert unknown == {None}
    assert "?" in drawn(numbers.PANE, EMPTY, seen=view(118, 4)).replace("╶─╮", "?")


def test_the_bell_rings_once_for_what_is_newly_down_by_itself() -> None:
    """Not again while it stays down or falls silent, not for what another explains; again after it was up."""
    up, down = service("kafka", Health.UP), service("kafka", Health.DOWN, "refused", 0)
    caused = service("gateway", Health.DOWN, "kafka", 0, caused_by="kafka")
    known, new = heard(frozenset(), (up,), NOW)
    assert new == ()
    known, new = heard(known, (down, caused), NOW)
    assert new == ("kafka",)
    known, new = heard(known, (down, caused), NOW)
    assert new == ()
    known, new = heard(known, (down,), NOW + timedelta(minutes=5))
    assert (known, new) == (frozenset({"kafka"}), ())
    known, _ = heard(known, (up,), NOW)
    assert heard(known, (down,), NOW)[1] == ("kafka",)
    unsure = replace(down, verified=False)
    assert heard(frozenset(), (unsure,), NOW)[1] == ()


def test_planned_work_does_not_ring() -> None:
    """A service that is down while it is worked on is in maintenance."""
    assert heard(frozenset(), (service("kafka", Health.MAINTENANCE, "moves"),), NOW)[1] == ()
