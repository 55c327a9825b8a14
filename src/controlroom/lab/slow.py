"""Servers that take seconds to start, started side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from controlroom.lab.servers import Server


class Slow:
    """Starts servers in threads; leaving it waits for all of them, and gives their ends to `stack`.

    A child dies with the thread that started it (`PR_SET_PDEATHSIG` means the thread), so each thread stays
    until `stack` has stopped its server.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.outcomes: dict[str, Server | Exception] = {}
        """By name: the server, or why there is none; complete once it was left."""
        self._stack = stack
        self._ready: dict[str, threading.Event] = {}

    def start(self, name: str, make: Callable[[], Server]) -> None:
        """Begin to start a server."""
        ready = self._ready[name] = threading.Event()
        over = threading.Event()

        def run() -> None:
            try:
                server = make()
            except Exception as problem:  # whatever it is, whoever waits for it must not wait for ever
                self.outcomes[name] = problem
                ready.set()
                return
            self.outcomes[name] = server
            ready.set()
            over.wait()

        threading.Thread(target=run, name=f"start {name}", daemon=True).start()
        self._stack.callback(over.set)
        self._stack.callback(self._stop, name)

    def _stop(self, name: str) -> None:
        self._ready[name].wait()
        server = self.outcomes[name]
        if isinstance(server, Server):
            server.stop()

    def __enter__(self) -> Slow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for ready in self._ready.values():
            ready.wait()
