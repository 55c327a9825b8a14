"""The notices that wait to be told, durably, and what became of those of the last day.

    <folder>/queued/<name>.json     not told yet
             done/<name>.json       told, not told for a reason, or given up; kept for a day

`name` follows from the notice and its channel, so several rooms of one person keep each only once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import stat
import threading
from pathlib import Path
from typing import Literal

from controlroom.domain.notice import Told, from_dict, to_dict
from controlroom.domain.text import clean
from controlroom.stores import atomic, outbox_files

Place = Literal["queued", "done"]

KEEP = dt.timedelta(days=1)
"""How long it is kept what became of a notice."""

LARGEST = 1 << 18
"""Bytes; no notice is longer."""


class NoticeOutbox:
    """One person's notices for one configuration. Thread-safe; every call that writes may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.trouble = ""
        """Files that could not be read, as of the last `read`."""

    def put(self, told: Told) -> bool:
        """Keep a notice that waits; False where it is known already, told or not."""
        with self._lock:
            self._prepare()
            if (self.folder / "done" / f"{told.name}.json").exists():
                return False
            try:
                outbox_files.create(self._path("queued", told), _bytes(told))
            except FileExistsError:
                return False
            return True

    def update(self, told: Told) -> None:
        """Keep what is known of one that still waits. One that another room has ended stays so."""
        with self._lock:
            if not self._path("done", told).exists():
                atomic.write(self._path("queued", told), _bytes(told), 0o600)

    def end(self, told: Told) -> None:
        """Keep what became of it; what another room of this person has told stays told."""
        with self._lock:
            self._prepare()
            known = self._read(self._path("done", told))
            if not isinstance(known, Told) or known.state != "sent":
                atomic.write(self._path("done", told), _bytes(told), 0o600)
            self._path("queued", told).unlink(missing_ok=True)
            atomic.sync_folder(self.folder / "queued")

    def sent(self, told: Told) -> bool:
        """Whether another room of this person has told it; never raises."""
        known = self._read(self._path("done", told))
        return isinstance(known, Told) and known.state == "sent"

    def read(self) -> tuple[Told, ...]:
        """Everything that is kept, what waits first, each oldest first; never raises."""
        with self._lock:
            wrong: list[str] = []
            done = self._all("done", wrong)
            ended = {told.name for told in done}
            waiting = [told for told in self._all("queued", wrong) if told.name not in ended]
            self.trouble = f"{self.folder}: {'; '.join(wrong[:3])}" if wrong else ""
            return (*sorted(waiting, key=_order), *sorted(done, key=_order))

    def prune(self, now: dt.datetime) -> None:
        """Forget what ended more than a day ago."""
        for told in self._all("done", []):
            self._path("queued", told).unlink(missing_ok=True)
            if told.ended_at is not None and now - told.ended_at > KEEP:
                self._path("done", told).unlink(missing_ok=True)

    def _all(self, place: Place, wrong: list[str]) -> list[Told]:
        found = []
        try:
            names = sorted(os.listdir(self.folder / place))  # noqa: PTH208 - names only
        except FileNotFoundError:
            return []
        except OSError as problem:
            wrong.append(f"{place}: {(problem.strerror or type(problem).__name__).lower()}")
            return []
        for name in names:
            if not name.endswith(".json") or name.startswith("."):
                continue
            told = self._read(self.folder / place / name)
            if isinstance(told, Told):
                found.append(told)
            elif told:
                wrong.append(f"{place}/{clean(name, 80)}: {told}")
        return found

    def _read(self, path: Path) -> Told | str:
        """What stands in a file, or why it cannot be used; empty where there is none."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as source:
                about = os.fstat(handle)
                if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
                    return "no file of notices"
                raw = source.read(LARGEST)
            value = json.loads(raw)
            return from_dict(value) if isinstance(value, dict) else "no notice"
        except FileNotFoundError:
            return ""
        except OSError as problem:
            return (problem.strerror or type(problem).__name__).lower()
        except RecursionError:
            return "no notice"
        except ValueError as problem:
            return "half written or broken" if isinstance(problem, json.JSONDecodeError) else str(problem)

    def _path(self, place: Place, told: Told) -> Path:
        return self.folder / place / f"{told.name}.json"

    def _prepare(self) -> None:
        """Make the folders, mode 0700, durably."""
        if (self.folder / "done").is_dir() and (self.folder / "queued").is_dir():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in ("queued", "done"):
            (self.folder / place).mkdir(mode=0o700, exist_ok=True)
        atomic.sync_folder(self.folder)
        with contextlib.suppress(OSError):
            atomic.sync_folder(self.folder.parent)


def _bytes(told: Told) -> bytes:
    return json.dumps(to_dict(told), ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _order(told: Told) -> tuple[dt.datetime, str]:
    return told.put_at, told.name
