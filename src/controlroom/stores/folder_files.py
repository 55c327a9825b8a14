"""The files of a log's folder: their names, reading one, publishing one whole, and mishaps in plain words.

Everything happens inside a folder that is open already, given by its file descriptor, so that a folder
renamed meanwhile is still one and the same.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from controlroom.stores.port import ReadOnly, Unavailable

LIMIT = 1 << 20
"""Bytes one action may have."""

LEFT_BEHIND = 24 * 3600
"""Seconds after which a temporary file's writer is taken to be dead. One that is not writes another."""

_PREFIX, _SUFFIX = ".action-", ".part"
_CHUNK = 1 << 14
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_OF_ONE_FILE = {errno.EACCES: "no permission to read it", errno.EPERM: "no permission to read it"} | {
    errno.ELOOP: "a symbolic link, not an action",
    errno.EISDIR: "a folder, not an action",
    errno.ENXIO: "not a regular file",
    errno.EAGAIN: "not a regular file",
    errno.EIO: "the disk cannot read it",
}


class Strange(Exception):
    """Why a name in the log has no bytes to offer, such as ``a symbolic link, not an action``."""


def name(rev: int) -> str:
    """File name of the action `rev`; nine digits sort well, more are taken too."""
    return f"{rev:09d}.json"


def rev_of(file_name: str) -> int | None:
    """The rev a file's name stands for; None for a foreign file."""
    digits = file_name.removesuffix(".json")
    if len(digits) > 18 or not (digits.isascii() and digits.isdigit()):
        return None
    rev = int(digits)
    return rev if rev and file_name == name(rev) else None


def listed(folder: int, behind: int = 0) -> tuple[list[int], list[str]]:
    """Revs greater than `behind` that `folder` has names for, in order, and temporary files of writers."""
    names = os.listdir(folder)
    if behind:
        known = name(behind)
        names = [n for n in names if not "0" <= n <= known or len(n) != len(known)]
    revs = sorted(rev for n in names if (rev := rev_of(n)) is not None and rev > behind)
    return revs, [n for n in names if n.startswith(_PREFIX) and n.endswith(_SUFFIX)]


def read(folder: int, file_name: str) -> bytes:
    """Bytes of a regular file; never waits for anything else. Raises Strange, and OSError."""
    try:
        handle = os.open(file_name, _READ, dir_fd=folder)
        try:
            raw = os.read(handle, _CHUNK)
            if not 0 < len(raw) < _CHUNK:
                raw = _rest(handle, raw)
        finally:
            os.close(handle)
    except OSError as problem:
        if problem.errno in _OF_ONE_FILE:
            raise Strange(_OF_ONE_FILE[problem.errno]) from None
        raise
    return raw


def _rest(handle: int, raw: bytes) -> bytes:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise Strange("not a regular file")
    parts = [raw]
    size = len(raw)
    while parts[-1]:
        if size > LIMIT:
            raise Strange(f"larger than {LIMIT >> 20} MiB")
        parts.append(os.read(handle, _CHUNK))
        size += len(parts[-1])
    return b"".join(parts)


