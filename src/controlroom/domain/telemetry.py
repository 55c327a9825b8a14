"""Signals squads promised, and why one is not there (domain rules, Telemetry gaps)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from controlroom.domain import promql
from controlroom.domain.signals import Signal
from controlroom.domain.text import slug

if TYPE_CHECKING:
    from controlroom.domain.board import Squad
    from controlroom.domain.waves import Wave


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


def reading_id(signal: Signal) -> str:
    """Identity of the reading of `signal`: ``squad/metric/job``, with ``*`` for any job."""
    return f"{signal.squad}/{signal.metric}/{signal.job or '*'}"


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
        return reading_id(self.signal)


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
        if not squad.signals
    )


def coverage(
    squads: Iterable[Squad],
    readings: Iterable[SignalReading],
    fail_codes: Collection[GapCode] = (),
) -> tuple[Coverage, ...]:
    """One Coverage per squad, in their order, of the signals required for exit.

    A signal nobody has read is undecided, never absent. `fail_codes` names the quality gaps that count as
    failing; the others count as delivered.
    """
    codes = {reading.id: reading.code for reading in readings}
    return tuple(_coverage(squad, codes, fail_codes) for squad in squads)


def _coverage(squad: Squad, codes: Mapping[str, GapCode], fail_codes: Collection[GapCode]) -> Coverage:
    required = {
        f"{squad.id}/{signal.metric}/{signal.job or '*'}"
        for signal in squad.signals
        if signal.required_for_exit
    }
    found = [codes.get(name, GapCode.UNKNOWN) for name in required]
    delivered = sum(
        code is GapCode.OK or (code in QUALITY_CODES and code not in fail_codes) for code in found
    )
    undecided = sum(code in UNDECIDED_CODES for code in found)
    return Coverage(
        squad.id,
        delivered,
        len(required),
        percent(delivered, len(required)),
        _verdict(delivered, undecided, len(required)),
    )


def percent(ok: int, required: int) -> int | None:
    """``floor(100 · ok / required)``; None where nothing is required, as that is no percentage."""
    return 100 * ok // required if required else None


def _verdict(passing: int, undecided: int, required: int) -> Verdict:
    if not required:
        return "NOT_DECLARED"
    if passing + undecided < required:
        return "FAIL"
    return "UNKNOWN" if undecided else "PASS"


def undecided(part: Coverage | Gate) -> bool:
    """Whether a signal that counts is not known, so that nobody can say how many are there."""
    parts = part.squads if isinstance(part, Gate) else ()
    return any(one.verdict == "UNKNOWN" for one in (part, *parts))


def gate(
    wave: Wave, coverage: Sequence[Coverage], squad_of: Callable[[str], str | None] | None = None
) -> Gate:
    """Whether `wave` may exit: every one of its squads delivers every signal it owes.

    A document may list a wave's squads under any of their names: `squad_of` gives the id for a name.

    A wave that lists no squads is judged by every squad that declares a required signal. Where nothing at
    all is required the gate is NOT_DECLARED; where some squads owe signals and another of the wave has
    declared none, that one fails it, as its dashboards would stay empty.
    """
    by_squad = {part.squad: part for part in coverage}
    if wave.squads:
        known = squad_of or slug
        squads = (squad if squad in by_squad else known(squad) or squad for squad in wave.squads)
        parts = tuple(
            by_squad.get(squad, Coverage(squad, 0, 0, None, "NOT_DECLARED"))
            for squad in dict.fromkeys(squads)
        )
    else:
        parts = tuple(part for part in coverage if part.required)
    ok, required = sum(part.ok for part in parts), sum(part.required for part in parts)
    verdicts = {part.verdict for part in parts}
    verdict: Verdict
    if not required:
        verdict = "NOT_DECLARED"
    elif verdicts & {"FAIL", "NOT_DECLARED"}:
        verdict = "FAIL"
    else:
        verdict = "UNKNOWN" if "UNKNOWN" in verdicts else "PASS"
    return Gate(wave.id, verdict, ok, required, percent(ok, required), parts)
