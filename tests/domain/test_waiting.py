"""Who waits on whom, and what follows, checked against the plainest way to find it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.domain.board import Item, Squad
from controlroom.domain.program import Dependency, Milestone, Program
from controlroom.domain.triage import Blocker
from controlroom.domain.waiting import Edge, First, circles, components, cycles, edges, graph
from controlroom.domain.waiting_shape import Shape

T0 = datetime(2031, 5, 6, 8, tzinfo=UTC)
PROGRAM = Program(squads=(Squad("ink", "Ink & Colour"), Squad("type"), Squad("paper", aliases=("The Mill",))))


def card(id_: str, waiter: str | None, on: str | None, hours: int | None = None, **more: object) -> Item:
    since = None if hours is None else T0 - timedelta(hours=hours)
    item = Item(id_, id_, owning_squad=waiter, blocking_squad=on, status="in_progress", since=since)
    return replace(item, **more)  # type: ignore[arg-type]


def held(id_: str, waiter: str | None, on: str | None, hours: int | None = None, **more: object) -> Blocker:
    at = None if hours is None else T0 - timedelta(hours=hours)
    blocker = Blocker(id_, id_, owning_squad=waiter, blocking_squad=on, opened_at=at)
    return replace(blocker, **more)  # type: ignore[arg-type]


def test_edges_come_from_open_blockers_and_unfinished_cards() -> None:
    """Each with everything that makes it and the oldest instant; what is over makes none."""
    cards = (
        card("c1", "ink", "type", 2),
        card("c2", None, "type", 1, squad="ink"),
        card("c3", "ink", "type", 9, status="done"),
        card("c4", "ink", "ink"),
        card("c5", "ink", None),
    )
    blockers = (
        held("b1", "ink", "type", 5),
        held("b2", "type", "paper", first_seen=T0),
        held("b3", "paper", "ink", 9, state="resolved"),
        held("b4", None, "ink"),
    )
    assert edges(cards, blockers) == (
        Edge("ink", "type", ("c1", "c2", "b1"), T0 - timedelta(hours=5)),
        Edge("type", "paper", ("b2",), T0),
    )


def test_a_squad_is_one_squad_under_all_its_names() -> None:
    """Where the programme is known; a name nobody declared stands for itself."""
    blockers = (
        held("b1", "Ink & colour", "the mill"),
        held("b2", "ink", "paper"),
        held("b3", "ink", "Pilots"),
    )
    found = graph(PROGRAM, (), blockers).edges
    assert [(e.waiter, e.blocker, e.items) for e in found] == [
        ("ink", "Pilots", ("b3",)),
        ("ink", "paper", ("b1", "b2")),
    ]


def test_a_dependency_is_an_edge_where_both_squads_are_known() -> None:
    """Declared once for several squads; its owner does not wait on itself, and strangers make no edge."""
    program = replace(
        PROGRAM,
        dependencies=(
            Dependency("Presses", owner="The Mill", squads=("ink", "type", "paper", "pilots")),
            Dependency("Water", owner="Nobody", squads=("ink",)),
            Dependency("Light", squads=("ink",)),
        ),
    )
    found = graph(program, (), (held("b", "ink", "paper"),))
    assert [(e.waiter, e.blocker, e.items, e.dependencies) for e in found.edges] == [
        ("ink", "paper", ("b",), ("Presses",)),
        ("type", "paper", (), ("Presses",)),
    ]
    assert [(f.squad, f.frees_squads, f.frees_items) for f in found.first] == [("paper", 2, 1)]


def test_the_whole_picture() -> None:
    """Who waits directly and through others, the longest chain and wait, and what to unblock first."""
    program = replace(
        PROGRAM,
        milestones=(
            Milestone("m1", "The Mill delivers"),
            Milestone("m2", "Ink & Colour opens", recorded="met"),
            Milestone("m3", "Typewriters"),
        ),
    )
    blockers = (
        held("b1", "ink", "type", 3),
        held("b2", "type", "paper", 7),
        held("b3", "ink", "paper"),
        held("b4", "glue", "paper", 1),
    )
    found = graph(program, (), blockers)
    assert found.direct == {"paper": ("glue", "ink", "type"), "type": ("ink",)}
    assert found.transitive == {"paper": ("glue", "ink", "type"), "type": ("ink",)}
    assert found.longest_chain == ("ink", "type", "paper")
    assert found.longest_waiting == Edge("type", "paper", ("b2",), T0 - timedelta(hours=7))
    assert (found.components, found.cycles) == ((), ())
    assert found.first == (
        First("paper", 3, 3, ("m1",), T0 - timedelta(hours=7)),
        First("type", 1, 1, (), T0 - timedelta(hours=3)),
    )


def test_first_is_decided_by_squads_then_items_then_age_then_name() -> None:
    """Each tie by the next."""
    blockers = (
        *(held(f"x{n}", "w1", "many-items", 1) for n in range(3)),
        held("y1", "w2", "two-squads"),
        held("y2", "w3", "two-squads"),
        held("o1", "w4", "older", 9),
        held("n1", "w5", "newer", 8),
        held("u1", "w6", "b-unknown"),
        held("u2", "w7", "a-unknown"),
    )
    found = [first.squad for first in graph(Program(), (), blockers).first]
    assert found == ["two-squads", "many-items", "older", "newer", "a-unknown", "b-unknown"]


def test_in_a_circle_everybody_waits_on_everybody_else() -> None:
    """Nobody is freed by itself; the circle is told once, from its first squad by name."""
    blockers = (held("1", "b", "c"), held("2", "c", "a"), held("3", "a", "b"), held("4", "z", "b"))
    found = graph(Program(), (), blockers)
    assert found.components == (("a", "b", "c"),)
    assert found.cycles == (("a", "b", "c"),)
    assert found.transitive["a"] == ("b", "c", "z")
    assert found.longest_chain == ("z", "b", "c", "a")


def test_the_same_parts_give_the_same_object() -> None:
    """And what makes no edge makes no new ones."""
    blockers = (held("1", "a", "b"), held("2", "b", "a"))
    program = Program()
    first = graph(program, (), blockers)
    assert graph(program, (), blockers) is first
    acknowledged = (replace(blockers[0], state="acknowledged"), blockers[1])
    assert graph(program, (), acknowledged).edges is first.edges
    assert graph(program, (), (replace(blockers[0], state="resolved"), blockers[1])).cycles == ()
    assert graph(program, (), ()).first == ()
    cards = (card("c", "a", "b"),)
    assert graph(program, cards, ()).edges
    assert graph(program, (replace(cards[0], status="done"),), ()).edges == ()


def test_chains_of_one_length_are_told_by_name() -> None:
    """Also where one of them stays longer in a group of squads that wait on each other."""
    ways = ["pq", "qa", "as", "sc", "cs", "sb", "bd", "ds", "cx", "xy", "dz"]
    found = Shape(tuple((way[0], way[1]) for way in ways)).longest_chain
    assert found == ("p", "q", "a", "s", "b", "d", "z")


squads = st.sampled_from("abcdef")
pairs_ = st.lists(st.tuples(squads, squads).filter(lambda p: p[0] != p[1]), max_size=14).map(
    lambda found: tuple(sorted(set(found)))
)


def reached(pairs: Iterable[tuple[str, str]], start: str) -> set[str]:
    """Everything `start` waits on, the plainest way."""
    found: set[str] = set()
    more = {start}
    while more:
        more = {b for a, b in pairs if a in more} - found
        found |= more
    return found


@settings(deadline=None)
@given(pairs_)
def test_against_looking_everywhere(pairs: tuple[tuple[str, str], ...]) -> None:
    """Reach, components, shortest circles and the longest chain, on every small graph there may be."""
    names = sorted({name for pair in pairs for name in pair})
    shape = Shape(pairs)
    ahead = {name: reached(pairs, name) for name in names}
    assert shape.transitive == {
        name: tuple(other for other in names if name in ahead[other] and other != name)
        for name in names
        if any(name in ahead[other] for other in names if other != name)
    }
    knots = {tuple(o for o in names if o in ahead[n] and n in ahead[o]) for n in names if n in ahead[n]}
    assert shape.components == tuple(sorted(knots))
    ways = [
        way
        for length in range(1, len(names) + 1)
        for way in permutations(names, length)
        if all(pair in pairs for pair in pairwise(way))
    ]
    assert shape.longest_chain == min(ways, key=lambda way: (-len(way), way), default=())
    rings = [way for way in ways if len(way) > 1 and (way[-1], way[0]) in pairs]
    assert shape.cycles == tuple(
        min((ring for ring in rings if ring[0] in knot), key=lambda ring: (len(ring), ring))
        for knot in shape.components
    )


@given(pairs_)
def test_edges_alone_give_the_same_circles(pairs: tuple[tuple[str, str], ...]) -> None:
    """By edges, by parts of a room, and in the whole picture."""
    blockers = tuple(held(f"{a}{b}", a, b) for a, b in pairs)
    program, found = Program(), edges((), blockers)
    assert cycles(found) == circles(program, (), blockers) == graph(program, (), blockers).cycles
    assert components(found) == graph(program, (), blockers).components


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("chain", [(n, n + 1) for n in range(599)]),
        ("ring", [(n, (n + 1) % 600) for n in range(600)]),
        ("ladder", [(n, n + step) for n in range(590) for step in range(1, 10)]),
        (
            "two rings",
            [(n, (n + 1) % 300) for n in range(300)] + [(300 + n, 300 + (n + 1) % 300) for n in range(300)],
        ),
        ("knots", [(6 * k + i, 6 * k + j) for k in range(100) for i in range(6) for j in range(6) if i != j]),
    ],
)
def test_six_hundred_squads_take_no_time(name: str, pairs: list[tuple[int, int]]) -> None:
    """Far below what trying every way would take, whatever the shape."""
    shape = Shape(tuple((f"s{a:03d}", f"s{b:03d}") for a, b in pairs))
    began = time.process_time()
    chain = shape.longest_chain
    assert shape.transitive
    assert len(shape.cycles) == len(shape.components)
    assert time.process_time() - began < 5
    assert len(chain) == {"chain": 600, "ring": 600, "ladder": 591, "two rings": 300, "knots": 6}[name]
