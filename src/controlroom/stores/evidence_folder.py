"""Where evidence is kept: a folder per capture, complete or not there at all, and never written to again.

The first of a day is ``<date>/evidence``, the next ``<date>/evidence-2``. Beside the files lie
``manifest.json``, which names each with its SHA-256, and ``manifest.sha256``, which does so for the manifest
as `sha256sum` writes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from controlroom.domain import instants
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.stores import atomic

MANIFEST, SEAL = "manifest.json", "manifest.sha256"
MANIFEST_LIMIT = 32 * 1024 * 1024
"""Bytes of a manifest that is read."""

PIECE_LIMIT = 32 * 1024 * 1024
"""Bytes of a captured file that is read back."""

FILES = 20_000
"""Files of a folder that are looked at."""

MOST = 1_000
"""Captures of one day."""

_NAME = re.compile(r"evidence(?:-([1-9][0-9]{0,3}))?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class NoEvidence(Exception):
    """There is no such evidence, or it is none; in plain words."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of a capture. Names are cleaned, relative to `folder`, in their order."""

    folder: Path
    files: int = 0
    """How many are as they were captured."""
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    """Files that the manifest does not name."""
    manifest: str = ""
    """What is wrong with the manifest itself; empty where nothing is."""

    @property
    def ok(self) -> bool:
        """Whether all of it is as it was captured."""
        return not (self.changed or self.missing or self.extra or self.manifest)


@dataclass(frozen=True, slots=True)
class Piece:
    """A captured file that is as it was captured."""

    path: str
    """Relative to the folder of the capture."""
    source: str
    """Whom it is from, cleaned."""
    at: datetime
    """When it was captured; UTC."""
    content: bytes


def keep(day: Path, files: Mapping[str, bytes], manifest: bytes) -> Path:
    """Write a capture below `day`, the folder of its date, and give its own folder. Raises OSError.

    It is written elsewhere and then put in its place: a capture that breaks off leaves nothing that looks
    like one, and two at once do not mix.
    """
    day.mkdir(parents=True, exist_ok=True)
    building = day / f".evidence.{os.getpid()}.{os.urandom(4).hex()}.part"
    building.mkdir()
    try:
        digest = hashlib.sha256(manifest).hexdigest()
        whole = {**files, MANIFEST: manifest, SEAL: f"{digest}  {MANIFEST}\n".encode()}
        folders = {building}
        for name, content in whole.items():
            path = building / name
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
            _write(path, content)
        for folder in folders:
            atomic.sync_folder(folder)
        return _placed(day, building)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(building)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())


def _placed(day: Path, building: Path) -> Path:
    for number in range(1, MOST):
        place = day / ("evidence" if number == 1 else f"evidence-{number}")
        if os.path.lexists(place):
            continue
        try:
            building.rename(place)
        except OSError:
            if os.path.lexists(place):
                continue  # another capture was quicker
            raise
        atomic.sync_folder(day)
        return place
    raise FileExistsError(errno.EEXIST, f"there are {MOST} captures of that day already", str(day))


def captures(status: Path, date: str) -> list[Path]:
    """The captures of that day, the first of them first. Raises OSError where the folder cannot be read."""
    return [path for _, path in sorted(_numbered(status / date))]


def newest(status: Path) -> Path | None:
    """The last capture of the newest day that has any. Raises OSError where a folder cannot be read."""
    return next(newest_first(status), None)


def newest_first(status: Path) -> Iterator[Path]:
    """Every capture, the last of the newest day first. Raises OSError where a folder cannot be read."""
    try:
        days = sorted((path.name for path in status.iterdir() if _DATE.fullmatch(path.name)), reverse=True)
    except FileNotFoundError:
        return
    for day in days:
        yield from reversed(captures(status, day))


