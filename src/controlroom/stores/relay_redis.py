"""The relay in Redis: a stream with the newest full frame at its beginning, on the log's node of a cluster.

``{prefix}:room``
    A stream: an entry for each frame since the newest full one, which is the first; of the frames in which
    nothing is new only the last. Its fields: ``term``, ``seq``, ``full`` (0 or 1), ``at`` (microseconds since
    1970 by the collector's clock), ``by``, ``told`` (the same by the server's clock), ``body``.
``{prefix}:room:head``
    A hash: ``term``, ``by``, ``seq`` and ``id`` of the newest entry, ``beat``: its id where nothing is new.

One script tells: a server runs it whole or not at all. It tells nothing unless the lease is the teller's, and
nothing that the screens could not understand: a frame that is not full needs the one before it. A collector's
user needs ``~{prefix}:*`` (the braces are part of the name) and ``+eval +evalsha +time +get +exists +hmget
+hset +xadd +xdel +xtrim``; a screen's, that reads only, ``%R~{prefix}:room*`` and ``+time +hget +xrange
+xread``, and may ask a replica.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from controlroom.domain.text import clean
from controlroom.stores.elapsed import elapsed
from controlroom.stores.port import Unavailable
from controlroom.stores.redis_beside import Beside, Script
from controlroom.stores.relay import BODY, LOST_AFTER, Fenced, Frame, Heard
from controlroom.stores.telling import instant, micros

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.lease import Held
    from controlroom.stores.logs import Settings
    from controlroom.stores.redis_routes import Session

NAME = 200
"""Characters a collector's name may have."""

CLOCK_EVERY = 10.0
"""Seconds after which a screen looks at the server's clock again."""

RECENT = 8
"""Frames of which the one that came to the server quickest tells how the collector's clock goes."""

START = "0-0"
"""The cursor before everything."""

_SCRIPT = Script(
    r"""
local room, head, lease = KEYS[1], KEYS[2], KEYS[3]
local holder, term, seq, full, at, by, body = unpack(ARGV)

if call('GET', lease) ~= term .. ' ' .. holder then return {'fenced', ''} end

local known = call('HMGET', head, 'term', 'by', 'seq', 'beat')
if full == '0' then
  local before = body == '' and seq or number(tonumber(seq) - 1)
  if known[1] ~= term or known[2] ~= by or known[3] ~= before or call('EXISTS', room) == 0 then
    return {'hole', ''}
  end
end

local clock = call('TIME')
local told = clock[1] .. string.format('%06d', tonumber(clock[2]))
if known[4] and known[4] ~= '' then call('XDEL', room, known[4]) end
local id = call('XADD', room, '*', 'term', term, 'seq', seq, 'full', full, 'at', at, 'by', by,
  'told', told, 'body', body)
if full == '1' then call('XTRIM', room, 'MAXLEN', '1') end
call('HSET', head, 'term', term, 'by', by, 'seq', seq, 'id', id, 'beat', body == '' and id or '')
return {'told', id}
"""
)


class _Redis(Beside):
    """What both sides share."""

    @property
    def keys(self) -> tuple[str, str, str]:
        """The stream, its head and the lease; they have the log's hash tag."""
        return f"{self.tag}:room", f"{self.tag}:room:head", f"{self.tag}:lease"


class RedisPublisher(_Redis):
    """Tells through Redis, whichever way it is run. Raises ValueError for a bad URL.

    One call takes at most about `settings.timeout` seconds.
    """

    def tell(self, frame: Frame, held: Held) -> None:
        """Tell `frame` to everybody. Raises Fenced; Unavailable, after which the next one has to be full."""
        if len(frame.body) > BODY:
            raise Unavailable(f"the room takes more than {BODY >> 20} MiB to tell", "divide the programme")
        if frame.term != held.term:
            raise ValueError("a frame is told under the lease of its own term")
        until = time.monotonic() + self._settings.timeout
        numbers = (frame.term, frame.seq, int(frame.full), micros(frame.at))
        given = (held.holder.encode(), *numbers, frame.by.encode(), frame.body)
        with self._routes().session(until) as session:
            answer = _SCRIPT.run(session, self.keys, given, until)
            where = session.link.where
            if not (isinstance(answer, list) and answer and answer[0] in (b"told", b"fenced", b"hole")):
                raise session.link.no_redis()
        if answer[0] == b"fenced":
            raise Fenced
        if answer[0] == b"hole":
            raise Unavailable(
                f"{where}: what was told before is not there any more", "the room is told anew by itself"
            )


class _Clock(NamedTuple):
    """The server's clock, when it was looked at."""

    looked: float
    """As `elapsed` tells it."""
    server: float
    """Seconds since 1970 by the server's clock at that moment."""
    uncertain: float


