"""From a finding to what is to be mended, and back to a list without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlroom.domain import board_lints
from controlroom.domain.lints import Lint
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.rows import Subject
from tests.tui.looking import seat
from tests.tui.rooms import ITEMS, PROGRAM, ROOM, changed
from tests.tui.still import Still


def linted(**parts: Any) -> Snapshot:
    """The room with these parts and what is wrong with them."""
    room = changed(**parts)
    return replace(room, lints=board_lints.lints(room.program, room.items, room.blockers))


CROSSING = tuple(replace(i, tags=("cross-squad",)) if i.id == "i2" else i for i in ITEMS)


def marked(person: Any) -> list[str]:
    """What stands behind each mark of a cursor."""
    return [part for line in person.cursor.splitlines() for part in line.split("▎")[1:]]


async def go_to(person: Any, code: str, word: str = "") -> None:
    """Open the list and put the cursor on a finding."""
    await person.press("L")
    for _ in range(40):
        # The room behind the list has a cursor, too, which may be on the same line of the screen.
        if any(
            part.startswith(("▲ ", "✖ ")) and code in part[:8] and word in part for part in marked(person)
        ):
            return
        await person.press("down")
    raise AssertionError(f"no {code} in\n{person.screen}")


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_enter_goes_to_the_card(size: tuple[int, int]) -> None:
    """The list closes, the cursor stands on the card in its lane, and the finding is still said."""
    async with seat(Still(linted(items=CROSSING)), size=size) as person:
        await go_to(person, "X002")
        said = await person.press("enter")
        assert "Lints" not in said
        assert person.app.room_screen.subject == Subject("item", "i2")
        assert "X002" in said.splitlines()[-1]
        assert "Tide table" in (await person.press("enter")).partition("owner")[0]


async def test_setting_both_squads_removes_the_findings_while_the_list_is_open() -> None:
    """X001 and X002 go as soon as a snapshot says who waits on whom."""
    still = Still(linted(items=CROSSING))
    async with seat(still) as person:
        assert "X001" in await person.press("L")
        mended = tuple(
            replace(i, owning_squad="quay", blocking_squad="cranes") if i.id == "i2" else i for i in CROSSING
        )
        still.show(linted(items=mended))
        await person.pilot.pause()
        assert "X001" not in person.screen
        assert "X002" not in person.screen
        assert "Lints" in person.screen


async def test_enter_goes_to_a_blocker_that_a_filter_and_a_focus_hide() -> None:
    """Both are taken away, as they hide what was asked for."""
    async with seat(Still(linted())) as person:
        await person.press("4", "/")
        await person.type("Schema")
        await person.press("enter", "f", "down", "enter")
        assert "only Quay & Berths" in person.screen
        await go_to(person, "X005", "No test data")
        await person.press("enter")
        assert "age ?" in person.cursor


async def test_enter_goes_to_a_card_that_is_not_among_the_first() -> None:
    """A crowded lane shows a part; the pane is zoomed where that part is not enough."""
    many = tuple(replace(ITEMS[1], id=f"c{n}", epic=f"Card {n}", owner="", owners=()) for n in range(60))
    items = (*many, replace(ITEMS[1], id="last", epic="The very last", tags=("cross-squad",)))
    async with seat(Still(linted(items=items))) as person:
        await go_to(person, "X001")
        await person.press("enter")
        assert person.app.room_screen.subject == Subject("item", "last")


async def test_a_finding_in_a_file_opens_its_place() -> None:
    """What no card or blocker stands for is told with file and line, and `o` gives the place."""
    lint = Lint("C001", "Wed Oct 7 is a Tuesday", "warning", "docs/plan.md", 31)
    async with seat(Still(changed(lints=(lint,)))) as person:
        said = await person.press("L", "enter")
        assert "docs/plan.md:31" in said
        assert "correct the weekday" in said
        assert "copied docs/plan.md:31" in await person.press("o")


async def test_right_tells_the_whole_of_a_finding() -> None:
    """Also where Enter would go somewhere: nothing of the text is lost."""
    async with seat(Still(linted(items=CROSSING)), size=(80, 24)) as person:
        await go_to(person, "X001")
        said = await person.press("right")
        assert "What to do next" in said
        assert "owning squad" in said


async def test_a_card_that_is_gone_tells_instead() -> None:
    """A subject that nobody lists is no reason to do nothing."""
    lint = Lint("X010", "the id i9 is used twice", "error", "docs/plan.md", 3, subject="i9")
    async with seat(Still(changed(lints=(lint,)))) as person:
        assert "the id i9 is used twice" in await person.press("L", "enter")
        assert "docs/plan.md:3" in person.screen


def test_the_room_has_both_findings_to_begin_with() -> None:
    """What these tests mend is really there."""
    codes = {lint.code for lint in linted(items=CROSSING).lints if lint.subject == "i2"}
    assert codes == {"X001", "X002"}
    assert PROGRAM is ROOM.program
