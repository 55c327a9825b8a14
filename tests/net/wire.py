"""Real sockets for tests of what speaks HTTP: a server that says exactly what it is told, and a counter."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What to do with one connection."""


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    """A whole HTTP answer that closes the connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}"
    return head.encode() + b"Connection: close\r\n\r\n" + body


async def request(reader: asyncio.StreamReader) -> bytes:
    """The head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on a loopback port that runs `script` for each connection; gives its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await script(reader, writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives each connection the next of `answers`, the last one for ever."""
    waiting = list(answers)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    async with serving(script) as url:
        yield url


class Counter:
    """Counts the HTTP requests that pass through `counting`."""

    def __init__(self) -> None:
        self.requests = 0
        self.bodies = bytearray()


@asynccontextmanager
async def counting(address: str) -> AsyncIterator[tuple[str, Counter]]:
    """A forwarder to `address` (``host:port``) that counts the requests in the bytes it passes on."""
    host, _, port = address.partition(":")
    counter = Counter()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))

        async def outward() -> None:
            tail = b""
            while data := await reader.read(65_536):
                seen = tail + data
                counter.requests += len(re.findall(rb" HTTP/1\.1\r\n", seen))
                counter.bodies += data
                tail = b"" if seen.endswith(b" HTTP/1.1\r\n") else seen[-10:]
                back.write(data)
                await back.drain()
            back.close()

        sending = asyncio.create_task(outward())
        try:
            while data := await there.read(65_536):
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            back.close()

    async with serving(script) as url:
        yield url, counter
