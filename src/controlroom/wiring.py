"""Composition root: a Config becomes a running room. The only file that knows every adapter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlroom.config.values import Config, PrometheusServer
from controlroom.domain import telemetry
from controlroom.domain.causes import host_of, remote
from controlroom.domain.health import ServiceState
from controlroom.domain.secret import SecretRef
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Observation, Snapshot, SourceKind, SourceStatus
from controlroom.domain.telemetry import GapCode, SignalReading

if TYPE_CHECKING:
    from pathlib import Path

    from controlroom.acting import Desk, Reports
    from controlroom.domain.health import Beat
    from controlroom.domain.program import Program
    from controlroom.domain.services import Service
    from controlroom.engine.engine import Engine
    from controlroom.engine.ports import Clock, Source
    from controlroom.stores.delivery import Delivery
    from controlroom.watching import Watching

    Beats = Callable[[str], Awaitable[Beat | None]]
    """Gives the last report of a heartbeat, by its service id."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def clock_set(at: datetime) -> Clock:
    """A clock that shows `at` now and runs on from there."""
    ahead = at - utc_now()
    return lambda: utc_now() + ahead


@dataclass(eq=False)
class Room:
    """A configured room: a Snapshot at once, live after `run`. Building it opens and imports little."""

    config: Config
    snapshot: Snapshot
    clock: Clock
    kinds: Collection[SourceKind] | None = None
    """Sources to use; None is all."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Names the person and the folder of the outbox."""
    journal: Path | None = None
    """Where transitions of services are kept; None: nowhere."""
    _delivery: Delivery | None = None
    _desk: Desk | None = None
    _reports: Reports | None = None
    _listeners: list[Callable[[Snapshot], None]] = field(default_factory=list)
    _engine: Engine | None = None

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with every new Snapshot, in the event loop that runs the room."""
        self._listeners.append(listener)

    def poll_now(self, source: str | None = None) -> None:
        """Ask `source` (or all) again without waiting for its turn."""
        if self._engine is not None:
            self._engine.poll_now(source)

    async def run(self) -> None:
        """Poll until cancelled."""
        # The client libraries take most of a second to import: in a thread, so that keys are answered.
        sources = await asyncio.to_thread(self._sources)
        watching = self._watching()
        if watching is not None:
            self.snapshot = await watching.resume(self.snapshot)
            self.subscribe(watching.see)
        self._engine = self._new_engine()
        try:
            await self._engine.run(sources)
        finally:
            if watching is not None:
                await watching.close()

    @property
    def delivery(self) -> Delivery:
        """Where actions go: shared by the source that reads the log and the desk that writes it."""
        if self._delivery is None:
            from controlroom.acting import make_delivery

            self._delivery = make_delivery(self.config, self.environ)
        return self._delivery

    @property
    def desk(self) -> Desk:
        """Where actions are handed in."""
        if self._desk is None:
            from controlroom.acting import Desk

            self._desk = Desk(
                self.config,
                lambda: self.delivery,
                lambda: self.snapshot,
                self.clock,
                self.poll_now,
                self.environ,
            )
        return self._desk

    async def close(self) -> None:
        """Let go of everything. `run` and `sweep` close their sources themselves, when they end."""
        self._listeners.clear()

    async def sweep(self, within: float = 15.0) -> Snapshot:
        """Look at everything once, within `within` seconds, and return what was seen."""
        sources = self._sources()
        engine = self._new_engine()
        return await self._lasting(await engine.sweep(sources, within))

    async def _lasting(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` of one look, with since when its services are as they are, where a room is watching."""
        if self.journal is None or not any(state.probed_at for state in snapshot.services):
            return snapshot
        from controlroom.domain.watched import lasting
        from controlroom.net.threads import in_daemon
        from controlroom.stores import health_journal

        try:
            watched = await in_daemon(health_journal.read, self.journal)
        except OSError:
            return snapshot
        within = health_journal.WATCHING_EVERY
        return replace(snapshot, services=tuple(lasting(s, watched, within) for s in snapshot.services))

    def _watching(self) -> Watching | None:
        if self.journal is None or not self.config.services or not self._wanted("services"):
            return None
        from controlroom.watching import Watching

        return Watching(self.journal, self.clock)

    def _new_engine(self) -> Engine:
        from controlroom.engine.engine import Engine

        engine = Engine(self.snapshot, self._fold, self.clock)
        engine.subscribe(self._publish)
        return engine

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for listener in self._listeners:
            listener(snapshot)

    def _fold(self, snapshot: Snapshot, seen: Sequence[Observation], now: datetime) -> Snapshot:
        from controlroom.domain import reduce as folding

        setup = folding.Setup(self.config.program, _signals(self.config))
        for observation in seen:
            snapshot = folding.reduce(setup, snapshot, observation)
        return folding.compare(snapshot, now)

    def _wanted(self, kind: SourceKind) -> bool:
        return self.kinds is None or kind in self.kinds

    def _sources(self) -> list[Source]:
        # Here, with the client libraries, because what folds and compares is not needed to show a room.
        from controlroom.domain import reduce  # noqa: F401

        makers: Sequence[tuple[SourceKind, Callable[[Config, Clock], Sequence[Source]]]] = (
            ("documents", _documents),
            ("status", _status),
            ("self", _self_check),
            ("metrics", _metrics),
            ("alerts", _alerts),
        )
        sources = [
            source for kind, make in makers if self._wanted(kind) for source in make(self.config, self.clock)
        ]
        if self._wanted("services"):
            sources += _services(self.config, self.clock, self._beats)
        return [*sources, self._log_source()] if self._wanted("store") else sources

    async def _beats(self, service: str) -> Beat | None:
        from controlroom.acting import Reports

        if self._reports is None:
            self._reports = Reports(self.config)
        return await self._reports.last(service)

    def _log_source(self) -> Source:
        from controlroom.sources.log import LogSource

        store = self.config.store
        title = _store_title(store.url)
        return LogSource(lambda: self.delivery, store.interval, self.clock, title, timeout=store.timeout)


