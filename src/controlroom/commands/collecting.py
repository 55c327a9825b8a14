"""The command that polls for everybody."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from controlroom.commands.common import given
from controlroom.headless import output
from controlroom.headless.problems import FINE, INTERRUPTED, Unreachable, Usage

if TYPE_CHECKING:
    from controlroom.collecting.collector import Collector


def collect(options: Namespace) -> int:
    """Poll for everybody, and tell the room to other screens, until SIGTERM or Ctrl-C."""
    asked = given(options)
    if asked.at is not None:
        raise Usage("a collector has no other clock", f"--at {options.at}", "leave --at out")
    config = asked.config()
    if config.collect.publish and not config.status.dir:
        raise Usage("no status folder is configured", "[status].dir", "[collect].publish needs one")
    from controlroom import wiring
    from controlroom.collecting.collector import Collector
    from controlroom.domain.instants import render
    from controlroom.domain.text import clean
    from controlroom.headless.sweeping import run
    from controlroom.stores.port import Unavailable

    def say(word: str, text: str) -> None:
        at, text = render(wiring.utc_now()), clean(text)
        if options.json:
            output.line({"at": at, "event": word, "text": text})
        else:
            output.text(f"{at} {word}: {text}")
            output.flush()

    collector = Collector(config, wiring.utc_now, os.environ, say)
    try:
        return run(_until_told(collector))
    except Unavailable as problem:
        raise Unreachable("the store cannot be used", problem.reason, problem.remedy) from None


async def _until_told(collector: Collector) -> int:
    """Collect until a signal says that it is enough."""
    import asyncio
    import signal
    import socket

    stop, loop, code = asyncio.Event(), asyncio.get_running_loop(), FINE

    def end(number: signal.Signals) -> None:
        nonlocal code
        code = INTERRUPTED if number == signal.SIGINT else FINE
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    listen = collector.config.collect.listen
    try:
        await collector.run(stop)
    except OSError as problem:
        if collector.endpoint.address:
            raise
        # The loop's own words repeat the address; those of a name that is not known are all there is.
        known = problem.errno is not None and not isinstance(problem, socket.gaierror)
        why = os.strerror(problem.errno or 0) if known else problem.strerror or "there is no such address"
        raise Usage(
            "it cannot listen", f"[collect].listen {listen}: {why.lower()}", "give it another address"
        ) from None
    return code
