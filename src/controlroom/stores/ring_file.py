"""The file of the past: where its moments and things lie, whose it is, and how it fails.

SQLite with a write-ahead log: whoever is killed while writing loses the moment being written, and readers
never wait for the writer. ``moments`` has a row per moment: with everything in it (its `key` is its own
number), or with what differs from the moment before. ``bodies`` holds the things, some hundred in one body
where they came together; a thing's number is its body's times `ROOM` and its place in it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from controlroom.domain.past import NoPast
from controlroom.stores import saved
from controlroom.stores.ring_moment import Told, applied
from controlroom.stores.telling import instant, unpack

APPLICATION = 0x43525031
"""Marks the file as one of these: ``CRP1``."""

VERSION = 1

ROOM = 1 << 10
"""Things in a body at most."""

SCHEMA = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE moments (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, key INTEGER NOT NULL, told BLOB NOT NULL);
CREATE INDEX moments_at ON moments (at);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL, things BLOB NOT NULL);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""


class Damaged(NoPast):
    """The file is not what it should be: another's, or broken."""


@contextlib.contextmanager
def plainly() -> Any:
    """What SQLite and the disk raise, as NoPast; as Damaged where the file itself is at fault."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as problem:
        code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_ERROR:  # a table is missing, or is another one
            raise Damaged("the file of the past is damaged") from None
        raise NoPast(_WORDS.get(code) or _said(problem)) from None
    except sqlite3.ProgrammingError:
        raise  # ours, and not the file's
    except sqlite3.DatabaseError:
        raise Damaged("the file of the past is damaged") from None
    except (saved.UnreadableSaved, zlib.error) as problem:
        raise NoPast(f"this moment cannot be read: {_said(problem)}") from None


_WORDS: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "the disk is full, or [past].megabytes is too small for this room",
    sqlite3.SQLITE_READONLY: "the file of the past cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the file of the past cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk does not do as it is told",
    sqlite3.SQLITE_BUSY: "another program holds the file of the past",
}


def _said(problem: Exception) -> str:
    strerror = getattr(problem, "strerror", None)
    return str(strerror or problem or type(problem).__name__)


def check(path: Path) -> os.stat_result:
    """The file at `path`. Raises Damaged where it is not a regular file of this user alone, OSError."""
    about = os.lstat(path)
    if not stat.S_ISREG(about.st_mode):
        raise Damaged("the file of the past is not a regular file")
    if about.st_uid != os.geteuid() or about.st_mode & 0o022:
        raise Damaged("the file of the past belongs to somebody else, or others may write to it")
    return about


def connect(path: Path, *, reading: bool) -> sqlite3.Connection:
    """A connection to the file that is there. Raises sqlite3.Error, Damaged."""
    link = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=1,
    )
    try:
        link.execute(f"PRAGMA query_only = {int(reading)}")
        link.execute("PRAGMA synchronous = NORMAL")
        link.execute("PRAGMA cache_size = -1024")
        (application,) = link.execute("PRAGMA application_id").fetchone()
        (version,) = link.execute("PRAGMA user_version").fetchone()
        (pages,) = link.execute("PRAGMA page_count").fetchone()
        if pages == 0 and not reading:
            link.executescript(SCHEMA)
        elif pages and (application, version) != (APPLICATION, VERSION):
            raise Damaged("the file of the past was written by something else")
        elif pages == 0:
            raise NoPast("nothing of the past is kept yet")
    except BaseException:
        link.close()
        raise
    return link


def told(link: sqlite3.Connection, seq: int) -> tuple[Told, int, int]:
    """The room at the moment `seq`, the version it had, and the number of the next body before the last
    moment that was told in full.

    Reads that one and those since, of which there are a bounded number. Raises saved.UnreadableSaved,
    zlib.error.
    """
    (key,) = link.execute("SELECT key FROM moments WHERE seq = ?", (seq,)).fetchone()
    rows = link.execute("SELECT at, told FROM moments WHERE seq BETWEEN ? AND ? ORDER BY seq", (key, seq))
    found: Told = {}
    known, body, version = b"", 0, 0
    for at, content in rows:
        (changes, next_body, version), raw = unpack(content, known)
        if not known:
            known, body = raw, next_body
        applied(found, changes, instant(at))
    return found, version, body


def bodies(found: Told) -> set[int]:
    """The bodies that hold the things of a moment."""
    return {number // ROOM for refs in found.values() for number in refs.numbers}


def things(link: sqlite3.Connection, wanted: Iterable[int]) -> dict[int, tuple[Any, ...]]:
    """Body → the things in it. Raises saved.UnreadableSaved where one is not there."""
    loaded: dict[int, tuple[Any, ...]] = {}
    for id_ in wanted:
        row = link.execute("SELECT things FROM bodies WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise saved.UnreadableSaved("a part of it is missing")
        loaded[id_] = unpack(row[0])[0]
    return loaded
