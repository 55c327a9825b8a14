"""Alerts, silences and switches in words, as JSON and as an exit code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain.alerts import Watchdog
from controlroom.domain.program import Program
from controlroom.domain.silences import Matcher, Silence, SilenceDraft
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.headless import alerts, silences

NOW = datetime(2031, 5, 6, 8, tzinfo=UTC)
EBB = Alert("f1", "Ebb", "critical", "low water", "active", NOW - timedelta(minutes=3), "river")
EBB = replace(EBB, labels={"alertname": "Ebb", "instance": "a:1"})
OTHER = replace(EBB, fingerprint="f2", labels={"alertname": "Ebb", "instance": "b:1"}, summary="")
QUIET = Alert("f3", "Stray", state="suppressed", silenced_by=("s1",))
SOON = Silence(
    "s1", (Matcher("alertname", "St.*", regex=True),), NOW, NOW + timedelta(minutes=12), "Ada", "moving it"
)
LATER = replace(SOON, id="s2", ends_at=NOW + timedelta(hours=3), by="", comment="", server="am")
FIRES = Watchdog("am", "Watchdog", True, NOW, NOW)
SILENT = Watchdog("am", "Watchdog", False, seen_at=NOW - timedelta(minutes=9))
AM = SourceStatus("alerts:am", "alerts", "am", read_at=NOW)
GONE = replace(AM, error="http://am refuses connections", remedy="start it")


def room(
    *found: Alert, source: SourceStatus = AM, dogs: tuple[Watchdog, ...] = (), quiet: tuple[Silence, ...] = ()
) -> Snapshot:
    return Snapshot(Program(), sources=(source,), alerts=found, watchdogs=dogs, silences=quiet)


def test_alerts_stand_under_their_squad_and_say_which_of_a_name_they_are() -> None:
    """Worst known first, the unowned bucket last, what is silenced marked, silences with what they hold."""
    text = alerts.as_text(room(EBB, OTHER, QUIET, dogs=(FIRES,), quiet=(LATER, SOON, SOON)), NOW)
    assert text.splitlines() == [
        "river",
        "  critical Ebb a:1 for 3m · low water",
        "  critical Ebb b:1 for 3m",
        "unowned",
        "  Stray (suppressed)",
        "Watchdog of am: fires, as it must",
        "silences",
        '  ends in 12m · alertname=~"St.*" · Ada: moving it · 1 alert · s1 · ends soon',
        '  ends in 3h 00m · alertname=~"St.*" · no alerts · am s2',
    ]


@pytest.mark.parametrize(
    ("dog", "source", "line", "state"),
    [
        (FIRES, AM, "Watchdog of am: fires, as it must", "firing"),
        (
            replace(FIRES, silenced=True),
            AM,
            "Watchdog of am: fires, but is silenced: whoever waits for it hears nothing",
            "silenced",
        ),
        (SILENT, AM, "Watchdog of am does not fire: alerts may not arrive; last seen 9m ago", "missing"),
        (
            replace(SILENT, seen_at=None),
            AM,
            "Watchdog of am does not fire: alerts may not arrive",
            "missing",
        ),
        (SILENT, GONE, "Watchdog of am: unknown", "unknown"),
        (FIRES, GONE, "Watchdog of am: unknown", "unknown"),
    ],
)
def test_a_switch_is_told_of_in_words_and_in_a_word(
    dog: Watchdog, source: SourceStatus, line: str, state: str
) -> None:
    """Firing, silenced, missing, or unknown while its Alertmanager cannot be asked."""
    seen = room(dogs=(dog,), source=source)
    assert line in alerts.as_text(seen, NOW).splitlines()
    assert [one["state"] for one in alerts.as_json(seen)["watchdogs"]] == [state]


@pytest.mark.parametrize(
    ("seen", "code", "none"),
    [
        (room(), 0, True),
        (room(dogs=(FIRES,)), 0, True),
        (room(QUIET), 0, False),
        (room(EBB), 1, False),
        (room(replace(EBB, state="unprocessed")), 1, False),
        (room(dogs=(SILENT,)), 1, True),
        (room(source=GONE), 3, False),
        (room(source=replace(AM, read_at=None)), 3, False),
        (room(dogs=(SILENT,), source=GONE), 3, False),
        (room(QUIET, source=GONE), 3, False),
        (room(EBB, source=GONE), 1, False),
    ],
)
def test_only_an_alertmanager_that_answers_says_that_there_are_no_alerts(
    seen: Snapshot, code: int, none: bool
) -> None:
    """1 for what fires or a switch that does not, 3 for what is unknown, 0 for quiet."""
    assert alerts.exit_code(seen) == code
    text = alerts.as_text(seen, NOW)
    assert ("no alerts" in text.splitlines()) is none
    assert ("unknown" in text) is (code == 3 or "refuses" in text)


def test_no_alertmanager_is_not_no_alerts() -> None:
    """It is said that there is none to ask."""
    assert (
        alerts.as_text(Snapshot(Program()), NOW) == "no Alertmanager is configured: add [[alertmanagers]]\n"
    )


def test_the_document_has_families_silences_and_warnings() -> None:
    """Each by ids, matchers with how they are written, instants in UTC."""
    source = replace(AM, warnings=("its silences cannot be read: why",))
    document = alerts.as_json(room(EBB, OTHER, QUIET, source=source, dogs=(FIRES,), quiet=(SOON,)))
    assert document["families"] == [
        {
            "name": "Ebb",
            "squad": "river",
            "severity": "critical",
            "active": 2,
            "silenced": 0,
            "since": "2031-05-06T07:57:00Z",
            "alerts": ["f1", "f2"],
        },
        {
            "name": "Stray",
            "squad": None,
            "severity": "",
            "active": 0,
            "silenced": 1,
            "since": None,
            "alerts": ["f3"],
        },
    ]
    (silence,) = document["silences"]
    assert (silence["id"], silence["by"], silence["ends_at"]) == ("s1", "Ada", "2031-05-06T08:12:00Z")
    assert silence["alerts"] == ["f3"]
    assert silence["matchers"][0]["text"] == 'alertname=~"St.*"'
    assert document["watchdogs"][0]["since"] == "2031-05-06T08:00:00Z"
    assert document["sources"][0]["warnings"] == ["its silences cannot be read: why"]
    assert "am: its silences cannot be read: why" in alerts.as_text(room(source=source), NOW)


def test_a_draft_says_what_it_would_reach() -> None:
    """How many, until when, with which matchers; and each alert with its squad."""
    draft = SilenceDraft(SOON.matchers, NOW, NOW + timedelta(hours=2), "Ada", "moving it")
    assert silences.draft_as_text(draft, [EBB, QUIET], NOW).splitlines() == [
        'would silence 2 alerts until 2031-05-06T10:00:00Z: alertname=~"St.*"',
        "  river: critical Ebb for 3m · low water",
        "  unowned: Stray (suppressed)",
    ]
    assert silences.draft_as_text(draft, [], NOW).startswith("would silence no alerts until ")


def test_a_silence_that_has_not_begun_says_when_it_does() -> None:
    """And one that was ended, that it is."""
    pending = replace(SOON, starts_at=NOW + timedelta(minutes=5), state="pending")
    assert silences.line(pending, [], NOW).startswith("begins in 5m · ")
    assert silences.ending_as_text(SOON, [QUIET], NOW, ended=True).splitlines() == [
        'ended · alertname=~"St.*" · Ada: moving it · 1 alert · s1',
        "  unowned: Stray (suppressed)",
    ]
    assert silences.ending_as_text(SOON, [], NOW, ended=False).startswith("would end: ends in 12m · ")
