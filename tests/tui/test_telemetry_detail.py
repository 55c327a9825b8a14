"""What is shown of a promised signal and of an exit gate when they are opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controlroom.domain.board import Squad
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Alert, GapCode, SignalReading
from controlroom.tui.acts.prefill import draft
from controlroom.tui.detail import describe
from controlroom.tui.details.advice import ADVICE
from controlroom.tui.rows import Subject
from tests.tui.promised import excuse, promised, room
from tests.tui.rooms import NOW, SOURCES, ago, view

QUERY = 'last_over_time(tide_height_metres{job="harbour"}[7d])'

GAP = promised(
    "customs",
    "tide_height_metres",
    GapCode.NEVER_SEEN,
    "never seen in the last 7d",
    hint="did you mean tide_height_meters?",
    near=("tide_height_meters", "tide_height_feet"),
    query=QUERY,
    targets=("quay.test:9100: up", "pier.test:9100: connection refused"),
    series=0,
    of={"type": "gauge", "labels": ("berth", "unit"), "alert": "TideAway", "dashboard": "any"},
)


def signal(reading: SignalReading, shown: Snapshot | None = None, **seen: Any) -> str:
    subject = Subject("signal", reading.id)
    return describe(shown or room(reading), subject, NOW, view(**seen)).plain


def gate(shown: Snapshot) -> str:
    return describe(shown, Subject("gate", "one"), NOW, view()).plain


def test_a_gap_tells_all_that_is_known_of_it() -> None:
    """Code, reason, hint, whose it is, what was promised, its targets, the names like it, what to do."""
    said = signal(GAP)
    for part in (
        "state         ✖ NEVER_SEEN",
        "reason        never seen in the last 7d",
        "last seen     never",
        "series        0",
        "squad         Customs",
        "owner         Ines",
        "coverage      0/1 0 % ✖ FAIL",
        "for the exit  required · ✖ failing",
        "job           harbour",
        "type          gauge",
        "labels        berth, unit",
        "alert         TideAway not known: the signal itself comes first",
        "dashboard     any",
        "server        Prometheus",
        "pier.test:9100: connection refused",
        "tide_height_feet",
        "expose the metric, or correct its name",
        "press = to take one of the names above into the squad's contract",
    ):
        assert part in said


def test_what_is_copied_of_a_gap_has_its_query_on_a_line_of_its_own() -> None:
    """Exactly as Prometheus takes it, however long it is."""
    metric = "a_" + "very_" * 40 + "long_total"
    long = f'count by (job) ({{__name__="{metric}"}}) unless on (job, instance) up{{job="harbour"}} == 1'
    assert long in [line.strip() for line in signal(replace(GAP, query=long)).splitlines()]


@pytest.mark.parametrize("code", GapCode)
def test_every_code_has_a_next_step_in_words(code: GapCode) -> None:
    """The detail of a gap of any kind says what to do."""
    assert ADVICE[code]
    assert ADVICE[code] in signal(replace(GAP, code=code))


def test_a_signal_that_came_and_went_says_since_when() -> None:
    """When it was last seen, how old its sample is, since when it is missing."""
    gone = replace(
        GAP, code=GapCode.TARGET_DOWN, last_seen=ago(90), sample_age=5400.0, near=(), since=ago(60)
    )
    said = signal(gone)
    assert "since         07:29:30 · 1h 30m ago" in said
    assert "last seen     07:29:30 · 1h 30m ago" in said
    assert "sample age    1h 30m" in said


@pytest.mark.parametrize(
    ("code", "unchecked", "state"),
    [
        (GapCode.OK, (), "watches it"),
        (GapCode.NO_RULE, (), "NO_RULE"),
        (GapCode.RULE_BLIND, (), "RULE_BLIND"),
        (GapCode.OK, (GapCode.NO_RULE,), "could not be looked at"),
        (GapCode.NO_DASHBOARD, (), "watches it"),
    ],
)
def test_the_rule_that_must_watch_it_has_its_state(
    code: GapCode, unchecked: tuple[GapCode, ...], state: str
) -> None:
    """As far as the last look could tell; and whether it fires now."""
    read = replace(GAP, code=code, unchecked=unchecked)
    assert f"alert         TideAway {state}" in signal(read)
    firing = room(read, alerts=(Alert("f1", "TideAway", "critical"),))
    assert f"TideAway {state} · fires" in signal(read, firing)


def test_a_dashboard_that_must_draw_it_has_its_state() -> None:
    """It does, it does not, or nobody could look."""
    assert "any draws it" in signal(replace(GAP, code=GapCode.OK))
    assert "any does not draw it" in signal(replace(GAP, code=GapCode.NO_DASHBOARD))
    unread = replace(GAP, code=GapCode.OK, unchecked=(GapCode.NO_DASHBOARD,))
    assert "any could not be looked at" in signal(unread)
    assert "not checked   NO_DASHBOARD: could not be looked for" in signal(unread)


def test_what_is_wrong_besides_is_told() -> None:
    """A gap that comes first hides neither the rule nor the dashboard, and a gate names what it fails on."""
    both = (GapCode.RULE_ERROR, GapCode.NO_DASHBOARD)
    read = replace(GAP, code=GapCode.FLAT, also=both, near=())
    for part in ("also          RULE_ERROR, NO_DASHBOARD", "TideAway RULE_ERROR", "any does not draw it"):
        assert part in signal(read)
    alone = replace(read, also=())
    assert "TideAway watches it" in signal(alone)
    assert "any draws it" in signal(alone)
    strict = GateRules(fail_codes=("RULE_ERROR", "NO_DASHBOARD"))
    assert "· also RULE_ERROR, NO_DASHBOARD" in gate(room(read, rules=strict))
    assert "also" not in gate(room(read))
    blind = replace(alone, unchecked=both)
    assert "RULE_ERROR, NO_DASHBOARD could not be looked for" in gate(room(blind, rules=strict))


def test_a_waiver_is_told_while_it_lasts_and_when_it_is_over() -> None:
    """Who, why, until when; what is queued counts for nothing yet."""
    later = excuse(GAP, NOW + timedelta(minutes=30))
    said = signal(GAP, room(GAP, excused=(later,)))
    assert "waived        by Ada until 09:29 · in 30m" in said
    assert "why           drill first" in said
    assert "required · ◌ waived" in said
    over = signal(GAP, room(GAP, excused=(excuse(GAP, ago(10)),)))
    assert "waived        by Ada over since 08:49 · 10m ago" in over
    assert "required · ✖ failing" in over
    waiting = excuse(GAP, NOW + timedelta(hours=1), pending=True)
    assert "⧗ queued: no gate counts it yet" in signal(GAP, room(GAP, excused=(waiting,)))


def test_redacted_details_hide_hosts_and_people() -> None:
    """Of targets, owners and waivers; metric and code stay."""
    shown = room(GAP, excused=(excuse(GAP, NOW + timedelta(hours=1)),))
    said = signal(GAP, shown, redact=True)
    for part in ("quay.test", "pier.test", "Ines", "Ada"):
        assert part not in said
    assert "tide_height_metres" in said


def test_a_server_that_is_away_is_named() -> None:
    """What it would say is unknown, and bringing it back comes first."""
    away = tuple(replace(s, error="refused") if s.kind == "metrics" else s for s in SOURCES)
    said = signal(replace(GAP, code=GapCode.SOURCE_DOWN), room(GAP, sources=away))
    assert "server        Prometheus: unreachable: refused" in said


def test_the_gate_lists_every_signal_of_every_squad() -> None:
    """Worst first within a squad: how it stands, why, how long it holds, who waived it."""
    shown = room(
        promised("cranes", "fine_total"),
        promised("cranes", "new_total", since=ago(4)),
        promised("cranes", "gone_total", GapCode.DISAPPEARED, "last seen 2026-03-04T06:40:00Z"),
        GAP,
        promised("customs", "dark_total", GapCode.UNKNOWN, "not asked yet"),
        excused=(excuse(GAP, NOW + timedelta(hours=1)),),
        silent=("quay",),
    )
    said = gate(shown)
    order = [said.index(m) for m in ("gone_total", "new_total", "fine_total", "dark_total", "tide_height")]
    assert order == sorted(order)
    for part in (
        "verdict       ✖ FAIL ? %",
        "1 missing, 1 waived, 1 not known, 1 not there for long enough",
        "hold time     10m",
        "✖ failing         gone_total  DISAPPEARED · last seen 07:40",
        "◐ holding         new_total   ▰▰▱▱▱ passes 09:05, in 6m",
        "✓ passing         fine_total",
        "? not known       dark_total          UNKNOWN · not asked yet",
        "◌ waived          tide_height_metres  waived until 09:59 by Ada: drill first · NEVER_SEEN",
        "declare what Quay & Berths will deliver",
        "E on the signal",
    ):
        assert part in said


def test_a_gate_that_only_holds_says_when_it_passes() -> None:
    """And that nothing else is in the way."""
    said = gate(room(promised("cranes", "new_total", since=ago(4)), rules=GateRules(hold=300.0)))
    assert "holding, passes 09:00 if nothing happens" in said
    assert "hold time     5m" in said
    assert "wait: nothing else is in the way" in said


def test_what_nobody_has_looked_for_is_owed_all_the_same() -> None:
    """A required signal without a reading is not known, never left out."""
    shown = room(GAP, promised("customs", "unread_total"))
    shown = replace(shown, signals=shown.signals[:1])
    assert "? not known       unread_total        nobody has looked for it" in gate(shown)


def test_a_topic_of_a_cluster_is_told_without_a_prometheus() -> None:
    """No server that was never asked, and the step is about the topic, not about a metric."""
    gone = promised("customs", "", GapCode.NEVER_SEEN, "no such topic", of={"job": "", "topic": "orders"})
    said = signal(gone)
    assert "Prometheus" not in said
    assert "create the topic, or correct its name in [[squads.topics]]" in said
    assert "metric" not in said


def test_a_blind_rule_is_to_read_the_metric_first() -> None:
    """It is blind also where all that it does read is there."""
    blind = promised("customs", "tide_total", GapCode.RULE_BLIND, "rule TideAway does not read tide_total")
    assert "let the rule read this metric" in signal(blind)


def test_what_could_not_be_looked_for_is_not_called_delivered() -> None:
    """Nothing is known to be missing; and any dashboard is no address to open."""
    fine = promised("customs", "tide_total", of={"dashboard": "any"}, unchecked=(GapCode.NO_DASHBOARD,))
    assert "delivered as promised" not in signal(fine)
    assert "see why the rest could not be looked for" in signal(fine)
    assert "o opens" not in signal(fine)
    assert "delivered as promised" in signal(replace(fine, unchecked=()))


def test_a_blocker_from_a_gap_has_the_facts() -> None:
    """What is missing and why, whose exit it holds up, since when, and the query to begin with."""
    down = replace(
        GAP,
        code=GapCode.TARGET_DOWN,
        text="target down: refused",
        last_seen=ago(90),
        near=(),
        hint="start it",
    )
    shown = replace(room(down), program=replace(room(down).program, squads=(Squad("customs", "Customs"),)))
    made = draft(shown, Subject("signal", down.id), NOW)
    assert made.values["summary"] == "tide_height_metres TARGET_DOWN: target down: refused"
    assert made.values["owning_squad"] == "Customs"
    assert made.values["opened_at"] == "2026-03-04 07:29:30+01:00"
    assert made.notes["opened_at"] == "observed"
    assert made.values["text"] == f"job harbour · start it · quay.test:9100: up · query: {QUERY}"
    assert made.about == f"signal:{down.id}"
    assert made.named == "signal tide_height_metres"
    never = draft(room(GAP), Subject("signal", GAP.id), NOW)
    assert never.values["opened_at"] == "now"
