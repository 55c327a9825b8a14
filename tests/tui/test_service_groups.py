"""The rows of services, kept from one snapshot to the next."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from controlroom.domain.health import ServiceState
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Program
from controlroom.domain.services import Health, Service
from controlroom.domain.worst import by_group
from controlroom.tui.panes.service_lines import row_maker
from controlroom.tui.rows import Row
from controlroom.tui.service_groups import Fold, Groups, Numbered, Quiet
from tests.tui.rooms import NOW, PROGRAM, ago

MINUTE = NOW.replace(second=0, microsecond=0)
STATES = tuple(Health)


def many(count: int, seed: int = 1) -> tuple[ServiceState, ...]:
    """Services in five groups, in every state."""
    chance = random.Random(seed)
    return tuple(
        ServiceState(
            Service(
                f"s{n}", "http", group=("", "data", "core", "edge", "jobs")[n % 5], squads=("quay",)[: n % 2]
            ),
            chance.choice(STATES),
            ago(5),
            "because",
            probed_at=NOW,
            caused_by="s1" if chance.random() < 0.2 else None,
            verified=chance.random() < 0.9,
        )
        for n in range(count)
    )


def seen(
    groups: Groups,
    states: tuple[ServiceState, ...],
    *,
    moment: datetime = MINUTE,
    program: Program = PROGRAM,
    focus: str | None = None,
    narrow: bool = False,
) -> Groups:
    return groups.see(
        states,
        program,
        moment,
        focus=focus,
        narrow=narrow,
        concerned=lambda service: not service.squads or focus in service.squads,
    )


def fresh(states: tuple[ServiceState, ...], **more: object) -> Groups:
    return seen(Groups(row_maker), states, **more)  # type: ignore[arg-type]


def ids(rows: Sequence[Row]) -> list[object]:
    """What the rows are about, headings by their keys."""
    return [row.data.id if isinstance(row.data, Numbered) else row.key for row in rows]


@pytest.mark.parametrize("fold", ["all", "calm", "loud", "flat"])
@pytest.mark.parametrize("narrow", [False, True])
def test_a_thousand_changes_leave_the_same_rows_as_a_fresh_look(fold: Fold, narrow: bool) -> None:
    """Order, headings, heights and words are those of somebody who sees the room for the first time."""
    chance = random.Random(7)
    states = list(many(60))
    kept = Groups(row_maker)
    moment = MINUTE
    for turn in range(100):
        for _ in range(10):
            number = chance.randrange(len(states))
            states[number] = replace(
                states[number],
                health=chance.choice(STATES),
                reason=chance.choice(("because", "why not")),
                caused_by=chance.choice((None, "s1")),
                verified=chance.random() < 0.9,
                probed_at=chance.choice((None, NOW, ago(1))),
            )
        moment += timedelta(minutes=turn % 7 == 0)
        now = tuple(states)
        before, after = (
            seen(kept, now, moment=moment, narrow=narrow),
            fresh(now, moment=moment, narrow=narrow),
        )
        assert ids(before.rows(fold)) == ids(after.rows(fold))
        assert [row.text for row in before.rows(fold)] == [row.text for row in after.rows(fold)]
        assert before.lines(fold) == after.lines(fold) == sum(row.height for row in after.rows(fold))


def test_the_order_is_that_of_the_plain_list() -> None:
    """As `services` without a screen has it."""
    states = tuple(replace(state, reason="") for state in many(80))
    rows = fresh(states, moment=NOW).rows("all")
    expected = [
        name
        for group in by_group(states)
        for name in (f"group:{group.name}", *(state.service.id for state in group.states))
    ]
    assert ids(rows) == expected


def test_an_answer_that_says_the_same_changes_no_row() -> None:
    """The very same list, so that nothing below it is done again."""
    states = many(50)
    groups = fresh(states)
    rows = groups.rows("all")
    again = tuple(replace(state, latency=0.7, probed_at=NOW + timedelta(seconds=5)) for state in states)
    assert seen(groups, again).rows("all") is rows


def test_time_alone_moves_what_stopped_answering_and_what_is_planned() -> None:
    """Within the minute in which it happens."""
    window = Window(start=MINUTE + timedelta(minutes=1), end=MINUTE + timedelta(hours=1), zone="UTC")
    one = Service("one", "tcp", maintenance=(window,))
    states = (
        ServiceState(one, Health.DOWN, ago(5), probed_at=NOW, interval=600),
        ServiceState(Service("two", "tcp"), Health.UP, ago(5), probed_at=MINUTE),
    )
    groups = fresh(states)
    assert ids(groups.rows("loud")) == ["one", "quiet"]
    later = seen(groups, states, moment=MINUTE + timedelta(minutes=1))
    assert ids(later.rows("loud")) == ["two", "quiet"]


def test_folding_leaves_out_what_is_fine_then_the_headings() -> None:
    """Whatever has no row of its own is in the quiet line, whose numbers are all there."""
    states = many(40)
    groups = fresh(states)
    counts = [groups.lines(fold) for fold in ("all", "calm", "loud", "flat")]
    assert counts == sorted(counts, reverse=True)
    for fold in ("calm", "loud", "flat"):
        *rows, last = groups.rows(fold)
        assert isinstance(last.data, Quiet)
        shown = [row.data.number for row in rows if isinstance(row.data, Numbered)]
        assert sorted((*shown, *last.data.numbers)) == list(range(40))
    assert not any(row.heading for row in groups.rows("flat"))


def test_without_groups_there_are_no_headings() -> None:
    """A room that groups nothing looks as it would without groups."""
    states = tuple(replace(s, service=replace(s.service, group="")) for s in many(10))
    assert not any(row.heading for row in fresh(states).rows("all"))


def test_with_a_squad_in_focus_only_its_services_are_kept() -> None:
    """And all of them again without."""
    states = many(20)
    groups = fresh(states, focus="cranes")
    assert groups.count == 10
    assert seen(groups, states).count == 20


def test_when_enough_is_enough_no_more_rows_are_made() -> None:
    """Asking whether five thousand fit in forty lines does not make five thousand rows."""
    groups = fresh(many(5000))
    assert len(groups.rows("all", 41)) == 41
    assert len(groups.rows("all")) == 5005


def test_a_refresh_of_five_thousand_costs_what_changed() -> None:
    """Twenty-five answers cost a small part of the first look."""
    states = many(5000)
    groups = Groups(row_maker)

    def look() -> float:
        begun = time.perf_counter()
        seen(groups, states).rows("loud")
        return time.perf_counter() - begun

    first = look()
    spent = []
    for turn in range(20):
        changed = list(states)
        for number in range(turn * 25, turn * 25 + 25):
            changed[number] = replace(changed[number], latency=turn / 10)
        states = tuple(changed)
        spent.append(look())
    assert min(spent) < first / 3
