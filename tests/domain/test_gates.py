"""Coverage and gates: what counts as delivered, for how long, and what nobody may call complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import gates
from controlroom.domain.board import Squad
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.gates import gate, percent, stand
from controlroom.domain.signals import Signal, Topic
from controlroom.domain.telemetry import (
    QUALITY_CODES,
    UNDECIDED_CODES,
    Coverage,
    GapCode,
    SignalReading,
)
from controlroom.domain.waivers import Waiver
from controlroom.domain.waves import Wave

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)
LONG_AGO = AT - timedelta(hours=3)
RULES = GateRules()
CODES = [code for code in GapCode if code is not GapCode.NOT_DECLARED]


def squad_with(codes: list[GapCode], squad: str = "river") -> tuple[Squad, tuple[SignalReading, ...]]:
    signals = tuple(Signal(f"m{i}", "job", squad) for i in range(len(codes)))
    return Squad(squad, signals=signals), tuple(
        SignalReading(signal, code, since=LONG_AGO) for signal, code in zip(signals, codes, strict=True)
    )


def coverage(
    squads: list[Squad], readings: tuple[SignalReading, ...] | list[SignalReading], *fail_codes: GapCode
) -> tuple[Coverage, ...]:
    names = tuple(str(code) for code in fail_codes)
    return gates.coverage(squads, readings, GateRules(fail_codes=names), AT)  # type: ignore[arg-type]


def waiver(reading: SignalReading, at: datetime = LONG_AGO, until: datetime | None = None) -> Waiver:
    return Waiver(reading.id, "ada", "exported next week", at, until or AT + timedelta(days=3), "w1")


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
    assert part == Coverage("river", 0, 1, 0, "UNKNOWN", unknown=1)


def test_quality_gaps_fail_only_where_told() -> None:
    """A flat counter is delivered, unless `fail_codes` says that it must move."""
    squad, readings = squad_with([GapCode.OK, GapCode.FLAT])
    assert coverage([squad], readings)[0] == Coverage("river", 2, 2, 100, "PASS")
    assert coverage([squad], readings, GapCode.FLAT)[0] == Coverage("river", 1, 2, 50, "FAIL")


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


def test_a_signal_counts_once_it_has_been_there_for_the_hold_time() -> None:
    """Nine minutes of ten hold the verdict open, and say when they are over; ten pass. The percentage counts
    what is there."""
    squad, (reading,) = squad_with([GapCode.OK])
    fresh = replace(reading, since=AT - timedelta(minutes=9))
    (part,) = coverage([squad], [fresh])
    assert (part.verdict, part.pct, part.holding) == ("UNKNOWN", 100, 1)
    assert part.holds_at == AT + timedelta(minutes=1)
    (later,) = gates.coverage([squad], [fresh], RULES, AT + timedelta(minutes=1))
    assert (later.verdict, later.holding, later.holds_at) == ("PASS", 0, None)
    judged = gate(Wave("a", squads=("river",)), [part])
    assert (judged.verdict, judged.holding, judged.holds_at) == ("UNKNOWN", 1, part.holds_at)


def test_a_reading_of_unknown_age_does_not_pass() -> None:
    """Where nobody can tell since when it has been there, it has only just come."""
    squad, (reading,) = squad_with([GapCode.OK])
    assert coverage([squad], [replace(reading, since=None)])[0].verdict == "UNKNOWN"


def test_a_waiver_counts_for_the_verdict_and_never_for_the_percentage() -> None:
    """One of two signals missing and waived: 50 %, and the squad passes, with a mark."""
    squad, readings = squad_with([GapCode.OK, GapCode.NEVER_SEEN])
    given_ = {readings[1].id: waiver(readings[1])}
    (part,) = gates.coverage([squad], readings, RULES, AT, given_)
    assert (part.ok, part.pct, part.verdict, part.waived) == (1, 50, "PASS", 1)
    over = {readings[1].id: waiver(readings[1], until=AT)}
    assert gates.coverage([squad], readings, RULES, AT, over)[0].verdict == "FAIL"


def test_a_new_waiver_has_to_hold_as_well() -> None:
    """A waiver given now passes the gate only when the hold time is over."""
    _, (gone,) = squad_with([GapCode.DISAPPEARED])
    given_ = waiver(gone, at=AT - timedelta(minutes=4))
    assert stand(gone, given_, RULES, AT).standing == "waived holding"
    assert stand(gone, given_, RULES, AT).holds_at == AT + timedelta(minutes=6)
    assert stand(gone, given_, RULES, AT + timedelta(minutes=6)).standing == "waived"


def test_a_waiver_that_ends_too_early_is_said_to() -> None:
    """Under a waiver that ends before its hold time is over nothing passes, and no gate promises when."""
    squad, (reading,) = squad_with([GapCode.DISAPPEARED])
    short = waiver(reading, at=AT - timedelta(minutes=4), until=AT + timedelta(minutes=2))
    (part,) = gates.coverage([squad], [reading], RULES, AT, {reading.id: short})
    assert gates.lapses_first(part) == AT + timedelta(minutes=2)
    assert gates.lapses_first(gate(Wave("a", squads=("river",)), [part])) == AT + timedelta(minutes=2)
    long = waiver(reading, at=AT - timedelta(minutes=4), until=AT + timedelta(hours=2))
    assert gates.lapses_first(stand(reading, long, RULES, AT)) is None


def test_a_waiver_nothing_rests_on_any_more_may_end() -> None:
    """Delivered, and for long enough by itself before the waiver ends: that it ends says nothing."""
    _, (back,) = squad_with([GapCode.OK])
    given_ = waiver(back, at=AT - timedelta(minutes=4), until=AT + timedelta(minutes=9))
    assert stand(replace(back, since=AT - timedelta(minutes=3)), given_, RULES, AT).lapses_at is None
    assert stand(replace(back, since=AT), given_, RULES, AT).lapses_at == AT + timedelta(minutes=9)


def test_time_under_a_waiver_counts_when_the_signal_comes_back() -> None:
    """Waived for an hour and delivered for a minute: it has been one or the other for long enough."""
    _, (back,) = squad_with([GapCode.OK])
    back = replace(back, since=AT - timedelta(minutes=1))
    assert stand(back, None, RULES, AT).standing == "holding"
    assert stand(back, waiver(back, at=AT - timedelta(hours=1)), RULES, AT).standing == "passing"


@pytest.mark.parametrize("code", sorted(UNDECIDED_CODES))
def test_what_nobody_can_see_never_passes_even_waived(code: GapCode) -> None:
    """A waiver excuses what is known to be missing; what is unknown stays unknown."""
    squad, (reading,) = squad_with([code])
    (part,) = gates.coverage([squad], [reading], RULES, AT, {reading.id: waiver(reading)})
    assert (part.verdict, part.unknown, part.waived) == ("UNKNOWN", 1, 0)


def test_a_check_that_could_not_be_made_leaves_the_gate_open_where_it_asks_for_it() -> None:
    """Without the rules nobody knows whether the alert is there: PASS only where no gate fails on that."""
    squad, (reading,) = squad_with([GapCode.OK])
    blind = replace(reading, unchecked=(GapCode.NO_RULE,))
    assert coverage([squad], [blind])[0].verdict == "PASS"
    assert coverage([squad], [blind], GapCode.FLAT)[0].verdict == "PASS"
    (part,) = coverage([squad], [blind], GapCode.NO_RULE)
    assert (part.verdict, part.unknown) == ("UNKNOWN", 1)


def test_a_gap_beside_the_one_that_is_told_fails_as_well() -> None:
    """A type that only warns never hides a missing rule that the gate is to fail on."""
    squad, (told,) = squad_with([GapCode.WRONG_TYPE])
    both = replace(told, also=(GapCode.MISSING_LABEL, GapCode.NO_RULE))
    assert coverage([squad], [both])[0].verdict == "PASS"
    assert coverage([squad], [both], GapCode.NO_RULE)[0].verdict == "FAIL"
    assert coverage([squad], [both], GapCode.FLAT)[0].verdict == "PASS"


def test_a_document_nobody_could_read_may_list_squads_of_a_wave() -> None:
    """A wave that lists no squads does not pass while a document is unread, and says why; others do."""
    squad, readings = squad_with([GapCode.OK])
    parts = coverage([squad], readings)
    reason = "plan.md: is a folder"
    for squads, verdict, why in (((), "UNKNOWN", reason), (("river",), "PASS", "")):
        judged = gate(Wave("a", squads=squads), parts, unread=reason)
        assert (judged.verdict, judged.why) == (verdict, why)
    missing, absent = squad_with([GapCode.DISAPPEARED])
    failing = gate(Wave("a"), coverage([missing], absent), unread=reason)
    assert (failing.verdict, failing.why) == ("FAIL", "")


def test_a_topic_counts_like_a_metric() -> None:
    """A topic that must carry traffic is one of the squad's required signals, unless it is not required."""
    topic = Topic("orders.created", "river")
    squad = Squad("river", topics=(topic, replace(topic, topic="audit", required_for_exit=False)))
    (part,) = coverage([squad], [SignalReading(topic.signal, GapCode.TOPIC_SILENT, since=LONG_AGO)])
    assert (part.required, part.verdict) == (1, "FAIL")


