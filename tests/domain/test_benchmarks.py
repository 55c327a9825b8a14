"""Benchmarks: the rule, where it does not apply, and what it says."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controlroom.domain.benchmarks import BenchmarkReading, Result, Rule, amounts, judge, median, rule_words
from controlroom.domain.diff import diff, now_known
from controlroom.domain.program import Program
from controlroom.domain.reduce import Setup, reduce
from controlroom.domain.snapshot import BenchmarksSeen, Failure, Observation, Snapshot, SourceStatus
from controlroom.domain.status import room_status
from controlroom.stores import status_schema

NOW = datetime(2026, 3, 4, 8, tzinfo=UTC)
DAY = timedelta(days=1)
STEADY = (3.2, 3.1, 3.3, 3.2, 3.2, 3.15, 3.25)
"""A week of results: median 3.2, deviation 0.05, so that 0.15 is usual."""


def nightly(*values: float, last: datetime = NOW - timedelta(hours=6)) -> tuple[Result, ...]:
    """One result a night, the newest at `last`."""
    first = last - DAY * (len(values) - 1)
    return tuple(Result(value, first + DAY * number) for number, value in enumerate(values))


def judged(*values: float, now: datetime = NOW, rule: Rule | None = None, **more: Any) -> BenchmarkReading:
    known = BenchmarkReading("reads", "Reads", results=nightly(*values), rule=rule or Rule(), unit="s")
    return judge(replace(known, **more), now)


# The rule


def test_worse_than_its_past_is_a_regression_in_numbers() -> None:
    """Value, difference, median, how many it is of and the usual spread are all said."""
    found = judged(*STEADY, 4.2)
    assert found.verdict == "regression"
    assert found.text == "4.2 s, 31 % worse than the median 3.2 s of 7 (usually within 4.7 %)"
    assert found.median == 3.2
    assert found.change == pytest.approx(0.3125)
    assert found.usual == pytest.approx(0.15)
    assert found.since == NOW - timedelta(hours=6)


def test_both_the_tolerance_and_the_spread_have_to_be_exceeded() -> None:
    """A steady number may worsen by the tolerance; a noisy one by what it does every night."""
    assert judged(*STEADY, 3.45).verdict == "ok", "more than usual, less than a tenth"
    noisy = (3.0, 3.6, 2.6, 3.2, 3.7, 2.7, 3.3)
    assert judged(*noisy, 4.0).verdict == "ok", "a fifth worse, as it may be any night"
    assert judged(*noisy, 6.0).verdict == "regression"


def test_exactly_the_tolerance_is_none() -> None:
    """Also where a binary fraction makes a little more of it."""
    assert judged(1.0, 1.0, 1.0, 1.1).verdict == "ok"
    assert judged(1.0, 1.0, 1.0, 1.1000001).verdict == "regression"


def test_higher_may_be_better() -> None:
    """Then the same numbers read the other way round."""
    assert judged(100, 100, 100, 80, better="higher", unit="req/s").verdict == "regression"
    assert judged(100, 100, 100, 130, better="higher").verdict == "better"
    found = judged(100, 100, 100, 130)
    assert found.verdict == "regression"
    assert found.change == pytest.approx(0.3)
    assert judged(100, 100, 100, 80, unit="MB").text == (
        "80 MB, 20 % better than the median 100 MB of 3 (usually the same)"
    )


def test_only_the_window_before_the_last_counts() -> None:
    """What lies further back is another time."""
    values = (*[9.0] * 7, *STEADY, 4.2)
    assert judged(*values).median == 3.2
    assert judged(*values, rule=Rule(window=14)).median != 3.2


def test_the_last_one_is_not_its_own_history() -> None:
    """With the result itself among them, two in three would be the median."""
    assert judged(1.0, 1.0, 1.0, 9.0).median == 1.0


def test_since_is_the_first_regression_in_a_row_each_by_its_own_past() -> None:
    """Three nights of them; a good night in between begins anew."""
    assert judged(*STEADY, 4.2, 4.2, 4.3).since == NOW - timedelta(hours=6) - 2 * DAY
    assert judged(*STEADY, 4.2, 3.2, 4.3).since == NOW - timedelta(hours=6)
    assert judged(*STEADY, 3.2).since is None


def test_what_stays_worse_becomes_its_own_history() -> None:
    """When most of the window is as slow, that is what is usual: it was told while it was new."""
    assert judged(*STEADY, *[4.2] * 3).verdict == "regression"
    assert judged(*STEADY, *[4.2] * 8).verdict == "ok"


# Where there is nothing to compare


def test_too_few_before_it_are_young() -> None:
    """No number is called a regression beside nothing; how many there are and have to be is said."""
    found = judged(3.0, 3.0, 30.0)
    assert (found.verdict, found.median, found.change) == ("young", None, None)
    assert found.text == "30 s, 2 results before it, of the 3 that it takes"
    assert judged(3.0).text == "3 s, no results before it, of the 3 that it takes"
    assert judged(3.0, 3.0, 3.0, 30.0).verdict == "regression"


def test_a_last_result_that_is_too_old_says_nothing_of_today() -> None:
    """To the second; whatever it was, it is neither well nor a regression."""
    rule = Rule(max_age=3600)
    last = NOW - timedelta(hours=6)
    for values in ((*STEADY, 3.2), (*STEADY, 4.2), (3.2,)):
        at = last + timedelta(hours=1)
        assert judged(*values, rule=rule, now=at).verdict != "old"
        found = judged(*values, rule=rule, now=at + timedelta(seconds=1))
        assert (found.verdict, found.since) == ("old", None)
        assert "measured 2026-03-04T02:00:00Z: nothing new for more than 1h 00m" in found.text


def test_what_cannot_be_read_is_unknown_and_keeps_its_results() -> None:
    """Why is said; the numbers of before stay to be looked at, and prove nothing."""
    found = judged(*STEADY, 4.2, error="refused")
    assert (found.verdict, found.text, found.median) == ("unknown", "refused", None)
    assert len(found.results) == 8
    assert judged().verdict == "unknown"


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_result(odd: float) -> None:
    """At the end nothing is known; in between it does not count, and does not stop the others."""
    found = judged(*STEADY, odd)
    assert (found.verdict, found.change) == ("unknown", None)
    assert "no number" in found.text
    between = judged(*STEADY[:4], odd, *STEADY[4:], 4.2)
    assert (between.verdict, between.median) == ("regression", 3.2)
    assert judged(3.0, odd, odd, 9.0).verdict == "young"


def test_a_result_of_the_future_does_not_count() -> None:
    """It is said that there is one; at its time it does."""
    found = judged(*STEADY, 4.2, now=NOW - timedelta(hours=7))
    assert (found.verdict, len(found.results)) == ("ok", 7)
    assert found.skipped == ("1 result dated after 2026-03-04T01:00:00Z",)
    assert judged(4.2, now=NOW - DAY).text == "no result is dated before now"


def test_a_median_of_nothing_has_no_share() -> None:
    """The difference is said in the unit."""
    found = judged(0.0, 0.0, 0.0, 3.0, unit="errors")
    assert (found.verdict, found.change) == ("regression", None)
    assert found.text == "3 errors, 3 errors worse than the median 0 errors of 3 (usually the same)"
    assert judged(0.0, 0.0, 0.0, 0.0).verdict == "ok"


def test_negative_numbers_are_compared_by_their_size() -> None:
    """-8 is worse than -10 where lower is better, by a fifth."""
    found = judged(-10.0, -10.0, -10.0, -8.0)
    assert found.verdict == "regression"
    assert found.change == pytest.approx(0.2)
    assert judged(-10.0, -10.0, -10.0, -12.0).verdict == "better"
    assert judged(-10.0, -10.0, -10.0, -9.5).verdict == "ok"


def test_equal_times_stay_in_their_order_and_others_are_put_in_theirs() -> None:
    """A folder's files come as they are listed."""
    results = nightly(*STEADY, 4.2)
    shuffled = BenchmarkReading("reads", "Reads", results=results[::-1])
    assert judge(shuffled, NOW).results == results
    same = tuple(replace(one, at=NOW) for one in results)
    assert judge(replace(shuffled, results=same), NOW).results == same


