"""Connecting: name, address, TCP, TLS, each step known by name when time runs out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from controlroom.probes.names import Names
from controlroom.probes.port import Trouble
from controlroom.probes.wording import seconds

if TYPE_CHECKING:
    import ssl

ADDRESSES = 4
"""Addresses of one name that are tried; the time is divided among them."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Stage:
    """How far a probe has come, so that "it took too long" can say what did."""

    __slots__ = ("at", "reused")

    def __init__(self) -> None:
        self.at: Literal["name", "connect", "tls", "answer"] = "name"
        self.reused = False
        """The connection is an old one: that it is silent may be the network's doing."""

    def late(self, host: str, deadline: float) -> Trouble:
        """What to say when `deadline` seconds are over."""
        span = seconds(deadline)
        if self.at == "name":
            return Trouble(f"looking up {host[:60]} takes more than {span}", unreachable=True)
        if self.at == "connect":
            return Trouble(f"no connection within {span}", unreachable=True)
        if self.at == "tls":
            return Trouble(f"connected, but TLS is not ready within {span}")
        return Trouble(f"connected, but no answer within {span}", unreachable=self.reused)


async def dial(
    protocol: Callable[[], P],
    host: str,
    port: int,
    *,
    names: Names,
    stage: Stage,
    within: float,
    tls: ssl.SSLContext | None = None,
) -> tuple[asyncio.Transport, P]:
    """A connection to `host`, the first of its addresses that accepts one.

    Raises OSError (gaierror and SSLError among them) or UnicodeError of the last address tried. The whole
    deadline is the caller's to keep; `within` seconds are only shared out when there are several addresses.
    """
    loop = asyncio.get_running_loop()
    found = (await names.addresses(host, port))[:ADDRESSES]
    stage.at = "connect"
    plug: socket.socket | None = None
    for number, (family, address) in enumerate(found, 1):
        try:
            plug = await _connected(family, address, None if number == len(found) else within / len(found))
            break
        except OSError:
            if number == len(found):
                raise
    if plug is None:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    stage.at = "tls" if tls else "answer"
    try:
        transport, made = await loop.create_connection(
            protocol, sock=plug, ssl=tls, server_hostname=host if tls else None
        )
    except BaseException:
        plug.close()
        raise
    stage.at = "answer"
    return transport, made


async def _connected(family: int, address: tuple[object, ...], within: float | None) -> socket.socket:
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        plug.setblocking(False)
        async with asyncio.timeout(within):
            await asyncio.get_running_loop().sock_connect(plug, address)
    except BaseException:
        plug.close()
        raise
    return plug
