"""Loopback ports that stay ours until the server has bound them."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FIRST, LAST = 20_000, 32_000
"""Below Linux's ephemeral range, so no outgoing connection takes one; above what services default to."""


def _locks() -> Path:
    folder = Path(tempfile.gettempdir()) / f"controlroom-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def reserved() -> Iterator[int]:
    """A free loopback port, held with `flock` against every other lab and test process meanwhile.

    Raises RuntimeError when the whole range is taken.
    """
    start = FIRST + (os.getpid() * 97) % (LAST - FIRST)
    for offset in range(LAST - FIRST):
        port = FIRST + (start - FIRST + offset) % (LAST - FIRST)
        handle = os.open(_locks() / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(handle)
            continue
        try:
            yield port
        finally:
            os.close(handle)
        return
    raise RuntimeError(f"no free loopback port between {FIRST} and {LAST}")
