"""The one order of blockers, and the reasons for it in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from controlroom.domain.board import Item
from controlroom.domain.ranking import Hurt, held_up, hurt, moves_at, ranked, reasons, state_at
from controlroom.domain.triage import Blocker
from controlroom.domain.words import Names

NOW = datetime(2031, 5, 6, 8, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def blocker(id_: str, minutes: float | None = 30, **more: Any) -> Blocker:
    return Blocker(id_, f"the {id_} one", opened_at=None if minutes is None else ago(minutes), **more)


WORST_FIRST = (
    blocker("far over", 900),
    blocker("just over", 241),
    blocker("nearly", 239),
    blocker("due soon", 180),
    blocker("silent", 60, state="escalated", next_update_due=ago(30)),
    blocker("late", 20, state="acknowledged", next_update_due=ago(5)),
    blocker("escalated", 10, state="escalated", next_update_due=ago(-5)),
    blocker("undated", None, first_seen=ago(20)),
    blocker("unbounded", None),
    blocker("unseen", 50),
    blocker("younger", 40),
    blocker("seen", 55, state="acknowledged"),
    blocker("sleeps", 999, state="snoozed", snoozed_until=ago(-10)),
    blocker("sleeps longer", 999, state="snoozed", snoozed_until=ago(-60)),
    blocker("sleeps for good", 999, state="snoozed"),
    blocker("over now", 999, state="resolved", resolved_at=ago(1)),
    blocker("over long ago", 999, state="resolved", resolved_at=ago(100)),
    blocker("over", 999, state="resolved"),
)


@pytest.mark.parametrize("turn", range(len(WORST_FIRST)))
def test_the_order_is_the_same_whatever_it_was_before(turn: int) -> None:
    """Breach, due soon, overdue update, escalated, age unknown, unseen, seen, snoozed, resolved."""
    mixed = (*WORST_FIRST[turn:], *WORST_FIRST[:turn][::-1])
    assert [b.id for b in ranked(mixed, NOW)] == [b.id for b in WORST_FIRST]


def test_what_is_equal_goes_by_id() -> None:
    """Two that nothing tells apart never change places."""
    same = [blocker(name) for name in "cab"]
    for order in permutations(same):
        assert [b.id for b in ranked(order, NOW)] == ["a", "b", "c"]


def test_of_equal_ones_the_one_that_more_squads_wait_for_comes_first() -> None:
    """Directly or through each other, and cards count too; age decides only after that."""
    old = blocker("old", 100, owning_squad="a", blocking_squad="x")
    young = blocker("young", 10, owning_squad="b", blocking_squad="x")
    assert [b.id for b in ranked((old, young), NOW)] == ["old", "young"]
    waits = (Item("i", "I", "c", owning_squad="c", blocking_squad="b", status="in_progress"),)
    assert [b.id for b in ranked((old, young), NOW, waits)] == ["young", "old"]
    over = replace(old, opened_at=ago(300))
    assert [b.id for b in ranked((over, young), NOW, waits)] == ["old", "young"]


def test_exactly_four_hours_is_not_a_breach() -> None:
    """The limit belongs to what is due soon."""
    one = blocker("b", 240)
    assert hurt(one, NOW) is Hurt.DUE_SOON
    assert hurt(one, NOW + timedelta(seconds=1)) is Hurt.BREACH


def test_four_hours_are_instants_where_the_clocks_change() -> None:
    """Opened before a clock goes back, it is due four hours later by the sun, three by the wall."""
    pacific = datetime.fromisoformat("2025-11-02T00:30:00-07:00")
    one = Blocker("b", "B", opened_at=pacific)
    assert hurt(one, datetime.fromisoformat("2025-11-02T03:30:00-08:00")) is Hurt.DUE_SOON
    assert hurt(one, datetime.fromisoformat("2025-11-02T03:30:01-08:00")) is Hurt.BREACH


def test_a_snooze_ends_by_itself() -> None:
    """At its moment it is what it was before, whether or not anybody folded the log again."""
    one = blocker("b", 30, state="snoozed", snoozed_until=NOW, awake="acknowledged")
    assert state_at(one, NOW - timedelta(seconds=1)) == "snoozed"
    assert state_at(one, NOW) == "acknowledged"
    assert hurt(one, NOW) is Hurt.SEEN


def test_between_its_moments_nothing_moves() -> None:
    """`moves_at` names every moment at which the rank changes: looked for minute by minute."""
    for one in WORST_FIRST:
        at = NOW
        for _ in range(300):
            later = at + timedelta(minutes=1)
            if hurt(one, later) is not hurt(one, at):
                assert at.timestamp() <= moves_at(one, at) <= later.timestamp()
            at = later


def test_held_up_counts_itself_and_all_behind_it() -> None:
    """A circle holds up all of its squads, once."""
    assert held_up([("a", "b"), ("b", "c"), ("d", "c")]) == {"a": 1, "b": 2, "c": 4, "d": 1}
    assert held_up([("a", "b"), ("b", "a")]) == {"a": 2, "b": 2}


def said(one: Blocker, held: dict[str, int] | None = None) -> list[str]:
    names = Names(person=str.upper, ritual=str.title, instant=lambda at: f"{at:%H:%M}")
    return [str(reason) for reason in reasons(one, NOW, held or {}, names)]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (blocker("b", 301), ["BREACH by 1h 01m", "not acknowledged"]),
        (blocker("b", 217, state="acknowledged"), ["due soon in 23m", "acknowledged"]),
        (
            blocker("b", 9, state="acknowledged", acknowledged_by="ada"),
            ["acknowledged by ADA"],
        ),
        (
            blocker("b", 9, state="escalated", next_update_due=ago(12)),
            ["update overdue by 12m", "escalated"],
        ),
        (
            blocker("b", 9, state="escalated", next_update_due=ago(-18)),
            ["escalated", "update in 18m"],
        ),
        (blocker("b", None, first_seen=ago(1560)), ["age unknown at least 1d 02h", "not acknowledged"]),
        (blocker("b", None), ["age unknown", "not acknowledged"]),
        (blocker("b", 9, eta=ago(20)), ["not acknowledged", "eta passed 20m ago"]),
        (
            blocker(
                "b",
                9,
                state="snoozed",
                snoozed_until=ago(-60),
                snooze_ritual="standup",
                snoozed_by="ada",
                snooze_why="vendor asleep",
            ),
            ["snoozed returns at Standup 09:00, snoozed by ADA: vendor asleep"],
        ),
        (blocker("b", 9, state="snoozed"), ["snoozed until somebody wakes it"]),
        (
            blocker("b", 9, state="resolved", resolved_at=ago(5), mitigation="restarted"),
            ["resolved 5m ago: restarted"],
        ),
        (blocker("b", 9, state="resolved"), ["resolved"]),
    ],
)
def test_reasons_in_words(one: Blocker, words: list[str]) -> None:
    """How much over, in how long, who saw it, when it returns; what places it comes first."""
    assert said(one) == words


def test_how_many_wait_is_a_reason_from_two_squads_on() -> None:
    """One squad waits for every blocker; more than that is worth saying."""
    one = blocker("b", 9, owning_squad="a")
    assert said(one, {"a": 1}) == ["not acknowledged"]
    assert said(one, {"a": 3}) == ["not acknowledged", "3 squads wait"]


def test_the_ends_of_time_are_ranked_too() -> None:
    """An instant in the last year there is does not stop the list."""
    last = datetime.max.replace(tzinfo=UTC)
    odd = Blocker("odd", "Odd", opened_at=last, next_update_due=last, snoozed_until=last)
    assert ranked((odd,), NOW) == (odd,)
    assert moves_at(odd, NOW) > NOW.timestamp()
