"""Real Kafka for a whole module of tests, what its users do, and what only pretends to be a broker."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.lab.servers import NotInstalled, Server
from controlroom.probes.kafka_link import Link
from controlroom.probes.prober import Prober
from tests import faults

PATIENCE = 10.0
"""Seconds one look may take here, where what it says is tested and not how soon."""

MODULE = pytest.fixture(scope="module")
"""A server takes seconds to start: tests that do it no harm share it."""


@contextmanager
def shared(make: Callable[[Path], Server], folder: Path) -> Iterator[Server]:
    """A server for a module, as the `start` fixture has one for a test."""
    try:
        server = make(folder)
    except NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    try:
        yield server
    finally:
        server.stop()


async def look(
    prober: Prober, url: str, asks: KafkaAsks | None = None, within: float = PATIENCE, /, **keys: object
) -> ProbeResult:
    """One look at a service that nobody looked at before."""
    return await prober(Service("it", "kafka", url=url, kafka=asks, **keys), within)  # type: ignore[arg-type]


@asynccontextmanager
async def admin(address: str, login: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
    """Somebody who may do everything."""
    client = AIOKafkaAdminClient(bootstrap_servers=address, **(login or {}))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create(
    address: str, topic: str, partitions: int = 1, copies: int = 1, login: Mapping[str, str] | None = None
) -> None:
    """Make a topic."""
    async with admin(address, login) as client:
        await client.create_topics([NewTopic(topic, partitions, copies)])


async def write(address: str, topic: str, messages: int, partition: int | None = None) -> None:
    """Write so many messages; returns when the broker has them."""
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        for _ in range(messages):
            await producer.send_and_wait(topic, b"private", partition=partition)
    finally:
        await producer.stop()


@asynccontextmanager
async def reader(address: str, group: str, *topics: str) -> AsyncIterator[Any]:
    """A member of a consumer group that reads from the beginning and commits when it is told to."""
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read(consumer: Any, messages: int) -> None:
    """Read so many messages and commit them."""
    for _ in range(messages):
        await consumer.getone()
    await consumer.commit()


async def tell(server: Server, request: Any) -> Any:
    """What the broker answers to one request, on a connection of its own."""
    _, link = await asyncio.get_running_loop().create_connection(Link, "127.0.0.1", server.port)
    try:
        await link.greet()
        return await link.ask(request)
    finally:
        link.abort()


Reply = bytes | Callable[[bytes], bytes] | None
"""What a broker that only pretends says to a request: a body, one made of the request, or nothing."""


def answers(*replies: Reply, then_closes: bool = False) -> faults.Handler:
    """A broker that has so many answers for each connection; then it is silent, or hangs up when asked."""

    def handle(plug: Any) -> None:
        for reply in replies:
            request = _exactly(plug, *struct.unpack(">i", _exactly(plug, 4)))
            body = reply(request) if callable(reply) else reply
            if body is None:
                break
            plug.sendall(struct.pack(">i", 4 + len(body)) + request[4:8] + body)
        while plug.recv(65_536) and not then_closes:
            pass

    return handle


def _exactly(plug: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more: bytes = plug.recv(size - len(data))
        if not more:
            raise OSError("hung up")
        data += more
    return data


def versions(**known: tuple[int, int]) -> bytes:
    """The body of an ApiVersions answer; `known` is ``k3=(0, 5)`` for api key 3."""
    rows = b"".join(struct.pack(">hhh", int(key[1:]), *span) for key, span in known.items())
    return struct.pack(">hi", 0, len(known)) + rows


SPEAKS = versions(k3=(1, 5))
"""A broker that knows Metadata and nothing else."""
