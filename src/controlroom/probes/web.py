"""A small HTTP/1.1 client for probes: connections are kept, answers bounded, one deadline over the whole.

Why not a library: a sweep of 1,000 services may cost three times the CPU of the smallest asyncio client, with
deadlines, judging and results included. So measured (`python -m benchmarks.sweep`: 1,000 origins, ten at
once), this client takes about twice that floor, aiohttp about four and a half times, httpx more than ten.
"""

from __future__ import annotations

import asyncio

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Service
from controlroom.probes.dial import KEPT_FOR, Stage, dial, kept_until
from controlroom.probes.port import Context, Trouble
from controlroom.probes.request import Request, build
from controlroom.probes.wire import Answer, Silent, Wire
from controlroom.probes.wording import seconds, trouble

KEPT_PER_ORIGIN = 10
"""Idle connections to one origin; a sweep has about as many probes under way."""

FILES = 8192
"""Open files a room with thousands of services would like; half of what it gets are kept connections."""

REQUEST_AGE = 60.0
"""Seconds until a request that holds a secret is made anew."""

REFUSED = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class _Ready:
    service: Service
    request: Request
    until: float


class Web:
    """Asks services over HTTP/1.1; each kind of probe that does has one."""

    def __init__(self, kept_for: float = KEPT_FOR) -> None:
        """`kept_for` seconds a connection is used before it is made anew."""
        self._kept_for = kept_for
        self._idle: dict[tuple[object, ...], list[Wire]] = {}
        self._kept = 0
        self._keep = open_files() // 2
        self._ready: dict[tuple[str, str], _Ready] = {}

    async def ask(self, service: Service, context: Context, path: str = "", form: bytes = b"") -> Answer:
        """What `service` answers, at `path` below its url or at the url itself; a `form` is posted there.

        One service asks the same `form` of the same `path` always. Raises Trouble; when `context.deadline`
        is over, too.
        """
        stage = Stage()
        wire: Wire | None = None
        host = ""
        try:
            async with asyncio.timeout(context.deadline) as limit:
                request = await self._request(service, context, path, form)
                host = request.host
                wire = self._take(request)
                if wire is not None:
                    stage.at, stage.reused = "answer", True
                    try:
                        return await self._exchange(wire, request, service, context)
                    except Silent:
                        if not request.repeatable:
                            raise
                        stage.reused = False
                wire = await self._open(request, service, context, stage)
                return await self._exchange(wire, request, service, context)
        except Silent as silence:
            if silence.error is not None:
                raise trouble(silence.error, host) from None
            raise Trouble("closed the connection without an answer") from None
        except (OSError, UnicodeError) as error:
            if not limit.expired():
                raise trouble(error, host) from None
            if wire is not None and wire.heard:
                span = seconds(context.deadline)
                words = f"answer not complete within {span} ({wire.heard} bytes came)"
                raise Trouble(words, raw=wire.so_far()) from None
            raise stage.late(host, context.deadline) from None
        finally:
            if wire is not None:
                self._give(request, wire)

    async def _exchange(self, wire: Wire, request: Request, service: Service, context: Context) -> Answer:
        answer = await wire.ask(request.raw, bodiless=request.bodiless)
        if answer.status in REFUSED and request.secrets:
            self._forget(service, request, context)
        return answer

    def _forget(self, service: Service, request: Request, context: Context) -> None:
        """The secrets may have been changed: fetch them anew."""
        for key in [key for key, ready in self._ready.items() if ready.service is service]:
            del self._ready[key]
        for secret in request.secrets:
            context.forget(secret)

    async def _request(self, service: Service, context: Context, path: str, form: bytes) -> Request:
        ready = self._ready.get((service.id, path))
        now = asyncio.get_running_loop().time()
        if ready is not None and ready.service is service and now < ready.until:
            return ready.request
        request = await build(service, context, path, form)
        until = now + REQUEST_AGE if request.secrets else float("inf")
        self._ready[service.id, path] = _Ready(service, request, until)
        return request

    async def _open(self, request: Request, service: Service, context: Context, stage: Stage) -> Wire:
        tls = await context.tls(service) if request.tls else None
        _, wire = await dial(
            lambda: Wire(request.host),
            request.host,
            request.port,
            names=context.names,
            stage=stage,
            within=context.deadline,
            tls=tls,
        )
        wire.until = kept_until(self._kept_for)
        return wire

    def _take(self, request: Request) -> Wire | None:
        idle = self._idle.get(request.origin)
        now = asyncio.get_running_loop().time()
        while idle:
            wire = idle.pop()
            self._kept -= 1
            if wire.transport is not None and not wire.transport.is_closing() and now < wire.until:
                return wire
            wire.abort()
        return None

    def _give(self, request: Request, wire: Wire) -> None:
        """Keep `wire` when its answer came whole, else close it."""
        idle = self._idle.setdefault(request.origin, [])
        if wire.reusable and len(idle) < KEPT_PER_ORIGIN and self._kept < self._keep:
            idle.append(wire)
            self._kept += 1
        else:
            wire.abort()

    def close(self) -> None:
        """Close every connection."""
        for idle in self._idle.values():
            for wire in idle:
                wire.abort()
        self._idle.clear()
        self._kept = 0


def open_files() -> int:
    """How many files this process may open, after asking the system for as many as `FILES`."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return FILES if soft == resource.RLIM_INFINITY else soft
