"""The lines of `watch`: what differs between two snapshots."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from controlroom.domain.alerts import Watchdog
from controlroom.domain.board import Item
from controlroom.domain.documents import DocumentReading
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Program
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Gate
from controlroom.domain.triage import Blocker
from controlroom.domain.waivers import Waiver
from controlroom.headless.watch import as_json, as_line, events

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)
UP = ServiceState(Service("redis", "redis"), Health.UP)
BEFORE = Snapshot(
    Program(),
    services=(UP,),
    items=(Item("a", "Press", status="in_progress"),),
    documents=(DocumentReading("plan.md"),),
    sources=(SourceStatus("documents", "documents", read_at=NOW),),
)


def lines(after: Snapshot, before: Snapshot = BEFORE) -> list[str]:
    return [as_line(event) for event in events(before, after, NOW)]


def test_a_service_that_went_down() -> None:
    """Instant, service, both states, reason."""
    down = replace(BEFORE, services=(replace(UP, health=Health.DOWN, reason="refused"),))
    assert lines(down) == ["2031-05-06T08:00:00Z service redis up → down: refused"]


def test_a_failure_in_doubt_says_so() -> None:
    """While this machine itself may be cut off, no line blames a service; what is wrong here is a line."""
    cut = Check("route", False, "no default route")
    down = replace(UP, health=Health.DOWN, reason="no connection", verified=False)
    blind = replace(BEFORE, services=(down,), self_checks=(cut, Check("clock", True, "runs evenly")))
    assert lines(blind) == [
        "2031-05-06T08:00:00Z self route new → failing: no default route",
        "2031-05-06T08:00:00Z service redis up → down: no connection · "
        "unverified: this machine itself may be cut off",
    ]
    assert lines(replace(blind, self_checks=()), blind) == [
        "2031-05-06T08:00:00Z self route failing → gone: no default route"
    ]


def test_the_same_as_json() -> None:
    """One object with the same facts."""
    down = replace(BEFORE, services=(replace(UP, health=Health.DOWN, reason="refused"),))
    (event,) = events(BEFORE, down, NOW)
    assert as_json(event) == {
        "at": "2031-05-06T08:00:00Z",
        "kind": "service",
        "id": "redis",
        "from": "up",
        "to": "down",
        "text": "refused",
    }


def test_what_only_was_measured_again_is_no_line() -> None:
    """Another latency, another time of reading: silence."""
    again = replace(
        BEFORE,
        services=(replace(UP, latency=0.5, probed_at=NOW),),
        sources=(replace(BEFORE.sources[0], read_at=NOW + dt.timedelta(seconds=5)),),
    )
    assert lines(again) == []


def test_cards_and_blockers_that_come_move_and_go() -> None:
    """Each is one line, with what it was and what it is."""
    after = replace(BEFORE, items=(Item("b", "Ink", status="done"),), blockers=(Blocker("x", "No paper"),))
    assert lines(after) == [
        "2031-05-06T08:00:00Z item b new → done: Ink",
        "2031-05-06T08:00:00Z item a in_progress → gone: Press",
        "2031-05-06T08:00:00Z blocker x new → open: No paper",
    ]


def test_the_first_reading_of_the_documents_is_no_news() -> None:
    """Ten thousand cards at the start are not ten thousand changes."""
    empty = replace(BEFORE, documents=(), items=())
    assert lines(BEFORE, empty) == []


def test_a_source_that_fails_and_answers_again() -> None:
    """Both turns are told, the first with its reason."""
    failing = replace(BEFORE, sources=(replace(BEFORE.sources[0], error="the file is gone"),))
    assert lines(failing) == ["2031-05-06T08:00:00Z source documents answering → failing: the file is gone"]
    assert lines(BEFORE, failing) == ["2031-05-06T08:00:00Z source documents failing → answering"]


def test_a_gate_is_told_of_whether_there_are_documents_or_not() -> None:
    """A verdict that changes is a line with its numbers; only what a first reading brings is none."""
    failing = Gate("a", "FAIL", 1, 2, 50)
    passing = Gate("a", "PASS", 1, 2, 50, waived=1)
    told = ["2031-05-06T08:00:00Z gate a FAIL → PASS*: 1/2 50%"]
    bare = replace(BEFORE, documents=(), sources=(), items=(), gates=(failing,))
    assert lines(replace(bare, gates=(passing,)), bare) == told
    written = replace(BEFORE, gates=(failing,))
    assert lines(replace(written, gates=(passing,)), written) == told
    unread = replace(bare, sources=(SourceStatus("documents", "documents"),))
    assert lines(replace(unread, gates=(passing,)), unread) == []


def test_waivers_and_dead_mans_switches_are_told_of() -> None:
    """Who excused what and until when, and a switch that no longer fires, are lines."""
    until = NOW + dt.timedelta(days=1)
    waiver = Waiver("river/ebb/*", "Ada", "next week", NOW, until, "w1")
    firing = replace(BEFORE, watchdogs=(Watchdog("am", "Alive", True),))
    after = replace(firing, waivers=(waiver,), watchdogs=(Watchdog("am", "Alive", False),))
    assert lines(after, firing) == [
        "2031-05-06T08:00:00Z waiver river/ebb/* new → until 2031-05-07T08:00:00Z: Ada: next week",
        "2031-05-06T08:00:00Z watchdog am firing → missing: Alive",
    ]
