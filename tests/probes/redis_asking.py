"""What the tests of the Redis probe share: asking, and asking until something is so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Service
from controlroom.probes.prober import Prober

SECRETS = {"RIGHT": "correct horse", "WRONG": "battery staple"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")

PATIENCE = 30.0
"""Seconds until what must happen has happened, on the slowest machine."""


@asynccontextmanager
async def asking() -> AsyncIterator[Prober]:
    """A prober with a right and a wrong password, its library loaded."""
    prober = Prober(lambda: datetime.now(UTC), lambda ref: SECRETS[ref.env or ""])
    await prober.load("redis")
    try:
        yield prober
    finally:
        prober.close()


async def look(prober: Prober, url: str, deadline: float = 2.0, **keys: object) -> ProbeResult:
    """One look at a service that nobody has looked at before."""
    return await prober(redis(url, **keys), deadline)


def redis(url: str, **keys: object) -> Service:
    """A service of the kind."""
    return Service("it", "redis", url=url, **keys)  # type: ignore[arg-type]


async def until(
    prober: Prober, service: Service, true: Callable[[ProbeResult], bool], deadline: float = 2.0
) -> ProbeResult:
    """Look at `service` again and again: the first result that `true` holds for."""
    give_up = time.monotonic() + PATIENCE
    while True:
        result = await prober(service, deadline)
        if true(result):
            return result
        assert time.monotonic() < give_up, result
        await asyncio.sleep(0.05)
