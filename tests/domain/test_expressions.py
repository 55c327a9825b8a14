"""What a PromQL expression reads, told for whatever a server evaluates, and never guessed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.expressions import Needs, one_line, reads, selects, words

NOTHING: list[list[str]] = []

CASES: dict[str, tuple[list[str], list[list[str]]]] = {
    "tide": (["tide"], [["tide"]]),
    "sum by (job) (rate(tide[5m])) > 1": (["tide"], [["tide"]]),
    "sum(tide) without (job) / ignoring (x) group_left sum(ebb)": (["ebb", "tide"], [["ebb"], ["tide"]]),
    "tide * on (job) group_left (label) info": (["info", "tide"], [["info"], ["tide"]]),
    "tide offset -5m @ end() > 1e-5": (["tide"], [["tide"]]),
    "max_over_time(tide[1h:5m] @ 1609746000) < bool 3": (["tide"], [["tide"]]),
    "predict_linear(tide[1h], 4 * 3600) < -0x1f ^ 2": (["tide"], [["tide"]]),
    "histogram_quantile(0.9, sum(rate(tide_bucket[5m])) by (le))": (["tide_bucket"], [["tide_bucket"]]),
    "tide{site='}', job=~\"a|b\",}": (["tide"], [["tide"]]),
    "{__name__='tide', site!=`x`}": (["tide"], [["tide"]]),
    '{"tide.level", site="x"}': (["tide.level"], [["tide.level"]]),
    "rate(tide[5m]) # of the ebb\n > 1": (["tide"], [["tide"]]),
    "sum": (["sum"], [["sum"]]),
    "by + offset": (["by", "offset"], [["by"], ["offset"]]),
    "1 + NaN > -Inf": ([], NOTHING),
    # one of them is enough
    "tide or ebb": (["ebb", "tide"], [["ebb", "tide"]]),
    "(tide or ebb) and on (job) moon": (["ebb", "moon", "tide"], [["ebb", "tide"], ["moon"]]),
    "tide and ebb or moon": (["ebb", "moon", "tide"], [["ebb", "moon"], ["moon", "tide"]]),
    "{__name__=~'tide|ebb'} > 1": (["ebb", "tide"], [["ebb", "tide"]]),
    "tide + fill(0) ebb": (["ebb", "tide"], [["ebb", "tide"]]),
    # these give something where it is not there
    "absent(tide{job='sea'})": (["tide"], NOTHING),
    "absent_over_time(tide[1h])": (["tide"], NOTHING),
    "absent(tide) or tide > 3": (["tide"], NOTHING),
    "count(tide) or vector(0) < 1": (["tide"], NOTHING),
    "tide unless on (site) maintenance == 1": (["maintenance", "tide"], [["tide"]]),
    "ALERTS{alertstate='firing'}": (["ALERTS"], NOTHING),
    # but this does not: nothing is counted as nothing
    "count(tide) == 0": (["tide"], [["tide"]]),
    # of the newest Prometheus, and of others
    "rate(tide[5m * 2] smoothed)": (["tide"], [["tide"]]),
    "tide * on (site) group_left info(ebb, {zone=~'.+'})": (["ebb", "tide"], [["ebb"], ["tide"]]),
    "rollup_rate(tide[5m]) keep_metric_names": (["tide"], [["tide"]]),
    "tide default 0 > 3": (["tide"], NOTHING),
    "tide if ebb ifnot moon": (["ebb", "moon", "tide"], [["ebb"], ["tide"]]),
    "union(tide, ebb)": (["ebb", "tide"], [["ebb", "tide"]]),
    "tide{job='a' or site='b'}": (["tide"], [["tide"]]),
}


def plain(needs: Needs) -> list[list[str]]:
    return sorted(sorted(some) for some in needs)


@pytest.mark.parametrize("text", CASES)
def test_what_an_expression_reads_and_needs(text: str) -> None:
    """Every metric is read; needed is only that without which there can be no result."""
    found = reads(text)
    assert found is not None
    assert (sorted(found.metrics), plain(found.needs)) == CASES[text]
    assert found.patterns == ()


@pytest.mark.parametrize(
    "text",
    ["", "tide ebb", "tide{", "tide{job}", "sum(", "{app='x'} |= 'error'", "with (x = tide) x", "ä > 1"],
)
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    """What is no PromQL, or has names that are no metrics, is not guessed at."""
    assert reads(text) is None


def test_a_selector_by_pattern_is_kept_as_one() -> None:
    """It reads whatever its expression matches, and is never in want of a metric."""
    found = reads("{__name__=~'tide_.+', job='sea'} > 1 and {job='moon'}")
    assert found is not None
    assert (found.metrics, found.needs) == (frozenset(), frozenset())
    assert found.patterns == ("tide_.+", ".+")
    assert selects("tide_.+", ["ebb", "tide_level"]) is True
    assert selects("tide_.+", ["tide", "neaptide_level"]) is False
    assert selects("tide_(", ["tide_"]) is None


def test_hostile_expressions_are_read_in_a_moment() -> None:
    """Neither depth nor width nor a pattern that backtracks holds anybody up."""
    begun = time.monotonic()
    assert reads("(" * 5_000 + "tide" + ")" * 5_000) is None
    assert reads(" and ".join(f"(a{i} or b{i})" for i in range(2_000))) is not None
    wide = reads(" or ".join(f"(a{i} and b{i})" for i in range(2_000)))
    assert wide is not None
    assert len(wide.metrics) == 4_000
    assert selects("(a+)+b", ["a" * 200]) is False
    assert reads('"' * 9_999) is None
    assert time.monotonic() - begun < 20


NAMES = st.sampled_from(["tide", "ebb_total", "moon:phase:max", "sum", "on", "rate", "Inf_"])


def grown(
    inner: st.SearchStrategy[tuple[str, frozenset[str]]],
) -> st.SearchStrategy[tuple[str, frozenset[str]]]:
    wrap = st.sampled_from(
        [
            "({})",
            "-{}",
            "sum by (tide, ebb) ({})",
            "max({}) without (on)",
            'label_replace({}, "a", "$1", "b", "tide")',
        ]
    )
    join = st.sampled_from(
        [
            "+",
            ">= bool",
            "and on (tide)",
            "or",
            "unless ignoring (x)",
            "* on (a) group_left (tide)",
            "atan2",
            "^",
        ]
    )
    return st.one_of(
        st.builds(lambda w, one: (w.format(f"({one[0]})"), one[1]), wrap, inner),
        st.builds(lambda a, op, b: (f"{a[0]} {op} {b[0]}", a[1] | b[1]), inner, join, inner),
    )


LEAVES = st.one_of(
    st.builds(lambda name: (f'{name}{{job="on", x=~"a|b"}}', frozenset({name})), NAMES),
    st.builds(lambda name: (f"rate({name}[5m] offset 1h)", frozenset({name})), NAMES),
    st.builds(lambda name: (f"max_over_time({name}[1h:5m] @ start())", frozenset({name})), NAMES),
    st.sampled_from([("vector(1.5e3)", frozenset[str]()), ("time()", frozenset[str]())]),
)


@given(st.recursive(LEAVES, grown, max_leaves=12))
def test_whatever_is_put_together_all_of_it_is_read(made: tuple[str, frozenset[str]]) -> None:
    """Names of labels, functions and operators are never taken for metrics, nor metrics passed over."""
    text, metrics = made
    found = reads(text)
    assert found is not None, text
    assert found.metrics == metrics
    assert {name for some in found.needs for name in some} <= metrics


def test_one_line_is_the_same_expression() -> None:
    """Comments and line breaks go; strings stay as they are."""
    text = 'sum( # all\n  rate(tide{site="a#b"}[5m])\n)  > 1'
    assert one_line(text) == 'sum( rate(tide{site="a#b"}[5m]) ) > 1'
    assert one_line(" tide > 1 ") == "tide > 1"


def test_words_of_what_cannot_be_read() -> None:
    """Whatever may be a metric is among them, strings are not."""
    assert words("rate(tide[$x]) |= 'ebb'") == {"rate", "tide", "x"}
