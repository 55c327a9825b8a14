"""Changing one of the squads' own files: whole or not at all, and only if it is still the file that was read.

What stands at the path keeps its mode, its owner and its other names; a link stays a link, and what it leads
to is changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from controlroom.domain.text import clean
from controlroom.stores import atomic

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of one document."""

PATIENCE = 2.0
"""Seconds to wait for somebody else of this program who is changing the same file."""

_AGAIN = "look at the card again: nothing was written"


class CannotReplace(Exception):
    """Why the file was not changed."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


def replace(path: Path, expected_digest: str, make: Callable[[bytes], bytes]) -> None:
    """Make what `make` makes of the content of `path` its content, durably; at every instant it is whole.

    `expected_digest` is the SHA-256 of the content that the change was made for; it is asked of the file
    once more right before the change. Blocks, for a little over `PATIENCE` seconds at most on a disk that
    answers. Raises CannotReplace, and whatever `make` raises: then the file is untouched, unless the
    message says otherwise.
    """
    shown = clean(str(path))
    try:
        target = path.resolve(strict=True)
        with _opened(target, shown) as (handle, about):
            raw = _content(handle, shown)
            _expect(raw, expected_digest, shown)
            content = make(raw)
            if content != raw:
                _swap(target, shown, content, about, expected_digest)
    except OSError as problem:
        words = (problem.strerror or type(problem).__name__).lower()
        raise CannotReplace(f"{shown} cannot be written: {words}", "nothing was changed") from None
    except RuntimeError:
        raise CannotReplace(f"{shown} is a link that leads to itself") from None


@contextlib.contextmanager
def _opened(target: Path, shown: str) -> Iterator[tuple[int, os.stat_result]]:
    """The file opened and kept from other rooms, if it is one that may be changed."""
    handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(handle, shown)
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise CannotReplace(f"{shown} is no regular file")
        if not about.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise CannotReplace(f"{shown} is read-only", "make it writable, or change it where it comes from")
        if about.st_nlink > 1:
            raise CannotReplace(
                f"{shown} has {about.st_nlink} names (hard links), and only one would change",
                "change it by hand",
            )
        yield handle, about
    finally:
        os.close(handle)


def _lock(handle: int, shown: str) -> None:
    """Wait for other rooms; a file system without locks has none to wait for."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise CannotReplace(f"{shown} is being changed by somebody else", _AGAIN) from None
            time.sleep(0.02)
        except OSError:
            return
        else:
            return


def _content(handle: int, shown: str) -> bytes:
    parts: list[bytes] = []
    left = SIZE_LIMIT + 1
    while left > 0 and (part := os.read(handle, left)):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise CannotReplace(f"{shown} is larger than {SIZE_LIMIT:,} bytes", "split the document")
    return b"".join(parts)


def _expect(raw: bytes, digest: str, shown: str) -> None:
    if hashlib.sha256(raw).hexdigest() != digest:
        raise CannotReplace(f"{shown} has changed meanwhile", _AGAIN)


def _swap(target: Path, shown: str, content: bytes, about: os.stat_result, digest: str) -> None:
    """Put `content` in the place of the file that `about` describes."""
    temporary = target.with_name(f".controlroom.{os.getpid()}.{os.urandom(4).hex()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as new:
            _dress(new.fileno(), target, about, shown)
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        _still_there(target, about, digest, shown)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    try:
        atomic.sync_folder(target.parent)
    except OSError as problem:
        words = (problem.strerror or type(problem).__name__).lower()
        raise CannotReplace(f"{shown} is changed, but may not outlive a power cut: {words}") from None


def _dress(new: int, target: Path, about: os.stat_result, shown: str) -> None:
    """Give the new file the owner, the mode and the attributes of the old one."""
    own = os.fstat(new)
    if (own.st_uid, own.st_gid) != (about.st_uid, about.st_gid):
        try:
            os.fchown(new, about.st_uid, about.st_gid)
        except PermissionError:
            raise CannotReplace(
                f"{shown} belongs to somebody else, whom it would be taken from", "ask its owner to change it"
            ) from None
    os.fchmod(new, stat.S_IMODE(about.st_mode))
    with contextlib.suppress(OSError, AttributeError):  # not every system, nor every disk, has them
        for name in os.listxattr(target):
            with contextlib.suppress(OSError):
                os.setxattr(new, name, os.getxattr(target, name))


def _still_there(target: Path, about: os.stat_result, digest: str, shown: str) -> None:
    """The last look before the change: the same file with the same content."""
    handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        now = os.fstat(handle)
        if (now.st_dev, now.st_ino) != (about.st_dev, about.st_ino):
            raise CannotReplace(f"{shown} has changed meanwhile", _AGAIN)
        _expect(_content(handle, shown), digest, shown)
    finally:
        os.close(handle)
