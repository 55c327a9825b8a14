"""kind = "kafka": brokers, controllers, partitions, topics, traffic and consumer lag. No message is read.

Metadata is asked of the first broker of the url that answers; the end of a partition at its leader; a group
at its coordinator. No question creates a topic. A user needs Describe on the cluster, its topics and groups
(Kafka documentation, Authorization and ACLs); what it may not know is left out, or said where it matters.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.kafka_flow import Flow, flow
from controlroom.probes.kafka_link import Question
from controlroom.probes.kafka_links import Links, Place
from controlroom.probes.kafka_memory import Memory
from controlroom.probes.kafka_view import (
    OFFSETS,
    QUORUM,
    Cluster,
    Finding,
    Quorum,
    absent,
    cluster,
    counted,
    judged,
    judges,
    lacks,
    missing,
    quorum,
    worst,
)
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign

ASKS = KafkaAsks()

EVERYTHING = MetadataRequest(None, False)
"""Asks for every topic, and creates none."""

NO_CONTROLLER = "no controller answers: no leader can be elected"

FLOW_SHARE = 0.7
"""Of the time left when the metadata is there: for offsets and groups. Then comes the controller."""

LAST_MOMENT = 0.05
"""Of the deadline: what is left over at the end, for judging and telling."""

HURRY = 0.1
"""Of the deadline: with less time left, silence says nothing of the controller, and it is not asked."""


@dataclass(slots=True)
class Known:
    """What is kept of a service: what it said last, judged, and what has been seen over time."""

    service: Service
    memory: Memory = field(default_factory=Memory)
    first: Place | None = None
    """The broker that answered last."""
    said: Any = None
    seen: Cluster | None = None
    found: list[Finding] = field(default_factory=list)


class KafkaProbe:
    """Keeps a connection to each broker it asks, for each service."""

    def __init__(self) -> None:
        self._links: dict[str, Links] = {}
        self._known: dict[str, Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has brokers, lag, traffic, topics, controller, cluster.

        Raises Trouble.
        """
        # Taken out while in use: a second look at the same service at the same time has links of its own.
        links = self._links.pop(service.id, None)
        if links is not None and links.service is not service:
            links.close()
            links = None
        links = links or Links(service)
        known = self._known.get(service.id)
        if known is None or known.service is not service:
            known = self._known[service.id] = Known(service)
        try:
            return await _look(service, context, links, known)
        except BaseException:
            links.close()
            raise
        finally:
            if (other := self._links.get(service.id)) is not None:
                other.close()
            self._links[service.id] = links

    def close(self) -> None:
        """Close every connection."""
        for links in self._links.values():
            links.close()
        self._links.clear()


async def _look(service: Service, context: Context, links: Links, known: Known) -> ProbeResult:
    loop = asyncio.get_running_loop()
    asks = service.kafka or ASKS
    begun = loop.time()
    entry, said = await _first(links, known, context)
    latency = loop.time() - begun
    if said is not known.said or known.seen is None:
        known.seen = cluster(said)
        known.found, known.said = judged(known.seen, asks), said
    seen, found = known.seen, list(known.found)
    known.memory.meets(seen.id)

    async def ask(place: Place, request: Request[Any] | Question) -> Any:
        return await links.ask(place, request, context, max(0.001, until - loop.time()))

    left = begun + context.deadline - loop.time()
    until = loop.time() + left * FLOW_SHARE
    names = missing(seen, asks)
    named = await _named(names, entry, ask) if names else None
    if isinstance(named, Cluster):
        found += absent(named, asks)
    elif named is not None and judges(asks, names[0]):
        found.append(named)
    moving = Flow([])
    if (asks.traffic or asks.watch or asks.groups) and seen.brokers:
        groups = not isinstance(named, Cluster) or not lacks(named, OFFSETS)
        moving = await flow(
            asks,
            seen,
            known.memory,
            entry if groups else None,
            ask,
            named=named,
            speaks=links.speaks,
            now=context.clock(),
        )
        found += moving.found
    # Last: where no controller answers, the broker says nothing more on this connection.
    until = begun + context.deadline * (1 - LAST_MOMENT)
    hurried = until - loop.time() < context.deadline * HURRY
    leads = None if hurried else await _leads(links, entry, seen, ask)
    if leads is not None and leads.leader < 0 and seen.brokers:
        found.insert(0, Finding(Health.DEGRADED, NO_CONTROLLER))
    elif leads is not None and leads.present < leads.voters:
        found.append(Finding(Health.DEGRADED, f"{leads.present} of {leads.voters} controllers keep up"))
    links.keep_only({*links.where.brokers, *seen.brokers.values()})
    health, reason = worst(found)
    detail = _detail(asks, seen, leads, moving, known.memory)
    result = answered(
        service, context, latency, reason or _well(seen), detail=detail, health=health, raw=seen.raw
    )
    return replace(result, traffic=moving.topics)


