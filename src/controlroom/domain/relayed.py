"""What a screen that follows a collector knows of it, beside the room it shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlroom.domain.frozen import dataclass

SKEW_WORTH_SAYING = 2.0
"""Seconds between the clocks of collector and viewer from which on the screen says so."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """How the room that is shown came here. Instants are by the viewer's own clock, UTC."""

    where: str
    """What is followed, without secrets."""
    collector: str = ""
    """Name of the one that told the newest frame; empty: nothing was heard yet."""
    heard_at: datetime | None = None
    """When the newest frame came, or the collector last said that nothing is new."""
    lost_since: datetime | None = None
    """Since when nothing can be heard; None while all is well. Everything shown is old from then on."""
    reason: str = ""
    """Why nothing can be heard, in plain words."""
    skew: float | None = None
    """Seconds that the viewer's clock is ahead of the collector's; None: not known yet."""
    uncertain: float = 0.0
    """Seconds by which `skew` may be wrong."""

    @property
    def lost(self) -> bool:
        """Whether what is shown may be out of date."""
        return self.lost_since is not None or self.heard_at is None

    @property
    def unheard(self) -> bool:
        """Whether nobody has told anything yet: nothing is shown, and nothing is known."""
        return self.heard_at is None

    @property
    def old_since(self) -> datetime | None:
        """`lost_since` by the collector's clock, which all that is shown goes by."""
        return None if self.lost_since is None else self.lost_since - timedelta(seconds=self.skew or 0.0)

    @property
    def skewed(self) -> float | None:
        """`skew` where it is worth saying, and no mere uncertainty; else None."""
        if self.skew is None or abs(self.skew) < max(SKEW_WORTH_SAYING, self.uncertain):
            return None
        return self.skew
