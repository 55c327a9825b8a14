"""Reports of jobs in Redis: one hash beside the log's keys, a field for each heartbeat.

The instant is the server's (TIME), so that jobs on many machines are judged by one clock. The server's user
needs, besides what the log needs: ``+time +hget +hset``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlroom.domain.health import Beat
from controlroom.stores.heartbeats import cleaned, decode, encode
from controlroom.stores.redis_beside import Beside

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    pass


class RedisHeartbeats(Beside):
    """Reports in Redis, whichever way it is run. Raises ValueError for a bad URL.

    One call takes at most about `settings.timeout` seconds.
    """

    @property
    def key(self) -> str:
        """The hash; it has the log's hash tag, and so lies on the log's node of a cluster."""
        return f"{self.tag}:heartbeats"

    def write(self, id_: str, beat: Beat) -> Beat:
        """Store `beat` with the server's time. Raises Unavailable."""
        until = self._until()
        with self._routes().session(until) as session:
            # HGET leads both to the node that has the key: it is its clock that counts.
            now, before = session.ask([("TIME",), ("HGET", self.key, _bytes(id_))], until)
            session.link.good(before)
            at = _instant(session.link.good(now))
            if at is None:
                raise session.link.no_redis()
            stored = cleaned(Beat(at, beat.ok, beat.message, beat.host))
            (reply,) = session.ask([("HSET", self.key, _bytes(id_), encode(id_, stored))], until)
            if not isinstance(session.link.good(reply), int):
                raise session.link.no_redis()
        return stored

    def read(self, id_: str) -> Beat | None:
        """The last report. Raises Unavailable."""
        until = self._until()
        with self._routes().session(until) as session:
            (reply,) = session.ask([("HGET", self.key, _bytes(id_))], until)
            raw = session.link.good(reply)
            if not isinstance(raw, (bytes, type(None))):
                raise session.link.no_redis()
        return None if raw is None else decode(id_, raw)

    def _until(self) -> float:
        return time.monotonic() + self._settings.timeout


def _instant(time_: object) -> datetime | None:
    """What TIME says: seconds since 1970, and microseconds."""
    try:
        return datetime.fromtimestamp(int(time_[0]), UTC)  # type: ignore[index]
    except (TypeError, ValueError, IndexError, OverflowError, OSError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
