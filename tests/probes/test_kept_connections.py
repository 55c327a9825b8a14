"""Connections are kept between two looks, and made anew now and then: on an old one, nothing has changed."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from controlroom.domain.services import Service
from controlroom.lab import kafka, postgres, servers
from controlroom.lab.servers import Server
from controlroom.probes.dial import KEPT_FOR
from controlroom.probes.grpc_call import Calls
from controlroom.probes.grpc_health import check
from controlroom.probes.port import Context
from controlroom.probes.prober import Prober
from controlroom.probes.web import Web
from tests import faults
from tests.conftest import Start
from tests.grpc_server import grpc_server


@pytest.fixture
async def context() -> AsyncIterator[Context]:
    """What a probe may use for five seconds."""
    prober = Prober(lambda: datetime.now(UTC), str)
    yield prober.context(5.0)
    prober.close()


@contextmanager
def counted(server: Server) -> Iterator[tuple[str, list[int]]]:
    """The address of a way to `server`, and an entry for every connection that was made on it."""
    made: list[int] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def handle(plug: socket.socket) -> None:
        made.append(len(made))
        with socket.create_connection(("127.0.0.1", server.port)) as there:
            threading.Thread(target=pump, args=(there, plug), daemon=True).start()
            pump(plug, there)

    with faults.scripted(handle) as address:
        yield address, made


def over_http(address: str, context: Context, kept_for: float) -> Callable[[], Awaitable[object]]:
    """Asks a web server."""
    return partial(Web(kept_for).ask, Service("it", "http", url=f"http://{address}/-/ready"), context)


def over_grpc(address: str, context: Context, kept_for: float) -> Callable[[], Awaitable[object]]:
    """Calls a method."""
    service = Service("it", "grpc", url=f"grpc://{address}")
    return partial(Calls("grpc", "grpcs", kept_for=kept_for).ask, service, context, [check("")])


def of_kafka(address: str, context: Context, kept_for: float) -> Callable[[], Awaitable[object]]:
    """Asks a broker for its metadata."""
    from controlroom.probes.kafka import EVERYTHING
    from controlroom.probes.kafka_links import Links

    links = Links(Service("it", "kafka", url=address), kept_for)
    return partial(links.ask, links.where.brokers[0], EVERYTHING, context, 5.0)


def of_postgres(address: str, context: Context, kept_for: float) -> Callable[[], Awaitable[object]]:
    """Asks a database for its facts."""
    from controlroom.probes.postgres import PostgresProbe

    service = Service("it", "postgres", url=f"postgres://postgres@{address}/postgres")
    return partial(PostgresProbe(kept_for), service, context)


def of_redis(address: str, context: Context, kept_for: float) -> Callable[[], Awaitable[object]]:
    """Asks a Redis how it is."""
    from controlroom.probes.redis_address import parse
    from controlroom.probes.redis_links import Case, Links
    from controlroom.probes.redis_node import QUESTION

    case = Case(Service("it", "redis", url=address), parse(address), context)
    return partial(Links(kept_for).ask, QUESTION, case.where.places[0], case, 5.0)


Asking = Callable[[str, Context, float], Callable[[], Awaitable[object]]]

WAYS: Mapping[str, tuple[Callable[[Path], Server], Asking]] = {
    "http": (servers.alertmanager, over_http),
    "grpc": (grpc_server, over_grpc),
    "kafka": (kafka.kafka, of_kafka),
    "redis": (servers.redis, of_redis),
    "postgres": (postgres.postgres, of_postgres),
}


@pytest.mark.parametrize("way", WAYS)
async def test_an_old_connection_is_made_anew(way: str, start: Start, context: Context) -> None:
    """A server that takes no new connections, or has another certificate, is not UP for ever."""
    program, asking = WAYS[way]
    server = start(program)
    for kept_for, connections in ((KEPT_FOR, 1), (0.0, 3)):
        with counted(server) as (address, made):
            ask = asking(address, context, kept_for)
            for _ in range(3):
                await ask()
            assert len(made) == connections
