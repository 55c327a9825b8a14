"""Collectors that share the asking, as processes and here, and services that remember when they were asked.

Run as ``python -m tests.sources.sharing URL NAME LASTS INTERVAL ID=ADDRESS…``: stands by and asks its part.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from controlroom import wiring
from controlroom.config.values import Config, Polling
from controlroom.domain.services import Service
from controlroom.sources.shards import Sharing
from controlroom.stores.logs import Settings
from controlroom.stores.shards import open_shards


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def config_of(addresses: Mapping[str, str], interval: float) -> Config:
    """A configuration with these services, each asked every `interval` seconds."""
    services = tuple(Service(id_, "tcp", url=address) for id_, address in addresses.items())
    return Config(services=services, polling=Polling(services=interval, timeout=1.0))


def sharing_of(url: str, name: str, lasts: float) -> Sharing:
    """A collector's part."""
    return Sharing(open_shards(url, Settings(), lasts, now), name, now)


@contextlib.contextmanager
def helping(
    url: str, name: str, lasts: float, interval: float, addresses: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands by and asks its part; killed at the end."""
    pairs = [f"{id_}={address}" for id_, address in addresses.items()]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.sharing", url, name, str(lasts), str(interval), *pairs],
        cwd=root,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Asked:
    """Services on real ports, and when each was connected to."""

    def __init__(self, count: int) -> None:
        self._plugs = {f"svc-{number}": socket.create_server(("127.0.0.1", 0)) for number in range(count)}
        self.addresses = {id_: f"127.0.0.1:{plug.getsockname()[1]}" for id_, plug in self._plugs.items()}
        self._times: dict[str, list[datetime]] = {id_: [] for id_ in self._plugs}
        self._came = threading.Condition()
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def between(self, id_: str, first: datetime, last: datetime) -> int:
        """How often `id_` was asked from `first` to `last`."""
        times = self._times[id_][:]
        return bisect.bisect_right(times, last) - bisect.bisect_left(times, first)

    def touch(self, id_: str) -> None:
        """Count `id_` as asked, by whoever tells of it without asking."""
        bisect.insort(self._times[id_], now())

    def await_asked(self, id_: str, first: datetime) -> None:
        """Wait until `id_` was asked after `first`, for ten seconds at most."""
        with self._came:
            assert self._came.wait_for(lambda: self.between(id_, first, now()), 10)

    def close(self) -> None:
        """Take it all away."""
        self._end.close()
        self._thread.join(5)
        for plug in (*self._plugs.values(), self._ended):
            plug.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ended, selectors.EVENT_READ, "")
            for id_, plug in self._plugs.items():
                selector.register(plug, selectors.EVENT_READ, id_)
            while True:
                for key, _ in selector.select():
                    if not key.data:
                        return
                    self._plugs[key.data].accept()[0].close()
                    with self._came:
                        self._times[key.data].append(now())
                        self._came.notify_all()


@contextlib.contextmanager
def asked(count: int) -> Iterator[Asked]:
    """`count` services."""
    made = Asked(count)
    try:
        yield made
    finally:
        made.close()


def main(url: str, name: str, lasts: str, interval: str, *pairs: str) -> None:
    """Ask a part, until killed."""
    addresses = dict(pair.split("=", 1) for pair in pairs)
    sharing = sharing_of(url, name, float(lasts))
    config = config_of(addresses, float(interval))
    room = wiring.build(config, clock=now, sources={"services"}, environ=os.environ)
    room.around = sharing.helping
    asyncio.run(room.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
