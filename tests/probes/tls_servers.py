"""A real TLS server for the tests: OpenSSL's own."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

from controlroom.lab.servers import Server, launch
from tests import faults


def openssl(folder: Path, files: tuple[Path, Path] | None = None, *extra: str) -> Server:
    """`openssl s_server` with certificate and key `files`; else with one of an unknown CA, good for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = files or faults.authority(folder / "ca").server()
    return launch(
        "openssl",
        "openssl",
        lambda port, _: [
            *("s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet"),
            *("-cert", str(certificate), "-key", str(key)),
            *extra,
        ],
        _greets,
        folder,
    )


def _greets(port: int) -> bool:
    """It answers a greeting, be it with a refusal: the versions it speaks may not be ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as plug:
        try:
            context.wrap_socket(plug).close()
        except ssl.SSLError:
            return True
        return True
    return False
