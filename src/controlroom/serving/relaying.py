"""The one who follows for all tabs: it passes on what it hears to a socket on this machine."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.stores.port import Unavailable
from controlroom.stores.relay import LOST_AFTER
from controlroom.stores.relay_socket import SocketPublisher

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from controlroom.stores.relay import Follower, Heard

WAIT = 1.0
"""Seconds that one look waits for something new."""

AGAIN = (0.1, 0.3, 1.0)
"""Seconds until the next try, by how many went wrong before it; half of it more or less."""

ANEW = 5.0
"""Seconds of silence after which it is asked on another connection who can be heard."""


class Relaying:
    """Follows what `opener` opens, in a thread, until it is closed, and tells it at the socket `path`.

    Nothing is told while nothing can be heard: it hangs up at once, and every tab says that it is stale.
    """

    def __init__(self, opener: Callable[[], Follower], path: Path, say: Callable[[str, str], None]) -> None:
        self.trouble = ""
        """Why nothing can be heard; empty while something can be."""
        self._opener, self._path, self._say = opener, path, say
        self._follower: Follower | None = None
        self._publisher: SocketPublisher | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._said: str | None = None
        self._thread = threading.Thread(target=self._run, name="follow for all tabs", daemon=True)

    def begin(self) -> None:
        """Follow from now on."""
        self._thread.start()

    def close(self) -> None:
        """Follow no longer, and hang up; idempotent, quick."""
        self._over.set()
        with self._lock:
            follower = self._follower
        if follower is not None:
            follower.close()
        self._thread.join(WAIT)

    def _run(self) -> None:
        failures = 0
        while not self._over.is_set():
            try:
                self._follow()
                failures = 0
            except Unavailable as problem:
                self._settle(problem.reason)
            except OSError as problem:
                self._settle(f"{self._path}: {problem.strerror or 'nothing can be told there'}")
            except Exception as problem:  # whatever was told there, the tabs are told that nothing is heard
                log.exception("following for all tabs")
                self._settle(f"what is told cannot be passed on: {type(problem).__name__}")
            finally:
                self._let_go(hang_up=bool(self.trouble))
            if self.trouble:
                self._over.wait(AGAIN[min(failures, len(AGAIN) - 1)] * random.uniform(0.5, 1.5))
                failures += 1
        self._let_go(hang_up=True)

    def _follow(self) -> None:
        """Hear and pass on, until it is time to ask anew. Raises Unavailable, OSError."""
        with self._lock:
            self._follower = follower = self._opener()
        if self._over.is_set():
            return
        heard = follower.join()
        if self._publisher is None:
            self._publisher = SocketPublisher(self._path)
        self._pass_on(heard)
        self._settle("")
        began = word = time.monotonic()
        while not self._over.is_set():
            heard = follower.hear(heard.cursor, WAIT)
            self._pass_on(heard)
            now = time.monotonic()
            word = now if heard.frames else word
            if now - word > LOST_AFTER and now - began > ANEW:
                return

    def _pass_on(self, heard: Heard) -> None:
        assert self._publisher is not None
        if heard.frames:
            self._publisher.pass_on(heard)

    def _settle(self, trouble: str) -> None:
        self.trouble = trouble
        if trouble != self._said and not self._over.is_set():
            self._said = trouble
            self._say("lost" if trouble else "follows", trouble or "the collector, for all tabs")

    def _let_go(self, *, hang_up: bool) -> None:
        with self._lock:
            follower, self._follower = self._follower, None
        if follower is not None:
            with contextlib.suppress(Unavailable):
                follower.close()
        if hang_up and self._publisher is not None:
            self._publisher.close()
            self._publisher = None
