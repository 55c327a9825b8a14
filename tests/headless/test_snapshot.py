"""The room as JSON and as plain text, what needs attention, and the exit code that follows."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from controlroom.domain.board import Item, Squad
from controlroom.domain.health import ServiceState
from controlroom.domain.lints import Lint
from controlroom.domain.program import Dependency, Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert, GapCode, Gate, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.domain.waves import Wave
from controlroom.headless.attention import attention, exit_code
from controlroom.headless.snapshot import as_json, as_plain

NOW = dt.datetime(2031, 5, 6, 7, 59, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

PROGRAM = Program(
    id="press",
    title="The Press",
    start=dt.date(2031, 5, 3),
    zone="Europe/Lisbon",
    squads=(Squad("ink", "Ink & Paper"),),
    waves=(Wave("a", "Wave A", dt.date(2031, 5, 3), dt.date(2031, 5, 17)),),
    rituals=(Ritual("standup", "Morning round", time=dt.time(9), minutes=15),),
)
ANSWERED = SourceStatus("services", "services", "services", 5.0, read_at=NOW)
QUEUE = Service("queue", "tcp", squads=("ink",))


def calm(**parts: object) -> Snapshot:
    snapshot = Snapshot(
        PROGRAM,
        sources=(ANSWERED,),
        services=(ServiceState(QUEUE, Health.UP, NOW - HOUR, "", 0.002, NOW),),
        items=(
            Item("s-1/a", "Press", squad="ink", status="in_progress", owner="Odile", path="plan.md", line=3),
        ),
    )
    return replace(snapshot, **parts)  # type: ignore[arg-type]


KEYS = {
    *(
        "schema",
        "version",
        "taken_at",
        "program",
        "position",
        "sources",
        "services",
        "squads",
        "waves",
        "items",
    ),
    *("blockers", "gaps", "gates", "alerts", "rituals", "waiting", "lints", "attention"),
    *("self", "dependencies"),
}


@pytest.mark.parametrize("snapshot", [calm(), Snapshot(Program())])
def test_every_key_is_there_and_it_is_json(snapshot: Snapshot) -> None:
    """Of a full room and of one that knows nothing."""
    document = json.loads(json.dumps(as_json(snapshot, NOW, "Asia/Kolkata"), allow_nan=False))
    assert set(document) >= KEYS
    assert (document["schema"], document["taken_at"]) == ("controlroom.snapshot", "2031-05-06T07:59:30Z")


def test_the_position_is_unknown_without_a_start() -> None:
    """No start, no week: nothing is guessed."""
    unknown = {"week": None, "day": None, "label": None}
    assert as_json(Snapshot(Program()), NOW, "UTC")["position"] == unknown
    assert as_json(calm(), NOW, "UTC")["position"] == {"week": 1, "day": 4, "label": "W1D4"}


def test_the_shapes_scripts_rely_on() -> None:
    """A service, a wave, an item and the next ritual as the interface has them."""
    document = as_json(calm(), NOW, "UTC")
    (service,) = document["services"]
    assert (service["id"], service["kind"], service["state"], service["since"]) == (
        "queue",
        "tcp",
        "up",
        "2031-05-06T06:59:30Z",
    )
    assert (service["latency_ms"], service["error"], service["caused_by"]) == (2.0, None, None)
    (wave,) = document["waves"]
    assert (wave["id"], wave["start"], wave["phase"], wave["day"], wave["days"]) == (
        "a",
        "2031-05-03",
        "active",
        4,
        14,
    )
    assert (document["items"][0]["path"], document["items"][0]["line"]) == ("plan.md", 3)
    assert document["rituals"]["next"][0]["countdown"] == "00:30"
    assert document["sources"][0]["freshness"] == "fresh"


def test_nothing_wrong_is_exit_code_0() -> None:
    """A calm room asks for nobody."""
    assert attention(calm(), NOW) == ()
    assert exit_code(calm(), ()) == 0


DOWN = ServiceState(QUEUE, Health.DOWN, NOW - HOUR, "refused", None, NOW)
GONE = replace(ANSWERED, id="alerts:main", kind="alerts", read_at=None, error="no answer within 5 s")


@pytest.mark.parametrize(
    ("parts", "kind", "code"),
    [
        ({"services": (DOWN,)}, "service", 1),
        ({"services": (replace(DOWN, health=Health.DEGRADED),)}, "service", 1),
        ({"signals": (SignalReading(Signal("pages_total", squad="ink"), GapCode.NEVER_SEEN),)}, "gap", 1),
        ({"gates": (Gate("a", "FAIL", 0, 1, 0),)}, "gate", 1),
        ({"lints": (Lint("X010", "twice", "error"),)}, "lint", 1),
        ({"blockers": (Blocker("b", "No paper", opened_at=NOW - 5 * HOUR),)}, "blocker", 1),
        ({"alerts": (Alert("f", "InkLow"),)}, "alert", 1),
        ({"sources": (ANSWERED, GONE)}, "source", 3),
    ],
)
def test_what_is_wrong_needs_attention(parts: dict[str, object], kind: str, code: int) -> None:
    """Anything known to be wrong is 1; only a source that cannot be read is 3."""
    found = attention(calm(**parts), NOW)
    assert [one.kind for one in found] == [kind]
    assert exit_code(calm(**parts), found) == code


@pytest.mark.parametrize(
    "parts",
    [
        {"signals": (SignalReading(Signal("pages_total", squad="ink"), GapCode.SOURCE_DOWN),)},
        {"gates": (Gate("a", "UNKNOWN", 0, 1, 0),)},
        {"lints": (Lint("C002", "odd", "warning"),)},
        {"blockers": (Blocker("b", "No paper", opened_at=NOW - HOUR),)},
        {"blockers": (Blocker("b", "No paper", opened_at=NOW - 5 * HOUR, state="resolved"),)},
        {"alerts": (Alert("f", "InkLow", state="suppressed"),)},
        {"services": (replace(DOWN, health=Health.MAINTENANCE),)},
    ],
)
def test_what_is_unknown_or_in_hand_is_not_called_wrong(parts: dict[str, object]) -> None:
    """Absence of data, warnings, what is resolved, silenced or under maintenance."""
    assert attention(calm(**parts), NOW) == ()


def test_something_wrong_outweighs_a_source_that_is_gone() -> None:
    """With both, the exit code says that something is wrong."""
    both = calm(services=(DOWN,), sources=(ANSWERED, GONE))
    assert exit_code(both, attention(both, NOW)) == 1


def test_the_worst_comes_first() -> None:
    """A service that is down before a gap, a gap before a degraded service."""
    found = attention(
        calm(
            services=(replace(DOWN, health=Health.DEGRADED), replace(DOWN, service=Service("bus", "tcp"))),
            signals=(SignalReading(Signal("pages_total", squad="ink"), GapCode.STALE),),
        ),
        NOW,
    )
    assert [(one.severity, one.kind) for one in found] == [
        ("critical", "service"),
        ("error", "gap"),
        ("warning", "service"),
    ]


def test_the_plain_room_reads_from_top_to_bottom() -> None:
    """Headings in order, ages and reasons beside what was read, unknowns in words."""
    text = as_plain(calm(services=(DOWN,), sources=(ANSWERED, GONE)), NOW, "Asia/Kolkata")
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert headings[0] == "The Press · Tue 2031-05-06 08:59 WEST · Tue 13:29 IST · W1D4"
    assert headings[1:] == [
        *("Attention", "Since the last standup", "Waves", "Squads", "Blockers", "Services"),
        *(
            "Dependencies",
            "Telemetry",
            "Alerts",
            "Benchmarks",
            "Milestones",
            "Rituals",
            "Lints",
            "Triage log",
        ),
        *("This machine", "Sources"),
    ]
    assert "  critical: service: queue DOWN 1h 00m · refused\n" in text
    assert "  unknown: the source cannot be read\n" in text
    assert "in 00:30: Morning round" in text
    assert "alerts services: never read · cannot be read: no answer within 5 s" in text


def test_the_plain_room_holds_no_escape_sequence() -> None:
    """Plain means plain."""
    text = as_plain(calm(), NOW, "UTC")
    assert all(character == "\n" or character.isprintable() for character in text)


CUT_OFF = (Check("clock", True, "runs evenly"), Check("route", False, "no default route"))


def test_a_machine_in_trouble_needs_attention_and_its_doubts_are_no_outages() -> None:
    """What it supposes of services is as bad as not knowing, not as bad as knowing."""
    doubted = replace(DOWN, verified=False, failures=2)
    found = attention(calm(services=(doubted,), self_checks=CUT_OFF), NOW)
    assert [(one.kind, one.severity) for one in found] == [("self", "error"), ("service", "warning")]
    assert found[0].text == "is it me: no default route"
    assert exit_code(calm(self_checks=CUT_OFF), attention(calm(self_checks=CUT_OFF), NOW)) == 1


def test_what_another_service_explains_never_weighs_more_than_before() -> None:
    """A degraded dependent stays a warning; one that is down is an error, not critical."""
    for health, severity in ((Health.DEGRADED, "warning"), (Health.DOWN, "error")):
        (one,) = attention(calm(services=(replace(DOWN, health=health, caused_by="bus"),)), NOW)
        assert one.severity == severity


def test_the_machine_and_the_dependencies_are_in_the_document() -> None:
    """With null for what cannot be judged and for what nothing watches."""
    program = Program(
        id="press",
        squads=PROGRAM.squads,
        dependencies=(
            Dependency("Queue", "Pages travel on it", "ops", ("queue",), ("paper",)),
            Dependency("Post"),
        ),
    )
    waits = Blocker("b", "No paper", owning_squad="paper", blocking_squad="ops")
    checks = (*CUT_OFF, Check("dns", None, "nothing to look up"))
    room = calm(program=program, services=(DOWN,), blockers=(waits,), self_checks=checks)
    document = as_json(room, NOW, "UTC")
    assert document["self"][1:] == [
        {"name": "route", "ok": False, "text": "no default route"},
        {"name": "dns", "ok": None, "text": "nothing to look up"},
    ]
    queue, post = document["dependencies"]
    assert queue == {
        "name": "Queue",
        "text": "Pages travel on it",
        "owner": "ops",
        "state": "down",
        "services": ["queue"],
        "waiting": {"squads": ["paper", "ink"], "services": [], "blockers": ["b"]},
    }
    assert (post["state"], post["owner"], post["waiting"]["squads"]) == (None, None, [])
    text = as_plain(room, NOW, "UTC")
    assert "  is it me: no default route\n" in text
    assert "Queue  owner ops · queue: refused · waiting: 2 squads (paper, ink), 1 blocker (b)" in text
    assert "  no probe declared  Post  no owner\n" in text
    assert "  route: FAILS: no default route\n" in text
    assert "  dns: unknown: nothing to look up\n" in text


def claiming(code: GapCode) -> Snapshot:
    """A room in which a done card names a metric as its proof."""
    reading = SignalReading(
        Signal("pages_total", squad="ink"), code, "gone", NOW - HOUR, query="pages_total", since=NOW - HOUR
    )
    done = Item("s-1/b", "Binding", squad="ink", status="done", proof=("pages_total",))
    return replace(calm(signals=(reading,)), items=(*calm().items, done))


def test_done_and_not_observed_is_said_everywhere() -> None:
    """In the card's claims, among what needs attention, and beside the squad's open cards."""
    room = claiming(GapCode.DISAPPEARED)
    press, binding = as_json(room, NOW, "UTC")["items"]
    assert (press["proof"], press["claims"], binding["proof"]) == ([], [], ["pages_total"])
    text = "claimed done, not observed since 2031-05-06T06:59:30Z"
    assert binding["claims"] == [
        {
            "proof": "pages_total",
            "kind": "metric",
            "state": "not observed",
            "since": "2031-05-06T06:59:30Z",
            "since_or_before": False,
            "text": text,
            "why": "gone",
            "query": "pages_total",
        }
    ]
    found = [one for one in attention(room, NOW) if one.kind == "claim"]
    assert [(one.id, one.text, one.severity) for one in found] == [
        ("s-1/b", f"Binding: pages_total {text}", "warning")
    ]
    squads = as_plain(room, NOW, "UTC").partition("\nSquads\n")[2].partition("\nBlockers\n")[0]
    assert f"Binding: pages_total {text}" in squads


@pytest.mark.parametrize("code", [GapCode.OK, GapCode.UNKNOWN, GapCode.SOURCE_DOWN])
def test_what_is_there_or_unknown_refutes_no_card(code: GapCode) -> None:
    """Nothing is said where a proof is observed, nor where nobody could look."""
    room = claiming(code)
    assert [one for one in attention(room, NOW) if one.kind == "claim"] == []
    assert "Binding" not in as_plain(room, NOW, "UTC")


def test_a_silent_topic_is_named() -> None:
    """By its name, as it has no metric."""
    reading = SignalReading(Signal("", squad="ink", topic="orders.made"), GapCode.TOPIC_SILENT, "no message")
    assert "ink topic orders.made: TOPIC SILENT · no message" in as_plain(
        calm(signals=(reading,)), NOW, "UTC"
    )
