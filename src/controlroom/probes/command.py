"""kind = "command": a program of one's own says how something is, as monitoring plugins do; no shell."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

from controlroom.domain.asks import CommandAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.net.threads import in_daemon
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.process import TOO_MUCH, CannotRun, Ended, Process
from controlroom.probes.wording import foreign, seconds, verbatim

AT_ONCE = 4
"""Programs that run at the same time; more wait for their turn."""

_NAGIOS = {0: Health.UP, 1: Health.DEGRADED, 2: Health.DOWN, 3: Health.UNKNOWN}
"""Exit codes of monitoring plugins (Monitoring Plugins Development Guidelines, Plugin Return Codes)."""


class CommandProbe:
    """Runs programs, a few at a time, each in a process group of its own that ends with the probe."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._running: dict[str, Process] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """What its exit code and the first line it prints say; `raw` is what it prints. Raises Trouble."""
        asks = service.command or CommandAsks()
        if not asks.run:
            raise Trouble("not run: command.run is empty", Health.UNKNOWN)
        loop = asyncio.get_running_loop()
        process: Process | None = None
        waits = "its last run hangs and cannot be ended, none since"
        try:
            async with asyncio.timeout(context.deadline):
                await self._last_run(service.id)
                waits = f"not run: {AT_ONCE} others are running, no turn"
                async with self._turn:
                    env = {**os.environ, **await _given(asks, context)}
                    process = self._running[service.id] = Process(asks.run, env, context.folder)
                    started = loop.time()
                    ended = await in_daemon(process.run)
        except TimeoutError:
            within = f"within {seconds(context.deadline)}"
            if process is None:
                raise Trouble(f"{waits} {within}", Health.UNKNOWN) from None
            raise Trouble(f"not done {within}", raw=verbatim(process.said)) from None
        except CannotRun as problem:
            raise Trouble(f"not run: {problem}", Health.UNKNOWN) from None
        finally:
            if process is not None:
                self._leave(service.id, process)
        latency = loop.time() - started
        raw = verbatim(ended.out + ended.err)
        if ended.flooded:
            raise Trouble(f"prints more than {TOO_MUCH >> 20} MiB", raw=raw)
        health, reason = _judged(ended, asks)
        return answered(
            service,
            context,
            latency,
            reason,
            detail={"exit": str(ended.code)} if ended.code >= 0 else {},
            health=health,
            raw=raw,
        )

    async def _last_run(self, id_: str) -> None:
        """Wait until nothing is left of it: a program that cannot be killed is not started once more."""
        last = self._running.get(id_)
        while last is not None and not last.over.is_set():  # noqa: ASYNC110 - it is a thread that sets it
            await asyncio.sleep(0.01)

    def _leave(self, id_: str, process: Process) -> None:
        process.stop()
        if process.over.is_set() and self._running.get(id_) is process:
            del self._running[id_]

    def close(self) -> None:
        """End every program; waits for none."""
        for process in self._running.values():
            process.stop()


async def _given(asks: CommandAsks, context: Context) -> Mapping[str, str]:
    """The variables of the configuration. Raises Trouble where a secret cannot be had."""
    return {
        name: await context.secret(value) if isinstance(value, SecretRef) else value
        for name, value in asks.env.items()
    }


def _judged(ended: Ended, asks: CommandAsks) -> tuple[Health, str]:
    nagios = asks.exits == "nagios"
    if ended.code < 0:
        return Health.UNKNOWN if nagios else Health.DOWN, f"killed by {_signal(-ended.code)}"
    if nagios:
        health = _NAGIOS.get(ended.code)
        line = _first_line(ended).partition("|")[0]
        if health is None:
            return Health.UNKNOWN, f"exit code {ended.code} is none of a plugin: {foreign(line)}".rstrip(": ")
    else:
        health = Health.DOWN if ended.code else Health.UP
        line = _first_line(ended)
    return health, foreign(line, 115) or f"exit code {ended.code}"


def _first_line(ended: Ended) -> str:
    for text in (ended.out, ended.err):
        for line in text.decode("utf-8", "replace").splitlines():
            if line.strip():
                return line.strip()
    return ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
