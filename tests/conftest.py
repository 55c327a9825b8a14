"""Fixtures every test may use: real servers of its own, and a folder that removes itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controlroom.lab import servers

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a real server for this test; it is stopped when the test ends, last one first.

    A missing program skips the test with the line that installs it, or fails it where
    CONTROLROOM_REQUIRE_SERVERS=1 says that everything must be there.
    """
    with ExitStack() as stack:
        number = iter(range(1000))

        def go(make: Callable[[Path], servers.Server]) -> servers.Server:
            try:
                server = make(tmp_path / f"server-{next(number)}")
            except servers.NotInstalled as missing:
                if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
                    pytest.fail(str(missing))
                pytest.skip(str(missing))
            stack.callback(server.stop)
            return server

        yield go
