"""A network cable: a real TCP relay between a client and a server, which can be pulled and put back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Cable:
    """Carries bytes to `target` (host, port) while it is in; pulled, every connection breaks."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._in = threading.Event()
        self._in.set()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Break everything that is open; until `put_back` nothing gets through."""
        self._in.clear()
        with self._guard:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def put_back(self) -> None:
        """Carry bytes again."""
        self._in.set()

    def close(self) -> None:
        """End it all."""
        self.pull()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(2)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            if not self._in.is_set():
                return
            with socket.create_connection(self._target, timeout=5) as far:
                far.settimeout(None)
                with self._guard:
                    self._open |= {near, far}
                back = threading.Thread(target=_pour, args=(far, near), daemon=True)
                back.start()
                _pour(near, far)
                back.join()
                with self._guard:
                    self._open -= {near, far}


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def cable(host: str, port: int) -> Iterator[Cable]:
    """A cable to a server, taken away at the end."""
    made = Cable((host, port))
    try:
        yield made
    finally:
        made.close()
