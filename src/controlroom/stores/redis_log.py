"""The triage log in Redis, for teams: a stream, compared and written by one script on the server.

Works with Redis 5 and later and what speaks like it, alone, behind Sentinel, in a cluster. The server's user
needs the keys ``~{prefix}:*`` (the braces are part of the name) and these commands::

    +eval +evalsha +type +xrange +xrevrange +xlen +xadd +hget +hset +hlen +hexists +del
    +info +config|get           what the header says about durability; without them it says it is unknown
    +wait +waitaof              that an action has reached the disk, or a replica, before it counts
    +select                     a database other than 0
    +role                       behind Sentinel
    +ping +asking               in a cluster

A user who only looks can do without xadd, hset, hexists, del, wait and waitaof. The sentinels' user, where
they have one, needs ``+sentinel|get-master-addr-by-name``.

What Redis may lose by design it may lose here, too: a server without an append-only file loses all on a
restart, and a failover loses what the replica had not received. Both change `Page.epoch`, and actions are
then submitted again by id.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from controlroom.domain.actions import (
    FORMAT,
    Action,
    Entry,
    UnreadableAction,
    decode,
    encode,
    same_deed,
)
from controlroom.domain.frozen import dataclass
from controlroom.stores.port import (
    Committed,
    Missing,
    Moved,
    Page,
    ReadOnly,
    Taken,
    Unavailable,
    Verdict,
)
from controlroom.stores.redis_facts import Facts, durability
from controlroom.stores.redis_script import LAST_REV, RESTORE, Answer, Arguments, wrong
from controlroom.stores.redis_urls import parse

if TYPE_CHECKING:  # redis-py takes a tenth of a second to load: only when a server is really asked
    from controlroom.stores.logs import Settings
    from controlroom.stores.redis_calls import Caller
    from controlroom.stores.redis_link import Command
    from controlroom.stores.redis_routes import Session

BATCH = 200
"""Entries asked for at once."""

LIMIT = 1 << 20
"""Bytes one action may have."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """One look: the script's answer, the entries behind a rev, and how the server is."""

    answer: Answer
    entries: tuple[tuple[int, bytes | None], ...]
    """Rev and stored bytes; None for an entry that something else added."""
    more: bool
    facts: Facts
    epoch: str

    @property
    def rev(self) -> int:
        return int(self.answer[1])


