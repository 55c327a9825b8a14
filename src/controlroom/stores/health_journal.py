"""Transitions of services, kept on this machine as they happen, so that a restart forgets none.

A line of JSON each, appended: whoever is killed loses at most the line being written, and a line that is
not whole is passed over. A line without a service says when the room heard of one last; what came after
the last line, nobody saw. One room writes a journal at a time; others only read it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from controlroom.domain import instants
from controlroom.domain.health import TRANSITIONS_KEPT, ServiceState, Transition
from controlroom.domain.services import Health
from controlroom.domain.text import clean
from controlroom.domain.watched import Watched
from controlroom.stores import atomic

LIMIT = 4_000_000
"""Bytes; a journal that has grown beyond this begins anew with what is still worth knowing."""

WATCHING_EVERY = 30.0
"""Seconds between two lines that say that the room hears of services."""

LOCK_PAUSES = (0.0, 0.005, 0.02)
"""Seconds before each try to become the room that writes."""

REASON = 200


class Journal:
    """The journal at `path`. Its methods block for the length of a file operation; raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._seen: Mapping[str, tuple[Transition, ...]] = {}
        self._marked: datetime | None = None
        """When a service was heard of last, as the file says."""
        self._torn = False
        """The file ends within a line."""

    def open(self) -> Watched:
        """What was kept, once; from then on this room writes it, unless another one does already."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self._path.with_suffix(".lock"))
        watched = read(self._path)
        if self._lock is not None and _size(self._path) > LIMIT:
            atomic.write(self._path, _lines(watched), mode=0o600)
        self._torn = _torn(self._path)
        self._seen = watched.transitions
        self._marked = watched.until
        return watched

    def news(self, states: Sequence[ServiceState], now: datetime) -> bytes:
        """The lines that `states` at `now` add; cheap, and nothing is written."""
        if self._lock is None:
            return b""
        fresh: list[dict[str, Any]] = []
        seen: dict[str, tuple[Transition, ...]] = {}
        for state in states:
            id_ = state.service.id
            seen[id_] = state.transitions
            before = self._seen.get(id_, ())
            if state.transitions is before or not state.transitions:
                continue
            last = before[-1].at if before else None
            fresh += (_record(id_, t) for t in state.transitions if last is None or t.at > last)
        self._seen = seen
        if fresh or self._marked is None or (now - self._marked).total_seconds() >= WATCHING_EVERY:
            heard = max((state.probed_at for state in states if state.probed_at), default=None)
            if heard is not None and (self._marked is None or heard > self._marked):
                fresh.append({"t": heard.isoformat()})
                self._marked = heard
        return b"".join(_line(record) for record in fresh)

    def append(self, lines: bytes) -> None:
        """Write `lines` at the end, in one piece. Where they do not all fit, they may be written again."""
        if not lines or self._lock is None:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(self._path, flags, 0o600)
        whole = b"\n" + lines if self._torn else lines
        try:
            written = os.write(handle, whole)
        finally:
            os.close(handle)
        self._torn = written < len(whole)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Let another room write it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def read(path: Path) -> Watched:
    """What the journal at `path` says; nothing where there is none. Raises OSError."""
    try:
        with path.open("rb") as source:
            source.seek(max(0, _size(path) - LIMIT))
            raw = source.read(LIMIT)
    except FileNotFoundError:
        return Watched({})
    found: dict[str, list[Transition]] = {}
    until: datetime | None = None
    for line in raw.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            record = json.loads(line)
            at = instants.parse(record["t"])
            if "s" in record:
                change = Transition(at, Health(record["b"]), Health(record["a"]), clean(record["r"], REASON))
                found.setdefault(clean(record["s"]), []).append(change)
            until = at if until is None else max(until, at)
    return Watched({id_: tuple(sorted(changes, key=lambda t: t.at)) for id_, changes in found.items()}, until)


def watching_within(path: Path) -> float:
    """Seconds for which silence in the journal at `path` still means that a room watches.

    `WATCHING_EVERY` while a room writes it; 0 where none does, as one that has ended says nothing any more.
    Raises OSError.
    """
    try:
        handle = os.open(path.with_suffix(".lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return 0.0
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return WATCHING_EVERY
    finally:
        os.close(handle)
    return 0.0


def _locked(path: Path) -> int | None:
    """A handle that holds the lock at `path`; None where another process does.

    It is tried again for a moment: who only asks whether a room watches holds it for no longer.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    for pause in LOCK_PAUSES:
        time.sleep(pause)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    os.close(handle)
    return None


def _torn(path: Path) -> bool:
    """Whether the file ends within a line: what is appended must not become a part of it."""
    try:
        with path.open("rb") as source:
            source.seek(-1, os.SEEK_END)
            return source.read(1) != b"\n"
    except OSError:  # there is none, or nothing in it
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _lines(watched: Watched) -> bytes:
    records: Iterable[dict[str, Any]] = (
        _record(id_, change)
        for id_, changes in watched.transitions.items()
        for change in changes[-TRANSITIONS_KEPT:]
    )
    mark = [] if watched.until is None else [{"t": watched.until.isoformat()}]
    return b"".join(_line(record) for record in (*records, *mark))


def _record(service: str, change: Transition) -> dict[str, Any]:
    return {
        "t": change.at.isoformat(),
        "s": service,
        "b": change.before.value,
        "a": change.after.value,
        "r": change.reason,
    }


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
