"""The connections to the brokers of one cluster, kept between two looks and made anew where they died."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiokafka.protocol.api import Request

from controlroom.domain.services import Health, Service
from controlroom.probes.address import port_of, split
from controlroom.probes.dial import KEPT_FOR, Stage, dial, kept_until
from controlroom.probes.kafka_link import Link, Lost, Question
from controlroom.probes.kafka_login import Refused, authenticate, handshake
from controlroom.probes.port import Context, Trouble
from controlroom.probes.wording import trouble

PORT = 9092
SCHEMES = ("kafka", "kafka+ssl")

ROUNDS = 5
"""Handshakes until it is clear that there is no way to log in."""


class Place(NamedTuple):
    """Where a broker is."""

    host: str
    port: int


class Where(NamedTuple):
    """What a url says: ``kafka://a:9092,b:9092``, ``kafka+ssl://user:password@a,b``."""

    brokers: tuple[Place, ...]
    tls: bool
    user: str | None
    password: str | None


def where(url: str) -> Where:
    """`url` in parts. Raises Trouble where it cannot be asked."""
    whole = split(url.partition(",")[0], SCHEMES)
    _, _, rest = url.strip().rpartition("://")
    who, at, hosts = rest.partition("/")[0].rpartition("@")
    user, _, password = who.partition(":")
    brokers = []
    for one in hosts.split(","):
        part = split(f"kafka://{one}", SCHEMES)
        brokers.append(Place(part.hostname or "", port_of(part, PORT)))
    return Where(
        tuple(dict.fromkeys(brokers)),
        whole.scheme == "kafka+ssl",
        unquote(user) if at else None,
        unquote(password) if at else None,
    )


class Links:
    """Asks any broker of a cluster, each one question at a time; the first opens the connection."""

    def __init__(self, service: Service, kept_for: float = KEPT_FOR) -> None:
        """`kept_for` seconds a connection is used before it is made anew. Raises Trouble where the url cannot
        be asked."""
        self.service = service
        self._kept_for = kept_for
        self.where = where(service.url)
        self._open: dict[Place, Link] = {}
        self._mechanism: str | None = None

    def kept(self, place: Place) -> bool:
        """There is a connection to `place`."""
        link = self._open.get(place)
        return link is not None and link.alive

    def speaks(self, place: Place, key: int, version: int) -> bool:
        """The broker at `place`, which has been asked something, knows that version of an API."""
        link = self._open.get(place)
        low, high = link.versions.get(key, (0, -1)) if link is not None else (0, -1)
        return low <= version <= high

    async def ask(
        self, place: Place, request: Request[Any] | Question, context: Context, within: float
    ) -> Any:
        """The answer of the broker at `place`, known within `within` seconds; raises Trouble.

        A connection that was kept may have been closed since, by either side: that is no failure yet.
        """
        stage = Stage()
        try:
            async with asyncio.timeout(within) as limit:
                return await self._asked(place, request, context, stage, within)
        except (OSError, UnicodeError) as error:
            self.drop(place)
            if limit.expired():
                raise stage.late(place.host, within) from None
            raise trouble(error, place.host) from None
        except BaseException:
            self.drop(place)
            raise

    async def _asked(
        self, place: Place, request: Request[Any] | Question, context: Context, stage: Stage, within: float
    ) -> Any:
        link = self._open.get(place)
        if link is not None and link.alive and asyncio.get_running_loop().time() < link.until:
            stage.at, stage.reused = "answer", True
            heard = link.heard
            try:
                return await link.ask(request)
            except OSError:
                if link.heard != heard:
                    raise
            stage.at, stage.reused = "name", False
        link = await self._opened(place, context, stage, within)
        try:
            return await link.ask(request)
        except Lost:
            if not (self.service.username or self.where.user):
                await self._asks_for_nobody(place, context, stage, within)
            raise

    async def _opened(self, place: Place, context: Context, stage: Stage, within: float) -> Link:
        """A new connection, logged in where a user is configured."""
        user, password = await self._credentials(context)
        link = await self._greeted(place, context, stage, within)
        if user is None or password is None:
            return link
        refusals: dict[str, Refused] = {}
        # A broker punishes a mechanism that it does not take with a pause; PLAIN is the one most do.
        mechanism = self._mechanism or "PLAIN"
        for _ in range(ROUNDS):
            offer = await handshake(link, mechanism)
            known = offer.taken and mechanism == self._mechanism
            wanted = mechanism if known else offer.best(refusals)
            if wanted == mechanism and offer.taken:
                try:
                    await authenticate(link, mechanism, user, password)
                except Refused as refusal:
                    refusals[mechanism] = refusal
                    # A password that SCRAM has hidden is not shown to the network afterwards.
                    wanted = offer.best([*refusals] if self.where.tls else [*refusals, "PLAIN"])
                else:
                    self._mechanism = mechanism
                    return link
            if wanted is None or wanted == mechanism:
                break
            mechanism, self._mechanism = wanted, None
            link = await self._greeted(place, context, stage, within)
        if refusals:
            if self.service.password is not None:
                context.forget(self.service.password)
            raise next(iter(refusals.values()))
        taken = ", ".join(offer.mechanisms[:4]) or "nothing"
        raise Trouble(f"no way to log in that is known here: it takes {taken}")

    async def _greeted(self, place: Place, context: Context, stage: Stage, within: float) -> Link:
        tls = await context.tls(self.service) if self.where.tls else None
        _, link = await dial(
            Link, place.host, place.port, names=context.names, stage=stage, within=within, tls=tls
        )
        self.drop(place)
        link.until = kept_until(self._kept_for)
        self._open[place] = link
        await link.greet()
        return link

    async def _credentials(self, context: Context) -> tuple[str | None, str | None]:
        user = self.service.username or self.where.user
        password = self.where.password
        if self.service.password is not None:
            password = await context.secret(self.service.password)
        if password is not None and not user:
            raise Trouble("a password without a user name is configured", Health.UNKNOWN)
        if user and password is None:
            raise Trouble("a user name without a password is configured", Health.UNKNOWN)
        return user, password

    async def _asks_for_nobody(self, place: Place, context: Context, stage: Stage, within: float) -> None:
        """A broker hangs up on whoever should have logged in first: find out, and raise Trouble saying so."""
        link = await self._greeted(place, context, stage, within)
        try:
            offer = await handshake(link, "PLAIN")
        except Trouble:
            return
        raise Trouble(f"asks for a user name and password (SASL {', '.join(offer.mechanisms)})")

    def drop(self, place: Place) -> None:
        """Close the connection to `place`, if there is one."""
        link = self._open.pop(place, None)
        if link is not None:
            link.abort()

    def keep_only(self, places: set[Place]) -> None:
        """Close the connections to brokers that are no more."""
        for place in self._open.keys() - places:
            self.drop(place)

    def close(self) -> None:
        """Close all of them."""
        for link in self._open.values():
            link.abort()
        self._open.clear()
