"""`controlroom telemetry`: what squads deliver, what is missing, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controlroom.domain import trend
from controlroom.domain.instants import duration, maybe
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.status import known_gap
from controlroom.domain.telemetry import GapCode, SignalReading, is_gap, undeclared
from controlroom.headless.gates import coverage_entry, coverage_line, gate_entry
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE


def gaps(snapshot: Snapshot) -> tuple[SignalReading, ...]:
    """Every signal that is not as promised or not known, and every squad that promises none."""
    return (*filter(is_gap, snapshot.signals), *undeclared(snapshot.program.squads))


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `telemetry --json`."""
    return {
        "signals": [entry(reading) for reading in (*snapshot.signals, *undeclared(snapshot.program.squads))],
        "coverage": [
            {**coverage_entry(part), "trend": _trend(trend.trend(snapshot.status, part.squad))}
            for part in snapshot.coverage
        ],
        "gates": [
            {**gate_entry(gate), "trend": _trend(trend.wave_trend(snapshot.status, gate.wave))}
            for gate in snapshot.gates
        ],
        "sources": [
            {
                "id": source.id,
                "error": source.error,
                "remedy": source.remedy or None,
                "read_at": maybe(source.read_at),
                "warnings": list(source.warnings),
            }
            for source in snapshot.sources
            if source.kind == "metrics"
        ],
    }


def _trend(points: Sequence[trend.Point]) -> list[dict[str, Any]]:
    return [
        {
            "date": point.date.isoformat(),
            "pct": point.pct,
            "ok": point.ok,
            "required": point.required,
            "verdict": point.verdict,
        }
        for point in points
    ]


def entry(reading: SignalReading) -> dict[str, Any]:
    """One signal or gap, as it stands in `telemetry --json` and in `snapshot --json`."""
    signal = reading.signal
    return {
        "squad": signal.squad,
        "metric": signal.metric or None,
        "job": signal.job,
        "code": reading.code.value,
        "text": reading.text,
        "last_seen": maybe(reading.last_seen),
        "hint": reading.hint,
        "query": reading.query,
        "required_for_exit": signal.required_for_exit and bool(signal.title),
        "sample_age_s": None if reading.sample_age is None else round(reading.sample_age, 1),
        "series": reading.series,
        "targets": list(reading.targets),
        "server": signal.server,
        "topic": signal.topic,
        "since": maybe(reading.since),
        "since_or_before": reading.or_before,
        "near": list(reading.near),
        "also": [code.value for code in reading.also],
        "unchecked": [code.value for code in reading.unchecked],
    }


def as_text(snapshot: Snapshot, now: datetime) -> str:
    """Coverage of each squad, its gaps with reason and next step below it, then how much is well."""
    by_squad: dict[str, list[SignalReading]] = {}
    for reading in snapshot.signals:
        by_squad.setdefault(reading.signal.squad, []).append(reading)
    lines = []
    for part in snapshot.coverage:
        lines.append(coverage_line(part, now))
        for reading in by_squad.pop(part.squad, ()):
            if is_gap(reading):
                lines += _gap_lines(reading, now)
    for readings in by_squad.values():  # of squads that nobody lists
        for reading in filter(is_gap, readings):
            lines += _gap_lines(reading, now)
    for source in snapshot.sources:
        if source.kind == "metrics" and (source.error or source.warnings):
            said = [source.error, *source.warnings] if source.error else source.warnings
            lines += [f"{source.title or source.id}: {text}" for text in said]
    return "\n".join(lines or ["no signals are declared: add [[squads.signals]]"]) + "\n"


def _gap_lines(reading: SignalReading, now: datetime) -> list[str]:
    signal = reading.signal
    where = f" (job {signal.job})" if signal.job else ""
    parts = [f"  {reading.code.value} {signal.title}{where}", reading.text]
    if reading.last_seen is not None:
        said = "" if reading.code is GapCode.DISAPPEARED else "last seen "
        parts.append(f"{said}{duration((now - reading.last_seen).total_seconds())} ago")
    lines = [" · ".join(part for part in parts if part)]
    if reading.hint:
        lines.append(f"    {reading.hint}")
    if reading.query:
        lines.append(f"    {reading.query}")
    return lines


def exit_code(snapshot: Snapshot) -> int:
    """1 for a known gap, else 3 while a signal or a Prometheus cannot be asked about, else 0.

    What a gate asks of a signal and could not be looked for is such a thing too.
    """
    if any(map(known_gap, snapshot.signals)):
        return ATTENTION
    unknown = any(map(is_gap, snapshot.signals)) or any(part.unknown for part in snapshot.coverage)
    return UNREACHABLE if unknown or _unread(snapshot) else FINE


def _unread(snapshot: Snapshot) -> bool:
    sources = [source for source in snapshot.sources if source.kind == "metrics"]
    return any(source.error or source.read_at is None for source in sources)
