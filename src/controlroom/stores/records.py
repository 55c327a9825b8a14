"""Documents that the room has written before and reads again: minutes of rituals, the weekly summary.

Anybody may have edited one. What is no document of its kind is never believed, and never overwritten unseen.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from controlroom.domain.text import clean

SIZE_LIMIT = 1 << 24
"""Bytes of one document."""


class Unreadable(Exception):
    """Why a document is not believed: ``standup.json: …``."""


def raw(path: Path) -> bytes | None:
    """The bytes of the file at `path`; None where there is none. Raises Unreadable."""
    name = clean(path.name, 120)
    try:
        # Non-blocking: opening a named pipe that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise Unreadable(f"{name}: {(problem.strerror or type(problem).__name__).lower()}") from None
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable(f"{name}: not a regular file")
        try:
            found = source.read(SIZE_LIMIT + 1)
        except OSError as problem:
            raise Unreadable(f"{name}: {(problem.strerror or type(problem).__name__).lower()}") from None
    if len(found) > SIZE_LIMIT:
        raise Unreadable(f"{name}: larger than {SIZE_LIMIT >> 20} MiB")
    return found


def document(path: Path, schema: str) -> dict[str, Any] | None:
    """The JSON document of that schema, version 1.x, at `path`; None where there is none. Raises Unreadable.

    Its texts are as they stand there: whoever shows one cleans it.
    """
    from controlroom.stores import strict_json

    found = raw(path)
    if found is None:
        return None
    name = clean(path.name, 120)
    try:
        data: dict[str, Any] = strict_json.loads(found)
    except strict_json.BadJson as problem:
        line = f" line {problem.line}" if problem.line else ""
        raise Unreadable(f"{name}{line}: {clean(problem.reason)}") from None
    if not isinstance(data, dict) or data.get("schema") != schema:
        raise Unreadable(f"{name}: no document of the kind {schema}")
    version = str(data.get("version"))
    if version.split(".", maxsplit=1)[0] != "1":
        raise Unreadable(f"{name}: version {clean(version, 20)} is not 1.x")
    return data
