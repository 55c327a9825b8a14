"""Host names to addresses, without waiting for the system's resolver longer than one wants to.

`getaddrinfo` cannot be interrupted and may take half a minute, so it runs in threads that can be left behind.
"""

from __future__ import annotations

import asyncio
import socket

from controlroom.net.threads import in_daemon

AT_ONCE = 16
"""Lookups under way; more wait for their turn."""

KEEP = 10.0
"""Seconds an address is used again: a thousand services of one host are one lookup."""

Found = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""Address family and what `connect` takes; the port is filled in by whoever connects."""


class Names:
    """Looks up names; one lookup per name at a time, the answers kept for a few seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[Found]]] = {}
        self._asked: dict[str, asyncio.Task[list[Found]]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def addresses(self, host: str, port: int) -> list[Found]:
        """Where `host` is, best first, each with `port`. Raises OSError (gaierror) or UnicodeError."""
        found = _literal(host) or await self._look_up(host)
        return [(family, (address[0], port, *address[2:])) for family, address in found]

    async def _look_up(self, host: str) -> list[Found]:
        known = self._known.get(host)
        if known is not None and asyncio.get_running_loop().time() - known[0] < KEEP:
            return known[1]
        task = self._asked.get(host)
        if task is None:
            task = self._asked[host] = asyncio.create_task(self._ask(host), name=f"look up {host}")
            task.add_done_callback(lambda done: self._answered(host, done))
        # Shielded: whoever gives up must not take the answer from the others who wait for this name.
        return await asyncio.shield(task)

    async def _ask(self, host: str) -> list[Found]:
        async with self._turn:
            found = await in_daemon(_resolve, host)
        now = asyncio.get_running_loop().time()
        self._known = {name: kept for name, kept in self._known.items() if now - kept[0] < KEEP}
        self._known[host] = (now, found)
        return found

    def _answered(self, host: str, task: asyncio.Task[list[Found]]) -> None:
        del self._asked[host]
        if not task.cancelled():
            task.exception()  # seen, even where everybody who asked has given up

    def close(self) -> None:
        """Give up on what is being looked up; the threads end by themselves."""
        for task in self._asked.values():
            task.cancel()


def _literal(host: str) -> list[Found]:
    """`host` where it is an address already; numbers need no lookup."""
    if host.replace(".", "").isdecimal() and host.isascii():
        try:
            socket.inet_pton(socket.AF_INET, host)
        except OSError:
            return []
        return [(socket.AF_INET, (host, 0))]
    return []


def _resolve(host: str) -> list[Found]:
    found: list[Found] = []
    for family, _, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
        if family in (socket.AF_INET, socket.AF_INET6):
            found.append((family, address))  # type: ignore[arg-type]
    return list(dict.fromkeys(found))
