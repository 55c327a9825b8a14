"""Signals: the metrics and the traffic squads promise to deliver (domain rules, Telemetry gaps)."""

from __future__ import annotations

from typing import Literal

from controlroom.domain.frozen import dataclass

QUIET = 1_800.0
"""Seconds for which a counter that must grow, or a topic that must carry traffic, may stand still."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A metric a squad declares it will deliver. `squad` is filled from the squad that lists it."""

    metric: str
    job: str | None = None
    squad: str = ""
    type: Literal["counter", "gauge", "histogram", "summary"] | None = None
    labels: tuple[str, ...] = ()
    required_for_exit: bool = True
    expect_activity: bool = False
    alert: str | None = None
    """Name of an alerting rule that must watch it."""
    dashboard: str | None = None
    """A dashboard that must draw it: its file, title, uid or address; ``any`` is whichever does."""
    server: str | None = None
    """Id of the `[[prometheus]]` that has it; None is the first."""
    max_age: float | None = None
    """Seconds that its value, which is a time in Unix seconds, may lie back; None: it is no such value."""
    topic: str | None = None
    """The Kafka topic whose traffic this stands for; then `metric` is what counts it, or empty where a
    service of kind kafka is asked."""
    quiet: float = QUIET
    """Seconds that the topic may stand still."""

    @property
    def title(self) -> str:
        """What people call it: the metric, or ``topic orders.created``."""
        return f"topic {self.topic}" if self.topic is not None else self.metric


@dataclass(frozen=True, slots=True)
class Topic:
    """`[[squads.topics]]`: a Kafka topic that must carry traffic. Its messages are counted, never read."""

    topic: str
    squad: str = ""
    service: str | None = None
    """Id of the service of kind kafka that has it; None is the first one declared."""
    metric: str | None = None
    """Ask Prometheus instead: a series that grows with every message and has a label ``topic``, such as
    ``kafka_topic_partition_current_offset``."""
    server: str | None = None
    """Id of the `[[prometheus]]` that has `metric`; None is the first."""
    quiet: float = QUIET
    """Seconds it may stand still."""
    required_for_exit: bool = True

    @property
    def signal(self) -> Signal:
        """The signal this stands for."""
        return Signal(
            self.metric or "",
            squad=self.squad,
            required_for_exit=self.required_for_exit,
            server=self.server,
            topic=self.topic,
            quiet=self.quiet,
        )
