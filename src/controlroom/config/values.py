"""The configuration's shape: a field here is a key in controlroom.toml, and its docstring its manual.

Plain dataclasses, so that reading a configuration that has been validated before imports no validator.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.notice_kind import NoticeKind
from controlroom.domain.program import Program

if TYPE_CHECKING:
    from controlroom.domain.secret import SecretRef
    from controlroom.domain.services import Service


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """`[[prometheus]]`: a Prometheus-compatible API."""

    id: str = "prometheus"
    url: str = ""
    interval: float = 15.0
    """Seconds between looks at all signals."""
    timeout: float = 5.0
    username: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    ca: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class LabelRule:
    """An alert whose label `label` equals `value`, or wholly matches the regular expression `match`, belongs
    to `squad`. One of the two is given."""

    label: str
    value: str = ""
    squad: str = ""
    match: str | None = None


@dataclass(frozen=True, slots=True)
class AlertmanagerServer:
    """`[[alertmanagers]]`: an Alertmanager, API v2. A `squad` or `team` label always names the squad."""

    id: str = "alertmanager"
    url: str = ""
    interval: float = 10.0
    timeout: float = 5.0
    watchdog: str | None = None
    """Name of an alert that must always fire: its absence means that no alert would arrive."""
    rules: tuple[LabelRule, ...] = ()
    username: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    ca: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Documents:
    """`[documents]`: the squads' Markdown. Paths and globs are relative to the configuration file."""

    paths: tuple[str, ...] = ()
    interval: float = 2.0
    banner_required: bool = True
    """Lint D001 for a document without `[program].banner` (only where a banner is configured)."""
    write_back: Literal["never", "ask", "always"] = "ask"
    """Whether a card moved in the room is moved in its document too: that one cell is rewritten."""


@dataclass(frozen=True, slots=True)
class Dashboards:
    """`[dashboards]`: Grafana dashboards kept in the repository, as JSON or in YAML manifests."""

    paths: tuple[str, ...] = ()
    """Paths and globs, relative to the configuration file."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`[[proofs]]`: what shows that a card is done, where its document does not name it."""

    item: str
    """Id of the card."""
    proof: tuple[str, ...] = ()
    """Metrics, ids of services, topics or test ids."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`[[benchmarks]]`: a number measured again and again, compared with its own history.

    Its results are read from files, or asked of a Prometheus.
    """

    id: str = ""
    name: str = ""
    squad: str | None = None
    """Whose it is."""
    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    path: str | None = None
    """Files with one result each, JSON or JUnit; a glob, relative to the configuration file."""
    value: str = ""
    """Where the number stands in each file: a JSON pointer (RFC 6901), which begins with a slash, or the name
    of a JUnit test case, whose time in seconds it is."""
    metric: str | None = None
    """PromQL that gives one number."""
    server: str | None = None
    """Id of the `[[prometheus]]` to ask; None is the first."""
    tolerance: float = 0.1
    """Share by which a result may be worse than the median of those before it."""
    window: int = 7
    """How many results before it count."""
    least: int = 3
    """How many there must be before anything is called a regression."""
    max_age: float = 93_600.0
    """Seconds after which the last result is too old to say anything of today."""


@dataclass(frozen=True, slots=True)
class Channel:
    """`[[notify]]`: where people are told what happened."""

    id: str = ""
    kind: Literal["slack", "webhook"] = "slack"
    """``slack`` takes ``{"text": …}``, ``webhook`` the whole notice as JSON."""
    webhook: SecretRef | None = None
    """Its URL: a reference, as whoever knows it can write there. None: the room only shows its notices."""
    events: tuple[NoticeKind, ...] = ()
    """What is told there; none: everything."""
    squads: tuple[str, ...] = ()
    """Only what concerns these squads; none: all."""
    quiet: float = 300.0
    """Seconds in which the same thing is not told again."""
    at_most: int = 30
    """Notices an hour; what goes beyond is counted, and the count is told."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`[evidence]`: what is kept on an Integration Day beside what the room itself sees."""

    junit: tuple[str, ...] = ()
    """JUnit files of the smoke tests; paths and globs, relative to the configuration file."""
    requests: tuple[str, ...] = ()
    """URLs whose answers are kept as they come."""
    screens: bool = True
    """Whether pictures of the room are kept too."""


@dataclass(frozen=True, slots=True)
class Past:
    """`[past]`: how much of what the room showed is kept on this machine, for going back in time."""

    keep: float = 86_400.0
    """Seconds; 0 keeps nothing."""
    every: float = 1.0
    """Seconds between two moments that are kept at least."""
    megabytes: int = 256
    """Size of the file at most; the oldest moments go first."""


