"""This machine's look at itself, so that its own trouble is not blamed on the services: is it me?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from controlroom.domain import selfcheck
from controlroom.domain.selfcheck import Check
from controlroom.domain.snapshot import Observation, SelfSeen, SourceKind
from controlroom.engine.ports import Clock, Emit
from controlroom.probes.prober import Prober
from controlroom.probes.reference import Reached, reach
from controlroom.probes.web import Web

NAMES_TRIED = 3
"""Names of services that are looked up; one that is found is enough."""

ROUTES = Path("/proc/net")
_UP = 0x1


class SelfCheckSource:
    """Looks at the clock, the default route, the name server and the reference targets."""

    id = "self"
    kind: SourceKind = "self"
    title = "this machine"

    def __init__(
        self,
        prober: Prober,
        clock: Clock,
        *,
        targets: Sequence[str] = (),
        names: Sequence[str] = (),
        interval: float = 10.0,
        timeout: float = 2.0,
        routes: Path = ROUTES,
    ) -> None:
        """`names` are host names that should be found; `routes` is where Linux lists its routes."""
        self.interval = interval
        self.deadline = 2 * timeout + 2
        self._prober = prober
        self._clock = clock
        self._targets = targets
        self._names = names[:NAMES_TRIED]
        self._timeout = timeout
        self._routes = routes
        self._web = Web()
        self._last: tuple[datetime, float] | None = None

    async def poll(self, emit: Emit) -> None:
        """Look once."""
        context = self._prober.context(self._timeout)
        reached = await asyncio.gather(*(reach(target, context, self._web) for target in self._targets))
        dns = await self._dns()
        works = any(one.works for one in reached)
        checks = (self._clocks(reached), self._route(works), dns, _reference(reached))
        emit(Observation(self.id, self.kind, self._clock(), SelfSeen(checks)))

    async def close(self) -> None:
        """Let go of connections."""
        self._web.close()
        self._prober.close()

    def _clocks(self, reached: Sequence[Reached]) -> Check:
        now, steady = self._clock(), asyncio.get_running_loop().time()
        last, self._last = self._last, (now, steady)
        passed = (0.0, 0.0) if last is None else ((now - last[0]).total_seconds(), steady - last[1])
        told = next((one for one in reached if one.clock is not None), None)
        if told is None or told.clock is None:
            return selfcheck.clock(*passed, None)
        return selfcheck.clock(*passed, (now - told.clock).total_seconds(), told.target)

    def _route(self, works: bool) -> Check:
        found = default_route(self._routes)
        if found is None:
            return Check("route", None, "this system does not tell its routes")
        if found:
            return Check("route", True, f"default route by {found}")
        if works:
            return Check("route", None, "no default route, but the reference target answers")
        return Check("route", False, "no default route")

    async def _dns(self) -> Check:
        if not self._names:
            return Check("dns", None, "no host name to look up: every address is a number")
        problems = await asyncio.gather(*(self._look_up(name) for name in self._names))
        if any(problem is None for problem in problems):
            return Check("dns", True, "the name server answers")
        return Check("dns", False, problems[0] or "")

    async def _look_up(self, name: str) -> str | None:
        """Why `name` could not be asked for; that it does not exist is an answer."""
        context = self._prober.context(self._timeout)
        try:
            async with asyncio.timeout(self._timeout):
                await context.names.addresses(name, 0)
        except TimeoutError:
            return f"no name server answers within {self._timeout:g} s"
        except socket.gaierror as error:
            return f"no name server answers for {name}" if error.errno == socket.EAI_AGAIN else None
        except (OSError, UnicodeError):
            return None
        return None


def _reference(reached: Sequence[Reached]) -> Check:
    if not reached:
        return Check("reference", None, "no reference target: add [self_check] targets")
    good = next((one for one in reached if one.works), None)
    if good is not None:
        return Check("reference", True, f"{good.target} {good.text}")
    return Check("reference", False, f"{reached[0].target}: {reached[0].text}")


def default_route(folder: Path = ROUTES) -> str | None:
    """The interface of the default route, empty where there is none, None where it cannot be known."""
    known = False
    for name, read in (("route", _ipv4), ("ipv6_route", _ipv6)):
        try:
            lines = (folder / name).read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeError):
            continue
        known = True
        for line in lines:
            if interface := read(line.split()):
                return interface
    return "" if known else None


def _ipv4(fields: Sequence[str]) -> str:
    """Of a line of /proc/net/route: Iface Destination Gateway Flags … Mask …, in hexadecimal."""
    if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
        return ""
    return fields[0] if int(fields[3], 16) & _UP else ""


def _ipv6(fields: Sequence[str]) -> str:
    """Of a line of /proc/net/ipv6_route: destination, prefix, … flags, interface; `lo` refuses everything."""
    if len(fields) < 10 or fields[0] != "0" * 32 or fields[1] != "00" or fields[9] == "lo":
        return ""
    return fields[9] if int(fields[8], 16) & _UP else ""
