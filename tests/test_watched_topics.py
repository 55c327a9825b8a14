"""Which cluster is asked about which of the topics that squads promised."""

from __future__ import annotations

from controlroom.beginning import services
from controlroom.config.values import Config
from controlroom.domain.asks import KafkaAsks
from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.services import Service
from controlroom.domain.signals import Topic

ASKS = KafkaAsks(traffic=("own",))
DECLARED = (Service("web", "http"), Service("bus", "kafka", kafka=ASKS), Service("side", "kafka"))


def test_each_cluster_is_asked_for_its_own_topics() -> None:
    """The first one where none is named; the shortest pause where two squads promise one topic."""
    squads = (
        Squad("ink", topics=(Topic("orders", "ink", quiet=600.0), Topic("bills", "ink", service="side"))),
        Squad("paper", topics=(Topic("orders", "paper", quiet=60.0), Topic("counted", metric="offset"))),
    )
    web, bus, side = services(Config(Program("press", squads=squads), DECLARED))
    assert web is DECLARED[0]
    assert bus.kafka == KafkaAsks(traffic=("own",), watch={"orders": 60.0})
    assert side.kafka == KafkaAsks(watch={"bills": 1800.0})
    assert services(Config(Program("press"), DECLARED)) is DECLARED
