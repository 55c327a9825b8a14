"""What machines ask a process is answered: a few pages, quickly, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from controlroom.net.endpoint import Endpoint, Page
from tests.collecting.processes import exchange, get


async def fine() -> Page:
    """A page."""
    return Page(b"all is well\n")


async def broken() -> Page:
    """A page that cannot be made."""
    raise ValueError("pearl")


@asynccontextmanager
async def listening(
    address: str = "127.0.0.1:0", within: float = 10.0, at_once: int = 64
) -> AsyncIterator[int]:
    """An endpoint with a page and a broken one; gives its port."""
    endpoint = Endpoint({"/fine": fine, "/broken": broken}, within=within, at_once=at_once)
    await endpoint.listen(address)
    try:
        yield int(endpoint.address.rpartition(":")[2])
    finally:
        await endpoint.close()


async def test_a_page_is_answered() -> None:
    """GET brings it, whatever follows a question mark; HEAD brings its length and no body."""
    async with listening() as port:
        assert await get(port, "/fine") == (200, "all is well\n")
        assert await get(port, "/fine?verbose=1") == (200, "all is well\n")
        head = await exchange(port, b"HEAD /fine HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length: 12\r\n" in head
    assert b"nosniff" in head


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", HTTPStatus.NOT_FOUND),
        (b"POST /fine HTTP/1.1\r\nHost: localhost\r\n\r\n", HTTPStatus.METHOD_NOT_ALLOWED),
        (b"GET /fine SPDY/3\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"\x16\x03\x01\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET /fine HTTP/1.1\r\nX: " + b"x" * 20_000, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n", HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
async def test_anything_else_is_refused(sent: bytes, status: HTTPStatus) -> None:
    """What is not there, not asked in HTTP or not answerable gets its status, no details, and goes on."""
    async with listening() as port:
        answer = await exchange(port, sent)
        assert answer.startswith(f"HTTP/1.1 {status.value} ".encode())
        assert b"pearl" not in answer
        assert (await get(port, "/fine"))[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:9460", 200), ("127.0.0.1", 200), ("[::1]:9460", 200), ("evil.example", 421), ("", 421)],
)
async def test_on_loopback_only_names_of_loopback_are_answered(host: str, status: int) -> None:
    """A page of elsewhere whose name was made to lead here reads nothing."""
    async with listening() as port:
        assert (await get(port, "/fine", host=host))[0] == status
        assert (await get(port, "/fine", "Host: localhost", host=host))[0] == 421
    async with listening("0.0.0.0:0") as port:
        assert (await get(port, "/fine", host="metrics.example"))[0] == 200


async def test_who_dawdles_is_hung_up_on() -> None:
    """Who never asks holds a place for no longer than an exchange may take."""
    async with listening(within=0.3, at_once=2) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        with pytest.raises((ConnectionError, IndexError)):
            await get(port, "/fine")
        for reader, writer in silent:
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert (await get(port, "/fine"))[0] == 200
