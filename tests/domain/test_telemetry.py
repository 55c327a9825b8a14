"""Coverage and gates: what counts as delivered, and what nobody may call complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.board import Squad
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import (
    QUALITY_CODES,
    UNDECIDED_CODES,
    Coverage,
    GapCode,
    SignalReading,
    coverage,
    gate,
    is_gap,
    percent,
    reading_id,
    source_down,
    undeclared,
)
from controlroom.domain.waves import Wave

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)
CODES = [code for code in GapCode if code is not GapCode.NOT_DECLARED]


def squad_with(codes: list[GapCode], squad: str = "river") -> tuple[Squad, tuple[SignalReading, ...]]:
    signals = tuple(Signal(f"m{i}", "job", squad) for i in range(len(codes)))
    return Squad(squad, signals=signals), tuple(map(SignalReading, signals, codes))


@given(st.lists(st.sampled_from(CODES), max_size=12))
def test_a_squads_verdict_follows_from_its_codes(codes: list[GapCode]) -> None:
    """FAIL for any known failing, else UNKNOWN for any undecided, else PASS; never PASS for nothing."""
    squad, readings = squad_with(codes)
    (part,) = coverage([squad], readings)
    delivered = sum(code is GapCode.OK or code in QUALITY_CODES for code in codes)
    failing = len(codes) - delivered - sum(code in UNDECIDED_CODES for code in codes)
    assert (part.ok, part.required) == (delivered, len(codes))
    if not codes:
        assert (part.verdict, part.pct) == ("NOT_DECLARED", None)
    elif failing:
        assert part.verdict == "FAIL"
    else:
        assert part.verdict == ("PASS" if delivered == len(codes) else "UNKNOWN")
    assert part.pct != 100 or delivered == len(codes)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_percentage_is_floored(ok: int, required: int) -> None:
    """A percentage never claims more than there is: 100 only when all of it is there."""
    value = percent(min(ok, required), required)
    assert value is not None
    assert value * required <= 100 * min(ok, required) < (value + 1) * required


def test_nothing_of_nothing_is_no_percentage() -> None:
    """0/0 is not declared, never 100 %."""
    assert percent(0, 0) is None
    (part,) = coverage([Squad("river", signals=(Signal("m", required_for_exit=False),))], [])
    assert part == Coverage("river", 0, 0, None, "NOT_DECLARED")


def test_a_signal_nobody_has_read_is_undecided() -> None:
    """A declared signal without a reading is unknown, not absent and not there."""
    (part,) = coverage([Squad("river", signals=(Signal("m"),))], [])
    assert part == Coverage("river", 0, 1, 0, "UNKNOWN")


def test_quality_gaps_fail_only_where_told() -> None:
    """A flat counter is delivered, unless `fail_codes` says that it must move."""
    squad, readings = squad_with([GapCode.OK, GapCode.FLAT])
    assert coverage([squad], readings)[0] == Coverage("river", 2, 2, 100, "PASS")
    assert coverage([squad], readings, {GapCode.FLAT})[0] == Coverage("river", 1, 2, 50, "FAIL")


PARTS = {
    "PASS": Coverage("pass", 2, 2, 100, "PASS"),
    "FAIL": Coverage("fail", 1, 3, 33, "FAIL"),
    "UNKNOWN": Coverage("unknown", 1, 2, 50, "UNKNOWN"),
    "NOT_DECLARED": Coverage("not_declared", 0, 0, None, "NOT_DECLARED"),
}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["PASS"], "PASS"),
        (["PASS", "UNKNOWN"], "UNKNOWN"),
        (["PASS", "UNKNOWN", "FAIL"], "FAIL"),
        (["PASS", "NOT_DECLARED"], "FAIL"),
        (["UNKNOWN", "NOT_DECLARED"], "FAIL"),
        (["NOT_DECLARED"], "NOT_DECLARED"),
    ],
)
def test_a_gate_is_as_good_as_its_worst_squad(verdicts: list[str], expected: str) -> None:
    """FAIL > UNKNOWN > PASS; a squad that promises nothing fails the gate of those who promise."""
    parts = [PARTS[verdict] for verdict in verdicts]
    assert gate(Wave("a", squads=tuple(p.squad for p in parts)), list(PARTS.values())).verdict == expected


def test_a_gate_covers_its_own_squads_only() -> None:
    """Another wave's failing squad does not fail this one; a squad nobody knows has declared nothing."""
    parts = list(PARTS.values())
    judged = gate(Wave("a", squads=("pass", "pass")), parts)
    assert (judged.verdict, judged.ok, judged.required, judged.pct) == ("PASS", 2, 2, 100)
    assert [p.squad for p in judged.squads] == ["pass"]
    assert gate(Wave("a", squads=("pass", "nobody")), parts).verdict == "FAIL"


def test_a_gate_knows_squads_by_their_names() -> None:
    """A wave that a document lists squads for, by name or alias, is judged by the same squads."""
    parts = [Coverage("river_weir", 1, 1, 100, "PASS")]
    assert gate(Wave("a", squads=("River & Weir",)), parts).verdict == "PASS"
    aliases = {"Weir": "river_weir"}
    assert gate(Wave("a", squads=("Weir", "river_weir")), parts, aliases.get).ok == 1


def test_a_wave_without_squads_is_judged_by_all_who_declare() -> None:
    """Where a wave lists no squads, every squad that promises something counts, and nobody else."""
    judged = gate(Wave("a"), [PARTS["PASS"], PARTS["NOT_DECLARED"]])
    assert (judged.verdict, [p.squad for p in judged.squads]) == ("PASS", ["pass"])
    assert gate(Wave("a"), []).verdict == "NOT_DECLARED"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6))
def test_a_gate_adds_up_its_squads(counts: list[tuple[int, int]]) -> None:
    """A gate's numbers are the sums of its squads', and 0/0 has no percentage."""
    parts = [
        Coverage(f"s{i}", ok, ok + short, percent(ok, ok + short), "PASS" if not short else "FAIL")
        if ok + short
        else Coverage(f"s{i}", 0, 0, None, "NOT_DECLARED")
        for i, (ok, short) in enumerate(counts)
    ]
    judged = gate(Wave("a", squads=tuple(p.squad for p in parts)), parts)
    assert judged.ok == sum(p.ok for p in parts)
    assert judged.required == sum(p.required for p in parts)
    assert (judged.pct is None) == (judged.required == 0)
    assert (judged.verdict == "PASS") == bool(parts and all(p.verdict == "PASS" for p in parts))


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
