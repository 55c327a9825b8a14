"""The squads' Markdown files as a source.

A change shows within a poll; a file that cannot be read keeps its last good reading, with the reason.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.config.patterns import LIMIT, matching
from controlroom.documents import files
from controlroom.domain.calendar import CalendarRules
from controlroom.domain.documents import Document, DocumentReading
from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import DocumentsSeen, Observation, SourceKind
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock, Emit

if TYPE_CHECKING:
    from controlroom.documents.outline import Outline
    from controlroom.documents.read import Known

log = logging.getLogger(__name__)

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of one document."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Unreadable(Exception):
    """Why a file cannot be read, with its path and line."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file between two looks."""

    stamp: files.Stamp | None = None
    raw: bytes = b""
    outline: Outline | None = None
    draft: Document | None = None
    """What it says by itself; what it tells the others is taken from this."""
    known: Known | None = None
    """What `reading.document` was read with."""
    reading: DocumentReading | None = None


class DocumentsSource:
    """Looks at the files every `interval` seconds; only those that changed are read again."""

    kind: SourceKind = "documents"

    def __init__(
        self,
        paths: Sequence[str],
        folder: Path,
        *,
        start: dt.date | None,
        banner: str,
        interval: float,
        clock: Clock,
        rules: CalendarRules | None = None,
        written: Path | None = None,
    ) -> None:
        """`paths` are files and globs (``**`` too), relative to `folder`; `start` is the programme's.

        `written` is the folder to which rooms write: what they wrote there is no document of anybody's, even
        where a glob matches it. A room that read its own minutes would take each blocker in them for another.
        """
        self.id = "documents"
        self.title = "documents"
        self.interval = interval
        self.deadline = max(30.0, interval)
        self._paths = tuple(paths)
        self._folder = folder
        self._start, self._banner = start, banner
        self._rules = rules or CalendarRules()
        self._clock = clock
        self._written = None if written is None else written.absolute()
        self._files: dict[str, _File] = {}
        self._seen = DocumentsSeen(())
        self._looking = asyncio.Lock()

    async def poll(self, emit: Emit) -> None:
        """One look, in a thread: a folder may be on a slow disk and a document may be long."""
        async with self._looking:
            seen = await asyncio.to_thread(self._look)
        emit(Observation(self.id, self.kind, self._clock(), payload=seen))

    async def close(self) -> None:
        """Nothing is held open."""

    def _look(self) -> DocumentsSeen:
        """All documents; the very same value as before where nothing changed."""
        from controlroom.documents.read import Known, share

        now = self._clock()
        found: dict[str, _File] = {}
        for name, problem in self._matching():
            known = self._files.get(name, _File())
            found[name] = _failed(name, known, problem) if problem else self._looked_at(name, known, now)
        gone = [name for name, file in self._files.items() if name not in found and file.draft]
        found |= {name: _failed(name, self._files[name], f"{clean(name)}: the file is gone") for name in gone}
        self._files = found
        drafts = [file.draft for file in self._files.values() if file.draft]
        shared = share(drafts, Known(self._start, self._banner, self._rules))
        for name, file in self._files.items():
            self._files[name] = _in_company(name, file, shared)
        readings = tuple(file.reading for file in self._files.values() if file.reading)
        if len(readings) != len(self._seen.readings) or any(
            new is not old for new, old in zip(readings, self._seen.readings, strict=True)
        ):
            self._seen = DocumentsSeen(readings)
        return self._seen

    def _matching(self) -> Iterator[tuple[str, str]]:
        """Every path as it is shown, and what is wrong with a pattern, which is then shown itself."""
        for name, matches in matching(self._paths, self._folder):
            if matches == 0:
                yield name, f"{clean(name)}: no file matches"
            elif matches > 1:
                yield name, f"{clean(name)}: matches {matches:,} files, {LIMIT:,} are read"
            elif name in self._paths or not self._ours(name):
                yield name, ""

    def _ours(self, name: str) -> bool:
        """Whether it is the summary or lies under a date where rooms write: minutes, evidence, reports."""
        if self._written is None:
            return False
        path = (self._folder / name).absolute()
        if not path.is_relative_to(self._written):
            return False
        first, *rest = path.relative_to(self._written).parts
        return bool(_DATE.fullmatch(first)) if rest else first == "README.md"

    def _looked_at(self, name: str, file: _File, now: dt.datetime) -> _File:
        """`file` as it is now; on any trouble its last good reading with the reason."""
        try:
            stamp, raw = _changed_bytes(self._folder / name, name, file, now)
        except files.StillChanging:
            reason = f"{clean(name)}: is being written, the next look will read it"
            return file if file.reading else _failed(name, file, reason)
        except Unreadable as problem:
            return _failed(name, file, str(problem))
        if raw is None:
            return file if stamp == file.stamp else replace(file, stamp=stamp)
        return self._read(name, raw, replace(file, stamp=stamp, raw=raw), now)

    def _read(self, name: str, raw: bytes, file: _File, now: dt.datetime) -> _File:
        from controlroom.documents.outline import outline
        from controlroom.documents.read import Known, read_outline

        known = Known(self._start, self._banner, self._rules)
        try:
            text = outline(_decoded(raw, name))
            draft = read_outline(text, clean(name), known)
        except Unreadable as problem:
            return _failed(name, file, str(problem))
        except ValueError as problem:
            return _failed(name, file, f"{clean(name)}: {problem}")
        except Exception as problem:  # one document must not take the others with it
            log.exception("document %s", name)
            return _failed(name, file, f"{clean(name)}: internal error: {type(problem).__name__}")
        modified = dt.datetime.fromtimestamp((file.stamp or (0, 0, 0))[0] / 1e9, dt.UTC)
        reading = DocumentReading(clean(name), draft, modified, now)
        return replace(file, outline=text, draft=draft, known=known, reading=reading)


