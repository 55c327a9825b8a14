"""Signals squads promised, and why one is not there (domain rules, Telemetry gaps)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Signal:
    """A metric a squad declares it will deliver. `squad` is filled from the squad that lists it."""

    metric: str
    job: str | None = None
    squad: str = ""
    type: Literal["counter", "gauge", "histogram", "summary"] | None = None
    labels: tuple[str, ...] = ()
    required_for_exit: bool = True
    expect_activity: bool = False
    alert: str | None = None
    dashboard: str | None = None
    server: str | None = None
    """Id of the `[[prometheus]]` that has it; None is the first."""


class GapCode(StrEnum):
    """Why a signal is not there, root cause first; OK is not a gap."""

    OK = "OK"
    UNKNOWN = "UNKNOWN"
    """Not asked yet, or part of the answer is missing: never an absence."""
    SOURCE_DOWN = "SOURCE_DOWN"
    NO_TARGET = "NO_TARGET"
    TARGET_DOWN = "TARGET_DOWN"
    TARGET_PENDING = "TARGET_PENDING"
    SCRAPE_EMPTY = "SCRAPE_EMPTY"
    NEVER_SEEN = "NEVER_SEEN"
    DISAPPEARED = "DISAPPEARED"
    PARTIAL = "PARTIAL"
    NAN = "NAN"
    INF = "INF"
    STALE = "STALE"
    FRESHNESS = "FRESHNESS"
    WRONG_TYPE = "WRONG_TYPE"
    MISSING_LABEL = "MISSING_LABEL"
    FLAT = "FLAT"
    TOPIC_SILENT = "TOPIC_SILENT"
    NO_RULE = "NO_RULE"
    RULE_ERROR = "RULE_ERROR"
    RULE_BLIND = "RULE_BLIND"
    NO_DASHBOARD = "NO_DASHBOARD"
    NOT_DECLARED = "NOT_DECLARED"


UNKNOWN_CODES = frozenset({GapCode.UNKNOWN, GapCode.SOURCE_DOWN})
"""Codes that say nothing about the metric itself."""


@dataclass(frozen=True, slots=True)
class SignalReading:
    """One declared signal as it was found. `code` OK means present, fresh and complete."""

    signal: Signal
    code: GapCode
    text: str = ""
    """The reason in plain words."""
    last_seen: datetime | None = None
    sample_age: float | None = None
    """Seconds, of the newest sample."""
    series: int | None = None
    hint: str | None = None
    """What to do next, such as ``did you mean policy_evaluations_total?``."""
    query: str = ""
    """The exact PromQL that shows it."""
    targets: tuple[str, ...] = ()
    """``instance: up`` or ``instance: last error`` of the job's targets."""

    @property
    def id(self) -> str:
        """Stable identity: squad, metric and job."""
        return f"{self.signal.squad}/{self.signal.metric}/{self.signal.job or '*'}"


Verdict = Literal["PASS", "FAIL", "UNKNOWN", "NOT_DECLARED"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a squad's required signals are there. `pct` is None where nothing is required."""

    squad: str
    ok: int
    required: int
    pct: int | None
    verdict: Verdict
    waived: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a wave may exit, as far as telemetry can tell."""

    wave: str
    verdict: Verdict
    ok: int
    required: int
    pct: int | None
    squads: tuple[Coverage, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of Alertmanager. `squad` is None when no rule maps it: the unowned bucket."""

    fingerprint: str
    name: str
    severity: str = ""
    summary: str = ""
    state: Literal["active", "suppressed", "unprocessed"] = "active"
    starts_at: datetime | None = None
    squad: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator: str = ""
    server: str = ""
    silenced_by: tuple[str, ...] = ()
