"""The order in which services are looked at, and their groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlroom.domain.health import ServiceState
from controlroom.domain.services import Health, Service
from controlroom.domain.worst import by_group, in_doubt, place, told

NOW = datetime(2031, 5, 6, 8, tzinfo=UTC)


def state(id_: str, health: Health, group: str = "", **more: object) -> ServiceState:
    """A service that answered just now."""
    made = ServiceState(Service(id_, "tcp", group=group), health, NOW, "", probed_at=NOW)
    return replace(made, **more)  # type: ignore[arg-type]


ORDER = (
    state("down", Health.DOWN),
    state("degraded", Health.DEGRADED),
    state("explained", Health.DOWN, caused_by="down"),
    state("half-explained", Health.DEGRADED, caused_by="down"),
    state("doubted", Health.DOWN, verified=False),
    state("silent", Health.UNKNOWN),
    state("never asked", Health.UNKNOWN, probed_at=None),
    state("planned", Health.MAINTENANCE),
    state("up", Health.UP),
)


def test_what_is_in_trouble_by_itself_comes_first() -> None:
    """Then what it explains, then what is in doubt, then what is not known, and what is fine last."""
    backwards = ORDER[::-1]
    assert sorted(backwards, key=place) == list(ORDER)


@pytest.mark.parametrize("health", [Health.DOWN, Health.DEGRADED])
def test_a_failure_in_doubt_counts_as_unknown(health: Health) -> None:
    """A first failure of a service that is up doubts nothing yet."""
    doubted = state("s", health, verified=False, failures=2)
    assert in_doubt(doubted)
    assert told(doubted) is Health.UNKNOWN
    assert told(replace(doubted, verified=True)) is health
    assert told(state("s", Health.UP, verified=False, failures=1)) is Health.UP


def test_the_group_with_the_worst_service_comes_first() -> None:
    """Within it the worst first; equals stay in the order of the configuration, the ungrouped last."""
    up = [state("a", Health.UP), state("b", Health.UP, "edge"), state("c", Health.UP, "data")]
    assert [group.name for group in by_group(up)] == ["edge", "data", ""]
    groups = by_group([*up, state("d", Health.DEGRADED), state("e", Health.DOWN, "data")])
    assert [group.name for group in groups] == ["data", "", "edge"]
    assert [one.service.id for one in groups[0].states] == ["e", "c"]
    assert [one.service.id for one in groups[1].states] == ["d", "a"]