def _in_company(name: str, file: _File, shared: Known) -> _File:
    """`file` read again where what the other documents say has changed."""
    from controlroom.documents.read import read_outline

    if file.outline is None or file.reading is None or file.known == shared:
        return file
    document = read_outline(file.outline, clean(name), shared)
    return replace(file, known=shared, reading=replace(file.reading, document=document))


def _failed(name: str, file: _File, reason: str) -> _File:
    """`file` with its last good reading and why the newest cannot be had."""
    before = file.reading or DocumentReading(clean(name))
    return file if before.error == reason else replace(file, reading=replace(before, error=reason))


def _changed_bytes(path: Path, name: str, file: _File, now: dt.datetime) -> tuple[files.Stamp, bytes | None]:
    """The file's stamp and its bytes; None where they are those that were read before.

    Raises Unreadable, or `files.StillChanging` when it changed meanwhile.
    """
    shown = clean(name)
    broken = file.reading is not None and file.reading.error is not None
    try:
        stamp, raw = files.changed(path, None if broken else file.stamp, now, SIZE_LIMIT)
    except files.Missing as problem:
        raise Unreadable(f"{shown}: {'the file is gone' if file.raw else problem}") from None
    except files.IsFolder as problem:
        raise Unreadable(
            f"{shown}: {problem}; name its documents, such as {shown.rstrip('/')}/*.md"
        ) from None
    except files.TooLarge as problem:
        raise Unreadable(f"{shown}: {problem}; split the document") from None
    except files.Unreadable as problem:
        raise Unreadable(f"{shown}: {problem}") from None
    if raw is None:
        return stamp, None
    if not raw.strip():
        raise Unreadable(f"{shown}: the file is empty")
    same = raw == file.raw and file.outline is not None and not broken
    return stamp, None if same else raw


def _decoded(raw: bytes, name: str) -> str:
    """The text of `raw`. Raises Unreadable with the line where it is no UTF-8 text."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise Unreadable(f"{clean(name)} line 1: is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        byte = raw[problem.start]
        raise Unreadable(
            f"{clean(name)} line {line}: byte 0x{byte:02x} is not UTF-8; save it as UTF-8"
        ) from None
    at = text.find("\x00")
    if at >= 0:
        line = text.count("\n", 0, at) + 1
        raise Unreadable(f"{clean(name)} line {line}: holds a NUL byte, so it is no text")
    return text
