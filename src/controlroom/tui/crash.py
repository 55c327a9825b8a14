"""What is kept of a failure: where it happened and of which kind, never with what values.

Locals, arguments and most messages can hold what the configuration keeps secret; the stack cannot.
"""

from __future__ import annotations

import os
import platform
import traceback
from datetime import datetime
from importlib import metadata
from pathlib import Path

from controlroom import __version__

SPEAKING = (AttributeError, ImportError, IndexError, NameError, NotImplementedError, TypeError)
"""Kinds whose message speaks of the program, not of the data."""

CAUSES_KEPT = 5


def report(where: str, error: BaseException, at: datetime) -> str:
    """The failure as text: versions, then the stack of each exception in the chain."""
    lines = [
        f"controlroom {__version__}, textual {_version('textual')}, Python {platform.python_version()}",
        f"{at:%Y-%m-%dT%H:%M:%SZ} {where}",
        "",
    ]
    link: BaseException | None = error
    for _ in range(CAUSES_KEPT):
        if link is None:
            break
        said = f": {link}" if isinstance(link, SPEAKING) else ""
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}{said}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if link is not None:
            lines.append("caused by")
    return "\n".join(lines) + "\n"


def write(folder: Path | None, where: str, error: BaseException, at: datetime) -> Path | None:
    """Write the report for the person's eyes only; None where there is no place for it."""
    if folder is None:
        return None
    path = folder / f"crash-{at:%Y%m%dT%H%M%S%f}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(report(where, error, at))
    except OSError:
        return None
    return path


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"
