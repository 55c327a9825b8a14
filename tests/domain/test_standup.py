"""The standup's plan and clock, and the blockers that it carries over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from controlroom.domain.actions import Action, Entry
from controlroom.domain.board import Squad
from controlroom.domain.carry import carried
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual, SegmentRule
from controlroom.domain.runs import Key, Run, runs
from controlroom.domain.standup import clock, not_reported, plan, spent, squads_in_order
from controlroom.domain.triage import Blocker
from controlroom.domain.waves import Wave

KEY = Key("standup", dt.date(2031, 5, 6))
AT = dt.datetime(2031, 5, 6, 9, tzinfo=dt.UTC)
SIX = ("a", "b", "c", "d", "e", "f")
STANDUP = Ritual("standup", minutes=15)


def at(seconds: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=seconds)


def run(*deeds: tuple[float, str, dict[str, Any]], squads: tuple[str, ...] = SIX) -> Run:
    parts = [{"kind": one.kind, "budget": one.budget, "squad": one.squad} for one in plan(STANDUP, squads)]
    told = [(0, "begin", {"segments": parts}), *deeds]
    actions = [
        Action(str(n), KEY.run, kind, args, "Ada", "", at(s)) for n, (s, kind, args) in enumerate(told)
    ]
    (found,) = runs(Ledger().after([Entry(n, action) for n, action in enumerate(actions, 1)]), ())
    return found


def goes(seconds: float, to: str) -> tuple[float, str, dict[str, Any]]:
    return seconds, "enter", {"to": to}


def test_fifteen_minutes_are_divided_as_agreed() -> None:
    """Changes 45, blockers 210, 360 shared by the squads, telemetry 120, decisions 90, buffer 75."""
    parts = [(one.id, one.budget) for one in plan(STANDUP, SIX)]
    walk = [(f"squad:{squad}", 60.0) for squad in SIX]
    assert parts == [
        ("changes", 45.0),
        ("blockers", 210.0),
        *walk,
        ("telemetry", 120.0),
        ("decisions", 90.0),
        ("buffer", 75.0),
    ]
    assert sum(budget for _, budget in parts) == 900


def test_another_length_stretches_it_and_many_squads_keep_their_least() -> None:
    """Half an hour doubles every part; twenty squads have thirty seconds each; own parts win."""
    assert plan(Ritual("s", minutes=30), ("a",))[0].budget == 90
    assert {one.budget for one in plan(STANDUP, tuple(map(str, range(20)))) if one.squad} == {30.0}
    own = Ritual("s", minutes=30, segments=(SegmentRule("blockers", 10), SegmentRule("buffer", 5)))
    assert [(one.id, one.budget) for one in plan(own, SIX)] == [("blockers", 10.0), ("buffer", 5.0)]


def test_squads_are_walked_wave_by_wave_or_where_it_hurts_first() -> None:
    """Waves in their order, each squad once, then those of no wave; with pain, the most of it first."""
    waves = (
        Wave("design", squads=("c",), design=True),
        Wave("a", squads=("b", "a")),
        Wave("b", squads=("a", "c")),
    )
    program = Program(squads=tuple(map(Squad, ("a", "b", "c", "d"))), waves=waves)
    assert squads_in_order(program) == ("b", "a", "c", "d")
    assert squads_in_order(program, {"d": 2.0, "a": 1.0}) == ("d", "a", "b", "c")


@pytest.mark.parametrize(("now", "tone"), [(35, "ok"), (36, "amber"), (45, "amber"), (59, "over")])
def test_the_clock_warns_at_four_fifths_and_is_honest_beyond(now: float, tone: str) -> None:
    """Amber from 80 % of a part's time, over from its end; by how much is said."""
    seen = clock(run(), at(now))
    assert seen is not None
    assert (seen.segment.id, seen.tone, seen.left, seen.total_left) == ("changes", tone, 45 - now, 900 - now)


def test_the_time_of_the_walk_is_shared_by_those_who_are_left() -> None:
    """A squad that takes twice its share leaves less to each of the others, and one that is brief more."""
    long = run(goes(45, "squad:a"), goes(165, "squad:b"))
    seen = clock(long, at(165))
    assert seen is not None
    assert seen.budget == pytest.approx(240 / 5)
    brief = clock(run(goes(45, "squad:a"), goes(75, "squad:b")), at(75))
    assert brief is not None
    assert brief.budget == pytest.approx(330 / 5)


