"""The strip of a service's last hour: every minute what it was at its worst."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.health import ProbeResult, ServiceState, advance, initial
from controlroom.domain.history import strip
from controlroom.domain.maintenance import Window
from controlroom.domain.services import Health, Service

T0 = datetime(2025, 10, 6, 16, 0, tzinfo=UTC)
LETTERS = {None: ".", Health.UP: "u", Health.DEGRADED: "w", Health.DOWN: "D", Health.UNKNOWN: "?"} | {
    Health.MAINTENANCE: "m"
}
U, W, D = Health.UP, Health.DEGRADED, Health.DOWN


def lived(*seen: tuple[float, Health], service: Service | None = None) -> ServiceState:
    """A state after results at minutes; one failure is enough here."""
    state = initial(service or Service("s", "http", down_after=1, interval=60.0), 60.0)
    for minute, health in seen:
        state = advance(state, ProbeResult("s", T0 + timedelta(minutes=minute), health, "so"))
    return state


def drawn(state: ServiceState, minute: float, cells: int = 12) -> str:
    """The strip at a minute, a letter a part."""
    return "".join(LETTERS[h] for h in strip(state, T0 + timedelta(minutes=minute), cells))


def every(minutes: range, health: Health) -> list[tuple[float, Health]]:
    return [(minute, health) for minute in minutes]


def test_a_strip_shows_the_worst_of_each_part() -> None:
    """Two minutes DOWN in a part of five are not averaged away."""
    state = lived(*every(range(22), U), *every(range(22, 24), D), *every(range(24, 61), U))
    assert drawn(state, 60) == "uuuuDuuuuuuu"


def test_what_was_before_the_first_look_is_not_invented() -> None:
    """Nothing known is neither well nor unknown."""
    state = lived(*every(range(30, 61), U))
    assert drawn(state, 60) == "......uuuuuu"
    assert drawn(initial(Service("s", "http"), 5.0), 60) == "............"


def test_silence_is_seen_while_it_lasts_and_afterwards() -> None:
    """A gap in the probes is a gap in the strip, also once they came back."""
    state = lived(*every(range(31), U))
    assert drawn(state, 60) == "uuuuuu??????"
    back = lived(*every(range(31), U), *every(range(50, 61), U))
    assert drawn(back, 60) == "uuuuuu????uu"


def test_a_failure_in_doubt_is_unknown() -> None:
    """While this machine may be what is cut off, its last hour accuses nobody; what was before stays."""
    state = lived(*every(range(31), U), *every(range(31, 61), D))
    assert drawn(state, 60) == "uuuuuuDDDDDD"
    assert drawn(replace(state, verified=False), 60) == "uuuuuu??????"
    assert drawn(replace(lived(*every(range(61), U)), verified=False), 60) == "u" * 12


def test_older_changes_leave_the_strip_with_what_they_led_to() -> None:
    """What it was an hour ago is known from the last change before."""
    state = lived((0, U), *every(range(1, 130), D))
    assert drawn(state, 129) == "D" * 12


def test_planned_work_is_drawn_as_such() -> None:
    """The part of the hour that was planned."""
    window = Window(days="daily", time=time(16, 30), minutes=10, zone="UTC")
    service = Service("s", "http", down_after=1, interval=60.0, maintenance=(window,))
    state = lived(*every(range(30), U), *every(range(30, 40), D), *every(range(40, 61), U), service=service)
    assert drawn(state, 60) == "uuuuuummuuuu"


@pytest.mark.parametrize("cells", [0, -1])
def test_no_room_is_no_strip(cells: int) -> None:
    """A pane may be too narrow."""
    assert strip(lived((0, U)), T0, cells) == ()


@given(st.lists(st.tuples(st.integers(1, 900), st.sampled_from([U, W, D])), max_size=40), st.integers(1, 60))
def test_any_life_makes_a_strip_that_ends_in_the_present(steps: list[tuple[int, Health]], cells: int) -> None:
    """As many parts as asked for, and the last one no better than what is known now."""
    at, seen = 0.0, []
    for seconds, health in steps:
        at += seconds / 60
        seen.append((at, health))
    state = lived(*seen)
    now = T0 + timedelta(minutes=at, seconds=1)
    found = strip(state, now, cells)
    assert len(found) == cells
    if seen:
        rank = [U, Health.UNKNOWN, W, D]
        assert found[-1] is not None
        assert rank.index(found[-1]) >= rank.index(state.health)
