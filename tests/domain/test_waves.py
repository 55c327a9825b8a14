"""Waves: what the dates say beside what people declared."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.board import Sprint
from controlroom.domain.calendar import CalendarRules
from controlroom.domain.waves import Declared, DeclaredState, Wave, WaveStatus, assess, span

START = date(2025, 10, 4)
RULES = CalendarRules()


def wave(state: DeclaredState | None = None, **more: object) -> Wave:
    """Wave A, Weeks 1–2, declared as told."""
    declared = Declared("as written", state) if state else None
    fields: dict[str, object] = {"weeks": (1, 2), "declared": declared, **more}
    return Wave("a", **fields)  # type: ignore[arg-type]


def on(day: date, one: Wave, done: bool | None = None) -> WaveStatus:
    """The status of one wave of a programme that began on START."""
    return assess([one], day, start=START, done={"a": done})[0]


@pytest.mark.parametrize(
    ("day", "phase", "where"),
    [
        (date(2025, 10, 3), "planned", (None, None, 1, None)),
        (date(2025, 10, 4), "active", (1, 14, None, None)),
        (date(2025, 10, 6), "active", (3, 14, None, None)),
        (date(2025, 10, 17), "active", (14, 14, None, None)),
        (date(2025, 10, 18), "ended", (None, None, None, 0)),
        (date(2025, 10, 30), "ended", (None, None, None, 12)),
    ],
)
def test_a_phase_follows_from_the_half_open_range(
    day: date, phase: str, where: tuple[int | None, ...]
) -> None:
    """Weeks 1–2 from 2025-10-04 run to 10-17; the 18th is no longer in them."""
    status = on(day, wave())
    assert status.phase == phase
    assert (status.day, status.days, status.opens_in, status.ended_ago) == where


@pytest.mark.parametrize(
    ("state", "day", "done", "verdict"),
    [
        ("active", date(2025, 9, 29), None, "EARLY by 5 d"),
        ("active", date(2025, 10, 6), None, None),
        ("active", date(2025, 10, 20), None, "STALE: ended 2 d ago"),
        ("approved_early", date(2025, 10, 1), None, "opens in 3 d (early start approved)"),
        ("approved_early", date(2025, 10, 4), None, None),
        ("approved_early", date(2025, 10, 19), None, "STALE: ended 1 d ago"),
        ("planned", date(2025, 10, 3), None, None),
        ("planned", date(2025, 10, 4), None, "LATE NOTICE: running since 0 d"),
        ("planned", date(2025, 10, 9), None, "LATE NOTICE: running since 5 d"),
        ("planned", date(2025, 10, 20), None, "STALE: ended 2 d ago"),
        ("done", date(2025, 10, 20), None, "UNPROVEN"),
        ("done", date(2025, 10, 20), False, "UNPROVEN"),
        ("done", date(2025, 10, 20), True, None),
        ("done", date(2025, 10, 6), None, "UNPROVEN"),
        ("done", date(2025, 10, 1), None, "UNPROVEN"),
        (None, date(2025, 10, 20), None, None),
    ],
)
def test_declared_against_computed_has_one_wording_each(
    state: DeclaredState | None, day: date, done: bool | None, verdict: str | None
) -> None:
    """Every combination says exactly what the rules say, and nothing where they agree."""
    assert on(day, wave(state), done).verdict == verdict


def test_a_declaration_that_cannot_be_read_gives_no_verdict() -> None:
    """The text is kept, no state is guessed from it."""
    status = on(date(2025, 10, 30), wave(declared=Declared("sort of underway?")))
    assert status.verdict is None
    assert status.wave.declared == Declared("sort of underway?")


@pytest.mark.parametrize(("done", "outcome"), [(True, "done"), (False, "late"), (None, "unverified")])
def test_only_proof_makes_an_ended_wave_done(done: bool | None, outcome: str) -> None:
    """What is not known is unverified; a wave that runs has no outcome yet."""
    assert on(date(2025, 10, 18), wave("active"), done).outcome == outcome
    assert on(date(2025, 10, 17), wave("active"), done).outcome is None


def test_facts_may_be_a_function_or_be_missing() -> None:
    """A callable is asked per wave; a wave that the mapping lacks is unknown."""
    later = date(2025, 12, 1)
    assert assess([wave()], later, start=START, done=lambda w: w.id == "a")[0].outcome == "done"
    assert assess([wave()], later, start=START)[0].outcome == "unverified"


def test_overlap_names_the_other_waves_of_that_day() -> None:
    """Only waves that are active on the day itself, and never a design wave."""
    waves = [
        Wave("design", design=True),
        Wave("a", weeks=(1, 2)),
        Wave("b", start=date(2025, 10, 11), end=date(2025, 10, 25)),
        Wave("c", weeks=(3, 4)),
    ]
    before, during = (assess(waves, day, start=START) for day in (date(2025, 10, 10), date(2025, 10, 13)))
    assert [s.overlaps for s in before] == [(), (), (), ()]
    assert [s.overlaps for s in during] == [(), ("b",), ("a",), ()]


def test_without_a_programme_start_weeks_are_not_guessed() -> None:
    """Phases of waves that only have weeks are unknown; explicit dates still count."""
    waves = [wave("active"), Wave("b", start=START, end=date(2025, 10, 11)), Wave("d", design=True)]
    phases = [s.phase for s in assess(waves, START)]
    assert phases == ["unknown", "active", "unknown"]
    assert assess(waves, START)[0].verdict is None


@pytest.mark.parametrize(
    ("one", "day", "phase"),
    [
        (Wave("a", start=START), date(2025, 10, 1), "planned"),
        (Wave("a", start=START), date(2025, 10, 6), "unknown"),
        (Wave("a", end=START), date(2025, 10, 1), "unknown"),
        (Wave("a", end=START), date(2025, 10, 6), "ended"),
        (Wave("a", start=START, end=START), START, "unknown"),
        (Wave("a", weeks=(3, 2)), START, "unknown"),
        (Wave("a"), START, "unknown"),
    ],
)
def test_half_known_and_impossible_ranges_are_unknown_where_they_do_not_decide(
    one: Wave, day: date, phase: str
) -> None:
    """One end decides what it can, an empty range decides nothing."""
    assert assess([one], day, start=START)[0].phase == phase


def test_span_prefers_dates_and_falls_back_to_weeks() -> None:
    """Explicit dates win over weeks; weeks need the programme's start."""
    assert span(wave(), RULES, START) == (date(2025, 10, 4), date(2025, 10, 18))
    dated = wave(start=date(2025, 10, 5), end=date(2025, 10, 9))
    assert span(dated, RULES, START) == (date(2025, 10, 5), date(2025, 10, 9))
    assert span(wave(start=date(2025, 10, 5)), RULES, START) == (date(2025, 10, 5), date(2025, 10, 18))
    assert span(wave(), RULES, None) is None
    assert span(Wave("x"), RULES, START) is None


