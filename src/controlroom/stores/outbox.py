"""The outbox: what a person did and the store has not got yet, durably, in the order it was done.

    <folder>/<store>/store.txt      which store it is
                     era.json       which time of that store was seen last
                     queued/        not delivered yet: 000000007-<hash of the id>.json
                     conflict/      waits for a decision; with what stood in its way
                     sent/          committed in the last day; named by rev
                     lost/          committed once and lost by the store; named by the rev it had

Several processes of one person use it at once. An action moves from folder to folder with one rename, or
is written to the next before it leaves the last; whoever finds that another process was quicker goes on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from controlroom.domain.actions import Action, Entry, same_deed
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.stores import atomic, outbox_files
from controlroom.stores.outbox_files import PLACES, Place, Unreadable, Waiting

KEEP = 86_400.0
"""Seconds that a committed action is kept, in case the store loses it."""

KEEP_AT_LEAST = 64
"""Committed actions kept whatever their age: a clock that jumps ahead must not make all of them old."""

_REMEDIES = {
    errno.ENOSPC: "free some space there, then do it again",
    errno.EDQUOT: "free some of your quota there, then do it again",
    errno.EACCES: "give yourself the right to write there, then do it again",
    errno.EPERM: "give yourself the right to write there, then do it again",
    errno.EROFS: "point XDG_STATE_HOME to a folder that can be written, then do it again",
}
_NO_FOLDER = "there is no home folder to keep the outbox in"
_SET_HOME = "set HOME, or XDG_STATE_HOME to a folder of yours"


class NotRecorded(Exception):
    """An action could not be made durable. It is nowhere, and will not be delivered later."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Era:
    """A time in which the store lost nothing, as far as is known."""

    epoch: str
    """As the log calls it."""
    losses: int = 0
    """How often something may have been lost by then."""
    settled: bool = True
    """False until everything committed before was taken out to be handed in again."""

    @property
    def name(self) -> str:
        """Its name, for comparing."""
        return f"{self.losses} {self.epoch}"


