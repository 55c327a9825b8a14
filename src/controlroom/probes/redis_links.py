"""Connections to Redis servers, sentinels among them: opened, logged in, kept, and mended in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import NamedTuple

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Service
from controlroom.probes.dial import KEPT_FOR, Stage, dial, kept_until
from controlroom.probes.port import Context, Trouble
from controlroom.probes.redis_address import Place, Where
from controlroom.probes.redis_link import Link, Login, Reply
from controlroom.probes.redis_words import LOGIN_REFUSED, Refusal, refused


@dataclass(frozen=True, slots=True)
class Question:
    """Commands that are sent together."""

    request: bytes
    replies: int
    once: bytes = b""
    """A command that only a new connection is asked: its answer changes with the process alone."""
    login: bool = True
    """Log in at once, and choose the database; where not, only a server that asks for it is told who asks."""


class Said(NamedTuple):
    """The replies to a question, and the one to `Question.once`."""

    replies: list[Reply]
    opening: Reply


@dataclass(frozen=True, slots=True)
class Case:
    """A service as it is asked now."""

    service: Service
    where: Where
    context: Context


class Links:
    """Keeps one connection to each server of each service, for a while (see `dial.KEPT_FOR`)."""

    def __init__(self, kept_for: float = KEPT_FOR) -> None:
        self._kept_for = kept_for
        self._kept: dict[str, tuple[Service, dict[Place, Link]]] = {}

    async def ask(self, question: Question, place: Place, case: Case, within: float) -> Said:
        """What the server at `place` says, within that many seconds. Raises Trouble."""
        stage = Stage()
        try:
            async with asyncio.timeout(within):
                link = await self._take(case.service, place)
                if link is not None:
                    stage.at, stage.reused = "answer", True
                    try:
                        return await self._exchange(link, question, place, case)
                    except Trouble:
                        if link.heard:
                            raise
                    # It may have been closed since, by either side: that is no failure yet.
                    stage.at, stage.reused = "name", False
                login = await _login(case) if question.login else None
                link = await _link(question, place, case, stage, within)
                link.until = kept_until(self._kept_for)
                return await self._exchange(link, question, place, case, login)
        except TimeoutError:
            raise stage.late(place[0], within) from None
        except Trouble as refusal:
            if refusal.reason == LOGIN_REFUSED and case.service.password is not None:
                case.context.forget(case.service.password)
            raise

    def only(self, service: Service, places: Collection[Place]) -> None:
        """Close connections to servers that are not among `places` any more."""
        _, links = self._kept.get(service.id, (service, {}))
        if len(links) > len(places):
            for place in links.keys() - set(places):
                links.pop(place).abort()

    def close(self) -> None:
        """Close every connection."""
        for _, links in self._kept.values():
            for link in links.values():
                link.abort()
        self._kept.clear()

    async def _take(self, service: Service, place: Place) -> Link | None:
        known, links = self._kept.get(service.id, (service, {}))
        if known is not service:
            for old in self._kept.pop(service.id)[1].values():
                old.abort()
            return None
        link = links.pop(place, None)
        if link is None:
            return None
        if asyncio.get_running_loop().time() >= link.until or not link.reusable:
            link.abort()
            await asyncio.sleep(0)  # closed now: on a server that is full its place is the next one's
            return None
        link.heard = 0
        return link

    def _keep(self, service: Service, place: Place, link: Link) -> None:
        known, links = self._kept.setdefault(service.id, (service, {}))
        if known is not service or place in links or not link.reusable:
            link.abort()  # another probe was quicker, or it is over already
        else:
            links[place] = link

    async def _exchange(
        self, link: Link, question: Question, place: Place, case: Case, login: Login | None = None
    ) -> Said:
        """Ask, on a new connection after logging in, and keep the connection."""
        try:
            replies = await _asked(link, question, login)
            first = replies[0]
            if not question.login and isinstance(first, Refusal) and first.code == "NOAUTH":
                login = await _login(case)
                if login is not None:
                    replies = await _asked(link, question, login)
        except BaseException:
            link.abort()
            raise
        self._keep(case.service, place, link)
        return Said(replies, link.opening)


async def _link(question: Question, place: Place, case: Case, stage: Stage, within: float) -> Link:
    """A connection that is not open yet. Raises Trouble."""
    context = case.context
    tls = await context.tls(case.service) if case.where.tls else None

    async def opened(protocol: asyncio.StreamReaderProtocol) -> asyncio.Transport:
        transport, _ = await dial(
            lambda: protocol, *place, names=context.names, stage=stage, within=within, tls=tls
        )
        return transport

    return Link(place, opened, case.where.db if question.login else 0)


async def _login(case: Case) -> Login | None:
    """Who asks; None where nobody in particular does. Raises Trouble."""
    service, where = case.service, case.where
    username = service.username or where.username
    password = where.password if service.password is None else await case.context.secret(service.password)
    return (username, password) if username or password else None


async def _asked(link: Link, question: Question, login: Login | None) -> list[Reply]:
    """The replies to the question itself. Raises Trouble."""
    once = b"" if link.is_connected else question.once
    count = question.replies + bool(once)
    replies = await link.ask(question.request + once, count, login)
    last = replies[-1]
    if len(replies) < count and isinstance(last, Refusal):
        raise refused(last)
    if once:
        link.opening = replies.pop()
    return replies
