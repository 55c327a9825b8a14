"""Whom trouble reaches, at any distance."""

from __future__ import annotations

from controlroom.domain.affected import affected, waiters
from controlroom.domain.program import Dependency
from controlroom.domain.services import Service

REDIS = Service("redis", "redis", squads=("platform",))
API = Service("api", "http", squads=("web",), milestones=("launch",), depends_on=("redis",))
SHOP = Service("shop", "http", squads=("web", "sales"), milestones=("sale",), depends_on=("api",))
ALONE = Service("alone", "http", squads=("other",), depends_on=("alone",))
ABOVE = waiters([REDIS, API, SHOP, ALONE])


def test_trouble_reaches_everything_above_nearest_first() -> None:
    """Squads and milestones of what depends on it, directly or not, each once."""
    found = affected(REDIS, ABOVE)
    assert found.services == ("api", "shop")
    assert found.squads == ("platform", "web", "sales")
    assert found.milestones == ("launch", "sale")


def test_nothing_above_is_nobody_else() -> None:
    """A service that names itself waits on nobody."""
    assert affected(SHOP, ABOVE).services == ()
    assert affected(ALONE, ABOVE) == affected(ALONE, {})


def test_a_dependency_of_the_schedule_brings_the_squads_that_wait_for_it() -> None:
    """What it watches over is named."""
    dependency = Dependency("Redis", services=("redis",), squads=("memory",))
    found = affected(REDIS, {}, [dependency, Dependency("Kafka", services=("kafka",), squads=("x",))])
    assert (found.dependencies, found.squads) == (("Redis",), ("platform", "memory"))


def test_a_circle_ends() -> None:
    """Services that depend on each other reach one another once."""
    one, two = Service("one", "http", depends_on=("two",)), Service("two", "http", depends_on=("one",))
    assert affected(one, waiters([one, two])).services == ("two",)
