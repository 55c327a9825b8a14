"""The log as a folder: one file per action, `000000042.json`, there whole or not at all, never written again.

Who commits reads until the next number is missing, compares, writes the action to a temporary file, fsyncs
it, and links it to that number. `link` fails where there is a file: that is the compare-and-set, among any
number of threads, processes and machines. There is no lock to be left behind; a writer that is killed or
stopped at any point holds nobody up.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

from controlroom.domain.actions import Action, Entry, NewerAction, UnreadableAction, decode, encode, same_deed
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.stores import folder_files as files
from controlroom.stores.port import Committed, Missing, Moved, Page, ReadOnly, Taken, Unavailable, Verdict

ATTEMPTS = 100
"""Times that a writer begins anew when its temporary file, or the folder, is taken away under it."""

LISTING_SHARE = 100
"""Listing the whole folder takes at most one part in so many of the time."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why nothing may be written, and the rev where it lies."""

    rev: int
    reason: str
    remedy: str


class FolderLog:
    """The log in `folder`, which need not exist yet. What was read is kept: an idle look is two `stat`s.

    Safe to be used from several threads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._list_again = 0.0
        self._leftovers: list[str] = []
        self._hard_links = True
        self._replaced = False
        self._forget()

    def _forget(self) -> None:
        self._entries: list[Entry] = []
        self._head = 0
        self._head_stamp: tuple[int, int] | None = None
        self._trouble: _Trouble | None = None
        self._durable = 0
        self._indexed = 0
        self._by_id: dict[str, Entry] = {}
        self._last: dict[str, Entry] = {}

    @property
    def url(self) -> str:
        """``dir:`` and the folder's real path."""
        return "dir:" + clean(os.fsencode(self._folder).decode(errors="backslashreplace"))

    def read(self, after: int = 0) -> Page:
        """The entries behind rev `after`. Raises Unavailable."""
        with self._lock:
            try:
                self._refresh()
            except OSError as problem:
                raise files.unavailable(problem, "read") from None
            from_start = after > self._head or (after > 0 and self._replaced)
            if after > 0:
                self._replaced = False
            entries = self._entries if from_start else self._entries[self._position(after) :]
            trouble = self._trouble.reason if self._trouble else ""
            if not (trouble or self._hard_links):
                trouble = files.no_links().reason
            return Page(tuple(entries), self._head, trouble=trouble, from_start=from_start)

    def raw(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Rev and stored bytes of every action behind `after`, readable or not. Raises Unavailable."""
        with _failing("read"):
            folder = self._open()
            if folder is None:
                return
            try:
                for rev in files.listed(folder, after)[0]:
                    yield rev, self._bytes(folder, rev)
            finally:
                os.close(folder)

    def append(self, action: Action, *, resubmitted: bool = False) -> Verdict:
        """Commit `action` as the port says. Raises Unavailable, ReadOnly, and ValueError for no action."""
        raw = encode(action)
        stored = _storable(raw)

        def verdict(folder: int | None) -> Verdict | None:
            return self._verdict(folder, stored, resubmitted)

        with self._lock, _failing("written"):
            return self._commit(stored, raw, verdict)

    def put(self, rev: int, raw: bytes) -> None:
        """Write stored bytes of another log at the very next rev.

        Raises Unavailable, ReadOnly, and ValueError for another rev, no action, or an id that is there.
        """
        stored = _storable(raw)

        def refuse(folder: int | None) -> None:
            del folder
            self._may_write()
            if rev != self._head + 1:
                raise ValueError(f"{files.name(rev)} is not the next: the log ends with number {self._head}")
            if stored.id in self._by_id:
                raise ValueError(f"number {rev} repeats the id of number {self._by_id[stored.id].rev}")

        with self._lock, _failing("written"):
            self._commit(stored, raw, refuse)

    def close(self) -> None:
        """Nothing is held open."""

    # Reading

    def _refresh(self) -> None:
        """Bring what is known up to date."""
        try:
            unchanged = self._seen == _identity(self._folder.stat()) and not self._trouble
        except FileNotFoundError:
            unchanged = False
        # A time of change may be too coarse to show a second change at once; the next name is not.
        if unchanged and not os.access(self._folder / files.name(self._head + 1), os.F_OK):
            return
        folder = self._open()
        if folder is None:
            return
        try:
            self._look(folder)
        finally:
            os.close(folder)

    def _open(self) -> int | None:
        """A descriptor of the folder; None when there is no log yet. Raises Unavailable, OSError."""
        try:
            return files.open_folder(self._folder)
        except FileNotFoundError:
            if self._head:
                raise Unavailable(
                    f"the log's folder is gone; it held {self._head} actions",
                    "mount it or put it back; a new log begins only when controlroom is started anew",
                ) from None
            return None

    def _look(self, folder: int) -> None:
        seen, known = _identity(os.fstat(folder)), self._seen
        self._seen = None  # should reading fail half-way, everything is read anew
        if known is None or not self._stands(folder, changed=seen != known):
            self._load(folder)
        elif seen != known and self._trouble is None:
            if time.monotonic() < self._list_again:
                seen = known  # for now; so the next look comes back to it
            elif not self._sound(folder):
                self._load(folder)
        self._read_on(folder)
        self._seen = seen  # as it was before anything was read

    def _stands(self, folder: int, *, changed: bool) -> bool:
        """Whether what is known is still there, as far as two questions tell."""
        if self._trouble and _problem(folder, self._trouble.rev) != self._trouble:
            return False
        return not (
            changed and self._head and files.stamp(folder, files.name(self._head)) != self._head_stamp
        )

    def _load(self, folder: int) -> None:
        """Read everything anew."""
        before, head = self._entries, self._head
        self._forget()
        began = time.monotonic()
        collecting = gc.isenabled()
        gc.disable()  # a tenth of the time otherwise, spent on looking for garbage in what is being made
        try:
            self._read_on(folder)
            self._read_beyond(folder)
        finally:
            if collecting:
                gc.enable()
        self._listed(began)
        if head and before != self._entries[: self._position(head)]:
            self._replaced = True

    def _read_on(self, folder: int) -> None:
        """Read from the head on until a number is missing."""
        rev, take, add = self._head, self._take, self._entries.append
        first = rev
        while (entry := take(folder, rev + 1)) is not None:
            rev += 1
            if entry:
                add(entry)
        if rev != first:
            self._set_head(folder, rev)

    def _read_beyond(self, folder: int) -> None:
        """Read what stands behind a missing number; it is trouble."""
        beyond, self._leftovers = files.listed(folder, self._head)
        while beyond and files.exists(folder, files.name(self._head + 1)):
            self._read_on(folder)  # written while the folder was being listed
            beyond = [rev for rev in beyond if rev > self._head]
        if not beyond:
            return
        self._object(_missing(self._head + 1))
        for rev in beyond:
            if entry := self._take(folder, rev):
                self._entries.append(entry)
        self._set_head(folder, beyond[-1])

    def _take(self, folder: int, rev: int) -> Entry | tuple[()] | None:
        """The action `rev`; None when there is no such file, () when it cannot be understood: trouble."""
        try:
            return Entry(rev, decode(files.read(folder, files.name(rev))))
        except FileNotFoundError:
            return None
        except (files.Strange, UnreadableAction) as problem:
            self._object(_broken(rev, problem))
            return ()

    def _set_head(self, folder: int, rev: int) -> None:
        self._head = rev
        self._head_stamp = files.stamp(folder, files.name(rev))

    def _sound(self, folder: int) -> bool:
        """Whether every number up to the last one is there."""
        began = time.monotonic()
        revs, self._leftovers = files.listed(folder)
        self._listed(began)
        if (revs[-1] if revs else 0) < self._head:
            return False
        missing = next((n for n, rev in enumerate(revs, 1) if n != rev), None)
        # One that was made while the folder was being listed may not be in the list.
        return missing is None or files.exists(folder, files.name(missing))

    def _listed(self, began: float) -> None:
        now = time.monotonic()
        self._list_again = now + LISTING_SHARE * (now - began)

    def _object(self, trouble: _Trouble) -> None:
        self._trouble = self._trouble or trouble  # the first is enough

    def _position(self, after: int) -> int:
        """Index of the first entry behind rev `after`."""
        if len(self._entries) == self._head:
            return after
        return bisect_right(self._entries, after, key=lambda entry: entry.rev)

    def _bytes(self, folder: int, rev: int) -> bytes:
        try:
            return files.read(folder, files.name(rev))
        except files.Strange as problem:
            raise Unavailable(f"{files.name(rev)}: {problem}", _RESTORE) from None

    # Writing

    def _commit(self, stored: Action, raw: bytes, verdict: Callable[[int | None], Verdict | None]) -> Verdict:
        """Make `raw` the next action unless `verdict` says something else of the log as it stands then."""
        for _ in range(ATTEMPTS):
            folder = self._open()
            if folder is None:
                answer = verdict(None)
                if answer is not None:
                    return answer
                files.make_folder(self._folder)
                continue
            try:
                return self._publish(folder, stored, raw, verdict)
            except FileNotFoundError:
                continue  # somebody cleaned the temporary file away, or the folder
            finally:
                os.close(folder)
        raise Unavailable(
            "the log cannot be written: something keeps removing its temporary files",
            "leave the files that begin with .action- in the log's folder alone",
        )

    def _publish(
        self, folder: int, stored: Action, raw: bytes, verdict: Callable[[int | None], Verdict | None]
    ) -> Verdict:
        draft: files.Draft | None = None
        try:
            while True:
                self._look(folder)
                self._index()
                answer = verdict(folder)
                if answer is not None:
                    return answer
                if draft is None:
                    draft = files.Draft(folder, raw)
                rev = self._head + 1
                if rev == 1:
                    files.sync_above(self._folder)
                if self._link(draft, rev):
                    break
            files.sync_folder(folder)
        finally:
            if draft is not None:
                draft.discard()
        if self._leftovers:
            files.sweep(folder, self._leftovers, draft.made_at)
            self._leftovers = []
        return Committed(self._committed(folder, Entry(rev, stored)))

    def _link(self, draft: files.Draft, rev: int) -> bool:
        try:
            linked = draft.link(files.name(rev))
        except ReadOnly:
            self._hard_links = False
            raise
        self._hard_links = True
        return linked

    def _committed(self, folder: int, entry: Entry) -> Entry:
        """Know of `entry` what it takes to go on; the folder's fsync made all before it durable as well."""
        self._entries.append(entry)
        self._set_head(folder, entry.rev)
        self._durable = entry.rev
        return entry

    def _index(self) -> None:
        """Ids and items of what was read since the last time; only writers need them."""
        for entry in self._entries[self._indexed :]:
            self._by_id.setdefault(entry.action.id, entry)
            self._last[entry.action.item] = entry
        self._indexed = len(self._entries)

    def _verdict(self, folder: int | None, action: Action, resubmitted: bool) -> Verdict | None:
        """What is to be said of `action` without writing it; None: it is to be written."""
        held = self._by_id.get(action.id)
        if held is not None:
            if not same_deed(held.action, action):
                return Taken(held)
            self._assure(folder, held.rev)
            return Committed(held, replay=True)
        self._may_write()
        last = self._last.get(action.item)
        if action.expect is None or action.expect == (last.action.id if last else ""):
            return None
        if resubmitted and action.expect and action.expect not in self._by_id:
            return Missing()
        return Moved(last)

    def _may_write(self) -> None:
        if self._trouble:
            raise ReadOnly(f"the log can only be read: {self._trouble.reason}", self._trouble.remedy)

    def _assure(self, folder: int | None, rev: int) -> None:
        """Make number `rev` durable: who wrote it may have been killed before that, and never answered."""
        if folder is None or rev <= self._durable:
            return
        files.sync_file(folder, files.name(rev))
        files.sync_folder(folder)
        self._durable = rev


_RESTORE = "put that file back as it was, from a backup or another copy of the log"


def _broken(rev: int, problem: Exception) -> _Trouble:
    newer = isinstance(problem, NewerAction)
    remedy = "update controlroom on this machine" if newer else _RESTORE
    return _Trouble(rev, f"{files.name(rev)} in the log: {problem}", remedy)


def _missing(rev: int) -> _Trouble:
    remedy = "put that file back, from a backup or another copy of the log"
    return _Trouble(rev, f"{files.name(rev)} in the log is missing, and later ones are there", remedy)


def _problem(folder: int, rev: int) -> _Trouble | None:
    """What is wrong with number `rev` now."""
    try:
        decode(files.read(folder, files.name(rev)))
    except FileNotFoundError:
        return _missing(rev)
    except (files.Strange, UnreadableAction) as problem:
        return _broken(rev, problem)
    return None


def _storable(raw: bytes) -> Action:
    """The action in `raw`. Raises ValueError where reading it again would fail."""
    if len(raw) > files.LIMIT:
        raise ValueError(f"an action may have {files.LIMIT >> 20} MiB")
    return decode(raw)


def _identity(about: os.stat_result) -> tuple[int, int, int]:
    """What changes when a name in the folder does, or the folder is another one."""
    return about.st_dev, about.st_ino, about.st_mtime_ns


@contextlib.contextmanager
def _failing(doing: str) -> Iterator[None]:
    """Turns the system's errors into words."""
    try:
        yield
    except OSError as problem:
        raise files.unavailable(problem, doing) from None