@dataclass(frozen=True, slots=True)
class Collect:
    """`[collect]`: one process, or several for availability, that polls for everybody's screens."""

    listen: str = "127.0.0.1:9460"
    """Where ``/metrics``, ``/healthz`` and ``/readyz`` are; empty: nowhere."""
    lease: float = 5.0
    """Seconds after which a leader that is not heard of any more has lost its lead."""
    every: float = 0.5
    """Seconds between two frames at least."""
    publish: tuple[str, ...] = ()
    """Times of the day, in the programme's zone, at which the status JSON is written, such as ``23:55``."""
    shards: bool = False
    """Whether collectors that do not lead share the probing of services."""


@dataclass(frozen=True, slots=True)
class Serve:
    """`[serve]`: the room in a browser."""

    listen: str = "127.0.0.1:8460"
    token: SecretRef | None = None
    """What a browser has to bring; None: one is made at every start, and shown in the address."""
    origins: tuple[str, ...] = ()
    """Origins (``https://room.example``) beside the one it listens at, where a proxy stands before it."""
    sessions: int = 20
    """Tabs at the same time at most."""
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class StatusFolder:
    """`[status]`: the folder of status JSON files, relative to the configuration file."""

    dir: str | None = None
    interval: float = 5.0


@dataclass(frozen=True, slots=True)
class Store:
    """`[store]`: where the triage log lives: a folder beside the configuration, or a Redis for teams."""

    url: str = "dir:log"
    interval: float = 1.0
    """Seconds between looks at what others did."""
    timeout: float = 2.0
    username: str | None = None
    password: SecretRef | None = None
    ca: str | None = None
    """PEM file of the authority that signed the server's certificate."""
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Triage:
    """`[triage]`: who acts here, and where escalations go."""

    by: str | None = None
    """Name that actions are signed with; None is the login name."""
    channel: str = ""
    """Where an escalation's text is meant to go, such as ``#tiger-crew``."""
    webhook: SecretRef | None = None
    """A Slack-compatible URL that takes ``{"text": …}``; asked before anything is sent."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """`[self_check]`: how this machine finds out whether it is itself what is cut off."""

    targets: tuple[str, ...] = ()
    """Addresses that answer whenever the network works, ``host:port`` or ``https://…``; one is enough."""
    dns: str | None = None
    """A host name that always exists; None tries the names of the services."""
    interval: float = 10.0
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class Polling:
    """`[polling]`: the pace of everything that has none of its own, in seconds."""

    services: float = 5.0
    timeout: float = 2.0
    at_once: int = 10
    """Probes started at the same time; more make the keyboard slower, not the sweep faster."""


@dataclass(frozen=True, slots=True)
class Ui:
    """`[ui]`: how the room looks for whoever opens it."""

    theme: str = "controlroom-dark"
    viewer_zone: str | None = None
    """IANA zone of the viewer; None is the machine's."""
    ascii: bool = False
    redact: bool = False
    bell: bool = False
    """Whether the terminal's bell rings when a service goes down (in the view for on-call)."""
    page: float = 0.0
    """Seconds after which a wall screen turns to its next page by itself; 0: it does not."""


@dataclass(frozen=True, slots=True)
class ProgramKeys:
    """`[program]`."""

    id: str = "programme"
    title: str = ""
    start: str | None = None
    """A date, or ``latest saturday`` and the like: the most recent such weekday."""
    zone: str = "UTC"
    banner: str = ""
    note: str = ""
    holidays: tuple[dt.date, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """A validated configuration. `path` is the file it came from, None for built-in defaults."""

    program: Program = field(default_factory=Program)
    services: tuple[Service, ...] = ()
    self_check: SelfCheck = field(default_factory=SelfCheck)
    prometheus: tuple[PrometheusServer, ...] = ()
    alertmanagers: tuple[AlertmanagerServer, ...] = ()
    gate: GateRules = field(default_factory=GateRules)
    dashboards: Dashboards = field(default_factory=Dashboards)
    proofs: tuple[Proof, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    notify: tuple[Channel, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    past: Past = field(default_factory=Past)
    collect: Collect = field(default_factory=Collect)
    serve: Serve = field(default_factory=Serve)
    documents: Documents = field(default_factory=Documents)
    status: StatusFolder = field(default_factory=StatusFolder)
    store: Store = field(default_factory=Store)
    triage: Triage = field(default_factory=Triage)
    polling: Polling = field(default_factory=Polling)
    ui: Ui = field(default_factory=Ui)
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id → keys, comma separated; checked against the one key table."""
    path: Path | None = None

    @property
    def folder(self) -> Path:
        """What relative paths in the configuration are relative to."""
        return self.path.parent if self.path else Path.cwd()
