"""What is scraped is scraped by two: by the Prometheus of the system's package and by a newer one."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlroom.lab import prometheus as newer
from controlroom.lab import servers
from tests.sources.looking import Prometheus


@pytest.fixture(params=["packaged", "newer"])
def prometheus(request: pytest.FixtureRequest) -> Prometheus:
    """Makes a Prometheus, as `servers.prometheus` does: once the package's, a 2 on Debian 12, and once a 3.

    It raises NotInstalled when it is called, which `start` turns into a skip or a failure.
    """
    if request.param == "packaged":
        return servers.prometheus

    def make(folder: Path, config: str, *extra: str, name: str = "prometheus") -> servers.Server:
        program = str(newer.program())
        return servers.prometheus(folder, config, *extra, name=name, program=program)

    return make
