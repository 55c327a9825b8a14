"""One immutable value with everything the room shows; all of it as of one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from controlroom.domain.board import Item
from controlroom.domain.frozen import dataclass
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.health import ProbeResult, ServiceState
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.telemetry import Alert, Coverage, Gate, SignalReading
from controlroom.domain.triage import Blocker

if TYPE_CHECKING:  # its classes are needed once documents are read, not to show a room
    from controlroom.domain.actions import Entry, Outcome
    from controlroom.domain.alerts import Watchdog
    from controlroom.domain.benchmarks import BenchmarkReading
    from controlroom.domain.documents import DocumentReading
    from controlroom.domain.ledger import Ledger
    from controlroom.domain.relayed import Relayed
    from controlroom.domain.runs import Box, Run
    from controlroom.domain.selfcheck import Check
    from controlroom.domain.silences import Silence
    from controlroom.domain.tested import Results
    from controlroom.domain.waivers import Waiver

SourceKind = Literal["services", "metrics", "alerts", "documents", "status", "store", "self", "benchmarks"]
"""``self`` is this machine's look at itself."""


@dataclass(frozen=True, slots=True)
class ServicesSeen:
    """Some services were probed; others keep what they had."""

    results: tuple[ProbeResult, ...]


@dataclass(frozen=True, slots=True)
class SelfSeen:
    """This machine looked at itself: is it me?"""

    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class SignalsSeen:
    """Every declared signal of one Prometheus was looked for. `requests` it took.

    `proofs` are of metrics that cards name as their proof and nobody promised; None where this server is not
    the one that is asked for them.
    """

    readings: tuple[SignalReading, ...]
    warnings: tuple[str, ...] = ()
    requests: int = 0
    proofs: tuple[SignalReading, ...] | None = None


@dataclass(frozen=True, slots=True)
class AlertsSeen:
    """The alerts of one Alertmanager, and who has silenced what there."""

    alerts: tuple[Alert, ...]
    warnings: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()
    watchdog: Watchdog | None = None
    """Its dead-man's switch; None where none is configured."""


@dataclass(frozen=True, slots=True)
class DocumentsSeen:
    """All configured documents, each as last read well."""

    readings: tuple[DocumentReading, ...]


@dataclass(frozen=True, slots=True)
class StatusFile:
    """A status JSON as it was read; `data` holds it whole, unknown keys included."""

    path: str
    for_date: str
    slot: str
    as_of: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """The status folder: the files that could be read, oldest `as_of` first, and what could not."""

    files: tuple[StatusFile, ...]
    unreadable: tuple[str, ...] = ()
    """``2025-10-07.json line 12: …``"""
    lints: tuple[Lint, ...] = ()
    tests: Results | None = None
    """The newest captured results of the tests that cards name as their proof; None where none does."""


@dataclass(frozen=True, slots=True)
class LogSeen:
    """The triage log was read: `entries` follow what was known, or are all there is with `from_start`."""

    entries: tuple[Entry, ...]
    head: int
    durability: str = "durable"
    trouble: str = ""
    """Why nothing can be committed there although it can be read."""
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class OutboxSeen:
    """This person's actions that are not in the log. Comes under the source id ``outbox``."""

    queued: tuple[Outcome, ...] = ()
    """Oldest first; `reason` says why each still waits."""
    conflicts: tuple[Outcome, ...] = ()
    """Each waits for a decision; `current` is what the other person did."""
    trouble: str = ""
    """Why the outbox cannot be used; then nothing can be recorded."""


@dataclass(frozen=True, slots=True)
class BenchmarksSeen:
    """Some benchmarks were looked at; others keep what they had."""

    readings: tuple[BenchmarkReading, ...]