@given(
    st.lists(
        st.tuples(st.sampled_from(CODES), st.integers(0, 1200), st.booleans(), st.integers(0, 1200)),
        min_size=1,
        max_size=8,
    ),
    st.sets(st.sampled_from(sorted(QUALITY_CODES))),
)
def test_nothing_passes_that_was_not_seen_or_excused(
    signals: list[tuple[GapCode, int, bool, int]], failing: set[GapCode]
) -> None:
    """PASS: every required signal is known, and delivered or waived for the whole hold time."""
    squad, readings = squad_with([code for code, *_ in signals])
    rules = GateRules(fail_codes=tuple(sorted(failing)))  # type: ignore[arg-type]
    aged = [
        replace(reading, since=AT - timedelta(seconds=age))
        for reading, (_, age, _, _) in zip(readings, signals, strict=True)
    ]
    given_ = {
        reading.id: waiver(reading, at=AT - timedelta(seconds=since))
        for reading, (_, _, waived, since) in zip(aged, signals, strict=True)
        if waived
    }
    (part,) = gates.coverage([squad], aged, rules, AT, given_)
    good = all(
        code not in UNDECIDED_CODES
        and (
            ((code == "OK" or (code in QUALITY_CODES and code not in failing)) and age >= 600)
            or (waived and since >= 600)
        )
        for code, age, waived, since in signals
    )
    assert (part.verdict == "PASS") == good
    assert (part.ok + part.unknown + part.waived) <= part.required
