"""Signals squads promised, and why one is not there (domain rules, Telemetry gaps)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from controlroom.domain import promql
from controlroom.domain.frozen import dataclass
from controlroom.domain.signals import Signal

if TYPE_CHECKING:
    from controlroom.domain.board import Squad


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

UNDECIDED_CODES = UNKNOWN_CODES | {GapCode.TARGET_PENDING}
"""Codes that leave a gate undecided: soon, or once the server answers, it is known."""

QUALITY_CODES = frozenset(
    {
        GapCode.WRONG_TYPE,
        GapCode.MISSING_LABEL,
        GapCode.FLAT,
        GapCode.NO_RULE,
        GapCode.RULE_ERROR,
        GapCode.RULE_BLIND,
        GapCode.NO_DASHBOARD,
    }
)
"""Gaps of a signal that is delivered; they warn, and fail a gate only where it is told so."""


GONE_CODES = frozenset(
    {GapCode.NO_TARGET, GapCode.TARGET_DOWN, GapCode.SCRAPE_EMPTY, GapCode.DISAPPEARED, GapCode.STALE}
)
"""Codes of what may have been there: since its last sample it is not."""


def reading_id(signal: Signal) -> str:
    """Identity of the reading of `signal`: ``squad/metric/job``, with ``*`` for any job.

    A topic's is ``squad/topic:name/*``.
    """
    what = signal.metric if signal.topic is None else f"topic:{signal.topic}"
    return f"{signal.squad}/{what}/{signal.job or '*'}"


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
    since: datetime | None = None
    """Since when it has been delivered, or has not been, without a break, as far as anybody can tell."""
    near: tuple[str, ...] = ()
    """Exported metrics of almost its name, nearest first: what ``did you mean`` offers."""
    unchecked: tuple[GapCode, ...] = ()
    """Quality gaps that could not be looked for this time."""
    also: tuple[GapCode, ...] = ()
    """Further gaps in quality beside the one that `code` tells."""
    or_before: bool = False
    """`since` is only as far back as anybody has looked: it may have been so for longer."""

    @property
    def id(self) -> str:
        """Stable identity: squad, metric and job."""
        return reading_id(self.signal)


Verdict = Literal["PASS", "FAIL", "UNKNOWN", "NOT_DECLARED"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a squad's required signals are there. `pct` is None where nothing is required."""

    squad: str
    ok: int
    """Signals that are delivered now, waived or not."""
    required: int
    pct: int | None
    verdict: Verdict
    waived: int = 0
    """Signals that are not delivered and that a waiver excuses."""
    unknown: int = 0
    """Signals of which nobody can say whether they are delivered."""
    holding: int = 0
    """Signals that would pass, but have been delivered or waived for less than the hold time."""
    holds_at: datetime | None = None
    """When the last of these will have been long enough."""
    lapses_at: datetime | None = None
    """When the first of the waivers ends that the verdict rests on."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a wave may exit, as far as telemetry can tell: the sums over its squads."""

    wave: str
    verdict: Verdict
    ok: int
    required: int
    pct: int | None
    squads: tuple[Coverage, ...] = ()
    waived: int = 0
    unknown: int = 0
    holding: int = 0
    holds_at: datetime | None = None
    why: str = ""
    """Why nobody can say whether the wave may exit though every signal passes; empty where that is known."""
    lapses_at: datetime | None = None


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
    because: str = ""
    """What says whose it is, in plain words: a label of its own, or a rule."""


def source_down(
    signals: Iterable[Signal], known: Mapping[str, SignalReading], reason: str
) -> tuple[SignalReading, ...]:
    """Every signal as it reads while its server cannot be asked: unknown, with what was last seen kept.

    `known` holds earlier readings by id. A sample's age is dropped, as nobody can tell it now.
    """
    return tuple(_down(signal, known.get(reading_id(signal)), reason) for signal in signals)


def _down(signal: Signal, before: SignalReading | None, reason: str) -> SignalReading:
    kept = before or SignalReading(signal, GapCode.UNKNOWN)
    return replace(
        kept,
        signal=signal,
        code=GapCode.SOURCE_DOWN,
        text=reason,
        sample_age=None,
        series=None,
        hint="mend the server first: nothing is known about the metric itself",
        query=kept.query or promql.selector(signal.metric, signal.job),
        targets=(),
        since=None,
        near=(),
        unchecked=(),
        also=(),
    )


def is_gap(reading: SignalReading) -> bool:
    """Whether `reading` is worth a line among the gaps."""
    return reading.code is not GapCode.OK


def undeclared(squads: Iterable[Squad]) -> tuple[SignalReading, ...]:
    """One NOT_DECLARED reading, without a metric, for each squad that declares no signal at all."""
    return tuple(
        SignalReading(
            Signal("", squad=squad.id),
            GapCode.NOT_DECLARED,
            f"{squad.name or squad.id} declares no signal",
            hint=f"add [[squads.signals]] to squad {squad.id}",
        )
        for squad in squads
        if not squad.signals and not squad.topics
    )
