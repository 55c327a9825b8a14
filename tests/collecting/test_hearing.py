"""Those who stand by hear the leader, whatever it tells."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.past import BEGAN
from controlroom.collecting.hearing import Hearing
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.stores.frames import Teller
from controlroom.stores.relay import Frame
from controlroom.stores.relay_socket import SocketFollower, SocketPublisher
from tests.stores.test_frames import resealed
from tests.telling import until

DEEP = b"N" + b"\x85" * 100_000
"""A tuple in a tuple, and so on: nothing can compare two of them."""


async def test_no_frame_ends_the_standing_by(tmp_path: Path) -> None:
    """What makes hearing fail in a way that nobody thought of is trouble, until the next good room."""
    publisher = SocketPublisher(tmp_path / "relay")
    follower = SocketFollower(publisher.path)
    seen: list[Snapshot] = []
    hearing = Hearing(follower, seen.append)

    def tell(seq: int, title: bytes | None) -> None:
        told = Teller().frame(Snapshot(Program(title="harbour"), taken_at=BEGAN))
        assert told is not None
        body = told[1] if title is None else resealed(told[1], b"\x8c\x07harbour", title)
        publisher.tell(Frame(1, seq, True, BEGAN, "press-1", body))

    tell(1, DEEP)
    standing_by = asyncio.create_task(hearing.run())
    try:
        await until(lambda: seen)
        tell(2, DEEP)
        await until(lambda: hearing.trouble or standing_by.done())
        assert hearing.trouble == "what is told cannot be understood: RecursionError"
        tell(3, None)
        await until(lambda: seen[-1].program.title == "harbour")
        assert hearing.trouble == ""
    finally:
        standing_by.cancel()
        await asyncio.gather(standing_by, return_exceptions=True)
        follower.close()
        publisher.close()
