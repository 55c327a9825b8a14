"""What a room knows before anybody was asked: what is declared, and what an earlier room saw of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlroom.config.values import Config, PrometheusServer
from controlroom.domain import gates, topics
from controlroom.domain.asks import KafkaAsks
from controlroom.domain.causes import remote
from controlroom.domain.health import ServiceState
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceKind, SourceStatus
from controlroom.domain.telemetry import Coverage, GapCode, Gate, SignalReading

if TYPE_CHECKING:
    from controlroom.domain.benchmarks import BenchmarkReading
    from controlroom.domain.board import Squad
    from controlroom.domain.reduce import Setup
    from controlroom.domain.services import Service

UNASKED = datetime.min.replace(tzinfo=UTC)
"""Before anybody was asked anything."""


def first(config: Config, kinds: Collection[SourceKind] | None, now: datetime) -> Snapshot:
    """What is known before anybody was asked: what is declared, all of it unknown."""
    statuses = tuple(s for s in _statuses(config) if kinds is None or s.kind in kinds)
    # What a squad promised twice over is one signal.
    readings = tuple({reading.id: reading for reading in _unasked(config)}.values())
    coverage = gates.coverage(config.program.squads, readings, config.gate, now)
    begun = Snapshot(
        program=config.program,
        sources=statuses,
        services=tuple(ServiceState(service, interval=pace(service, config)) for service in services(config)),
        signals=readings,
        coverage=coverage,
        gate_rules=config.gate,
        benchmarks=benchmarks(config),
    )
    return replace(begun, gates=_gates(begun, coverage))


def setup(config: Config) -> Setup:
    """The configuration's own part of the world, for whoever folds observations."""
    from controlroom.domain.reduce import Setup

    proofs = {proof.item: proof.proof for proof in config.proofs}
    return Setup(config.program, signals(config), config.gate, proofs)


def benchmarks(config: Config) -> tuple[BenchmarkReading, ...]:
    """The declared benchmarks before anybody looked at their results."""
    if not config.benchmarks:
        return ()
    from controlroom.domain.benchmarks import UNREAD, BenchmarkReading, Rule

    first = config.prometheus[0].id if config.prometheus else None
    return tuple(
        BenchmarkReading(
            one.id,
            one.name or one.id,
            one.squad,
            one.unit,
            one.better,
            text=UNREAD,
            rule=Rule(one.tolerance, one.window, one.least, one.max_age),
            where=f"{one.path} at {one.value}" if one.path is not None else one.metric or "",
            server=(one.server or first) if one.path is None else None,
        )
        for one in config.benchmarks
    )


def services(config: Config) -> tuple[Service, ...]:
    """The services as they are asked: a Kafka also about the topics that squads promised traffic on."""
    watch: dict[str, dict[str, float]] = {}
    first_kafka = next((service.id for service in config.services if service.kind == "kafka"), "")
    for topic in topics.watched(config.program.squads):
        own = watch.setdefault(topic.service or first_kafka, {})
        own[topic.topic] = min(topic.quiet, own.get(topic.topic, topic.quiet))
    if not watch:
        return config.services
    return tuple(
        replace(service, kafka=replace(service.kafka or KafkaAsks(), watch=watch[service.id]))
        if service.kind == "kafka" and service.id in watch
        else service
        for service in config.services
    )


def _unasked(config: Config) -> Iterator[SignalReading]:
    """Every declared signal before anybody was asked about it, which may be for want of a server to ask."""
    for asked in signals(config).values():
        yield from (SignalReading(signal, GapCode.UNKNOWN, "not asked yet") for signal in asked)
    yield from _unaskable(config)
    states = [ServiceState(service) for service in services(config)]
    yield from topics.readings(config.program.squads, states, UNASKED)


def _unaskable(config: Config) -> Iterator[SignalReading]:
    """Every declared signal of a Prometheus that is not there to be asked."""
    known = {server.id for server in config.prometheus}
    for signal in (signal for squad in config.program.squads for signal in _measured(squad)):
        if not known:
            hint = "add [[prometheus]]"
            yield SignalReading(signal, GapCode.UNKNOWN, "no Prometheus is configured", hint=hint)
        elif signal.server is not None and signal.server not in known:
            text = f"no Prometheus is called {signal.server}"
            yield SignalReading(signal, GapCode.UNKNOWN, text, hint="add it as [[prometheus]]")


