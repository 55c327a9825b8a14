"""Services, telemetry and alerts: worst first, quiet green, and unknown never as fine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controlroom.domain.services import Health
from controlroom.domain.telemetry import Coverage, GapCode, Gate
from controlroom.tui.lines import as_text
from controlroom.tui.panes import alerts, services, telemetry
from controlroom.tui.rows import DrawContext
from tests.tui.rooms import (
    EMPTY,
    NOW,
    ROOM,
    SERVICES,
    SOURCES,
    ago,
    changed,
    drawn,
    reading,
    row_with,
    service,
    view,
)


def line(said: str, part: str) -> str:
    return next(one for one in said.splitlines() if part in one)


def test_services_are_worst_first_with_word_age_and_reason() -> None:
    """The first line is what is down, in the server's own words, with the squads it affects."""
    said = drawn(services.PANE).splitlines()
    assert said[0].startswith("✖ kafka")
    for part in ("DOWN 3m", "connection refused 127.0.0.1:9092", "affects Cranes"):
        assert part in said[0]


def test_narrow_a_failing_service_says_below_whom_it_affects() -> None:
    """A long reason crops at the edge, not over the squads; what is up still takes one line."""
    long = service("kafka", Health.DOWN, "connected, but no answer within 2 s", 3, squads=("cranes",))
    room = changed(services=(long, service("redis", Health.UP, squads=("cranes",))))
    said = drawn(services.PANE, room, seen=view(44)).splitlines()
    assert said[0].startswith("✖ kafka")
    assert said[1] == "  affects Cranes"
    assert said[2].startswith("● redis")


def test_a_first_failure_is_told_though_it_proves_nothing() -> None:
    """Still up, but with what went wrong instead of silence."""
    wobbly = service("redis", Health.UP, "no answer within 2 s (1 of 2)", failures=1)
    assert "up 10h" in (said := drawn(services.PANE, changed(services=(wobbly,))))
    assert "no answer within 2 s (1 of 2)" in said
    assert "PONG" not in drawn(services.PANE, changed(services=(service("redis", Health.UP, "PONG"),)))


def test_dependencies_without_services_name_the_key() -> None:
    """What is needed is listed, and how to watch it."""
    assert "add [[services]]" in drawn(services.PANE, changed(services=()))


def test_the_count_is_that_of_the_services_shown() -> None:
    """With one squad in focus: its own and everybody's."""
    assert services.PANE.count(DrawContext(ROOM, view(), NOW, 118, 0))[0] == "12"
    room = changed(services=(*SERVICES[:2], service("mine", Health.UP, squads=("quay",))))
    seen = view(focus_squad="quay")
    assert services.PANE.count(DrawContext(room, seen, NOW, 118, 0))[0] == "2"
    assert "kafka  " not in drawn(services.PANE, room, seen=seen)


def test_what_another_service_explains_is_not_red() -> None:
    """A dependent reads `caused by`, in the style of a degraded one."""
    down = replace(service("api", Health.DOWN, "502"), caused_by="kafka")
    room = changed(services=(*SERVICES, down))
    row = row_with(services.PANE, "service:api", room)
    spans = services.PANE.draw(row, DrawContext(room, view(), NOW, 118, 0))[0]
    assert "caused by kafka" in as_text((spans,))
    assert "down" not in {span.style for span in spans}


def test_quiet_green_takes_one_line_until_there_is_room() -> None:
    """Ten that are up are one line in a low pane, ten lines when zoomed."""
    assert "● 10 more up" in drawn(services.PANE, seen=view(118, 8))
    assert drawn(services.PANE, seen=view(118, 40, expanded=True)).count("● ") == 10


def test_quiet_green_that_stops_answering_is_unknown_at_once() -> None:
    """The collapsed line counts what may be said now, though the snapshot is the same."""
    said = drawn(services.PANE, seen=view(118, 8), now=NOW + timedelta(minutes=2))
    assert "10 unknown" in said
    assert "up" not in line(said, "10 unknown")


def test_while_the_room_is_blind_failures_are_unverified() -> None:
    """Not red: it may be us."""
    blind = tuple(replace(state, verified=False) for state in SERVICES)
    said = drawn(services.PANE, changed(services=blind))
    assert "unverified" in line(said, "kafka")


def test_dependencies_show_their_probe_or_that_there_is_none() -> None:
    """In one line where there is no room for more, else in rows of their own."""
    low = drawn(services.PANE, seen=view(118, 5))
    assert "✖ Kafka DOWN" in low
    assert "no probe declared for Weather feed" in low
    for seen in (view(expanded=True), view(118, 20), view(58, 30)):
        assert "no probe declared" in line(drawn(services.PANE, seen=seen), "Weather feed")


def test_redacted_services_hide_addresses() -> None:
    """The reason keeps its words."""
    said = drawn(services.PANE, seen=view(redact=True))
    assert "connection refused" in said
    assert "127.0.0.1" not in said