class Outbox:
    """One person's undelivered actions for one `store` (its log's url). Thread-safe."""

    def __init__(self, folder: Path | None, store: str) -> None:
        self.store = store
        named = hashlib.sha256(store.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        self.folder = folder / named if folder is not None else None
        """Of this store; made when first needed. None: there is nowhere to keep anything."""
        self._lock = threading.RLock()
        self._read: dict[tuple[Place, str], tuple[tuple[int, ...], Waiting | str]] = {}
        self._trouble: dict[str, tuple[str, ...]] = {}
        self._unwritten: Era | None = None

    def put(self, action: Action, *, instead: Waiting | None = None) -> Waiting:
        """Keep `action`, durably, behind everything that waits, or in the place of the conflict `instead`.

        Raises NotRecorded; then nothing of it is left that could be delivered later.
        """
        if self.folder is None:
            raise NotRecorded(_NO_FOLDER, _SET_HOME)
        with self._lock:
            try:
                self._prepare(self.folder)
                while True:
                    new = self._new(action, instead)
                    with contextlib.suppress(FileExistsError):
                        outbox_files.create(self.folder / "queued" / new.name, outbox_files.to_bytes(new))
                        return new
                    if instead is not None:  # another process decided this conflict with this very id
                        return self.find(action.id, "queued") or new
            except outbox_files.NotTakenBack as problem:
                return self._taken_on(action, problem)
            except OSError as problem:
                raise NotRecorded(self._said(problem), _remedy(problem)) from None

    def waiting(self) -> list[Waiting]:
        """What is to be delivered, in order: what the store lost first."""
        return [*self.listed("lost"), *self.listed("queued")]

    def listed(self, place: Place) -> list[Waiting]:
        """What is in one of the folders, in order; see `trouble` for what could not be read."""
        with self._lock:
            found: list[Waiting] = []
            wrong: list[str] = []
            names: set[str] = set()
            for name in self._names(place, wrong):
                names.add(name)
                known = self._file(place, name)
                if isinstance(known, str):
                    wrong.append(f"{place}/{clean(name, 80)}: {known}")
                elif known is not None:
                    found.append(known)
            for key in [key for key in self._read if key[0] == place and key[1] not in names]:
                del self._read[key]
            self._trouble[place] = tuple(wrong)
            return sorted(found, key=lambda waiting: (waiting.number, waiting.name))

    def find(self, action_id: str, *places: Place, deed: Action | None = None) -> Waiting | None:
        """The first file with the action `action_id`, and the same `deed`, in `places`, in this order."""
        with self._lock:
            return next((one for place in places for one in self._all(action_id, place, deed)), None)

    def _all(self, action_id: str, place: Place, deed: Action | None) -> Iterator[Waiting]:
        ending = f"-{outbox_files.digest(action_id)}.json"
        for name in sorted(self._names(place, [])):
            known = self._file(place, name) if name.endswith(ending) else None
            if not isinstance(known, Waiting) or known.action.id != action_id:
                continue
            if deed is None or same_deed(known.action, deed):
                yield known

    def has(self, waiting: Waiting) -> bool:
        """Whether it is where it was; False when another process was quicker."""
        if self.folder is None:
            return False
        try:
            (self.folder / waiting.place / waiting.name).lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def trouble(self) -> str:
        """Why the outbox cannot be used, or which files in it cannot; as of the last `listed`."""
        if self.folder is None:
            return f"{_NO_FOLDER}: {_SET_HOME}"
        wrong = [text for place in PLACES for text in self._trouble.get(place, ())]
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return f"{self.folder}: {'; '.join(wrong[:3])}{more}" if wrong else ""

    def delivered(self, waiting: Waiting, rev: int) -> Waiting:
        """It is in the log at `rev`: move it to ``sent``. Where that fails it is handed in again."""
        sent = replace(waiting, place="sent", number=rev, name=outbox_files.name_of(rev, waiting.action.id))
        self._move(waiting, sent)
        if waiting.instead is not None:
            self._unlink("conflict", waiting.instead)
        self.settle(waiting.action)
        return sent

    def lose(self, sent: Waiting) -> Waiting:
        """The store may not have it any more: it is to be handed in again."""
        lost = replace(sent, place="lost", since=time.time())
        self._move(sent, lost)
        return lost

    def conflicted(self, waiting: Waiting, why: str, current: Entry | None) -> None:
        """It waits for a decision from now on. Where that cannot be written it stays where it is."""
        if self.folder is None:
            return
        new = replace(waiting, place="conflict", instead=None, why=why, current=current)
        with contextlib.suppress(OSError):
            self._prepare(self.folder)
            atomic.write(self.folder / "conflict" / new.name, outbox_files.to_bytes(new), 0o600)
            if waiting.instead not in (None, new.name):
                self._unlink("conflict", waiting.instead or "")
            self._remove(waiting)

    def settle(self, action: Action) -> bool:
        """The conflict of `action` is decided. False: its file cannot be removed."""
        with self._lock:
            gone = [self._remove(one) for one in self._all(action.id, "conflict", action)]
        return all(gone)

    def give_up(self, waiting: Waiting) -> bool:
        """It is not delivered any more. False: its file cannot be removed."""
        return self._remove(waiting)

    def era(self) -> Era | None:
        """Which time of the store was seen last, by any process; None for none."""
        if self._unwritten is not None or self.folder is None:
            return self._unwritten
        try:
            value = json.loads((self.folder / "era.json").read_bytes())
            return Era(str(value["epoch"]), int(value["losses"]), value["settled"] is True)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, era: Era) -> None:
        """Keep `era` for every process, durably; for this one alone where that cannot be done."""
        value = {"epoch": era.epoch, "losses": era.losses, "settled": era.settled}
        try:
            if self.folder is None:
                raise OSError(errno.ENOENT, _NO_FOLDER)
            self._prepare(self.folder)
            atomic.write(self.folder / "era.json", json.dumps(value).encode() + b"\n", 0o600)
            self._unwritten = None
        except OSError:
            self._unwritten = era

    def lose_all(self) -> bool:
        """Everything committed is to be handed in again. False: not all of it could be taken out."""
        for sent in self.listed("sent"):
            self.lose(sent)
        if self.folder is not None:
            with contextlib.suppress(OSError):  # without it a power cut only takes them back to be lost again
                atomic.sync_folder(self.folder / "lost")
        return not self.listed("sent")

    def prune(self) -> None:
        """Remove what was committed more than a day ago, and what killed processes left half written.

        A day by the clock and by the latest of them: one clock is not enough to throw something away.
        """
        self._sweep()
        sent = self.listed("sent")
        ages = [waiting.since for waiting in sent]
        if not ages:
            return
        now = min(time.time(), max(ages))
        old = [waiting for waiting in sent[:-KEEP_AT_LEAST] if now - waiting.since > KEEP]
        for waiting in old:
            self._remove(waiting)

    def _sweep(self) -> None:
        """Remove temporary files of this program that nobody has touched for a day."""
        if self.folder is None:
            return
        for place in PLACES:
            with contextlib.suppress(OSError):
                for file in (self.folder / place).glob(".*.part"):
                    if time.time() - file.lstat().st_mtime > KEEP:
                        file.unlink(missing_ok=True)

    def _new(self, action: Action, instead: Waiting | None) -> Waiting:
        """The envelope for `action`; what it is behind is what waits on its item now."""
        era = self.era()
        name = "" if era is None else era.name
        if instead is not None:
            number, behind = instead.number, None
        else:
            before = [w for w in self.waiting() if w.action.item == action.item and w.action.id != action.id]
            behind = before[-1].action.id if before else None
            number = 1 + max(self._numbers("queued", "conflict"), default=0)
        superseded = None if instead is None else instead.name
        return Waiting(
            "queued", outbox_files.name_of(number, action.id), number, action, behind, name, superseded
        )

    def _numbers(self, *places: Place) -> Iterable[int]:
        parsed = (outbox_files.parse_name(name) for place in places for name in self._names(place, []))
        return [one[0] for one in parsed if one is not None]

    def _taken_on(self, action: Action, problem: OSError) -> Waiting:
        """After a put that could not be undone: either somebody delivered it meanwhile, or it is in doubt."""
        known = self.find(action.id, "sent", "conflict", "lost")
        if known is not None:
            return known
        reason = f"{self._said(problem)}; what was written could not be removed: it may still be delivered"
        raise NotRecorded(reason, "mend the disk, then look for it with controlroom outbox and log") from None

    def _prepare(self, folder: Path) -> None:
        """Make the folders, durably; and say which store they are for."""
        for place in PLACES:
            _make_folder(folder / place)
        readable = folder / "store.txt"
        if not readable.exists():
            with contextlib.suppress(OSError):  # it only tells people something
                atomic.write(readable, self.store.encode("utf-8", "replace") + b"\n", 0o600)

    def _names(self, place: Place, wrong: list[str]) -> list[str]:
        """Names in a folder, without temporary files."""
        if self.folder is None:
            return []
        try:
            return [name for name in os.listdir(self.folder / place) if not name.startswith(".")]  # noqa: PTH208
        except FileNotFoundError:
            return []
        except OSError as problem:
            wrong.append(f"{place}: {(problem.strerror or type(problem).__name__).lower()}")
            return []

    def _file(self, place: Place, name: str) -> Waiting | str | None:
        """What stands in a file, why it cannot be used, or None when it is gone; kept while unchanged."""
        assert self.folder is not None
        path = self.folder / place / name
        try:
            status = path.lstat()
            mark = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            known = self._read.get((place, name))
            if known is not None and known[0] == mark:
                return known[1]
            found: Waiting | str
            try:
                found = outbox_files.from_bytes(place, name, _content(path, status), status.st_mtime)
            except Unreadable as problem:
                found = str(problem)
        except FileNotFoundError:
            return None
        except OSError as problem:
            return (problem.strerror or type(problem).__name__).lower()
        self._read[place, name] = (mark, found)
        return found

    def _move(self, waiting: Waiting, to: Waiting) -> None:
        if self.folder is None:
            return
        source = self.folder / waiting.place / waiting.name
        with contextlib.suppress(OSError):
            os.utime(source)
        with contextlib.suppress(OSError):  # moved by another process, or found here again and moved then
            _make_folder(self.folder / to.place)
            source.rename(self.folder / to.place / to.name)

    def _remove(self, waiting: Waiting) -> bool:
        return self._unlink(waiting.place, waiting.name)

    def _unlink(self, place: Place, name: str) -> bool:
        if self.folder is None:
            return True
        try:
            (self.folder / place / name).unlink(missing_ok=True)
        except OSError:
            return False
        with contextlib.suppress(OSError):  # without it a power cut brings it back, to be found and removed
            atomic.sync_folder(self.folder / place)
        return True

    def _said(self, problem: OSError) -> str:
        return f"{self.folder}: {(problem.strerror or type(problem).__name__).lower()}"


def _remedy(problem: OSError) -> str:
    return _REMEDIES.get(problem.errno or 0, "check that folder and its disk, then do it again")


def _content(path: Path, status: os.stat_result) -> bytes:
    """What stands in a regular file of bearable size. Raises Unreadable, OSError."""
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("no plain file")
    if status.st_size > outbox_files.LARGEST:
        raise Unreadable("too large for an action")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as source:
        return source.read(outbox_files.LARGEST)


def _make_folder(folder: Path) -> None:
    """Make `folder` and those above it, mode 0700, durably."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        atomic.sync_folder(folder.parent)
