"""Real faults on real sockets: what services, networks and strangers do to a client.

Each is a context manager that gives an address ``127.0.0.1:port`` and takes everything down again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[socket.socket], None]
"""Serves one connection; runs in a thread of its own."""


def _address(plug: socket.socket) -> str:
    return f"127.0.0.1:{plug.getsockname()[1]}"


@contextlib.contextmanager
def refused() -> Iterator[str]:
    """A port that is bound, so that nobody else gets it, and does not listen."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        yield _address(plug)


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A port whose queue is full: connecting takes for ever."""
    with socket.socket() as plug, contextlib.ExitStack() as stack:
        plug.bind(("127.0.0.1", 0))
        plug.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(plug.getsockname())
        time.sleep(0.05)  # the fillers' handshakes, which give no event to wait for
        yield _address(plug)


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A port where connections succeed and nothing is ever said."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        plug.listen(128)
        yield _address(plug)


@contextlib.contextmanager
def scripted(handler: Handler) -> Iterator[str]:
    """A server that hands every connection to `handler`."""
    open_plugs: set[socket.socket] = set()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)

        def serve(plug: socket.socket) -> None:
            with contextlib.suppress(OSError, ValueError), plug:
                handler(plug)
            open_plugs.discard(plug)

        def accept() -> None:
            while True:
                try:
                    plug, _ = listener.accept()
                except OSError:
                    return
                open_plugs.add(plug)
                threading.Thread(target=serve, args=(plug,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield _address(listener)
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for plug in list(open_plugs):
                with contextlib.suppress(OSError):
                    plug.shutdown(socket.SHUT_RDWR)
            thread.join(2)


def says(data: bytes, *, keep: bool = False) -> Handler:
    """Waits for a request, says `data`, and hangs up, or waits for the next request with `keep`."""

    def handle(plug: socket.socket) -> None:
        while plug.recv(65_536):
            plug.sendall(data)
            if not keep:
                return

    return handle


def greets(data: bytes) -> Handler:
    """Says `data` before anybody asks, then listens."""

    def handle(plug: socket.socket) -> None:
        plug.sendall(data)
        while plug.recv(65_536):
            pass

    return handle


def drips(data: bytes, every: float = 0.05) -> Handler:
    """Sends `data` a byte at a time, over and over: no single wait is ever long."""

    def handle(plug: socket.socket) -> None:
        plug.recv(65_536)
        while True:
            for byte in data:
                plug.sendall(bytes([byte]))
                time.sleep(every)

    return handle


def floods(head: bytes, block: bytes = b"x" * 65_536) -> Handler:
    """Says `head` and then `block` for ever."""

    def handle(plug: socket.socket) -> None:
        plug.recv(65_536)
        plug.sendall(head)
        while True:
            plug.sendall(block)

    return handle


def resets(plug: socket.socket) -> None:
    """Waits for a request and answers with a TCP reset."""
    plug.recv(65_536)
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(plug: socket.socket) -> None:
    """Waits for a request and hangs up politely."""
    plug.recv(65_536)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP answer, its length included."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def gzip_bomb(size: int = 64 * 1024 * 1024) -> bytes:
    """An HTTP answer of some kilobytes that unpacks to `size` bytes."""
    return http(gzip.compress(b"\0" * size), "200 OK", "Content-Encoding: gzip")


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own; `path` is its certificate, as `ca` wants it."""

    folder: Path
    path: Path
    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate

    def server(self, host: str = "127.0.0.1", *, expired: bool = False) -> tuple[Path, Path]:
        """Certificate and key files for `host`, a name or an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        end = now - dt.timedelta(days=1) if expired else now + dt.timedelta(days=1)
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(host))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        stem = f"{host}-expired" if expired else host
        paths = self.folder / f"{stem}.crt", self.folder / f"{stem}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(folder: Path) -> Authority:
    """A new certificate authority, its files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = _name("Test Authority")

    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "ca.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(folder, path, key, certificate)


def over_tls(files: tuple[Path, Path], handler: Handler, *, before: Handler | None = None) -> Handler:
    """`handler` behind TLS with certificate and key `files`; `before` speaks first, in plain text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    def handle(plug: socket.socket) -> None:
        if before is not None:
            before(plug)
        with context.wrap_socket(plug, server_side=True) as wrapped:
            handler(wrapped)

    return handle
