"""The room's past on this machine: a ring of snapshots, written by one room at a time.

What is kept is small because most of it stays: a thing is written once for as long as it is shown, a moment
is what differs from the one before, and every so often one is written in full, so that any moment is had
back by reading a bounded number of rows. The oldest go first, a stretch between two full moments at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from controlroom.domain.past import NoPast
from controlroom.domain.snapshot import Snapshot
from controlroom.stores import ring_file, ring_parts, saved
from controlroom.stores.ring_file import Damaged, plainly
from controlroom.stores.ring_moment import Change
from controlroom.stores.telling import Pace, Part, differences, micros, pack, renewed, shown

TOGETHER = 256
"""Things in one body at most."""

STILL = timedelta(seconds=30)
"""After so long a moment is written though nothing differs: the room was there."""

MARGIN = 1.1
"""How far the file may grow over its size before nothing more fits."""

PAGE = 4096
HASH = 16

SPARE = 64
"""Pages that may lie empty in the file before they are given back."""

ASIDE = ".damaged"
"""What is added to the name of a file that is not understood; one such file is left, the last."""


class _Stretch(NamedTuple):
    """Moments from one that is told in full to the next: what comes `after` it, and when its `last` was."""

    after: int
    last: int


class Ring:
    """The file at `path`. Its methods block; they raise NoPast where the disk will not have it."""

    def __init__(self, path: Path, keep: float, megabytes: float) -> None:
        """`keep`: seconds; both may be changed at any time."""
        self.path = path
        self.keep = keep
        self.megabytes = megabytes
        self.notice = ""
        """What became of a file that was there before."""
        self._lease: int | None = None
        self._link: sqlite3.Connection | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what was written last: the next moment is told in full."""
        self._parts: dict[str, Part] = {}
        self._known: dict[bytes, int] = {}
        """Hash → number, of the things that are shown."""
        self._seq = 0
        self._key = 0
        self._key_raw = b""
        self._pace = Pace()
        self._at: Any = None
        self._next_body = 1
        self._oldest: _Stretch | None = None
        self._none_until = -1
        """The full moment at which there was no stretch to let go."""

    # Whose it is

    @property
    def mine(self) -> bool:
        """Whether this room is the one that writes; else another one does. Tries to become it."""
        if self._lease is None:
            with plainly():
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lease = _locked(self.path.with_suffix(".lock"))
        return self._lease is not None

    def close(self) -> None:
        """Let another room write it."""
        self._let_go()
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def _let_go(self) -> None:
        if self._link is not None:
            with contextlib.suppress(sqlite3.Error):
                self._link.close()
            self._link = None
        self._begin_anew()

    # Writing

    def add(self, snapshot: Snapshot) -> bool:
        """Keep `snapshot`, of the instant it was taken at; whether anything had to be written.

        A file that is damaged or another's is set aside, and a new one begun.
        """
        if snapshot.taken_at is None or not self.mine:
            return False
        for attempt in (1, 2):
            try:
                with plainly():
                    return self._add(snapshot)
            except Damaged as problem:
                self._set_aside(problem)
                if attempt == 2:
                    raise
            except NoPast:
                self._let_go()
                raise
            except TypeError as problem:
                self._let_go()
                raise NoPast(f"a part of the room cannot be kept: {problem}") from None
        return False

    def _add(self, snapshot: Snapshot) -> bool:
        link = self._open()
        at = snapshot.taken_at
        assert at is not None
        fresh: list[tuple[bytes, Any]] = []
        after = renewed(snapshot, self._parts, lambda thing: self._number(thing, fresh))
        full = self._key == 0 or self._pace.due
        changes = differences(self._parts, after, at, full=full)
        if not changes and self._at is not None and abs(at - self._at) < STILL:
            self._parts = after
            return False
        self._shrink(link, micros(at))
        self._write(link, snapshot, changes, fresh, full=full)
        self._parts = after
        self._at = at
        if full:
            # What is not shown any more may go with the stretches before: it is no longer to be referred to.
            numbers = shown(after)
            self._known = {named: number for named, number in self._known.items() if number in numbers}
        return True

    def _number(self, thing: Any, fresh: list[tuple[bytes, Any]]) -> int:
        """The number of a thing in the file, which it may still have to be written to."""
        still = ring_parts.still(thing)
        named = hashlib.blake2b(saved.dump(still), digest_size=HASH).digest()
        if named not in self._known:
            body, position = divmod(len(fresh), TOGETHER)
            self._known[named] = (self._next_body + body) * ring_file.ROOM + position
            fresh.append((named, still))
        return self._known[named]

    def _write(
        self,
        link: sqlite3.Connection,
        snapshot: Snapshot,
        changes: Mapping[str, Change],
        fresh: Sequence[tuple[bytes, Any]],
        *,
        full: bool,
    ) -> None:
        assert snapshot.taken_at is not None
        told = (dict(changes), self._next_body, snapshot.version)
        content, raw = pack(told, b"" if full else self._key_raw)
        seq = self._seq + 1
        key = seq if full else self._key
        self._limit(link)
        groups = [fresh[start : start + TOGETHER] for start in range(0, len(fresh), TOGETHER)]
        with _transaction(link):
            for id_, group in enumerate(groups, start=self._next_body):
                hashes = b"".join(named for named, _ in group)
                body = pack(tuple(thing for _, thing in group))[0]
                link.execute("INSERT INTO bodies VALUES (?, ?, ?)", (id_, hashes, body))
            at = micros(snapshot.taken_at)
            link.execute("INSERT INTO moments VALUES (?, ?, ?, ?)", (seq, at, key, content))
        self._seq, self._key = seq, key
        self._next_body += len(groups)
        if full:
            self._key_raw = raw
        self._pace.told(len(content), full=full)

    # What goes

    def _limit(self, link: sqlite3.Connection) -> None:
        pages = int(self.megabytes * 1_000_000 * MARGIN / PAGE)
        link.execute(f"PRAGMA max_page_count = {max(8, pages)}")

    def _shrink(self, link: sqlite3.Connection, now: int) -> None:
        """Let the oldest stretch go where it is too old, or the file too large: one at a time."""
        oldest = self._oldest_stretch(link)
        if oldest is None:
            return
        (pages,) = link.execute("PRAGMA page_count").fetchone()
        (free,) = link.execute("PRAGMA freelist_count").fetchone()
        too_large = (pages - free) * PAGE > self.megabytes * 1_000_000
        if too_large or now - oldest.last > self.keep * 1_000_000:
            self._drop(link, oldest.after)
            self._oldest = None
        if free > SPARE:
            link.execute(f"PRAGMA incremental_vacuum({4 * SPARE})").fetchall()

    def _oldest_stretch(self, link: sqlite3.Connection) -> _Stretch | None:
        """The oldest; None: there is only one, which is being written."""
        if self._oldest is None and self._none_until != self._key:
            (first,) = link.execute("SELECT min(seq) FROM moments").fetchone()
            after = link.execute(
                "SELECT seq FROM moments WHERE seq > ? AND key = seq ORDER BY seq LIMIT 1", (first,)
            ).fetchone()
            if after is None:
                self._none_until = self._key
            else:
                (last,) = link.execute(
                    "SELECT at FROM moments WHERE seq < ? ORDER BY seq DESC", after
                ).fetchone()
                self._oldest = _Stretch(after[0], last)
        return self._oldest

    def _drop(self, link: sqlite3.Connection, after: int) -> None:
        """Forget the moments before `after`, which is told in full, and the things that only they showed."""
        gone: list[tuple[int]] = []
        with contextlib.suppress(saved.UnreadableSaved, zlib.error):  # then it is left to the next one
            left, _, made = ring_file.told(link, after)
            kept = ring_file.bodies(left)
            older = link.execute("SELECT id FROM bodies WHERE id < ?", (made,))
            gone = [(id_,) for (id_,) in older if id_ not in kept]
        with _transaction(link):
            link.execute("DELETE FROM moments WHERE seq < ?", (after,))
            link.executemany("DELETE FROM bodies WHERE id = ?", gone)

    # Opening

    def _open(self) -> sqlite3.Connection:
        if self._link is None:
            with contextlib.suppress(FileExistsError):
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
                os.close(os.open(self.path, flags, 0o600))
            ring_file.check(self.path)
            self._link = ring_file.connect(self.path, reading=False)
            self._resume(self._link)
        return self._link

    def _resume(self, link: sqlite3.Connection) -> None:
        """Go on after what an earlier room wrote: what is there already is not written again."""
        (found,) = link.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged("the file of the past is damaged")
        (seq,) = link.execute("SELECT max(seq) FROM moments").fetchone()
        (body,) = link.execute("SELECT max(id) FROM bodies").fetchone()
        self._seq, self._next_body = seq or 0, (body or 0) + 1
        if seq is None:
            return
        try:
            found, _, _ = ring_file.told(link, seq)
        except (
            saved.UnreadableSaved,
            zlib.error,
        ):  # another version wrote it: nothing of it can be used again
            return
        numbers = {number for refs in found.values() for number in refs.numbers}
        for id_ in {number // ring_file.ROOM for number in numbers}:
            row = link.execute("SELECT hashes FROM bodies WHERE id = ?", (id_,)).fetchone()
            for position in range(len(row[0]) // HASH if row is not None else 0):
                number = id_ * ring_file.ROOM + position
                if number in numbers:
                    self._known[row[0][position * HASH : (position + 1) * HASH]] = number

    def _set_aside(self, problem: Damaged) -> None:
        """Put the file out of the way, for whoever wants to look at it."""
        self._let_go()
        aside = self.path.with_name(self.path.name + ASIDE)
        with plainly():
            for ending in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + ending).unlink()
            with contextlib.suppress(FileNotFoundError):
                self.path.replace(aside)
        self.notice = f"{problem}: it lies as {aside.name}, a new one begins"


@contextlib.contextmanager
def _transaction(link: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing."""
    link.execute("BEGIN IMMEDIATE")
    try:
        yield
        link.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            link.execute("ROLLBACK")
        raise


def _locked(path: Path) -> int | None:
    """A handle that holds the lock at `path`; None where another room does. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:  # a disk that knows no locks is no other room
        os.close(handle)
        raise
    return handle
