"""The telemetry pane: which signal is missing, why, since when, what to do; and whether a wave may exit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from controlroom.domain.gate_rules import GateRules
from controlroom.domain.snapshot import Snapshot, SourceStatus, StatusFile, StatusSeen
from controlroom.domain.telemetry import GapCode
from controlroom.domain.waves import Wave
from controlroom.tui.lines import as_text
from controlroom.tui.panes import telemetry
from controlroom.tui.rows import DrawContext
from tests.tui.promised import excuse, promised, queued, room, styled
from tests.tui.rooms import EMPTY, NOW, ROOM, SOURCES, ago, changed, drawn, row_with, view

FINE = promised("quay", "berths_booked_total")
MISNAMED = promised(
    "quay",
    "tide_height_metres",
    GapCode.NEVER_SEEN,
    "never seen in the last 7d",
    hint="did you mean tide_height_meters?",
    near=("tide_height_meters",),
)
DOWN = promised("cranes", "lifts_total", GapCode.TARGET_DOWN, "target down: refused", last_seen=ago(90))


def line(said: str, part: str) -> str:
    return next(one for one in said.splitlines() if part in one)


def count(snapshot: Snapshot, now: datetime = NOW) -> tuple[str, str]:
    heading = telemetry.PANE.heading(DrawContext(snapshot, view(), now, 118, 20))
    return heading.count, heading.count_style


def test_the_heading_counts_the_squad_in_focus() -> None:
    """Its gaps and its waivers, as the pane shows them, not everybody's."""
    other = promised("cranes", "hoists_total", GapCode.NEVER_SEEN)
    shown = room(FINE, MISNAMED, DOWN, other, excused=[excuse(DOWN, ago(-60))])
    assert count(shown)[0] == "2 · 1 waived"
    focused = DrawContext(shown, view(focus_squad="quay"), NOW, 118, 20)
    assert telemetry.PANE.heading(focused).count == "1"


# A gap


def test_a_gap_says_which_why_since_when_and_what_to_do() -> None:
    """Metric, job, code, reason, hint; of a job whose target went down, since it was last seen."""
    shown = room(FINE, MISNAMED, DOWN)
    said = line(drawn(telemetry.PANE, shown, seen=view(160)), "NEVER_SEEN     tide")
    for part in (
        "✖ NEVER_SEEN",
        "never seen in the last 7d",
        "did you mean tide_height_meters?",
        "= takes it",
    ):
        assert part in said
    assert "since" not in said
    assert "since 07:29  target down: refused" in line(drawn(telemetry.PANE, shown), "TARGET_DOWN    lifts")


@pytest.mark.parametrize("code", [code for code in GapCode if code is not GapCode.NOT_DECLARED])
def test_every_code_is_told_whole_and_apart_from_the_name(code: GapCode) -> None:
    """The longest of them neither touches the name behind it nor loses a letter."""
    word = "ok" if code is GapCode.OK else code.value
    shown = room(promised("quay", "tide_height", code))
    said = line(drawn(telemetry.PANE, shown, seen=view(160, expanded=True)), "tide_height  ")
    assert f" {word} " in said


def test_a_reason_tells_times_on_the_clock_of_the_room() -> None:
    """Not as the domain writes instants; what says when it was last seen says it once."""
    gone = promised(
        "quay", "m_total", GapCode.DISAPPEARED, "last seen 2026-03-04T06:40:00Z", last_seen=ago(80)
    )
    said = line(drawn(telemetry.PANE, room(gone)), "DISAPPEARED    m_total")
    assert said.endswith("last seen 07:40")
    assert "since" not in said


def test_several_names_are_said_to_be_several() -> None:
    """What = offers is a choice then."""
    several = replace(MISNAMED, near=("tide_height_meters", "tide_height_feet"))
    assert "= takes one of 2" in drawn(telemetry.PANE, room(several))


