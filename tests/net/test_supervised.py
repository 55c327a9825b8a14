"""A service manager is told how the process is, in its own protocol."""

from __future__ import annotations

import socket
from pathlib import Path

from controlroom.net.supervised import Supervisor


def test_it_is_told_on_its_socket(tmp_path: Path) -> None:
    """A socket with a path and one without a file get one datagram a call."""
    for name, bound in ((str(tmp_path / "notify"), None), (f"@{tmp_path}", f"\0{tmp_path}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
            plug.bind(bound or name)
            plug.settimeout(5)
            Supervisor({"NOTIFY_SOCKET": name}).tell("READY=1", "STATUS=leads: term 3")
            assert plug.recv(1024) == b"READY=1\nSTATUS=leads: term 3"


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    """Without a manager, and with one that went away, telling does nothing."""
    Supervisor({}).tell("READY=1")
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("WATCHDOG=1")
