"""What a gate asks of a signal before it counts."""

from __future__ import annotations

from typing import Literal

from controlroom.domain.frozen import dataclass

HOLD = 600.0

FailCode = Literal[
    "WRONG_TYPE", "MISSING_LABEL", "FLAT", "NO_RULE", "RULE_ERROR", "RULE_BLIND", "NO_DASHBOARD"
]
"""Gaps of a signal that is delivered, as far as a gate may be told to fail on them."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """`[gate]`: when a signal counts for the exit of a wave."""

    hold: float = HOLD
    """Seconds for which it must have been there, or waived, without a break."""
    fail_codes: tuple[FailCode, ...] = ()
    """Gaps in quality that fail a gate; the others only warn."""
