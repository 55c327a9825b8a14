"""What the tests of the log in Redis share: actions to write, and a log on a server."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from controlroom.domain.actions import Action
from controlroom.lab.servers import Server
from controlroom.stores.logs import Settings
from controlroom.stores.port import Page, Unavailable
from controlroom.stores.redis_log import RedisLog

NOW = dt.datetime(2031, 5, 6, 8, 0, tzinfo=dt.UTC)
PATIENT = Settings(timeout=5.0)
BRIEF = Settings(timeout=0.25)
SLACK = 1.0
"""Seconds a busy machine may add to a limit."""

KEYS = ("{controlroom}:log", "{controlroom}:heads", "{controlroom}:ids")


def deed(
    number: int | str, item: str = "press-7", expect: str | None = None, text: str = "Läuft noch"
) -> Action:
    """An action with the id ``a-<number>``."""
    return Action(f"a-{number}", item, "assign", {"owner": text}, "mira", "desk-1", NOW, expect)


def log_on(server: Server, settings: Settings = PATIENT, tail: str = "/0") -> RedisLog:
    """The log on one plain server."""
    return RedisLog(f"redis://{server.address}{tail}", settings)


def ids(page: Page) -> list[str]:
    """Ids in the order of the log."""
    return [entry.action.id for entry in page.entries]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What happens inside takes no longer than `seconds` and some slack."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds + SLACK


def refusal(call: Callable[[], object]) -> Unavailable:
    """The Unavailable that `call` raises; it has a reason and a remedy."""
    with pytest.raises(Unavailable) as raised:
        call()
    assert raised.value.reason
    assert raised.value.remedy
    assert raised.value.__cause__ is None
    return raised.value


def eventually(call: Callable[[], object], patience: float = 15.0) -> object:
    """What `call` gives once it raises Unavailable no more."""
    give_up = time.monotonic() + patience
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)  # a failover, or a start, gives no event to wait for
