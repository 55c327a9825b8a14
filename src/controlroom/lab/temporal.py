"""A whole Temporal on this machine: the development server of its command line program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from controlroom.lab.fetched import fetched
from controlroom.lab.ports import reserved
from controlroom.lab.servers import NotInstalled, Server, http_ok, launch

VERSION = "1.5.1"
"""Of the command line program; the server in it has another."""

REMEDY = "make servers"
"""Builds it, with Go."""

NAMESPACE = "default"
"""The namespace that is always there."""


def program(environ: Mapping[str, str] = os.environ) -> Path:
    """Temporal's command line program. Raises NotInstalled."""
    path = fetched(f"temporal-{VERSION}", environ) / "temporal"
    if not os.access(path, os.X_OK):
        raise NotInstalled("temporal", REMEDY)
    return path


def temporal(folder: Path, *extra: str) -> Server:
    """A Temporal that keeps what it knows in `folder`; ready when it finds its default namespace.

    `extra` are arguments of ``temporal server start-dev``. Raises NotInstalled, or NotReady.
    """
    path = str(program())
    with ExitStack() as held:
        web, metrics = held.enter_context(reserved()), held.enter_context(reserved())

        def arguments(port: int, where: Path) -> Sequence[str]:
            return [
                *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
                *("--http-port", str(web), "--metrics-port", str(metrics)),
                # Without a file of its own it would keep its identity in the user's home.
                *("--db-filename", str(where / "temporal.db"), "--sqlite-pragma", "synchronous=0"),
                *("--dynamic-config-value", "frontend.enableServerVersionCheck=false"),
                *_alone(where),
                *extra,
            ]

        found = http_ok(f"/api/v1/namespaces/{NAMESPACE}")
        server = launch("temporal", path, arguments, lambda _: found(web), folder)
        server._stack.push(held.pop_all())  # it must find them free when it is started anew
    return server


def create_namespace(server: Server, name: str) -> None:
    """Make a namespace, as an operator would. Raises CalledProcessError."""
    command = [str(program()), "operator", "namespace", "create", "--namespace", name]
    subprocess.run(
        [*command, "--address", server.address, *_alone(server.folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=30,
    )


def _alone(folder: Path) -> Sequence[str]:
    """Arguments that keep it from the settings of whoever runs it."""
    return [
        *("--disable-config-file", "--disable-config-env", "--env-file", str(folder / "env.yaml")),
        *("--color", "never", "--log-level", "error"),
    ]