def test_a_topic_is_called_a_topic() -> None:
    """Its reading has no metric."""
    silent = promised("quay", "", GapCode.TOPIC_SILENT, "no message", of={"topic": "orders.created"})
    assert "✖ TOPIC_SILENT   topic orders.created" in drawn(telemetry.PANE, room(silent))


@pytest.mark.parametrize(
    ("width", "height"), [(36, 0), (36, 8), (60, 12), (76, 20), (98, 0), (118, 4), (196, 40)]
)
def test_at_every_width_the_metric_and_its_code_are_read(width: int, height: int) -> None:
    """Whatever else is left out; `drawn` sees to it that no line is too long."""
    down = replace(DOWN, text="target down: 10.0.0.7:9100: " + "connection refused " * 12)
    shown = room(FINE, MISNAMED, down, promised("customs", "stamps_total"))
    said = drawn(telemetry.PANE, shown, seen=view(width, height))
    for part in ("NEVER_SEEN", "tide_height", "TARGET_DOWN", "lifts_total", "FAIL"):
        assert part in said


def test_where_there_is_no_room_a_name_that_was_meant_outlives_the_reason() -> None:
    """It is what = takes; elsewhere the reason matters more than the next step."""
    shown = room(MISNAMED, replace(DOWN, hint="start it"))
    said = drawn(telemetry.PANE, shown, seen=view(66, 30))
    assert "did you mean tide_height_meters? = takes it" in said
    assert "never seen" not in said
    narrow = drawn(telemetry.PANE, shown, seen=view(44, 30))
    assert "target down: refused" in narrow
    assert "start it" not in narrow


def test_low_panes_give_a_gap_one_line_and_high_ones_two() -> None:
    """As long as all of it can be seen."""
    shown = room(MISNAMED, DOWN)
    low, high = (telemetry.PANE.rows(shown, view(60, height)) for height in (5, 20))
    assert sum(row.height for row in low) == 5
    assert {row.height for row in high if row.key.startswith("signal:")} == {2}


def test_what_no_gate_asks_for_is_dim() -> None:
    """No red and no bold; its glyph and code still say what it is."""
    extra = replace(DOWN, signal=replace(DOWN.signal, required_for_exit=False))
    spans = styled(room(extra, FINE), "lifts_total")
    assert {span.style for span in spans if span.text.strip()} == {"dim"}
    assert "✖ TARGET_DOWN" in as_text((spans,))


def test_a_gap_in_quality_warns_unless_gates_fail_on_it() -> None:
    """▲ by default, ✖ where [gate].fail_codes names it; and only then it says since when."""
    flat = promised("quay", "m_total", GapCode.FLAT, "no increase")
    assert "▲ FLAT" in drawn(telemetry.PANE, room(flat))
    assert "since" not in drawn(telemetry.PANE, room(flat))
    strict = drawn(telemetry.PANE, room(flat, rules=GateRules(fail_codes=("FLAT",))))
    assert "✖ FLAT" in strict
    assert "since 07:59" in strict
    assert "✖ PARTIAL" in drawn(telemetry.PANE, room(promised("quay", "m", GapCode.PARTIAL)))


def test_fine_signals_are_quiet_until_zoomed_and_then_say_how_they_stand() -> None:
    """OK is not a gap; what a gate waits for says how long."""
    new = promised("quay", "tugs_total", since=ago(6))
    shown = room(FINE, new)
    assert "berths_booked_total" not in drawn(telemetry.PANE, shown)
    said = drawn(telemetry.PANE, shown, seen=view(expanded=True))
    assert "● ok             berths_booked_total" in said
    assert "✓ passing" in line(said, "berths_booked_total")
    assert "◐ holding ▰▰▰▱▱ passes 09:03" in line(said, "tugs_total")
    assert row_with(telemetry.PANE, f"signal:{new.id}", shown, view(expanded=True)).ticks


