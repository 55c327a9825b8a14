"""Which cases of captured results a name means, and what they say together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controlroom.domain.junit import Case, JUnit, TestOutcome
from controlroom.domain.tested import File, Tried, look_up

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)


def case(classname: str, name: str, outcome: TestOutcome = "passed") -> Case:
    return Case(name, classname, outcome=outcome)


def only(name: str, *cases: Case, at: datetime | None = None) -> Tried:
    """What one file with these cases says of `name`."""
    (found,) = look_up([name], [File("day/junit/01.xml", JUnit("01.xml", cases, at=at), NOON)])
    return found


@pytest.mark.parametrize(
    ("name", "classname", "case_name"),
    [
        ("tests/test_press.py::test_ink", "tests.test_press", "test_ink"),
        ("tests/test_press.py::TestInk::test_dry", "tests.test_press.TestInk", "test_dry"),
        ("tests/test_press.py", "tests.test_press", "test_ink"),
        ("test_ink", "tests.test_press", "test_ink"),
        ("test_press.py::test_ink", "tests.test_press", "test_ink[red/2]"),
        ("test_ink[red/2]", "tests.test_press", "test_ink[red/2]"),
        ("com.acme.PressTest#inks", "com.acme.PressTest", "inks"),
        ("ink dries", "Press", "ink dries"),
        ("src/press.test.ts", "src/press.test.ts", "ink dries"),
        ("press/TestInk", "example.com/press", "TestInk/red"),
        ("shop/feature.py::test_ink", "shop.feature", "test_ink"),
        ("shop.feature.test_ink", "shop.feature", "test_ink"),
        ("dries", "ink [fast] press", "dries"),
    ],
)
def test_a_name_as_tools_write_it(name: str, classname: str, case_name: str) -> None:
    """A path, a class, a method, or only its end, with or without its parameters."""
    assert only(name, case(classname, case_name)).passed == 1


@pytest.mark.parametrize("name", ["test_in", "ink", "press.test_ink", "test_press.py::test_other", "", "::"])
def test_a_piece_of_a_name_is_another_name(name: str) -> None:
    """What only has some of the letters means nothing here."""
    found = only(name, case("tests.test_press", "test_ink"))
    assert (found.tests, found.at) == (0, None)


@pytest.mark.parametrize(
    ("name", "classname", "case_name"),
    [
        ("test_ink", "tests.test_paper", "test_paper[a.test_ink.b]"),
        ("5", "tests.test_paper", "test_paper[1.5.0]"),
        ("shop.test_ink", "shop.feature", "test_ink"),
    ],
)
def test_what_only_reads_like_it_is_another_test(name: str, classname: str, case_name: str) -> None:
    """Neither a step within parameters nor a module that ends like a file lets a test pass for another."""
    assert only(name, case(classname, case_name)).tests == 0


def test_one_that_failed_outweighs_those_that_passed() -> None:
    """Of several cases of one test each has to pass; which did not, and why, is told."""
    broken = Case("test_ink[red]", "p", outcome="error", message="no ink")
    found = only("p::test_ink", case("p", "test_ink[blue]"), broken, case("p", "test_ink[old]", "skipped"))
    assert (found.passed, found.bad, found.skipped) == (1, 1, 1)
    assert (found.message, found.several) == ("p::test_ink[red]: no ink", False)


def test_tests_of_one_name_that_disagree() -> None:
    """Nobody guesses which is meant, unless one is called exactly so; where they agree it does not matter."""
    cases = case("paper", "test_ink", "failed"), case("press", "test_ink")
    assert only("test_ink", *cases).several
    assert only("press::test_ink", *cases).passed == 1
    assert only("test_ink", *cases, case("", "test_ink")).passed == 1
    assert only("test_ink", case("paper", "test_ink"), case("press", "test_ink")).passed == 2


def test_no_result_is_newer_than_its_capture() -> None:
    """A file that says it ran later than it was captured is dated by the capture."""
    early, late = NOON.replace(hour=9), NOON.replace(hour=15)
    ran = only("test_ink", case("p", "test_ink"), at=early)
    assert (ran.at, ran.or_before) == (early, False)
    for at in (late, None):
        ran = only("test_ink", case("p", "test_ink"), at=at)
        assert (ran.at, ran.or_before) == (NOON, True)
