"""Sweeps the services: a few probes at once, the slow ones put aside, results in batches.

A few at a time keep the keyboard quick, and small batches cost less than starts spread evenly, each of which
wakes the process. A probe that is not answered within a moment gives its place to the next and goes on
beside the sweep until its own deadline, so that any number of hung services delays nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Observation, ServicesSeen, SourceKind
from controlroom.engine.ports import Clock, Emit

PATIENCE = 0.05
"""Seconds a probe may hold its place among the few that run at once."""

SHORT_PATIENCE = 0.005
"""The same for a service that was silent last time: it goes aside almost at once, after all the others."""

ASIDE = 1000
"""Probes that may wait aside; more would use up the sockets of a process."""

FIRST_BATCH = 0.1
"""Seconds after which a poll tells what it has so far: most services have answered by then."""

BATCH_EVERY = 0.5
"""Seconds of results that are told together after that; every telling is a new picture to draw."""

GLANCE = 0.2
"""Seconds between two looks at who is over its deadline."""

BATCH = 250
"""Results that are told at once, however quickly they came."""

FIRST = 2.5
"""Intervals the first poll waits for slow services: nothing at all is known of them yet."""

EARLY = 0.8
"""Intervals; a poll sooner than this after the last was asked for by somebody."""

GRACE = 0.2
"""Seconds over its deadline after which a probe is given up, whatever it does."""


class Prober(Protocol):
    """Asks one service; raises nothing but CancelledError. Holds connections until closed."""

    def __call__(self, service: Service, deadline: float, /) -> Coroutine[Any, Any, ProbeResult]:
        """How `service` is, known within `deadline` seconds."""
        ...

    def close(self) -> None:
        """Let go of everything; waits for nothing."""
        ...


class _Plan:
    """When a service is due, and whether it is being asked."""

    __slots__ = ("due", "interval", "running", "service", "silent", "timeout")

    def __init__(self, service: Service, interval: float, timeout: float) -> None:
        self.service = service
        self.interval = service.interval or interval
        self.timeout = service.timeout or timeout
        self.due = float("-inf")
        """By the loop's clock."""
        self.running = False
        self.silent = False
        """Last time it did not answer in a moment."""


class _Run:
    """A probe under way."""

    __slots__ = ("given_up", "plan", "started", "task")

    def __init__(self, plan: _Plan, started: float, task: asyncio.Task[ProbeResult]) -> None:
        self.plan = plan
        self.started = started
        self.task = task
        self.given_up = False

    @property
    def goes_aside(self) -> float:
        return self.started + (SHORT_PATIENCE if self.plan.silent else PATIENCE)

    @property
    def ends(self) -> float:
        return self.started + self.plan.timeout + GRACE / 2


