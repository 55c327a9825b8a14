"""Who waits on whom: the pane as values, and the screen under a person's keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlroom.domain.board import Squad
from controlroom.domain.program import Dependency, Milestone, Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui.detail import describe
from controlroom.tui.lines import as_text
from controlroom.tui.panes.waiting import WaitingPane
from controlroom.tui.rows import Subject
from tests.tui.looking import seat
from tests.tui.rooms import EMPTY, NOW, PROGRAM, ROOM, ago, changed, drawn, view
from tests.tui.still import Still


def lines(room: Snapshot = ROOM, *opened: str, **seen: Any) -> list[str]:
    pane = WaitingPane()
    pane.opened = frozenset(opened)
    width = seen.pop("width", 100)
    return drawn(pane, room, seen=view(width, **seen)).splitlines()


def waits(id_: str, owning: str, blocking: str, minutes: float = 60) -> Blocker:
    return Blocker(id_, f"the {id_} one", None, "Ada", owning, blocking, "open", ago(minutes))


def test_an_edge_says_who_how_many_and_since_when() -> None:
    """A row per pair of squads, the longest waiting first."""
    said = [line.split() for line in lines() if line.startswith("▸")]
    assert said[0] == ["▸", "Customs", "→", "Cranes", "1", "waiting", "for", "1d"]
    assert ["▸", "Cranes", "→", "Quay", "&", "Berths", "2", "waiting", "for", "4h", "01m"] in said


def test_what_to_unblock_first_says_what_it_frees() -> None:
    """Squads, how much waits, since when, who they are, and the milestones they are named in."""
    program = replace(PROGRAM, milestones=(Milestone("m", "Cranes dry run", section="Harbour"),))
    said = "\n".join(lines(changed(program=program)))
    assert (
        "1 Quay & Berths  frees 2 squads · 3 waiting · for 4h 01m · Cranes, Customs · Cranes dry run" in said
    )


def test_circles_are_called_out() -> None:
    """They come first, closed, with a word and a glyph; the count says how many there are."""
    blockers = (waits("a", "quay", "cranes"), waits("b", "cranes", "quay"), waits("c", "customs", "quay"))
    room = changed(blockers=blockers, items=())
    said = lines(room)
    assert said[0] == "Circles: none of them can go first"
    assert said[1].startswith("✖ Cranes → Quay & Berths → Cranes  2 squads")
    assert WaitingPane().heading(_ctx(room)).count == "3, 1 circle"


def _ctx(room: Snapshot) -> Any:
    from controlroom.tui.rows import DrawContext

    return DrawContext(room, view(), NOW, 100, 20)


def test_the_longest_chain_is_told_from_three_squads_on() -> None:
    """Two squads are an edge."""
    assert lines()[-1].strip().startswith("Cranes → Customs → Quay & Berths")
    two = changed(blockers=(waits("a", "quay", "cranes"),), items=())
    assert "The longest chain" not in lines(two)


def test_an_opened_edge_shows_what_waits() -> None:
    """Cards and blockers with their age, state and owner."""
    said = "\n".join(lines(ROOM, "cranes→quay"))
    assert "▾ Cranes" in said
    assert "■ Load planner · blocked · Ada" in said
    assert "▪ Topics missing · blocker, BREACH · Ada" in said


def test_many_things_behind_an_edge_are_counted() -> None:
    """The first hundred are listed."""
    many = changed(blockers=tuple(waits(f"b{n}", "quay", "cranes") for n in range(130)), items=())
    said = lines(many, "quay→cranes")
    assert sum("▪" in line for line in said) == 100
    assert any("… 30 more" in line for line in said)


def test_a_declared_dependency_is_an_edge_of_its_own() -> None:
    """Nothing waits yet, but the squad depends on it."""
    program = Program(
        squads=(Squad("a", "Alpha"), Squad("b", "Beta")),
        dependencies=(Dependency("Kafka", owner="Beta", squads=("Alpha",)),),
    )
    assert any("declared" in line and "needs Kafka" in line for line in lines(Snapshot(program)))


def test_nobody_waiting_says_so_and_how_to_say_otherwise() -> None:
    """An empty graph is an answer."""
    assert lines(EMPTY) == []
    assert "nobody is known to wait" in as_text((WaitingPane().empty(EMPTY),))


def test_focus_keeps_the_edges_of_that_squad() -> None:
    """Either side of them."""
    said = [line for line in lines(focus_squad="customs") if line.startswith("▸")]
    assert said
    assert all("Customs" in line for line in said)


@pytest.mark.parametrize("width", range(56, 201, 12))
@pytest.mark.parametrize("plain", [False, True])
def test_it_fits_any_width(width: int, plain: bool) -> None:
    """`drawn` checks that no line overruns; with ASCII no glyph of ours is left."""
    names = tuple(
        Squad(f"s{n}", name) for n, name in enumerate(("日本語のチーム" * 5, "[/b]\x1b[2J", "x" * 90))
    )
    odd = tuple(waits(f"o{n}", f"s{n}", f"s{(n + 1) % 3}") for n in range(3))
    room = changed(program=Program(squads=() if plain else names), blockers=odd, items=())
    said = "\n".join(lines(room, *(f"s{n}→s{(n + 1) % 3}" for n in range(3)), width=width, ascii=plain))
    assert "the o1 one" in said
    assert "\x1b" not in said
    assert said.isascii() or not plain


def test_an_edge_has_a_detail() -> None:
    """What is copied and opened: since when, who is behind it, everything that waits."""
    said = describe(ROOM, Subject("edge", "cranes→quay"), NOW, view()).plain
    for part in ("Cranes waits on Quay & Berths", "behind it     Customs", "Topics missing", "Load planner"):
        assert part in said
    assert "No longer there" in describe(ROOM, Subject("edge", "quay→moon"), NOW, view()).plain


async def test_enter_opens_an_edge_and_then_what_is_behind_it() -> None:
    """The same key closes it; on a card it tells everything about the card."""
    async with seat(size=(120, 40)) as person:
        said = await person.press("W")
        assert "Who waits on whom" in said
        while "▸ Cranes" not in person.cursor:
            await person.press("down")
        assert "Topics missing · blocker" in await person.press("enter")
        await person.press("down", "down")
        assert "Topics missing" in person.cursor
        assert "breach after" in await person.press("enter")
        await person.press("escape")
        assert "Topics missing · blocker" not in await person.press("left")
        assert "▸ Cranes" in person.cursor


async def test_it_stays_true_while_it_is_open() -> None:
    """A blocker that is resolved meanwhile leaves the graph."""
    still = Still()
    async with seat(still, size=(80, 24)) as person:
        assert "Customs" in await person.press("W")
        still.show(changed(blockers=(), items=()))
        await person.pilot.pause()
        assert "nobody is known to wait" in person.screen


async def test_it_is_whole_at_eighty_by_twenty_four() -> None:
    """Ranking, edges and the way out are on the smallest screen."""
    async with seat(size=(80, 24)) as person:
        said = await person.press("W")
        for part in ("Unblock this first", "Who waits on whom, the longest first", "Esc close"):
            assert part in said
        assert all(len(line) <= 80 for line in said.splitlines())
