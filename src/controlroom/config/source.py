"""The bytes of a configuration file, or why they cannot be had."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from controlroom.config.errors import ConfigError

LIMIT = 1 << 20
"""Bytes; a configuration is written by people."""


class Unreadable(Exception):
    """The file as a whole cannot be had; `error` says why."""

    def __init__(self, error: ConfigError) -> None:
        self.error = error
        super().__init__(str(error))


def read_bytes(path: Path, name: str) -> bytes:
    """The file's content. Raises Unreadable: not there, a folder, no permission, too large."""

    def unreadable(message: str, remedy: str) -> Unreadable:
        return Unreadable(ConfigError(name, "", None, message, remedy))

    try:
        # Non-blocking, so that a named pipe is refused below instead of waited for.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
                raise unreadable(f"the configuration is {what}", "name a controlroom.toml")
            with os.fdopen(handle, "rb", closefd=False) as source:
                raw = source.read(LIMIT + 1)
        finally:
            os.close(handle)
    except FileNotFoundError:
        remedy = "write one with controlroom init, or name another with --config"
        raise unreadable("there is no such configuration", remedy) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "this is no path"
        remedy = "make it readable for you, or name another with --config"
        raise unreadable(f"the configuration cannot be read: {reason}", remedy) from None
    if len(raw) > LIMIT:
        raise unreadable(f"the configuration is larger than {LIMIT >> 20} MiB", "is this the right file?")
    return raw
