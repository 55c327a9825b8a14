"""The clock that leases and ages are counted by."""

from __future__ import annotations

import time


def elapsed() -> float:
    """Seconds that only go on, also while the machine sleeps: a lid that was shut must not hide an age."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