def test_no_more_than_is_needed_is_kept() -> None:
    """Results of years would be in every snapshot."""
    found = judged(*[1.0] * 400, rule=Rule(window=7))
    assert len(found.results) == Rule(window=7).kept


def test_small_seconds_are_read_in_smaller_units() -> None:
    """Both in the same one; other units stay as they are declared."""
    assert amounts((0.0000214, 0.0000191), "s") == ["21.4 µs", "19.1 µs"]
    assert amounts((0.31, 1.2), "s") == ["0.31 s", "1.2 s"]
    assert amounts((0.31,), "s") == ["310 ms"]
    assert amounts((12_400, 0.0, -3.456), "req/s") == ["12,400 req/s", "0 req/s", "-3.46 req/s"]
    assert amounts((1e-5, 3e20), "") == ["1e-05", "3e+20"]


def test_the_rule_is_said_with_its_own_numbers() -> None:
    """Which side is worse, how many, how much."""
    said = rule_words(judged(1.0, better="higher", rule=Rule(tolerance=0.25, window=9, least=4)))
    assert "lower than the median of the 9 results before it by more than 25 %" in said
    assert said.endswith("it takes 4 of them")


# In the room


def room(*known: BenchmarkReading) -> Snapshot:
    status = SourceStatus("benchmarks", "benchmarks")
    return Snapshot(Program(), sources=(status,), benchmarks=known)


