"""How high panes would like to be, without a room that moves whenever a row comes or goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

SETTLE = timedelta(seconds=20)
"""A pane grows at once, and gives lines back when it has not needed them for this long."""


class Wishes:
    """The wishes that count: the highest of the last while."""

    def __init__(self) -> None:
        self._granted: dict[str, int] = {}
        self._since: dict[str, datetime] = {}

    def settle(self, wants: Mapping[str, int], now: datetime) -> dict[str, int]:
        """`wants` as they count at `now`, in the same order."""
        for pane, want in wants.items():
            granted = self._granted.get(pane)
            since = self._since.setdefault(pane, now)
            # A clock that was set back must not hold the old height for hours.
            waited = abs(now - since) >= SETTLE
            if granted is None or want >= granted or waited:
                self._granted[pane] = want
                self._since[pane] = now
        return {pane: self._granted[pane] for pane in wants}

    def forget(self) -> None:
        """The person changed what is shown: everything at once."""
        self._granted.clear()
        self._since.clear()