def test_a_filter_keeps_whose_a_gap_is() -> None:
    """The squad's own line may not match."""
    said = drawn(telemetry.PANE, room(FINE, MISNAMED), seen=view(filter="never"))
    assert "Quay & Berths ✖ NEVER_SEEN" in said


def test_redacted_gaps_hide_hosts_and_people() -> None:
    """The reason keeps its words, a waiver its reason."""
    down = replace(DOWN, text="target down: crane.test:9100: refused")
    shown = room(down, FINE, excused=(excuse(down, NOW + timedelta(hours=2)),))
    said = drawn(telemetry.PANE, shown, seen=view(200, redact=True))
    assert "crane.test" not in said
    assert "by (hidden): drill first" in said
    assert "Ada" not in said


# Waivers


def test_a_waived_gap_says_who_why_and_until_and_is_not_red() -> None:
    """It is no gap to be counted, its percentage stays, and PASS has its star."""
    until = datetime(2026, 3, 6, 14, tzinfo=UTC)
    shown = room(FINE, MISNAMED, excused=(excuse(MISNAMED, until),))
    spans = styled(shown, "tide_height_metres  waived")
    assert "◌ NEVER_SEEN" in as_text((spans,))
    assert "waived until Fri 15:00 by Ada: drill first" in as_text((spans,))
    assert "down" not in {span.style for span in spans}
    assert count(shown) == ("0 · 1 waived", "dim")
    said = drawn(telemetry.PANE, shown)
    assert "50 % (1/2, 1 waived) ✓ PASS*" in said
    assert "gate ✓ PASS* 50 %" in said
    assert "waived: tide_height_metres until Fri 15:00 by Ada" in said


def test_a_waiver_ends_by_the_clock() -> None:
    """The same snapshot a second later: red again, and counted."""
    shown = room(FINE, MISNAMED, excused=(excuse(MISNAMED, NOW + timedelta(seconds=1)),))
    later = NOW + timedelta(seconds=1)
    assert "waived until" in drawn(telemetry.PANE, shown)
    assert "waived until" not in line(drawn(telemetry.PANE, shown, later), "✖ NEVER_SEEN")
    assert count(shown, later) == ("1", "warn")


def test_a_waiver_that_is_not_recorded_yet_counts_for_nothing() -> None:
    """The gap stays red, marked as queued."""
    waiting = excuse(MISNAMED, NOW + timedelta(hours=1), pending=True)
    shown = room(FINE, MISNAMED, excused=(waiting,), outbox=queued(MISNAMED))
    spans = styled(shown, "NEVER_SEEN     tide")
    assert "⧗ waive queued" in as_text((spans,))
    assert "down" in {span.style for span in spans}
    assert "PASS" not in drawn(telemetry.PANE, shown)


# Squads


def test_squads_are_worst_first_with_bar_numbers_and_verdict() -> None:
    """FAIL by how little is there, then what is not known, then what holds, then PASS."""
    shown = room(
        promised("pass", "a"),
        promised("hold", "b", since=ago(3)),
        promised("half", "c"),
        promised("half", "d", GapCode.NO_TARGET),
        promised("none", "e", GapCode.NO_TARGET),
        promised("dark", "f", GapCode.UNKNOWN),
        silent=("mute",),
    )
    said = [row.key for row in telemetry.PANE.rows(shown, view()) if row.key.startswith("squad:")]
    assert [key.removeprefix("squad:") for key in said] == ["none", "half", "dark", "hold", "pass", "mute"]
    text = drawn(telemetry.PANE, shown)
    assert "▰▱       1/2  50 % ✖ FAIL" in line(text, "half")
    assert "?/1   ? % ? UNKNOWN" in line(text, "dark ")
    assert "1/1 100 % ✓ PASS" in line(text, "pass ")


