"""What is kept from one snapshot to the next gives what would be made anew."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from controlroom.domain import waiting
from controlroom.domain.board import Item, Squad
from controlroom.domain.program import Dependency, Program
from controlroom.domain.ranking import held_up, ranked
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui.differ import Differ
from controlroom.tui.kept_lanes import KeptLanes
from controlroom.tui.panes import blockers as pane
from controlroom.tui.rows import DrawContext
from controlroom.tui.waits import Waits
from tests.tui.rooms import NOW, ago, view

SQUADS = tuple(Squad(f"s{n}", f"Squad {n}", (f"Team {n}",)) for n in range(5))
PROGRAM = Program(squads=SQUADS, dependencies=(Dependency("Kafka", owner="Squad 4", squads=("Team 0",)),))
STATES = ("open", "acknowledged", "escalated", "snoozed", "resolved")
STATUSES = ("not_started", "in_progress", "blocked", "done", "unknown")


class Board:
    """Cards and blockers that somebody changes at random."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = NOW
        self.blockers = tuple(self.blocker(n) for n in range(40))
        self.items = tuple(self.item(n) for n in range(60))

    def squad(self) -> str | None:
        return self.dice.choice((None, *(s.id for s in SQUADS), "Team 2", "strangers"))

    def blocker(self, n: int) -> Blocker:
        dice = self.dice
        minute = dice.choice((None, self.now - timedelta(minutes=dice.randrange(400))))
        return Blocker(
            f"b{n}",
            f"Blocker {n}",
            dice.choice((None, f"i{dice.randrange(70)}")),
            "Ada",
            self.squad(),
            self.squad(),
            dice.choice(STATES),  # type: ignore[arg-type]
            minute,
            dice.choice((None, ago(30))),
            next_update_due=dice.choice((None, self.now + timedelta(minutes=dice.randrange(-60, 60)))),
            snoozed_until=dice.choice((None, self.now + timedelta(minutes=dice.randrange(-10, 60)))),
        )

    def item(self, n: int) -> Item:
        dice = self.dice
        return Item(
            f"i{n}" if dice.random() < 0.95 else "i0",
            f"Card {n}",
            self.squad(),
            status=dice.choice(STATUSES),  # type: ignore[arg-type]
            since=dice.choice((None, self.now - timedelta(hours=dice.randrange(400)))),
            blocking_squad=self.squad(),
        )

    def change(self) -> None:
        """A few other blockers and cards, sometimes more or fewer of them, some time later."""
        dice = self.dice
        self.now += timedelta(minutes=dice.choice((0, 0, 1, 30)))
        blockers, items = list(self.blockers), list(self.items)
        for _ in range(dice.randrange(4)):
            n = dice.randrange(len(blockers))
            blockers[n] = self.blocker(n)
        for _ in range(dice.randrange(4)):
            n = dice.randrange(len(items))
            items[n] = self.item(n)
        match dice.randrange(8):
            case 0:
                blockers.append(self.blocker(len(blockers)))
            case 1:
                del blockers[dice.randrange(len(blockers))]
            case 2:
                items.insert(dice.randrange(len(items)), self.item(len(items)))
            case 3:
                dice.shuffle(blockers)
            case 4:
                blockers.append(blockers[0])
        self.blockers, self.items = tuple(blockers), tuple(items)


@pytest.mark.parametrize("seed", range(12))
def test_the_order_kept_is_the_order_ranked(seed: int) -> None:
    """After any change and at any later time the pane lists what `ranked` gives for that minute."""
    board = Board(seed)
    for _ in range(40):
        room = Snapshot(PROGRAM, taken_at=board.now, items=board.items, blockers=board.blockers)
        minute = board.now.replace(second=0)
        seen = replace(view(expanded=True), minute=minute)
        listed = [row.data for row in pane.PANE.rows(room, seen)]
        wanted = list(ranked(board.blockers, minute, board.items, PROGRAM))
        assert [b.id for b in listed] == [b.id for b in wanted]
        assert len({row.key for row in pane.PANE.rows(room, seen)}) == len(listed)
        board.change()


