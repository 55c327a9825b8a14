"""The newest captured test results below the status folder, as far as cards name tests of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection
from pathlib import Path

from controlroom.domain.frozen import dataclass
from controlroom.domain.junit import JUnit
from controlroom.domain.tested import File, Results, look_up
from controlroom.domain.text import clean
from controlroom.stores import evidence_folder
from controlroom.stores.status_folder import SETTLED

CAPTURES = 60
"""Captures, the newest first, among which one with test results is looked for."""

Read = Callable[[bytes, str], JUnit | None]
"""The results in the bytes of a file of that name; None where it is no JUnit file."""

_Stamp = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A capture as it was last read."""

    stamp: _Stamp
    paths: tuple[Path, ...]
    """What the stamp is of."""
    files: tuple[File, ...] = ()
    trouble: str = ""
    settled: bool = False


class CapturedTests:
    """Reads a capture once, and again when any byte it was judged by may have changed."""

    def __init__(self, status: Path, read: Read) -> None:
        """`status` is the status folder."""
        self._status, self._understand = status, read
        self._known: dict[Path, _Known] = {}
        self._last: tuple[tuple[str, ...], _Known | None, Results] | None = None

    def look(self, names: Collection[str]) -> Results | None:
        """What the results say of the tests `names`; None where nobody names any.

        The same object as before when nothing changed.
        """
        if not names:
            self._known, self._last = {}, None
            return None
        wanted = tuple(names)
        try:
            folder, known = self._newest()
        except OSError as problem:
            why = (problem.strerror or type(problem).__name__).lower()
            return Results(trouble=f"captured test results cannot be read: {clean(problem.filename)}: {why}")
        if self._last is not None and self._last[0] == wanted and self._last[1] is known:
            return self._last[2]
        results = self._judged(wanted, folder, known)
        self._last = (wanted, known, results)
        return results

    def _newest(self) -> tuple[Path, _Known] | tuple[None, None]:
        """The newest capture that has test results, or had any. Raises OSError."""
        looked: dict[Path, _Known] = {}
        captures = itertools.islice(evidence_folder.newest_first(self._status), CAPTURES)
        newest = None
        for folder in captures:
            looked[folder] = known = self._read(folder)
            if known.files or known.trouble:
                newest = folder, known
                break
        self._known = looked
        return newest or (None, None)

    def _judged(self, wanted: tuple[str, ...], folder: Path | None, known: _Known | None) -> Results:
        if folder is None or known is None:
            many = f"the newest {CAPTURES} captures have no test results; older ones are not looked at"
            return Results(tests=look_up(wanted, ()), trouble=many if len(self._known) == CAPTURES else "")
        name = folder.relative_to(self._status).as_posix()
        if known.trouble:
            return Results(name, trouble=f"the test results in {name} cannot be used: {known.trouble}")
        return Results(name, max(file.at for file in known.files), look_up(wanted, known.files))

    def _read(self, folder: Path) -> _Known:
        before = self._known.get(folder)
        if before is not None and before.settled and _stamp(before.paths) == before.stamp:
            return before
        # Stamped before it is read: what changes in between is read again by the next look.
        paths = (*sorted(folder.glob("junit/*")), *map(folder.joinpath, _JUDGED_BY))
        stamp = _stamp(paths)
        settled = all(abs(time.time() - changed / 1e9) > SETTLED for *_, changed in stamp)
        known = _Known(stamp, paths, *self._believed(folder), settled)
        return before if before is not None and before == known else known

    def _believed(self, folder: Path) -> tuple[tuple[File, ...], str]:
        """The results in a capture, and why they cannot be used; what is no JUnit file says nothing."""
        below = folder.relative_to(self._status).as_posix()
        try:
            pieces = evidence_folder.pieces(folder, "junit")
        except evidence_folder.NoEvidence as problem:
            return (), str(problem)
        files = []
        for piece in pieces:
            results = self._understand(piece.content, piece.source)
            if results is not None:
                files.append(File(f"{below}/{piece.path}", results, piece.at))
        lost = "none of its JUnit files can be read" if pieces and not files else ""
        return tuple(files), lost


_JUDGED_BY = ("", "junit", evidence_folder.MANIFEST, evidence_folder.SEAL)
"""What else changes when a capture does: the folders themselves, where a file is lost and comes back."""


def _stamp(paths: tuple[Path, ...]) -> _Stamp:
    """Size, inode and both times of change; of what is not there zeros."""
    return tuple(map(_of, paths))


def _of(path: Path) -> tuple[int, int, int, int]:
    try:
        about = path.lstat()
    except OSError:
        return (0, 0, 0, 0)
    return about.st_size, about.st_ino, about.st_mtime_ns, about.st_ctime_ns