def test_a_squad_that_only_has_to_wait_is_neither_red_nor_green() -> None:
    """It says for how long, to the second at the end."""
    shown = room(promised("quay", "a", since=ago(3)))
    assert "1/1 100 % ◐ holding, passes in 7m" in line(drawn(telemetry.PANE, shown), "Quay")
    soon = NOW + timedelta(minutes=6, seconds=18)
    assert "holding, passes in 42s" in line(drawn(telemetry.PANE, shown, soon), "Quay & Berths ▰")
    assert row_with(telemetry.PANE, "squad:quay", shown).ticks
    styles = {span.style for span in styled(shown, "Quay & Berths ▰")}
    assert not styles & {"down", "warn"}
    assert "PASS" not in drawn(telemetry.PANE, shown)


def test_nothing_required_is_not_declared_rather_than_full() -> None:
    """0/0 is not 100 %, and signals that no gate asks for are no silence."""
    extra = promised("cranes", "x", of={"required_for_exit": False})
    shown = room(FINE, extra, silent=("customs",))
    said = drawn(telemetry.PANE, shown)
    assert line(said, "Customs  ").split() == ["Customs", "-", "not", "declared"]
    assert "nothing is required for the exit" in line(said, "Cranes  ")


def test_quiet_squads_share_a_line_where_there_is_no_room() -> None:
    """A gap is never hidden for them."""
    many = [promised(f"s{n:02}", "a") for n in range(30)]
    shown = room(*many, MISNAMED, silent=("customs",))
    said = drawn(telemetry.PANE, shown, seen=view(118, 12))
    assert "✓ 30 squads at 100 %" in said
    assert "- 1 squad not declared  Customs" in said
    assert "tide_height_metres" in said
    assert len(said.splitlines()) <= 12


def test_what_is_not_known_has_no_percentage() -> None:
    """A gate and a squad whose signals nobody could ask for read ``?``, never ``0``."""
    lost = [promised("customs", metric, GapCode.UNKNOWN, "not asked yet") for metric in ("a", "b")]
    said = drawn(telemetry.PANE, room(*lost))
    assert "?/2" in said
    assert "UNKNOWN ? %" in said
    assert "0/2" not in said
    assert "0 %" not in said.replace("? %", "")


