"""What the schedule depends on: how it is, and everything that waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain.health import ServiceState
from controlroom.domain.needs import needs
from controlroom.domain.program import Dependency, Program
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker

NOW = datetime(2031, 5, 6, 8, tzinfo=UTC)


def state(service: Service, health: Health = Health.UP, **more: object) -> ServiceState:
    """The service as it answered just now."""
    return replace(ServiceState(service, health, NOW, "", probed_at=NOW), **more)  # type: ignore[arg-type]


INK = state(Service("ink", "redis", squads=("ink", "ops")))
PAPER = state(Service("paper", "tcp"), Health.DOWN)
PRESS = state(Service("press", "http", squads=("press",), depends_on=("ink",)))
SHOP = state(Service("shop", "http", squads=("sales",), depends_on=("press", "paper")))


def room(*dependencies: Dependency, **parts: object) -> Snapshot:
    """A room with these dependencies."""
    made = Snapshot(Program(dependencies=dependencies), services=(INK, PAPER, PRESS, SHOP))
    return replace(made, **parts)  # type: ignore[arg-type]


def test_it_is_as_its_worst_service_is() -> None:
    """The one that is down, and not one that only follows from another."""
    (found,) = needs(room(Dependency("Supplies", services=("ink", "paper"))), NOW)
    assert found.worst is not None
    assert found.worst.service.id == "paper"
    explained = replace(PAPER, caused_by="ink")
    ink = replace(INK, health=Health.DEGRADED)
    (found,) = needs(room(Dependency("Supplies", services=("paper", "ink")), services=(ink, explained)), NOW)
    assert found.worst is not None
    assert found.worst.service.id == "ink"


def test_what_stopped_answering_is_not_up() -> None:
    """Judged when it is looked at."""
    (found,) = needs(room(Dependency("Ink", services=("ink",))), NOW + timedelta(minutes=5))
    assert found.worst is not None
    assert found.worst.health is Health.UNKNOWN


def test_without_a_probe_nothing_is_known() -> None:
    """A service that nobody declared is named."""
    (found,) = needs(room(Dependency("Post", services=("pigeon",))), NOW)
    assert (found.worst, found.missing) == (None, ("pigeon",))
    assert needs(room(), NOW) == ()


def test_everything_that_waits_is_found() -> None:
    """Squads it declares and those its services reach, services at any distance, blockers of its owner."""
    blockers = (
        Blocker("b1", "", owning_squad="press", blocking_squad="ops"),
        Blocker("b2", "", owning_squad="press", blocking_squad="ops", state="resolved"),
        Blocker("b3", "", owning_squad="ops", blocking_squad="press"),
        Blocker("b4", "", about="service:ink"),
        Blocker("b5", "", blocking_squad="ops", about="service:ink"),
    )
    (found,) = needs(room(Dependency("Ink", "", "ops", ("ink",), ("bindery",)), blockers=blockers), NOW)
    assert found.squads == ("bindery", "ink", "press", "sales")
    assert found.services == ("press", "shop")
    assert sorted(blocker.id for blocker in found.blockers) == ["b1", "b4", "b5"]
