"""How long ago a task queue was polled, when the clocks here and there need not agree."""

from __future__ import annotations

from dataclasses import replace

from controlroom.domain.frozen import dataclass

SILENCE = 65.0
"""Seconds without a poll after which workers are called silent.

A poll that finds no task takes the server a minute, and both its ends count. Temporal's own tool reads more
than a minute as a worker that is gone, or full (``temporal task-queue describe --help``).
"""


@dataclass(frozen=True, slots=True)
class Poll:
    """The last poll of a task queue, and when we saw it, in seconds of the event loop."""

    newest: float
    """When it was, in seconds since 1970 by the server's clock."""
    first: float
    """The first look that showed it."""
    last: float
    """The last look that did."""
    before: float | None = None
    """The last look that did not yet; None where there was none."""


def seen(known: Poll | None, newest: float, now: float) -> Poll:
    """What is known after a look at `now` that showed `newest`; `known` is what was known before."""
    if known is None or newest < known.newest:
        return Poll(newest, now, now)
    if newest == known.newest:
        return replace(known, last=now)
    return Poll(newest, now, now, known.last)


def age(poll: Poll, clock: float, now: float) -> float:
    """Seconds since the last poll, at `now`, which is `clock` since 1970 by our own clock.

    Two machines' clocks seldom agree. What was seen from here bounds what their difference can say: it is no
    younger than the first look that showed it, and no older than the last that did not.
    """
    between = clock - poll.newest
    if poll.before is not None:
        between = min(between, now - poll.before)
    return max(between, now - poll.first)
