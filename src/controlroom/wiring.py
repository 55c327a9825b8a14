"""Composition root: a Config becomes a running room. The only file that knows every adapter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING

from controlroom import beginning
from controlroom.config.values import Config
from controlroom.domain.causes import host_of, remote
from controlroom.domain.secret import SecretRef
from controlroom.domain.snapshot import Observation, Snapshot, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from controlroom.acting import Reports
    from controlroom.desk import Desk
    from controlroom.domain.health import Beat
    from controlroom.engine.engine import Engine
    from controlroom.engine.ports import Clock, Source
    from controlroom.noticing import Noticing
    from controlroom.remembering import Remembering
    from controlroom.reporting import Reporting
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
    telling: str | None = None
    """Whether channels are told what happens: empty where they are, else why they are not; None: nothing is
    looked for that they could be told."""
    past_path: Path | None = None
    """Where what the room shows is kept; None: nowhere."""
    still: bool = False
    """It was opened in the past: nobody is asked, and nothing is written."""
    around: Callable[[Sequence[Source]], Sequence[Source]] | None = None
    """Makes of the sources what is polled in their place; None: they are."""
    _remembering: Remembering | None = None
    _delivery: Delivery | None = None
    _desk: Desk | None = None
    _reporting: Reporting | None = None
    _noticing: Noticing | None = None
    _reports: Reports | None = None
    _listeners: list[Callable[[Snapshot], None]] = field(default_factory=list)
    _engine: Engine | None = None
    _changed: asyncio.Event | None = None
    """Set when there is another configuration to run on."""

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with every new Snapshot, in the event loop that runs the room."""
        self._listeners.append(listener)

    def poll_now(self, source: str | None = None) -> None:
        """Ask `source` (or all) again without waiting for its turn."""
        if self._engine is not None:
            self._engine.poll_now(source)

    async def run(self) -> None:
        """Poll until cancelled."""
        past = self.past
        if self.still:
            try:
                await asyncio.Event().wait()
            finally:
                if past is not None:
                    await past.close()
        if past is not None:
            self.subscribe(past.see)
        watching = self._watching()
        if watching is not None:
            self.snapshot = await watching.resume(self.snapshot)
            self.subscribe(watching.see)
        noticing: Noticing | None = None
        try:
            while True:
                if noticing is None and self.config.notify and self.telling is not None:
                    await asyncio.to_thread(import_module, "controlroom.noticing")
                    noticing = self.noticing
                    if noticing is not None:
                        noticing.begin()
                        self.subscribe(noticing.see)
                await self._run_until_changed()
        finally:
            if noticing is not None:
                await noticing.close()
            if watching is not None:
                await watching.close()
            if past is not None:
                await past.close()

    async def _run_until_changed(self) -> None:
        """Poll on the configuration as it is, until there is another one."""
        changed = self._changed = asyncio.Event()
        # The client libraries take most of a second to import: in a thread, so that keys are answered.
        sources: Sequence[Source] = await asyncio.to_thread(self._sources)
        if self.around is not None:
            sources = self.around(sources)
        self._engine = self._new_engine()
        polling = asyncio.create_task(self._engine.run(sources), name="polling")
        waiting = asyncio.create_task(changed.wait(), name="wait for another configuration")
        try:
            await asyncio.wait({polling, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                await polling
        finally:
            polling.cancel()
            waiting.cancel()
            await asyncio.gather(polling, waiting, return_exceptions=True)

    def adopt(self, config: Config) -> None:
        """Run on `config` from now on; what was seen of the same things stays. Called in the event loop."""
        from controlroom.domain import reduce as folding

        # The log stays the one that was opened, which the command line may have named.
        config = self.config = replace(config, store=self.config.store)
        begun = beginning.first(config, self.kinds, self.clock())
        self._publish(folding.adopted(beginning.setup(config), begun, self.snapshot, self.clock()))
        if self._changed is not None:
            self._changed.set()

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
            from controlroom.desk import Desk

            self._desk = Desk(
                lambda: self.config,
                lambda: self.delivery,
                lambda: self.snapshot,
                self.clock,
                self.poll_now,
                self.adopt,
                self.environ,
            )
        return self._desk

    @property
    def past(self) -> Remembering | None:
        """What was kept of what the room showed."""
        if self._remembering is None and self.past_path is not None:
            from controlroom.remembering import Remembering

            self._remembering = Remembering(self.past_path, lambda: self.config.past)
        return self._remembering

    @property
    def reports(self) -> Reporting:
        """What writes minutes, status files, evidence and reports."""
        if self._reporting is None:
            from controlroom.reporting import Reporting

            self._reporting = Reporting(lambda: self.config, lambda: self.snapshot, self.clock)
        return self._reporting

    @property
    def noticing(self) -> Noticing | None:
        """What tells people outside the room what happens in it."""
        if self._noticing is None and self.telling is not None:
            from controlroom.noticing import Noticing

            self._noticing = Noticing(
                lambda: self.config, lambda: self.snapshot, self.clock, self.environ, self.telling
            )
        return self._noticing

    async def close(self) -> None:
        """Let go of everything. `run` and `sweep` close their sources themselves, when they end."""
        self._listeners.clear()

    async def sweep(self, within: float = 15.0) -> Snapshot:
        """Look at everything once, within `within` seconds, and return what was seen."""
        sources, left = self._sources(), within
        engine = self._new_engine()
        first = [source for source in sources if source.kind == "documents"]
        if first and any(source.kind in ("metrics", "status") for source in sources):
            # Only then is it known which metrics and tests cards name as their proof.
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await engine.sweep(first, within / 2)
            sources = [source for source in sources if source not in first]
            left = within - (loop.time() - begun)
        return await self._lasting(await engine.sweep(sources, left))

    async def _lasting(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` of one look, with since when its services are as they are, where a room is watching."""
        if self.journal is None or not any(state.probed_at for state in snapshot.services):
            return snapshot
        from controlroom.domain.watched import lasting
        from controlroom.net.threads import in_daemon
        from controlroom.stores import health_journal

        try:
            watched = await in_daemon(health_journal.read, self.journal)
            within = await in_daemon(health_journal.watching_within, self.journal)
        except OSError:
            return snapshot
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

        setup = beginning.setup(self.config)
        for observation in seen:
            snapshot = folding.reduce(setup, snapshot, observation)
        return folding.compare(setup, snapshot, now)

    def _wanted(self, kind: SourceKind) -> bool:
        return self.kinds is None or kind in self.kinds

    def _sources(self) -> list[Source]:
        # Here, with the client libraries, because what folds and compares is not needed to show a room.
        from controlroom.domain import reduce  # noqa: F401

        makers: Sequence[tuple[SourceKind, Callable[[Config, Clock], Sequence[Source]]]] = (
            ("documents", _documents),
            ("self", _self_check),
            ("alerts", _alerts),
            ("benchmarks", _benchmarks),
        )
        sources = [
            source for kind, make in makers if self._wanted(kind) for source in make(self.config, self.clock)
        ]
        if self._wanted("status"):
            sources += _status(self.config, self.clock, self._sought_tests)
        if self._wanted("metrics"):
            sources += _metrics(self.config, self.clock, self._sought)
        if self._wanted("services"):
            sources += _services(self.config, self.clock, self._beats)
        return [*sources, self._log_source()] if self._wanted("store") else sources

    def _sought(self) -> Collection[str]:
        """Metrics that cards name as their proof and nobody promised."""
        from controlroom.domain.claims import sought

        return sought(self.snapshot)

    def _sought_tests(self) -> Collection[str]:
        """Tests that cards name as their proof."""
        from controlroom.domain.claims import sought_tests

        return sought_tests(self.snapshot)

    async def _beats(self, service: str) -> Beat | None:
        from controlroom.acting import Reports

        if self._reports is None:
            self._reports = Reports(self.config)
        return await self._reports.last(service)

    def _log_source(self) -> Source:
        from controlroom.sources.log import LogSource

        store = self.config.store
        title = beginning.store_title(store.url)
        return LogSource(lambda: self.delivery, store.interval, self.clock, title, timeout=store.timeout)


def build(
    config: Config,
    *,
    clock: Clock = utc_now,
    sources: Collection[SourceKind] | None = None,
    restored: Snapshot | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: Path | None = None,
    telling: str | None = None,
    past: Path | None = None,
) -> Room:
    """A room for `config`, showing `restored` (the room of an earlier run) until sources answer.

    `journal` is where transitions of services are kept and taken up again; `telling` see `Room.telling`;
    `past` is where what the room shows is kept.
    """
    snapshot = beginning.first(config, sources, clock())
    if restored is not None:
        snapshot = beginning.resumed(snapshot, restored, config, clock())
    return Room(config, snapshot, clock, sources, environ, journal, telling, past)


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
            written=config.folder / config.status.dir if config.status.dir else None,
        )
    ]


def _status(config: Config, clock: Clock, tests: Callable[[], Collection[str]]) -> Sequence[Source]:
    if not config.status.dir:
        return ()
    from controlroom.sources.status import StatusSource

    return [
        StatusSource(
            config.folder / config.status.dir,
            config.status.interval,
            clock,
            title=config.status.dir,
            tests=tests,
        )
    ]


def _services(config: Config, clock: Clock, beats: Beats) -> list[Source]:
    if not config.services:
        return []
    from controlroom.probes.prober import Prober
    from controlroom.sources.services import ServicesSource

    paced = [
        service if service.interval else replace(service, interval=beginning.pace(service, config))
        for service in beginning.services(config)
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
    if not beginning.looks_at_itself(config):
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


def _metrics(config: Config, clock: Clock, sought: Callable[[], Collection[str]]) -> Sequence[Source]:
    if not config.prometheus:
        return ()
    from controlroom.sources.metrics import MetricsSource

    dashboards = None
    if config.dashboards.paths:
        from controlroom.sources.dashboards import DashboardFiles

        dashboards = DashboardFiles(config.dashboards.paths, config.folder, clock)
    return [
        MetricsSource(
            server,
            beginning.signals_of(config, server),
            clock,
            _resolver(config),
            hold=config.gate.hold,
            dashboards=dashboards,
            # What nobody promised belongs to no server: the first is asked.
            proofs=sought if server is config.prometheus[0] else None,
        )
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


def _benchmarks(config: Config, clock: Clock) -> Sequence[Source]:
    if not config.benchmarks:
        return ()
    from controlroom.sources.benchmarks import BenchmarksSource

    declared = list(zip(config.benchmarks, beginning.benchmarks(config), strict=True))
    zone = config.program.zone
    return [BenchmarksSource(declared, config.prometheus, config.folder, clock, _resolver(config), zone=zone)]
