"""A real gRPC server in a process of its own, made with grpcio and its health service.

``python tests/grpc_server.py PORT`` serves on loopback until SIGTERM, which stops it gracefully: whoever is
connected is told to go away (GOAWAY). `grpc_server` starts it for a test.
"""

from __future__ import annotations

import argparse
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from controlroom.lab.servers import Server, launch

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
"""How a client begins (RFC 9113, 3.4), with SETTINGS that set nothing."""


def grpc_server(folder: Path, *options: str) -> Server:
    """The server of this module, with `options` of its command line; ready when it speaks HTTP/2."""
    return launch(
        "grpc",
        sys.executable,
        lambda port, _: [str(Path(__file__).resolve()), str(port), *options],
        speaks(tls="--tls" in options),
        folder,
    )


@contextmanager
def crowded(folder: Path) -> Iterator[Server]:
    """A server that takes one call at a time, and is busy with one that does not end."""
    server = grpc_server(folder, "--calls", "1")
    with grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        next(watch)
        yield server


def speaks(*, tls: bool = False) -> Callable[[int], bool]:
    """Ready when it answers HTTP/2's SETTINGS with its own; behind TLS when that is agreed on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])

    def ready(port: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as plug:
            if tls:
                return context.wrap_socket(plug).selected_alpn_protocol() == "h2"
            plug.sendall(PREFACE)
            return plug.recv(9)[3:4] == b"\x04"
        return False

    return ready


class Wants(grpc.ServerInterceptor):  # type: ignore[misc]
    """Lets nobody pass who does not show the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def intercept_service(self, continuation: Callable[..., object], details: object) -> object:
        """grpcio: a call came."""
        shown = dict(details.invocation_metadata).get("authorization")  # type: ignore[attr-defined]
        if shown == f"Bearer {self._token}":
            return continuation(details)
        words = f"who is {shown}?" if shown else "who is it?"
        return failing(grpc.StatusCode.UNAUTHENTICATED, words)


class Fails(grpc.ServerInterceptor):  # type: ignore[misc]
    """Answers everything with one status."""

    def __init__(self, code: str, words: str) -> None:
        self._code, self._words = grpc.StatusCode[code], words

    def intercept_service(self, _: Callable[..., object], __: object) -> object:
        """grpcio: a call came."""
        return failing(self._code, self._words)


def failing(code: grpc.StatusCode, words: str) -> object:
    """A method that ends with `code` and `words`."""

    def refuse(_: object, context: grpc.ServicerContext) -> None:
        context.abort(code, words)

    return grpc.unary_unary_rpc_method_handler(refuse)


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--client-ca", help="only clients with a certificate of this authority")
    parser.add_argument("--state", default="SERVING", help="of the server as a whole")
    parser.add_argument("--service", nargs=2, action="append", default=[], metavar=("NAME", "STATE"))
    parser.add_argument("--no-health", action="store_true", help="without the health service")
    parser.add_argument("--token", help="only clients that show it")
    parser.add_argument("--fails", nargs=2, metavar=("CODE", "WORDS"), help="answer everything with this")
    parser.add_argument("--calls", type=int, help="calls at a time; more are refused")
    parser.add_argument("--age", type=int, help="milliseconds after which a connection is sent away")
    asked = parser.parse_args()

    interceptors = [Wants(asked.token)] if asked.token else []
    interceptors += [Fails(*asked.fails)] if asked.fails else []
    options = [("grpc.so_reuseport", 0)]
    if asked.age is not None:
        options += [("grpc.max_connection_age_ms", asked.age), ("grpc.max_connection_age_grace_ms", 1000)]
    server = grpc.server(
        futures.ThreadPoolExecutor(8),
        interceptors=interceptors,
        options=options,
        maximum_concurrent_rpcs=asked.calls,
    )
    if not asked.no_health:
        states = health_pb2.HealthCheckResponse
        servicer = health.HealthServicer(experimental_non_blocking=False)
        for name, state in [("", asked.state), *asked.service]:
            servicer.set(name, states.ServingStatus.Value(state))
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = f"127.0.0.1:{asked.port}"
    if asked.tls:
        certificate, key = (Path(name).read_bytes() for name in asked.tls)
        known = Path(asked.client_ca).read_bytes() if asked.client_ca else None
        keys = grpc.ssl_server_credentials([(key, certificate)], known, require_client_auth=known is not None)
        server.add_secure_port(address, keys)
    else:
        server.add_insecure_port(address)
    leave = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leave.set())
    server.start()
    while not leave.wait(0.1):
        pass
    server.stop(0.2).wait()


if __name__ == "__main__":
    main()
