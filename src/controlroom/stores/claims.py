"""Claims: which of a team's rooms tells a notice, beside the triage log and in the same store.

A room claims a notice before it tells it, and confirms it once it is told. A claim that is neither confirmed
nor renewed for a while is void: a room that dies in between loses nothing, at the price that what it had just
told may be told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from controlroom.stores.logs import Settings

LEASE = 60.0
"""Seconds after which a claim that nobody confirmed or renewed is void; longer than any attempt takes."""

KEPT = 86_400
"""Seconds for which it is known at least that something was told."""

Answer = Literal["mine", "held", "told"]


class Claims(Protocol):
    """Who tells what. Calls block, each with a limit of its own; any number of threads may call."""

    def claim(self, keys: Sequence[str], room: str) -> Answer:
        """Whether `room` may tell what `keys` (letters and digits) stand for; renews a claim of its own.

        Any key that is held, or told, counts for all. Raises Unavailable where nobody can say.
        """
        ...

    def confirm(self, keys: Sequence[str], room: str) -> None:
        """It is told. Raises Unavailable; then it may be told again."""
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...


def first_lost(answers: Iterable[Answer]) -> Answer:
    """The first of `answers` that is not ``mine``, and none after it is asked for.

    Who loses one key takes no further one: of rooms whose keys overlap, one then has all of its own.
    """
    return next((answer for answer in answers if answer != "mine"), "mine")


def open_claims(url: str, folder: Path, settings: Settings, lease: float = LEASE) -> Claims:
    """The claims beside the log at `url`, as `logs.open_log` takes it. Nothing is connected to yet.

    Raises ValueError for a URL of no known kind; the message does not repeat it.
    """
    if url.startswith("dir:"):
        from controlroom.stores.claims_folder import FolderClaims
        from controlroom.stores.logs import folder_of

        return FolderClaims(folder_of(url, folder), lease)
    from controlroom.stores.redis_urls import is_redis

    if is_redis(url):
        from controlroom.stores.claims_redis import RedisClaims

        return RedisClaims(url, settings, lease)
    raise ValueError('the store\'s kind is not known: write "dir:log", or "redis://host:6379/0" for a team')
