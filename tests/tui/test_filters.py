"""What is typed after `/`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.tui.filters import compile as compiled
from controlroom.tui.rows import Row
from tests.tui.rooms import PROGRAM

ROWS = (
    Row("a", text="topics missing on kafka", squads=("cranes", "quay")),
    Row("b", text="schema undecided", squads=("customs",)),
    Row("c", text="kafka licence, resolved", squads=()),
)


def kept(typed: str) -> str:
    match = compiled(typed, PROGRAM)
    return "".join(row.key for row in ROWS if match(row))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "abc"),
        ("kafka", "ac"),
        ("KAFKA", "ac"),
        ("kafka missing", "a"),
        ("!kafka", "b"),
        ("kafka !resolved", "a"),
        ('"schema undecided"', "b"),
        ('"kafka topics"', ""),
        ("@cranes", "a"),
        ("@Lifting", "a"),
        ("@quay", "a"),
        ("@cust", "b"),
        ("@berths", "a"),
        ("!@customs", "ac"),
        ("@none", "c"),
        ("!@none", "ab"),
        ("@nobody", ""),
        ("@", "abc"),
        ("!", "abc"),
        ('"', "abc"),
        ("@cranes !kafka", ""),
    ],
)
def test_words_squads_and_their_opposites(typed: str, expected: str) -> None:
    """Words must all be there, a squad is found by any of its names, `!` turns either around."""
    assert kept(typed) == expected


def test_a_squad_that_nobody_declared_is_found_by_its_id() -> None:
    """What documents name wrongly can still be filtered."""
    assert compiled("@ghost", PROGRAM)(Row("x", squads=("ghosts",)))


@given(st.text(max_size=30))
def test_anything_may_be_typed(typed: str) -> None:
    """No half-typed filter fails, and a filter with its opposite keeps nothing."""
    match = compiled(typed, PROGRAM)
    assert all(match(row) in (True, False) for row in ROWS)
