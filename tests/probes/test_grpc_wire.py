"""HTTP/2 as hostile, broken or merely unusual servers speak it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from contextlib import suppress

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, PingAckReceived, RequestReceived
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.grpc_call import Calls
from controlroom.probes.grpc_health import check
from controlroom.probes.grpc_message import message
from controlroom.probes.grpc_wire import Call, Gone, Wire
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober
from tests import faults
from tests.probes.h2_servers import FINE, GRPC, SERVING, React, framed, http2, serving

HEAD = ((":method", "POST"), (":scheme", "http"), (":authority", "it"), ("te", "trailers"))


KIND = "grpc"


async def ask(prober: Prober, address: str, deadline: float = 2.0) -> ProbeResult:
    """One probe, held to its deadline."""
    started = time.monotonic()
    result = await prober(Service("it", "grpc", url=address), deadline)
    assert time.monotonic() - started < deadline + 1.0
    return result


async def answered(prober: Prober, react: React) -> ProbeResult:
    with faults.scripted(http2(react)) as address:
        return await ask(prober, address)


def whole(connection: H2Connection, stream: int, body: bytes, *trailers: tuple[str, str]) -> None:
    connection.send_headers(stream, GRPC)
    connection.send_data(stream, body)
    connection.send_headers(stream, trailers or FINE, end_stream=True)


def only_headers(*headers: tuple[str, str]) -> React:
    return lambda connection, stream: connection.send_headers(stream, headers, end_stream=True)


@pytest.mark.parametrize(
    ("react", "reason"),
    [
        (only_headers(*GRPC, ("grpc-status", "14"), ("grpc-message", "%41%zz%F0")), "unavailable: A%zz"),
        (only_headers(*GRPC), "answers without a gRPC status"),
        (only_headers(*GRPC, ("grpc-status", "x")), "answers without a gRPC status"),
        (only_headers(*GRPC, ("grpc-status", "99")), "answers code 99"),
        (only_headers(*GRPC, ("grpc-status", "0")), "answers with a broken gRPC message"),
        (only_headers((":status", "200")), "answers HTTP 200 (no content type), which is not gRPC"),
        (
            only_headers((":status", "503"), ("content-type", "text/plain; charset=utf-8")),
            "answers HTTP 503 (text/plain), which is not gRPC",
        ),
        (
            only_headers((":status", "401"), ("content-type", "text/html")),
            "asks for credentials (UNAUTHENTICATED): HTTP 401",
        ),
        (
            only_headers((":status", "403")),
            "refuses: not allowed (PERMISSION_DENIED): HTTP 403",
        ),
        (lambda c, s: whole(c, s, framed(b"\x08\x01", packed=1)), "answers with a packed message"),
        (lambda c, s: whole(c, s, SERVING[:-1]), "answers with a broken gRPC message"),
        (lambda c, s: whole(c, s, SERVING * 2), "answers with a broken gRPC message"),
        (lambda c, s: whole(c, s, framed(b"\x0b")), "answers OK, but not as the health protocol does"),
        (lambda c, s: c.reset_stream(s, ErrorCodes.INTERNAL_ERROR), "breaks its answer off: INTERNAL_ERROR"),
        (lambda c, s: c.reset_stream(s, 4711), "breaks its answer off: code 4711"),
        (lambda c, s: c.close_connection(), "is shutting down (GOAWAY)"),
        (
            lambda c, s: c.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, b"too_many_pings \x1b[31m"),
            "closes the connection: ENHANCE_YOUR_CALM, too_many_pings",
        ),
    ],
)
async def test_answers_that_are_none(prober: Prober, react: React, reason: str) -> None:
    """Whatever stands in the place of an answer has words of its own, and is DOWN."""
    result = await answered(prober, react)
    assert result.health is Health.DOWN
    assert result.reason.startswith(reason)
    assert result.reason.isprintable()


async def test_a_message_in_pieces_is_one(prober: Prober) -> None:
    """A message split over many frames, with padding and a ping between, is read as a whole."""

    def react(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", "100")])
        connection.send_headers(stream, GRPC)
        for byte in SERVING:
            connection.ping(b"12345678")
            connection.send_data(stream, bytes([byte]), pad_length=3)
        connection.send_headers(stream, FINE, end_stream=True)

    assert (await answered(prober, react)).health is Health.UP


async def test_a_stream_that_was_not_taken_is_asked_again(prober: Prober) -> None:
    """REFUSED_STREAM and GOAWAY promise that nothing was done: the same look asks on a new connection."""
    for refuse in (
        lambda connection, stream: connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM),
        lambda connection, stream: connection.close_connection(last_stream_id=0),
    ):
        turns = itertools.count()

        def react(connection: H2Connection, stream: int, refuse: React = refuse) -> None:
            (serving if next(turns) else refuse)(connection, stream)  # noqa: B023 - used at once

        result = await answered(prober, react)
        assert (result.health, next(turns)) == (Health.UP, 2)


async def test_a_farewell_on_the_kept_connection_is_no_failure(prober: Prober) -> None:
    """GOAWAY with whatever follows it, while nobody asks, makes the next look connect anew."""
    connections = itertools.count()

    def handle(plug: socket.socket) -> None:
        next(connections)

        def react(connection: H2Connection, stream: int) -> None:
            serving(connection, stream)
            plug.sendall(connection.data_to_send())
            goaway = bytes(4) + int(ErrorCodes.NO_ERROR).to_bytes(4)
            plug.sendall(b"\0\0\x08\x07\0\0\0\0\0" + goaway + b"\0\0\x08\x06\0\0\0\0\0" + b"12345678")

        http2(react)(plug)

    with faults.scripted(handle) as address:
        service = Service("it", "grpc", url=address)
        for _ in range(5):
            assert (await prober(service, 2.0)).health is Health.UP
            await asyncio.sleep(0.02)
    assert next(connections) == 5


async def test_a_kept_connection_that_dies_of_the_question_is_no_failure(prober: Prober) -> None:
    """A server, or something on the way, that forgot the connection resets it only when it is used."""
    connections = itertools.count()

    def handle(plug: socket.socket) -> None:
        next(connections)
        turns = itertools.count()

        def react(connection: H2Connection, stream: int) -> None:
            if next(turns):
                raise OSError
            serving(connection, stream)

        http2(react)(plug)

    with faults.scripted(handle) as address:
        service = Service("it", "grpc", url=address)
        for _ in range(3):
            assert (await prober(service, 2.0)).health is Health.UP
    assert next(connections) == 3


async def test_a_long_answer_comes_through(prober: Prober) -> None:
    """More than the first window holds: room is given back while it comes."""
    long = framed(b"\x08\x01" + message(15, bytes(300_000)))
    unsent: dict[int, bytearray] = {}

    def go_on(connection: H2Connection, _: object = None) -> None:
        for stream, left in list(unsent.items()):
            while left and (room := min(connection.local_flow_control_window(stream), 16_384)):
                connection.send_data(stream, bytes(left[:room]))
                del left[:room]
            if not left:
                del unsent[stream]
                connection.send_headers(stream, FINE, end_stream=True)

    def react(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, GRPC)
        unsent[stream] = bytearray(long)
        go_on(connection)

    with faults.scripted(http2(react, notice=go_on)) as address:
        assert (await ask(prober, address)).health is Health.UP


async def test_a_batch_keeps_to_what_the_server_takes_at_a_time(prober: Prober) -> None:
    """Where a server takes one stream at a time, the calls follow each other on the one connection."""
    connections = itertools.count()
    speak = http2(serving, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1})

    def handle(plug: socket.socket) -> None:
        next(connections)
        speak(plug)

    calls = Calls("grpc", "grpcs")
    with faults.scripted(handle) as address:
        service = Service("it", "grpc", url=address)
        for count in (1, 5, 20):
            replies = await calls.ask(service, prober.context(2.0), [check("")] * count)
            assert [reply.name for reply in replies] == ["OK"] * count
    calls.close()
    assert next(connections) == 1


async def test_a_ping_is_answered_while_nobody_asks(prober: Prober) -> None:
    """A server that makes sure of its connections between two looks does not lose this one."""
    acknowledged = threading.Event()

    def react(connection: H2Connection, stream: int) -> None:
        serving(connection, stream)
        connection.ping(b"still on")

    def notice(_: H2Connection, event: Event) -> None:
        if isinstance(event, PingAckReceived):
            acknowledged.set()

    with faults.scripted(http2(react, notice=notice)) as address:
        assert (await ask(prober, address)).health is Health.UP
        assert await asyncio.to_thread(acknowledged.wait, 5)


@pytest.mark.parametrize(
    "settings",
    [
        {SettingCodes.MAX_CONCURRENT_STREAMS: 1},
        {SettingCodes.MAX_FRAME_SIZE: 16_384, SettingCodes.HEADER_TABLE_SIZE: 0},
        {0xFE03: 1},
    ],
    ids=["one stream", "no table", "unknown"],
)
async def test_unusual_settings_are_kept_to(prober: Prober, settings: dict[SettingCodes, int]) -> None:
    """What a server sets is respected in every question on the kept connection."""
    with faults.scripted(http2(serving, settings=settings)) as address:
        service = Service("it", "grpc", url=address)
        for _ in range(3):
            assert (await prober(service, 2.0)).health is Health.UP


async def test_a_server_that_opens_no_window_is_waited_for(prober: Prober) -> None:
    """Without room to send, a question waits: till there is room, or till the deadline."""
    turns = itertools.count()

    def react(connection: H2Connection, stream: int) -> None:
        serving(connection, stream)
        connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})

    def notice(connection: H2Connection, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.stream_id and next(turns) == 1:
            connection.increment_flow_control_window(100, event.stream_id)

    with faults.scripted(http2(react, notice=notice)) as address:
        service = Service("it", "grpc", url=address)
        assert (await prober(service, 2.0)).health is Health.UP
        assert (await prober(service, 2.0)).health is Health.UP
        result = await prober(service, 0.3)
        assert (result.health, result.reason) == (Health.DOWN, "connected, but no answer within 0.3 s")


BEGIN = b"\0\0\0\x04\0\0\0\0\0"
ANSWER = b"\0\0\x01\x01\x04\0\0\0\x01\x88"
FRAMES = "answers with more than 5000 frames"


@pytest.mark.parametrize(
    ("head", "block", "reason"),
    [
        (BEGIN, b"\0\0\x08\x06\0\0\0\0\0" + b"12345678", FRAMES),
        (BEGIN, BEGIN, FRAMES),
        (BEGIN, b"\0\0\x04\x08\0\0\0\0\0" + b"\0\0\0\x01", FRAMES),
        (BEGIN, b"\0\0\x04\x03\0\0\0\0\x01" + b"\0\0\0\x08", FRAMES),
        (BEGIN + b"\0\0\x01\x01\0\0\0\0\x01\x88", b"\0\0\x01\x09\0\0\0\0\x01\x88", FRAMES),
        (BEGIN + ANSWER, b"\0\0\0\0\0\0\0\0\x01", FRAMES),
        (BEGIN + ANSWER, b"\0\x40\0\0\0\0\0\0\x01" + bytes(16_384), "answers with broken HTTP/2"),
        (BEGIN, b"\0\x40\0\xee\0\0\0\0\0" + bytes(16_384), "answers with more than 4 MiB"),
        (b"\0", b"\0", "answers, but not HTTP/2"),
    ],
    ids=["pings", "settings", "windows", "resets", "headers", "empty", "data", "unknown", "zeros"],
)
async def test_a_flood_of_frames_is_cut_off(prober: Prober, head: bytes, block: bytes, reason: str) -> None:
    """A server that never stops talking costs neither memory nor more than the deadline."""
    many = block * (1 + 65_536 // len(block))
    with faults.scripted(faults.floods(head, many)) as address:
        result = await ask(prober, address, 0.5)
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_an_answer_a_byte_at_a_time_is_an_answer(prober: Prober) -> None:
    """Frames may come in any pieces, the first nine bytes among them."""

    def handle(plug: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        with suppress(StopIteration):
            while data := plug.recv(65_536):
                connection.receive_data(data)
                if 1 in connection.streams and connection.streams[1].open:
                    whole(connection, 1, SERVING)
                for byte in connection.data_to_send():
                    plug.sendall(bytes([byte]))

    with faults.scripted(handle) as address:
        assert (await ask(prober, address)).health is Health.UP


def conversation() -> bytes:
    """What a server that is well says to the first question."""
    client, server = H2Connection(), H2Connection(H2Configuration(client_side=False))
    client.initiate_connection()
    server.initiate_connection()
    client.send_headers(1, [*HEAD[:3], (":path", "/it/Is")], end_stream=True)
    server.receive_data(client.data_to_send())
    whole(server, 1, SERVING)
    return server.data_to_send()


SAID = conversation()


def hear(data: bytes, cuts: list[int]) -> object:
    """What a question comes to when `data` is all that is ever said, cut where `cuts` say."""

    async def talk() -> object:
        wire = Wire("it", "grpcs")
        answer = wire.ask([Call("/it/Is")], HEAD)
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for start, end in itertools.pairwise(edges):
            wire.data_received(data[start:end])
        wire.connection_lost(None)
        return (await asyncio.gather(answer, return_exceptions=True))[0]

    return asyncio.run(talk())


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    """The same answer in any pieces is the same answer."""
    assert hear(SAID, cuts) == hear(SAID, [])
    assert isinstance(hear(SAID, cuts), list)


@given(
    st.lists(st.tuples(st.integers(0, len(SAID) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    st.lists(st.integers(0, 10_000), max_size=3),
)
def test_a_damaged_answer_is_a_trouble_or_an_answer(changes: list[tuple[int, int]], cuts: list[int]) -> None:
    """Any byte may be another: nothing but the two known failures comes of it."""
    said = bytearray(SAID)
    for place, byte in changes:
        said[place] = byte
    assert isinstance(hear(bytes(said), cuts), (list, Trouble, Gone))


@given(st.binary(max_size=300), st.booleans())
def test_noise_is_a_trouble(noise: bytes, begun: bool) -> None:
    """Any bytes, after a proper beginning or without one, end in one of the two known failures."""
    assert isinstance(hear(BEGIN + noise if begun else noise, []), (Trouble, Gone))
