"""Lints of the board: each rule fires exactly where it should."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.domain.board import Item, Squad
from controlroom.domain.board_lints import lints
from controlroom.domain.program import Program
from controlroom.domain.triage import Blocker

NOW = datetime(2031, 5, 6, 8, tzinfo=UTC)
PROGRAM = Program(squads=(Squad("ink"), Squad("type"), Squad("paper")))


def item(id_: str = "s-1/a", /, **keys: object) -> Item:
    known: dict[str, object] = {
        "epic": "Press",
        "squad": "ink",
        "owners": ("Odile",),
        "path": "plan.md",
        "line": 7,
    }
    return Item(id_, **{**known, **keys})  # type: ignore[arg-type]


def codes(*items: Item, blockers: tuple[Blocker, ...] = ()) -> list[str]:
    return [lint.code for lint in lints(PROGRAM, items, blockers)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, []),
        ({"tags": ("cross-squad",)}, ["X001", "X002"]),
        ({"tags": ("Cross Squad",), "owning_squad": "ink"}, ["X002"]),
        ({"tags": ("cross-squad",), "owning_squad": "ink", "blocking_squad": "type"}, []),
        ({"tags": ("cross-stream",), "owning_squad": "ink", "blocking_squad": "type"}, ["X013"]),
        ({"tags": ("Cross Stream", "cross-squad"), "blocking_squad": "type"}, ["X013", "X001"]),
        ({"owning_squad": "ink", "blocking_squad": "ink"}, ["X003"]),
        ({"blocking_squad": "marketing"}, ["X004"]),
        ({"squad": None, "owner": "Somebody"}, ["X004"]),
        ({"status_text": "🟩 In Progress", "status": "in_progress"}, ["X008"]),
        ({"status_text": "🟧 In Progress", "status": "in_progress"}, []),
        ({"status_text": "\ufffd Done", "status": "done"}, ["X009"]),
        ({"status": "in_progress", "owners": ()}, ["X012"]),
        ({"status": "in_progress", "owners": ("Odile", "Tarik")}, ["X012"]),
        ({"status": "in_progress", "owners": ("All Squads",)}, ["X012"]),
        ({"status": "not_started", "owners": ()}, []),
    ],
)
def test_a_card_gets_its_lints_and_no_others(keys: dict[str, object], expected: list[str]) -> None:
    """Each rule by itself, with the file and line of the card."""
    found = lints(PROGRAM, (item("s-1/a", **keys),), ())
    assert [lint.code for lint in found] == expected
    assert {(lint.path, lint.line) for lint in found} <= {("plan.md", 7)}


def test_one_id_twice_is_an_error() -> None:
    """X010 names the other place."""
    found = lints(PROGRAM, (item(), item(line=9)), ())
    assert [(lint.code, lint.line, lint.severity) for lint in found] == [("X010", 9, "error")]
    assert "plan.md:7" in found[0].message


def test_done_with_an_open_blocker() -> None:
    """X011, and only while the blocker is open."""
    held = blocker(item="s-1/a")
    assert codes(item(status="done"), blockers=(held,)) == ["X011"]
    assert codes(item(status="done"), blockers=(replace(held, state="resolved"),)) == []


def blocker(id_: str = "b", /, **keys: object) -> Blocker:
    known: dict[str, object] = {"summary": "No paper", "owner": "Odile", "opened_at": NOW}
    return Blocker(id_, **{**known, **keys})  # type: ignore[arg-type]


def test_a_blocker_without_an_owner_or_an_opening_time() -> None:
    """X005 and X006 point at the line that lists it."""
    found = lints(PROGRAM, (), (Blocker("b", "No paper", source="status.md", line=12),))
    assert [(lint.code, lint.path, lint.line) for lint in found] == [
        ("X005", "status.md", 12),
        ("X006", "status.md", 12),
    ]


def test_over_the_four_hours_without_an_eta() -> None:
    """X007 from the first second after four hours, unless somebody promised a time."""
    four = NOW + timedelta(hours=4)
    late = blocker()
    assert [lint.code for lint in lints(PROGRAM, (), (late,), four)] == []
    assert [lint.code for lint in lints(PROGRAM, (), (late,), four + timedelta(seconds=1))] == ["X007"]
    promised = replace(late, eta=NOW + timedelta(hours=5))
    assert lints(PROGRAM, (), (promised,), four + timedelta(minutes=1)) == ()
    assert lints(PROGRAM, (), (replace(late, state="resolved"),), four + timedelta(hours=9)) == ()


def test_a_promised_time_that_passed() -> None:
    """X016 for a blocker whose ETA is over."""
    late = blocker(eta=NOW + timedelta(hours=1))
    assert lints(PROGRAM, (), (late,), NOW + timedelta(hours=1)) == ()
    assert [lint.code for lint in lints(PROGRAM, (), (late,), NOW + timedelta(minutes=61))] == ["X016"]


def test_in_progress_and_untouched() -> None:
    """X015 after two days without a move or another action; the last touch counts."""
    card = item(status="in_progress", since=NOW)
    later = NOW + timedelta(days=2, minutes=1)
    assert lints(PROGRAM, (card,), (), NOW + timedelta(days=2)) == ()
    assert [lint.code for lint in lints(PROGRAM, (card,), (), later)] == ["X015"]
    assert lints(PROGRAM, (replace(card, updated=NOW + timedelta(days=1)),), (), later) == ()
    assert lints(PROGRAM, (replace(card, status="blocked"),), (), later) == ()
    (bound,) = lints(PROGRAM, (replace(card, since=None, first_seen=NOW),), (), later)
    assert "at least 2031-05-06" in bound.message


def test_overdue_by_the_programmes_calendar() -> None:
    """X016 from the day after the due date where the programme is, unless the card is done."""
    auckland = replace(PROGRAM, zone="Pacific/Auckland")
    card = item(due=date(2031, 5, 6))
    assert lints(auckland, (card,), (), NOW + timedelta(hours=3, minutes=59)) == ()
    assert [lint.code for lint in lints(auckland, (card,), (), NOW + timedelta(hours=4))] == ["X016"]
    assert lints(auckland, (replace(card, status="done"),), (), NOW + timedelta(hours=4)) == ()


def test_a_blocker_on_a_card_nobody_lists() -> None:
    """X017 where cards are known; where none are, none is unknown."""
    astray = blocker(item="s-1/z")
    assert codes(item(), blockers=(astray,)) == ["X017"]
    assert codes(blockers=(astray,)) == []
    assert codes(item(), blockers=(blocker(item="s-1/a"),)) == []
    assert codes(item(), blockers=(blocker(item="step/3"),)) == []


def test_the_clock_alone_brings_a_lint() -> None:
    """The same parts a minute later: the very same findings, until the clock makes another."""
    cards, held = (item(status="in_progress", since=NOW),), (blocker(),)
    first = lints(PROGRAM, cards, held, NOW + timedelta(seconds=1))
    assert lints(PROGRAM, cards, held, NOW + timedelta(seconds=59)) is first
    assert lints(PROGRAM, cards, held, NOW + timedelta(minutes=239)) == first
    assert [lint.code for lint in lints(PROGRAM, cards, held, NOW + timedelta(minutes=241))] == ["X007"]
    assert lints(PROGRAM, cards, held, NOW + timedelta(seconds=1)) == first


def test_a_card_hears_of_its_blocker() -> None:
    """Only the blocker changed: the card's finding comes and goes with it, on both cards of one id."""
    for cards in ((item(status="done"),), (item(status="done"), item(status="done", line=9))):
        found = []
        for state in ("resolved", "open", "resolved"):
            held = (blocker(item="s-1/a", state=state),)
            found.append([lint.code for lint in lints(PROGRAM, cards, held, NOW)].count("X011"))
        assert found == [0, len(cards), 0]


