"""What sharing collectors tell each other, in Redis: one script on the server, each call one round trip.

`stores/shards.py` says which key holds what. The server's user needs, besides what the lease needs:
``+xadd +xrange +xrevrange``.

Collectors have clocks of their own. So a member tells when its answers were there by the server's clock, and
the leader takes that back to its own: an answer may come out older than it is, by the length of an exchange,
and never younger. How long it lay anywhere on its way, or in a process that was stopped, is in its age.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from controlroom.domain.health import ProbeResult, TopicTraffic
from controlroom.domain.services import Health
from controlroom.domain.text import clean
from controlroom.stores import saved
from controlroom.stores.lease_redis import sound
from controlroom.stores.redis_beside import Beside, Script
from controlroom.stores.relay import Fenced
from controlroom.stores.shards import Hearing, Told
from controlroom.stores.telling import instant

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.lease import Held
    from controlroom.stores.logs import Settings

KEPT = 200
"""Entries that are kept for a leader who is slow to hear; what it misses is asked again at the next turn."""

AT_ONCE = 50
"""Entries that are heard at once."""

LIMIT = 1 << 23
"""Bytes that what one entry tells may have when unpacked."""

RAW = 4_000
"""Characters of an answer as it came; a probe keeps half as many."""

_SCRIPT = Script(
    r"""
local lease, members, roster, results = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local mode, holder, lasts = ARGV[1], ARGV[2], tonumber(ARGV[3])

local clock = call('TIME')
local micros = clock[1] .. string.format('%06d', tonumber(clock[2]))
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

if mode == 'tell' then
  call('ZADD', members, number(now + lasts), ARGV[4] .. ' ' .. holder)
  if ARGV[5] ~= '' then
    call('XADD', results, 'MAXLEN', ARGV[6], '*', 'by', holder, 'r', ARGV[5])
  end
  return {micros, call('GET', roster) or ''}
end

if mode == 'leave' then
  call('ZREM', members, ARGV[4] .. ' ' .. holder)
  return {micros}
end

if call('GET', lease) ~= holder then return {'fenced'} end

if mode == 'share' then
  call('SET', roster, ARGV[4])
  return {micros}
end

call('ZREMRANGEBYSCORE', members, '-inf', number(now))
local cursor, found = ARGV[5], {}
local ms = string.match(cursor, '^(%d+)%-%d+$')
if not ms then
  local last = call('XREVRANGE', results, '+', '-', 'COUNT', 1)
  cursor = last[1] and last[1][1] or '0-0'
else
  -- A server whose clock is behind that of the one before it numbers what is told lower, too.
  if tonumber(ms) > now + lasts then cursor = '0-0' end
  local whole, part = string.match(cursor, '^(%d+)%-(%d+)$')
  found = call('XRANGE', results, whole .. '-' .. number(tonumber(part) + 1), '+', 'COUNT', ARGV[6])
end
return {micros, cursor, call('GET', roster) or '', call('ZRANGE', members, 0, -1), found}
"""
)


class RedisShards(Beside):
    """`shards.Shards` in Redis, whichever way it is run. Raises ValueError for a bad URL.

    One call takes at most about `settings.timeout` seconds, and less than a third of `lasts`; the first
    `tell` of results twice that.
    """

    def __init__(self, url: str, settings: Settings, lasts: float, clock: Callable[[], datetime]) -> None:
        self.lasts = lasts
        super().__init__(url, replace(settings, timeout=min(settings.timeout, lasts / 3)))
        self._clock = clock

    @property
    def keys(self) -> tuple[str, str, str, str]:
        """The lease, who wants to share, who shares, and the results; they have the log's hash tag."""
        tag = self.tag
        return f"{tag}:lease", f"{tag}:shards:members", f"{tag}:shards:roster", f"{tag}:shards:results"

    def tell(self, holder: str, mark: str, results: Sequence[ProbeResult]) -> Sequence[str]:
        """See `shards.Shards`. Raises Unavailable."""
        body = b""
        if results:
            # The server's clock is asked first: what is sent late has its true age all the same.
            server, _ = self._ask("tell", holder, mark, b"", KEPT)
            body = _packed(results, instant(int(server)) - self._clock())
        _, roster = self._ask("tell", holder, mark, body, KEPT)
        return _roster(roster, mark)[1]

    def hear(self, held: Held, mark: str, cursor: str) -> Hearing:
        """See `shards.Shards`. Raises Unavailable, Fenced."""
        asked = self._clock()
        server, cursor_, roster, members, found = self._ask("hear", _value(held), mark, cursor, AT_ONCE)
        ahead = asked - instant(int(server))
        leader, sharing = _roster(roster, mark)
        present = [name.decode("utf-8", "replace").partition(" ") for name in members]
        return Hearing(
            told=[told for _, fields in found if (told := _told(fields, ahead, asked)) is not None],
            present=_names(name for of, _, name in present if of == mark),
            roster=sharing if leader == _value(held) else (),
            cursor=(found[-1][0] if found else cursor_).decode(),
            more=len(found) == AT_ONCE,
        )

    def share(self, held: Held, mark: str, roster: Sequence[str]) -> None:
        """See `shards.Shards`. Raises Unavailable, Fenced."""
        self._ask("share", _value(held), "\n".join((_value(held), mark, *roster)))

    def leave(self, holder: str, mark: str) -> None:
        """See `shards.Shards`. Raises Unavailable."""
        self._ask("leave", holder, mark)

    def _ask(self, mode: str, holder: str, *more: str | bytes | int) -> list[Any]:
        """The script's answer, its first part the server's clock. Raises Unavailable, Fenced."""
        until = time.monotonic() + self._settings.timeout
        given = (mode, holder.encode(), int(self.lasts * 1000), *more)
        with self._routes().session(until) as session:
            answer = _SCRIPT.run(session, self.keys, given, until)
            if not (isinstance(answer, list) and answer and isinstance(answer[0], bytes)):
                raise session.link.no_redis()
            if not (answer[0].isdigit() or answer[0] == b"fenced"):
                raise session.link.no_redis()
        if answer[0] == b"fenced":
            raise Fenced
        return list(answer)