def test_a_gap_has_its_code_its_words_and_its_squad() -> None:
    """One line per gap, the squad's coverage on the first."""
    said = line(drawn(telemetry.PANE), "NEVER_SEEN")
    for part in ("Quay & Berths", "▰▱", "1/2", "tide_height_metres", "never seen in 15d", "did you mean"):
        assert part in said
    assert "last seen 08:56" in line(drawn(telemetry.PANE), "TARGET_DOWN")


def test_fine_signals_are_quiet_until_zoomed() -> None:
    """OK is not a gap."""
    assert "berths_booked_total" not in drawn(telemetry.PANE)
    assert "● berths_booked_total" in drawn(telemetry.PANE, seen=view(expanded=True))


def test_nothing_required_is_not_declared_rather_than_full() -> None:
    """0/0 is not 100 %."""
    said = line(drawn(telemetry.PANE), "Customs")
    assert "not declared" in said
    assert "%" not in said


def test_an_unreachable_prometheus_takes_one_line_per_squad() -> None:
    """Hundreds of unknown signals do not bury what is known, and none of them is a known gap."""
    lost = tuple(reading("quay", f"m{n}", GapCode.SOURCE_DOWN, "connection refused") for n in range(50))
    room = changed(signals=lost, coverage=(Coverage("quay", 0, 50, 0, "UNKNOWN"),), gates=())
    said = drawn(telemetry.PANE, room)
    assert said.count("SOURCE_DOWN") == 1
    assert "50 signals" in said
    heading = telemetry.PANE.heading(DrawContext(room, view(), NOW, 80, 20))
    assert heading.count == "0 · 50 unknown"


def test_the_gate_says_verdict_and_percent() -> None:
    """Word, glyph and number."""
    assert "Wave One gate ✖ FAIL 33 %" in drawn(telemetry.PANE)


def test_narrow_gaps_stand_under_their_squad() -> None:
    """The metric keeps room in a narrow pane."""
    said = drawn(telemetry.PANE, seen=view(46))
    assert "tide_height_metres" in said


def test_nothing_declared_names_the_key() -> None:
    """An empty telemetry pane helps."""
    assert "[[squads.signals]]" in as_text((telemetry.PANE.empty(EMPTY),))


def test_alerts_are_grouped_and_unowned_ones_stand_out() -> None:
    """Worst group first; severity in words."""
    said = drawn(alerts.PANE).splitlines()
    assert said[0].startswith("Quay & Berths")
    assert "critical" in said[0]
    assert said[1].startswith("unowned")


def down() -> tuple[object, ...]:
    return tuple(
        replace(source, error="connection refused", error_since=ago(2)) if source.kind == "alerts" else source
        for source in SOURCES
    )


def test_an_unreachable_alertmanager_is_unknown_never_no_alerts() -> None:
    """With and without earlier alerts."""
    room = changed(sources=down(), alerts=())
    said = drawn(alerts.PANE, room)
    assert "alerts unknown for 2m: connection refused" in said
    assert "no alerts" not in said
    assert "what it said before" in drawn(alerts.PANE, changed(sources=down()))
    assert alerts.PANE.heading(DrawContext(room, view(), NOW, 80, 20)).count == "?"


def test_no_alerts_is_said_only_by_an_alertmanager_that_answered() -> None:
    """Not configured, loading and none are three different things."""
    assert "add [[alertmanagers]]" in as_text((alerts.PANE.empty(EMPTY),))
    asked = tuple(replace(s, read_at=None) for s in SOURCES)
    assert "loading" in as_text((alerts.PANE.empty(changed(sources=asked, alerts=())),))
    assert as_text((alerts.PANE.empty(changed(alerts=())),)) == "no alerts firing"


def test_panes_depend_on_their_own_parts_only() -> None:
    """A new reading of one source leaves the rows of other panes alone."""
    newer = replace(ROOM, version=2, taken_at=NOW, sources=tuple(replace(s, read_at=NOW) for s in SOURCES))
    for pane in (services.PANE, telemetry.PANE, alerts.PANE):
        assert all(a is b for a, b in zip(pane.depends(ROOM), pane.depends(newer), strict=True))


def test_what_is_not_known_has_no_percentage() -> None:
    """A gate and a squad whose signals nobody could ask for read ``?``, never ``0``."""
    unknown = Coverage("customs", 0, 2, 0, "UNKNOWN")
    said = drawn(
        telemetry.PANE,
        changed(signals=(), coverage=(unknown,), gates=(Gate("one", "UNKNOWN", 0, 2, 0, (unknown,)),)),
    )
    assert "?/2" in said
    assert "UNKNOWN ? %" in said
    assert "0/2" not in said
    assert "0 %" not in said.replace("? %", "").replace("100 %", "")
