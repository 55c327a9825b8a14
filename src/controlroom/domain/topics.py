"""Topics that must carry traffic, as the probes of their clusters tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from controlroom.domain.health import ServiceState, TopicTraffic, aged
from controlroom.domain.instants import duration, render
from controlroom.domain.services import Health
from controlroom.domain.telemetry import GapCode, SignalReading

if TYPE_CHECKING:
    from controlroom.domain.board import Squad
    from controlroom.domain.signals import Topic

KIND = "kafka"


def watched(squads: Iterable[Squad]) -> tuple[Topic, ...]:
    """The topics that are asked of a cluster itself, not of a Prometheus."""
    return tuple(topic for squad in squads for topic in squad.topics if topic.metric is None)


def readings(
    squads: Iterable[Squad], services: Sequence[ServiceState], now: datetime
) -> tuple[SignalReading, ...]:
    """One reading per topic that a cluster is asked about, as its last answer has it.

    What only `now` changes, silence and an answer that is too old, shows when it is asked for again.
    """
    clusters = {state.service.id: state for state in services if state.service.kind == KIND}
    first = next(iter(clusters), None)
    return tuple(
        _reading(topic, clusters.get(topic.service or first or ""), now) for topic in watched(squads)
    )


def _reading(topic: Topic, cluster: ServiceState | None, now: datetime) -> SignalReading:
    signal = topic.signal
    if cluster is None:
        missing = "no Kafka is configured" if topic.service is None else f"no Kafka is called {topic.service}"
        hint = "add the cluster as a [[services]] of kind kafka, or name a metric that counts its messages"
        return SignalReading(signal, GapCode.UNKNOWN, missing, hint=hint)
    name = cluster.service.id
    cluster = aged(cluster, now)
    if cluster.probed_at is None:
        return SignalReading(signal, GapCode.UNKNOWN, f"{name}: {cluster.reason}")
    seen = next((one for one in cluster.traffic if one.topic == topic.topic), None)
    if cluster.health is Health.UNKNOWN or (seen is None and cluster.failures):
        return SignalReading(
            signal,
            GapCode.SOURCE_DOWN,
            f"{name}: {cluster.reason}",
            last_seen=seen.moved_at if seen is not None else None,
            hint=f"mend {name} first: nothing is known about the topic itself",
        )
    if seen is None:
        return SignalReading(signal, GapCode.UNKNOWN, f"{name} has not been asked about it yet")
    return _judged(topic, seen, name, now)


def _judged(topic: Topic, seen: TopicTraffic, cluster: str, now: datetime) -> SignalReading:
    signal = topic.signal
    if seen.missing:
        return SignalReading(
            signal,
            GapCode.NEVER_SEEN,
            f"topic {topic.topic} does not exist on {cluster}",
            hint="create it, or mend its name in [[squads.topics]]",
        )
    age = _seconds(seen.moved_at, now)
    if age is not None and age <= topic.quiet:
        return SignalReading(
            signal,
            GapCode.OK,
            f"messages come; {seen.error}" if seen.error else "messages come",
            last_seen=seen.moved_at,
            since=seen.carried_since,
        )
    if seen.error:
        hint = f"look at {cluster}, or give the room the right to describe the topic"
        return SignalReading(signal, GapCode.UNKNOWN, seen.error, last_seen=seen.moved_at, hint=hint)
    still = _seconds(seen.still_since, now)
    if seen.still_since is not None and still is not None and still > topic.quiet:
        return SignalReading(
            signal,
            GapCode.TOPIC_SILENT,
            _silence(seen, seen.still_since),
            last_seen=seen.moved_at,
            hint=f"ask who writes to {topic.topic}"
            + (": by the times of its messages it is silent" if seen.stamped else ""),
            since=seen.still_since + timedelta(seconds=topic.quiet),
        )
    return SignalReading(
        signal,
        GapCode.UNKNOWN,
        f"no message seen, watched for {duration(_seconds(seen.watched_since, now) or 0.0)}"
        f" of {duration(topic.quiet)}",
        last_seen=seen.moved_at,
        hint="wait until it has been watched for long enough",
    )


def _silence(seen: TopicTraffic, since: datetime) -> str:
    if seen.moved_at is not None:
        return f"no message since {render(seen.moved_at)}"
    return f"no message since {render(since)}, or for longer"


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else (now - since).total_seconds()
