"""What the tests of the relay share: a collector that tells, screens that hear, and the lease in between."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from controlroom.domain.snapshot import Snapshot
from controlroom.lab.redis_servers import ask
from controlroom.stores.elapsed import elapsed
from controlroom.stores.frames import Hearer, Missed, Teller
from controlroom.stores.lease import Held
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import Follower, Frame, Heard, Publisher
from tests.stores.test_ring import room

ROOM, HEAD, LEASE = "{controlroom}:room", "{controlroom}:room:head", "{controlroom}:lease"


def lead(port: int, term: int = 7, by: str = "press-1") -> None:
    """The lease on the server at `port` is `by`'s now, as `stores/lease.py` says it is written."""
    assert ask(port, "SET", LEASE, f"{term} {by}") == "+OK\r\n"


class Collector:
    """Tells a room that is another one each time."""

    def __init__(self, publisher: Publisher, term: int = 7, by: str = "press-1", slow: float = 0.0) -> None:
        self.publisher = publisher
        self.term, self.by, self.seq = term, by, 0
        self.slow = slow
        """Seconds that its clock is behind."""
        self.teller = Teller()
        self.shown = room(0)

    @property
    def held(self) -> Held:
        """What it holds, or held."""
        return Held(self.by, self.term, elapsed() + 9)

    def frame(self) -> Frame:
        """The next room."""
        self.shown = room(self.seq + 1, version=self.seq + 1, restored=self.seq % 2 == 0)
        told = self.teller.frame(self.shown)
        assert told is not None
        self.seq += 1
        return self._framed(*told)

    def tell(self) -> Snapshot:
        """Tell the next room: in full where the last one may not have been told."""
        frame = self.frame()
        try:
            self.publisher.tell(frame, self.held)
        except BaseException:
            self.teller.again()
            raise
        return self.shown

    def word(self) -> None:
        """Say that nothing is new."""
        self.publisher.tell(self._framed(False, b""), self.held)

    def _framed(self, full: bool, body: bytes) -> Frame:
        now = datetime.now(UTC) - timedelta(seconds=self.slow)
        return Frame(self.term, self.seq, full, now, self.by, body)


class Screen:
    """Hears, and shows what it heard last."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.hearer = Hearer()
        self.shown: Snapshot | None = None
        self.cursor: str | None = None
        self.heard = Heard((), "", None, 0.0)

    def look(self, wait: float = 0.0) -> Heard:
        """Hear what came, joining where that is necessary. Raises Unavailable."""
        cursor, self.cursor = self.cursor, None
        self.heard = self.follower.join() if cursor is None else self.follower.hear(cursor, wait)
        try:
            for frame in self.heard.frames:
                self.shown = self.hearer.hear(frame) or self.shown
        except Missed:
            return self.heard
        self.cursor = self.heard.cursor
        return self.heard

    def until(self, expected: Snapshot, patience: float = 15.0) -> None:
        """Hear until it shows `expected`, whatever fails in between."""
        give_up = time.monotonic() + patience
        while self.version != expected.version:
            assert time.monotonic() < give_up, f"shows {self.version}, not {expected.version}"
            try:
                self.look(0.5)
            except Unavailable:
                time.sleep(0.05)  # a failover, or a start, gives no event to wait for

    @property
    def version(self) -> int | None:
        """Of the room that is shown."""
        return None if self.shown is None else self.shown.version
