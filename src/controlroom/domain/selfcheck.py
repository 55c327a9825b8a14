"""Is it me? What this machine finds out about itself, so that its own trouble is not blamed on services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from controlroom.domain.frozen import dataclass

CheckName = Literal["clock", "route", "dns", "reference"]

CLOCK_JUMP = 5.0
"""Seconds by which the wall clock may run apart from the machine's steady one between two looks."""

CLOCK_SKEW = 30.0
"""Seconds by which it may differ from a reference target's."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `ok` None: it could not be judged, or there was nothing to judge by."""

    name: CheckName
    ok: bool | None
    text: str
    """What was found, in plain words."""


def failing(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Those that say that this machine itself is in trouble."""
    return tuple(check for check in checks if check.ok is False)


def clock(wall: float, steady: float, skew: float | None, skew_of: str = "") -> Check:
    """The clock's check, from seconds that passed on the wall clock and on the steady one since the last
    look, and from how many seconds ahead of `skew_of` the wall clock is, where that is known."""
    from controlroom.domain.instants import duration

    jump = wall - steady
    if abs(jump) > CLOCK_JUMP:
        way = "forward" if jump > 0 else "back"
        return Check("clock", False, f"the clock jumped {way} by {duration(abs(jump))}")
    if skew is None:
        return Check("clock", True, "runs evenly")
    if abs(skew) > CLOCK_SKEW:
        way = "ahead of" if skew > 0 else "behind"
        return Check("clock", False, f"the clock is {duration(abs(skew))} {way} {skew_of}")
    return Check("clock", True, f"agrees with {skew_of}")
