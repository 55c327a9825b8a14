"""Expressions mean what RE2 says they mean, and none takes longer than its text is long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.re2 import Pattern


@pytest.mark.parametrize(
    ("expression", "fits", "does_not"),
    [
        (
            "",
            [
                "",
            ],
            ["a"],
        ),
        ("abc", ["abc"], ["ab", "abcd", "xabc"]),
        ("a|b", ["a", "b"], ["ab", ""]),
        ("a.c", ["abc", "aéc"], ["a\nc", "ac"]),
        ("(?s)a.c", ["a\nc"], []),
        ("a*b+c?", ["b", "aabbc"], ["a", "bcc"]),
        ("a{2,3}", ["aa", "aaa"], ["a", "aaaa"]),
        ("a{,3}", ["a{,3}"], ["aa"]),
        (r"\d+\.\d", ["12.3"], ["٣.٣", "12x3"]),
        (r"\w\s", ["a ", "_\t"], ["é ", "a\v"]),
        ("[a-c]x[^0-9]", ["bxy", "cx\n"], ["dxy", "ax5"]),
        ("[]a-]", ["]", "a", "-"], ["b"]),
        ("[[:alpha:]_][[:^digit:]]", ["_x", "Az"], ["1x", "a1"]),
        (r"[\d-z]", ["5", "-", "z"], ["y"]),
        (r"\p{Lu}\PN", ["Äx"], ["äx", "A1"]),
        ("(?i)straße|Kilo", ["STRAßE", "kILO", "\u212ailo"], ["strasse"]),
        ("a(?i)b|c", ["aB", "C"], ["Ab"]),
        ("(?i:a)b", ["Ab"], ["AB"]),
        (r"\Qa.b\E+", ["a.b", "a.bb"], ["axb"]),
        (r"\x41\x{e9}\101", ["AéA"], ["A"]),
        (r"a\b.*\bz", ["a z", "a-z"], ["az"]),
        ("(?P<n>a)(?:b)", ["ab"], ["a"]),
        ("a)|(b", ["ax", "a", "xb"], ["x"]),
    ],
)
def test_an_expression_fits_the_whole_value(expression: str, fits: list[str], does_not: list[str]) -> None:
    """Each construct that RE2 has, with values that fit and values that do not."""
    pattern = Pattern(expression)
    assert [value for value in fits if not pattern.fits(value)] == []
    assert [value for value in does_not if pattern.fits(value)] == []


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "(",
            ")",
            "[",
            "[]",
            "a**",
            "a*+",
            "*",
            "|*",
            "(?=a)",
            "(?<!a)",
            "(?P=n)",
            r"\1",
            r"\Z",
            r"\q",
            "\\",
        ),
        *("a{1001}", "a{3,2}", "(a{100}){11}", "[z-a]", "[[:no:]]", r"\x{110000}", "(?-)", "(?x)a", r"\pX"),
        *("(" * 5_000, "((((){1000}){1000}){1000})"),
    ],
)
def test_what_re2_refuses_is_refused(expression: str) -> None:
    """In words, and not by giving up somewhere inside."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        Pattern(expression)


@given(st.text(max_size=12), st.text(max_size=6))
def test_any_text_is_an_expression_or_is_refused(expression: str, value: str) -> None:
    """Nothing else ever comes of it."""
    try:
        pattern = Pattern(expression)
    except ValueError:
        return
    assert pattern.fits(value) in (True, False)


@pytest.mark.parametrize("expression", ["(a+)+b", "(a|a)*b", "(.*a){15}b", "(a{30}){30}", "(a?){500}a{500}b"])
def test_no_expression_hangs(expression: str) -> None:
    """What takes a backtracking engine longer than anybody lives takes moments."""
    began = time.monotonic()
    assert not Pattern(expression).fits("a" * 500)
    assert time.monotonic() - began < 20
