"""Real faults at single system calls: strace, attached to a process that the test started."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlroom.lab import servers

LET_ANYBODY_TRACE = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, -1, 0, 0, 0)"
"""Python that a process runs so that a sibling may trace it where the kernel asks for that (Yama)."""

_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*?)(?:\) += (?P<result>.*)|<unfinished .*)")


@dataclass(frozen=True)
class Call:
    """One system call: descriptors in `arguments` carry their paths. `nth` of its name, from 1."""

    name: str
    arguments: str
    nth: int


@contextmanager
def strace(pid: int, output: Path, *options: str) -> Iterator[None]:
    """Trace the process `pid` from now on until it ends; the calls are in `output` afterwards.

    `options` say what to trace and what to inject. Skips the test where tracing is not possible.
    """
    try:
        program = servers.find("strace")
    except servers.NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    command = [program, "-y", "-s", "200", "-o", str(output), "-p", str(pid), *options]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        first = tracer.stderr.readline()
        if "attached" not in first:
            pytest.skip(f"system calls cannot be traced here: {first.strip()}")
        yield
        tracer.wait(30)
    finally:
        tracer.kill()
        tracer.wait()
        tracer.stderr.close()


def calls(output: Path) -> Sequence[Call]:
    """What `strace` wrote, in order."""
    found: list[Call] = []
    seen: dict[str, int] = {}
    for line in output.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _CALL.match(line):
            name = match["name"]
            seen[name] = seen.get(name, 0) + 1
            found.append(Call(name, match["arguments"], seen[name]))
    return found