class RedisFollower(_Redis):
    """Follows what is told through Redis. Raises ValueError for a bad URL.

    A call takes at most about `settings.timeout` seconds longer than it was to wait. A server that is there
    and has nothing to tell is left, when a collector would have spoken since: another one may lead by now.
    The collector's clock is known by way of the server's: where a replica is asked, its clock is taken for
    that of its master.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        super().__init__(url, settings)
        self.where = self._address.shown
        self._closed = threading.Event()
        self._waiting: set[Session] = set()
        self._clock: _Clock | None = None
        self._by = ""
        self._late: deque[float] = deque(maxlen=RECENT)
        """Seconds that the server's clock was ahead of the collector's when it was told, and of its way."""
        self._heard = time.monotonic()

    def join(self) -> Heard:
        """The newest full frame and all that were told after it, in one round trip. Raises Unavailable."""
        room, _, _ = self.keys
        with self._session(self._settings.timeout) as (session, until):
            began = elapsed()
            now, entries = session.ask([("TIME",), ("XRANGE", room, "-", "+")], until)
            self._look(session, now, began)
            return self._told(session, session.link.good(entries), START)

    def hear(self, cursor: str, wait: float) -> Heard:
        """What was told after `cursor`, waiting up to `wait` seconds for it. Raises Unavailable."""
        room, head, _ = self.keys
        with self._session(wait + self._settings.timeout) as (session, until):
            if self._clock is None or elapsed() - self._clock.looked > CLOCK_EVERY:
                began = elapsed()
                (now,) = session.ask([("TIME",)], until)
                self._look(session, now, began)
            block = max(1, int(wait * 1000))
            (reply,) = session.ask([("XREAD", "BLOCK", block, "STREAMS", room, cursor)], until)
            streams = session.link.good(reply) or [[room, []]]
            heard = self._told(session, _first(session, streams), cursor)
            if heard.frames:
                return heard
            (newest,) = session.ask([("HGET", head, "id")], until)
            newest = session.link.good(newest)
            if time.monotonic() - self._heard > LOST_AFTER:
                session.link.close()
                self._heard = time.monotonic()
        if isinstance(newest, bytes) and _order(newest) < _order(cursor.encode()):
            return self.join()  # what was heard there is not there any more, nor is what the cursor counts
        return heard

    def close(self) -> None:
        """Let go of connections, also of one that waits in another thread; idempotent, quick."""
        self._closed.set()
        with self._lock:
            waiting = list(self._waiting)
        for session in waiting:
            session.link.interrupt()
        super().close()

    @contextmanager
    def _session(self, seconds: float) -> Iterator[tuple[Session, float]]:
        until = time.monotonic() + seconds
        if self._closed.is_set():
            raise Unavailable("not followed any more", "follow it anew")
        with self._routes().session(time.monotonic() + self._settings.timeout) as session:
            with self._lock:
                self._waiting.add(session)
            try:
                yield session, until
            finally:
                with self._lock:
                    self._waiting.discard(session)

    def _look(self, session: Session, now: Any, began: float) -> None:
        now = session.link.good(now)
        try:
            server = int(now[0]) + int(now[1]) / 1_000_000
        except (TypeError, ValueError, LookupError):
            raise session.link.no_redis() from None
        half = (elapsed() - began) / 2
        self._clock = _Clock(began + half, server, half)

    def _told(self, session: Session, entries: Any, cursor: str) -> Heard:
        """What came, and how the clocks go."""
        frames: list[Frame] = []
        try:
            for id_, fields in entries:
                frame, told = _frame(fields)
                frames.append(frame)
                cursor = id_.decode("ascii")
                if frame.by != self._by:
                    self._by = frame.by
                    self._late.clear()
                self._late.append(told - frame.at.timestamp())
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError):
            raise Unavailable(
                f"{session.link.where}: {self.keys[0]} holds what no collector told",
                "delete that key; the room is told anew by itself",
            ) from None
        if frames:
            self._heard = time.monotonic()
        clock = self._clock
        if clock is None or not self._late:
            return Heard(frames, cursor, None, 0.0)
        server = clock.server + elapsed() - clock.looked
        return Heard(frames, cursor, time.time() - server + min(self._late), clock.uncertain)


def _frame(flat: Sequence[bytes]) -> tuple[Frame, float]:
    """A frame as it stands in the stream, and when it came there, by the server's clock."""
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    by = fields[b"by"].decode("utf-8")
    full = {b"0": False, b"1": True}[fields[b"full"]]
    if clean(by, NAME) != by or len(fields[b"body"]) > BODY:
        raise ValueError
    return Frame(
        int(fields[b"term"]), int(fields[b"seq"]), full, instant(int(fields[b"at"])), by, fields[b"body"]
    ), int(fields[b"told"]) / 1_000_000


def _first(session: Session, streams: Any) -> Any:
    """The entries of the one stream that was read."""
    try:
        return streams[0][1]
    except (TypeError, LookupError):
        raise session.link.no_redis() from None


def _order(id_: bytes) -> tuple[int, int]:
    """What an entry's id is compared by."""
    whole, _, part = id_.partition(b"-")
    try:
        return int(whole), int(part or 0)
    except ValueError:
        return 0, 0
