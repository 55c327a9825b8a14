"""Calls of the log's script on its server, and the wait until what was written is safe there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.exceptions import NoScriptError

from controlroom.stores.logs import Settings
from controlroom.stores.port import Unavailable
from controlroom.stores.redis_facts import Facts, disk_confirms, lacks, read
from controlroom.stores.redis_link import Command, Link
from controlroom.stores.redis_routes import Routes, Session
from controlroom.stores.redis_script import SHA, SOURCE, Answer, Arguments, is_answer
from controlroom.stores.redis_urls import Address

DISK_PATIENCE = 1.5
"""Seconds to wait for the disk; a file that is flushed every second takes up to one."""

REPLICA_PATIENCE = 1.0
"""Seconds to wait for a replica."""

_QUESTIONS: tuple[Command, ...] = (("INFO",), ("CONFIG", "GET", "appendfsync"), ("CONFIG", "GET", "save"))
"""How the server is, as far as its user may ask."""


class Caller:
    """Calls the script for one log. Any number of threads may use it, each with a session of its own."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self._address, self._timeout = address, settings.timeout
        self.routes = Routes(address, settings)
        self.disk: bool | None = None
        """Whether WAITAOF answers here; None: not asked yet."""

    def session(self) -> AbstractContextManager[Session]:
        """A connection for one caller. Raises Unavailable."""
        return self.routes.session(self._until())

    def run(self, session: Session, arguments: Arguments, *also: Command) -> tuple[Answer, list[Any], Facts]:
        """The script's answer, the replies to `also`, and how the server is right after them.

        Raises Unavailable.
        """
        until = self._until()
        asks = [ask for ask in _QUESTIONS if ask[0] not in session.link.refused]
        given = (3, *self._address.keys, *arguments)
        answer, *more = session.ask([("EVALSHA", SHA, *given), *also, *asks], until)
        if isinstance(answer, NoScriptError):
            answer, *more = session.ask([("EVAL", SOURCE, *given), *also, *asks], until)
        if not is_answer(session.link.good(answer)):
            raise session.link.no_redis()
        return answer, more[: len(also)], _facts(session.link, asks, more[len(also) :])

    def confirm(self, session: Session, facts: Facts, last: float) -> None:
        """Wait until what `session` wrote is as safe as its server makes it, until the moment `last` at most.

        Raises Unavailable when the disk does not confirm what it should. That no replica confirms is no
        failure: they may catch up, and what a failover loses is submitted again.
        """
        link = session.link
        if facts.known and facts.aof_failing:
            raise Unavailable(f"{link.where}: its append-only file cannot be written", "see the server's log")
        if disk_confirms(facts):
            patience = _patience(last, DISK_PATIENCE)
            reply = _asked(session, ("WAITAOF", 1, 0, patience), last)
            self.disk = reply is not None
            if reply is not None and not (isinstance(reply, list) and reply and reply[0]):
                raise Unavailable(
                    f"{link.where}: written, but not on its disk within {patience / 1000:.2g} s",
                    "it is tried again by itself; see the server's disk, and that appendfsync is not no",
                )
        if facts.replicas:
            _asked(session, ("WAIT", 1, _patience(last, REPLICA_PATIENCE)), last)

    def _until(self) -> float:
        return time.monotonic() + self._timeout


def _asked(session: Session, command: Command, last: float) -> Any:
    """The reply to `command`; None where this server, or this user, does not have it."""
    link, name = session.link, str(command[0])
    if name in link.refused:
        return None
    (reply,) = session.ask([command], last)
    if isinstance(reply, Exception) and lacks(str(reply)):
        link.refused.add(name)
        return None
    return link.good(reply)


def _facts(link: Link, asks: Sequence[Command], replies: Sequence[Any]) -> Facts:
    config: dict[str, str] = {}
    info: str | None = None
    for (name, *_), reply in zip(asks, replies, strict=True):
        if isinstance(reply, Exception):
            link.refused.add(str(name))
        elif name == "INFO" and isinstance(reply, bytes):
            info = reply.decode("utf-8", "replace")
        elif isinstance(reply, list) and len(reply) == 2:
            key, value = (part.decode("utf-8", "replace") for part in reply)
            config[key] = value
    return read(info, config)


def _patience(last: float, most: float) -> int:
    """Milliseconds the server may wait, so that its answer comes before `last`. 0 would be for ever."""
    return max(1, int(1000 * min(most, 0.9 * (last - time.monotonic()))))
