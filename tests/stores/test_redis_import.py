"""The client library is imported by the store and by the probe, each in a thread of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

RACE = """
import importlib, sys, threading
start, failed = threading.Barrier(2), []
def load(name):
    start.wait()
    try:
        importlib.import_module(name)
    except Exception as problem:
        failed.append(f"{name}: {type(problem).__name__}: {problem}")
threads = [threading.Thread(target=load, args=(name,)) for name in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(failed) or 0)
"""


@pytest.mark.parametrize("attempt", range(4))
def test_store_and_probe_may_import_it_at_once(attempt: int) -> None:
    """Neither finds it half imported by the other."""
    modules = ("controlroom.probes.redis", "controlroom.stores.redis_link")
    order = modules if attempt % 2 else modules[::-1]
    done = subprocess.run(
        [sys.executable, "-c", RACE, *order], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
