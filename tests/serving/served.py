"""Real processes that serve the room, and how they are asked without a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.serving.chromium import so

TOKEN = "pearl-of-the-harbour-17"

CONFIG = """
[program]
id = "harbour"
title = "Harbour programme"
zone = "Europe/Berlin"

[[services]]
id = "kafka"
name = "Kafka"
kind = "tcp"
url = "127.0.0.1:{port}"
interval = 0.2
timeout = 0.5

[store]
url = "{store}"
interval = 0.2

[serve]
listen = "{listen}"
token = {{ env = "ROOM_TOKEN" }}
sessions = {sessions}
read_only = {read_only}
origins = {origins}
"""


def furnish(
    folder: Path,
    port: int = 9,
    store: str = "dir:log",
    *,
    listen: str = "127.0.0.1:0",
    sessions: int = 20,
    read_only: bool = True,
    origins: tuple[str, ...] = (),
    token: bool = True,
) -> Path:
    """A configuration that watches a Kafka on a port; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "controlroom.toml"
    text = CONFIG.format(
        port=port,
        store=store,
        listen=listen,
        sessions=sessions,
        read_only=json.dumps(read_only),
        origins=json.dumps(list(origins)),
    )
    if not token:
        text = text.replace('token = { env = "ROOM_TOKEN" }\n', "")
    path.write_text(text, encoding="utf-8")
    return path


def surroundings(folder: Path) -> dict[str, str]:
    """An environment whose every folder is in `folder`."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "LOGNAME": "keeper",
        "ROOM_TOKEN": TOKEN,
    }


class Served:
    """A process that serves."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, str]] = []
        self.errors = b""

    async def listen(self) -> None:
        """Take what it says, until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))

    async def complain(self) -> None:
        """Take what it complains of, until it ends."""
        assert self.process.stderr is not None
        self.errors = await self.process.stderr.read()

    async def says(self, event: str, seconds: float = 20.0) -> str:
        """The text of an event, as soon as it was said."""

        def said() -> list[str] | None:
            found = [line["text"] for line in self.lines if line["event"] == event]
            if not found and self.process.returncode is not None:
                raise AssertionError(f"ended before {event}: {self.lines} {self.errors.decode()}")
            return found

        return str((await so(said, seconds))[-1])

    @property
    def url(self) -> str:
        """Its address."""
        return next(line["text"] for line in self.lines if line["event"] == "listens")

    @property
    def host(self) -> str:
        """Its name and port."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        return f"http://{self.host}"

    def screens(self) -> set[int]:
        """The processes of its tabs that have begun to be them."""
        return {child for child in children(self.process.pid) if b"--follow=" in command_of(child)}

    async def cookie(self, token: str = TOKEN) -> dict[str, str]:
        """What it gives for the token; nothing for a wrong one."""
        async with aiohttp.ClientSession() as session:
            answer = await session.post(
                f"{self.origin}/enter",
                data={"token": token},
                headers={"Origin": self.origin},
                allow_redirects=False,
            )
            return {name: morsel.value for name, morsel in answer.cookies.items()}

    @asynccontextmanager
    async def tab(
        self, cookies: dict[str, str], path: str = "/ws/room/UTC", **headers: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A socket such as a page opens, which takes what is drawn."""
        given = {"Origin": self.origin} | headers
        async with (
            aiohttp.ClientSession(cookies=cookies) as session,
            session.ws_connect(
                f"{self.origin}{path}?width=100&height=30", headers=given, max_msg_size=0
            ) as socket,
        ):
            yield socket

    async def ends(self, within: float = 15.0) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), within)


def children(process: int) -> set[int]:
    """Its children."""
    with contextlib.suppress(OSError):
        threads = Path(f"/proc/{process}/task").iterdir()
        return {int(one) for thread in threads for one in (thread / "children").read_text().split()}
    return set()


def command_of(process: int) -> bytes:
    """What it was called with; empty: it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def environ_of(process: int) -> bytes:
    """The environment it was started in."""
    return Path(f"/proc/{process}/environ").read_bytes()


def is_gone(process: int) -> bool:
    """Whether it has ended."""
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z"
    return True


async def status(served: Served, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and body of one request, with exactly these headers; `Host` is its own where none is given."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.host.rpartition(":")[2]))
    told = {"Host": served.host, "Connection": "close"} | headers
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())])
    writer.write(f"{head}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    first, _, rest = answer.partition(b"\r\n")
    return int(first.split()[1]), rest.decode()


@asynccontextmanager
async def serving(
    config: Path | None, folder: Path, *more: str, environ: dict[str, str] | None = None
) -> AsyncIterator[Served]:
    """A process that serves `config`, with all its folders in `folder`; killed at the end."""
    named = ["--config", str(config)] if config is not None else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlroom", *named, "--json", "serve", *more),
        cwd=folder,
        env=surroundings(folder) | (environ or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    served = Served(process)
    tasks = [asyncio.create_task(served.listen()), asyncio.create_task(served.complain())]
    try:
        yield served
    finally:
        screens = served.screens()
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*tasks)
        for screen in screens:
            with contextlib.suppress(ProcessLookupError):
                os.kill(screen, signal.SIGKILL)


async def closed(socket: aiohttp.ClientWebSocketResponse, seconds: float = 20.0) -> tuple[int | None, str]:
    """Code and reason with which a socket is closed."""
    reason = ""
    async with asyncio.timeout(seconds):
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                reason = str(message.extra or "")
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return socket.close_code, reason


async def draws(socket: aiohttp.ClientWebSocketResponse, words: bytes, seconds: float = 20.0) -> Any:
    """Wait until these words are drawn."""
    came = b""
    async with asyncio.timeout(seconds):
        while words not in came:
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, came[-500:])
            came += message.data if message.type is aiohttp.WSMsgType.BINARY else b""
    return came
