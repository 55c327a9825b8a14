"""Commands without a screen against the import they must not be much slower than."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.room import Figure, configuration, ratio
from benchmarks.terminal import median

FLOOR = (sys.executable, "-c", "import pydantic")


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run."""
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


def run(*, quick: bool = False) -> list[Figure]:
    """`calendar` and `config check` on a configuration that was validated before."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        path = configuration(Path(name), [])
        room = (sys.executable, "-m", "controlroom", "--config", str(path))
        for arguments in (("calendar", "today"), ("config", "check")):
            command = (*room, *arguments)
            seconds(command)
            pairs = [(seconds(FLOOR), seconds(command)) for _ in range(5 if quick else 15)]
            floor, value = median([a for a, _ in pairs]) * 1e3, median([b for _, b in pairs]) * 1e3
            figures.append(ratio(f"controlroom {' '.join(arguments)}", floor, value, "ms", 1.5))
    return figures
