"""A small HTTP server for machines that ask how this process is: GET of a few paths, and nothing else.

Every answer ends its connection, no request has a body, and whoever dawdles is hung up on: nobody who asks
costs more than one exchange. It knows neither users nor TLS; beyond this machine it belongs behind something
that does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

log = logging.getLogger(__name__)

HEAD_LIMIT = 8192
"""Bytes of a request."""

WITHIN = 10.0
"""Seconds for one exchange, the making of the answer included."""

AT_ONCE = 64
"""Connections at the same time; further ones are closed at once."""


class Page(NamedTuple):
    """An answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain; charset=utf-8"


class Endpoint:
    """Answers GET and HEAD of `pages`, path → what makes its answer, in the running event loop."""

    def __init__(
        self,
        pages: Mapping[str, Callable[[], Awaitable[Page]]],
        *,
        within: float = WITHIN,
        at_once: int = AT_ONCE,
    ) -> None:
        self._pages = pages
        self._within, self._at_once = within, at_once
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._local = False
        self.address = ""
        """Where it listens, ``127.0.0.1:9460``; empty before it does."""

    async def listen(self, address: str) -> None:
        """Begin at `address`, ``host:port``; port 0 is any that is free. Raises OSError."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        self._server = await asyncio.start_server(self._come, host, int(port), limit=HEAD_LIMIT)
        bound = self._server.sockets[0].getsockname()
        self._local = ipaddress.ip_address(bound[0]).is_loopback
        self.address = f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    async def close(self) -> None:
        """Listen no longer, and hang up on whoever is there; quick."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        try:
            if task is None or len(self._open) >= self._at_once:
                return
            self._open.add(task)
            with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(self._within):
                    writer.write(await self._answer(reader))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except asyncio.CancelledError:
            pass  # this task is nobody's: what is cancelled is the exchange
        finally:
            if task is not None:
                self._open.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError:
            return _written(_said(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        first, *lines = head.split("\r\n")
        method, _, rest = first.partition(" ")
        target, _, version = rest.partition(" ")
        if not version.startswith("HTTP/1."):
            return _written(_said(HTTPStatus.BAD_REQUEST))
        if method not in ("GET", "HEAD"):
            return _written(_said(HTTPStatus.METHOD_NOT_ALLOWED), "Allow: GET, HEAD\r\n")
        named = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if self._local and not (len(named) == 1 and _is_local(named[0])):
            # A page of somewhere else whose name was made to lead here must not read it.
            return _written(_said(HTTPStatus.MISDIRECTED_REQUEST))
        make = self._pages.get(target.partition("?")[0])
        if make is None:
            return _written(_said(HTTPStatus.NOT_FOUND))
        try:
            page = await make()
        except Exception:  # the border: whoever asks is told that there is no answer, and the process goes on
            log.exception("answering %s", target.partition("?")[0])
            page = _said(HTTPStatus.INTERNAL_SERVER_ERROR)
        return _written(page, bare=method == "HEAD")


def _said(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase}\n".encode(), status)


def _written(page: Page, more: str = "", *, bare: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.kind}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"{more}"
        "Connection: close\r\n\r\n"
    ).encode("latin-1")
    return head if bare else head + page.body


def _is_local(host: str) -> bool:
    """Whether a ``Host`` names this machine as itself."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