def seen(snapshot: Snapshot, *readings: BenchmarkReading) -> Snapshot:
    payload = BenchmarksSeen(readings)
    observation = Observation("benchmarks", "benchmarks", NOW, payload=payload)
    return reduce(Setup(Program(), {}), snapshot, observation)


def test_a_look_replaces_what_it_looked_at_and_nothing_else() -> None:
    """The others stay, the same objects where nothing is new; the order is that of the configuration."""
    one, other = judged(*STEADY, 3.2), judged(*STEADY, 3.2, id="writes")
    before = room(one, other)
    worse = judged(*STEADY, 4.2, id="writes")
    after = seen(before, worse)
    assert after.benchmarks == (one, worse)
    assert after.benchmarks[0] is one
    assert seen(after, judged(*STEADY, 4.2, id="writes")).benchmarks is after.benchmarks
    assert after.sources[0].read_at == NOW


def test_one_that_cannot_be_read_any_more_keeps_its_results() -> None:
    """They are looked at, and judged no more; of another benchmark under the same id they are not kept."""
    before = room(judged(*STEADY, 4.2))
    away = judged(error="refused")
    (found,) = seen(before, away).benchmarks
    assert (found.verdict, found.since, len(found.results)) == ("unknown", None, 8)
    (another,) = seen(before, replace(away, where="elsewhere")).benchmarks
    assert another.results == ()


def test_a_failure_of_the_whole_keeps_every_reading() -> None:
    """Its age says how old they are."""
    before = room(judged(*STEADY, 4.2))
    failed = Observation("benchmarks", "benchmarks", NOW, failure=Failure("no answer within 30 s"))
    after = reduce(Setup(Program(), {}), before, failed)
    assert after.benchmarks is before.benchmarks
    assert after.sources[0].error == "no answer within 30 s"


def entry(reading: BenchmarkReading) -> dict[str, Any]:
    return {"benchmarks": room_status(room(reading), NOW)["benchmarks"]}


