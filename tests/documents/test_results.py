"""Files with one result of a benchmark: where the number is, when it was measured, and why there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.documents.results import Measured, NoResult, from_json, from_junit

WRITTEN = datetime(2026, 3, 9, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def read(data: Any, pointer: str = "/p95", name: str = "out.json") -> Measured:
    return from_json(data, pointer, name, WRITTEN, BERLIN)


def why(data: Any, pointer: str = "/p95") -> str:
    with pytest.raises(NoResult) as problem:
        read(data, pointer)
    return str(problem.value)


# The number


@pytest.mark.parametrize(
    ("data", "pointer", "path"),
    [
        ({"p95": 3}, "/p95", ("p95",)),
        ({"replay": [{"p95": 3.0}]}, "/replay/0/p95", ("replay", 0, "p95")),
        ({"a/b": {"m~n": 3}}, "/a~1b/m~0n", ("a/b", "m~n")),
        ({"": 3}, "/", ("",)),
        ({"~1": 3}, "/~01", ("~1",)),
        ([1, 2, 3], "/2", (2,)),
        ({"0": 3}, "/0", ("0",)),
    ],
)
def test_a_pointer_leads_to_the_number(data: Any, pointer: str, path: tuple[Any, ...]) -> None:
    """As RFC 6901 writes names and places in lists, escapes too."""
    found = read(data, pointer)
    assert (found.value, found.path) == (3.0, path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "it has no /p95"),
        ([], "it has no /p95"),
        (7, "it has no /p95"),
        ({"p95": "3.2"}, "/p95 is a text, no number"),
        ({"p95": True}, "/p95 is true or false, no number"),
        ({"p95": None}, "/p95 is null, no number"),
        ({"p95": [3.2]}, "/p95 is a list, no number"),
        ({"p95": 10**400}, "/p95 is too large a number"),
    ],
)
def test_what_is_no_number_is_said_to_be_what_it_is(data: Any, said: str) -> None:
    """Nothing is read as a number that is written as something else."""
    assert why(data) == said


@pytest.mark.parametrize("pointer", ["/-", "/01", "/-1", "/3", "/1e0", "/٣", "/ 0"])
def test_a_place_in_a_list_is_a_plain_number(pointer: str) -> None:
    """Not one that Python would take for one, and none that is not there."""
    assert why([1, 2, 3], pointer).startswith("it has no")


# When it was measured


def when(data: Any, name: str = "out.json") -> tuple[str, str]:
    found = read({"p95": 1, **data}, name=name)
    return found.at.isoformat(), found.dated_by


def test_the_file_itself_says_when_first() -> None:
    """As an instant, as seconds or as milliseconds; the first name that does counts."""
    at = "2026-03-04T02:00:00+00:00"
    for value in ("2026-03-04T02:00:00Z", "2026-03-04T03:00:00+01:00", 1772589600, 1772589600000):
        assert when({"timestamp": value}, "2026-01-01.json") == (at, "timestamp")
    both = {"at": "2026-03-05T00:00:00Z", "as_of": "2026-03-04T02:00:00Z", "date": "2026-03-03"}
    assert when(both) == (at, "as_of")
    assert when({"date": "2026-03-04", "at": "2026-03-04T02:00:00Z"}) == (at, "at")


def test_a_date_is_the_beginning_of_that_day_here() -> None:
    """In the programme's zone; a file that was written on that day says it better."""
    assert when({"date": "2026-03-04"}) == ("2026-03-03T23:00:00+00:00", "date")
    assert when({"date": "2026-03-09"}) == ("2026-03-09T12:00:00+00:00", "date")


def test_the_name_says_when_the_file_does_not() -> None:
    """The last date in its path, with a time where it is UTC; what is no date is none."""
    for name in ("bench/2026-03-04/out.json", "2025-01-01/run-20260304.json", "2026-03-04-nightly.json"):
        assert when({}, name) == ("2026-03-03T23:00:00+00:00", "its name")
    for name in ("2026-03-04T02-00-00Z.json", "20260304T0200Z.json", "2026-03-04_02:00Z.json"):
        assert when({}, name) == ("2026-03-04T02:00:00+00:00", "its name")
    for name in ("run-2026-13-04.json", "build-120260304.json", "out.json", "2026-03-04x99.txt"[:7]):
        assert when({}, name) == ("2026-03-09T12:00:00+00:00", "the file's time")


@pytest.mark.parametrize(
    "odd", ["2026-03-04T02:00:00", "tonight", "", None, True, [], -1, 0, 1e300, {"$date": 1}, 10**30]
)
def test_what_names_no_instant_does_not_count(odd: Any) -> None:
    """A time without an offset is another one for every reader: only its day is taken."""
    at, by = when({"timestamp": odd})
    dated = odd == "2026-03-04T02:00:00"
    assert (at, by) == (
        ("2026-03-03T23:00:00+00:00", "timestamp")
        if dated
        else ("2026-03-09T12:00:00+00:00", "the file's time")
    )


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
named = st.dictionaries(st.sampled_from(["as_of", "date", "timestamp", "at", "p95"]), json)


@given(json | named, st.text(max_size=20), st.text(max_size=40))
def test_any_file_is_a_result_or_a_reason(data: Any, pointer: str, name: str) -> None:
    """Whatever it holds, wherever the pointer leads, whatever it is called."""
    said = ""
    try:
        found = from_json(data, f"/{pointer}", name, WRITTEN, BERLIN)
        said = found.dated_by
        assert found.at.tzinfo is not None
    except NoResult as problem:
        said = str(problem)
    assert 0 < len(said) < 200


# JUnit

SUITE = """<?xml version="1.0"?><testsuites><testsuite name="bench" {stamp}>
<testcase classname="berths.replay" name="test_day" time="4.25"/>
<testcase classname="berths.other" name="test_day" time="1"/>
<testcase classname="berths" name="test_broken" time="0.01"><failure message="no"/></testcase>
<testcase classname="berths" name="test_left_out" time="0"><skipped/></testcase>
<testcase classname="berths" name="test_untimed"/>
<testcase name="test_alone" time="0.5"/>
</testsuite></testsuites>"""


def case(wanted: str, stamp: str = "", name: str = "2026-03-04.xml") -> Measured:
    return from_junit(SUITE.replace("{stamp}", stamp).encode(), wanted, name, WRITTEN, BERLIN)


def test_a_test_case_gives_its_seconds() -> None:
    """Named alone, or with its class as pytest and Maven write it; dated by the suite where it says so."""
    assert case("test_alone")[:3] == (0.5, datetime(2026, 3, 3, 23, tzinfo=UTC), "its name")
    assert case("berths.replay.test_day").value == case("berths.replay::test_day").value == 4.25
    stamped = case("test_alone", 'timestamp="2026-03-05T02:00:00+00:00"')
    assert (stamped.at, stamped.dated_by) == (datetime(2026, 3, 5, 2, tzinfo=UTC), "its own time")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("test_night", "it has no test case test_night"),
        ("test_day", "it has 2 test cases test_day: name one as berths.replay::test_day"),
        ("test_broken", "test_broken did not pass (failed): its time says nothing"),
        ("test_left_out", "test_left_out did not pass (skipped): its time says nothing"),
        ("test_untimed", "test_untimed has no time"),
    ],
)
def test_a_case_that_measured_nothing_is_no_result(wanted: str, said: str) -> None:
    """A test that failed after a moment was not quick."""
    with pytest.raises(NoResult, match=r".") as problem:
        case(wanted)
    assert str(problem.value) == said