class ServicesSource:
    """All services as one source. A service is never asked twice at a time."""

    id = "services"
    kind: SourceKind = "services"
    title = "services"

    def __init__(
        self,
        services: Sequence[Service],
        prober: Prober,
        clock: Clock,
        *,
        interval: float = 5.0,
        timeout: float = 2.0,
        at_once: int = 10,
    ) -> None:
        """`interval` and `timeout` (seconds) are for services that have none of their own."""
        self._prober = prober
        self._clock = clock
        self._at_once = max(1, at_once)
        self.mine: Callable[[str], bool] | None = None
        """Whether a service, by its id, is asked here; None: all are."""
        self._plans = [_Plan(service, interval, timeout) for service in services]
        self.interval = min((plan.interval for plan in self._plans), default=interval)
        self.deadline = FIRST * self.interval + 5
        self._swept: float | None = None
        self._waiting: deque[_Plan] = deque()
        self._few: dict[asyncio.Task[ProbeResult], _Run] = {}
        self._aside: dict[asyncio.Task[ProbeResult], _Run] = {}
        self._results: list[ProbeResult] = []
        self._done = asyncio.Event()

    @property
    def services(self) -> Sequence[Service]:
        """All of them, also those that are asked elsewhere."""
        return [plan.service for plan in self._plans]

    async def poll(self, emit: Emit) -> None:
        """Ask every service that is due, and tell what came, late answers of earlier polls included.

        Waits for slow services until the next poll is due; what comes later is told then. A poll before its
        time means that somebody wants to know now: everything is asked.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._waiting = deque(self._due(started))
        until = started + self.interval * (FIRST if self._swept is None else 1)
        self._swept = started
        tell = started + FIRST_BATCH
        try:
            self._start()
            while self._busy() and (now := loop.time()) < until:
                await self._pause(min(GLANCE, until - now, max(tell - now, 0.0) if self._results else GLANCE))
                now = loop.time()
                self._move(now)
                if self._results and (now >= tell or len(self._results) >= BATCH):
                    emit(self._batch(complete=False))
                    tell = now + BATCH_EVERY
        finally:
            self._waiting.clear()
        emit(self._batch(complete=True))

    async def close(self) -> None:
        """Give up on everything under way; takes no longer than a fraction of a second."""
        self._waiting.clear()
        tasks = [*self._few, *self._aside]
        for task in tasks:
            task.cancel()
        self._prober.close()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)

    def _due(self, now: float) -> list[_Plan]:
        """Who is to be asked, those who answer quickly first, among them those who wait longest."""
        early = self._swept is not None and now - self._swept < EARLY * self.interval
        margin = (1 - EARLY) * self.interval
        here = [p for p in self._plans if self.mine is None or self.mine(p.service.id)]
        due = [p for p in here if not p.running and (early or p.due <= now + margin)]
        return sorted(due, key=lambda plan: (plan.silent, plan.due))

    def _batch(self, *, complete: bool) -> Observation:
        results, self._results = tuple(self._results), []
        return Observation(self.id, self.kind, self._clock(), ServicesSeen(results), complete=complete)

    async def _pause(self, span: float) -> None:
        """`span` seconds at most: until a probe is to be put aside, or everything is done."""
        now = asyncio.get_running_loop().time()
        if self._few:
            span = min(span, min(run.goes_aside for run in self._few.values()) - now)
        self._done.clear()
        try:
            async with asyncio.timeout(max(span, 0.001)):
                await self._done.wait()
        except TimeoutError:
            pass

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._few) < self._at_once and len(self._aside) < ASIDE:
            plan = self._waiting.popleft()
            now = loop.time()
            plan.running = True
            plan.due = now + plan.interval
            task = asyncio.create_task(self._prober(plan.service, plan.timeout))
            self._few[task] = _Run(plan, now, task)
            task.add_done_callback(self._finished)

    def _move(self, now: float) -> None:
        """Put aside who holds a place too long, give up who is over its deadline, start others."""
        for task, run in list(self._few.items()):
            if now >= run.goes_aside:
                self._aside[task] = self._few.pop(task)
        for run in self._aside.values():
            if now >= run.ends and not run.given_up:
                run.given_up = True
                run.task.cancel()
                reason = f"no answer within {run.plan.timeout:g} s"
                self._results.append(
                    ProbeResult(run.plan.service.id, self._clock(), Health.DOWN, reason, unreachable=True)
                )
        self._start()

    def _finished(self, task: asyncio.Task[ProbeResult]) -> None:
        run = self._few.pop(task, None)
        aside = self._aside.pop(task, None)
        ended = run or aside
        if ended is None:
            return
        ended.plan.running = False
        ended.plan.silent = aside is not None
        if not task.cancelled() and not ended.given_up:
            self._results.append(self._result(ended.plan.service, task))
        self._start()
        if not self._busy():
            self._done.set()

    def _busy(self) -> bool:
        """Whether anything is to come; a probe that has been given up is not waited for."""
        return bool(self._waiting or self._few) or any(not run.given_up for run in self._aside.values())

    def _result(self, service: Service, task: asyncio.Task[ProbeResult]) -> ProbeResult:
        error = task.exception()
        if error is None:
            return task.result()
        reason = f"the probe failed: {type(error).__name__}"
        return ProbeResult(service.id, self._clock(), Health.UNKNOWN, reason)
