"""Processes that want to lead, and what they did: real ones, to be killed, stopped and cut off.

Run as ``python -m tests.stores.leading URL NAME SECONDS PATH``: takes the lease when it can and renews it;
while it leads it acts all the time, and every act is a line ``<monotonic seconds> <term> <name>`` in PATH.
Monotonic seconds are the machine's, hence the same for all processes.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from controlroom.stores.elapsed import elapsed
from controlroom.stores.lease import Held, open_lease
from controlroom.stores.logs import Settings
from controlroom.stores.port import Unavailable

PART = 4
"""The lease is asked for so many times while it lasts."""


class Act(NamedTuple):
    """Something done in a leader's name."""

    at: float
    term: int
    by: str


def main(url: str, name: str, seconds: float, path: str) -> None:
    """Lead whenever it can be, until killed."""
    lease = open_lease(url, Settings(), seconds)
    held: Held | None = None
    asked = 0.0
    with open(path, "ab", buffering=0) as acts:  # noqa: PTH123 - each line is one write
        while True:
            if time.monotonic() - asked > seconds / PART:
                asked = time.monotonic()
                with contextlib.suppress(Unavailable):
                    held = lease.renew(held) if held is not None else lease.take(name)
            while held is not None and time.monotonic() - asked <= seconds / PART:
                at = time.monotonic()
                if elapsed() >= held.until:
                    held = None
                    break
                acts.write(f"{at} {held.term} {name}\n".encode())
                time.sleep(0.001)
            time.sleep(0.002)


@contextlib.contextmanager
def leading(url: str, name: str, seconds: float, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads whenever it can; killed at the end."""
    command = [sys.executable, "-m", "tests.stores.leading", url, name, str(seconds), str(path)]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def acts_of(path: Path) -> list[Act]:
    """What was done so far, in the order in which it was."""
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().splitlines() if line.count(" ") == 2]
    return sorted(Act(float(at), int(term), by) for at, term, by in lines)


def await_act(path: Path, wanted: Callable[[Act], bool], patience: float = 30.0) -> Act:
    """The first act that is wanted; whoever is waited for gives no event to another process."""
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        found = next(filter(wanted, acts_of(path)), None)
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nobody did it within {patience:g} s; last were {acts_of(path)[-3:]}")


def overlaps(acts: list[Act]) -> list[tuple[Act, Act]]:
    """Neighbours of which the later has a lower term: two led at once."""
    return [(one, next_) for one, next_ in itertools.pairwise(acts) if next_.term < one.term]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
