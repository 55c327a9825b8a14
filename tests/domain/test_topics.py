"""Topics that must carry traffic: what a cluster's answer means for the squad that promised them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain import gates, readings, topics
from controlroom.domain.board import Squad
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.health import ProbeResult, ServiceState, TopicTraffic, advance, initial
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Topic
from controlroom.domain.telemetry import GapCode, SignalReading

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
KAFKA = Service("bus", "kafka", url="kafka://bus")
ORDERS = Topic("orders", "ink", quiet=600.0)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def answered(
    *seen: TopicTraffic, health: Health = Health.UP, reason: str = "", at: datetime = NOON
) -> ServiceState:
    """The cluster after one answer."""
    result = ProbeResult("bus", at, health, reason, traffic=seen)
    return advance(initial(KAFKA, 5.0), result)


def read(state: ServiceState | None, topic: Topic = ORDERS, now: datetime = NOON) -> SignalReading:
    """The one reading there is."""
    states = [] if state is None else [state]
    (reading,) = topics.readings([Squad("ink", topics=(topic,))], states, now)
    return reading


def test_messages_that_come() -> None:
    """Delivered since it carries them, last seen when the last one came."""
    reading = read(answered(TopicTraffic("orders", ago(5), carried_since=ago(900))))
    assert (reading.code, reading.last_seen, reading.since) == (GapCode.OK, ago(5), ago(900))
    assert (reading.id, reading.query) == ("ink/topic:orders/*", "")


@pytest.mark.parametrize(("age", "code"), [(600, GapCode.OK), (601, GapCode.TOPIC_SILENT)])
def test_how_long_it_may_stand_still_is_its_own(age: float, code: GapCode) -> None:
    """Exactly that long is not too long."""
    assert read(answered(TopicTraffic("orders", ago(age), ago(age)))).code is code


def test_a_silent_topic() -> None:
    """When the last message came, whom to ask, and since when that is a gap."""
    reading = read(answered(TopicTraffic("orders", ago(3600), ago(3600), stamped=True)))
    assert (reading.code, reading.text) == (GapCode.TOPIC_SILENT, "no message since 2031-05-06T11:00:00Z")
    assert (reading.last_seen, reading.since) == (ago(3600), ago(3000))
    assert reading.hint == "ask who writes to orders: by the times of its messages it is silent"
    reading = read(answered(TopicTraffic("orders", still_since=ago(700))))
    assert reading.text == "no message since 2031-05-06T11:48:20Z, or for longer"
    assert reading.hint == "ask who writes to orders"


def test_nothing_is_said_before_it_was_watched_for_long_enough() -> None:
    """Without a message, and without the time, it is neither there nor silent."""
    reading = read(answered(TopicTraffic("orders", still_since=ago(40), watched_since=ago(40))))
    assert (reading.code, reading.text) == (GapCode.UNKNOWN, "no message seen, watched for 40s of 10m")


def test_a_topic_that_does_not_exist() -> None:
    """That is known, not unknown: nobody ever saw it."""
    reading = read(answered(TopicTraffic("orders", error="topic orders does not exist", missing=True)))
    assert (reading.code, reading.text) == (GapCode.NEVER_SEEN, "topic orders does not exist on bus")


def test_what_cannot_be_told_is_unknown() -> None:
    """Not allowed, or partitions without a leader; messages that came all the same count."""
    hidden = read(answered(TopicTraffic("orders", error="not allowed to see topic orders")))
    assert (hidden.code, hidden.text) == (GapCode.UNKNOWN, "not allowed to see topic orders")
    error = "1 of 3 partitions without a leader"
    old = read(answered(TopicTraffic("orders", ago(3600), error=error)))
    assert (old.code, old.text, old.last_seen) == (GapCode.UNKNOWN, error, ago(3600))
    new = read(answered(TopicTraffic("orders", ago(3), error=error)))
    assert (new.code, new.text) == (GapCode.OK, f"messages come; {error}")


def test_a_cluster_that_does_not_answer() -> None:
    """Its own reason is told, also before it is called down; nothing is said about the topic."""
    live = answered(TopicTraffic("orders", ago(5)))
    failed = advance(live, ProbeResult("bus", NOON, Health.DOWN, "connection refused"))
    assert failed.health is Health.UP
    reading = read(failed)
    assert (reading.code, reading.text) == (GapCode.SOURCE_DOWN, "bus: connection refused (1 of 2)")
    assert reading.hint == "mend bus first: nothing is known about the topic itself"


def test_a_cluster_that_is_down_and_answers_is_believed() -> None:
    """Another topic's partitions have no leader; this one carries its messages."""
    state = answered(
        TopicTraffic("orders", ago(5)), health=Health.DOWN, reason="3 partitions without a leader"
    )
    assert read(state).code is GapCode.OK


def test_an_old_answer_says_nothing() -> None:
    """Neither that messages come nor that none do."""
    for seen in (TopicTraffic("orders", ago(5)), TopicTraffic("orders", ago(3600), ago(3600))):
        reading = read(answered(seen, at=ago(120)))
        assert (reading.code, reading.text) == (GapCode.SOURCE_DOWN, "bus: not probed for 2m, was up")
        assert reading.last_seen == seen.moved_at


def test_before_anybody_was_asked() -> None:
    """Unknown: there is no cluster, it was not probed, or not asked about this topic."""
    assert read(None).text == "no Kafka is configured"
    assert read(None, replace(ORDERS, service="other")).text == "no Kafka is called other"
    assert read(initial(KAFKA, 5.0)).text == "bus: not probed yet"
    assert read(answered()).text == "bus has not been asked about it yet"
    assert {read(state).code for state in (None, initial(KAFKA, 5.0), answered())} == {GapCode.UNKNOWN}
    first = datetime.min.replace(tzinfo=UTC)
    assert read(initial(KAFKA, 5.0), now=first).code is GapCode.UNKNOWN


def test_a_topic_that_carries_traffic_passes_the_gate_at_one_look() -> None:
    """Since when it does so is known to the broker: nobody has to watch for ten minutes."""
    rules = GateRules()
    found = read(answered(TopicTraffic("orders", ago(5), carried_since=ago(601), stamped=True)))
    reading = readings.lasting(None, found, NOON, rules)
    assert gates.stand(reading, None, rules, NOON).standing == "passing"
    late = replace(reading, since=ago(599))
    assert gates.stand(late, None, rules, NOON).standing == "holding"
