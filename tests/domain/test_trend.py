"""Coverage from day to day, as status files tell it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot, StatusFile, StatusSeen
from controlroom.domain.status import room_status
from controlroom.domain.telemetry import Coverage, Gate
from controlroom.domain.trend import DAYS, Point, direction, trend, wave_trend

NOON = dt.datetime(2031, 5, 6, 12, tzinfo=dt.UTC)


def file(
    day: int, said: object, slot: str = "nightly", hour: int = 12, *, wave: object = None, data: Any = None
) -> StatusFile:
    """A status file of a day in May that says `said` of the squad ink, and `wave` of the wave w1."""
    date = f"2031-05-{day:02d}"
    found = {"squads": [{"id": "ink", "coverage": said}], "gates": [wave]} if data is None else data
    return StatusFile(f"{date}.json", date, slot, NOON.replace(day=day, hour=hour), found)


def covered(ok: int, required: int = 4, verdict: str = "FAIL", **more: object) -> Mapping[str, object]:
    """Coverage as a status file has it."""
    pct = 100 * ok // required if required else None
    return {"squad": "ink", "ok": ok, "required": required, "pct": pct, "verdict": verdict, **more}


def points(*files: StatusFile) -> tuple[Point, ...]:
    """The trend of ink."""
    return trend(StatusSeen(files), "ink")


def test_one_point_a_day_oldest_first() -> None:
    """A gap between two days stays a gap: each point has its date."""
    found = points(file(6, covered(3)), file(3, covered(1)), file(4, covered(4, verdict="PASS")))
    assert [(one.date.day, one.pct, one.verdict) for one in found] == [
        (3, 25, "FAIL"),
        (4, 100, "PASS"),
        (6, 75, "FAIL"),
    ]
    assert (found[0].ok, found[0].required) == (1, 4)


def test_the_nightly_status_speaks_for_its_day() -> None:
    """Also where another one is newer; without one the newest of the day does."""
    nightly = file(6, covered(1), hour=1)
    standup, evening = file(6, covered(2), "standup", 9), file(6, covered(3), "eod", 20)
    assert [one.ok for one in points(evening, nightly, standup)] == [1]
    assert [one.ok for one in points(evening, standup)] == [3]
    assert [one.ok for one in points(file(6, None), evening)] == [3]


def test_at_most_a_fortnight() -> None:
    """The newest days are kept."""
    found = points(*(file(day, covered(1)) for day in range(1, 31)))
    assert [one.date.day for one in found] == list(range(31 - DAYS, 31))


def test_what_nobody_knew_is_no_percentage() -> None:
    """Signals that could not be asked for make no day look bad, nor one on which nothing was required."""
    unknown = covered(0, verdict="UNKNOWN", unknown=4)
    partly = covered(2, verdict="FAIL", unknown=1)
    holding = covered(4, verdict="UNKNOWN", unknown=0)
    before = covered(0, verdict="UNKNOWN")  # as files without the key have it
    nothing = covered(0, 0, "NOT_DECLARED")
    days = (unknown, partly, holding, before, nothing)
    found = points(*(file(day, said) for day, said in enumerate(days, 1)))
    assert [one.pct for one in found] == [None, None, 100, None, None]


ODD: tuple[object, ...] = (
    None,
    "100 %",
    [],
    {},
    {**covered(5), "pct": 100},
    {**covered(4), "pct": 125},
    covered(-1),
    covered(1, verdict="MAYBE"),
    {**covered(1), "pct": 400},
    {**covered(1), "pct": "25"},
    {**covered(1), "pct": None},
    {**covered(1), "ok": True},
    {**covered(1), "required": 4.0},
)


@pytest.mark.parametrize("said", ODD, ids=repr)
def test_odd_coverage_is_left_out(said: object) -> None:
    """It makes no point, and takes away no other."""
    assert [one.date.day for one in points(file(5, covered(1)), file(6, said))] == [5]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["squads", "gates", "id", "wave", "coverage", "ok", "required", "pct"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, st.text(max_size=10))
def test_foreign_files_never_raise(data: Any, date: str) -> None:
    """Whatever a file holds, it is left out at worst."""
    held = {"squads": data, "gates": data} if not isinstance(data, dict) else data
    seen = StatusSeen((StatusFile("x", date, "nightly", NOON, held), file(6, covered(1))))
    assert trend(seen, "ink")[-1:] == points(file(6, covered(1)))
    assert isinstance(wave_trend(seen, "ink"), tuple)


def test_the_gate_of_a_wave_has_its_own() -> None:
    """By the name of the wave; other names have none."""
    seen = StatusSeen(
        (
            file(5, None, wave={"wave": "w1", **covered(8, 10)}),
            file(6, None, wave={"wave": "w1", **covered(9, 10)}),
        )
    )
    assert [one.pct for one in wave_trend(seen, "w1")] == [80, 90]
    assert wave_trend(seen, "w2") == trend(seen, "w1") == wave_trend(None, "w1") == ()


def test_what_a_room_writes_comes_back() -> None:
    """Coverage and gate of a room, as its status document has them."""
    part = Coverage("ink", 3, 4, 75, "FAIL", waived=1)
    partly = Coverage("ink", 3, 4, 75, "UNKNOWN", unknown=1)
    for coverage, pct in ((part, 75), (partly, None)):
        room = Snapshot(
            Program("press", squads=(Squad("ink"),)),
            coverage=(coverage,),
            gates=(Gate("w1", coverage.verdict, 3, 4, 75, (coverage,), unknown=coverage.unknown),),
        )
        seen = StatusSeen((StatusFile("f", "2031-05-06", "nightly", NOON, room_status(room, NOON)),))
        expected = (Point(NOON.date(), pct, 3, 4, coverage.verdict),)
        assert trend(seen, "ink") == wave_trend(seen, "w1") == expected


def test_asking_again_about_the_same_files_is_free() -> None:
    """The very same points for every squad, whichever was asked for in between."""
    seen = StatusSeen((file(6, covered(1), wave={"wave": "w1", **covered(1)}),))
    first = trend(seen, "ink")
    trend(seen, "other")
    assert trend(seen, "ink") is first
    assert wave_trend(seen, "w1") is wave_trend(seen, "w1")


@pytest.mark.parametrize(
    ("pcts", "expected"),
    [
        ((), None),
        ((50,), None),
        ((None, 50), None),
        ((50, 60), "up"),
        ((90, 60), "down"),
        ((20, 60, 60), "flat"),
        ((50, None, 60, None), "up"),
    ],
)
def test_direction(pcts: tuple[int | None, ...], expected: str | None) -> None:
    """Between the last two days that are known."""
    days = tuple(Point(dt.date(2031, 5, day), pct, 0, 4, "FAIL") for day, pct in enumerate(pcts, 1))
    assert direction(days) == expected