def _value(held: Held) -> str:
    """What the lease's key holds while `held` is held."""
    return f"{held.term} {held.holder}"


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """`names` that collectors can have, each once, sorted."""
    return tuple(sorted(set(filter(sound, names))))


def _roster(raw: bytes, mark: str) -> tuple[str, tuple[str, ...]]:
    """Who wrote it, as the lease's key says it, and who shares, if that concerns collectors with `mark`."""
    leader, _, rest = raw.decode("utf-8", "replace").partition("\n")
    written, _, names = rest.partition("\n")
    return leader, _names(names.split("\n")) if written == mark else ()


def _packed(results: Sequence[ProbeResult], ahead: timedelta) -> bytes:
    """`results` with instants by a clock that is `ahead`."""
    return zlib.compress(saved.dump(tuple(_moved(result, ahead) for result in results)), 1)


def _told(fields: Sequence[bytes], ahead: timedelta, now: datetime) -> Told | None:
    """What an entry of the stream tells, by a clock that is `ahead` and shows `now`; None: nothing."""
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    by = named.get(b"by", b"").decode("utf-8", "replace")
    try:
        unpacking = zlib.decompressobj()
        results = saved.load(unpacking.decompress(named.get(b"r", b""), LIMIT), saved.ROOM)
        if not (sound(by) and isinstance(results, tuple)):
            return None
        return Told(by, tuple(_moved(_clean(result), ahead, now) for result in results))
    except (zlib.error, saved.UnreadableSaved, TypeError, ValueError, AttributeError, OverflowError):
        return None  # another version of the program, or no collector


def _moved(result: ProbeResult, ahead: timedelta, last: datetime | None = None) -> ProbeResult:
    """`result` with instants by a clock that is `ahead`; none is later than `last`."""

    def moved(at: datetime | None) -> datetime | None:
        if at is None:
            return None
        there = at + ahead
        return there if last is None or there < last else last

    def of(topic: TopicTraffic) -> TopicTraffic:
        return replace(
            topic,
            # The times of messages are by the clocks of who wrote them, whoever reads them.
            moved_at=topic.moved_at if topic.stamped else moved(topic.moved_at),
            still_since=moved(topic.still_since),
            carried_since=moved(topic.carried_since),
            watched_since=moved(topic.watched_since),
        )

    at = moved(result.at)
    return replace(result, at=at or result.at, traffic=tuple(map(of, result.traffic)))


def _clean(result: object) -> ProbeResult:
    """`result` as it may be shown, whoever wrote it. Raises TypeError, ValueError where it is none."""
    if not isinstance(result, ProbeResult) or not isinstance(result.detail, Mapping):
        raise TypeError("no result of a probe")
    if result.at.tzinfo is None or not isinstance(result.health, Health):
        raise ValueError("no result of a probe")
    latency = None if result.latency is None else float(result.latency)
    return replace(
        result,
        service=clean(result.service),
        reason=clean(result.reason),
        latency=latency if latency is None or 0 <= latency < float("inf") else None,
        detail={clean(name): clean(value) for name, value in result.detail.items()},
        unreachable=bool(result.unreachable),
        raw=clean(result.raw, RAW, newlines=True),
        traffic=tuple(replace(one, topic=clean(one.topic), error=clean(one.error)) for one in result.traffic),
    )
