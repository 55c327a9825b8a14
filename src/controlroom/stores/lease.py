"""The lease: which of several collectors leads, and which of them are there at all."""

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
    """`time.monotonic()` at which it may be another's. Nothing is done in its name from then on.

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
