"""The declared signals of one Prometheus, looked for and judged."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.config.values import PrometheusServer
from controlroom.domain.gaps import classify
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Failure, Observation, SignalsSeen, SourceKind
from controlroom.domain.telemetry import reading_id
from controlroom.engine.ports import Clock, Emit
from controlroom.net.evidence import Examiner
from controlroom.net.fetch import Api, FetchError, Resolve

ROUNDS = 4
"""Exchanges that may follow one another in one look, each with the server's timeout."""


class MetricsSource:
    """One `[[prometheus]]` and the signals declared for it."""

    kind: SourceKind = "metrics"

    def __init__(
        self, server: PrometheusServer, signals: Iterable[Signal], clock: Clock, resolve: Resolve
    ) -> None:
        self.id = f"metrics:{server.id}"
        self.title = server.id
        self.interval = server.interval
        self.deadline = ROUNDS * server.timeout + 5.0
        self._signals = tuple({reading_id(signal): signal for signal in signals}.values())
        self._clock = clock
        self._api = Api(server, resolve)
        self._examiner = Examiner(self._api)

    async def poll(self, emit: Emit) -> None:
        """Look at every signal once; a server that cannot be asked is a failure of the whole."""
        try:
            evidence, at = await self._examiner.look(self._signals, self._clock)
        except FetchError as problem:
            failure = Failure(problem.reason, problem.remedy)
            emit(Observation(self.id, self.kind, self._clock(), failure=failure))
            return
        readings = classify(self._signals, evidence, at)
        seen = SignalsSeen(readings, evidence.warnings, evidence.requests)
        emit(Observation(self.id, self.kind, self._clock(), payload=seen))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()