def test_a_skipped_squad_leaves_its_time_to_the_others() -> None:
    """Five squads share the six minutes when one does not report."""
    skipped = (45, "skip", {"segment": "squad:a"})
    seen = clock(run(skipped, goes(45, "squad:b")), at(45))
    assert seen is not None
    assert seen.budget == pytest.approx(360 / 5)
    assert not_reported(run(skipped, goes(45, "squad:b"))) == ("a",)


def test_a_squad_never_has_less_than_its_least() -> None:
    """After a walk that has eaten everything the next squad still has thirty seconds."""
    seen = clock(run(goes(45, "squad:a"), goes(600, "squad:b")), at(600))
    assert seen is not None
    assert seen.budget == 30


def test_overrun_eats_the_buffer_and_an_extension_does_not() -> None:
    """What blockers take too long is missing at the end; more time for a part lengthens the whole."""
    seen = clock(run(goes(45, "blockers"), goes(305, "buffer")), at(305))
    assert seen is not None
    assert (seen.budget, seen.total_budget) == (75 - 50, 900)
    longer = (100, "extend", {"segment": "blockers", "seconds": 60})
    seen = clock(run(goes(45, "blockers"), longer, goes(305, "buffer")), at(305))
    assert seen is not None
    assert (seen.budget, seen.total_budget) == (75, 960)


def test_a_pause_stops_both_clocks() -> None:
    """While it is paused neither the part nor the whole goes on."""
    paused = run((20, "pause", {}))
    seen = clock(paused, at(500))
    assert seen is not None
    assert (seen.spent, seen.total_spent, seen.paused) == (20, 20, True)
    assert spent(paused, at(500)) == {"changes": 20}


def test_whoever_was_not_come_to_has_not_reported() -> None:
    """At the end these are the skipped ones and those that nobody entered; before it, only the skipped."""
    on = run(goes(45, "squad:a"))
    assert not_reported(on) == ()
    assert not_reported(run(goes(45, "squad:a"), (50, "finish", {}))) == SIX[1:]
    assert clock(run((50, "finish", {})), at(60)) is None


DAYS = [AT - dt.timedelta(days=n) for n in (3, 2, 1, 0)]


def standing(*deeds: tuple[dt.datetime, str], opened: dt.datetime = DAYS[0]) -> Any:
    blocker = Blocker("b", "no disk", opened_at=opened)
    actions = [Action(str(n), "b", kind, {}, "Ada", "", when) for n, (when, kind) in enumerate(deeds)]
    log = Ledger().after([Entry(n, action) for n, action in enumerate(actions, 1)])
    return carried([blocker], log, DAYS)["b"]


def test_the_third_time_unchanged_forces_a_decision() -> None:
    """New the first time, carried over the second, and not to be passed from the third on."""
    for opened, standups, forced in ((DAYS[3], 1, False), (DAYS[2], 2, False), (DAYS[1], 3, True)):
        found = standing(opened=opened)
        assert (found.standups, found.unchanged, found.forced) == (standups, standups, forced)
    assert not standing(opened=DAYS[3]).over
    assert standing(opened=DAYS[2]).over


@pytest.mark.parametrize("kind", ["direct", "assign", "escalate", "accept", "snooze", "wait-on"])
def test_a_decision_begins_the_count_anew(kind: str) -> None:
    """Who directs, gives it to another, escalates or accepts it may pass: also in the middle of this one."""
    found = standing((AT + dt.timedelta(seconds=60), kind))
    assert (found.standups, found.unchanged, found.forced) == (4, 0, False)
    assert standing((DAYS[1] + dt.timedelta(hours=1), kind)).unchanged == 2


def test_to_see_it_changes_nothing() -> None:
    """Acknowledging a blocker, or a note on it, is no change; a resolved one is not carried at all."""
    assert standing((DAYS[2], "acknowledge"), (DAYS[2], "note")).forced
    over = Blocker("b", "no disk", opened_at=DAYS[0], state="resolved")
    assert carried([over], None, DAYS) == {}
