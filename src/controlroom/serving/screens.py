"""A screen: a process of the room on a terminal of its own, at the other end of which is a browser."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 3.0
"""Seconds that a process has to leave by itself; the room mends what has to be mended in two."""

TAKES = 10.0
"""Seconds within which a process has to take what was typed."""

FROZEN = 3.0
"""Seconds in which a process that lives runs, if only for a moment: the room's clock ticks every second."""

MEMORY = 2 << 30
"""Bytes of addresses that a process may use: nothing that is typed makes it eat up the machine."""

COLUMNS, LINES = (20, 400), (6, 200)
"""The smallest and the largest terminal."""

NOT_INHERITED = frozenset(
    {
        *("LC_ALL", "NO_COLOR", "TMUX", "STY", "COLUMNS", "LINES"),
        *("SSH_CONNECTION", "SSH_TTY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION"),
        *("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"),
        *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"),
    }
)
"""What of this process's own terminal, display and supervisor is not the browser's."""


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process whose terminal is a browser."""
    kept = {name: value for name, value in environ.items() if name not in NOT_INHERITED}
    letters = {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}
    return kept | letters | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Screen:
    """One process. Everything is called in the event loop."""

    def __init__(self, process: asyncio.subprocess.Process, handle: int) -> None:
        self._process, self._handle = process, handle
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._spent: int | None = None
        """What `_spent` gave when it was looked at last, and when that was another value than before."""
        self._ran_at = time.monotonic()

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    async def read(self) -> bytes:
        """What it draws; empty: it has ended."""
        assert self._reader is not None
        try:
            drawn = await self._reader.read(1 << 16)
        except OSError:  # how a terminal says that nobody is there any more
            return b""
        self._ran_at = time.monotonic()
        return drawn

    def lives(self) -> bool:
        """Whether it has run lately; what one shows that was stopped is older than it says."""
        now, spent = time.monotonic(), _spent(self._process.pid)
        if spent is None or spent != self._spent:
            self._spent, self._ran_at = spent, now
        return now - self._ran_at < FROZEN

    async def type(self, keys: bytes) -> None:
        """Type. Raises TimeoutError where it does not take it, OSError where it has ended."""
        assert self._writer is not None
        self._writer.write(keys)
        async with asyncio.timeout(TAKES):
            await self._writer.drain()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of its terminal, within limits."""
        with contextlib.suppress(OSError):
            _size(self._handle, columns, lines)
        # It is told by a signal from here: the terminal is not its session's.
        self._signal(signal.SIGWINCH)

    async def left(self) -> int:
        """Its exit code, once nothing more is drawn; one that goes on without its terminal is ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
        return await self.end()

    async def end(self) -> int:
        """Hang up, and see to it that it ends: its exit code."""
        for transport in (self._transport, self._writer):
            if transport is not None:
                transport.close()
        self._signal(signal.SIGHUP)
        self._signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self._process.wait()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(self._handle), "rb", buffering=0)
        )
        writing, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(self._handle, "wb", buffering=0)
        )
        self._reader = reader
        self._writer = asyncio.StreamWriter(writing, protocol, None, loop)

    def _signal(self, number: signal.Signals) -> None:
        # Not by the process itself, which would look whether it has ended, and take its exit code away.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


async def opened(command: Sequence[str], environ: Mapping[str, str], columns: int, lines: int) -> Screen:
    """A screen that runs `command` in `environ`. Raises OSError."""
    outer, inner = pty.openpty()
    try:
        _size(outer, columns, lines)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=inner, stdout=inner, stderr=inner, env=dict(environ), start_new_session=True
        )
    except BaseException:
        os.close(outer)
        raise
    finally:
        os.close(inner)
    _bound(process.pid)
    screen = Screen(process, outer)
    try:
        await screen._connect()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return screen


def _spent(process: int) -> int | None:
    """Nanoseconds that it has run; None where the kernel does not say."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _size(handle: int, columns: int, lines: int) -> None:
    columns = min(max(columns, COLUMNS[0]), COLUMNS[1])
    lines = min(max(lines, LINES[0]), LINES[1])
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _bound(process: int) -> None:
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(OSError, ValueError):  # a stricter limit is there already, or it has ended
            resource.prlimit(process, resource.RLIMIT_AS, (MEMORY, MEMORY))
