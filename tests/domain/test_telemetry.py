"""Readings of signals: their identity, and what is left of them while their server is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from controlroom.domain.board import Squad
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import (
    GapCode,
    SignalReading,
    is_gap,
    reading_id,
    source_down,
    undeclared,
)

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)


def squad_with(codes: list[GapCode], squad: str = "river") -> tuple[Squad, tuple[SignalReading, ...]]:
    signals = tuple(Signal(f"m{i}", "job", squad) for i in range(len(codes)))
    return Squad(squad, signals=signals), tuple(map(SignalReading, signals, codes))


def test_a_server_that_is_down_keeps_what_was_last_seen() -> None:
    """SOURCE_DOWN keeps the time a signal was last seen and drops what nobody can tell any more."""
    signal = Signal("m", "job", "river")
    before = SignalReading(
        signal, GapCode.OK, "3 series", AT, 2.0, 3, query='m{job="job"}', targets=("a: up",)
    )
    down, other = source_down((signal, replace(signal, metric="n")), {before.id: before}, "refused")
    assert down == replace(
        before,
        code=GapCode.SOURCE_DOWN,
        text="refused",
        sample_age=None,
        series=None,
        hint=down.hint,
        targets=(),
    )
    assert (other.code, other.last_seen, other.signal.metric) == (GapCode.SOURCE_DOWN, None, "n")
    assert other.query == 'n{job="job"}'
    assert is_gap(down)


def test_a_squad_without_signals_reads_not_declared() -> None:
    """Each squad that promises nothing is one NOT_DECLARED, which says which key to add."""
    (reading,) = undeclared([Squad("river", "River"), squad_with([GapCode.OK], "sea")[0]])
    assert (reading.code, reading.signal.squad, reading.signal.metric) == (GapCode.NOT_DECLARED, "river", "")
    assert "[[squads.signals]]" in (reading.hint or "")


def test_a_readings_id_is_its_signals() -> None:
    """Squad, metric and job make the identity; any job is a star."""
    assert reading_id(Signal("m", None, "river")) == "river/m/*"
    assert SignalReading(Signal("m", "j", "river"), GapCode.OK).id == "river/m/j"
