"""Kafka is fetched once, starts on ports of its own, and is missed with the line that fetches it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.lab import kafka
from controlroom.lab.fetched import fetched
from tests.conftest import Start

ROOT = Path(__file__).parents[2]
FETCH = ROOT / "scripts" / "fetch-kafka.sh"
JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed: make servers")
TOOLS = ("sh", "dirname", "sed", "head", "java", "mkdir", "mktemp", "chmod", "rm", "mv", "tail", "id")


def fetch(tmp_path: Path, *tools: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The script's own run, with nothing but `tools` to call."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in tools:
        if (path := shutil.which(tool)) is not None:
            (programs / tool).symlink_to(path)
    servers = {"CONTROLROOM_SERVERS": str(tmp_path / "servers"), "PATH": str(programs)}
    return subprocess.run(
        [shutil.which("sh") or "sh", str(FETCH)],
        env={**servers, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_broker_starts_and_comes_back(start: Start) -> None:
    """It lists itself as alive before it is handed over, and again after it was killed."""
    server = start(kafka.kafka)
    assert server.port != 9092
    assert kafka.alive(server.port) == 1
    server.kill()
    assert kafka.alive(server.port) == 0
    server.restart()
    assert kafka.alive(server.port) == 1


def test_what_is_fetched_lies_in_the_users_cache(tmp_path: Path) -> None:
    """A folder of one's own choice first, then the cache folder, then that of the home folder."""
    home = {"HOME": str(tmp_path)}
    assert fetched("x-1", home) == tmp_path / ".cache" / "controlroom" / "servers" / "x-1"
    assert fetched("x-1", {**home, "XDG_CACHE_HOME": "/c"}) == Path("/c/controlroom/servers/x-1")
    chosen = {**home, "XDG_CACHE_HOME": "/c", "CONTROLROOM_SERVERS": "/s"}
    assert fetched("x-1", chosen) == Path("/s/x-1")


def test_a_missing_kafka_is_named_with_the_line_that_fetches_it(tmp_path: Path) -> None:
    """Nothing is started, nothing is fetched unasked."""
    code = "import pathlib, sys\nfrom controlroom.lab import kafka\nkafka.kafka(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "server")],
        env={**os.environ, "CONTROLROOM_SERVERS": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "NotInstalled: kafka is not installed: make servers" in done.stderr


def test_the_script_fetches_what_the_lab_starts() -> None:
    """One version, in both places."""
    pom = (ROOT / "scripts" / "kafka-server" / "pom.xml").read_text(encoding="utf-8")
    found = re.search(r"kafka_2\.13</artifactId>\s*<version>(.*)</version>", pom)
    assert found is not None
    assert found[1] == kafka.VERSION


@JAVA
def test_a_second_fetch_does_nothing(tmp_path: Path) -> None:
    """What is there needs neither Maven nor a network."""
    (tmp_path / "servers" / f"kafka-{kafka.VERSION}").mkdir(parents=True)
    done = fetch(tmp_path, *TOOLS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_missing_is_said_and_fails_nobody(tmp_path: Path) -> None:
    """Without Java and Maven one line says so; where everything must be there, it fails."""
    for required, code in (("0", 0), ("1", 1)):
        (tmp_path / required).mkdir()
        tools = [tool for tool in TOOLS if tool != "java"]
        done = fetch(tmp_path / required, *tools, CONTROLROOM_REQUIRE_SERVERS=required)
        assert done.returncode == code
        assert "maven" in done.stderr
        assert not list((tmp_path / required).glob("servers/*"))


@JAVA
def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """No half of a server is ever seen in its place."""
    broken = tmp_path / "tools"
    broken.mkdir()
    (broken / "mvn").write_text("#!/bin/sh\necho 'no way to it'\nexit 1\n", encoding="utf-8")
    (broken / "mvn").chmod(0o755)
    done = fetch(tmp_path, *TOOLS, PATH=f"{tmp_path / 'bin'}{os.pathsep}{broken}")
    assert done.returncode == 0
    assert "no way to it" in done.stderr
    assert "could not be fetched" in done.stderr
    assert list((tmp_path / "servers").iterdir()) == []