def status_file(day: int, pct: int | None) -> StatusFile:
    """A nightly status in which Quay & Berths had that coverage; None: not known."""
    part: dict[str, Any] = {"ok": (pct or 0) // 25, "required": 4, "pct": pct or 0, "verdict": "FAIL"}
    if pct is None:
        part |= {"verdict": "UNKNOWN", "unknown": 1}
    data = {"squads": [{"id": "quay", "coverage": part}], "gates": [{"wave": "one", **part}]}
    at = datetime(2026, 3, day, 21, tzinfo=UTC)
    return StatusFile(f"{day}.json", date(2026, 3, day).isoformat(), "nightly", at, data)


def test_the_trend_is_drawn_from_the_status_files() -> None:
    """A cell per day: higher is more, a day that nobody knows of is a dot; one day is no trend."""
    files = (status_file(1, 0), status_file(2, 50), status_file(3, None), status_file(4, 100))
    shown = room(FINE, MISNAMED, status=StatusSeen(files))
    said = drawn(telemetry.PANE, shown, seen=view(140))
    assert "▁▅·█" in line(said, "Quay & Berths ▰")
    assert "▁▅·█" in line(said, "gate")
    assert "_+-#" in drawn(telemetry.PANE, shown, seen=view(140, ascii=True))
    alone = replace(shown, status=StatusSeen(files[:1]))
    assert "▁" not in drawn(telemetry.PANE, alone)


# Gates


def test_a_gate_that_fails_says_what_fails_it() -> None:
    """The squads that are full, the first signal that is missing where most is, and how many more."""
    shown = room(FINE, MISNAMED, DOWN, promised("cranes", "hooks", GapCode.NO_TARGET), promised("x", "a"))
    said = line(drawn(telemetry.PANE, shown, seen=view(140)), "gate")
    assert said == ("Wave One gate ✖ FAIL 40 %  squads at 100 %: 1 of 3 · Cranes lifts_total TARGET_DOWN +2")


def test_a_squad_that_declares_nothing_fails_the_gate_by_name() -> None:
    """Its dashboards would stay empty."""
    said = line(drawn(telemetry.PANE, room(FINE, silent=("customs",))), "gate")
    assert "✖ FAIL 100 %" in said
    assert "Customs declares nothing" in said


def test_a_gate_that_holds_says_when_it_passes() -> None:
    """If nothing happens until then."""
    said = line(drawn(telemetry.PANE, room(FINE, promised("quay", "b", since=ago(4)))), "gate")
    assert "? UNKNOWN  squads at 100 %: 1 of 1 · holding, passes 09:05 if nothing happens" in said


def test_gates_of_waves_to_come_stand_below() -> None:
    """What may exit next is read first."""
    shown = room(FINE, MISNAMED)
    later = Wave("later", "Wave Later", date(2026, 5, 4), date(2026, 5, 18), squads=("quay",))
    shown = replace(
        shown,
        program=replace(shown.program, waves=(later, *shown.program.waves)),
        gates=(replace(shown.gates[0], wave="later"), *shown.gates),
    )
    keys = [row.key for row in telemetry.PANE.rows(shown, view())]
    assert keys[0] == "gate:one"
    assert keys[-1] == "gate:later"


# Servers


def test_an_unreachable_prometheus_takes_one_line_per_squad() -> None:
    """Hundreds of unknown signals do not bury what is known, and none of them is a known gap."""
    lost = tuple(promised("quay", f"m{n}", GapCode.SOURCE_DOWN, "connection refused") for n in range(50))
    down = tuple(
        replace(s, error="connection refused", error_since=ago(9)) if s.kind == "metrics" else s
        for s in SOURCES
    )
    shown = room(*lost, sources=down)
    said = drawn(telemetry.PANE, shown)
    assert said.count("SOURCE_DOWN") == 1
    assert "? 50 signals SOURCE_DOWN  connection refused" in said
    assert "? Prometheus unreachable since 08:50  connection refused" in said
    assert "50 of 50 signals are not known" in said
    assert count(shown) == ("0 · 50 unknown", "dim")
    assert row_with(telemetry.PANE, "source:metrics:prom", shown).subject == ("source", "metrics:prom")


def test_warnings_of_the_api_are_seen() -> None:
    """In a row that leads to the source, and in the lower edge."""
    warned = tuple(
        replace(s, warnings=("exemplars are off", "too many samples")) if s.kind == "metrics" else s
        for s in SOURCES
    )
    shown = room(FINE, sources=warned)
    assert "▲ Prometheus warns and 1 more  exemplars are off" in drawn(telemetry.PANE, shown)
    heading = telemetry.PANE.heading(DrawContext(shown, view(), NOW, 80, 20))
    assert as_text((heading.freshness,)).startswith("▲ 2 warnings · got")


def test_nothing_declared_names_the_key() -> None:
    """An empty telemetry pane helps, also while its server has not answered."""
    assert "[[squads.signals]]" in as_text((telemetry.PANE.empty(EMPTY),))
    unread = tuple(replace(s, read_at=None) for s in SOURCES)
    assert "loading" in as_text((telemetry.PANE.empty(changed(sources=unread, signals=())),))


def test_a_new_look_that_changes_nothing_lists_nothing_anew() -> None:
    """Rows are made of what was found, not of when it was asked for; troubles keep their identity."""
    warned = replace(SourceStatus("metrics:prom", "metrics", "Prometheus"), warnings=("off",))
    before = replace(ROOM, sources=(warned,))
    after = replace(before, version=2, sources=(replace(warned, read_at=NOW),))
    pairs = zip(telemetry.PANE.depends(before), telemetry.PANE.depends(after), strict=True)
    assert all(a is b for a, b in pairs)
