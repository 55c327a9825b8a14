"""kind = "postgres": whether queries are answered, and what a server says of itself. Rows are never read.

One question for the facts, kept as a prepared statement where no pooler stands in between; the configured
statement, where there is one, is run read-only in a transaction of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NamedTuple

import asyncpg

from controlroom.domain.asks import PostgresAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.dial import KEPT_FOR, Stage, kept_until
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.postgres_facts import (
    NO_TRANSACTION,
    TRANSACTION,
    Facts,
    detail_of,
    facts_of,
    lag_of,
    problems,
    raw_of,
)
from controlroom.probes.postgres_link import FLOODED, STRANGER, Link, linked
from controlroom.probes.postgres_where import Where, where_is
from controlroom.probes.postgres_words import (
    ASYNCPG,
    failure,
    is_about_login,
    is_forgotten,
    may_not_see,
    trouble_of,
)
from controlroom.probes.wording import foreign

_ASKS = PostgresAsks()

_SHARE = 0.9
"""Of the time that is left, what a statement may take: the server's own words come before ours."""


class Time(NamedTuple):
    """How long one probe may take, and when that is over, by the event loop's clock; seconds."""

    deadline: float
    ends: float


@dataclass(slots=True)
class Kept:
    """What is known of a service from earlier probes."""

    service: Service
    where: Where
    link: Link | None = None
    in_step: float | None = None
    """When a replica was last seen in step, by the event loop's clock."""
    end: asyncio.TimerHandle | None = None
    """Ends the session in time, asked or not: a server that stops may wait for the last of them."""

    def give(self, link: Link) -> None:
        """Keep `link` until its time is over."""
        self.link = link
        self.end = asyncio.get_running_loop().call_at(link.until, self.drop)

    def take(self) -> Link | None:
        """The session, which is not kept any more."""
        link, self.link = self.link, None
        if self.end is not None:
            self.end.cancel()
            self.end = None
        return link

    def drop(self) -> None:
        """End the session."""
        link = self.take()
        if link is not None:
            link.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe found out."""

    version: str
    facts: Facts | None
    blind: str
    """Why there are no facts."""
    failure: Trouble | None = None
    """Why the configured statement did not succeed."""


class PostgresProbe:
    """Keeps one session for each service, none for longer than twice `kept_for` seconds."""

    def __init__(self, kept_for: float = KEPT_FOR) -> None:
        self._kept_for = kept_for
        self._kept: dict[str, Kept] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has role, connections, lag or replicas, version. Raises Trouble."""
        kept = self._of(service)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        stage = Stage()
        try:
            async with asyncio.timeout(context.deadline) as limit:
                answer = await self._answer(kept, context, stage)
        except TimeoutError:
            if not limit.expired():
                raise Trouble("connection timed out", unreachable=True) from None
            raise stage.late(kept.where.host, context.deadline) from None
        except (*ASYNCPG, OSError, UnicodeError) as error:
            if service.password is not None and is_about_login(error):
                context.forget(service.password)
            known = service.password is not None or bool(kept.where.password)
            raise trouble_of(error, kept.where, known) from None
        return _result(kept, context, loop.time() - asked, answer)

    def close(self) -> None:
        """Close every session."""
        for kept in self._kept.values():
            kept.drop()
        self._kept.clear()

    def _of(self, service: Service) -> Kept:
        kept = self._kept.get(service.id)
        if kept is None or kept.service is not service:
            if kept is not None:
                del self._kept[service.id]
                kept.drop()
            kept = self._kept[service.id] = Kept(service, where_is(service))
        return kept

    async def _answer(self, kept: Kept, context: Context, stage: Stage) -> Answer:
        time = Time(context.deadline, asyncio.get_running_loop().time() + context.deadline)
        link = kept.take()
        if link is not None and link.alive:
            stage.at, stage.reused = "answer", True
            try:
                return await self._asked(kept, link, time)
            except (*ASYNCPG, OSError):
                if not link.lost:
                    raise
        # A session that was kept may have been ended since, by either side: that is no failure yet.
        stage.at, stage.reused = "name", False
        link = await linked(kept.service, kept.where, context, stage)
        link.until = kept_until(self._kept_for)
        return await self._asked(kept, link, time)

    async def _asked(self, kept: Kept, link: Link, time: Time) -> Answer:
        """What is answered over `link`, which is kept for the next time unless its own is over."""
        try:
            answer = await _questions(kept, link, time)
        except BaseException as error:
            link.lost = (not link.alive or is_forgotten(error)) and link.gate.flaw is None
            link.close()
            if link.gate.flaw is not None and isinstance(error, Exception):
                raise link.gate.flaw from None
            if isinstance(error, (*ASYNCPG, OSError, Trouble)) or not isinstance(error, Exception):
                raise
            raise Trouble(STRANGER) from None  # rows that cannot be decoded
        over = asyncio.get_running_loop().time() >= link.until
        if kept.link is None and self._kept.get(kept.service.id) is kept and not over:
            kept.give(link)
        else:
            link.close()
        return answer


