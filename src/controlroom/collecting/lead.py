"""Whether this process leads."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from controlroom.stores.elapsed import elapsed
from controlroom.stores.lease import Held

if TYPE_CHECKING:
    from controlroom.stores.lease import Lease


class Lead:
    """The lead, as far as it may be relied upon: judged anew every time, by the clock and not by a timer.

    A process that was stopped and wakes finds here that it has been too long, before it does anything else.
    """

    def __init__(self) -> None:
        self._held: Held | None = None
        self.lost = asyncio.Event()
        """Set when it was lost, or found to be another's."""

    @property
    def held(self) -> Held | None:
        """The lease; None while it may be another's."""
        held = self._held
        return held if held is not None and elapsed() < held.until else None

    @property
    def leads(self) -> bool:
        """Whether anything may be done in the leader's name at this moment."""
        return self.held is not None

    def take(self, held: Held) -> None:
        """Lead under `held` from now on."""
        self._held = held
        self.lost.clear()

    def renew(self, held: Held) -> None:
        """Lead for another while, if the lead was not given up since that was asked for."""
        if self._held is not None and self._held.term == held.term:
            self._held = held

    def end(self) -> Held | None:
        """Lead no longer; what was held, to be released."""
        held, self._held = self._held, None
        self.lost.set()
        return held


class Alone:
    """The lease where there is none to share: the store is a folder, and its one collector always leads."""

    def take(self, holder: str) -> Held | None:
        """It is free."""
        return Held(holder, 1, math.inf)

    def renew(self, held: Held) -> Held | None:
        """For ever."""
        return held

    def release(self, held: Held) -> None:
        """Nobody waits for it."""

    def attend(self, holder: str) -> Sequence[str]:
        """Nobody else."""
        return (holder,)

    def leave(self, holder: str) -> None:
        """Nobody is told."""

    def close(self) -> None:
        """There is nothing to let go of."""


if TYPE_CHECKING:
    _: type[Lease] = Alone
