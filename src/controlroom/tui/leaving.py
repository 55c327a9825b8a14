"""Leaving, however it comes: asked by a signal, the terminal gone, or something that will not end.

A signal asks the app to exit. Should that not be done within `PATIENCE` seconds (a thread that hangs in a
system call, a terminal that takes no more output), the terminal is put right from outside and the process
ends there.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

PATIENCE = 2.0

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

RESET = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""What the app turned on, turned off: paste brackets, mouse, keyboard protocol, other screen, focus."""


class Leaving:
    """Asks to leave once, and sees to it that it happens."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.code: int | None = None
        """Exit code of what asked to leave; None while nobody has."""
        self._leave: Callable[[int], object] | None = None
        self._patience = patience
        self._done = threading.Event()
        self._attributes = terminal_attributes()

    def begin(self, code: int) -> None:
        """Ask to leave with an exit code; the first one counts. Safe in a signal handler."""
        if self.code is None:
            self.code = code
            threading.Thread(target=self._watch, name="leaving", daemon=True).start()
            if self._leave is not None:
                self._leave(code)

    def ask(self, leave: Callable[[int], object]) -> None:
        """From now on, leaving calls `leave` with the exit code; at once where it was asked for before."""
        self._leave = leave
        if self.code is not None:
            leave(self.code)

    def done(self) -> None:
        """It has ended by itself."""
        self._done.set()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Leave on SIGTERM, SIGHUP and SIGINT while inside.

        Plain handlers, not the event loop's: they also run while the main thread waits for a full
        output queue.
        """

        def received(number: int, _frame: FrameType | None) -> None:
            self.begin(128 + number)

        before = {number: signal.signal(number, received) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watch(self) -> None:
        if not self._done.wait(self._patience):
            mend_terminal(self._attributes)
            os._exit(1 if self.code is None else self.code)


def terminal_attributes() -> list[Any] | None:
    """The terminal's settings as they are now; None where there is no terminal."""
    with suppress(termios.error, OSError, ValueError, AttributeError):
        return termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    return None


def mend_terminal(attributes: list[Any] | None) -> None:
    """Put the terminal back without waiting for it: what it does not take at once is left out."""
    with suppress(termios.error, OSError, ValueError, AttributeError):
        if attributes is not None:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)  # type: ignore[union-attr]
    with suppress(OSError, ValueError, AttributeError):
        output = sys.__stderr__.fileno()  # type: ignore[union-attr]
        if os.isatty(output) and select.select([], [output], [], 0)[1]:
            os.write(output, RESET.encode())


def terminal_lost() -> bool:
    """Whether the terminal hung up without a signal (its session belongs to somebody else)."""
    try:
        input_ = sys.__stdin__.fileno()  # type: ignore[union-attr]
    except (ValueError, AttributeError):
        return True
    watch = select.poll()
    watch.register(input_, 0)
    try:
        events = watch.poll(0)
    except OSError:
        return False
    return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in events)
