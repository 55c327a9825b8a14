"""Servers start on ports of their own, answer before they are handed over, and never outlive us."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from controlroom.lab import servers
from controlroom.lab.ports import reserved
from tests.conftest import Start

HOLD = """
import signal, sys
from pathlib import Path
from controlroom.lab import servers
server = servers.redis(Path(sys.argv[1]))
print(server.process.pid, flush=True)
signal.pause()
"""


def ping(server: servers.Server) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64)


def test_a_started_server_answers_in_its_own_protocol(start: Start) -> None:
    """What `launch` returns has already answered; its port is not the default one."""
    server = start(servers.redis)
    assert ping(server) == b"+PONG\r\n"
    assert server.port != 6379


def test_a_killed_server_comes_back_on_the_same_port(start: Start) -> None:
    """`restart` after `kill` gives the same address, ready again."""
    server = start(servers.redis)
    port = server.port
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        ping(server)
    server.restart()
    assert (ping(server), server.port) == (b"+PONG\r\n", port)


def test_servers_die_with_a_parent_that_was_killed(start: Start, tmp_path: Path) -> None:
    """After kill -9 of the process that started it, a server is gone."""
    start(servers.redis)  # skips where there is none
    parent = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    watched = os.pidfd_open(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    ended, _, _ = select.select([watched], [], [], 10)
    os.close(watched)
    assert ended


def test_a_missing_program_is_named_with_the_line_that_installs_it() -> None:
    """NotInstalled carries the program and one command."""
    with pytest.raises(servers.NotInstalled, match="no-such-server is not installed: sudo apt-get install"):
        servers.find("no-such-server")


def test_a_server_that_does_not_start_says_why(start: Start, tmp_path: Path) -> None:
    """The error of a server that ends at once holds the tail of its own log."""
    start(servers.redis)
    with pytest.raises(servers.NotReady, match="Bad directive"):
        servers.redis(tmp_path, "--no-such-option", "1")


def test_reserved_ports_are_never_given_twice() -> None:
    """Two hundred reservations at once from several threads are all different."""
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        held = [reserved() for _ in range(200)]
        ports = list(pool.map(stack.enter_context, held))
    assert len(set(ports)) == 200
