"""A moment of the room's past: everything as it was seen at one instant, and what was kept around it."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Snapshot

GAP = timedelta(seconds=75)
"""Two moments farther apart than this have a time between them of which nothing was kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """The room as it was seen at `at`, UTC, which is the instant it is to be shown at."""

    snapshot: Snapshot
    at: datetime
    before: datetime | None = None
    """When the moment that was kept before it is from; None: it is the oldest."""
    after: datetime | None = None
    """When the one kept after it is from; None: it is the newest."""

    def gap(self, asked: datetime) -> tuple[datetime, datetime | None] | None:
        """From when until when nothing was kept, where `asked` lies in such a time beside this moment.

        The end is None where nothing has been kept since. None: what was asked for was kept.
        """
        began, ended = (self.at, self.after) if asked >= self.at else (self.before, self.at)
        if began is None or (ended is not None and ended - began <= GAP):
            return None
        # Just after what was kept last it is as good as kept.
        return None if self.at <= asked <= began + GAP else (began, ended)


class NoPast(Exception):
    """Why nothing can be kept, or shown, in plain words."""