def build(
    config: Config,
    *,
    clock: Clock = utc_now,
    sources: Collection[SourceKind] | None = None,
    restored: Snapshot | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: Path | None = None,
) -> Room:
    """A room for `config`, showing `restored` (the room of an earlier run) until sources answer.

    `journal` is where transitions of services are kept and taken up again.
    """
    snapshot = _first(config, sources)
    if restored is not None:
        snapshot = _resumed(snapshot, restored)
    return Room(config, snapshot, clock, sources, environ, journal)


def _first(config: Config, kinds: Collection[SourceKind] | None) -> Snapshot:
    """What is known before anybody was asked: what is declared, all of it unknown."""
    statuses = tuple(s for s in _statuses(config) if kinds is None or s.kind in kinds)
    readings = tuple(_unasked(config))
    coverage = telemetry.coverage(config.program.squads, readings)
    return Snapshot(
        program=config.program,
        sources=statuses,
        services=tuple(ServiceState(service, interval=_pace(service, config)) for service in config.services),
        signals=readings,
        coverage=coverage,
        gates=_gates(config.program, coverage),
    )


def _unasked(config: Config) -> Iterator[SignalReading]:
    """Every declared signal before anybody was asked about it, which may be for want of a server to ask."""
    for signals in _signals(config).values():
        yield from (SignalReading(signal, GapCode.UNKNOWN, "not asked yet") for signal in signals)
    if not config.prometheus:
        hint = "add [[prometheus]]"
        for signal in (signal for squad in config.program.squads for signal in squad.signals):
            yield SignalReading(signal, GapCode.UNKNOWN, "no Prometheus is configured", hint=hint)


def _resumed(first: Snapshot, old: Snapshot) -> Snapshot:
    """`first` with what an earlier run last saw of the same services, signals, documents and alerts.

    Only what is still configured: a source that is gone leaves nothing behind that nobody would renew.
    """
    states = {state.service.id: state for state in old.services}
    readings = {reading.id: reading for reading in old.signals}
    read = {source.id: source for source in old.sources}
    signals = tuple(readings.get(reading.id, reading) for reading in first.signals)
    snapshot = replace(
        first,
        restored=True,
        version=old.version,
        taken_at=old.taken_at,
        sources=tuple(
            replace(s, read_at=read[s.id].read_at, as_of=read[s.id].as_of) if s.id in read else s
            for s in first.sources
        ),
        services=tuple(
            replace(states[s.service.id], service=s.service, interval=s.interval)
            if s.service.id in states
            else s
            for s in first.services
        ),
        signals=signals,
        alerts=tuple(a for a in old.alerts if any(s.id == f"alerts:{a.server}" for s in first.sources)),
        blockers=old.blockers,
        declared_blockers=old.declared_blockers,
    )
    if first.source("documents") is not None:
        snapshot = replace(
            snapshot,
            program=old.program,
            items=old.items,
            steps=old.steps,
            lints=old.lints,
            document_lints=old.document_lints,
            first_seen=old.first_seen,
        )
    coverage = telemetry.coverage(snapshot.program.squads, signals)
    return replace(snapshot, coverage=coverage, gates=_gates(snapshot.program, coverage))


def _gates(program: Program, coverage: tuple[telemetry.Coverage, ...]) -> tuple[telemetry.Gate, ...]:
    return tuple(telemetry.gate(wave, coverage) for wave in program.waves if not wave.design)


def _signals(config: Config) -> dict[str, tuple[Signal, ...]]:
    """Metrics source id → the signals it is asked for."""
    return {_metrics_id(server): _signals_of(config, server) for server in config.prometheus}


def _metrics_id(server: PrometheusServer) -> str:
    return f"metrics:{server.id}"


