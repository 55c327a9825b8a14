"""Runs a terminal program in a pseudo terminal and measures it from outside.

Nothing is imported from the program and nothing is injected into it. A frame counts as painted when a
synchronized update (mode 2026) ends, or when a chunk arrives outside of one.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyte

REPLIES = (
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[c"), b"\x1b[?62c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)
"""What a terminal has to answer to be believed."""

VISIBLE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x20\x7f]")
SYNC_END = b"\x1b[?2026l"


@dataclass
class Chunk:
    """What arrived, and when (seconds on the monotonic clock)."""

    at: float
    data: bytes


@dataclass
class Terminal:
    """A running program and everything it wrote. Use as a context manager."""

    command: Sequence[str]
    columns: int = 200
    rows: int = 50
    env: dict[str, str] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    started: float = 0.0

    def __enter__(self) -> Terminal:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        # COLUMNS and LINES of whoever runs us would win over the terminal's own size.
        mine = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        env = {**mine, "TERM": "xterm-256color", "COLORTERM": "truecolor", **self.env}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)

    def read(self, until: float) -> bytes:
        """The next chunk, or nothing when the clock passes `until` first."""
        wait = until - time.monotonic()
        if wait <= 0 or not select.select([self.master], [], [], wait)[0]:
            return b""
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return b""
        self.chunks.append(Chunk(time.monotonic(), data))
        for question, answer in REPLIES:
            if question.search(data):
                os.write(self.master, answer)
        return data

    def paint(self, within: float) -> float | None:
        """When the next frame with something visible in it is complete; None after `within` seconds."""
        give_up = time.monotonic() + within
        pending = b""
        while time.monotonic() < give_up:
            data = self.read(give_up)
            pending += data
            synchronized = b"\x1b[?2026h" in pending
            done = SYNC_END in pending if synchronized else bool(data)
            if data and done and VISIBLE.sub(b"", pending):
                return self.chunks[-1].at
        return None

    def settle(self, quiet: float, within: float = 20.0) -> None:
        """Read until nothing came for `quiet` seconds."""
        give_up = time.monotonic() + within
        while time.monotonic() < give_up and self.read(min(give_up, time.monotonic() + quiet)):
            pass

    def run_for(self, seconds: float) -> int:
        """Read for so long; how many bytes arrived."""
        until = time.monotonic() + seconds
        return sum(len(data) for data in iter(lambda: self.read(until), b"")) + self._rest(until)

    def _rest(self, until: float) -> int:
        total = 0
        while time.monotonic() < until:
            total += len(self.read(until))
        return total

    def press(self, keys: bytes) -> float:
        """Send keys; when they were sent."""
        now = time.monotonic()
        os.write(self.master, keys)
        return now

    def key_to_paint(self, keys: bytes, within: float = 2.0) -> float | None:
        """Seconds from a key to the next complete frame."""
        sent = self.press(keys)
        painted = self.paint(within)
        return None if painted is None else painted - sent

    def cpu(self) -> float:
        """CPU seconds of the process and all its threads so far, as exact as Linux knows them."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rss(self) -> float:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def screen(self) -> list[str]:
        """What a terminal would show now."""
        screen = pyte.Screen(self.columns, self.rows)
        stream = pyte.ByteStream(screen)
        for chunk in self.chunks:
            stream.feed(chunk.data)
        return [line.rstrip() for line in screen.display]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return percentile(values, 50)


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value that `per_cent` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * per_cent / 100))]
