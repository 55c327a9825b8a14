"""HTTP/2 servers that answer as a script says: for faults that no real gRPC server can be asked for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from tests import faults

React = Callable[[H2Connection, int], None]
"""Answers the question that has come whole on a stream."""

GRPC = ((":status", "200"), ("content-type", "application/grpc"))
FINE = (("grpc-status", "0"),)


def framed(message: bytes, packed: int = 0) -> bytes:
    """A message as gRPC frames it."""
    return bytes([packed]) + len(message).to_bytes(4) + message


SERVING = framed(b"\x08\x01")


def serving(connection: H2Connection, stream: int) -> None:
    """The answer of a server that is well."""
    connection.send_headers(stream, GRPC)
    connection.send_data(stream, SERVING)
    connection.send_headers(stream, FINE, end_stream=True)


def http2(
    react: React,
    *,
    settings: Mapping[SettingCodes, int] | None = None,
    notice: Callable[[H2Connection, Event], None] = lambda connection, event: None,
) -> faults.Handler:
    """Speaks HTTP/2 with `settings`, shows every event to `notice`, and lets `react` answer."""

    def handle(plug: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False, validate_outbound_headers=False))
        connection.local_settings = Settings(client=False, initial_values=dict(settings or {}))
        connection.initiate_connection()
        plug.sendall(connection.data_to_send())
        while data := plug.recv(65_536):
            try:
                events = connection.receive_data(data)
            except ProtocolError:
                return
            for event in events:
                notice(connection, event)
                if isinstance(event, DataReceived) and event.stream_id and event.flow_controlled_length:
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded) and event.stream_id:
                    react(connection, event.stream_id)
            plug.sendall(connection.data_to_send())

    return handle


def by_method(answers: Mapping[str, bytes | None]) -> faults.Handler:
    """Answers each method with its message, or not at all; those it does not know with UNIMPLEMENTED."""
    paths: dict[tuple[int, int], str] = {}

    def notice(connection: H2Connection, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.stream_id and event.headers:
            path = dict(event.headers)[b":path"].decode()
            paths[id(connection), event.stream_id] = path.rpartition("/")[2]

    def react(connection: H2Connection, stream: int) -> None:
        method = paths[id(connection), stream]
        message = answers.get(method)
        if method in answers and message is None:
            return
        connection.send_headers(stream, GRPC)
        if message is not None:
            connection.send_data(stream, framed(message))
        connection.send_headers(stream, [("grpc-status", "12" if message is None else "0")], end_stream=True)

    return http2(react, notice=notice)