def resumed(begun: Snapshot, old: Snapshot, config: Config, now: datetime) -> Snapshot:
    """`begun` with what an earlier run last saw of the same services, signals, documents and alerts.

    Only what is still configured: a source that is gone leaves nothing behind that nobody would renew.
    """
    states = {state.service.id: state for state in old.services}
    lost = {reading.id for reading in _unaskable(config)}
    readings = {reading.id: reading for reading in old.signals if reading.id not in lost}
    read = {source.id: source for source in old.sources}
    # Nobody knows what happened to them in between.
    kept = tuple(
        replace(readings[one.id], signal=one.signal, since=None) if one.id in readings else one
        for one in begun.signals
    )
    snapshot = replace(
        begun,
        restored=True,
        version=old.version,
        taken_at=old.taken_at,
        sources=tuple(
            replace(s, read_at=read[s.id].read_at, as_of=read[s.id].as_of) if s.id in read else s
            for s in begun.sources
        ),
        services=tuple(
            replace(states[s.service.id], service=s.service, interval=s.interval)
            if s.service.id in states
            else s
            for s in begun.services
        ),
        signals=kept,
        alerts=tuple(a for a in old.alerts if _has(begun, a.server)),
        silences=tuple(s for s in old.silences if _has(begun, s.server)),
        watchdogs=tuple(w for w in old.watchdogs if _has(begun, w.server)),
        waivers=old.waivers,
        runs=old.runs,
        boxes=old.boxes,
        benchmarks=_benchmarked(begun, old),
        blockers=old.blockers,
        declared_blockers=old.declared_blockers,
    )
    if begun.source("documents") is not None:
        snapshot = replace(
            snapshot,
            program=old.program,
            items=old.items,
            steps=old.steps,
            lints=old.lints,
            document_lints=old.document_lints,
            first_seen=old.first_seen,
        )
    counting = {waiver.signal: waiver for waiver in old.waivers if not waiver.pending}
    coverage = gates.coverage(snapshot.program.squads, kept, config.gate, now, counting)
    return replace(snapshot, coverage=coverage, gates=_gates(snapshot, coverage))


def _benchmarked(begun: Snapshot, old: Snapshot) -> tuple[BenchmarkReading, ...]:
    """The declared benchmarks, with what `old` knows of those that are declared as they were."""
    if not begun.benchmarks:
        return ()
    from controlroom.domain.benchmarks import carried

    return carried(begun.benchmarks, old.benchmarks)


def _has(snapshot: Snapshot, alertmanager: str) -> bool:
    return any(source.id == f"alerts:{alertmanager}" for source in snapshot.sources)


def _gates(begun: Snapshot, coverage: tuple[Coverage, ...]) -> tuple[Gate, ...]:
    """Gates before any document was read, each of which may list squads of a wave that names none."""
    unread = "the documents have not been read yet" if begun.source("documents") is not None else ""
    waves = (wave for wave in begun.program.waves if not wave.design)
    return tuple(gates.gate(wave, coverage, unread=unread) for wave in waves)


def signals(config: Config) -> dict[str, tuple[Signal, ...]]:
    """Metrics source id → the signals it is asked for."""
    return {_metrics_id(server): signals_of(config, server) for server in config.prometheus}


def _metrics_id(server: PrometheusServer) -> str:
    return f"metrics:{server.id}"


def signals_of(config: Config, server: PrometheusServer) -> tuple[Signal, ...]:
    """Signals without a server belong to the first one declared."""
    first = config.prometheus[0].id
    return tuple(
        signal
        for squad in config.program.squads
        for signal in _measured(squad)
        if (signal.server or first) == server.id
    )


def _measured(squad: Squad) -> tuple[Signal, ...]:
    """What `squad` promised and a Prometheus is asked for: metrics, and topics that one of them counts."""
    return (*squad.signals, *(topic.signal for topic in squad.topics if topic.metric is not None))


def _statuses(config: Config) -> list[SourceStatus]:
    """Every configured source, named before it has been read."""
    statuses = []
    if config.documents.paths:
        statuses.append(SourceStatus("documents", "documents", "documents", config.documents.interval))
    if config.status.dir:
        statuses.append(SourceStatus("status", "status", config.status.dir, config.status.interval))
    if config.services:
        statuses.append(SourceStatus("services", "services", "services", _services_interval(config)))
    if looks_at_itself(config):
        statuses.append(SourceStatus("self", "self", "this machine", config.self_check.interval))
    for server in config.prometheus:
        statuses.append(SourceStatus(_metrics_id(server), "metrics", server.id, server.interval))
    for manager in config.alertmanagers:
        statuses.append(SourceStatus(f"alerts:{manager.id}", "alerts", manager.id, manager.interval))
    if config.benchmarks:
        from controlroom.domain.benchmarks import LOOK_EVERY

        statuses.append(SourceStatus("benchmarks", "benchmarks", "benchmarks", LOOK_EVERY))
    from controlroom.engine.ports import REASSURE

    told = max(config.store.interval, REASSURE)
    statuses.append(SourceStatus("store", "store", store_title(config.store.url), told))
    return statuses


def store_title(url: str) -> str:
    """The store as it is written, without secrets."""
    if url.startswith("dir:"):
        return url
    from controlroom.stores.logs import shown

    return shown(url)


def _services_interval(config: Config) -> float:
    return min(pace(service, config) for service in config.services)


def pace(service: Service, config: Config) -> float:
    """Seconds between two probes of `service`: its own, its kind's, or everybody's."""
    from controlroom.probes import REGISTRY

    kind = REGISTRY.get(service.kind)
    usual = max(kind.pace, config.polling.services) if kind and kind.pace else config.polling.services
    return service.interval or usual


def looks_at_itself(config: Config) -> bool:
    """A room whose services are all on this machine needs no network to be right about them."""
    declared = config.self_check.targets or config.self_check.dns
    return bool(config.services) and bool(declared or any(map(remote, config.services)))
