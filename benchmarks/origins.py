"""A small real HTTP/1.1 server on many loopback ports, in a process of its own.

``python -m benchmarks.origins COUNT [--silent]`` prints the ports on one line and serves until it is killed;
a silent server takes every connection and never answers. ``GET /asked`` tells how often they were asked in
all.
"""

from __future__ import annotations

import asyncio
import sys

BODY = b'{"status":"ok"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Origin(asyncio.Protocol):
    """Answers each request on a kept-alive connection, and counts it."""

    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        *requests, self.received = (self.received + data).split(b"\r\n\r\n")
        for request in requests:
            if request.startswith(b"GET /asked "):
                told = b"%d" % Origin.asked
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told))
                continue
            Origin.asked += 1
            self.transport.write(ANSWER)


async def serve(count: int, protocol: type[asyncio.Protocol] = Origin) -> None:
    """Listen on `count` ports of the kernel's choice, print them, serve."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), asyncio.Protocol if "--silent" in sys.argv else Origin))
