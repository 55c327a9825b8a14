"""One follows for all tabs: what it hears they hear, and what it does not hear is never taken for new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from controlroom import following
from controlroom.config.values import Config
from controlroom.lab import servers
from controlroom.serving.relaying import Relaying
from controlroom.stores.logs import Settings
from controlroom.stores.relay import LOST_AFTER, SOCKET, open_follower
from tests.conftest import Start
from tests.relaying import Collector
from tests.serving.chromium import so
from tests.test_following import note, noted, relayed, told


@asynccontextmanager
async def relayed_to(folder: Path, url: str, screens: int) -> AsyncIterator[Sequence[following.Room]]:
    """So many tabs that follow one who follows `url`."""
    path = folder / "room.sock"
    relaying = Relaying(lambda: open_follower(url, Settings(timeout=1.0)), path, lambda *_: None)
    relaying.begin()
    rooms = [following.build(Config(), f"{SOCKET}{path}", environ={}) for _ in range(screens)]
    tasks = [asyncio.create_task(room.run()) for room in rooms]
    try:
        yield rooms
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(relaying.close)
        assert not await asyncio.to_thread(path.exists)


async def test_all_tabs_hear_what_one_hears(tmp_path: Path, start: Start) -> None:
    """Tabs show what is told, each word of it, over one connection to the server however many they are."""
    server = start(servers.redis)
    url = f"redis://{server.address}/0"
    collector = Collector(url)
    room = told()
    with collector.talking(room):
        before = len(_clients(server.port))
        async with relayed_to(tmp_path, url, 5) as rooms:
            await so(lambda: all(not relayed(one.snapshot).lost for one in rooms))
            assert all(one.snapshot.services == room.services for one in rooms)
            assert len(_clients(server.port)) == before + 1
    with collector.talking(noted(room, "second")):
        async with relayed_to(tmp_path, url, 2) as rooms:
            await so(lambda: all(note(one.snapshot) == "second" for one in rooms))
    collector.close()


def _clients(port: int) -> list[str]:
    from controlroom.lab import redis_servers

    return [line for line in redis_servers.ask(port, "CLIENT", "LIST").splitlines() if "addr=" in line]


async def test_what_cannot_be_heard_is_stale_at_once_and_heals(tmp_path: Path, start: Start) -> None:
    """The server gone, tabs say so before the silence would; back, they show the present by themselves."""
    server = start(servers.redis)
    url = f"redis://{server.address}/0"
    collector = Collector(url)
    async with relayed_to(tmp_path, url, 2) as rooms:
        with collector.talking(told()):
            await so(lambda: all(not relayed(one.snapshot).lost for one in rooms))
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(server.kill)
            await so(lambda: all(relayed(one.snapshot).lost for one in rooms))
            assert asyncio.get_running_loop().time() - began < LOST_AFTER - 0.5
            await asyncio.to_thread(server.restart)
            await so(lambda: all(not relayed(one.snapshot).lost for one in rooms))
    collector.close()


async def test_a_collector_that_fell_silent_is_not_made_to_speak(tmp_path: Path, start: Start) -> None:
    """What was told long ago is passed on as that: a tab that joins late never shows it as new."""
    url = f"redis://{start(servers.redis).address}/0"
    collector = Collector(url)
    await asyncio.to_thread(collector.surely, noted(told(), "last words"))
    async with relayed_to(tmp_path, url, 1) as (first,):
        await so(lambda: note(first.snapshot) == "last words")
        await so(lambda: relayed(first.snapshot).lost)
    async with relayed_to(tmp_path, url, 1) as (late,):
        seen: list[bool] = []
        late.subscribe(lambda snapshot: seen.append(relayed(snapshot).lost))
        await so(lambda: note(late.snapshot) == "last words")
        assert all(seen)
        await asyncio.to_thread(collector.surely, noted(told(), "again"))
        await so(lambda: note(late.snapshot) == "again" and not relayed(late.snapshot).lost)
    collector.close()
