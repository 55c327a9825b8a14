"""`telemetry` and `alerts` without a screen: the shapes scripts rely on, and honest exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain import gates as judging
from controlroom.domain.board import Squad
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.program import Program
from controlroom.domain.signals import Signal, Topic
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert, GapCode, SignalReading, source_down
from controlroom.domain.waves import Wave
from controlroom.headless import alerts, telemetry

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
TIDES, EBB = Signal("tides_total", "sea", "river"), Signal("ebb_total", None, "river")
OK = SignalReading(
    TIDES, GapCode.OK, "3 series", NOW, 2.04, 3, None, 'tides_total{job="sea"}', ("a: up",),
    NOW - timedelta(hours=1),
)  # fmt: skip
GONE = SignalReading(
    EBB, GapCode.DISAPPEARED, "last seen 2025-10-06T14:00:00Z", NOW - timedelta(hours=2), None, 0,
    "did you mean ebbs_total?", "ebb_total",
)  # fmt: skip
PROGRAM = Program(squads=(Squad("river", signals=(TIDES, EBB)), Squad("dunes", "Dunes")))


def room(*readings: SignalReading, error: str | None = None) -> Snapshot:
    parts = judging.coverage(PROGRAM.squads, readings, GateRules(), NOW)
    source = SourceStatus(
        "metrics:p", "metrics", "p", read_at=NOW, error=error, remedy="start it" if error else ""
    )
    judged = (judging.gate(Wave("a", squads=("river",)), parts),)
    return Snapshot(PROGRAM, sources=(source,), signals=readings, coverage=parts, gates=judged)


def test_telemetry_json_has_its_shape() -> None:
    """Signals, OK ones too, and coverage; a squad without signals is NOT_DECLARED with a null metric."""
    document = telemetry.as_json(room(OK, GONE))
    json.dumps(document, allow_nan=False)
    ok, gone, undeclared = document["signals"]
    assert {"squad", "metric", "job", "code", "text", "last_seen", "hint", "query"} <= gone.keys()
    assert (gone["code"], gone["last_seen"], gone["job"]) == ("DISAPPEARED", "2025-10-06T14:00:00Z", None)
    assert (ok["code"], ok["sample_age_s"]) == ("OK", 2.0)
    assert (undeclared["code"], undeclared["squad"], undeclared["metric"]) == ("NOT_DECLARED", "dunes", None)
    river, dunes = document["coverage"]
    assert river == {
        "squad": "river", "ok": 1, "required": 2, "pct": 50, "verdict": "FAIL",
        "waived": 0, "unknown": 0, "holding": 0, "holds_at": None, "lapses_at": None,
        "trend": [],
    }  # fmt: skip
    assert (dunes["squad"], dunes["pct"], dunes["verdict"]) == ("dunes", None, "NOT_DECLARED")


def test_a_topic_is_required_like_a_metric() -> None:
    """It has no metric of its own where its cluster is asked, and is owed all the same."""
    for required in (True, False):
        topic = Topic("tides", "river", required_for_exit=required).signal
        said = telemetry.entry(SignalReading(topic, GapCode.OK))
        assert (said["metric"], said["topic"], said["required_for_exit"]) == (None, "tides", required)
    assert telemetry.as_json(room())["signals"][-1]["required_for_exit"] is False


def test_gaps_are_everything_but_ok() -> None:
    """OK signals are not gaps; unknown ones and squads that promise nothing are."""
    down = source_down([TIDES], {}, "refused")[0]
    assert [r.code for r in telemetry.gaps(room(OK, GONE))] == [GapCode.DISAPPEARED, GapCode.NOT_DECLARED]
    assert telemetry.gaps(room(down))[0].code is GapCode.SOURCE_DOWN


def test_telemetry_text_says_why_and_what_next() -> None:
    """Each gap has its reason, its age and what to do; no squad without signals reads 100 %."""
    text = telemetry.as_text(room(OK, GONE), NOW)
    assert "river 1/2 50% FAIL" in text
    assert "DISAPPEARED ebb_total · last seen 2025-10-06T14:00:00Z · 2h 00m ago" in text
    assert "did you mean ebbs_total?" in text
    assert "tides_total" not in text
    assert "dunes not declared" in text
    assert "p: connection refused" in telemetry.as_text(room(error="connection refused"), NOW)
    assert "[[squads.signals]]" in telemetry.as_text(Snapshot(Program()), NOW)


def test_exit_codes_tell_a_gap_from_an_unreachable_server() -> None:
    """1 for what is known to be wrong, 3 for what cannot be asked, 0 when all is known and well."""
    down = source_down([TIDES, EBB], {}, "refused")
    assert telemetry.exit_code(room(OK, GONE)) == 1
    assert telemetry.exit_code(room(*down, error="refused")) == 3
    assert telemetry.exit_code(room(OK, replace(OK, signal=EBB))) == 0


EBBING = Alert(
    "f1", "Ebb", "critical", "low water", "active", NOW - timedelta(minutes=3), "river", server="am"
)
STRAY = replace(EBBING, fingerprint="f2", name="Stray", squad=None, state="suppressed", silenced_by=("s1",))


def manager(*found: Alert, error: str | None = None) -> Snapshot:
    source = SourceStatus("alerts:am", "alerts", "am", read_at=None if error else NOW, error=error)
    return Snapshot(PROGRAM, sources=(source,), alerts=found)


def test_alerts_are_listed_by_squad_with_an_unowned_bucket() -> None:
    """Every alert stands under its squad, what nobody owns under unowned."""
    document = alerts.as_json(manager(STRAY, EBBING))
    json.dumps(document, allow_nan=False)
    first, second = document["alerts"]
    assert (first["id"], first["squad"], first["starts_at"]) == ("f1", "river", "2025-10-06T15:57:00Z")
    assert (second["squad"], second["state"], second["silenced_by"]) == (None, "suppressed", ["s1"])
    assert alerts.as_text(manager(STRAY, EBBING), NOW).splitlines() == [
        "river",
        "  critical Ebb for 3m · low water",
        "unowned",
        "  critical Stray for 3m (suppressed) · low water",
    ]


def test_no_alerts_is_only_said_when_somebody_said_so() -> None:
    """An Alertmanager that cannot be asked reads unknown; where none is configured, the key to add."""
    assert alerts.as_text(manager(), NOW) == "no alerts\n"
    assert alerts.as_text(manager(error="refused"), NOW) == "am: unknown: refused\n"
    assert "[[alertmanagers]]" in alerts.as_text(Snapshot(Program()), NOW)
    rooms = (manager(), manager(error="x"), manager(EBBING), manager(STRAY))
    assert [alerts.exit_code(one) for one in rooms] == [0, 3, 1, 0]


def test_what_is_not_known_is_no_number() -> None:
    """While a signal cannot be asked about, text shows ``?`` for the count, and it does not say fine."""
    seen = room(OK, SignalReading(EBB, GapCode.UNKNOWN, "not asked yet"))
    assert "river ?/2 UNKNOWN" in telemetry.as_text(seen, NOW)
    assert telemetry.exit_code(seen) == 3


def test_what_a_gate_asks_and_nobody_could_look_for_is_not_fine() -> None:
    """A delivered signal whose rule could not be read leaves its squad unknown: 3, never 0."""
    river = (Squad("river", signals=(TIDES,)),)
    blind = replace(OK, unchecked=(GapCode.NO_RULE,))
    parts = judging.coverage(river, (blind,), GateRules(fail_codes=("NO_RULE",)), NOW)
    assert telemetry.exit_code(replace(room(blind), coverage=parts)) == 3
    unasked = judging.coverage(river, (blind,), GateRules(), NOW)
    assert telemetry.exit_code(replace(room(blind), coverage=unasked)) == 0