Payload = (
    ServicesSeen
    | SelfSeen
    | SignalsSeen
    | AlertsSeen
    | DocumentsSeen
    | StatusSeen
    | LogSeen
    | OutboxSeen
    | BenchmarksSeen
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source could not be read, in plain words without secrets."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one poll of one source brought: a payload or a failure, never neither."""

    source: str
    kind: SourceKind
    at: datetime
    payload: Payload | None = None
    failure: Failure | None = None
    complete: bool = True
    """False for a part of a poll whose rest is still on its way."""
    as_of: datetime | None = None
    """When the data itself is from, where that is not when it was fetched."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source is doing. Freshness is judged from `read_at` when shown."""

    id: str
    kind: SourceKind
    title: str = ""
    interval: float = 5.0
    read_at: datetime | None = None
    as_of: datetime | None = None
    error: str | None = None
    error_since: datetime | None = None
    warnings: tuple[str, ...] = ()
    remedy: str = ""
    """What would mend `error`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a baseline and now; `category` orders them."""

    category: str
    id: str
    text: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """What "since" is measured from, and why that one was chosen."""

    file: StatusFile
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The room at one instant. Unchanged parts are the same objects as in the snapshot before."""

    program: Program
    version: int = 0
    taken_at: datetime | None = None
    sources: tuple[SourceStatus, ...] = ()
    services: tuple[ServiceState, ...] = ()
    signals: tuple[SignalReading, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    gates: tuple[Gate, ...] = ()
    alerts: tuple[Alert, ...] = ()
    documents: tuple[DocumentReading, ...] = ()
    items: tuple[Item, ...] = ()
    steps: tuple[Item, ...] = ()
    """The programme's own lane: next implementation steps."""
    blockers: tuple[Blocker, ...] = ()
    lints: tuple[Lint, ...] = ()
    status: StatusSeen | None = None
    baseline: Baseline | None = None
    changes: tuple[Change, ...] = ()
    restored: bool = False
    """True while it is the saved room of an earlier run and no source has answered yet."""
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    """``item id:status`` → when this room first saw it in that status; ``blocker id:blocker`` → when it first
    read of that blocker in a document."""
    declared_blockers: tuple[Blocker, ...] = ()
    """The part of `blockers` that documents list."""
    document_lints: tuple[Lint, ...] = ()
    """The part of `lints` found while reading documents."""
    declared_items: tuple[Item, ...] = ()
    """`items` as documents list them, before the triage log."""
    ledger: Ledger | None = None
    """The triage log; None until it was read."""
    log: LogSeen | None = None
    """The last look at it, without its entries."""
    outbox: OutboxSeen = OutboxSeen()
    kept_blockers: tuple[Blocker, ...] = ()
    """Those of an earlier run that only the log or a status file can tell of, until these are read."""
    kept_items: tuple[Item, ...] = ()
    """Cards of an earlier run that people acted on, until the log is read."""
    self_checks: tuple[Check, ...] = ()
    """What this machine last found out about itself; empty where it was not asked or could not look."""
    waivers: tuple[Waiver, ...] = ()
    """The last waiver of every signal that has one, over or not; some may wait in the outbox."""
    silences: tuple[Silence, ...] = ()
    watchdogs: tuple[Watchdog, ...] = ()
    """Alerts that must always fire, as each Alertmanager last told of them."""
    proofs: tuple[SignalReading, ...] = ()
    """Metrics that cards name as their proof and no squad promised, as they were found."""
    runs: tuple[Run, ...] = ()
    """Every holding of a ritual that the log tells of, as they began; one may be on."""
    boxes: tuple[Box, ...] = ()
    """Boxes of checklists that somebody ticked."""
    benchmarks: tuple[BenchmarkReading, ...] = ()
    """The declared benchmarks, each with its results and what they say."""
    gate_rules: GateRules = field(default_factory=GateRules)
    """What a gate asks of a signal before it counts."""
    relayed: Relayed | None = None
    """How the room came to this screen, where it follows a collector; None where it looks for itself."""

    def source(self, kind: SourceKind) -> SourceStatus | None:
        """The first source of `kind`, or None where none is configured."""
        return next((s for s in self.sources if s.kind == kind), None)