async def _questions(kept: Kept, link: Link, time: Time) -> Answer:
    asks = kept.service.postgres or _ASKS
    link.gate.heard, link.gate.facts = 0, True
    facts, blind = None, ""
    try:
        facts = facts_of(await _row(link, TRANSACTION if asks.transaction is not None else NO_TRANSACTION))
        link.direct = facts.pid == link.pid
    except asyncpg.PostgresError as error:
        blind = may_not_see(error) or ""
        if not blind:
            raise
    answer = Answer(link.version, facts, blind)
    if facts is not None and asks.query.strip().rstrip("; ").upper() == "SELECT 1":
        return answer  # it has just been shown that such a thing works
    return replace(answer, failure=await _tried(link, asks.query, time))


async def _row(link: Link, question: str) -> asyncpg.Record | None:
    # Preparing takes a round trip of its own, so the question is prepared for good; but a pooler gives the
    # next question to a session that has never heard of it.
    if link.direct and link.statement is None:
        link.statement = await link.session.prepare(question, name="controlroom_facts")
    if link.statement is not None:
        return await link.statement.fetchrow()
    return await link.session.fetchrow(question)


async def _tried(link: Link, query: str, time: Time) -> Trouble | None:
    """Why `query` does not succeed. Its rows are thrown away as they come."""
    statement = query.strip().rstrip("; \t\r\n")
    if ";" in statement:
        return Trouble("postgres.query holds more than one statement, or a semicolon", Health.UNKNOWN)
    limit = max(0.001, (time.ends - asyncio.get_running_loop().time()) * _SHARE)
    link.gate.heard, link.gate.facts = 0, False
    try:
        # Statements that are sent together are one transaction (documentation, 55.2.2.1): what is SET LOCAL
        # ends with it. Without a semicolon of its own the query cannot leave it and go on.
        await link.session.execute(
            f"SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {int(limit * 1000) or 1};\n{statement}"
        )
    except ASYNCPG as error:
        if link.gate.flaw is not None:
            return Trouble(f"postgres.query {FLOODED}: add LIMIT 1", Health.UNKNOWN)
        found = failure(error, time.deadline) if link.alive else None
        if found is None:
            raise
        return found
    return None


def _result(kept: Kept, context: Context, latency: float, answer: Answer) -> ProbeResult:
    asks, facts, failed = kept.service.postgres or _ASKS, answer.facts, answer.failure
    if failed is not None and failed.health is Health.UNKNOWN:
        raise failed
    now = asyncio.get_running_loop().time()
    lag, detail, raw = None, {"version": foreign(answer.version.partition(" ")[0], 30)}, ""
    worst: list[str] = []
    if facts is not None:
        if facts.in_step:
            kept.in_step = now
        lag = lag_of(facts, None if kept.in_step is None else now - kept.in_step)
        detail = dict(detail_of(facts, asks, lag, answer.version))
        raw = raw_of(facts, answer.version)
        worst.extend(problems(facts, asks, lag))
    if failed is not None:
        return answered(
            kept.service, context, latency, failed.reason, detail=detail, health=failed.health, raw=failed.raw
        )
    if worst:
        reason = "; ".join(worst)
        return answered(
            kept.service, context, latency, reason, detail=detail, health=Health.DEGRADED, raw=raw
        )
    reason = "answers" + (f", but its facts are not to be had: {answer.blind}" if answer.blind else "")
    return answered(kept.service, context, latency, reason, detail=detail, raw=raw)
