"""Claims as files: ``notices/<key>.<n>`` in the log's folder, and ``notices/<key>.told``.

Whoever makes the next number first has the claim: O_EXCL is the compare-and-set, and nothing is ever taken
away while it counts. A claim is void when it has not changed for the lease by the watch of whoever looks, so
that no clock is compared with another machine's.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from controlroom.stores import folder_files
from controlroom.stores.claims import KEPT, LEASE, Answer, first_lost
from controlroom.stores.port import Unavailable

_TOLD = ".told"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderClaims:
    """Claims in the log's folder, which need not exist yet."""

    def __init__(self, log: Path, lease: float = LEASE) -> None:
        self._folder = log / "notices"
        self._lease = lease
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[tuple[str, int], float]] = {}
        """Key → another room's claim and when it last changed, and when that was first seen here."""
        self._swept = 0.0

    def claim(self, keys: Sequence[str], room: str) -> Answer:
        """Claim all of `keys`. Raises Unavailable."""
        try:
            with self._lock:
                folder_files.make_folder(self._folder)
                self._sweep()
                return first_lost(self._one(key, room) for key in keys)
        except OSError as problem:
            raise _unavailable(problem) from None

    def confirm(self, keys: Sequence[str], room: str) -> None:
        """Told. Raises Unavailable."""
        try:
            for key in keys:
                with contextlib.suppress(FileExistsError):
                    self._make(f"{key}{_TOLD}", room)
            handle = folder_files.open_folder(self._folder)
            try:
                folder_files.sync_folder(handle)
            finally:
                os.close(handle)
        except OSError as problem:
            raise _unavailable(problem) from None

    def close(self) -> None:
        """Nothing is open."""

    def _one(self, key: str, room: str) -> Answer:
        while True:
            if (self._folder / f"{key}{_TOLD}").exists():
                self._seen.pop(key, None)
                return "told"
            last = max(
                (
                    int(path.suffix[1:])
                    for path in self._folder.glob(f"{key}.*")
                    if path.suffix[1:].isdecimal()
                ),
                default=0,
            )
            path = self._folder / f"{key}.{last}"
            if last:
                try:
                    holder = path.read_text(encoding="utf-8", errors="replace")
                    changed = path.stat().st_mtime_ns
                    if holder == room:
                        os.utime(path)
                        return "mine"
                except FileNotFoundError:
                    continue
                if not self._void(key, (path.name, changed)):
                    return "held"
            try:
                self._make(f"{key}.{last + 1}", room)
            except FileExistsError:
                continue
            self._seen.pop(key, None)
            return "mine"

    def _void(self, key: str, claim: tuple[str, int]) -> bool:
        """Whether `claim` of another room has stood still for the lease."""
        known = self._seen.get(key)
        if known is None or known[0] != claim:
            self._seen[key] = claim, time.monotonic()
            return False
        return time.monotonic() - known[1] > self._lease

    def _make(self, name: str, room: str) -> None:
        handle = os.open(self._folder / name, _CREATE, 0o644)
        with os.fdopen(handle, "wb") as target:
            target.write(room.encode())

    def _sweep(self) -> None:
        """Remove what is older than two days, now and then."""
        if self._swept and time.monotonic() - self._swept < 3600:
            return
        self._swept = time.monotonic()
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > 2 * KEPT:
                    path.unlink()


def _unavailable(problem: OSError) -> Unavailable:
    told = folder_files.unavailable(problem, "written")
    return Unavailable(told.reason.replace("the log", "the claim", 1), told.remedy)