async def _first(links: Links, known: Known, context: Context) -> tuple[Place, Any]:
    """The first broker that answers, and its metadata; each has its share of the time. Raises Trouble."""
    loop = asyncio.get_running_loop()
    end = loop.time() + context.deadline
    places = links.where.brokers
    order = sorted(places, key=lambda place: place != known.first)
    troubles: dict[Place, Trouble] = {}
    for number, place in enumerate(order):
        share = context.deadline if len(order) == 1 else (end - loop.time()) / (len(order) - number)
        try:
            said = await links.ask(place, EVERYTHING, context, max(0.001, share))
        except Trouble as error:
            if error.health is Health.UNKNOWN:
                raise
            troubles[place] = error
        else:
            known.first = place
            return place, said
    trouble = troubles[places[0]]
    if len(places) == 1:
        raise trouble
    raise Trouble(
        f"none of {len(places)} brokers can be used: {trouble.reason}",
        unreachable=all(one.unreachable for one in troubles.values()),
    )


async def _named(names: list[str], entry: Place, ask: Any) -> Cluster | Finding:
    """What the broker says of topics it did not list; naming them does not create them."""
    try:
        return cluster(await ask(entry, MetadataRequest(names, False)))
    except Trouble as trouble:
        return Finding(Health.DEGRADED, f"topic {foreign(names[0], 40)} is not listed: {trouble.reason}")


async def _leads(links: Links, entry: Place, seen: Cluster, ask: Any) -> Quorum | None:
    """Who leads the controllers; None where it cannot be known."""
    if not links.kept(entry):
        return None
    if not links.speaks(entry, QUORUM.key, QUORUM.version):
        # With ZooKeeper, metadata names the controller; other products may name none.
        return Quorum(seen.controller, 1, 1)
    try:
        return quorum(await ask(entry, QUORUM))
    except Trouble:
        return Quorum(-1, 0, 0)


def _well(seen: Cluster) -> str:
    return f"{counted(len(seen.brokers), 'broker')}, {counted(seen.partitions, 'partition')} in step"


def _detail(
    asks: KafkaAsks, seen: Cluster, leads: Quorum | None, moving: Flow, memory: Memory
) -> dict[str, str]:
    brokers = str(len(seen.brokers))
    topics = f"{len(seen.topics)} ({counted(seen.partitions, 'partition')})"
    controller = ""
    if leads is not None:
        controller = "none" if leads.leader < 0 else str(leads.leader)
        if leads.voters > 1:
            controller += f", {leads.present} of {leads.voters} keep up"
    shown = {
        "brokers": f"{brokers} of {asks.brokers}" if asks.brokers else brokers,
        "lag": moving.lag,
        "traffic": moving.traffic,
        "topics": topics,
        "controller": controller,
        "cluster": f"{seen.id}, it was {memory.was}" if memory.was else seen.id,
    }
    return {key: value for key, value in shown.items() if value}
