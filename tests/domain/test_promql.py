"""PromQL as text: names that are no names, chunks, durations. The real server is asked in tests/sources."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import promql


@pytest.mark.parametrize(
    ("metric", "job", "expected"),
    [
        ("up", None, "up"),
        ("up", "a", 'up{job="a"}'),
        ("job:x:rate5m", None, "job:x:rate5m"),
        ("sum", None, '{__name__="sum"}'),
        ("Inf", "a", '{__name__="Inf",job="a"}'),
        ("1st", None, '{__name__="1st"}'),
        ('a"}\\\n', None, '{__name__="a\\"}\\\\\\n"}'),
    ],
)
def test_a_selector_is_written_as_a_person_would(metric: str, job: str | None, expected: str) -> None:
    """Plain where it can be, quoted where a name is none."""
    assert promql.selector(metric, job) == expected


@given(st.lists(st.sampled_from(["a", "b", "c_total"]), min_size=1, max_size=900))
def test_names_go_in_chunks_and_none_is_lost(prefixes: list[str]) -> None:
    """No alternation holds more than a chunk of names, and every name is in one."""
    names = [f"{prefix}{i}" for i, prefix in enumerate(prefixes)]
    chunks = re.findall(r'__name__=~"([^"]*)"', promql.presence(names))
    sizes = [len(chunk.split("|")) for chunk in chunks]
    assert max(sizes) <= promql.CHUNK
    assert {name for chunk in chunks for name in chunk.split("|")} >= set(names)


def test_a_union_is_no_deeper_than_it_must_be() -> None:
    """A thousand expressions nest ten deep, not a thousand."""
    text = promql.union([f"m{i}" for i in range(1000)])
    depth = deepest = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    assert deepest <= 10
    assert len(re.findall(r"m\d+", text)) == 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15s", 15),
        ("1m0s", 60),
        ("15d", 1_296_000),
        ("1h30m", 5400),
        ("100ms", 0.1),
        ("", None),
        ("soon", None),
        ("5", None),
    ],
)
def test_durations_are_seconds_or_nothing(text: str, expected: float | None) -> None:
    """What Go and Prometheus write is understood, anything else is not guessed."""
    assert promql.seconds(text) == (None if expected is None else pytest.approx(expected))


def test_nothing_wrong_asks_nothing() -> None:
    """Details are only asked when there is something to ask about."""
    assert promql.detail([], [], [], promql.WINDOW) is None