def test_a_design_wave_works_towards_the_sprints_that_begin_next() -> None:
    """All sprints with the smallest start after today, due on that start."""
    sprints = [
        Sprint("s2", "Sprint-2", date(2025, 10, 4)),
        Sprint("s4", "Sprint-4", date(2025, 10, 11)),
        Sprint("s5", "Sprint-5", date(2025, 10, 11)),
        Sprint("s6", "", date(2025, 10, 25)),
        Sprint("s7", "Sprint-7"),
    ]
    design = [Wave("design", design=True)]

    def targets(day: date) -> tuple[str, ...]:
        return assess(design, day, start=START, sprints=sprints)[0].targets

    assert targets(date(2025, 10, 10)) == ("Sprint-4 due 2025-10-11", "Sprint-5 due 2025-10-11")
    assert targets(date(2025, 10, 11)) == ("s6 due 2025-10-25",)
    assert targets(date(2025, 10, 25)) == ("no later sprint declared",)
    assert assess([wave()], START, start=START, sprints=sprints)[0].targets == ()


def test_a_design_wave_without_dates_runs_on_from_week_zero() -> None:
    """It is continuous: planned before Week 0, active ever after, without a day count."""
    design = Wave("design", design=True)
    phases = [on(day, design).phase for day in (date(2025, 9, 26), date(2025, 9, 27), date(2026, 9, 1))]
    assert phases == ["planned", "active", "active"]
    assert on(START, design).day is None


days = st.dates(date(2020, 1, 1), date(2035, 1, 1))
states = st.sampled_from([None, "active", "approved_early", "planned", "done"])


@given(days, st.integers(1, 200), days, states, st.sampled_from([True, False, None]))
def test_a_status_never_contradicts_the_dates(
    begin: date, length: int, today: date, state: DeclaredState | None, done: bool | None
) -> None:
    """Exactly the numbers of the phase are there, and they add up to the range."""
    end = begin + timedelta(days=length)
    status = on(today, wave(state, start=begin, end=end), done)
    if status.phase == "planned":
        assert status.opens_in is not None
        assert today + timedelta(days=status.opens_in) == begin
        assert status.opens_in > 0
    elif status.phase == "active":
        assert status.day is not None
        assert 1 <= status.day <= length == status.days
        assert begin + timedelta(days=status.day - 1) == today
    else:
        assert status.phase == "ended"
        assert status.ended_ago is not None
        assert end + timedelta(days=status.ended_ago) == today
    assert (status.outcome is None) == (status.phase != "ended")


@given(st.lists(st.tuples(days, st.integers(1, 60)), max_size=6), days)
def test_overlap_is_mutual(ranges: list[tuple[date, int]], today: date) -> None:
    """If one wave names another, the other names it."""
    waves = [Wave(str(i), start=b, end=b + timedelta(days=n)) for i, (b, n) in enumerate(ranges)]
    named = {s.wave.id: set(s.overlaps) for s in assess(waves, today)}
    assert all(one in named[other] for one, others in named.items() for other in others)
    assert all(one not in others for one, others in named.items())
