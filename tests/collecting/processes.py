"""Real collectors as processes, what they say, and what screens hear of them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from controlroom.stores.logs import Settings
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import Frame, open_follower
from tests.telling import until

LEASE = 1.0

CONFIG = """
[program]
id = "harbour"
zone = "{zone}"

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

[collect]
listen = "127.0.0.1:0"
lease = {lease}
every = 0.1
{collect}
{more}
"""


class Said(NamedTuple):
    """A line of a collector."""

    at: float
    """`time.monotonic()` when it came."""
    event: str
    text: str


class Collector:
    """A collector that runs, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Said] = []
        self.errors = b""

    async def listen(self) -> None:
        """Take what it says, until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = json.loads(line)
            self.lines.append(Said(time.monotonic(), told["event"], told["text"]))

    async def complain(self) -> None:
        """Take what it complains of, until it ends."""
        assert self.process.stderr is not None
        self.errors = await self.process.stderr.read()

    def heard(self, event: str) -> list[Said]:
        """What it said of `event`."""
        return [line for line in self.lines if line.event == event]

    async def says(self, event: str, times: int = 1, within: float = 20.0) -> Said:
        """Its line about `event`, once it has said it so often."""
        await until(lambda: len(self.heard(event)) >= times or self.process.returncode is not None, within)
        assert len(self.heard(event)) >= times, f"{self.lines} {self.errors!r}"
        return self.heard(event)[times - 1]

    @property
    def name(self) -> str:
        """Under which it holds the lease."""
        return self.heard("collects")[0].text.removeprefix("as ")

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages."""
        line = await self.says("listens")
        port = int(line.text.split(":")[2].partition("/")[0])
        return await get(port, path)

    async def ready(self) -> Any:
        """What it says of its part."""
        status, body = await self.get("/readyz")
        told = json.loads(body)
        assert told["ready"] is (status == 200)
        return told

    async def becomes_ready(self) -> None:
        """Return when it does its part."""
        end = time.monotonic() + 20
        while not (told := await self.ready())["ready"]:
            assert time.monotonic() < end, told
            await asyncio.sleep(0.05)

    async def probed(self) -> int:
        """Answers of services that came to it."""
        body = (await self.get("/metrics"))[1]
        found = re.search(r"^controlroom_\w*probe_results_total (\S+)$", body, re.MULTILINE)
        assert found, body
        return int(float(found[1]))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; it has stopped when this returns, where that is what it means."""
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    async def ends(self, within: float = 10.0) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), within)


async def exchange(port: int, sent: bytes) -> bytes:
    """All that a server on `port` answers to `sent`, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return answer


async def get(
    port: int, path: str, *more: str, method: str = "GET", host: str = "localhost"
) -> tuple[int, str]:
    """Status and body of one exchange."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *more])
    answer = await exchange(port, f"{head}\r\n\r\n".encode())
    first, _, rest = answer.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2].decode()


def furnish(
    folder: Path,
    port: int,
    store: str = "dir:log",
    *,
    zone: str = "Europe/Berlin",
    lease: float = LEASE,
    collect: str = "",
    more: str = "",
    name: str = "controlroom",
) -> Path:
    """A configuration that watches something on a port; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    text = CONFIG.format(port=port, store=store, zone=zone, lease=lease, collect=collect, more=more)
    path.write_text(text, encoding="utf-8")
    return path


@asynccontextmanager
async def collecting(
    config: Path, by: str = "one", environ: dict[str, str] | None = None
) -> AsyncIterator[Collector]:
    """A collector on `config` with a home of its own; killed at the end, whatever it does."""
    home = config.parent / f"home-{by}"
    home.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlroom", "--config", str(config), "--json", "collect"),
        cwd=config.parent,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C", "LOGNAME": by, **(environ or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    made = Collector(process)
    tasks = [asyncio.create_task(made.listen()), asyncio.create_task(made.complain())]
    try:
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*tasks)


class Screen:
    """What a screen hears: every frame, with `time.monotonic()` when it came."""

    def __init__(self, store: str) -> None:
        self.frames: list[tuple[float, Frame]] = []
        self._follower = open_follower(store, Settings())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._ending.set()
        self._follower.close()
        self._thread.join(5)

    def terms(self) -> list[int]:
        """The terms under which frames were told, in the order in which they came."""
        return list(dict.fromkeys(frame.term for _, frame in self.frames))

    def first(self, term: int) -> float:
        """When the first frame of `term` came."""
        return next(at for at, frame in self.frames if frame.term == term)

    def _follow(self) -> None:
        cursor = ""
        while not self._ending.is_set():
            try:
                heard = self._follower.hear(cursor, 0.5) if cursor else self._follower.join()
            except Unavailable:
                self._ending.wait(0.05)
                continue
            self.frames += [(time.monotonic(), frame) for frame in heard.frames]
            cursor = heard.cursor if cursor or heard.frames else ""
            if not cursor:
                self._ending.wait(0.02)


@contextmanager
def screen(store: str) -> Iterator[Screen]:
    """A screen that follows."""
    made = Screen(store)
    try:
        yield made
    finally:
        made.close()


class Probed:
    """Something that listens on a port, and counts who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.came = 0
        self._server: asyncio.Server | None = None

    async def up(self) -> None:
        """Listen; on the same port as before."""

        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.came += 1
            writer.close()

        self._server = await asyncio.start_server(greet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.close()
            self._server = None


@asynccontextmanager
async def probed() -> AsyncIterator[Probed]:
    """Such a service, which is up."""
    made = Probed()
    await made.up()
    try:
        yield made
    finally:
        await made.down()


async def comes(so: Callable[[], object]) -> float:
    """`time.monotonic()` when it is so."""
    await until(so, 20.0)
    return time.monotonic()
