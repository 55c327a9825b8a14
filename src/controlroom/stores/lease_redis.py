"""The lease in Redis: a key that expires by itself, taken, renewed and let go of by one script on the server.

`stores/lease.py` says which key holds what. The server's user needs the keys ``~{prefix}:*`` (the braces are
part of the name) and these commands::

    +eval +evalsha +info +time +get +set +del +hmget +hset +zadd +zrem +zrange +zremrangebyscore

Two never lead at once as long as the server's clock does not leap: the holder counts by a clock that goes on
while its machine sleeps, from before it asked, and stops a tenth of the lease early; a server that has just
been started or made master, and may have lost a lease with its last writes, gives none before every lease
that it may have lost is over. A master that is cut off from its replicas, and not from its clients, has to
refuse writes by itself: ``min-replicas-to-write 1``, with ``min-replicas-max-lag`` less than the time after
which Sentinel or the cluster calls it down. All collectors have the same lease.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.domain.text import clean
from controlroom.stores.elapsed import elapsed
from controlroom.stores.lease import Held
from controlroom.stores.redis_beside import Beside, Script

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.logs import Settings

MARGIN = 0.1
"""Part of the lease at its end in which its holder acts no more, for clocks that run unevenly."""

NAME = 200
"""Characters a collector's name may have."""

_SCRIPT = Script(
    r"""
local lease, newest, server, members = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local mode, holder, lasts = ARGV[1], ARGV[2], tonumber(ARGV[3])

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- Since when this very server gives leases. Where it does not say who it is, losing all is noticed still.
local run = string.match(call('INFO', 'server'), 'run_id:(%w+)') or ''
local known = call('HMGET', server, 'run', 'since')
local since = tonumber(known[2] or '')
if known[1] ~= run or not since or since > now then
  since = now
  call('HSET', server, 'run', run, 'since', number(now))
end

if mode == 'attend' then
  call('ZREMRANGEBYSCORE', members, '-inf', number(now))
  call('ZADD', members, number(now + lasts), holder)
  return call('ZRANGE', members, 0, -1)
end

if mode == 'leave' then
  call('ZREM', members, holder)
  return {'gone', '0'}
end

local value = call('GET', lease)

if mode == 'take' then
  local least = tonumber(ARGV[4])
  if value then
    local term, name = string.match(value, '^(%d+) (.*)$')
    if name ~= holder then return {'other', term or '0'} end
    call('SET', lease, value, 'PX', lasts)
    return {'held', term}
  end
  if now - since < lasts then return {'young', number(least)} end
  -- What a failover lost may have been a term: the clock, and who asks, know better.
  local term = number(math.max(tonumber(call('GET', newest) or '') or 0, least, now - 1) + 1)
  call('SET', newest, term)
  call('SET', lease, term .. ' ' .. holder, 'PX', lasts)
  return {'held', term}
end

if value ~= ARGV[4] .. ' ' .. holder then return {'other', '0'} end
if mode == 'renew' then call('SET', lease, value, 'PX', lasts) else call('DEL', lease) end
return {'held', ARGV[4]}
"""
)


class RedisLease(Beside):
    """A `lease.Lease` in Redis, whichever way it is run. Raises ValueError for a bad URL.

    One call takes at most about `settings.timeout` seconds, and less than a third of the lease, so that
    another one can be tried while it lasts.
    """

    def __init__(self, url: str, settings: Settings, seconds: float) -> None:
        super().__init__(url, replace(settings, timeout=min(settings.timeout, seconds / 3)))
        self._seconds = seconds
        self._newest = 0
        """The newest term that was heard of."""

    @property
    def keys(self) -> tuple[str, str, str, str]:
        """The lease, the newest term, the server and the members; they have the log's hash tag."""
        name = f"{self.tag}:lease"
        return name, f"{name}:term", f"{name}:server", f"{name}:members"

    def take(self, holder: str) -> Held | None:
        """The lease, if it is free, or is `holder`'s already; None: another one leads, or may still.

        Raises Unavailable.
        """
        asked = elapsed()
        with self._lock:
            least = self._newest
        word, term = self._said("take", holder, least)
        return self._held(holder, term, asked) if word == b"held" else None

    def renew(self, held: Held) -> Held | None:
        """`held` for another while; None: it is lost. Raises Unavailable."""
        asked = elapsed()
        word, term = self._said("renew", held.holder, held.term)
        return self._held(held.holder, term, asked) if word == b"held" else None

    def release(self, held: Held) -> None:
        """Let another one lead at once. Raises Unavailable."""
        self._said("release", held.holder, held.term)

    def attend(self, holder: str) -> Sequence[str]:
        """Say that `holder` is there for as long as a lease lasts, and who is, sorted. Raises Unavailable.

        A name that no collector can have, which something else wrote there, is left out.
        """
        names = (name.decode("utf-8", "replace") for name in self._ask("attend", holder))
        return sorted(filter(sound, names))

    def leave(self, holder: str) -> None:
        """Say that `holder` is going. Raises Unavailable."""
        self._said("leave", holder)

    def _held(self, holder: str, term: int, asked: float) -> Held:
        return Held(holder, term, asked + self._seconds * (1 - MARGIN))

    def _said(self, mode: str, holder: str, term: int = 0) -> tuple[bytes, int]:
        """The script's word, and a term."""
        word, about = self._ask(mode, holder, term)
        heard = int(about)
        with self._lock:
            self._newest = max(self._newest, heard)
        return word, heard

    def _ask(self, mode: str, holder: str, term: int = 0) -> list[bytes]:
        if not sound(holder):
            raise ValueError(f"a collector's name is one clean line of at most {NAME} characters")
        until = time.monotonic() + self._settings.timeout
        given = (mode, holder.encode(), int(self._seconds * 1000), term)
        with self._routes().session(until) as session:
            answer: list[bytes] = _SCRIPT.run(session, self.keys, given, until)
            if not _is_answer(answer, names=mode == "attend"):
                raise session.link.no_redis()
            return answer


def sound(name: str) -> bool:
    """Whether a collector may be called `name`."""
    return bool(name) and len(name) <= NAME and clean(name, NAME) == name


def _is_answer(reply: Any, *, names: bool) -> bool:
    """Whether the script can have said `reply`: names, or a word and a term."""
    if not (isinstance(reply, list) and all(isinstance(part, bytes) for part in reply)):
        return False
    return names or (len(reply) == 2 and reply[1].isdigit())