def test_changes_are_new_regressions_and_their_ends() -> None:
    """From what was known to what is; what says nothing of its day changes nothing."""
    fine, worse = entry(judged(*STEADY, 3.2)), entry(judged(*STEADY, 4.2))
    young, unread = entry(judged(3.0)), entry(judged(error="refused"))
    old = entry(judged(*STEADY, 4.2, rule=Rule(max_age=60)))

    def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        return [change.category for change in diff(before, after)]

    assert told(fine, worse) == told(young, worse) == ["benchmark_regressed"]
    assert told(worse, fine) == ["benchmark_recovered"]
    for pair in ((worse, worse), (fine, fine), (unread, worse), (worse, unread), (old, worse), (worse, old)):
        assert told(*pair) == []
    assert told(worse, young) == told({}, worse) == told({"benchmarks": []}, worse) == []
    assert [change.after for change in now_known(unread, worse)] == ["regression"]


def test_a_status_says_what_was_measured_and_what_is_not_known() -> None:
    """The number, its time and its place; an unreadable one among the unknowns, with the reason."""
    found = room_status(room(judged(*STEADY, 4.2, squad="river")), NOW)
    (one,) = found["benchmarks"]
    assert (one["squad"], one["value"], one["at"]) == ("river", 4.2, "2026-03-04T02:00:00Z")
    status_schema.check({**found, "version": "1.0"})
    unread = room_status(room(judged(error="refused")), NOW)["unknowns"]
    assert {"kind": "benchmark", "id": "reads", "text": "refused"} in unread


# Whatever the numbers

numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
rules = st.builds(
    Rule,
    tolerance=st.floats(0, 10),
    window=st.integers(1, 12),
    least=st.integers(1, 12),
    max_age=st.floats(1, 1e9),
)
readings = st.builds(
    BenchmarkReading,
    st.just("a"),
    st.just("A"),
    unit=st.sampled_from(["", "s", "MB"]),
    better=st.sampled_from(["lower", "higher"]),
    results=st.lists(st.builds(Result, numbers, instants), max_size=25).map(tuple),
    rule=rules,
)


@given(readings, instants)
def test_any_results_are_judged(reading: BenchmarkReading, now: datetime) -> None:
    """No numbers, times or rules bring it down, and what it says is consistent and short."""
    found = judge(reading, now)
    assert all(one.at <= now for one in found.results)
    assert all(one.at <= other.at for one, other in pairwise(found.results))
    assert (found.since is not None) == (found.verdict == "regression")
    assert 0 < len(found.text) < 250
    assert found.change is None or math.isfinite(found.change)
    if found.verdict in ("ok", "better", "regression"):
        assert found.median is not None
    if found.since is not None and found.last is not None:
        assert found.since <= found.last.at
    assert judge(replace(found, skipped=reading.skipped), now).verdict == found.verdict


@given(readings, instants, st.randoms(use_true_random=False))
def test_the_order_they_come_in_does_not_matter(reading: BenchmarkReading, now: datetime, by: Any) -> None:
    """As long as each has a time of its own."""
    assume(len({one.at for one in reading.results}) == len(reading.results))
    shuffled = list(reading.results)
    by.shuffle(shuffled)
    assert repr(judge(replace(reading, results=tuple(shuffled)), now)) == repr(judge(reading, now))


@given(st.lists(st.integers(-(10**6), 10**6), min_size=4, max_size=20))
def test_turned_round_worse_is_better(values: Sequence[int]) -> None:
    """The rule treats both sides alike: what is a regression where lower is better, is an improvement where
    higher is."""
    low, high = judged(*map(float, values)), judged(*map(float, values), better="higher")
    turned = {"ok": "ok", "better": "regression", "regression": "better"}
    assert high.verdict == turned[low.verdict]


@given(st.lists(finite, min_size=1, max_size=20))
def test_the_median_is_the_median(values: list[float]) -> None:
    """As everybody else computes it, and finite also where the sum of two would not be."""
    found = median(values)
    assert math.isfinite(found)
    expected = statistics.median(values)
    assert not math.isfinite(expected) or found == expected
