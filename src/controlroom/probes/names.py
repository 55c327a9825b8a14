"""Host names to addresses, without ever waiting for the system's resolver longer than one wants to.

`getaddrinfo` cannot be interrupted and may take half a minute. It runs in daemon threads of our own: the
event loop's executor would hold the program open at its end until the last lookup gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

AT_ONCE = 16
"""Lookups under way; more wait for their turn."""

KEEP = 10.0
"""Seconds an address is used again: a thousand services of one host are one lookup."""

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""Family and what `connect` takes."""


class Names:
    """Looks up names; one lookup per name at a time, the answers kept for a few seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[tuple[socket.AddressFamily, str, int]]]] = {}
        self._asked: dict[str, asyncio.Future[list[tuple[socket.AddressFamily, str, int]]]] = {}
        self._turn: asyncio.Semaphore | None = None

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Where `host` is, best first. Raises OSError (gaierror) or UnicodeError."""
        found = _literal(host) or await self._look_up(host)
        return [_address(family, name, scope, port) for family, name, scope in found]

    async def _look_up(self, host: str) -> list[tuple[socket.AddressFamily, str, int]]:
        loop = asyncio.get_running_loop()
        known = self._known.get(host)
        if known is not None and loop.time() - known[0] < KEEP:
            return known[1]
        if host not in self._asked:
            self._asked[host] = asyncio.ensure_future(self._ask(host))
        # Shielded: whoever gives up must not take the answer from the others who wait for this name.
        return await asyncio.shield(self._asked[host])

    async def _ask(self, host: str) -> list[tuple[socket.AddressFamily, str, int]]:
        loop = asyncio.get_running_loop()
        self._turn = self._turn or asyncio.Semaphore(AT_ONCE)
        try:
            async with self._turn:
                found = await in_thread(lambda: _resolve(host))
            self._known = {k: v for k, v in self._known.items() if loop.time() - v[0] < KEEP}
            self._known[host] = (loop.time(), found)
            return found
        finally:
            del self._asked[host]

    def close(self) -> None:
        """Give up on what is being looked up; the threads end by themselves."""
        for task in list(self._asked.values()):
            task.cancel()


async def in_thread[T](work: Callable[[], T]) -> T:
    raise NotImplementedError
