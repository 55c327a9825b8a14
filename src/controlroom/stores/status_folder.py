"""The folder of status files: `<date>.json`, `<date>-<slot>.json`. Nothing in it is pruned.

Read strictly, a bad file costs only itself; written whole or not at all. Text in `StatusFile.data` is
cleaned: the raw bytes stay in the folder, and `raw_document` has them for whoever writes one again.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from controlroom.domain import instants
from controlroom.domain.lints import Lint
from controlroom.domain.numbers import dumped
from controlroom.domain.snapshot import StatusFile, StatusSeen
from controlroom.domain.status import NIGHTLY
from controlroom.domain.text import clean
from controlroom.stores import atomic

SIZE_LIMIT = 1 << 25
"""Bytes of one file; one with ten thousand items has about six million."""

KEEP = 120
"""Newest files, by name, that a folder's reading holds: forty days of three a day."""

SETTLED = 2.0
"""Seconds after which a file's time of change tells every later change apart."""

_NAME = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)(?:-(?P<slot>[a-z0-9][a-z0-9_-]*))?\.json", re.ASCII)


class Unreadable(Exception):
    """Why a file is not believed: ``2025-10-07.json line 12: …``."""

    def __init__(self, name: str, reason: str, line: int | None = None) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"{name} line {line}: {reason}" if line else f"{name}: {reason}")


def file_name(date: str, slot: str = NIGHTLY) -> str:
    """``2025-10-06.json``; other slots than the nightly one stand in the name."""
    return f"{date}.json" if slot == NIGHTLY else f"{date}-{slot}.json"


