"""Thresholds as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.comparison import Comparison, comparison


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> 0.8", Comparison(">", 0.8)),
        (">=1e3", Comparison(">=", 1000.0)),
        ("  == -2. ", Comparison("==", -2.0)),
        ("!= +.5", Comparison("!=", 0.5)),
        ("0.8", None),
        ("> ", None),
        ("> x", None),
        ("> 1 2", None),
        ("> nan", None),
        ("=> 1", None),
        ("> 0,8", None),
    ],
)
def test_comparisons_are_read(text: str, expected: Comparison | None) -> None:
    """An operator and a number, and nothing else."""
    assert comparison(text) == expected


@pytest.mark.parametrize("sign", ["<", "<=", "==", "!=", ">=", ">"])
def test_nothing_holds_for_what_is_no_number(sign: str) -> None:
    """NaN is not even different from a limit."""
    assert not Comparison(sign, 1.0).holds(math.nan)


@given(
    st.sampled_from(["<", "<=", ">=", ">"]), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)
)
def test_what_is_worse_holds_first(sign: str, limit: float, one: float, other: float) -> None:
    """Of two values the worse one breaks a limit whenever the other does."""
    said = Comparison(sign, limit)
    if said.worse(one) >= said.worse(other) and said.holds(other):
        assert said.holds(one)
