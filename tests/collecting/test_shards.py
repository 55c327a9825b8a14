"""Collectors that share the probing: each service is asked by one of them, whoever comes and goes."""

from __future__ import annotations

import signal
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.lab import servers
from tests.collecting.processes import Collector, Probed, collecting, furnish, probed, screen
from tests.collecting.test_leading import room
from tests.conftest import Start
from tests.telling import until

SERVICE = """
[[services]]
id = "s{number}"
kind = "tcp"
url = "127.0.0.1:{port}"
interval = 0.2
timeout = 0.5
"""


def fresh(seen: Snapshot | None) -> bool:
    """Whether the room says of every service that it is up, and did so just now."""
    return seen is not None and all(
        state.health is Health.UP
        and seen.taken_at is not None
        and state.probed_at is not None
        and seen.taken_at - state.probed_at < timedelta(seconds=1)
        for state in seen.services
    )


async def of_each(collectors: list[Collector]) -> list[int]:
    """How many answers of services came to each."""
    return [await one.probed() for one in collectors]


async def test_three_share_the_services(tmp_path: Path, start: Start) -> None:
    """Each asks its own part; when one is killed, and when the leader ends, the others ask all of them."""
    store = f"redis://{start(servers.redis).address}/0"
    async with AsyncExitStack() as stack:
        watched: list[Probed] = [await stack.enter_async_context(probed()) for _ in range(12)]
        more = "".join(SERVICE.format(number=n, port=one.port) for n, one in enumerate(watched[1:]))
        config = furnish(tmp_path, watched[0].port, store, collect="shards = true", more=more)
        heard = stack.enter_context(screen(store))
        three = [await stack.enter_async_context(collecting(config, name)) for name in ("a", "b", "c")]
        for one in three:
            await one.becomes_ready()
        while not all(await of_each(three)):  # all take part
            await until(lambda: fresh(room(heard)))
        before = await of_each(three)
        began, came = time.monotonic(), sum(one.came for one in watched)
        await until(lambda: sum(one.came for one in watched) > came + 180)
        asked = [now - then for now, then in zip(await of_each(three), before, strict=True)]
        # However many share, the services pay for one room.
        assert sum(one.came for one in watched) - came <= len(watched) * (
            (time.monotonic() - began) / 0.2 + 2
        )
        assert all(asked)

        leader = next(one for one in three if one.heard("leads"))
        others = [one for one in three if one is not leader]
        others[0].signal(signal.SIGKILL)
        await others[0].ends()
        counts = [one.came for one in watched]
        await until(lambda: all(one.came > count + 5 for one, count in zip(watched, counts, strict=True)))
        await until(lambda: fresh(room(heard)))

        leader.signal(signal.SIGTERM)
        assert await leader.ends() == 0
        await others[1].says("leads")
        counts = [one.came for one in watched]
        await until(lambda: all(one.came > count + 5 for one, count in zip(watched, counts, strict=True)))
        await until(lambda: fresh(room(heard)))
        assert len(heard.terms()) == 2
        assert leader.errors == b""