class RedisLog:
    """A `port.Log` in Redis. Any number of threads may call it. Raises ValueError for a bad URL.

    One call takes at most about twice `settings.timeout` seconds, and that for each page of a long log.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._address = parse(url)
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Caller | None = None
        self._tag = uuid.uuid4().hex[:12]
        self._unreadable = ""
        """The first entry that is no action, once one was seen."""
        self._unconfirmed = False
        """Something was put whose way to the disk nobody waited for."""

    @property
    def url(self) -> str:
        """Where it is, without secrets; the same text however it was spelled."""
        return self._address.shown

    def read(self, after: int = 0) -> Page:
        """The entries behind rev `after`. Raises Unavailable."""
        if self._unconfirmed:
            self._settle()
        with self._caller().session() as session:
            return self._page(session, after)

    def raw(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Rev and stored bytes of every action behind `after`, readable or not. Raises Unavailable."""
        if self._unconfirmed:
            self._settle()
        for rev, stored in self._stored(after):
            if stored is not None:
                yield rev, stored

    def append(self, action: Action, *, resubmitted: bool = False) -> Verdict:
        """Commit `action`; see `port.Log`. Raises Unavailable, ReadOnly."""
        stored = encode(action)
        ours = _storable(stored)
        expect = ("any", "") if action.expect is None else ("is", action.expect)
        again = "again" if resubmitted else ""
        answer = self._written(
            ("append", FORMAT, *_names(action), stored, expect[0], _bytes(expect[1]), again)
        )
        word = answer[0]
        if word == b"added":
            return Committed(Entry(int(answer[1]), ours))
        if word == b"had":
            entry = self._entry(answer)
            if entry.action.id != action.id:
                raise ReadOnly(f"rev {entry.rev} is not what {self._address.keys[2]} says", RESTORE)
            return Committed(entry, replay=True) if same_deed(entry.action, ours) else Taken(entry)
        if word == b"moved":
            return Moved(self._entry(answer) if len(answer) > 1 else None)
        if word == b"missing":
            return Missing()
        raise wrong(answer, self._address.keys)

    def put(self, rev: int, raw: bytes) -> None:
        """Write stored bytes of another log at the very next rev. Raises Unavailable, ReadOnly, ValueError.

        Whether they have reached the disk is asked once, before the next read.
        """
        action = _storable(raw)
        answer = self._written(("put", FORMAT, *_names(action), raw, rev), confirm=False)
        word = answer[0]
        self._unconfirmed = True
        if word == b"next":
            raise ValueError(f"rev {rev} is not the next one, which is {int(answer[1])}")
        if word == b"had":
            raise ValueError(f"the id of rev {rev} is in the log already, at rev {int(answer[1])}")
        if word != b"added":
            raise wrong(answer, self._address.keys)

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        with self._lock:
            caller = self._made
        if caller is not None:
            caller.routes.close()

    def _caller(self) -> Caller:
        with self._lock:
            if self._made is None:
                from controlroom.stores.redis_calls import Caller

                self._made = Caller(self._address, self._settings)
            return self._made

    def _stored(self, after: int) -> Iterator[tuple[int, bytes | None]]:
        """Every entry behind `after`, None for one that something else added."""
        epoch: str | None = None
        more = True
        while more:
            with self._caller().session() as session:
                batch = self._batch(session, after)
            epoch = _same(epoch, batch.epoch)
            more = batch.more
            for after, stored in batch.entries:  # noqa: PLR1704 - the last one is where to go on
                yield after, stored

    def _page(self, session: Session, after: int, *, from_start: bool = False) -> Page:
        entries: list[Entry] = []
        epoch: str | None = None
        at = after
        if after == 0:
            self._unreadable = ""
        while True:
            batch = self._batch(session, at)
            if batch.rev < after:
                return self._page(session, 0, from_start=True)
            epoch = _same(epoch, batch.epoch)
            entries += self._readable(batch)
            if not batch.more:
                break
            at = batch.entries[-1][0]
        trouble = self._trouble(batch)
        head = max((rev for rev, _ in batch.entries if rev <= LAST_REV), default=min(at, batch.rev))
        return Page(
            entries=tuple(entries),
            head=head,
            durability=durability(batch.facts, self._caller().disk),
            epoch=batch.epoch,
            trouble=trouble,
            from_start=from_start,
        )

    def _readable(self, batch: _Batch) -> list[Entry]:
        entries = []
        for rev, stored in batch.entries:
            try:
                entries.append(Entry(rev, _decoded(stored if rev <= LAST_REV else None)))
            except UnreadableAction as problem:
                self._unreadable = self._unreadable or f"rev {rev} is no action: {problem}"
        return entries

    def _trouble(self, batch: _Batch) -> str:
        if batch.answer[0] not in (b"fine", b"stale"):
            return wrong(batch.answer, self._address.keys).reason
        if self._unreadable:
            return self._unreadable
        if batch.facts.role == "slave":
            return "the server is a replica and takes no writes"
        return ""

    def _batch(self, session: Session, after: int) -> _Batch:
        caller = self._caller()
        log = self._address.keys[0]
        ask: Command = ("XRANGE", log, f"{after + 1}-0", "+", "COUNT", BATCH)
        answer, (found,), facts = caller.run(session, ("look", FORMAT), ask)
        if answer[0] == b"type" and answer[2] == log.encode():
            raise wrong(answer, self._address.keys)
        found = session.link.good(found)
        try:
            entries = tuple(_entry(*one) for one in found)
        except (TypeError, ValueError, AttributeError):
            raise session.link.no_redis() from None
        return _Batch(answer, entries, len(entries) == BATCH, facts, self._epoch(facts))

    def _written(self, arguments: Arguments, *, confirm: bool = True) -> Answer:
        """The script's answer to a write, once it is as durable as it gets. Makes ids and heads anew."""
        caller = self._caller()
        for _ in range(3):
            last = time.monotonic() + 2 * self._settings.timeout
            with caller.session() as session:
                answer, _, facts = caller.run(session, arguments)
                if confirm and answer[0] in (b"added", b"had"):
                    caller.confirm(session, facts, last)
            if answer[0] != b"stale":
                return answer
            self._mend()
        raise Unavailable("others are writing all the time", "it is tried again by itself")

    def _mend(self) -> None:
        """Make ids and heads anew from the stream, if every entry is an action, and every id there once."""
        pairs: list[str | bytes | int] = []
        seen: set[str] = set()
        for rev, stored in self._stored(0):
            try:
                action = _decoded(stored)
            except UnreadableAction as problem:
                raise ReadOnly(f"rev {rev} is no action: {problem}", RESTORE) from None
            if action.id in seen:
                raise ReadOnly(f"rev {rev} has an id that was there before", RESTORE)
            seen.add(action.id)
            pairs += _names(action)
        caller = self._caller()
        with caller.session() as session:
            answer, _, _ = caller.run(session, ("mend", FORMAT, len(seen), *pairs))
        if answer[0] not in (b"fine", b"stale"):
            raise wrong(answer, self._address.keys)

    def _settle(self) -> None:
        """Wait for what was put without waiting, as `append` does."""
        last = time.monotonic() + 2 * self._settings.timeout
        caller = self._caller()
        with caller.session() as session:
            answer, _, facts = caller.run(session, ("touch", FORMAT))
            if answer[0] == b"fine":
                caller.confirm(session, facts, last)
        self._unconfirmed = False

    def _epoch(self, facts: Facts) -> str:
        """The server's; where it may not be asked, every connection that was lost may have been a restart."""
        return facts.epoch if facts.known else f"{self._tag}:{self._caller().routes.failures}"

    def _entry(self, answer: Answer) -> Entry:
        try:
            return Entry(int(answer[1]), decode(answer[2]))
        except UnreadableAction as problem:
            raise ReadOnly(f"rev {int(answer[1])} is no action: {problem}", RESTORE) from None


def _entry(id_: bytes, fields: list[bytes] | None) -> tuple[int, bytes | None]:
    whole, _, part = id_.partition(b"-")
    ours = part == b"0" and fields is not None and len(fields) == 2 and fields[0] == b"a"
    return int(whole), fields[1] if ours and fields else None


def _same(before: str | None, now: str) -> str:
    """`now`, unless it is another server than `before`."""
    if before is not None and before != now:
        raise Unavailable("the server changed while the log was read", "it is tried again by itself")
    return now


def _decoded(stored: bytes | None) -> Action:
    if stored is None:
        raise UnreadableAction("something else added it")
    return decode(stored)


def _storable(raw: bytes) -> Action:
    """The action in `raw`. Raises ValueError where reading it again would fail."""
    if len(raw) > LIMIT:
        raise ValueError(f"an action may have {LIMIT >> 20} MiB")
    return decode(raw)


def _names(action: Action) -> tuple[bytes, bytes]:
    return _bytes(action.id), _bytes(action.item)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