def _signals_of(config: Config, server: PrometheusServer) -> tuple[Signal, ...]:
    """Signals without a server belong to the first one declared."""
    first = config.prometheus[0].id
    return tuple(
        signal
        for squad in config.program.squads
        for signal in squad.signals
        if (signal.server or first) == server.id
    )


def _statuses(config: Config) -> list[SourceStatus]:
    """Every configured source, named before it has been read."""
    statuses = []
    if config.documents.paths:
        statuses.append(SourceStatus("documents", "documents", "documents", config.documents.interval))
    if config.status.dir:
        statuses.append(SourceStatus("status", "status", config.status.dir, config.status.interval))
    if config.services:
        statuses.append(SourceStatus("services", "services", "services", _services_interval(config)))
    if _looks_at_itself(config):
        statuses.append(SourceStatus("self", "self", "this machine", config.self_check.interval))
    for server in config.prometheus:
        statuses.append(SourceStatus(_metrics_id(server), "metrics", server.id, server.interval))
    for manager in config.alertmanagers:
        statuses.append(SourceStatus(f"alerts:{manager.id}", "alerts", manager.id, manager.interval))
    from controlroom.engine.ports import REASSURE

    told = max(config.store.interval, REASSURE)
    statuses.append(SourceStatus("store", "store", _store_title(config.store.url), told))
    return statuses


def _store_title(url: str) -> str:
    """The store as it is written, without secrets."""
    if url.startswith("dir:"):
        return url
    from controlroom.stores.logs import shown

    return shown(url)


def _services_interval(config: Config) -> float:
    return min(_pace(service, config) for service in config.services)


def _pace(service: Service, config: Config) -> float:
    """Seconds between two probes of `service`: its own, its kind's, or everybody's."""
    from controlroom.probes import REGISTRY

    kind = REGISTRY.get(service.kind)
    usual = max(kind.pace, config.polling.services) if kind and kind.pace else config.polling.services
    return service.interval or usual


def _looks_at_itself(config: Config) -> bool:
    """A room whose services are all on this machine needs no network to be right about them."""
    declared = config.self_check.targets or config.self_check.dns
    return bool(config.services) and bool(declared or any(map(remote, config.services)))


def _resolver(config: Config) -> Callable[[SecretRef], str]:
    from controlroom.config import secrets

    return lambda ref: secrets.resolve(ref, config.folder)


def _documents(config: Config, clock: Clock) -> Sequence[Source]:
    if not config.documents.paths:
        return ()
    from controlroom.sources.documents import DocumentsSource

    banner = config.program.banner if config.documents.banner_required else ""
    return [
        DocumentsSource(
            config.documents.paths,
            config.folder,
            start=config.program.start,
            banner=banner,
            interval=config.documents.interval,
            clock=clock,
            rules=config.program.calendar,
        )
    ]


def _status(config: Config, clock: Clock) -> Sequence[Source]:
    if not config.status.dir:
        return ()
    from controlroom.sources.status import StatusSource

    return [
        StatusSource(
            config.folder / config.status.dir, config.status.interval, clock, title=config.status.dir
        )
    ]


def _services(config: Config, clock: Clock, beats: Beats) -> list[Source]:
    if not config.services:
        return []
    from controlroom.probes.prober import Prober
    from controlroom.sources.services import ServicesSource

    paced = [
        service if service.interval else replace(service, interval=_pace(service, config))
        for service in config.services
    ]
    return [
        ServicesSource(
            paced,
            Prober(clock, _resolver(config), folder=config.folder, beats=beats),
            clock,
            interval=config.polling.services,
            timeout=config.polling.timeout,
            at_once=config.polling.at_once,
        )
    ]


def _self_check(config: Config, clock: Clock) -> Sequence[Source]:
    if not _looks_at_itself(config):
        return ()
    from controlroom.probes.prober import Prober
    from controlroom.sources.selfcheck import SelfCheckSource

    asked = config.self_check
    hosts = dict.fromkeys(host_of(service) for service in config.services if remote(service))
    named = [host for host in hosts if not host.replace(".", "").isdecimal() and ":" not in host]
    return [
        SelfCheckSource(
            Prober(clock, _resolver(config), folder=config.folder),
            clock,
            targets=asked.targets,
            names=[asked.dns] if asked.dns else named,
            interval=asked.interval,
            timeout=asked.timeout,
        )
    ]


def _metrics(config: Config, clock: Clock) -> Sequence[Source]:
    if not config.prometheus:
        return ()
    from controlroom.sources.metrics import MetricsSource

    return [
        MetricsSource(server, _signals_of(config, server), clock, _resolver(config))
        for server in config.prometheus
    ]


def _alerts(config: Config, clock: Clock) -> Sequence[Source]:
    if not config.alertmanagers:
        return ()
    from controlroom.sources.alerts import AlertsSource

    def squad_id(name: str) -> str | None:
        squad = config.program.squad(name)
        return squad.id if squad else None

    return [AlertsSource(server, squad_id, clock, _resolver(config)) for server in config.alertmanagers]
