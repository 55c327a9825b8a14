"""Temporal in the lab: a server of its own, and the script that brings its program."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from controlroom.lab.servers import NotInstalled, http_ok
from controlroom.lab.temporal import REMEDY, VERSION, create_namespace, program, temporal
from tests.conftest import Start
from tests.lab.scripts import script, tools

PORTS = {7233, 8233, 7243, 8080, 9090}
"""What Temporal's own servers listen on by default."""


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports a process listens on."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = str(link.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table, width in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                shown = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if width == 8 else address
                found.add((shown, int(port, 16)))
    return found


def test_it_is_all_on_loopback_and_on_no_default_port(start: Start) -> None:
    """The frontend, its web API, its metrics and what it says to itself: nothing is open to others."""
    server = start(temporal)
    open_at = listening(server.process.pid)
    assert {address for address, _ in open_at} == {"127.0.0.1"}
    assert server.port in {port for _, port in open_at}
    assert not {port for _, port in open_at} & PORTS


def test_two_of_them_run_side_by_side(start: Start) -> None:
    """Each has ports and a store of its own: a namespace of the one is not the other's."""
    one, other = start(temporal), start(temporal)
    create_namespace(one, "orders")
    create_namespace(other, "orders")
    with pytest.raises(subprocess.CalledProcessError):
        create_namespace(one, "orders")


def test_a_restart_keeps_its_ports_and_what_it_knows(start: Start) -> None:
    """Killed and started anew, it is ready on the same ports with the same namespaces."""
    server = start(temporal)
    create_namespace(server, "orders")
    web = int(server.command[list(server.command).index("--http-port") + 1])
    server.restart()
    assert http_ok("/api/v1/namespaces/orders")(web)


def test_it_leaves_the_home_of_its_user_alone(start: Start) -> None:
    """Everything it writes lies in its own folder."""
    places = [Path.home() / ".config" / name for name in ("temporalio", "temporal")]
    before = [place.exists() for place in places]
    server = start(temporal)
    create_namespace(server, "orders")
    assert [place.exists() for place in places] == before
    assert (server.folder / "temporal.db").exists()


@pytest.mark.parametrize(
    ("go", "words"),
    [("", "install Go 1.25 or newer"), ("echo go1.24.9", "it needs Go 1.25 or newer, and this is go1.24.9")],
)
def test_what_cannot_be_built_is_said_and_fails_nobody(tmp_path: Path, go: str, words: str) -> None:
    """Without Go, or with one too old, the script says what to do, and fails only where all must be there."""
    path = tools(tmp_path / "bin", go)
    done = script("temporal", tmp_path / "cache", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert words in done.stderr
    assert not (tmp_path / "cache").exists()
    strict = script("temporal", tmp_path / "cache", path, CONTROLROOM_REQUIRE_SERVERS="1")
    assert (strict.returncode, strict.stderr) == (1, done.stderr)


def test_a_build_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    """The cache holds a whole program or none; the reason of the build is shown."""
    path = tools(tmp_path / "bin", "echo go1.25.0")
    (tmp_path / "bin" / "go").write_text(
        '#!/bin/sh\n[ "$1" = env ] && echo go1.26.1 && exit\necho no way to the proxy >&2\nexit 1\n',
        encoding="utf-8",
    )
    done = script("temporal", tmp_path / "cache", path)
    assert done.returncode == 0
    assert "no way to the proxy" in done.stderr
    assert "sh scripts/fetch-temporal.sh" in done.stderr
    assert list((tmp_path / "cache").rglob("*new*")) == []
    assert list((tmp_path / "cache").rglob("temporal")) == []


def test_a_program_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    """A second run does nothing, and needs nothing."""
    cache = tmp_path / "cache"
    there = cache / f"temporal-{VERSION}" / "temporal"
    there.parent.mkdir(parents=True)
    there.write_text("#!/bin/sh\n", encoding="utf-8")
    there.chmod(0o755)
    done = script("temporal", cache, tools(tmp_path / "bin"), CONTROLROOM_REQUIRE_SERVERS="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_missing_program_is_named_with_the_line_that_brings_it(tmp_path: Path) -> None:
    """The lab looks where the script puts it, and names the script."""
    with pytest.raises(NotInstalled, match=f"temporal is not installed: {REMEDY}"):
        program({"CONTROLROOM_SERVERS": str(tmp_path)})
