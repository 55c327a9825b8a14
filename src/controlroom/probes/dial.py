"""Connecting: name, address, TCP, TLS, each step known by name when time runs out."""

from __future__ import annotations

import asyncio
import random
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

KEPT_FOR = 60.0
"""Seconds a connection is used before it is made anew. On an old one a server answers that takes no new ones
any more, whose name has moved, whose certificate has expired or whose password has changed."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


def kept_until(kept_for: float = KEPT_FOR) -> float:
    """When a connection that is opened now is to be made anew, by the loop's clock.

    Up to twice as long: those of a thousand services, opened together, are not all made anew in one sweep.
    """
    return asyncio.get_running_loop().time() + kept_for * random.uniform(1, 2)


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
    server_name: str = "",
) -> tuple[asyncio.Transport, P]:
    """A connection to `host`, the first of its addresses that accepts one.

    `server_name` is what TLS asks for and what its certificate must be for, where that is not `host`.

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
            protocol, sock=plug, ssl=tls, server_hostname=(server_name or host) if tls else None
        )
    except BaseException:
        plug.close()
        raise
    stage.at = "answer"
    return transport, made


async def _connected(family: int, address: tuple[object, ...], within: float | None) -> socket.socket:
    # Named as TCP, or asyncio leaves Nagle's delay on: 40 ms wherever two small writes follow each other.
    plug = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        plug.setblocking(False)
        async with asyncio.timeout(within):
            await asyncio.get_running_loop().sock_connect(plug, address)
    except BaseException:
        plug.close()
        raise
    return plug