def test_a_squad_that_is_declared_later_is_known() -> None:
    """Nothing but the programme changed."""
    cards = (item(blocking_squad="glue"),)
    assert [lint.code for lint in lints(PROGRAM, cards, (), NOW)] == ["X004"]
    assert lints(replace(PROGRAM, squads=(*PROGRAM.squads, Squad("glue"))), cards, (), NOW) == ()


squads_ = st.sampled_from([None, "ink", "type", "paper", "elsewhere"])
instants = st.none() | st.integers(-300, 300).map(lambda n: NOW + timedelta(minutes=20 * n))
cards_ = st.builds(
    Item,
    st.sampled_from(["a", "b", "c"]),
    st.just("Press"),
    status=st.sampled_from(["in_progress", "done", "blocked"]),
    owners=st.sampled_from([(), ("Odile",)]),
    squad=squads_,
    owning_squad=squads_,
    blocking_squad=squads_,
    since=instants,
    due=st.none() | st.dates(date(2031, 5, 1), date(2031, 5, 12)),
)
blockers_ = st.builds(
    Blocker,
    st.sampled_from(["x", "y", "z"]),
    st.just("No paper"),
    item=st.sampled_from([None, "a", "b", "q"]),
    owner=st.sampled_from([None, "Odile"]),
    state=st.sampled_from(["open", "resolved"]),
    owning_squad=squads_,
    blocking_squad=squads_,
    opened_at=instants,
    eta=instants,
)
Step = tuple[int, list[Item], list[Blocker]]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.lists(cards_, max_size=4), st.lists(blockers_, max_size=4)),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_looking_again_at_what_changed_finds_what_looking_at_everything_finds(
    steps: list[Step], data: st.DataObject
) -> None:
    """Step by step, with some things replaced and time passing, against equal things never seen before."""
    cards: tuple[Item, ...] = ()
    held: tuple[Blocker, ...] = ()
    for minutes, new_cards, new_held in steps:
        if not (cards or held) or data.draw(st.booleans()):
            cards, held = tuple(new_cards), tuple(new_held)
        else:
            cards = (*new_cards[: len(cards)], *cards[len(new_cards) :])
            held = (*new_held[: len(held)], *held[len(new_held) :])
        now = NOW + timedelta(minutes=minutes)
        found = lints(PROGRAM, cards, held, now)
        anew = replace(PROGRAM)  # another programme: whatever was found of the first does not count
        lints(Program(), (), (), now)
        assert lints(anew, tuple(map(replace, cards)), tuple(map(replace, held)), now) == found
        lints(PROGRAM, cards, held, now)


def test_squads_that_wait_on_each_other() -> None:
    """X014 names one shortest cycle, from its first squad by name."""
    cards = (
        item("a", owning_squad="ink", blocking_squad="type"),
        item("b", owning_squad="type", blocking_squad="paper"),
        item("c", owning_squad="paper", blocking_squad="ink"),
    )
    found = [lint for lint in lints(PROGRAM, cards, ()) if lint.code == "X014"]
    assert [lint.message for lint in found] == ["squads wait on each other: ink → type → paper → ink"]


def test_finished_work_waits_on_nobody() -> None:
    """Done cards and resolved blockers make no edge, so no cycle."""
    cards = (
        item("a", owning_squad="ink", blocking_squad="type", status="done"),
        item("b", owning_squad="type", blocking_squad="ink"),
    )
    assert "X014" not in codes(*cards)


def test_without_declared_squads_no_squad_is_unknown() -> None:
    """Nothing to compare with: nothing to complain about."""
    assert lints(Program(), (item(squad=None, owning_squad="x", blocking_squad="y"),), ()) == ()