@pytest.mark.parametrize("seed", range(12))
def test_who_waits_is_counted_as_the_graph_has_it(seed: int) -> None:
    """Pairs, squads held up, and what is behind a squad: the same as computed from nothing."""
    board, kept = Board(seed), Waits()
    for _ in range(40):
        kept.see(PROGRAM, board.items, board.blockers)
        graph = waiting.graph(PROGRAM, board.items, board.blockers)
        assert kept.held == held_up((edge.waiter, edge.blocker) for edge in graph.edges)
        for squad in SQUADS:
            behind = {waiter for waiter, _ in kept.behind(squad.id)}
            assert behind == set(graph.transitive.get(squad.id, ()))
        board.change()


@pytest.mark.parametrize("seed", range(12))
def test_the_lanes_kept_are_the_lanes_made_anew(seed: int) -> None:
    """Cards, their columns and order, counts and loose blockers."""
    board, kept = Board(seed), KeptLanes()
    for _ in range(40):
        day = board.now.replace(hour=0, minute=0, second=0)
        parts = (PROGRAM, board.items, (), board.blockers)
        graph = Waits().see(PROGRAM, board.items, board.blockers)
        told = [made.see(*parts, day).lanes(PROGRAM, graph, {}, None) for made in (kept, KeptLanes())]
        assert told[0] == told[1]
        board.change()


def test_a_changed_program_is_counted_anew() -> None:
    """Without cards, blockers and dependencies nobody is held up, whoever was before."""
    kept = Waits().see(PROGRAM, (), ())
    assert kept.held == {"s0": 1, "s4": 2}
    assert kept.see(Program(squads=SQUADS), (), ()).held == {}


def test_a_card_and_its_blocker_count_once() -> None:
    """Two things that say the same of one card are one thing that waits."""
    card = Item("i", "Card", "s0", status="in_progress", blocking_squad="s1")
    on_it = Blocker("b", "On it", "i", None, "s0", "s1")
    apart = Blocker("c", "Apart", None, None, "s0", "s1")
    assert Waits().see(PROGRAM, (card,), (on_it, apart)).of("s0") == (2, {})
    assert Waits().see(PROGRAM, (card,), (on_it, apart)).of("s1") == (0, {"s0": 2})


def test_objects_are_told_apart_by_identity() -> None:
    """Equal ones that are other objects came and went; the same ones did not, wherever they stand."""
    one, two, three = (Blocker("b", "B") for _ in range(3))
    differ: Differ[Blocker] = Differ()
    assert differ.step((one, two)).come == [one, two]
    assert not any(differ.step((one, two)))
    gone, come = differ.step((one, three))
    assert [gone[0] is two, come[0] is three] == [True, True]
    gone, come = differ.step((three,))
    assert gone[0] is one
    assert not come


def test_the_count_of_breaches_follows_the_second() -> None:
    """Between two lists it is still exact."""
    room = Snapshot(PROGRAM, taken_at=NOW, blockers=(Blocker("b", "B", opened_at=ago(240)),))

    def count(now: datetime) -> str:
        return pane.PANE.heading(DrawContext(room, view(), now, 80, 20)).count

    assert count(NOW) == "1"
    assert count(NOW + timedelta(seconds=1)) == "1, 1 in breach"


def test_of_ten_thousand_only_what_changed_is_made_anew() -> None:
    """A change of one blocker makes one row; a minute that passes makes none."""
    many = tuple(Blocker(f"b{n}", f"B {n}", opened_at=ago(n % 400)) for n in range(10_000))
    room = Snapshot(PROGRAM, taken_at=NOW, blockers=many)
    before = list(pane.PANE.rows(room, view()))
    other = replace(room, blockers=(replace(many[0], owner="Ada"), *many[1:]))
    after = list(pane.PANE.rows(other, view()))
    assert len({id(row) for row in after} - {id(row) for row in before}) == 1
    later = replace(view(), minute=NOW + timedelta(minutes=1))
    assert {id(row) for row in pane.PANE.rows(other, later)} == {id(row) for row in after}
