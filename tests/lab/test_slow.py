"""Servers that are started side by side: each outcome is told, and none is waited for in vain."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from controlroom.lab import servers
from controlroom.lab.servers import NotInstalled, Server
from controlroom.lab.slow import Slow
from tests.conftest import Start


@pytest.mark.parametrize("problem", [NotInstalled("nothing"), ZeroDivisionError("a mistake")])
def test_what_keeps_a_server_from_starting_is_an_outcome(problem: Exception) -> None:
    """Whatever is raised in the thread, whoever waits goes on and gets it."""

    def make() -> Server:
        raise problem

    with ExitStack() as stack:
        with Slow(stack) as slow:
            slow.start("it", make)
        assert slow.outcomes == {"it": problem}


def test_a_server_lives_until_the_stack_ends(tmp_path: Path, start: Start) -> None:
    """The thread that started it stays as long, or the kernel would end the child with it."""
    start(servers.redis)  # skips where there is none
    with ExitStack() as stack:
        with Slow(stack) as slow:
            slow.start("it", lambda: servers.redis(tmp_path / "it"))
        server = slow.outcomes["it"]
        assert isinstance(server, Server)
        assert server.process.poll() is None
        assert server.ready(server.port)
    assert server.process.poll() is not None
