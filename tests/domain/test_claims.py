"""Claimed against observed: what a card names as its proof, and whether that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain.board import Item
from controlroom.domain.claims import Claim, by_item, claims, lints, sought
from controlroom.domain.health import ProbeResult, ServiceState, advance, initial
from controlroom.domain.program import Program
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal, Topic
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import GapCode, SignalReading

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
BEFORE = NOON - timedelta(minutes=20)
SOURCE = SourceStatus("metrics:prometheus", "metrics", read_at=NOON)


def item(*proof: str, status: str = "done", **keys: object) -> Item:
    """A card with a proof."""
    values: Mapping[str, object] = {"id": "s1/press", "epic": "Press", "path": "board.md", "line": 7, **keys}
    return Item(proof=proof, status=status, **values)  # type: ignore[arg-type]


def metric(name: str, code: GapCode = GapCode.OK, squad: str = "ink", **keys: object) -> SignalReading:
    """What was read of a metric."""
    return SignalReading(Signal(name, squad=squad), code, **keys)  # type: ignore[arg-type]


def topic(name: str, code: GapCode, **keys: object) -> SignalReading:
    """What was read of a topic."""
    return SignalReading(Topic(name, "ink").signal, code, **keys)  # type: ignore[arg-type]


def service(id_: str, health: Health, reason: str = "", at: datetime = NOON) -> ServiceState:
    """A service after one answer."""
    return advance(initial(Service(id_, "tcp"), 5.0), ProbeResult(id_, at, health, reason))


def room(*items: Item, **parts: object) -> Snapshot:
    """A room with a Prometheus that answers."""
    return Snapshot(Program("press"), items=items, **{"sources": (SOURCE,), **parts})  # type: ignore[arg-type]


def only(snapshot: Snapshot, now: datetime = NOON) -> Claim:
    """The one claim there is."""
    (claim,) = claims(snapshot, now)
    return claim


def test_a_metric_somebody_promised() -> None:
    """Whichever squad declared it; one reading that is there is enough."""
    gone = metric("pages_total", GapCode.DISAPPEARED, last_seen=BEFORE)
    there = metric("pages_total", squad="paper", since=BEFORE, query="pages_total")
    claim = only(room(item("`pages_total`"), signals=(gone, there)))
    assert (claim.item, claim.proof, claim.kind) == ("s1/press", "`pages_total`", "metric")
    assert (claim.state, claim.since, claim.query) == ("observed", BEFORE, "pages_total")
    assert not claim.refuted


def test_claimed_done_and_not_there() -> None:
    """Since when, or never; a card that claims nothing yet is not called a liar."""
    gone = metric("pages_total", GapCode.DISAPPEARED, "gone", last_seen=BEFORE)
    claim = only(room(item("pages_total"), signals=(gone,)))
    assert claim.text == "claimed done, not observed since 2031-05-06T11:40:00Z"
    assert (claim.refuted, claim.since) == (True, BEFORE)
    never = metric("pages_total", GapCode.NEVER_SEEN, text="never seen in the last 7d")
    claim = only(room(item("pages_total"), signals=(never,)))
    assert (claim.text, claim.why) == ("claimed done, never observed", "never seen in the last 7d")
    claim = only(room(item("pages_total", status="in_progress"), signals=(never,)))
    assert (claim.text, claim.refuted) == ("never observed", False)
    down = metric("pages_total", GapCode.TARGET_DOWN, text="target down")
    assert only(room(item("pages_total"), signals=(down,))).text == "claimed done, not observed"


STATES = {
    **dict.fromkeys((GapCode.OK, GapCode.PARTIAL, GapCode.FLAT, GapCode.NO_RULE), "observed"),
    **dict.fromkeys((GapCode.UNKNOWN, GapCode.SOURCE_DOWN, GapCode.TARGET_PENDING), "unknown"),
    **dict.fromkeys((GapCode.STALE, GapCode.NAN, GapCode.NO_TARGET, GapCode.NEVER_SEEN), "not observed"),
}


@pytest.mark.parametrize(("code", "state"), STATES.items())
def test_what_each_reading_proves(code: GapCode, state: str) -> None:
    """What is there proves it, whatever else is wrong; what nobody could ask proves nothing."""
    assert only(room(item("pages_total"), signals=(metric("pages_total", code),))).state == state
    assert only(room(item("pages_total"), proofs=(metric("pages_total", code, ""),))).state == state


def test_a_metric_nobody_promised_is_looked_for() -> None:
    """Its name is what somebody has to ask for; until they did, and while they cannot, it is unknown."""
    snapshot = room(
        item("pages_total", "own_total", "queue", "test_press.py::test_ink", "orders.made", "service other"),
        item('lines_total{job="press"}', "pages_total", id="s1/lines"),
        signals=(metric("own_total"), topic("orders.made", GapCode.OK)),
        services=(service("queue", Health.UP),),
    )
    assert sought(snapshot) == ("pages_total", "lines_total")
    assert only(room(item("pages_total"))).text == "not looked for yet"
    seen = (metric("pages_total", squad=""),)
    assert only(room(item("pages_total"), proofs=seen)).state == "observed"
    down = replace(SOURCE, error="connection refused")
    claim = only(room(item("pages_total"), proofs=seen, sources=(down,)))
    assert (claim.state, claim.text) == ("unknown", "connection refused")
    claim = only(room(item("pages_total"), sources=()))
    assert (claim.state, claim.text) == ("unknown", "no Prometheus is configured")


def test_what_is_looked_for_does_not_depend_on_having_been_found() -> None:
    """A name that was asked for once is asked for again."""
    snapshot = room(item("pages_total"), proofs=(metric("pages_total", squad=""),))
    assert sought(snapshot) == ("pages_total",)


@pytest.mark.parametrize(
    ("health", "state"),
    [(Health.UP, "observed"), (Health.DEGRADED, "not observed"), (Health.DOWN, "not observed")],
)
def test_a_service_that_is_up(health: Health, state: str) -> None:
    """Only that proves it."""
    claim = only(room(item("queue"), services=(service("queue", health, "says so"),)))
    assert (claim.kind, claim.state, claim.since) == ("service", state, NOON)
    assert "says so" in claim.why


def test_a_service_nobody_can_tell_of() -> None:
    """Not probed, answered too long ago, in doubt, or no such service."""
    up = service("queue", Health.UP)
    assert only(room(item("queue"), services=(initial(Service("queue", "tcp"), 5.0),))).state == "unknown"
    assert only(room(item("queue"), services=(up,)), NOON + timedelta(minutes=5)).state == "unknown"
    doubted = replace(service("queue", Health.DOWN, "refused"), verified=False)
    claim = only(room(item("queue"), services=(doubted,)))
    assert (claim.state, claim.text) == ("unknown", "unverified: this machine may be cut off; refused")
    claim = only(room(item("probe queue")))
    assert (claim.kind, claim.state, claim.text) == ("service", "unknown", "no service is called queue")


def test_a_topic() -> None:
    """As its reading has it."""
    silent = topic("orders.made", GapCode.TOPIC_SILENT, last_seen=BEFORE)
    claim = only(room(item("orders.made"), signals=(silent,)))
    assert (claim.kind, claim.text) == ("topic", "claimed done, not observed since 2031-05-06T11:40:00Z")
    there = topic("orders.made", GapCode.OK)
    assert only(room(item("kafka topic `orders.made`"), signals=(there,))).state == "observed"
    claim = only(room(item("topic other")))
    assert (claim.kind, claim.state) == ("topic", "unknown")


@pytest.mark.parametrize(
    ("proof", "kind", "text"),
    [
        ("tests/test_press.py::test_ink", "test", "no test results are read yet"),
        ("test_ink_dries", "test", "no test results are read yet"),
        ("test: ink dries", "test", "no test results are read yet"),
        ("Ada looked at it", "unknown name", "nothing here is called Ada looked at it"),
        ("orders.made", "unknown name", "nothing here is called orders.made"),
        ("", "unknown name", "nothing here is called "),
        ("metric", "metric", "not looked for yet"),
    ],
)
def test_what_is_not_known_is_never_made_up(proof: str, kind: str, text: str) -> None:
    """A test nobody has read the result of, and a name that nothing has, prove and refute nothing."""
    claim = only(room(item(proof)))
    assert (claim.kind, claim.state, claim.text) == (kind, "unknown", text)


def test_a_done_card_without_its_proof_is_a_lint() -> None:
    """One for the card, where it is written; nothing for what is observed, unknown or not claimed."""
    gone = metric("pages_total", GapCode.DISAPPEARED, last_seen=BEFORE)
    snapshot = room(
        item("pages_total", "queue", "test_x"),
        item("pages_total", id="s1/open", status="in_progress"),
        item("test_x", id="s1/unknown"),
        item(id="s1/none"),
        signals=(gone,),
        services=(service("queue", Health.DOWN),),
    )
    (lint,) = lints(snapshot, NOON)
    assert (lint.code, lint.severity, lint.path, lint.line) == ("X018", "warning", "board.md", 7)
    assert lint.subject == "s1/press"
    assert lint.message == (
        "Press is claimed done: pages_total not observed since 2031-05-06T11:40:00Z,"
        " queue not observed since 2031-05-06T12:00:00Z"
    )


def test_the_same_room_makes_the_same_claims() -> None:
    """The very same objects while nothing changed, and none at all where no card names a proof."""
    snapshot = room(item("queue"), services=(service("queue", Health.UP),))
    first = claims(snapshot, NOON)
    assert claims(replace(snapshot, version=2), NOON + timedelta(seconds=1)) is first
    assert by_item(first) == {"s1/press": first}
    assert claims(room(item()), NOON) == ()
