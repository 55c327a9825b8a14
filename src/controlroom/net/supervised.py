"""What a service manager is told of this process: the protocol of ``sd_notify(3)``."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


class Supervisor:
    """Whoever started the process and named a socket in ``NOTIFY_SOCKET``; nobody where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + named[1:] if named.startswith("@") else named

    def tell(self, *lines: str) -> None:
        """Such as ``READY=1``, ``WATCHDOG=1``, ``STATUS=…``. One that does not listen costs nothing."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
            plug.setblocking(False)
            plug.sendto("\n".join(lines).encode(), self._address)
