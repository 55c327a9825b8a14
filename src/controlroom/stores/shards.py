"""What collectors that share the asking of services tell each other, through the Redis that has the lease.

Its keys; the braces are part of the names, the hash tag is the triage log's:

``{prefix}:shards:members``
    A sorted set of ``<mark> <name>``, who wants to share, scored with the milliseconds of the server's clock
    until which it is there.
``{prefix}:shards:roster``
    A string: lines ``<term> <holder>``, ``<mark>``, and the names of those who share, as the leader says.
``{prefix}:shards:results``
    A stream, whose entries have the fields ``by`` and ``r``: what probes brought, instants by the server's
    clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from controlroom.domain.health import ProbeResult
    from controlroom.stores.lease import Held
    from controlroom.stores.logs import Settings


class Told(NamedTuple):
    """What one member's probes brought."""

    by: str
    results: Sequence[ProbeResult]
    """Cleaned, with instants by this machine's clock: never later than they were, nor than now."""


class Hearing(NamedTuple):
    """What the leader hears."""

    told: Sequence[Told]
    """Oldest first."""
    present: Sequence[str]
    """Who wants to share, sorted."""
    roster: Sequence[str]
    """Who shares as it is written; empty where this leader has not said so yet."""
    cursor: str
    """Where to go on from."""
    more: bool
    """There is more to hear now."""


class Shards(Protocol):
    """Calls block, each with a limit of its own; any number of threads may call. All raise Unavailable."""

    lasts: float
    """Seconds a member that says nothing still counts as there."""

    def tell(self, holder: str, mark: str, results: Sequence[ProbeResult]) -> Sequence[str]:
        """Say that `holder` is there, what its probes brought; and who shares. Empty: nobody has said so."""
        ...

    def hear(self, held: Held, mark: str, cursor: str) -> Hearing:
        """What was told after `cursor` (empty: from now on), in the leader's name. Raises Fenced."""
        ...

    def share(self, held: Held, mark: str, roster: Sequence[str]) -> None:
        """Say who shares. Raises Fenced."""
        ...

    def leave(self, holder: str, mark: str) -> None:
        """Say that `holder` shares no more."""
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...


def open_shards(url: str, settings: Settings, lasts: float, clock: Callable[[], datetime]) -> Shards:
    """What is shared through the Redis at `url` (as `[store].url`). Raises ValueError.

    `lasts` is as long as the lease, `clock` the one that probes go by.
    """
    from controlroom.stores.shards_redis import RedisShards

    return RedisShards(url, settings, lasts, clock)
