"""Lints of the board: each rule fires exactly where it should."""

from __future__ import annotations

import pytest

from controlroom.domain.board import Item, Squad
from controlroom.domain.board_lints import lints
from controlroom.domain.program import Program
from controlroom.domain.triage import Blocker

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
    held = Blocker("b", "No paper", item="s-1/a", owner="Odile")
    assert codes(item(status="done"), blockers=(held,)) == ["X011"]
    resolved = Blocker("b", "No paper", item="s-1/a", owner="Odile", state="resolved")
    assert codes(item(status="done"), blockers=(resolved,)) == []


def test_a_blocker_without_an_owner() -> None:
    """X005 points at the line that lists it."""
    found = lints(PROGRAM, (), (Blocker("b", "No paper", source="status.md", line=12),))
    assert [(lint.code, lint.path, lint.line) for lint in found] == [("X005", "status.md", 12)]


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
