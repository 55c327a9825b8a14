"""Whose an alert is, which of several copies counts, what belongs together, and whether any would arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.config.values import LabelRule
from controlroom.domain.alerts import (
    Watchdog,
    apart,
    distinct,
    families,
    grouped,
    holds,
    owned,
    owner_rule_choices,
    watchdog_trouble,
)
from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.reduce import Setup, reduce
from controlroom.domain.silences import Matcher, Silence
from controlroom.domain.snapshot import AlertsSeen, Observation, Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert

PROGRAM = Program(squads=(Squad("river", "River & Weir", ("Weir",)), Squad("sea", "Sea")))
RULES = (LabelRule("service", "locks", "river"), LabelRule("service", "harbour", "Sea"))
AT = datetime(2025, 10, 6, 16, tzinfo=UTC)


def squad_of(name: str) -> str | None:
    squad = PROGRAM.squad(name)
    return squad.id if squad else None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"squad": "river"}, "river"),
        ({"squad": "River & Weir"}, "river"),
        ({"team": "weir"}, "river"),
        ({"squad": "sea", "team": "weir"}, "sea"),
        ({"squad": "nobody", "team": "weir"}, "river"),
        ({"service": "locks"}, "river"),
        ({"service": "harbour"}, "sea"),
        ({"squad": "sea", "service": "locks"}, "sea"),
        ({"squad": "nobody"}, None),
        ({"squad": ""}, None),
        ({}, None),
    ],
)
def test_labels_name_the_squad_then_rules_then_nobody(labels: dict[str, str], expected: str | None) -> None:
    """The squad or team label counts first, in any spelling of the squad, then the rules; else unowned."""
    assert owned(labels, RULES, squad_of)[0] == expected


def test_copies_of_an_alert_are_one() -> None:
    """Two Alertmanagers of a pair report the same alert once, active where either of them says so."""
    quiet = Alert("f1", "Ebb", state="suppressed", server="one")
    loud = replace(quiet, state="active", server="two")
    other = Alert("f2", "Flood")
    assert distinct([quiet, other, loud]) == (loud, other)
    assert distinct([loud, quiet]) == (loud,)


def test_groups_put_active_and_old_first_and_unowned_last() -> None:
    """Squads in order, the unowned bucket last, within each what fires longest first."""
    late = Alert("1", "Late", squad="sea", starts_at=AT)
    early = Alert("2", "Early", squad="sea", starts_at=AT.replace(hour=1))
    muted = replace(early, fingerprint="3", state="suppressed")
    stray = Alert("4", "Stray")
    assert list(grouped([stray, muted, late, early]).items()) == [
        ("sea", (early, late, muted)),
        (None, (stray,)),
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"job": "lock-3"}, "river"),
        ({"job": "xlock-3"}, None),
        ({"job": "lock-3x"}, None),
        ({"service": "locks", "job": "pier"}, "sea"),
    ],
)
def test_a_rule_with_match_fits_the_whole_value_and_the_first_rule_counts(
    labels: dict[str, str], expected: str | None
) -> None:
    """A pattern is anchored at both ends, and rules are asked in their order."""
    rules = (LabelRule("job", squad="sea", match="p.*"), LabelRule("job", squad="river", match=r"lock-\d"))
    assert owned(labels, (*rules, LabelRule("service", "locks", "river")), squad_of)[0] == expected


def test_a_family_is_what_one_squad_has_of_one_name() -> None:
    """Copies count once; severity, counts and start are of the active ones, and these come oldest first."""
    early = Alert("1", "Flood", "warning", squad="sea", starts_at=AT, server="one")
    late = Alert("2", "Flood", "critical", squad="sea", starts_at=AT + timedelta(hours=1))
    quiet = Alert("3", "Flood", "page", "", "suppressed", AT - timedelta(days=1), "sea")
    other = Alert("4", "Flood", "info", starts_at=AT)
    copy = replace(early, server="two", state="suppressed")
    sea, unowned = families([other, late, copy, quiet, early])
    assert (sea.name, sea.squad, sea.severity) == ("Flood", "sea", "critical")
    assert sea.alerts == (early, late, quiet)
    assert (sea.active, sea.silenced, sea.since) == (2, 1, AT)
    assert (unowned.squad, unowned.alerts) == (None, (other,))


def test_families_stand_by_what_fires_how_bad_it_is_and_since_when() -> None:
    """What is silenced stands last whatever its severity; a strange severity is worse than a remark."""
    made = [
        Alert("1", "Quiet", "critical", state="suppressed"),
        Alert("2", "Late", "critical", starts_at=AT),
        Alert("3", "Old", "critical", starts_at=AT - timedelta(hours=1)),
        Alert("4", "Odd", "sev-9", starts_at=AT),
        Alert("5", "Info", "info", starts_at=AT),
    ]
    assert [family.name for family in families(made)] == ["Old", "Late", "Odd", "Info", "Quiet"]
    assert families([]) == ()


def test_what_tells_alerts_of_a_family_apart() -> None:
    """Labels that differ, or that only some have; where there is one alert, none."""
    one = Alert("1", "Flood", labels={"alertname": "Flood", "job": "locks", "instance": "a", "disk": "x"})
    two = Alert("2", "Flood", labels={"alertname": "Flood", "job": "locks", "instance": "b"})
    (family,) = families([one, two])
    assert apart(family) == ("instance", "disk")
    assert apart(families([one])[0]) == ()


def test_a_rule_is_offered_the_most_telling_labels_first() -> None:
    """A team nobody knows, what runs there, the alert's name; nothing empty, or that everybody has."""
    labels = {
        "severity": "critical",
        "zone": "north",
        "alertname": "Flood",
        "job": "locks",
        "team": "weirdos",
        "service": "",
        "replica": "a",
    }
    assert owner_rule_choices(Alert("1", "Flood", labels=labels)) == (
        ("team", "weirdos"),
        ("job", "locks"),
        ("alertname", "Flood"),
        ("zone", "north"),
    )


