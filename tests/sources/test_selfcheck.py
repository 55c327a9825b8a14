"""The machine's look at itself, with real routes, real sockets and a real network namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.domain.selfcheck import Check
from controlroom.domain.snapshot import Observation, SelfSeen
from controlroom.lab import servers
from controlroom.probes.prober import Prober
from controlroom.sources.selfcheck import SelfCheckSource, default_route
from tests import faults
from tests.conftest import Start

Now = Callable[[], datetime]


def utc() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


async def look(*, clock: Now = utc, times: int = 1, **keys: object) -> dict[str, Check]:
    """The checks of the last of some looks, by name."""
    source = SelfCheckSource(Prober(clock, lambda ref: ""), clock, timeout=0.5, **keys)  # type: ignore[arg-type]
    seen: list[Observation] = []
    try:
        for _ in range(times):
            await source.poll(seen.append)
    finally:
        await source.close()
    assert isinstance(seen[-1].payload, SelfSeen)
    return {check.name: check for check in seen[-1].payload.checks}


@pytest.mark.parametrize("scheme", ["", "http://"])
async def test_a_target_that_answers_or_refuses_shows_that_the_way_works(start: Start, scheme: str) -> None:
    """Any sign of life of one target is enough, whatever the others do."""
    server = start(servers.node_exporter)
    with faults.black_hole() as hole, faults.refused() as refused:
        assert (await look(targets=[hole, scheme + server.address]))["reference"].ok is True
        assert (await look(targets=[hole, refused]))["reference"].ok is True
        dead = (await look(targets=[scheme + hole]))["reference"]
    assert (dead.ok, dead.text) == (False, f"{scheme}{hole}: no connection within 0.5 s")


async def test_without_targets_and_names_nothing_is_claimed() -> None:
    """What was not asked is neither fine nor failing, and says how to ask."""
    found = await look()
    assert found["reference"].ok is None
    assert "[self_check] targets" in found["reference"].text
    assert found["dns"].ok is None


async def test_a_name_that_does_not_exist_was_denied_by_a_name_server() -> None:
    """One of the names is found: names can be looked up."""
    assert (await look(names=["no-such.invalid", "localhost"]))["dns"].ok is True


async def test_the_clock_is_held_against_the_targets(start: Start) -> None:
    """A web server's Date says that this clock runs an hour ahead."""
    server = start(servers.node_exporter)
    found = (await look(clock=lambda: utc() + timedelta(hours=1), targets=[server.url]))["clock"]
    assert found.ok is False
    assert found.text.startswith("the clock is ")
    assert found.text.endswith(f"ahead of {server.url}")
    assert (await look(targets=[server.url]))["clock"] == Check("clock", True, f"agrees with {server.url}")


async def test_a_machine_that_slept_notices() -> None:
    """The wall clock ran on while the steady one stood still."""
    start, later = utc(), utc() + timedelta(hours=3, seconds=30)
    times = iter([start, start, later, later])
    found = (await look(clock=lambda: next(times), times=2))["clock"]
    assert (found.ok, found.text) == (False, "the clock jumped forward by 3h 00m")


def test_the_default_route_of_this_machine_is_read() -> None:
    """As the system's own tool has it."""
    shown = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=False)
    if shown.returncode or not shown.stdout:
        pytest.skip("this machine has no default route, or no ip command")
    assert f"dev {default_route()}" in shown.stdout


def test_a_system_without_such_files_is_not_judged(tmp_path: Path) -> None:
    """Elsewhere routes are told in other ways."""
    assert default_route(tmp_path) is None


ALONE = """
import asyncio, json, sys
from tests.sources.test_selfcheck import look
found = asyncio.run(look(names=["controlroom.example"], targets=["192.0.2.1:443"]))
print(json.dumps({name: [check.ok, check.text] for name, check in found.items()}))
"""


def test_a_machine_cut_off_knows_that_it_is_itself() -> None:
    """In a network namespace without an interface: no route, no name server, no target."""
    command = ["unshare", "-n" if os.getuid() == 0 else "-rn", sys.executable, "-c", ALONE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("network namespaces are not allowed here")
    found = json.loads(done.stdout)
    assert found["route"] == [False, "no default route"]
    assert found["dns"][0] is False
    assert found["dns"][1].startswith("no name server answers")
    assert found["reference"] == [False, "192.0.2.1:443: network unreachable"]
