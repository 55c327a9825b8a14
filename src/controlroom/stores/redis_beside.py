"""What is kept in the log's Redis beside the log: the way there, and scripts that the server runs."""

from __future__ import annotations

import threading
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from controlroom.stores.redis_script import COMMON
from controlroom.stores.redis_urls import parse

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.logs import Settings
    from controlroom.stores.redis_routes import Routes, Session


class Script:
    """A script in Lua, which may use what `redis_script.COMMON` defines."""

    def __init__(self, source: str) -> None:
        self.source = COMMON + source
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def run(self, session: Session, keys: tuple[str, ...], arguments: tuple[Any, ...], until: float) -> Any:
        """What it answers. Raises Unavailable, also where the server answers with an error."""
        from redis.exceptions import NoScriptError

        given = (len(keys), *keys, *arguments)
        (reply,) = session.ask([("EVALSHA", self.sha, *given)], until)
        if isinstance(reply, NoScriptError):
            (reply,) = session.ask([("EVAL", self.source, *given)], until)
        return session.link.good(reply)


class Beside:
    """Keys under the log's own hash tag, so on its node of a cluster, reached whichever way Redis is run.

    Nothing is connected to before it is needed. Raises ValueError for a bad URL.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._address = parse(url)
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Routes | None = None

    @property
    def tag(self) -> str:
        """What every key begins with."""
        return f"{{{self._address.prefix}}}"

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        with self._lock:
            routes = self._made
        if routes is not None:
            routes.close()

    def _routes(self) -> Routes:
        with self._lock:
            if self._made is None:
                from controlroom.stores.redis_routes import Routes

                self._made = Routes(self._address, self._settings)
            return self._made
