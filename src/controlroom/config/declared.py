"""The programme that configuration and documents declared together, remembered while neither changes.

Reading Markdown takes several times as long as answering what day it is. The memory holds the bytes of
everything that was read beside the programme it made, so nothing else is ever answered from it.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from controlroom.config.folders import cache_folder
from controlroom.config.load import reader
from controlroom.config.patterns import matching
from controlroom.config.values import Config
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.stores import saved

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of all documents together; more are read anew every time."""

KEPT = 32
"""Programmes remembered at most; the oldest are forgotten."""

READERS = ("config", "domain", "documents", "sources")
"""Rooms that have a say in what a document means."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was read, and the programme it made."""

    read: bytes
    program: Program


def look(config: Config) -> bytes | None:
    """All that the programme of `config` depends on, as bytes; None where a file of it cannot be read."""
    # Not the configuration's own bytes: a secret may be written in them, and no programme holds one.
    parts = [f"{reader(READERS)}\n{config.program!r}\n{config.documents!r}\n".encode(errors="replace")]
    left = SIZE_LIMIT
    try:
        for name, _ in matching(config.documents.paths, config.folder):
            path = config.folder / name
            if not path.is_file() or (left := left - path.stat().st_size) < 0:
                return None
            raw = path.read_bytes()
            parts += [os.fsencode(name), str(len(raw)).encode(), raw]
    except (OSError, ValueError):
        return None
    return b"\n".join(parts)


def recall(config: Config, read: bytes | None, environ: Mapping[str, str]) -> Program | None:
    """The programme that was made of `read`, if it is remembered."""
    memory = _memory(config, environ)
    if memory is None or read is None:
        return None
    try:
        found = saved.read(memory)
    except saved.UnreadableSaved:
        return None
    return found.program if isinstance(found, Remembered) and found.read == read else None


def remember(config: Config, read: bytes | None, program: Program, environ: Mapping[str, str]) -> None:
    """Keep `program` for the next time, unless a file has changed since `read`; failing to is no error."""
    memory = _memory(config, environ)
    if memory is None or read is None or look(config) != read:
        return
    with contextlib.suppress(OSError, TypeError):
        saved.write(memory, Remembered(read, program))
        others = sorted(memory.parent.glob("*.saved"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in others[KEPT:]:
            old.unlink(missing_ok=True)


def _memory(config: Config, environ: Mapping[str, str]) -> Path | None:
    folder = cache_folder(environ)
    if folder is None or config.path is None:
        return None
    # What was read decides whether it is the same programme; the name only keeps files apart.
    return folder / "programmes" / f"{zlib.crc32(os.fsencode(config.path)):08x}.saved"
