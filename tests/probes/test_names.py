"""Names are looked up once, shared by those who ask, and never waited for longer than one wants."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time

import pytest

from controlroom.probes.names import Names


async def test_addresses_are_not_looked_up() -> None:
    """A literal address is itself."""
    assert await Names().addresses("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]


async def test_loopback_has_an_address_with_the_port_asked_for() -> None:
    """A name becomes addresses; the port is each caller's own."""
    names = Names()
    first = await names.addresses("localhost", 80)
    second = await names.addresses("localhost", 81)
    assert {address[1] for _, address in first} == {80}
    assert {address[1] for _, address in second} == {81}


async def test_whoever_gives_up_does_not_spoil_it_for_the_others() -> None:
    """One of several who wait for the same name is cancelled; the rest get their answer."""
    names = Names()
    waiting = [asyncio.create_task(names.addresses("localhost", n)) for n in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert not any(isinstance(result, BaseException) for result in results[1:])


async def test_a_name_that_does_not_exist_raises_for_everyone() -> None:
    """All who asked hear why."""
    names = Names()
    results = await asyncio.gather(
        *(names.addresses("no-such.invalid", n) for n in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, socket.gaierror) for result in results)


async def test_names_that_are_no_names() -> None:
    """What no resolver takes is an error of text, not a crash."""
    with pytest.raises((UnicodeError, OSError)):
        await Names().addresses("a" * 300 + ".example", 1)


def test_a_lookup_that_hangs_does_not_hold_the_program() -> None:
    """A program ends while a blocking call beside its event loop still hangs."""
    code = """
import asyncio, time
from controlroom.net.threads import in_daemon
async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_daemon(time.sleep, 60)
    except TimeoutError:
        print("gave up")
asyncio.run(main())
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "gave up\n"
    assert time.monotonic() - started < 15
