"""Claims in Redis: a key for each, ``SET … NX``, which expires by itself, on the log's node of a cluster.

The server's user needs, besides what the log needs: ``+set +get``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from controlroom.stores.claims import KEPT, LEASE, Answer, first_lost
from controlroom.stores.redis_beside import Beside

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.logs import Settings
    from controlroom.stores.redis_link import Command

_TOLD = b"told"


class RedisClaims(Beside):
    """Claims in Redis, whichever way it is run. Raises ValueError for a bad URL.

    One call takes at most about `settings.timeout` seconds.
    """

    def __init__(self, url: str, settings: Settings, lease: float = LEASE) -> None:
        super().__init__(url, settings)
        self._lease = int(lease * 1000)

    def claim(self, keys: Sequence[str], room: str) -> Answer:
        """Claim all of `keys`. Raises Unavailable."""
        return first_lost(self._one(key, room.encode()) for key in keys)

    def confirm(self, keys: Sequence[str], room: str) -> None:
        """Told. Raises Unavailable."""
        del room
        self._ask(*(("SET", self._name(key), _TOLD, "EX", KEPT) for key in keys))

    def _one(self, key: str, room: bytes) -> Answer:
        name = self._name(key)
        taken, holder = self._ask(("SET", name, room, "PX", self._lease, "NX"), ("GET", name))
        if taken is not None:
            return "mine"
        if holder == room:
            self._ask(("SET", name, room, "PX", self._lease, "XX"))
            return "mine"
        return "told" if holder == _TOLD else "held"

    def _name(self, key: str) -> str:
        """The key; it has the log's hash tag, and so lies on the log's node of a cluster."""
        return f"{self.tag}:notices:{key}"

    def _ask(self, *commands: Command) -> list[Any]:
        until = time.monotonic() + self._settings.timeout
        with self._routes().session(until) as session:
            return [session.link.good(reply) for reply in session.ask(commands, until)]
