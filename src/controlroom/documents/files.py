"""A file's bytes, read again only when it has changed, whatever lies in its place."""

from __future__ import annotations

import datetime as dt
import os
import stat
from pathlib import Path

SETTLED = 2.0
"""Seconds after which a file's time of change tells every later change apart."""

Stamp = tuple[int, int, int]
"""Time of change (ns), size and inode: another stamp is another content."""


class Unreadable(Exception):
    """Why a file cannot be read, in plain words."""


class Missing(Unreadable):
    """There is no such file."""


class IsFolder(Unreadable):
    """It is a folder."""


class TooLarge(Unreadable):
    """It has more bytes than are read."""


class StillChanging(Exception):
    """The file changed while it was being read; the next look will tell."""


def changed(path: Path, known: Stamp | None, now: dt.datetime, limit: int) -> tuple[Stamp, bytes | None]:
    """The file's stamp and its bytes; None where its stamp is `known`, so that they are what was read before.

    Raises Unreadable, also for more than `limit` bytes, or StillChanging.
    """
    try:
        # A pipe in place of a file must not hold the look up.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Missing("there is no such file") from None
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        raise Unreadable(why.lower()) from None
    try:
        before = os.fstat(handle)
        if stat.S_ISDIR(before.st_mode):
            raise IsFolder("is a folder")
        if not stat.S_ISREG(before.st_mode):
            raise Unreadable("is no regular file")
        if _stamp(before) == known and now.timestamp() - before.st_mtime > SETTLED:
            return _stamp(before), None
        if before.st_size > limit:
            raise TooLarge(f"{before.st_size:,} bytes, more than {limit:,}")
        raw = _whole(handle, before.st_size)
        if len(raw) != before.st_size or _stamp(os.fstat(handle)) != _stamp(before):
            raise StillChanging
    except OSError as problem:
        raise Unreadable((problem.strerror or "cannot be read").lower()) from None
    finally:
        os.close(handle)
    return _stamp(before), raw


def _whole(handle: int, size: int) -> bytes:
    """What there is up to one byte more than `size`, which would tell that it has grown."""
    parts: list[bytes] = []
    left = size + 1
    while left > 0 and (part := os.read(handle, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_mtime_ns, about.st_size, about.st_ino
