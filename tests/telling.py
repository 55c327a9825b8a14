"""Rooms that tell real webhooks, for tests; run as a program it is such a room, until it is killed.

Arguments: the folder of the configuration, the person, seconds of the lease.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from controlroom import wiring
from controlroom.config.load import load
from controlroom.config.values import Config

SECRET = "T024/B01/XbQ9correcthorse"

CONFIG = """
[program]
id = "harbour"
title = "Harbour programme"
zone = "Europe/Berlin"
banner = "NOT MEDICAL ADVICE"

[[squads]]
id = "quay"
name = "Quay & Berths"
[[squads]]
id = "cranes"
name = "Cranes"

[[services]]
id = "kafka"
name = "Kafka"
kind = "tcp"
url = "127.0.0.1:{kafka}"
squads = ["cranes"]
runbook = "https://runbooks.test/kafka"
interval = 0.2
timeout = 0.5

[store]
url = "{store}"
interval = 0.2
"""

CHANNEL = """
[[notify]]
id = "{id}"
kind = "{kind}"
webhook = {{ file = "{id}.hook" }}
{more}
"""


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def furnish(folder: Path, kafka: int, store: str = "dir:log", more: str = "") -> Path:
    """A configuration in `folder` that watches a Kafka on a port; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "controlroom.toml"
    path.write_text(CONFIG.format(kafka=kafka, store=store) + more, encoding="utf-8")
    return path


def channel(folder: Path, id_: str, url: str, kind: str = "slack", more: str = "") -> None:
    """Add a channel to the configuration in `folder`; its address is kept in a file."""
    (folder / f"{id_}.hook").write_text(f"{url}/services/{SECRET}", encoding="utf-8")
    path = folder / "controlroom.toml"
    text = path.read_text(encoding="utf-8") + CHANNEL.format(id=id_, kind=kind, more=more)
    path.write_text(text, encoding="utf-8")


def environ_of(folder: Path, by: str) -> dict[str, str]:
    """A home of this person's own beside the shared folder."""
    home = folder.parent / f"home-{by}"
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "LOGNAME": by, "PATH": "/usr/bin:/bin"}


def state_of(folder: Path, by: str) -> Path:
    """Where that person's notices are kept."""
    return Path(environ_of(folder, by)["HOME"]) / ".local" / "state" / "controlroom" / "notices"


class Hook:
    """A real webhook: what it was sent, and what it answers next; the last of `answers` for ever."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers or ("200 OK",))
        self.extra = ""
        self.bodies: list[Any] = []
        self.at: list[float] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    @property
    def texts(self) -> list[str]:
        """The texts it was sent."""
        return [str(body["text"]) for body in self.bodies]

    async def listen(self, port: int = 0) -> None:
        """Begin, on `port`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from tests.net.wire import answer, request

        with suppress(OSError, asyncio.IncompleteReadError):
            asked = await request(reader)
            self.bodies.append(json.loads(asked.partition(b"\r\n\r\n")[2]))
            self.at.append(time.monotonic())
            status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if status == "hang":
                await reader.read()
            elif status is not None:
                writer.write(answer(b"", status, extra=self.extra))
                await writer.drain()
        writer.close()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


@asynccontextmanager
async def hooked(*answers: str | None) -> AsyncIterator[Hook]:
    """A webhook that gives these answers: a status, ``hang``, or None to hang up without one."""
    hook = Hook(*answers)
    await hook.listen()
    try:
        yield hook
    finally:
        hook.close()


class Kafka:
    """Something that listens on a port, and stops."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: asyncio.Server | None = None

    async def up(self) -> None:
        """Listen."""

        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        self._server = await asyncio.start_server(greet, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.close()
            self._server = None


@asynccontextmanager
async def listening() -> AsyncIterator[Kafka]:
    """A Kafka that is up."""
    kafka = Kafka()
    await kafka.up()
    try:
        yield kafka
    finally:
        await kafka.down()


class Watch:
    """A clock that can be put ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return wiring.utc_now() + self.ahead


def build(
    folder: Path,
    by: str,
    telling: str = "",
    lease: float = 1.0,
    clock: Callable[[], datetime] = wiring.utc_now,
) -> wiring.Room:
    """The room of `folder` in front of `by`."""
    environ = environ_of(folder, by)
    config: Config = load(folder / "controlroom.toml", environ=environ)
    room = wiring.build(config, clock=clock, environ=environ, telling=telling)
    if room.noticing is not None:
        room.noticing.lease, room.noticing.reread = lease, 0.3
    return room


@asynccontextmanager
async def telling(
    folder: Path, by: str = "Ines", silent: str = "", clock: Callable[[], datetime] = wiring.utc_now
) -> AsyncIterator[wiring.Room]:
    """Such a room, once it knows how the services are."""
    room = build(folder, by, silent, clock=clock)
    running = asyncio.create_task(room.run())
    try:
        await until(lambda: all(state.probed_at for state in room.snapshot.services))
        await until(lambda: room.snapshot.ledger is not None)
        assert room.noticing is not None
        await room.noticing.ready.wait()
        yield room
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await room.close()


async def until(so: Callable[[], object], seconds: float = 15.0) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


def became(room: wiring.Room) -> Sequence[tuple[str, str, str]]:
    """Title, state and reason of every notice of the room, oldest first."""
    assert room.noticing is not None
    return [(one.notice.title, one.state, one.why) for one in reversed(room.noticing.told())]


async def _main(folder: Path, by: str, lease: float) -> None:
    room = build(folder, by, lease=lease)

    def say(_: object) -> None:
        if all(state.probed_at for state in room.snapshot.services) and room.snapshot.ledger is not None:
            sys.stdout.write("ready\n")
            sys.stdout.flush()

    room.subscribe(say)
    await room.run()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
