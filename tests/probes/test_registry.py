"""The registry is cheap to look at, and a kind is one file and one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from controlroom.probes import KINDS, probe_for

HEAVY = ("redis", "httpx", "aiokafka", "asyncpg", "h2", "dns", "ssl", "asyncio", "textual", "pydantic")
OWN = {
    "redis": "redis",
    "kafka": "aiokafka",
    "postgres": "asyncpg",
    "dns": "dns",
    "grpc": "h2",
    "temporal": "h2",
}
"""Kind → the client library it may import."""


def test_looking_at_the_kinds_imports_no_client_library() -> None:
    """`config check` knows the kinds without paying for them."""
    code = f"import sys, controlroom.probes as p; print(p.KINDS, [m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_imports_no_library_it_does_not_need(kind: str) -> None:
    """A room pays for the client libraries of the kinds it has, and for no other."""
    foreign = set(HEAVY) - {"ssl", "asyncio", OWN.get(kind)}
    code = (
        f"import sys; from controlroom.probes import probe_for; probe_for({kind!r});"
        f"print([m for m in {sorted(map(str, foreign))} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_kind_is_a_key_error() -> None:
    """The registry does not guess."""
    with pytest.raises(KeyError):
        probe_for("gopher")
