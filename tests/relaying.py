"""A collector of the tests' own: it tells the snapshots it is given through a real server, under a lease.

Run as a program it looks at the room of a folder and tells that. Arguments: the folder, the URL to tell at,
the collector's name, the seconds its clock is ahead, the seconds its lease lasts. It says ``leads`` on stdout
once it may tell, and tells until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.snapshot import Snapshot
from controlroom.net.threads import in_daemon
from controlroom.stores.frames import Teller
from controlroom.stores.lease import Held, open_lease
from controlroom.stores.logs import Settings
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import SILENCE, Fenced, Frame, open_publisher

EVERY = 0.1
PATIENCE = 15.0


class Collector:
    """Tells under a lease, which it takes as often as it has to."""

    def __init__(self, url: str, name: str = "quay-1", ahead: float = 0.0, lease: float = 0.5) -> None:
        settings = Settings(timeout=1.0)
        self.name, self.ahead = name, timedelta(seconds=ahead)
        self.publisher, self.lease = open_publisher(url, settings), open_lease(url, settings, lease)
        self.held: Held | None = None
        self.told = 0.0
        self._teller = Teller()
        self._seq = 0
        self._lock = threading.Lock()

    def clock(self) -> datetime:
        """The present instant, as this collector takes it to be."""
        return datetime.now(UTC) + self.ahead

    def tell(self, snapshot: Snapshot, *, body: bytes | None = None) -> bool:
        """Tell `snapshot` (or `body` as one, in full); False while another one leads."""
        with self._lock:
            held = self._hold()
            if held is None:
                return False
            found = self._teller.frame(snapshot) if body is None else (True, body)
            full, told = found or (False, b"")
            if body is not None:
                self._teller.again()
            self._send(held, full, told)
            return True

    def beat(self) -> bool:
        """Say that nothing is new."""
        with self._lock:
            held, before = self._hold(), self._seq
            if held is None or before == 0:
                return False
            self._send(held, False, b"")
            return True

    def surely(self, snapshot: Snapshot, *, body: bytes | None = None) -> None:
        """Tell it as soon as the lease is to be had: a server that was just started gives none at first."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.tell(snapshot, body=body):
                    return
            except (Fenced, Unavailable):
                self.held = None
            assert time.monotonic() < end, "no lease to be had"
            time.sleep(0.02)  # a lease that ends gives no event to wait for

    @contextmanager
    def talking(self, snapshot: Snapshot) -> Iterator[None]:
        """Go on telling `snapshot`, which mostly means that nothing is new."""
        over = threading.Event()

        def talk() -> None:
            while not over.wait(EVERY):
                try:
                    self.tell(snapshot)
                except (Fenced, Unavailable):
                    self.held = None

        self.surely(snapshot)
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        """Let go of connections."""
        self.publisher.close()
        self.lease.close()

    def _hold(self) -> Held | None:
        before = self.held
        self.held = None
        self.held = self.lease.renew(before) if before is not None else None
        if self.held is None:
            self.held = self.lease.take(self.name)
            self._teller.again()
            self._seq = 0
        return self.held

    def _send(self, held: Held, full: bool, body: bytes) -> None:
        self._seq += bool(body)
        self.publisher.tell(Frame(held.term, self._seq, full, self.clock(), self.name, body), held)
        self.told = time.monotonic()


async def collect(folder: Path, url: str, name: str, ahead: float, lease: float) -> None:
    """Look at the room of `folder` and tell it until cancelled."""
    config = load(folder / "controlroom.toml", environ={"HOME": str(folder)})
    config = replace(config, store=replace(config.store, url=url))
    collector = Collector(url, name, ahead, lease)
    room = wiring.build(config, clock=collector.clock, environ={"HOME": str(folder / f"home-of-{name}")})
    polling = asyncio.create_task(room.run())
    leads, told = False, room.snapshot
    while not polling.done():
        await asyncio.sleep(EVERY)
        if room.snapshot is told and time.monotonic() - collector.told < SILENCE / 2:
            continue
        try:
            led, told = leads, room.snapshot
            leads = told.taken_at is not None and await in_daemon(collector.tell, told)
        except (Fenced, Unavailable):
            collector.held, leads = None, False
        if leads and not led:
            print("leads", flush=True)  # noqa: T201 - whoever started it waits for this line
    await polling


if __name__ == "__main__":
    where, at, who, offset, lasts = sys.argv[1:]
    asyncio.run(collect(Path(where), at, who, float(offset), float(lasts)))
