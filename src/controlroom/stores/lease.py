"""The lease: which of several collectors leads, and which of them are there at all.

Its keys in Redis; the braces are part of the names, the hash tag is the triage log's:

``{prefix}:lease``
    A string ``<term> <holder>``, the term in decimal digits, one space, then the holder's name as UTF-8; it
    expires (PX). Absent: nobody leads. Whoever writes in a leader's name compares the whole value first, on
    the server, in the script that writes.
``{prefix}:lease:term``
    The newest term that was given, a number that only grows; for ever.
``{prefix}:lease:server``
    A hash: ``run``, the run id of the server that gives leases, and ``since``, milliseconds of its clock at
    which it began to. A server that has just become the one, after a restart or a failover, may have lost a
    lease: it gives none for as long as a lease lasts.
``{prefix}:lease:members``
    A sorted set: who is there, scored with the milliseconds of the server's clock until which they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from controlroom.stores.logs import Settings


class Held(NamedTuple):
    """A lease that is held."""

    holder: str
    """Name of the collector: unique among all that ever run."""
    term: int
    """Higher than that of every leader before."""
    until: float
    """`elapsed.elapsed()` at which it may be another's. Nothing is done in its name from then on.

    Counted from before the request that took or renewed it, less a margin for clocks that run unevenly.
    """


class Lease(Protocol):
    """Calls block, each with a limit of its own; any number of threads may call. All raise Unavailable."""

    def take(self, holder: str) -> Held | None:
        """The lease, if it is free, or is `holder`'s already; None: another one leads."""
        ...

    def renew(self, held: Held) -> Held | None:
        """`held` for another while; None: it is lost."""
        ...

    def release(self, held: Held) -> None:
        """Let another one lead at once."""
        ...

    def attend(self, holder: str) -> Sequence[str]:
        """Say that `holder` is there, and who is, sorted, `holder` among them."""
        ...

    def leave(self, holder: str) -> None:
        """Say that `holder` is going."""
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...


def open_lease(url: str, settings: Settings, seconds: float) -> Lease:
    """The lease in the Redis at `url` (as `[store].url`), which lasts `seconds`. Raises ValueError."""
    from controlroom.stores.lease_redis import RedisLease

    return RedisLease(url, settings, seconds)
