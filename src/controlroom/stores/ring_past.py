"""Reading the ring: any moment of the room's past, while a room may be writing on."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from controlroom.domain.instants import render
from controlroom.domain.past import Moment, NoPast
from controlroom.domain.snapshot import Snapshot
from controlroom.stores import ring_file, ring_parts, saved
from controlroom.stores.ring_file import plainly
from controlroom.stores.telling import Making, instant, micros

NEWEST = "this is the newest that is kept"


class Past:
    """The past in the file at `path`. Its methods block and raise NoPast; thread-safe.

    What two moments share are the same objects, so whoever shows them sees what is unchanged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._link: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._bodies: dict[int, tuple[Any, ...]] = {}
        self._making = Making()

    def at(self, asked: datetime) -> Moment:
        """The newest moment at or before `asked`."""
        return self._moment(_AT, (micros(asked),), "nothing is kept from then")

    def toward(self, shown: datetime, asked: datetime) -> Moment:
        """From the moment at `shown`, the one nearest to `asked` that is not farther: another one at least.

        Where `asked` lies in a time of which nothing was kept, the moment on its other side.
        """
        here, there = micros(shown), micros(asked)
        if there < here:
            return self._moment(_BACK, (there, here), "this is as far back as it goes")
        return self._moment(_ON, (here, there, here), NEWEST)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._link is not None:
            with contextlib.suppress(sqlite3.Error):
                self._link.close()
            self._link = None
        self._bodies, self._making = {}, Making()

    def _moment(self, query: str, numbers: tuple[int, ...], otherwise: str) -> Moment:
        with self._lock:
            try:
                with plainly():
                    link = self._open()
                    link.execute("BEGIN")
                    try:
                        return self._found(link, query, numbers, otherwise)
                    finally:
                        link.execute("ROLLBACK")
            except ring_file.Damaged:
                self._let_go()
                raise

    def _found(
        self, link: sqlite3.Connection, query: str, numbers: tuple[int, ...], otherwise: str
    ) -> Moment:
        rows = link.execute(query, numbers).fetchall()
        if not rows:
            (first,) = link.execute("SELECT min(at) FROM moments").fetchone()
            if first is None:
                raise NoPast("nothing of the past is kept yet")
            if otherwise == NEWEST:
                raise NoPast(NEWEST)
            raise NoPast(f"{otherwise}: the oldest is from {render(instant(first))}")
        seq, at = rows[0]
        (before,) = link.execute("SELECT max(at) FROM moments WHERE at < ?", (at,)).fetchone()
        (after,) = link.execute("SELECT min(at) FROM moments WHERE at > ?", (at,)).fetchone()
        return Moment(
            self._snapshot(link, seq, instant(at)),
            instant(at),
            None if before is None else instant(before),
            None if after is None else instant(after),
        )

    def _snapshot(self, link: sqlite3.Connection, seq: int, at: datetime) -> Snapshot:
        found, version, _ = ring_file.told(link, seq)
        wanted = ring_file.bodies(found)
        kept = {id_: body for id_, body in self._bodies.items() if id_ in wanted}
        self._bodies = kept | ring_file.things(link, wanted - kept.keys())
        known = {name: refs for name, refs in found.items() if name in ring_parts.PARTS}
        parts = {name: self._making.part(name, refs, self._still) for name, refs in known.items()}
        return Snapshot(**parts, version=version, taken_at=at)

    def _still(self, number: int) -> Any:
        body, position = divmod(number, ring_file.ROOM)
        try:
            return self._bodies[body][position]
        except LookupError:
            raise saved.UnreadableSaved("a part of it is missing") from None

    def _open(self) -> sqlite3.Connection:
        """The connection, to the file that is there now: another one may have taken its place."""
        try:
            about = ring_file.check(self._path)
        except FileNotFoundError:
            self._let_go()
            raise NoPast("nothing of the past is kept yet") from None
        if self._link is None or self._file != (about.st_dev, about.st_ino):
            self._let_go()
            self._link = ring_file.connect(self._path, reading=True)
            self._file = about.st_dev, about.st_ino
        return self._link


_AT = "SELECT seq, at FROM moments WHERE at <= ? ORDER BY at DESC, seq DESC LIMIT 1"

_BACK = """
SELECT seq, at FROM (SELECT seq, at FROM moments WHERE at <= ? ORDER BY at DESC, seq DESC LIMIT 1)
UNION ALL
SELECT seq, at FROM (SELECT seq, at FROM moments WHERE at < ? ORDER BY at, seq LIMIT 1)
"""

_ON = """
SELECT seq, at FROM (SELECT seq, at FROM moments WHERE at > ? AND at <= ? ORDER BY at DESC, seq DESC LIMIT 1)
UNION ALL
SELECT seq, at FROM (SELECT seq, at FROM moments WHERE at > ? ORDER BY at, seq LIMIT 1)
"""
