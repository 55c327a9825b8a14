"""The declared signals of one Prometheus, looked for and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from controlroom.config.values import PrometheusServer
from controlroom.domain.gaps import classify
from controlroom.domain.gate_rules import HOLD
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Failure, Observation, SignalsSeen, SourceKind
from controlroom.domain.telemetry import reading_id
from controlroom.engine.ports import Clock, Emit
from controlroom.net.evidence import Examiner
from controlroom.net.fetch import Api, FetchError, Resolve
from controlroom.net.oversight import ReadDashboards, drawn, with_dashboards

ROUNDS = 6
"""Exchanges that may follow one another in one look, each with the server's timeout."""


class MetricsSource:
    """One `[[prometheus]]` and the signals declared for it."""

    kind: SourceKind = "metrics"

    def __init__(
        self,
        server: PrometheusServer,
        signals: Iterable[Signal],
        clock: Clock,
        resolve: Resolve,
        *,
        dashboards: ReadDashboards | None = None,
        proofs: Callable[[], Collection[str]] | None = None,
        hold: float = HOLD,
    ) -> None:
        """`dashboards` gives those of the repository; None where none are configured.

        `proofs` gives the metrics that cards name as their proof and nobody promised: asked before each look.
        `hold` is what the gate asks for, in seconds: so far it is looked back for how long a signal has been
        there.
        """
        self.id = f"metrics:{server.id}"
        self.title = server.id
        self.interval = server.interval
        self.deadline = ROUNDS * server.timeout + 5.0
        self._signals = tuple({reading_id(signal): signal for signal in signals}.values())
        self._proofs = proofs
        self._clock = clock
        self._api = Api(server, resolve)
        self._examiner = Examiner(self._api, hold)
        wanted = any(signal.dashboard for signal in self._signals)
        self._dashboards = dashboards if wanted else None

    async def poll(self, emit: Emit) -> None:
        """Look at every signal once; a server that cannot be asked is a failure of the whole."""
        proofs = self._named()
        read, patience = self._dashboards, self._api.endpoint.timeout
        boards = asyncio.ensure_future(drawn(read, patience)) if read is not None else None
        try:
            evidence, at = await self._examiner.look((*self._signals, *proofs), self._clock)
            if boards is not None:
                evidence = with_dashboards(evidence, await boards)
        except FetchError as problem:
            failure = Failure(problem.reason, problem.remedy)
            emit(Observation(self.id, self.kind, self._clock(), failure=failure))
            return
        finally:
            if boards is not None:
                boards.cancel()
        readings = classify(self._signals, evidence, at)
        found = None if self._proofs is None else classify(proofs, evidence, at)
        seen = SignalsSeen(readings, evidence.warnings, evidence.requests, found)
        emit(Observation(self.id, self.kind, self._clock(), payload=seen))

    def _named(self) -> tuple[Signal, ...]:
        """The proofs as signals of nobody, of any job."""
        names = dict.fromkeys(self._proofs() if self._proofs is not None else ())
        return tuple(Signal(name, required_for_exit=False) for name in names)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()
