"""The relay: one collector tells the room, any number of screens hear it.

A frame is the room in full, or what differs from the frame before it. Frames of one term, told by one
leader, are numbered without holes; whoever misses one joins again. Whoever joins has the whole room in one
round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from controlroom.stores.lease import Held
    from controlroom.stores.logs import Settings

SILENCE = 1.0
"""Seconds after which a collector says that it is there although nothing is new."""

LOST_AFTER = 3.0
"""Seconds without a word of the collector after which everything shown is stale."""

BODY = 1 << 26
"""Bytes of one frame's body at most; a room with ten thousand cards takes less than a million in full."""

SCREENS = 256
"""Screens that follow over one socket on this machine at most; one more is hung up on at once."""


class Frame(NamedTuple):
    """One frame as it is told."""

    term: int
    """Of the lease under which it is told; a later leader has a higher one."""
    seq: int
    """1, 2, 3, … within its term; one that is empty has the number of the one before it."""
    full: bool
    at: datetime
    """When it was told, by the collector's clock; UTC."""
    by: str
    """The collector's name."""
    body: bytes
    """What `frames.Teller` wrote; empty: nothing is new, the collector is there."""


class Heard(NamedTuple):
    """What came, oldest first, and where to go on from. Nothing came: `frames` is empty."""

    frames: Sequence[Frame]
    cursor: str
    ahead: float | None
    """Seconds that this machine's clock is ahead of the collector's; None where nothing was told yet."""
    uncertain: float
    """Seconds by which `ahead` may be wrong: half of the round trip that found it."""


class Fenced(Exception):
    """The lease is another's now: what was to be told was not told, and its holder has to stop acting."""


class Publisher(Protocol):
    """The collector's side. Calls block, each with a limit of its own; any number of threads may call."""

    def tell(self, frame: Frame, held: Held) -> None:
        """Tell `frame` to everybody: whole or not at all.

        Raises Fenced, and Unavailable, after which it may have been told or not: the next one has to be full
        and to have a number of its own. The first one of a term is full, too.
        """
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...


class Follower(Protocol):
    """A screen's side. Calls block, each with a limit of its own."""

    where: str
    """What is followed, without secrets."""

    def join(self) -> Heard:
        """The newest full frame and all that were told after it, in one round trip; empty: nobody told yet.

        Raises Unavailable.
        """
        ...

    def hear(self, cursor: str, wait: float) -> Heard:
        """What was told after `cursor`, waiting up to `wait` seconds for it. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Let go of connections, also of one that waits in another thread; idempotent, quick."""
        ...


def open_publisher(url: str, settings: Settings) -> Publisher:
    """Tells through the Redis at `url` (as `[store].url`). Nothing is connected to yet. Raises ValueError."""
    from controlroom.stores.relay_redis import RedisPublisher

    return RedisPublisher(url, settings)


def open_follower(url: str, settings: Settings) -> Follower:
    """Follows the Redis, or the socket (``unix-relay:/path``), at `url`. Raises ValueError."""
    if url.startswith(SOCKET):
        from controlroom.stores.relay_socket import SocketFollower

        return SocketFollower(Path(url.removeprefix(SOCKET)))
    from controlroom.stores.relay_redis import RedisFollower

    return RedisFollower(url, settings)


SOCKET = "unix-relay:"
"""How the address of a relay on this machine begins."""
