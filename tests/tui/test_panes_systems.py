"""Services, telemetry and alerts: worst first, quiet green, and unknown never as fine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controlroom.domain.services import Health
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
    assert "alerts unknown 2m: connection refused" in said
    assert "no alerts" not in said
    assert "2 below as of" in drawn(alerts.PANE, changed(sources=down()))
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
