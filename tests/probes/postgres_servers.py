"""What PostgreSQL says before and around its sessions, for servers that only pretend to be one."""

from __future__ import annotations

import socket
import struct

SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)


def agrees(plug: socket.socket) -> None:
    """Reads the request for TLS and says that it may begin."""
    asked = b""
    while len(asked) < len(SSL_REQUEST):
        more = plug.recv(len(SSL_REQUEST) - len(asked))
        if not more:
            raise OSError("hung up before it asked")
        asked += more
    if asked != SSL_REQUEST:
        raise OSError("no request for TLS")
    plug.sendall(b"S")


def message(kind: bytes, body: bytes) -> bytes:
    """One message of the protocol (documentation, 55.7)."""
    return kind + struct.pack("!i", len(body) + 4) + body


def error(code: str, text: str, severity: str = "FATAL") -> bytes:
    """An ErrorResponse, with a row in its detail."""
    fields = (("S", severity), ("V", severity), ("C", code), ("M", text), ("D", "the row of somebody"))
    return message(b"E", b"".join(f"{name}{value}\0".encode() for name, value in fields) + b"\0")


def status(name: str, value: str) -> bytes:
    """A ParameterStatus."""
    return message(b"S", f"{name}\0{value}\0".encode())


WELCOME = (
    message(b"R", b"\0\0\0\0")
    + status("server_version", "15.4")
    + message(b"K", struct.pack("!ii", 4711, 42))
    + message(b"Z", b"I")
)
"""Lets anybody in."""
