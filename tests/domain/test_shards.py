"""Who asks which service: one does, few services move, and nobody gets much more than others."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.services import Service
from controlroom.domain.shards import mark, shares

NAMES = st.sets(st.text(min_size=1, max_size=12), max_size=40)
MEMBERS = st.sets(st.text(min_size=1, max_size=12), min_size=1, max_size=8)


@given(NAMES, MEMBERS)
def test_every_service_is_one_members(services: set[str], members: set[str]) -> None:
    """Whatever they are called, and in whatever order they are named."""
    parts = shares(services, sorted(members))
    assert set(parts) == members
    assert sorted(itertools.chain.from_iterable(parts.values())) == sorted(services)
    assert shares(sorted(services, reverse=True), sorted(members, reverse=True)) == parts


@given(NAMES, MEMBERS, st.text(min_size=1, max_size=12))
def test_who_comes_takes_and_who_goes_gives_nothing_else_moves(
    services: set[str], members: set[str], one: str
) -> None:
    """Between the others no service changes hands, whether `one` comes or goes."""
    without = shares(services, members - {one})
    with_ = shares(services, members | {one})
    for member in members - {one}:
        assert with_[member] <= without[member]
        assert without[member] - with_[member] <= with_[one]


def test_the_parts_are_of_a_size() -> None:
    """Two thousand services over up to eight collectors: each has its share, give or take a fifth."""
    services = [f"svc-{number}" for number in range(2000)]
    for count in range(1, 9):
        parts = shares(services, [f"collector-{number}" for number in range(count)])
        assert all(0.8 < len(part) * count / 2000 < 1.2 for part in parts.values())


def test_few_move_when_a_fifth_comes() -> None:
    """About a fifth of the services, all of them to the new one."""
    services = [f"svc-{number}" for number in range(2000)]
    before = shares(services, "abcd")
    after = shares(services, "abcde")
    moved = sum(len(before[member] - after[member]) for member in "abcd")
    assert moved == len(after["e"])
    assert 320 < moved < 480


def test_nobody_there() -> None:
    """Then nobody asks."""
    assert shares(["vault"], []) == {}
    assert shares([], ["east"]) == {"east": frozenset()}


def test_the_mark_tells_what_is_asked_by_what() -> None:
    """It is the same for the same services, and differs with any detail of one, or the program's version."""
    vault = Service("vault", "tcp", url="vault:8200")
    assert mark([vault], "1") == mark([Service("vault", "tcp", url="vault:8200")], "1")
    others = {
        mark([vault], "2"),
        mark([Service("vault", "tcp", url="vault:8201")], "1"),
        mark([vault, vault], "1"),
        mark([], "1"),
    }
    assert len(others | {mark([vault], "1")}) == 5