def watched(*dogs: Watchdog, error: str | None = None, read: bool = True, restored: bool = False) -> Snapshot:
    source = SourceStatus("alerts:am", "alerts", "am", read_at=AT if read else None, error=error)
    return Snapshot(PROGRAM, sources=(source,), watchdogs=dogs, restored=restored)


def test_a_switch_that_does_not_fire_is_trouble_only_where_its_alertmanager_answers() -> None:
    """Unreachable, never read or remembered from an earlier run, it is unknown and no alarm."""
    dead, alive = Watchdog("am", "Watchdog", False), Watchdog("am", "Watchdog", True)
    ((dog, text),) = watchdog_trouble(watched(dead))
    assert dog is dead
    assert text == "Watchdog of am does not fire: alerts may not arrive"
    assert watchdog_trouble(watched(alive)) == ()
    assert watchdog_trouble(watched(replace(alive, silenced=True))) == ()
    assert watchdog_trouble(watched(dead, error="refuses connections")) == ()
    assert watchdog_trouble(watched(dead, read=False)) == ()
    assert watchdog_trouble(watched(dead, restored=True)) == ()
    assert watchdog_trouble(watched(Watchdog("gone", "Watchdog", False))) == ()


def test_what_is_away_is_an_alertmanager() -> None:
    """A Prometheus of the same name that does not answer takes nothing from what its Alertmanager says."""
    sources = (
        SourceStatus("metrics:one", "metrics", error="connection refused", read_at=AT),
        SourceStatus("alerts:one", "alerts", read_at=AT),
        SourceStatus("alerts:two", "alerts", read_at=AT),
    )
    loud = Alert("f1", "Ebb", server="one")
    room = Snapshot(PROGRAM, sources=sources, alerts=(loud,))
    seen = AlertsSeen((replace(loud, state="suppressed", server="two"),))
    room = reduce(Setup(PROGRAM, {}), room, Observation("alerts:two", "alerts", AT, payload=seen))
    assert room.alerts == (loud,)


def test_a_silence_is_as_whoever_answers_says() -> None:
    """What a member of the cluster said of it before it went away counts only where nobody else knows it."""
    sources = (
        SourceStatus("alerts:one", "alerts", error="connection refused", read_at=AT),
        SourceStatus("alerts:two", "alerts", read_at=AT),
    )
    old = Silence("s1", (Matcher("alertname", "Ebb"),), AT, AT + timedelta(minutes=5), server="one")
    other = replace(old, id="s2")
    longer = replace(old, ends_at=AT + timedelta(hours=3), server="two")
    room = Snapshot(PROGRAM, sources=sources, silences=(old, other))
    seen = AlertsSeen((), silences=(longer,))
    room = reduce(Setup(PROGRAM, {}), room, Observation("alerts:two", "alerts", AT, payload=seen))
    assert room.silences == (longer, other)


def test_no_rule_keeps_the_room_waiting() -> None:
    """An expression that backtracking engines need ages for is answered at once, as RE2 reads it."""
    slow = (LabelRule("job", match="(a|aa)+b", squad="river"),)
    assert not holds(slow[0], {"job": "a" * 5_000})
    assert holds(slow[0], {"job": "a" * 5_000 + "b"})
    assert not holds(LabelRule("job", match="(?=a)a", squad="river"), {"job": "a"})