def exists(folder: int, file_name: str) -> bool:
    """Whether there is anything of that name, a link to nowhere too."""
    try:
        os.stat(file_name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def stamp(folder: int, file_name: str) -> tuple[int, int] | None:
    """What tells a file from another one put in its place; None where there is none."""
    try:
        about = os.stat(file_name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return about.st_mtime_ns, about.st_size


class Draft:
    """An action in a temporary file, on the disk, until `link` gives it its place."""

    def __init__(self, folder: int, raw: bytes) -> None:
        self._folder = folder
        self._name = f"{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}{_SUFFIX}"
        handle = os.open(self._name, _CREATE, 0o644, dir_fd=folder)
        try:
            rest = memoryview(raw)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
            about = os.fstat(handle)
        except BaseException:
            self.discard()
            raise
        finally:
            os.close(handle)
        self.made_at = about.st_mtime
        """By the clock of the file system, which may be another machine's."""
        self._inode = about.st_dev, about.st_ino

    def link(self, file_name: str) -> bool:
        """Make it the file `file_name` unless there is one; False when somebody else's is there.

        Raises FileNotFoundError when the temporary file is gone, ReadOnly, OSError.
        """
        folder = self._folder
        try:
            os.link(self._name, file_name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as problem:
            # Over a network a link may be made and its answer lost; asked again, the server finds it there.
            if self._is(file_name):
                return True
            if problem.errno == errno.EEXIST:
                return False
            if problem.errno in _NO_LINKS:
                raise no_links() from None
            raise
        return self._is(file_name)

    def _is(self, file_name: str) -> bool:
        try:
            about = os.stat(file_name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return (about.st_dev, about.st_ino) == self._inode

    def discard(self) -> None:
        """Remove the temporary file, if it can be; what was linked stays."""
        with contextlib.suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder)


def sweep(folder: int, temporary: list[str], now: float) -> None:
    """Remove those temporary files that were left behind long before `now`, a time of this file system."""
    for each in temporary:
        with contextlib.suppress(OSError):
            about = os.stat(each, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(about.st_mode) and about.st_mtime < now - LEFT_BEHIND:
                os.unlink(each, dir_fd=folder)


def open_folder(path: Path) -> int:
    """A descriptor of the folder. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def make_folder(path: Path) -> None:
    """Make the folder and those above it, where they are missing. Others may do so at the same time."""
    path.mkdir(parents=True, exist_ok=True)


def sync_file(folder: int, file_name: str) -> None:
    """fsync of one file of the folder."""
    handle = os.open(file_name, _READ, dir_fd=folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: int) -> None:
    """fsync of the folder: its names survive a power cut, as far as its file system knows how to."""
    try:
        os.fsync(folder)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # what file systems say that cannot, or need not
            raise


def sync_above(path: Path) -> None:
    """fsync of the folders that lead to `path`: somebody killed may have made one just now."""
    device = path.stat().st_dev
    for parent in path.parents:
        if parent.stat().st_dev != device:
            return
        try:
            handle = open_folder(parent)
        except PermissionError:
            continue  # not ours to open, so not made by us
        try:
            sync_folder(handle)
        finally:
            os.close(handle)


_WHY = {
    errno.ENOSPC: ("no space is left on its device", "free some space there"),
    errno.EDQUOT: ("the disk quota is used up", "free some space there, or ask for a larger quota"),
    errno.EROFS: ("its file system is mounted read-only", "mount it writable"),
    errno.EACCES: ("the permission is missing", "ask the folder's owner for it"),
    errno.EPERM: ("the permission is missing", "ask the folder's owner for it"),
    errno.EIO: ("the disk reports an error", "look at the disk: its last words are in the system's log"),
    errno.ENOTDIR: ("something on its path is no folder", "give another folder, or move that file away"),
    errno.EEXIST: ("something on its path is no folder", "give another folder, or move that file away"),
    errno.ELOOP: ("its path runs in a circle of links", "give the folder itself"),
    errno.ENAMETOOLONG: ("its path is too long", "give a shorter one"),
    errno.EMFILE: ("too many files are open", "close some programs"),
    errno.ENFILE: ("too many files are open", "close some programs"),
    errno.ESTALE: ("its network file system lost it", "mount it again"),
}


def unavailable(problem: OSError, doing: str) -> Unavailable:
    """`problem` in plain words: ``the log cannot be written: no space is left on its device``."""
    words = (problem.strerror or type(problem).__name__).lower()
    why, remedy = _WHY.get(problem.errno or 0, (words, "look at the folder of [store].url"))
    return Unavailable(f"the log cannot be {doing}: {why}", remedy)


def no_links() -> ReadOnly:
    """The file system cannot do the one thing that keeps writers apart."""
    return ReadOnly(
        "the log can only be read: its file system has no hard links",
        "put the log's folder on a file system that has them, such as ext4, xfs, btrfs, zfs or NFS",
    )
