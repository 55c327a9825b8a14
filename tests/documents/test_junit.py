"""JUnit files: what many tools write, and what nobody should."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.documents.junit import CASES, DEPTH, SIZE_LIMIT, UnreadableJUnit, read
from controlroom.domain.junit import summed

NESTED = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="all" tests="5" failures="1" errors="1" time="12.5">
  <testsuite name="harbour" tests="5" failures="1" errors="1" timestamp="2025-10-08T09:00:00-07:00">
    <properties><property name="os" value="linux"/></properties>
    <testsuite name="cranes">
      <testcase classname="tests.cranes" name="lifts" time="0.25"/>
      <testcase classname="tests.cranes" name="holds" time="1,000.5">
        <failure message="dropped &lt;it&gt;" type="AssertionError">at line 3</failure>
        <system-out>a &lt;failure/&gt; that is only told of</system-out>
      </testcase>
    </testsuite>
    <testcase name="opens" time="soon"><skipped/></testcase>
    <testcase name="closes"><error>

      Traceback: the door
      more of it
    </error></testcase>
    <testcase name="locks"><flakyFailure message="first time"/></testcase>
  </testsuite>
</testsuites>
"""


def test_suites_in_suites_are_one_list_of_cases() -> None:
    """Every case has its suite, outcome, time and the reason in the tool's own words."""
    found = read(NESTED, "smoke.xml")
    assert [(case.suite, case.id, case.outcome, case.time, case.message) for case in found.cases] == [
        ("cranes", "tests.cranes::lifts", "passed", 0.25, ""),
        ("cranes", "tests.cranes::holds", "failed", 1000.5, "dropped <it>"),
        ("harbour", "opens", "skipped", None, ""),
        ("harbour", "closes", "error", None, "Traceback: the door"),
        ("harbour", "locks", "passed", None, ""),
    ]
    assert (found.tests, found.passed, found.failures, found.errors, found.skipped) == (5, 2, 1, 1, 1)
    assert found.time == 12.5
    assert found.at is not None
    assert found.at.isoformat() == "2025-10-08T16:00:00+00:00"
    assert not found.good


def test_a_lone_suite_is_a_file_too() -> None:
    """Without the outer element, and with a namespace, it reads the same; times of cases add up."""
    found = read(
        b'<j:testsuite xmlns:j="urn:x" name="s"><j:testcase name="a" time="1"/>'
        b'<j:testcase name="b" time=".5"/></j:testsuite>',
        "s.xml",
    )
    assert [case.name for case in found.cases] == ["a", "b"]
    assert (found.time, found.good, found.unlisted) == (1.5, True, 0)


def test_failures_that_are_counted_and_not_listed_are_not_lost() -> None:
    """A suite that claims more failures than it lists is not good, however many cases passed."""
    found = read(
        b'<testsuites><testsuite errors="2"><testsuite failures="1" errors="1"><testcase name="a"/>'
        b'<testcase name="b"><failure/></testcase></testsuite></testsuite></testsuites>',
        "s.xml",
    )
    assert (found.failures, found.unlisted, found.good) == (1, 1, False)


def test_no_test_at_all_proves_nothing() -> None:
    """An empty file of results, or one in which all are skipped, is not good."""
    assert not read(b"<testsuite/>", "s.xml").good
    assert not read(b'<testsuite><testcase name="a"><skipped/></testcase></testsuite>', "s.xml").good


def test_files_are_summed() -> None:
    """Numbers of several files are one; a time that nobody gives is none."""
    once = read(NESTED, "a.xml")
    assert summed([once, once])["failures"] == 2
    assert summed([once, once])["time"] == 25.0
    assert summed([read(b"<testsuite/>", "b.xml")])["time"] is None


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""
OUTSIDE = b"""<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>"""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (LAUGHS, "line 1: it declares a document type"),
        (OUTSIDE, "line 1: it declares a document type"),
        (b"", "line 1: no element found"),
        (b"<html/>", "it is no JUnit file: it begins with <html>"),
        (b"<testsuite>\n<a></testsuite>", "line 2: mismatched tag"),
        (b"<testsuite>" * (DEPTH + 1), f"more than {DEPTH} levels"),
        (b"<testsuite>" + b"<testcase/>" * (CASES + 1) + b"</testsuite>", f"more than {CASES:,} cases"),
        (b" " * (SIZE_LIMIT + 1), "more than 16 MiB"),
        (b'<?xml version="1.0" encoding="no-such"?><testsuite/>', "its characters cannot be read"),
    ],
    ids=["laughs", "outside", "empty", "html", "broken", "deep", "many", "large", "encoding"],
)
def test_what_is_hostile_or_no_junit_is_refused_in_words(raw: bytes, why: str) -> None:
    """Entities, foreign documents, endless or broken ones: refused with the line, and nothing is expanded."""
    with pytest.raises(UnreadableJUnit, match=why.replace("(", r"\(")):
        read(raw, "s.xml")


def test_texts_are_harmless() -> None:
    """Controls of a terminal in a name or a message do not come through."""
    case = '<testcase name="a&#x9b;31mb\u202e"><failure message="x&#10;y"/></testcase>'
    found = read(f"<testsuite>{case}</testsuite>".encode(), "n\x1b[31m.xml")
    assert found.name == "n[31m.xml"
    assert (found.cases[0].name, found.cases[0].message) == ("a31mb", "x y")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(NESTED)), st.integers(0, len(NESTED)))
def test_whatever_a_file_holds_reading_it_ends(noise: bytes, start: int, end: int) -> None:
    """Bytes put anywhere into a file give results or the one error there is."""
    with suppress(UnreadableJUnit):
        assert read(NESTED[:start] + noise + NESTED[end:], "s.xml").tests <= 6
