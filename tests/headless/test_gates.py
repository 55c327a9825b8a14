"""`gate` without a screen: its shape, what it says of every signal, and exit codes a build can rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain import gates as judging
from controlroom.domain.board import Squad
from controlroom.domain.documents import DocumentReading
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.program import Program
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.domain.waivers import Waiver, counting
from controlroom.domain.waves import Wave
from controlroom.headless import gates

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
RULES = GateRules()
TIDES, EBB = Signal("tides_total", "sea", "river"), Signal("ebb_total", None, "river")
OK = SignalReading(TIDES, GapCode.OK, "3 series", since=NOW - timedelta(hours=1))
GONE = SignalReading(EBB, GapCode.DISAPPEARED, "last seen 2025-10-06T14:00:00Z", since=NOW)
THERE = replace(OK, signal=EBB)
WAIVER = Waiver(
    "river/ebb_total/*", "Ada", "exported next week", NOW - timedelta(hours=1), NOW + timedelta(days=2), "w1"
)
PROGRAM = Program(squads=(Squad("river", signals=(TIDES, EBB)), Squad("dunes", "Dunes")))


def room(
    *readings: SignalReading,
    waivers: tuple[Waiver, ...] = (),
    error: str | None = None,
    rules: GateRules = RULES,
) -> Snapshot:
    parts = judging.coverage(PROGRAM.squads, readings, rules, NOW, counting(waivers, NOW))
    source = SourceStatus("metrics:p", "metrics", "p", read_at=NOW, error=error)
    judged = (judging.gate(Wave("a", squads=("river",)), parts),)
    return Snapshot(
        PROGRAM, sources=(source,), signals=readings, coverage=parts, gates=judged, waivers=waivers
    )


def test_gate_json_has_its_shape() -> None:
    """A gate has its verdict and numbers, its squads with theirs, and every required signal its standing."""
    document = gates.as_json(room(OK, GONE, waivers=(WAIVER,)), RULES, NOW)
    json.dumps(document, allow_nan=False)
    (gate,) = document["gates"]
    assert {"wave", "verdict", "ok", "required", "pct", "squads"} <= gate.keys()
    assert (gate["wave"], gate["verdict"], gate["ok"], gate["required"], gate["pct"]) == (
        "a", "PASS", 1, 2, 50,
    )  # fmt: skip
    (river,) = gate["squads"]
    assert (river["squad"], river["waived"], river["verdict"]) == ("river", 1, "PASS")
    assert [(one["metric"], one["standing"], one["waiver"]) for one in document["signals"]] == [
        ("tides_total", "passing", None),
        ("ebb_total", "waived", "w1"),
    ]
    (waiver,) = document["waivers"]
    assert (waiver["who"], waiver["why"], waiver["state"]) == ("Ada", "exported next week", "counts")


def test_gate_text_names_what_keeps_it_from_passing() -> None:
    """The gap, its reason, who excused it and until when stand below the squad; what passes does not."""
    text = gates.as_text(room(OK, GONE), RULES, NOW)
    assert text.splitlines() == [
        "a FAIL 1/2 50%",
        "  river 1/2 50% FAIL",
        "    DISAPPEARED ebb_total · last seen 2025-10-06T14:00:00Z",
    ]
    waived = gates.as_text(room(OK, GONE, waivers=(WAIVER,)), RULES, NOW)
    assert "a PASS* 1/2 50%" in waived
    assert "waived until 2025-10-08T16:00:00Z by Ada: exported next week" in waived


def test_a_gate_that_holds_says_until_when() -> None:
    """Everything is there, for four minutes of ten: not PASS, and when it will be."""
    fresh = replace(THERE, since=NOW - timedelta(minutes=4))
    seen = room(OK, fresh)
    assert "a UNKNOWN 2/2 100%, holding: 1 signal passes in 6m" in gates.as_text(seen, RULES, NOW)
    assert gates.exit_code(seen) == 3


def test_exit_codes_are_for_builds() -> None:
    """0 when every gate passes, 1 when one fails or nothing is declared, 3 when nobody can say."""
    unasked = SignalReading(EBB, GapCode.UNKNOWN, "not asked yet")
    assert gates.exit_code(room(OK, THERE)) == 0
    assert gates.exit_code(room(OK, GONE)) == 1
    assert gates.exit_code(room(OK, unasked)) == 3
    assert gates.exit_code(room(OK, THERE, error="refused")) == 3
    assert gates.exit_code(Snapshot(PROGRAM)) == 1
    nothing = judging.gate(Wave("b", squads=("dunes",)), room(OK, THERE).coverage)
    assert gates.exit_code(room(OK, THERE), [nothing]) == 1


def test_what_decides_is_named_although_another_gap_is_told() -> None:
    """A gap beside the one that is told, and one that nobody could look for, stand on the signal's line."""
    rules = GateRules(fail_codes=("NO_RULE", "NO_DASHBOARD"))
    masked = replace(OK, code=GapCode.WRONG_TYPE, text="a gauge", also=(GapCode.NO_RULE,))
    blind = replace(THERE, unchecked=(GapCode.NO_DASHBOARD, GapCode.FLAT))
    text = gates.as_text(room(masked, blind, rules=rules), rules, NOW)
    assert "WRONG_TYPE tides_total (job sea) · a gauge · also NO_RULE" in text
    assert "OK ebb_total · NO_DASHBOARD could not be looked for\n" in text
    tides, ebb = gates.as_json(room(masked, blind, rules=rules), rules, NOW)["signals"]
    assert (tides["standing"], tides["also"]) == ("failing", ["NO_RULE"])
    assert (ebb["standing"], ebb["unchecked"]) == ("unknown", ["NO_DASHBOARD", "FLAT"])


def test_no_gate_of_all_passes_while_a_document_is_unread() -> None:
    """Exit 3 and the reason: it may declare a further wave. A wave that is named stands on its own squads."""
    reason = "plan.md: is a folder"
    read = SourceStatus("documents", "documents", read_at=NOW)
    seen = room(OK, THERE)
    seen = replace(seen, sources=(*seen.sources, read), documents=(DocumentReading("plan.md", error=reason),))
    assert gates.exit_code(seen) == 3
    assert gates.exit_code(seen, seen.gates) == 0
    assert gates.unread(seen) == (reason,)
    assert gates.as_json(seen, RULES, NOW)["unread"] == [reason]


def test_a_waiver_that_counts_for_nobody_is_still_listed() -> None:
    """A waiver that is over, or waits in the outbox, is shown with its state."""
    over = replace(WAIVER, until=NOW)
    queued = replace(WAIVER, signal="river/tides_total/sea", pending=True)
    text = gates.waivers_as_text(Snapshot(PROGRAM, waivers=(over, queued)), NOW)
    assert "river/ebb_total/* until 2025-10-06T16:00:00Z by Ada: exported next week (is over)" in text
    assert "(waits in the outbox)" in text
    assert "has not been read" in gates.waivers_as_text(Snapshot(PROGRAM), NOW)
