"""A real terminal for a real process: a pty whose output an emulator draws."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte

HERE = Path(__file__).parent

NOT_INHERITED = frozenset({"NO_COLOR", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "COLUMNS", "LINES"})
"""What of the test runner's own terminal a program here must not see (test runners set the size)."""

FRAME_BEGINS, FRAME_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"
"""Synchronized output: what stands between the two is meant to be seen at once."""


class Terminal:
    """The screen of one program, the keys to press, and how it ended."""

    def __init__(self, process: int, handle: int, columns: int, lines: int) -> None:
        self.process = process
        self.handle = handle
        self.raw = b""
        self.code: int | None = None
        self.deaf = False
        """Take nothing more of what the program writes."""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.before: list[Any] = termios.tcgetattr(handle)

    @property
    def whole(self) -> bool:
        """Nothing is half drawn: every frame that the program began has come to its end."""
        return self.raw.rfind(FRAME_BEGINS) <= self.raw.rfind(FRAME_ENDS)

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.handle, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.process, number)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal, as a window manager does."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds: float = 0.05) -> bool:
        """Draw what the program writes within some time; False once it has ended."""
        if self.deaf:
            time.sleep(seconds)
            return True
        if not select.select([self.handle], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.handle, 1 << 16)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        if b"\x1b[?2026$p" in data:
            os.write(self.handle, b"\x1b[?2026;2$y")
        return bool(data)

    def wait(self, seen: str | Callable[[str], bool], seconds: float = 20.0) -> None:
        """Until a whole frame shows it; fails with the screen when none does."""
        end = time.monotonic() + seconds
        shows = (lambda text: seen in text) if isinstance(seen, str) else seen
        while not (self.whole and shows(self.text)):
            assert time.monotonic() < end, f"not seen: {seen!r}\n{self.text}"
            assert self.read(), f"ended before {seen!r}:\n{self.text}"

    def ended(self, seconds: float = 20.0) -> tuple[int, float]:
        """Exit code (negative: the signal that killed it), and the seconds until it ended."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.read(0.02)
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
                while not self.deaf and select.select([self.handle], [], [], 0)[0] and self.read(0):
                    pass
                return self.code, time.monotonic() - began
        raise AssertionError(f"still running after {seconds} s:\n{self.text}")

    def hang_up(self) -> None:
        """Close the terminal's own side."""
        self.deaf = True
        os.close(self.handle)
        self.handle = -1


@contextmanager
def program(
    arguments: Sequence[str],
    size: tuple[int, int] = (120, 40),
    environ: Mapping[str, str] | None = None,
    *,
    session: bool = True,
) -> Iterator[Terminal]:
    """Run Python with these arguments on a terminal of its own. `session`: the terminal controls it."""
    columns, lines = size
    given = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(HERE), **(environ or {})}
    child = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED} | given
    outer, inner = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = os.fork()
    if process == 0:
        try:
            if session:
                os.login_tty(inner)
            else:
                os.setsid()
                for number in range(3):
                    os.dup2(inner, number)
            os.close(outer)
            os.execve(sys.executable, [sys.executable, *arguments], child)
        finally:
            os._exit(127)
    os.close(inner)
    terminal = Terminal(process, outer, columns, lines)
    try:
        yield terminal
    finally:
        if terminal.code is None:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        if terminal.handle >= 0:
            os.close(terminal.handle)