def _numbered(day: Path) -> Iterator[tuple[int, Path]]:
    try:
        inside = list(day.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in inside:
        found = _NAME.fullmatch(path.name)
        if found and (path / MANIFEST).is_file():
            yield int(found[1] or 1), path


def verify(folder: Path) -> Verified:
    """Whether everything in `folder` is as it was captured: every byte is hashed again. Raises NoEvidence."""
    raw = _read(folder / MANIFEST, MANIFEST_LIMIT)
    trouble = _sealed(folder, raw)
    named = _named(raw)
    if named is None:
        return Verified(folder, manifest=trouble or "it is no manifest of evidence")
    there = set(_files(folder))
    changed, missing, fine = [], [], 0
    for name, digest in named.items():
        if name not in there:
            missing.append(name)
        elif _digest(folder / name) != digest:
            changed.append(name)
        else:
            fine += 1
    extra = there - named.keys() - {MANIFEST, SEAL}
    return Verified(folder, fine, _shown(changed), _shown(missing), _shown(extra), trouble)


def pieces(folder: Path, kind: str) -> tuple[Piece, ...]:
    """Every file of one kind in `folder`, byte for byte as it was captured.

    Raises NoEvidence, also where the manifest or one of these files is not as it was.
    """
    raw = _read(folder / MANIFEST, MANIFEST_LIMIT)
    if trouble := _sealed(folder, raw):
        raise NoEvidence(trouble)
    digests = _named(raw)
    if digests is None:
        raise NoEvidence(f"{MANIFEST} is no manifest of evidence")
    meant = [
        entry
        for entry in json.loads(raw)["entries"]
        if entry["path"] is not None and entry.get("kind") == kind
    ]
    there = set(_files(folder)) if meant else set()
    found = []
    for entry in meant:
        name = str(PurePosixPath(str(entry["path"])))
        if name not in there:
            raise NoEvidence(f"{clean(name, 300)} is missing")
        content = _read(folder / name, PIECE_LIMIT)
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise NoEvidence(f"{clean(name, 300)} was changed after it was captured")
        try:
            at = instants.parse(str(entry.get("at")))
        except ValueError:
            raise NoEvidence(f"{MANIFEST} does not say when {clean(name, 300)} was captured") from None
        found.append(Piece(name, clean(entry.get("source"), 300), at, content))
    return tuple(found)


def _shown(names: list[str] | set[str]) -> tuple[str, ...]:
    return tuple(clean(name, 300) for name in sorted(names))


def _read(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Raises NoEvidence."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as source:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise NoEvidence(f"{clean(str(path))} is no regular file")
            raw = source.read(limit + 1)
    except OSError as problem:
        why = (problem.strerror or type(problem).__name__).lower()
        raise NoEvidence(f"{clean(str(path))}: {why}") from None
    if len(raw) > limit:
        raise NoEvidence(f"{clean(str(path))} has more than {limit >> 20} MiB")
    return raw


def _sealed(folder: Path, raw: bytes) -> str:
    """What the seal says against the manifest; empty where they agree."""
    try:
        seal = _read(folder / SEAL, 4_096).split()
    except NoEvidence:
        return f"{SEAL} is missing: nobody can tell whether the manifest was changed"
    if not seal or seal[0] != hashlib.sha256(raw).hexdigest().encode():
        return f"{MANIFEST} was changed: it is not what {SEAL} says"
    return ""


def _named(raw: bytes) -> dict[str, str] | None:
    """File → digest, as the manifest says; None where it is none. What leads out of the folder is missing."""
    try:
        entries: Any = json.loads(raw)["entries"]
        kept = [entry for entry in entries if entry["path"] is not None]
        return {str(PurePosixPath(str(entry["path"]))): str(entry["sha256"]) for entry in kept}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _files(folder: Path) -> Iterator[str]:
    """Everything below `folder` that is no folder, hidden or not; no link is followed. Raises NoEvidence."""
    count = 0

    def failed(problem: OSError) -> None:
        raise NoEvidence(f"{clean(str(problem.filename))}: {(problem.strerror or 'cannot be read').lower()}")

    for root, folders, files in os.walk(folder, onerror=failed):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in (*files, *links):
            count += 1
            if count > FILES:
                raise NoEvidence(f"{clean(str(folder))} holds more than {FILES:,} files")
            yield (Path(root) / name).relative_to(folder).as_posix()


def _digest(path: Path) -> str:
    """SHA-256 of a regular file; of anything else no digest at all."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as source:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return ""
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError:
        return ""