def raw_document(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the status file at `path` and its document, not cleaned, checked. Raises Unreadable."""
    raw = _bytes(path)
    return raw, _checked(path, raw)


def _checked(path: Path, raw: bytes) -> dict[str, Any]:
    """The document that `raw`, read from `path`, holds. Raises Unreadable."""
    from controlroom.stores import status_schema, strict_json

    name = clean(path.name, 120)
    try:
        data: dict[str, Any] = strict_json.loads(raw)
        status_schema.check(data)
    except strict_json.BadJson as problem:
        raise Unreadable(name, clean(problem.reason), problem.line) from None
    except status_schema.Invalid as problem:
        line = strict_json.line_of(raw, problem.path)
        raise Unreadable(name, clean(problem.reason), line) from None
    return data


def read(path: Path) -> StatusFile:
    """The status file at `path`. Raises Unreadable."""
    return _file(path, _bytes(path))


def _file(path: Path, raw: bytes) -> StatusFile:
    cleaned = _cleaned(_checked(path, raw))
    return StatusFile(
        path=str(path),
        for_date=cleaned["for_date"],
        slot=str(cleaned.get("slot") or _slot_named(path.name)),
        as_of=instants.parse(cleaned["as_of"]),
        data=cleaned,
    )


def _bytes(path: Path) -> bytes:
    name = clean(path.name, 120)
    try:
        # Non-blocking: opening a named pipe that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise Unreadable(name, _why(problem)) from None
    with os.fdopen(handle, "rb") as source:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable(name, "not a regular file")
        try:
            raw = source.read(SIZE_LIMIT + 1)
        except OSError as problem:
            raise Unreadable(name, _why(problem)) from None
    if len(raw) > SIZE_LIMIT:
        raise Unreadable(name, f"larger than {SIZE_LIMIT >> 20} MiB")
    return raw


def _why(problem: OSError) -> str:
    return (problem.strerror or type(problem).__name__).lower()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name, 200): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value


def _slot_named(name: str) -> str:
    match = _NAME.fullmatch(name)
    return (match["slot"] if match else None) or NIGHTLY


def misnamed(file: StatusFile) -> Lint | None:
    """S001: the name of a status file says another date than the file itself."""
    name = Path(file.path).name
    match = _NAME.fullmatch(name)
    if match is not None and match["date"] == file.for_date:
        return None
    said = match["date"] if match else f"no date ({clean(name, 120)})"
    message = f"the file's name says {said}, the file is for {file.for_date}"
    return Lint("S001", message, "error", path=file.path, pointer="/for_date", subject=file.for_date)


@dataclass(slots=True)
class _Known:
    signature: tuple[int, int, int]
    settled: bool
    file: StatusFile | None
    """As last read well."""
    error: Unreadable | None
    digest: bytes = b""
    """Of the bytes that were read; reading them again is cheap, understanding them is not."""


class StatusFolder:
    """The files of one folder, as last read well. Unchanged files are not read again."""

    def __init__(self, folder: Path, keep: int | None = KEEP) -> None:
        self.folder = folder
        self.keep = keep
        self._known: dict[str, _Known] = {}
        self._seen: StatusSeen | None = None

    def look(self) -> StatusSeen:
        """Everything in the folder now; the same object as before when nothing changed.

        A file that became unreadable is named, and its last good reading stays. A folder that does not
        exist yet holds nothing. Raises OSError when it exists and cannot be listed, or went away.
        """
        known = {name: self._look_at(name, about) for name, about in self._listed().items()}
        self._known = known
        files = tuple(sorted((k.file for k in known.values() if k.file), key=_age_order))
        errors = [(self.path(name), k.error) for name, k in known.items() if k.error]
        unreadable = tuple(str(error) for _, error in errors)
        before = self._seen
        if before and before.unreadable == unreadable and _identical(before.files, files):
            return before
        broken = (Lint("E001", str(e), "error", path=str(path), line=e.line) for path, e in errors)
        named = (lint for lint in map(misnamed, files) if lint is not None)
        self._seen = StatusSeen(files, unreadable, (*broken, *named))
        return self._seen

    def path(self, name: str) -> Path:
        """Where the file `name` is, or would be."""
        return self.folder / name

    def existing(self, name: str) -> tuple[bytes, dict[str, Any] | None] | None:
        """Bytes of the file `name` and its document, not cleaned: None where it is no status document.

        None when there is no such file. Raises OSError when it cannot be read.
        """
        path = self.path(name)
        try:
            return raw_document(path)
        except Unreadable:
            if not path.exists():
                return None
            return (path.read_bytes() if path.is_file() else b"", None)

    def dump(self, document: Mapping[str, Any]) -> bytes:
        """`document` as the bytes of a file: pretty, sorted keys, a final newline, NaN as text."""
        return dumped(document)

    def write(self, name: str, content: bytes) -> Path:
        """Make `content` the file `name`; the folder is made where it is missing. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic.write(self.path(name), content)
        return self.path(name)

    def _listed(self) -> dict[str, os.stat_result]:
        """The newest files by name, with their `stat`."""
        try:
            with os.scandir(self.folder) as entries:
                names = sorted(e.name for e in entries if e.name.endswith(".json") and e.name[0] != ".")
        except FileNotFoundError:
            if self._known:
                raise
            return {}
        listed: dict[str, os.stat_result] = {}
        for name in names[-self.keep :] if self.keep else names:
            try:
                listed[name] = (self.folder / name).stat()
            except OSError:
                continue  # gone since it was listed, or a link to nowhere
        return listed

    def _look_at(self, name: str, about: os.stat_result) -> _Known:
        signature = (about.st_mtime_ns, about.st_size, about.st_ino)
        known = self._known.get(name)
        if known is not None and known.signature == signature and known.settled:
            return known
        settled = abs(time.time() - about.st_mtime) > SETTLED
        path, digest = self.folder / name, b""
        try:
            raw = _bytes(path)
            digest = hashlib.blake2b(raw, digest_size=16).digest()
            if known is not None and known.digest == digest:
                return replace(known, signature=signature, settled=settled)
            return _Known(signature, settled, _file(path, raw), None, digest)
        except Unreadable as problem:
            return _Known(signature, settled, known.file if known else None, problem, digest)


def _age_order(file: StatusFile) -> tuple[Any, str]:
    return file.as_of, file.path


def _identical(one: tuple[StatusFile, ...], other: tuple[StatusFile, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
